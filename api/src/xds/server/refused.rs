//! What a client refused, and therefore may hold in part or not at all.
//!
//! A NACK says that something in a response was bad, not what. Sending the same again would loop (rule 21), so it waits
//! for a change: when a member changes, all members go again at their current versions, because the client may have
//! thrown away good ones together with the bad one (rule 65). Where it is clear which ones were bad, the others go at once.
//! Changes of other resources go alone.

use std::{collections::BTreeSet, sync::Arc};

use crate::planted::{self, Fault};

/// The members of refused responses. A name is in at most one group.
#[derive(Debug, Default)]
pub(super) struct Refused(Vec<Group>);

#[derive(Debug)]
struct Group {
    names: BTreeSet<Arc<str>>,
    /// A member was sent again or is no longer asked for: the others must follow.
    touched: bool,
}

impl Refused {
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Names in all groups.
    pub(super) fn len(&self) -> usize {
        self.0.iter().map(|group| group.names.len()).sum()
    }

    /// Whether this name was refused, and not sent anew since.
    pub(super) fn has(&self, name: &str) -> bool {
        self.0.iter().any(|group| group.names.contains(name))
    }

    /// Whether something has to be sent again although nothing changed.
    pub(super) fn is_touched(&self) -> bool {
        self.0.iter().any(|group| group.touched)
    }

    /// A response with these members was refused. `counts`: whether that says something of the name still; not so if it
    /// was sent again before the refusal came, or is no longer asked for. Then the others must follow. So must they where
    /// `blamed` names some: those wait for a change of their own.
    pub(super) fn add<'a>(
        &mut self,
        members: impl IntoIterator<Item = &'a Arc<str>>,
        counts: impl Fn(&Arc<str>) -> bool,
        blamed: &BTreeSet<Arc<str>>,
    ) {
        let (names, past): (BTreeSet<_>, BTreeSet<_>) = members.into_iter().cloned().partition(counts);
        self.retain(|name| !names.contains(name), false);
        let (bad, others): (BTreeSet<_>, _) = names.into_iter().partition(|name| blamed.contains(name));
        let touched = !past.is_empty() || !blamed.is_empty();
        let groups = [
            Group { names: bad, touched: planted::is(Fault::RefusedAgain) },
            Group { names: others, touched },
        ];
        self.0.extend(groups.into_iter().filter(|group| !group.names.is_empty()));
    }

    /// The members of each group of which `changed` names one.
    pub(super) fn touched_by(&self, changed: impl Fn(&str) -> bool) -> BTreeSet<Arc<str>> {
        let touched =
            self.0.iter().filter(|group| group.touched || group.names.iter().any(|name| changed(name)));
        touched.flat_map(|group| group.names.iter().cloned()).collect()
    }

    /// This name was sent again.
    pub(super) fn sent(&mut self, name: &str) {
        if !self.is_empty() {
            self.retain(|member| member != name, true);
        }
    }

    /// Only these names are still asked for.
    pub(super) fn narrow(&mut self, covers: impl Fn(&str) -> bool) {
        self.retain(covers, true);
    }

    fn retain(&mut self, keep: impl Fn(&str) -> bool, touch: bool) {
        for group in &mut self.0 {
            let before = group.names.len();
            group.names.retain(|name| keep(name));
            group.touched |= touch && group.names.len() < before;
        }
        self.0.retain(|group| !group.names.is_empty());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(list: &[&str]) -> BTreeSet<Arc<str>> {
        list.iter().map(|&name| Arc::from(name)).collect()
    }

    /// rule 65
    #[test]
    fn change_of_one_member_takes_the_others_along() {
        let mut refused = Refused::default();
        refused.add(&names(&["bad", "good"]), |_| true, &names(&[]));
        refused.add(&names(&["other"]), |_| true, &names(&[]));
        assert_eq!(refused.touched_by(|name| name == "unrelated"), names(&[]));
        assert_eq!(refused.touched_by(|name| name == "bad"), names(&["bad", "good"]));
    }

    /// rules 21, 65: a page that was sent leaves the rest of its group to follow.
    #[test]
    fn members_left_behind_follow() {
        let mut refused = Refused::default();
        refused.add(&names(&["bad", "good"]), |_| true, &names(&[]));
        assert!(!refused.is_touched());
        refused.sent("bad");
        assert!(refused.is_touched());
        assert_eq!(refused.touched_by(|_| false), names(&["good"]));
        refused.sent("good");
        assert!(refused.is_empty());
    }

    /// rule 24: a late NACK speaks of its own response, of which a part may have been sent anew.
    #[test]
    fn late_refusal_makes_the_rest_follow_what_was_sent_again() {
        let mut refused = Refused::default();
        refused.add(&names(&["bad", "good"]), |name| &**name != "bad", &names(&[]));
        assert_eq!(refused.touched_by(|_| false), names(&["good"]));
    }

    #[test]
    fn others_go_at_once_where_it_is_clear_which_one_was_bad() {
        let mut refused = Refused::default();
        refused.add(&names(&["bad", "good"]), |_| true, &names(&["bad"]));
        assert_eq!(refused.touched_by(|_| false), names(&["good"]));
        refused.sent("good");
        assert!(refused.has("bad") && !refused.is_touched());
    }
}
