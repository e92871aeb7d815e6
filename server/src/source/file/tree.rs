//! What is known of a source's files, and what a look at them changes: listings and readings in, batches out. No I/O.
//!
//! A [`Round`] begins with a listing ([`Tree::look`]), or with a few files ([`Tree::glance`]), wants files read ([`Round::wanted`], [`Tree::absorb`]) until it wants
//! no more, and ends in batches ([`Tree::finish`]). It compares what is there with what was there, so that lost news of a
//! change loses nothing; news only tells how a file went and that one is to be read although it looks the same.

use std::{
    collections::{BTreeMap, BTreeSet, HashSet},
    path::PathBuf,
    sync::Arc,
};

use mainsheet_api::{resource::SourceName, time::Uptime};

use super::{
    claims::Claims,
    known::{self, EMPTY_SETTLE, Emptied, Known, MISSING_SETTLE},
    listing::{FolderId, Found, Listing, Root},
    places::Glance,
    read::{Outcome, Reading},
    report::{self, claims_of},
};
use crate::source::{Batch, Completeness, Extent, LastWritten, Report, is_below};

/// What is known of a source's files.
#[derive(Debug)]
pub(crate) struct Tree {
    source: SourceName,
    files: BTreeMap<String, Known>,
    claims: Claims,
    links: BTreeMap<String, PathBuf>,
    roots: BTreeMap<String, Root>,
    /// Files that are to be looked at again although there is no news.
    unsettled: BTreeSet<String>,
    has_begun: bool,
    /// Whether the source gives leases to what has none of its own.
    has_leases: bool,
}

/// A swapped link's prefix; none for files that changed one by one.
type Group = Option<String>;

/// One look at the files, from the listing to the batches.
#[derive(Debug, Default)]
pub(crate) struct Round {
    is_whole: bool,
    /// Whether the listing says nothing of files that are not in it.
    is_glance: bool,
    listing: Listing,
    swapped: Vec<String>,
    wanted: BTreeMap<String, Group>,
    read: BTreeMap<String, (Group, Outcome)>,
    gone: BTreeMap<String, Group>,
    /// Files of which nothing can be told now, and that are to be read again.
    untold: BTreeSet<String>,
    /// Files that are reported although their own content is the same: a key that they hold changed hands.
    affected: BTreeSet<String>,
}

impl Round {
    /// The files to read next; none when the round is ready to be finished.
    pub(crate) fn wanted(&self) -> Vec<(String, Found)> {
        let found = |origin: &String| Some((origin.clone(), self.listing.files.get(origin)?.clone()));
        self.wanted.keys().filter_map(found).collect()
    }

    /// Which file an origin is.
    pub(crate) fn file(&self, origin: &str) -> Option<FolderId> {
        self.listing.files.get(origin)?.file()
    }

    fn group_of(&self, origin: &str) -> Group {
        self.swapped.iter().find(|prefix| is_below(origin, prefix)).cloned()
    }

    fn want(&mut self, origin: &str, group: &Group) {
        if !self.read.contains_key(origin) && self.listing.files.contains_key(origin) {
            self.wanted.entry(origin.to_owned()).or_insert_with(|| group.clone());
        }
    }
}

impl Tree {
    /// Nothing is known yet.
    pub(crate) fn new(source: SourceName) -> Self {
        Self {
            source,
            files: BTreeMap::new(),
            claims: Claims::default(),
            links: BTreeMap::new(),
            roots: BTreeMap::new(),
            unsettled: BTreeSet::new(),
            has_begun: false,
            has_leases: false,
        }
    }

    /// Of a source that gives leases to what has none of its own.
    pub(crate) fn giving_leases(self, has_leases: bool) -> Self {
        Self { has_leases, ..self }
    }

    /// Begins a round. `touched` are the paths of which there was news.
    ///
    /// Before the first batch, all roots must be there: a root that is not has nothing to say about what is gone.
    pub(crate) fn look(&mut self, listing: Listing, touched: &HashSet<PathBuf>, now: Uptime) -> Round {
        let awaits_roots =
            !self.has_begun && listing.roots.values().any(|root| matches!(root, Root::Missing(_)));
        let mut round = Round { swapped: self.swapped(&listing), listing, ..Round::default() };
        if awaits_roots {
            return round;
        }
        let has_lost_files = self.sort_missing(&mut round, touched, now);
        round.is_whole = !self.has_begun || has_lost_files || self.is_another_root(&round);
        self.give_up_gone(&mut round);
        for (origin, found) in round.listing.files.clone() {
            if round.is_whole || self.is_to_be_read(&origin, &found, touched, now) {
                let group = round.group_of(&origin);
                round.want(&origin, &group);
            }
        }
        round
    }

    /// Begins a round about files of which there was news, and no others.
    pub(crate) fn glance(&mut self, glance: Glance) -> Round {
        let mut round = Round { is_glance: true, ..Round::default() };
        for (origin, found) in glance {
            match found {
                Some(found) => drop(round.listing.files.insert(origin, found)),
                None if self.files.contains_key(&origin) => drop(round.gone.insert(origin, None)),
                None => {}
            }
        }
        round.wanted = round.listing.files.keys().map(|origin| (origin.clone(), None)).collect();
        self.give_up_gone(&mut round);
        round
    }

    /// Takes in what was read. The round may want more files read then, because keys changed hands.
    pub(crate) fn absorb(&mut self, round: &mut Round, readings: Vec<Reading>, now: Uptime) {
        for Reading { origin, outcome } in readings {
            let Some(group) = round.wanted.remove(&origin) else { continue };
            let affected = match &outcome {
                Outcome::Vanished | Outcome::Unsettled => {
                    round.untold.insert(origin);
                    continue;
                }
                Outcome::Unreadable(_) => BTreeSet::new(),
                Outcome::Empty if self.is_settling(&origin, round.is_whole, now) => BTreeSet::new(),
                Outcome::Empty => self.claims.set(&origin, Vec::new()),
                Outcome::Documents(documents, _) => {
                    let claimed = claims_of(&origin, documents);
                    match report::completeness(documents) {
                        Completeness::Whole => self.claims.set(&origin, claimed),
                        Completeness::Partial => self.claims.extend(&origin, claimed),
                    }
                }
            };
            self.want_affected(round, affected, &group);
            round.read.insert(origin, (group, outcome));
        }
    }

    /// Ends a round: what is to be told, none where nothing changed.
    pub(crate) fn finish(&mut self, mut round: Round, now: Uptime) -> Vec<Batch> {
        let mut groups: BTreeMap<Group, Vec<Report>> = BTreeMap::new();
        for (origin, group) in std::mem::take(&mut round.gone) {
            self.files.remove(&origin);
            if !round.is_whole {
                groups.entry(group).or_default().push(report::gone(origin));
            }
        }
        for (origin, (group, outcome)) in std::mem::take(&mut round.read) {
            let group = group.filter(|_| !round.is_whole);
            if let Some(report) = self.report(&round, origin, outcome, now) {
                groups.entry(group).or_default().push(report);
            }
        }
        self.leave_untold(&round);
        if round.is_whole {
            self.has_begun = true;
            let reports = groups.entry(None).or_default();
            reports.extend(round.untold.iter().map(|origin| report::untold(origin.clone())));
            reports.extend(round.listing.uncertain().map(|prefix| report::untold(prefix.clone())));
        }
        let batches = groups.into_iter().map(|(group, reports)| {
            let extent = match group {
                _ if round.is_whole => Extent::Whole,
                Some(_) => Extent::Atomic,
                None => Extent::Loose,
            };
            Batch { source: self.source.clone(), extent, reports }
        });
        let batches = batches.collect();
        self.remember(round);
        batches
    }

    /// How many files there are.
    pub(crate) fn len(&self) -> usize {
        self.files.len()
    }

    /// When to look again although there is no news.
    pub(crate) fn due(&self) -> Option<Uptime> {
        self.unsettled.iter().filter_map(|origin| self.files.get(origin)?.due()).min()
    }

    /// Files that are gone claim nothing any more.
    fn give_up_gone(&mut self, round: &mut Round) {
        for (origin, group) in round.gone.clone() {
            let affected = self.claims.set(&origin, Vec::new());
            self.want_affected(round, affected, &group);
        }
    }

    fn want_affected(&self, round: &mut Round, affected: BTreeSet<Arc<str>>, group: &Group) {
        for origin in affected {
            // A glance did not look at it: it is read as it was last seen. Newer content under an old stamp is read again
            // by the next look.
            if round.is_glance
                && !round.gone.contains_key(&*origin)
                && let Some(known) = self.files.get(&*origin)
            {
                let found = || known.found.clone();
                round.listing.files.entry(origin.to_string()).or_insert_with(found);
            }
            round.want(&origin, group);
            round.affected.insert(origin.to_string());
        }
    }

    /// Links that lead elsewhere than before. What changed below such a one changed at one instant.
    fn swapped(&self, listing: &Listing) -> Vec<String> {
        let is_swapped = |(prefix, target): &(&String, &PathBuf)| {
            self.links.get(*prefix).is_some_and(|old| old != *target)
        };
        listing.links.iter().filter(is_swapped).map(|(prefix, _)| prefix.clone()).collect()
    }

    /// Tells files that went before somebody's eyes from files that are just not there. Returns whether some of the
    /// latter have been missing for so long that everything is to be told anew.
    fn sort_missing(&mut self, round: &mut Round, touched: &HashSet<PathBuf>, now: Uptime) -> bool {
        let mut has_lost_files = false;
        for (origin, known) in &mut self.files {
            if round.listing.files.contains_key(origin) {
                known.missing_since = None;
                continue;
            }
            known.put_off();
            if round.listing.is_uncertain(origin) {
                known.missing_since = None;
                continue;
            }
            let group = round.group_of(origin);
            if group.is_some() || touched.contains(&known.found.path) {
                round.gone.insert(origin.clone(), group);
            } else {
                let since = *known.missing_since.get_or_insert(now);
                has_lost_files |= now.since(since) >= MISSING_SETTLE;
            }
        }
        if has_lost_files {
            let lost = self.files.iter().filter(|(_, known)| known.missing_since.is_some());
            round.gone.extend(lost.map(|(origin, _)| (origin.clone(), None)));
        }
        has_lost_files
    }

    /// Whether a folder took a root's place, or a root came back: a mount came or went.
    fn is_another_root(&self, round: &Round) -> bool {
        round.listing.roots.iter().any(|(prefix, root)| match (self.roots.get(prefix), root) {
            (_, Root::Missing(_)) => false,
            (Some(Root::Folder(before)), Root::Folder(now)) => {
                before != now && !round.swapped.contains(prefix)
            }
            (before, now) => before != Some(now),
        })
    }

    fn is_to_be_read(&self, origin: &str, found: &Found, touched: &HashSet<PathBuf>, now: Uptime) -> bool {
        self.files.get(origin).is_none_or(|known| {
            let has_settled =
                matches!(known.emptied, Emptied::Since(since) if now.since(since) >= EMPTY_SETTLE);
            known.is_unread || known.found != *found || touched.contains(&found.path) || has_settled
        })
    }

    /// Whether an empty file may be one that is just being written.
    fn is_settling(&self, origin: &str, is_whole: bool, now: Uptime) -> bool {
        match self.files.get(origin).map(|known| known.emptied) {
            Some(Emptied::Settled) => false,
            Some(Emptied::Since(since)) => now.since(since) < EMPTY_SETTLE,
            Some(Emptied::No) | None => is_whole || self.claims.has(origin),
        }
    }

    fn report(&mut self, round: &Round, origin: String, outcome: Outcome, now: Uptime) -> Option<Report> {
        let found = round.listing.files.get(&origin)?.clone();
        let is_settling = matches!(outcome, Outcome::Empty) && self.is_settling(&origin, round.is_whole, now);
        let before = self.files.get(&origin);
        let digest = if let Outcome::Documents(_, digest) = &outcome { Some(*digest) } else { None };
        let is_known = digest.is_some() && before.is_some_and(|known| known.digest == digest);
        let written = known::last_written(before, &found);
        let emptied = match (&outcome, before.map(|known| known.emptied)) {
            (Outcome::Empty, Some(since @ Emptied::Since(_))) if is_settling => since,
            (Outcome::Empty, _) if is_settling => Emptied::Since(now),
            (Outcome::Empty, _) => Emptied::Settled,
            _ => Emptied::No,
        };
        let is_affected = round.affected.contains(&origin);
        self.files
            .insert(origin.clone(), Known { found, digest, missing_since: None, emptied, is_unread: false });
        let is_renewing = match &outcome {
            Outcome::Documents(documents, _) => {
                written == Some(LastWritten::SinceTold) && report::may_have_leases(documents, self.has_leases)
            }
            _ => false,
        };
        match outcome {
            _ if is_known && !round.is_whole && !is_affected && !is_renewing => None,
            Outcome::Vanished | Outcome::Unsettled => None,
            Outcome::Empty if is_settling => round.is_whole.then(|| report::untold(origin)),
            Outcome::Empty => Some(report::gone(origin)),
            Outcome::Unreadable(finding) => Some(report::unreadable(origin, finding)),
            Outcome::Documents(documents, _) => {
                Some(Report { written, ..report::of_documents(origin, documents, &self.claims) })
            }
        }
    }

    /// What could not be told stays as it was known, and is told at a later look. One that was never read is known from
    /// now on: the layer may hold what a process before this one read.
    fn leave_untold(&mut self, round: &Round) {
        for origin in &round.untold {
            let Some(found) = round.listing.files.get(origin) else { continue };
            let known = self.files.entry(origin.clone()).or_insert_with(|| Known {
                found: found.clone(),
                digest: None,
                missing_since: None,
                emptied: Emptied::No,
                is_unread: true,
            });
            known.put_off();
            if round.affected.contains(origin) {
                known.digest = None;
            }
        }
    }

    fn remember(&mut self, round: Round) {
        let Round { is_glance, listing, .. } = round;
        let is_unsettled =
            |origin: &String| self.files.get(origin).is_some_and(|known| known.due().is_some());
        if is_glance {
            self.unsettled.extend(listing.files.into_keys());
            self.unsettled.retain(is_unsettled);
            return;
        }
        self.unsettled = self.files.keys().filter(|origin| is_unsettled(origin)).cloned().collect();
        let kept: Vec<_> = self.links.iter().filter(|(prefix, _)| listing.is_uncertain(prefix)).collect();
        let mut links: BTreeMap<_, _> =
            kept.into_iter().map(|(prefix, target)| (prefix.clone(), target.clone())).collect();
        links.extend(listing.links);
        self.links = links;
        self.roots = listing.roots;
    }
}

#[cfg(test)]
mod tests;
