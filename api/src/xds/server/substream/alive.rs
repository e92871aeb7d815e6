//! How a sub-stream keeps alive what has a time to live at the client (rules 72 to 76).

use super::{
    super::{
        answer::LastSent,
        heartbeats::Class,
        seen::Seen,
        unanswered::{Members, Response},
    },
    Form, Substream,
};
use crate::{
    time::Uptime,
    version::Nonce,
    xds::catalog::{Catalog, Shared},
};

impl<C: Catalog> Substream<C> {
    /// Notes which times to live there are among what the client asks for.
    pub(super) fn look_at_ttls(&mut self, seen: &Seen<C>, now: Uptime) {
        if !self.heartbeats.carries_ttl {
            return;
        }
        let timed = seen.timed();
        let entries = timed.iter().flat_map(|timed| timed.iter());
        let wanted = entries.filter(|entry| self.subscription.covers(&entry.name));
        self.heartbeats.look(wanted.filter_map(|entry| entry.ttl), now);
    }

    /// When the client has to hear of what it has.
    pub(in crate::xds::server) fn heartbeat_due(&self) -> Option<Uptime> {
        self.heartbeats.next()
    }

    /// What the client has to hear of now. Not within a step: what it has then is about to change.
    pub(in crate::xds::server) fn heartbeat(&mut self, now: Uptime) -> Option<(LastSent, Shared)> {
        let last = self.heartbeats.last_sent.clone()?;
        if self.heartbeats.next().is_some_and(|due| due <= now) && !self.is_started() {
            let due = self.heartbeats.take_due(now);
            let ready = self.due_heartbeats(&due);
            self.heartbeats.prepare(ready);
        }
        Some((last, self.heartbeats.pop()?))
    }

    fn due_heartbeats(&self, due: &[Class]) -> Vec<Shared> {
        let Some(seen) = &self.target else { return Vec::new() };
        let Some(timed) = seen.timed() else { return Vec::new() };
        let is_due = |ttl| due.contains(&Class::of(ttl));
        match &self.form {
            Form::Complete(complete) => complete.heartbeat().into_iter().collect(),
            Form::Changes(changes) => {
                let due: Vec<_> = timed.iter().filter(|entry| entry.ttl.is_some_and(is_due)).collect();
                changes.heartbeats(&due, seen.page_bytes_max())
            }
        }
    }

    /// A heartbeat was given this nonce.
    pub(in crate::xds::server) fn beat(&mut self, LastSent { version, revision }: LastSent, nonce: Nonce) {
        let (members, reaches, is_awaited) = (Members::default(), 0, false);
        let is_heartbeat = true;
        self.unanswered.beat(Response {
            nonce,
            version,
            revision,
            members,
            reaches,
            is_awaited,
            is_heartbeat,
        });
    }
}
