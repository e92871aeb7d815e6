//! A planner that plans nothing which its caller may not do.

use std::{
    collections::HashSet,
    sync::{Arc, Mutex, PoisonError},
};

use mainsheet_api::{
    access::Edit,
    change::Change,
    codec::decode_entry,
    key::Key,
    resource::{Record, SourceName},
    wire::Any,
};
use mainsheet_cache::snapshot::Snapshot;
use prost::Message as _;

use crate::{
    audit::Touched,
    auth::{Denied, Rights, RightsNow},
    intake::{Now, Planned, Planner},
};

/// What a request names, whatever becomes of it: whoever may not touch it is told the same whether it is there or not.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Named {
    /// To be given content.
    pub(super) puts: Vec<Key>,
    /// To be removed.
    pub(super) removes: Vec<Key>,
    /// To be compared with something.
    pub(super) looks: Vec<Key>,
}

impl Named {
    /// All that is to be changed.
    pub(super) fn changed(&self) -> Vec<Key> {
        self.puts.iter().chain(&self.removes).cloned().collect()
    }
}

/// Plans as another one does, unless something of it is denied: then nothing is changed, and all that is denied is told.
pub(super) struct Permitted<P> {
    pub(super) planner: P,
    pub(super) rights: Rights,
    pub(super) named: Named,
    /// What the last plan changes: the one that counts.
    pub(super) touched: Arc<Mutex<Vec<Touched>>>,
}

impl<P: Planner> Planner for Permitted<P> {
    type Answer = Result<P::Answer, Vec<Denied>>;

    fn plan(&mut self, state: &Snapshot, now: Now) -> Planned<Self::Answer> {
        let check = Check { rights: self.rights.now(), state };
        let denied = check.named(&self.named);
        if !denied.is_empty() {
            return Planned::nothing(Err(denied));
        }
        let Planned { changes, renewals, answer } = self.planner.plan(state, now);
        let denied = check.changes(&changes);
        if !denied.is_empty() {
            return Planned::nothing(Err(denied));
        }
        let touched = changes.iter().map(|change| touched(state, change)).collect();
        *self.touched.lock().unwrap_or_else(PoisonError::into_inner) = touched;
        Planned { changes, renewals, answer: Ok(answer) }
    }
}

fn touched(state: &Snapshot, change: &Change) -> Touched {
    let is_there = || state.held(change.source(), change.key()).is_some();
    let outcome = match change {
        Change::Put(_) if is_there() => "changed",
        Change::Put(_) => "created",
        Change::Remove { .. } => "removed",
    };
    Touched { key: change.key().clone(), outcome }
}

/// What somebody may do, in a state.
struct Check<'a> {
    rights: RightsNow,
    state: &'a Snapshot,
}

impl Check<'_> {
    /// All that may not be done of what is named, each key once.
    fn named(&self, named: &Named) -> Vec<Denied> {
        let layer = self.state.layer(&SourceName::api());
        let puts = named.puts.iter().map(|key| self.rights.check_put(key, layer.get(key).is_some()));
        let removes = named.removes.iter().map(|key| self.rights.check("delete", key));
        let looks = named.looks.iter().map(|key| self.rights.check("get", key));
        once(puts.chain(removes).chain(looks).filter_map(Result::err))
    }

    /// The same of what would be changed.
    fn changes(&self, changes: &[Change]) -> Vec<Denied> {
        once(changes.iter().filter_map(|change| self.change(change).err()))
    }

    fn change(&self, change: &Change) -> Result<(), Denied> {
        let is_hold = *change.source() == SourceName::hold();
        match change {
            Change::Put(record) => {
                self.put(record, is_hold)?;
                self.grant(record)
            }
            Change::Remove { key, .. } if is_hold => self.release(key),
            Change::Remove { key, .. } => self.rights.check("delete", key),
        }
    }

    /// In the API's layer it is created or changed there; a rollback creates, changes or removes what is served.
    fn put(&self, record: &Record, is_hold: bool) -> Result<(), Denied> {
        let key = &record.key;
        let served = self.state.served(key.kind, &key.wire_name());
        let is_there = match is_hold {
            true => served.is_some(),
            false => self.state.held(&record.source, key).is_some(),
        };
        if record.entry.is_absence() {
            self.rights.check("delete", key)?;
        } else {
            self.rights.check_put(key, is_there)?;
        }
        // Names of Envoy's resources have no namespace on the wire: what is served under one may be another namespace's.
        match served.filter(|served| served.key != *key) {
            Some(other) => self.rights.check_put(&other.key, true),
            None => Ok(()),
        }
    }

    /// What the layers below have is served again.
    fn release(&self, key: &Key) -> Result<(), Denied> {
        let all = self.state.contestants(key.kind, &key.wire_name());
        let mut below = all.iter().filter(|held| held.source != SourceName::hold());
        match below.next() {
            None => self.rights.check("delete", key),
            Some(below) => {
                self.rights.check_put(key, true)?;
                self.rights.check_put(&below.key, true)
            }
        }
    }

    /// Nobody gives away what they do not have.
    fn grant(&self, record: &Record) -> Result<(), Denied> {
        let denied = |reason: String| Denied { key: Some(record.key.clone()), reason };
        let Some(edit) = edit(record).map_err(denied)? else { return Ok(()) };
        self.rights.check_grant(&record.key, &edit)
    }
}

/// What a document of access grants. One that can't be read may grant anything.
fn edit(record: &Record) -> Result<Option<Edit>, String> {
    if record.entry.is_absence() || Edit::remove(&record.key).is_none() {
        return Ok(None);
    }
    let any = Any::decode(record.entry.any.clone()).map_err(|error| error.to_string())?;
    let received = decode_entry(record.key.kind, &any).map_err(|error| error.to_string())?;
    Edit::put(&received.resource).map_err(|error| error.to_string())
}

fn once(denied: impl Iterator<Item = Denied>) -> Vec<Denied> {
    let mut seen: HashSet<Option<Key>> = HashSet::new();
    denied.filter(|denied| seen.insert(denied.key.clone())).collect()
}

#[cfg(test)]
mod tests;
