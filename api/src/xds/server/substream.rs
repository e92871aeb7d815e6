//! One type on one stream. Each has a state of its own; nothing that is said of one type touches another (rule 2).

mod alive;
mod blame;
mod kept;
mod reach;

use std::{collections::BTreeMap, sync::Arc};

use super::{
    Outcome, Refusal,
    accepted::Accepted,
    answer::{Answer, Asked, LastSent},
    changes::Changes,
    complete::Complete,
    heartbeats::Heartbeats,
    policy::{EmptyList, Policy},
    removals::{Moment, Removals},
    request::{Ask, Names, few},
    seen::Seen,
    shown::Shown,
    subscription::{Shift, Subscription, place},
    unanswered::{Patience, Response, Unanswered},
};
use crate::{
    kind::{Absence, Kind, TYPE_URL_PREFIX},
    time::Uptime,
    version::{Nonce, ResourceVersion},
    xds::{Variant, catalog::Catalog},
};

/// The state of one type on one stream.
#[derive(Debug)]
pub(super) struct Substream<C> {
    type_url: Arc<str>,
    /// None for types that nobody serves: they are answered as if they had no resources (rule 49).
    kind: Option<Kind>,
    absence: Absence,
    /// Whether a first request without names asks for everything (X3).
    empty_is_all: bool,
    /// Whether names that are asked for on resume are sent although they are held (X2).
    resends_held: bool,
    subscription: Subscription,
    asked: Asked,
    form: Form<C>,
    unanswered: Unanswered,
    /// The state of which the last plan was made.
    target: Option<Seen<C>>,
    /// The last state of which nothing was left to say: names that are the same since need no look.
    settled: Option<Seen<C>>,
    removals: Removals,
    /// Bytes of what the client said that it holds, until it has been answered.
    held_bytes: usize,
    /// What the client took last.
    accepted: Accepted<C>,
    /// Whether it is kept on something older than what is served, as of the last plan: that may refer to what is gone.
    is_kept: bool,
    /// Whether the client has applied something since it began.
    has_acked: bool,
    /// Of which state of the session the plan was made, or that there is nothing to say.
    planned: Option<u64>,
    /// The newest state of the session that the client has of this type, as far as it said so.
    reached: u64,
    heartbeats: Heartbeats,
}

/// What a response says.
#[derive(Debug)]
enum Form<C> {
    Complete(Complete<C>),
    Changes(Changes<C>),
}

/// What an absence means of a type.
fn absence_of(type_url: &str, kind: Option<Kind>) -> Absence {
    match kind {
        Some(kind) => kind.info().absence,
        // Named as istiod names them: it is not ready before each has its answer.
        None if !type_url.starts_with(TYPE_URL_PREFIX) => Absence::Deletes,
        None => Absence::SaysNothing,
    }
}

impl<C: Catalog> Form<C> {
    fn new(variant: Variant, absence: Absence, carries_ttl: bool) -> Self {
        match (variant, absence) {
            (Variant::Sotw, Absence::Deletes) => Self::Complete(Complete::new(carries_ttl)),
            _ => Self::Changes(Changes::new(variant, carries_ttl)),
        }
    }
}

impl<C: Catalog> Substream<C> {
    /// `carries_ttl`: for a client that understands times to live.
    pub(super) fn new(type_url: &str, variant: Variant, policy: &Policy, carries_ttl: bool) -> Self {
        let kind = Kind::of_type_url(type_url);
        let absence = absence_of(type_url, kind);
        // Of a type that nobody serves everything is nothing, and saying so is harmless.
        let empty_is_all =
            kind.is_none() || absence == Absence::Deletes || policy.empty_list == EmptyList::AllKinds;
        let resends_held = match kind {
            Some(kind) if !kind.is_opaque() => policy.resend_held.contains(&kind),
            _ => type_url.starts_with(TYPE_URL_PREFIX),
        };
        let is_mesh_config = kind == Some(Kind::MESH_CONFIG);
        let patience = if is_mesh_config { Patience::Never } else { Patience::default() };
        Self {
            type_url: type_url.into(),
            kind: kind.filter(|_| !is_mesh_config),
            absence,
            empty_is_all,
            resends_held,
            subscription: Subscription::default(),
            asked: Asked::default(),
            form: Form::new(variant, absence, carries_ttl),
            unanswered: Unanswered::new(patience),
            target: None,
            settled: None,
            removals: Removals::default(),
            held_bytes: 0,
            accepted: Accepted::nothing(),
            is_kept: false,
            has_acked: false,
            planned: None,
            reached: 0,
            heartbeats: Heartbeats::new(carries_ttl),
        }
    }

    pub(super) fn type_url(&self) -> &Arc<str> {
        &self.type_url
    }

    /// Its place in a push of several types; types that nobody serves come last.
    pub(super) fn rank(&self) -> u8 {
        self.kind.map_or(u8::MAX, |kind| kind.info().rank)
    }

    /// Takes the first request for this type on the stream. Its nonce can only be an old stream's (rule 13).
    pub(super) fn open(&mut self, ask: Ask, outcomes: &mut Vec<Outcome>) -> Result<(), Refusal> {
        let legacy = self.empty_is_all;
        self.accepted = if ask.has_something { Accepted::unknown() } else { Accepted::nothing() };
        let mut shift = match ask.names {
            Names::Whole(names) => self.subscription.replace(names, legacy),
            Names::Change { subscribe, unsubscribe, initial_versions } => {
                let mut shift = self.subscription.open(subscribe, unsubscribe, legacy);
                self.resume(initial_versions, &mut shift);
                shift
            }
        };
        shift.changed = true;
        self.shift(shift, outcomes)
    }

    /// Takes a later request.
    pub(super) fn on_ask(
        &mut self,
        ask: Ask,
        shown: &Shown<C>,
        outcomes: &mut Vec<Outcome>,
    ) -> Result<(), Refusal> {
        // Some clients forget a type without a word, and then begin anew on the same stream (X5). One that never applies
        // anything is not answered so a second time: that would go on for ever.
        if ask.has_nothing && std::mem::take(&mut self.has_acked) {
            self.form = Form::new(Variant::Sotw, self.absence, self.heartbeats.carries_ttl);
            self.settled = None;
            (self.subscription, self.asked, self.removals) = Default::default();
            return self.open(ask, outcomes);
        }
        outcomes.extend(self.on_answer(&ask.nonce, ask.error, shown));
        let was_wildcard = self.subscription.wildcard();
        let shift = match ask.names {
            // Whether an empty list meant everything was decided by the first request.
            Names::Whole(names) => {
                let legacy = self.subscription.wildcard();
                self.subscription.replace(names, legacy)
            }
            Names::Change { subscribe, unsubscribe, .. } => self.subscription.change(subscribe, unsubscribe),
        };
        match (was_wildcard, self.subscription.wildcard()) {
            (false, false) => self.accepted.ask(&shift.added),
            (true, true) => {}
            _ => self.accepted.forget(),
        }
        self.shift(shift, outcomes)
    }

    /// What the client holds from before (rule 51). Names of it that it does not ask for are none of our business
    /// (rule 52).
    fn resume(&mut self, initial_versions: BTreeMap<String, String>, shift: &mut Shift) {
        let Form::Changes(changes) = &mut self.form else { return };
        let mut held: BTreeMap<Arc<str>, ResourceVersion> = BTreeMap::new();
        for (name, version) in initial_versions {
            let name = match self.subscription.names().get(name.as_str()) {
                Some(shared) => shared.clone(),
                None if self.subscription.wildcard() => {
                    self.held_bytes += place(&name);
                    name.into()
                }
                None => continue,
            };
            self.held_bytes += place(&version);
            held.insert(name, ResourceVersion::new(version));
        }
        if !self.resends_held {
            shift.asked.retain(|name| !held.contains_key(name));
        }
        if !held.is_empty() {
            self.removals.hurry(); // under which view it held this is not known
            self.heartbeats.hurry();
        }
        changes.resume(held);
    }

    fn shift(&mut self, shift: Shift, outcomes: &mut Vec<Outcome>) -> Result<(), Refusal> {
        if shift == Shift::default() {
            return Ok(());
        }
        self.planned = None;
        match &mut self.form {
            Form::Complete(complete) => complete.shift(&self.subscription),
            Form::Changes(changes) => {
                changes.shift(&self.subscription, shift.narrowed);
                if shift.asked_any && self.subscription.wildcard() {
                    changes.suppose_held(self.unanswered.changed_names());
                }
            }
        }
        if shift.changed {
            outcomes.push(Outcome::Subscribed {
                type_url: self.type_url.clone(),
                wildcard: self.subscription.wildcard(),
                names: self.subscription.names().len(),
            });
        }
        if shift.narrowed || self.subscription.wildcard() {
            self.settled = None;
        }
        if shift.narrowed {
            self.asked.names.retain(|name| self.subscription.covers(name));
        }
        self.asked.add(shift, &self.subscription);
        few("subscribed names", self.subscription.names().len())?;
        few("names to be answered", self.asked.names.len())
    }

    /// There is a newer state, or another view: what was planned is dropped, and planned anew when there is room.
    pub(super) fn outdate(&mut self) {
        self.settled.take_if(|seen| seen.is_outdated());
        self.reached = self.reached();
        self.planned = None;
        self.accepted.outdate();
        match &mut self.form {
            Form::Complete(complete) => complete.outdate(),
            Form::Changes(changes) => changes.outdate(),
        }
    }

    /// No answer will come any more.
    pub(super) fn give_up_waiting(&mut self) {
        self.unanswered.give_up();
    }

    /// Works out what to say of this state, once for each state and request.
    pub(super) fn refresh(&mut self, moment: Moment, shown: &Shown<C>) {
        if self.planned == Some(moment.state) {
            return;
        }
        self.look_for_kind();
        let now = shown.of(self.kind);
        let seen = match &self.settled {
            Some(settled) => now.clone().since(settled, self.subscription.names()),
            None => now.clone(),
        };
        let removals = (&mut self.removals, Moment { reached: self.reached, ..moment });
        match &mut self.form {
            Form::Complete(complete) => complete.plan(&seen, &self.subscription, &mut self.asked, removals),
            Form::Changes(changes) => changes.plan(&seen, &self.subscription, &mut self.asked, removals),
        }
        self.planned = Some(moment.state);
        self.is_kept = now.is_kept();
        if !self.has_plan() && self.unanswered.is_empty() && !self.is_refused() {
            self.accepted.has_all(now.clone());
        }
        self.look_at_ttls(&now, moment.now);
        self.target = Some(now);
        self.settle();
    }

    /// A type that nobody served may have been written by now. All that was said of it is that there is nothing, so that
    /// it can go on in another form.
    fn look_for_kind(&mut self) {
        if self.kind.is_some() {
            return;
        }
        let Some(kind) = Kind::of_type_url(&self.type_url).filter(|kind| kind.is_opaque()) else { return };
        self.kind = Some(kind);
        self.absence = kind.info().absence;
        if let Form::Changes(changes) = &self.form
            && changes.variant() == Variant::Sotw
            && self.absence == Absence::Deletes
        {
            self.form = Form::new(Variant::Sotw, self.absence, self.heartbeats.carries_ttl);
            self.settled = None;
        }
    }

    /// Notes the state that was looked at last, if nothing of it is left to say and nothing that is gone is held.
    fn settle(&mut self) {
        let is_settled = matches!(&self.form, Form::Changes(changes) if changes.is_settled());
        self.settled = if is_settled && !self.subscription.wildcard() && self.removals.is_empty() {
            self.target.clone()
        } else {
            None
        };
    }

    pub(super) fn has_plan(&self) -> bool {
        match &self.form {
            Form::Complete(complete) => complete.has_plan(),
            Form::Changes(changes) => changes.has_plan(),
        }
    }

    /// Whether the first of several responses that belong together is sent, and the last is not.
    pub(super) fn is_started(&self) -> bool {
        matches!(&self.form, Form::Changes(changes) if changes.is_started())
    }

    /// Whether the client asked for something that it has not been sent yet.
    pub(super) fn is_owed(&self) -> bool {
        !self.asked.is_empty() || self.is_started()
    }

    pub(super) fn unanswered(&self) -> &Unanswered {
        &self.unanswered
    }

    /// The next response.
    pub(super) fn next(&mut self) -> Option<Answer> {
        let answer = match &mut self.form {
            Form::Complete(complete) => complete.next(&mut self.asked, &mut self.removals),
            Form::Changes(changes) => changes.next(&mut self.asked, &mut self.removals),
        };
        self.plan_rest();
        answer
    }

    /// After an answer to what was asked for alone, what else changed is planned.
    fn plan_rest(&mut self) {
        if let Form::Changes(changes) = &self.form
            && !changes.has_plan()
            && !changes.is_settled()
        {
            self.planned = None;
        }
    }

    /// An answer was given this nonce.
    pub(super) fn sent(&mut self, answer: Answer, nonce: Nonce, now: Uptime) {
        let Answer { version, revision, members, starts_step, .. } = answer;
        let reaches = if self.has_plan() || self.is_kept { 0 } else { self.planned_reach() };
        if !self.has_plan()
            && let Some(seen) = self.target.clone().filter(|_| self.planned.is_some())
        {
            self.accepted.sent_all(nonce.clone(), seen);
        }
        let version = version.to_string();
        self.heartbeats.last_sent = Some(LastSent { version: version.clone(), revision });
        let (is_awaited, is_heartbeat) = (true, false);
        let response = Response { nonce, version, revision, members, reaches, is_awaited, is_heartbeat };
        self.unanswered.sent(response, starts_step, now);
        self.settle();
        if !self.has_plan() {
            self.held_bytes = 0; // what was sent since has taken its place
        }
    }
}
