//! What an answer means; of a refusal which resources it is about, and what they go back to.

use std::{collections::BTreeSet, sync::Arc};

use super::{
    super::{
        Outcome,
        accepted::Good,
        children::is_empty_assignment,
        culprit::culprits,
        shown::Shown,
        unanswered::{Answered, Response},
    },
    Form, Substream,
};
use crate::{
    wire::Entry,
    xds::{catalog::Catalog, pin::Pin},
};

impl<C: Catalog> Substream<C> {
    /// Attributes an ACK or NACK. A nonce of no waiting response is neither, and no mistake (rules 24, 26, X1, X5).
    pub(super) fn on_answer(
        &mut self,
        nonce: &str,
        error: Option<String>,
        shown: &Shown<C>,
    ) -> Option<Outcome> {
        let answered = self.unanswered.settle(Some(nonce).filter(|nonce| !nonce.is_empty())?)?;
        if answered.response.is_heartbeat && error.is_none() {
            return None; // it acknowledges nothing new
        }
        self.has_acked |= error.is_none();
        let refused = error.as_deref().map(|message| self.on_refused(message, &answered, shown));
        if refused.is_none()
            && let Form::Complete(complete) = &mut self.form
        {
            complete.accept();
        }
        if !self.is_refused() {
            self.reached = self.reached.max(answered.response.reaches);
        }
        let type_url = self.type_url.clone();
        let Response { nonce, version, revision, members, .. } = answered.response;
        Some(match error.zip(refused) {
            None => {
                self.accepted.took(&nonce, members, !self.is_refused());
                Outcome::Acked { still_refused: self.refused_len(), type_url, nonce, version, revision }
            }
            Some((message, (blamed, pins))) => {
                Outcome::Nacked { type_url, nonce, version, revision, message, blamed, pins }
            }
        })
    }

    /// Names that were refused, and not sent anew since.
    pub(super) fn refused_len(&self) -> usize {
        match &self.form {
            Form::Complete(_) => 0,
            Form::Changes(changes) => changes.refused_len(),
        }
    }

    /// Whether the client goes on using something older than what it was sent.
    pub(super) fn is_refused(&self) -> bool {
        match &self.form {
            Form::Complete(complete) => complete.is_refused(),
            Form::Changes(changes) => changes.refused_len() > 0,
        }
    }

    /// A response was refused. Returns which resources are to blame, and what its sink is to be pinned to.
    fn on_refused(
        &mut self,
        message: &str,
        answered: &Answered,
        shown: &Shown<C>,
    ) -> (BTreeSet<Arc<str>>, Vec<Pin>) {
        if answered.response.is_heartbeat {
            return Default::default();
        }
        let news = self.news(answered);
        let blamed = culprits(message, &news.iter().map(|entry| entry.name.clone()).collect());
        let is_blamed =
            |entry: &&Entry| blamed.contains(&entry.name) && !answered.resent.contains(&entry.name);
        let pins = news.iter().filter(is_blamed).filter_map(|entry| self.pin_for(entry, shown)).collect();
        match &mut self.form {
            Form::Complete(complete) => complete.refuse(),
            Form::Changes(changes) => changes.refuse(answered, &self.subscription, &blamed),
        }
        (self.planned, self.settled) = (None, None);
        (blamed, pins)
    }

    /// Where it is known what the client goes on using, and what it refused is still served.
    fn pin_for(&self, refused: &Entry, shown: &Shown<C>) -> Option<Pin> {
        let kind = self.kind.filter(|_| self.subscription.covers(&refused.name))?;
        match self.accepted.good(&refused.name) {
            Good::Entry(good) => shown.pin(kind, refused, Some(good)),
            Good::Nothing => shown.pin(kind, refused, None),
            Good::Unknown => None,
        }
    }

    /// What the client was sent with a response and had not taken as it is.
    fn news(&self, answered: &Answered) -> Vec<Entry> {
        match &self.form {
            Form::Complete(complete) => complete.news(&answered.response.version, &self.accepted),
            Form::Changes(_) => {
                let sent = answered.response.members.entries().iter();
                sent.filter(|entry| self.accepted.is_news(entry) && !is_empty_assignment(entry))
                    .cloned()
                    .collect()
            }
        }
    }

    /// A pin that another stream of the sink asked for, as it holds here: not at all where this client took what is said to
    /// be refused, and with what it took last where the other had never taken any.
    pub(in crate::xds::server) fn own_pin(&self, pin: &Pin) -> Option<Pin> {
        match self.accepted.good(&pin.name) {
            Good::Entry(good) if good.version == pin.refused => None,
            Good::Entry(good) if pin.good.is_none() => Some(Pin { good: Some(good), ..pin.clone() }),
            _ => Some(pin.clone()),
        }
    }

    /// Whether the client said, when it asked first, that it holds what it is said to refuse.
    pub(in crate::xds::server) fn resumed_with(&self, pin: &Pin) -> bool {
        let is_first = self.kind == Some(pin.kind) && self.heartbeats.last_sent.is_none();
        is_first && matches!(&self.form, Form::Changes(changes) if changes.holds(&pin.name, &pin.refused))
    }
}
