//! What is served of one kind, and what each view sees of it.

use std::{ops::Bound, sync::Arc};

use bytes::{Bytes, BytesMut};
use imbl::OrdMap;
use mainsheet_api::{
    kind::{Family, Kind},
    limits::{CHUNK_BYTES_TARGET, FULL_ANSWERS_BYTES_MAX, STEPS_BYTES_MAX, VIEW_VERSIONS_BYTES_MAX},
    version::{Digest, Revision, VersionSum},
    view::{Audience, View},
    wire::Entry,
    xds::catalog::{Difference, Shared},
};

use crate::{
    chunk::Item,
    partition::{Edit, Partition, PartitionKey},
    recent::Recent,
};

/// Edits by partition; those of a partition in order of names, one each.
pub(crate) type Edits = std::collections::BTreeMap<PartitionKey, Vec<Edit>>;

/// What is served of one kind. Never changed; a changed one shares the partitions that are the same.
#[derive(Debug)]
pub(crate) struct Served {
    pub(crate) kind: Kind,
    /// The revision that made it. Names its content.
    pub(crate) made: Revision,
    pub(crate) partitions: OrdMap<PartitionKey, Arc<Partition>>,
    /// Where each name is, for kinds whose wire names do not say their namespace.
    homes: OrdMap<Arc<str>, Arc<str>>,
    /// What of a node the audiences of its partitions depend on, each with the number of these partitions.
    mentioned: OrdMap<Arc<str>, usize>,
    /// Entries in all partitions.
    pub(crate) len: usize,
    versions: Recent<Digest, VersionSum>,
    full_answers: Recent<Digest, Arc<Shared>>,
    pub(crate) steps: Recent<Step, Arc<Difference>>,
    timed: Recent<Digest, Option<Arc<Vec<Entry>>>>,
}

/// A step to a [`Served`]: from what, seen how, to be seen how.
pub(crate) type Step = (Option<(Revision, Digest)>, Digest);

impl Served {
    pub(crate) fn nothing(kind: Kind) -> Self {
        Self::new(kind, Revision::ZERO)
    }

    fn new(kind: Kind, made: Revision) -> Self {
        Self {
            kind,
            made,
            partitions: OrdMap::new(),
            homes: OrdMap::new(),
            mentioned: OrdMap::new(),
            len: 0,
            versions: Recent::new(VIEW_VERSIONS_BYTES_MAX),
            full_answers: Recent::new(FULL_ANSWERS_BYTES_MAX),
            steps: Recent::new(STEPS_BYTES_MAX),
            timed: Recent::new(VIEW_VERSIONS_BYTES_MAX),
        }
    }

    /// With edits made.
    pub(crate) fn edited(&self, edits: Edits, made: Revision) -> Self {
        let mut next = Self::new(self.kind, made);
        next.homes = self.homes_edited(&edits);
        next.partitions = self.partitions.clone();
        next.mentioned = self.mentioned.clone();
        next.len = self.len;
        let nothing = Partition::default();
        for (key, edits) in edits {
            let before = self.partitions.get(&key).map_or(&nothing, |partition| partition);
            let after = before.edited(edits);
            next.len = next.len - before.len + after.len;
            next.set(key, after);
        }
        next
    }

    fn set(&mut self, place: PartitionKey, partition: Partition) {
        let audience = place.audience.clone();
        let (was, is) = (self.partitions.contains_key(&place), partition.len > 0);
        if is {
            self.partitions.insert(place, Arc::new(partition));
        } else {
            self.partitions.remove(&place);
        }
        if was != is {
            audience.mentions().for_each(|key| self.count_mention(key, is));
        }
    }

    fn count_mention(&mut self, key: &str, is_new: bool) {
        let before = self.mentioned.get(key).copied().unwrap_or(0);
        match if is_new { before + 1 } else { before.saturating_sub(1) } {
            0 => drop(self.mentioned.remove(key)),
            count => drop(self.mentioned.insert(key.into(), count)),
        }
    }

    fn homes_edited(&self, edits: &Edits) -> OrdMap<Arc<str>, Arc<str>> {
        let mut homes = self.homes.clone();
        if self.kind.info().family == Family::Istio {
            return homes;
        }
        // Removals first: a name may leave one namespace and turn up in another.
        let all = || edits.iter().flat_map(|(key, edits)| edits.iter().map(move |edit| (key, edit)));
        for (_, edit) in all() {
            if let Edit::Remove(name) = edit {
                homes.remove(name);
            }
        }
        for (key, edit) in all() {
            if let Edit::Put(item) = edit {
                homes.insert(item.name.clone(), key.namespace.clone());
            }
        }
        homes
    }

    /// The entry of that name, whoever may see it.
    pub(crate) fn find(&self, name: &str) -> Option<(&PartitionKey, &Item)> {
        let namespace = match self.kind.info().family {
            Family::Istio => name.split_once('/')?.0,
            Family::Envoy | Family::Opaque => self.homes.get(name)?,
        };
        self.of_namespace(namespace).find_map(|(key, partition)| Some((key, partition.get(name)?)))
    }

    pub(crate) fn of_namespace<'a>(
        &'a self,
        namespace: &str,
    ) -> impl Iterator<Item = (&'a PartitionKey, &'a Arc<Partition>)> + use<'a> {
        let namespace: Arc<str> = Arc::from(namespace);
        self.partitions_from(&namespace).take_while(move |(key, _)| key.namespace == namespace)
    }

    /// The partitions of a namespace and of all behind it, in order.
    pub(crate) fn partitions_from<'a>(
        &'a self,
        namespace: &str,
    ) -> impl Iterator<Item = (&'a PartitionKey, &'a Arc<Partition>)> + use<'a> {
        let first = PartitionKey { namespace: Arc::from(namespace), audience: Audience::everyone() };
        self.partitions.range::<_, PartitionKey>((Bound::Included(first), Bound::Unbounded))
    }

    /// What tells a view from others that may see something else of this.
    pub(crate) fn digest_of(&self, view: &View) -> Digest {
        view.digest_of(self.kind, self.mentioned.keys())
    }

    /// The version of what a view sees.
    pub(crate) fn version(&self, view: &View) -> VersionSum {
        let work_out = || self.visible(view).fold(VersionSum::EMPTY, |sum, (_, seen)| sum.plus(seen.sum()));
        self.versions.get(self.digest_of(view), |_| 0, work_out)
    }

    /// Everything that a view sees, as `resources` of a SotW response.
    pub(crate) fn full(&self, view: &View) -> Arc<Shared> {
        let work_out = || {
            let mut pieces = Pieces::default();
            let mut count = 0;
            for (_, seen) in self.visible(view) {
                seen.pieces().for_each(|piece| pieces.push(&piece));
                count += seen.len();
            }
            Arc::new(pieces.finish(count))
        };
        // What it holds beside the chunks is at most all its bytes; that is the case of many small namespaces.
        self.full_answers.get(self.digest_of(view), |answer| answer.len, work_out)
    }

    /// What a view sees that has a time to live: looked for once, and shared.
    pub(crate) fn timed(&self, view: &View) -> Option<Arc<Vec<Entry>>> {
        let work_out = || {
            let mut timed: Vec<Entry> = Vec::new();
            for (_, seen) in self.visible(view) {
                timed.extend(seen.items().filter(|item| item.ttl.is_some()).map(Item::entry));
            }
            (!timed.is_empty()).then(|| Arc::new(timed))
        };
        let weigh = |timed: &Option<Arc<Vec<Entry>>>| {
            timed.as_ref().map_or(0, |timed| timed.len() * size_of::<Entry>())
        };
        self.timed.get(self.digest_of(view), weigh, work_out)
    }

    /// Drops what was worked out, for a state that is no longer the newest: whoever still asks works it out anew.
    pub(crate) fn forget(&self) {
        self.full_answers.forget();
        self.steps.forget();
        self.timed.forget();
    }
}

/// Pieces smaller than this are copied together with their neighbours: each piece costs a stream a reference, a
/// frame and a place in the list of a vectored write, whatever its size.
const PIECE_BYTES_MIN: usize = 16 << 10;

/// Collects the pieces of an answer, small neighbours together.
#[derive(Default)]
struct Pieces {
    pieces: Vec<Bytes>,
    run: Vec<Bytes>,
    run_len: usize,
    len: usize,
}

impl Pieces {
    fn push(&mut self, piece: &Bytes) {
        self.len += piece.len();
        if piece.len() >= PIECE_BYTES_MIN {
            self.join_run();
            self.pieces.push(piece.clone());
            return;
        }
        self.run_len += piece.len();
        self.run.push(piece.clone());
        if self.run_len >= CHUNK_BYTES_TARGET {
            self.join_run();
        }
    }

    fn join_run(&mut self) {
        if self.run.len() < 2 {
            self.pieces.append(&mut self.run);
        } else {
            let mut joined = BytesMut::with_capacity(self.run_len);
            self.run.drain(..).for_each(|piece| joined.extend_from_slice(&piece));
            self.pieces.push(joined.freeze());
        }
        self.run_len = 0;
    }

    fn finish(mut self, count: usize) -> Shared {
        self.join_run();
        Shared { pieces: self.pieces, len: self.len, count }
    }
}

#[cfg(test)]
mod tests {
    use mainsheet_api::{change::Change, resource::Record};

    use super::*;
    use crate::{
        fold::fold,
        testing::{empty, key, put, remove},
    };

    #[test]
    fn nothing_is_left_of_what_is_removed() {
        let cluster = || key(Kind::CLUSTER, "a", "x");
        let one = fold(&empty(), Revision(1), [put("files", cluster(), 1, 10)]);
        assert_eq!(one.of_kind(Kind::CLUSTER).homes.len(), 1);
        let none = fold(&one, Revision(2), [remove("files", cluster())]);
        let served = none.of_kind(Kind::CLUSTER);
        assert!(served.homes.is_empty() && served.partitions.is_empty() && none.layers.is_empty());
    }

    #[test]
    fn what_has_a_time_to_live_is_found_as_far_as_a_view_sees_it() {
        let record = |namespace: &str, ttl| {
            let Change::Put(record) = put("files", key(Kind::CLUSTER, namespace, namespace), 1, 10) else {
                unreachable!("a put")
            };
            let entry = Entry { ttl, ..record.entry.clone() };
            Change::Put(Arc::new(Record { entry, ..Record::clone(&record) }))
        };
        let ttl = Some(std::time::Duration::from_secs(30));
        let state = fold(&empty(), Revision(1), [record("a", ttl), record("b", ttl), record("c", None)]);
        let served = state.of_kind(Kind::CLUSTER);
        let names = |view: &View| {
            let timed = served.timed(view);
            timed
                .iter()
                .flat_map(|timed| timed.iter().map(|entry| entry.name.to_string()))
                .collect::<Vec<_>>()
        };
        assert_eq!(names(&View::everything()), ["a", "b"]);
        assert_eq!(names(&View::of_namespaces(["b", "c"])), ["b"]);
        assert!(served.timed(&View::of_namespaces(["c"])).is_none());
    }
}
