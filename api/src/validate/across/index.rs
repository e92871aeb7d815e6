//! Who is found under a topic, and who looked it up.

use std::{
    collections::{BTreeSet, HashMap},
    mem,
};

use super::{look::Subject, topic::Topic};
use crate::verdict::Finding;

/// The reverse index. Resources go by a number each, which is free again once they are gone.
#[derive(Debug, Default)]
pub(super) struct Index {
    slots: Vec<Slot>,
    free: Vec<u32>,
    places: HashMap<Topic, Place>,
}

#[derive(Debug, Default)]
struct Slot {
    subject: Option<Subject>,
    /// What its last examination looked up; sorted.
    looked_up: Box<[Topic]>,
    findings: Box<[Finding]>,
}

/// One topic, with numbers in order. Never both empty.
#[derive(Debug, Default)]
struct Place {
    found: Vec<u32>,
    lookers: Vec<u32>,
}

impl Index {
    pub(super) fn subject(&self, id: u32) -> Option<&Subject> {
        self.slot(id)?.subject.as_ref()
    }

    pub(super) fn findings(&self, id: u32) -> &[Finding] {
        self.slot(id).map_or(&[], |slot| &slot.findings)
    }

    fn slot(&self, id: u32) -> Option<&Slot> {
        self.slots.get(id as usize)
    }

    /// Who is found under a topic, the one that counts first in front.
    pub(super) fn found(&self, topic: &Topic) -> Vec<&Subject> {
        let found = self.places.get(topic).map_or(&[][..], |place| &place.found);
        let mut subjects: Vec<&Subject> = found.iter().filter_map(|id| self.subject(*id)).collect();
        subjects.sort_by(|one, other| one.rank().cmp(&other.rank()));
        subjects
    }

    /// Puts a resource in, in place of what is known of it. Whoever looked up what it is or was found under is dirty.
    pub(super) fn put(&mut self, known: Option<u32>, subject: Subject, dirty: &mut BTreeSet<u32>) -> u32 {
        let id = known.or_else(|| self.free.pop()).unwrap_or_else(|| {
            self.slots.push(Slot::default());
            u32::try_from(self.slots.len() - 1).expect("memory ends before 2^32 resources")
        });
        self.withdraw(id, dirty);
        for topic in subject.topics() {
            let place = self.places.entry(topic).or_default();
            add(&mut place.found, id);
            dirty.extend(&place.lookers);
        }
        self.slots[id as usize].subject = Some(subject);
        id
    }

    /// Takes a resource out, and gives what was said of it.
    pub(super) fn take_out(&mut self, id: u32, dirty: &mut BTreeSet<u32>) -> Box<[Finding]> {
        self.withdraw(id, dirty);
        self.look_up(id, Box::default());
        self.free.push(id);
        mem::take(&mut self.slots[id as usize].findings)
    }

    fn withdraw(&mut self, id: u32, dirty: &mut BTreeSet<u32>) {
        let Some(subject) = self.slots[id as usize].subject.take() else { return };
        for topic in subject.topics() {
            self.edit(&topic, |place| {
                remove(&mut place.found, id);
                dirty.extend(&place.lookers);
            });
        }
    }

    /// Remembers what a resource looked up.
    pub(super) fn look_up(&mut self, id: u32, topics: Box<[Topic]>) {
        let before = mem::take(&mut self.slots[id as usize].looked_up);
        if before != topics {
            for topic in &before {
                self.edit(topic, |place| remove(&mut place.lookers, id));
            }
            for topic in &topics {
                add(&mut self.places.entry(topic.clone()).or_default().lookers, id);
            }
        }
        self.slots[id as usize].looked_up = topics;
    }

    /// Whether they are others than before.
    pub(super) fn set_findings(&mut self, id: u32, findings: Box<[Finding]>) -> bool {
        let slot = &mut self.slots[id as usize];
        let changed = slot.findings != findings;
        slot.findings = findings;
        changed
    }

    fn edit(&mut self, topic: &Topic, edit: impl FnOnce(&mut Place)) {
        let Some(place) = self.places.get_mut(topic) else { return };
        edit(place);
        if place.found.is_empty() && place.lookers.is_empty() {
            self.places.remove(topic);
        }
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.places.len()
    }

    #[cfg(test)]
    pub(super) fn is_empty(&self) -> bool {
        self.places.is_empty() && self.free.len() == self.slots.len()
    }
}

fn add(ids: &mut Vec<u32>, id: u32) {
    if let Err(place) = ids.binary_search(&id) {
        ids.insert(place, id);
    }
}

fn remove(ids: &mut Vec<u32>, id: u32) {
    if let Ok(place) = ids.binary_search(&id) {
        ids.remove(place);
    }
}
