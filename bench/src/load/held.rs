//! What a client holds, as a number of resources and an order-free sum over (name, version, body).

use std::collections::HashMap;

use mainsheet_api::xds::Variant;

use super::hash::{Hasher, combine};

/// A set of resources. Two that are equal hold the same, by all that can be told.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct State {
    /// How many.
    pub len: usize,
    /// Of the [`Digest`]s of all, whatever their order.
    sum: u64,
}

/// Of one resource.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Digest {
    /// By which a later version replaces it.
    pub(super) name: u64,
    /// Of name, version and body.
    pub(super) all: u64,
}

/// Of which parts a resource has, each a hash.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Parts {
    pub(super) name: u64,
    pub(super) version: u64,
    pub(super) body: u64,
}

impl Parts {
    pub(super) fn of(name: &str, version: &str, body: &[u8]) -> Self {
        let [name, version, body] = [name.as_bytes(), version.as_bytes(), body].map(Hasher::of);
        Self { name, version, body }
    }

    pub(super) fn digest(self) -> Digest {
        Digest { name: self.name, all: combine([self.name, self.version, self.body]) }
    }
}

impl State {
    pub(super) fn add(&mut self, digest: u64) {
        self.len += 1;
        self.sum = self.sum.wrapping_add(digest);
    }

    pub(super) fn remove(&mut self, digest: u64) {
        self.len -= 1;
        self.sum = self.sum.wrapping_sub(digest);
    }
}

/// What a client holds while responses come in.
#[derive(Debug)]
pub(super) enum Held {
    /// Each response is all of it.
    Sotw(State),
    /// Responses change it, so what is held of each name has to be known.
    Delta(State, HashMap<u64, u64>),
}

impl Held {
    pub(super) fn new(variant: Variant) -> Self {
        match variant {
            Variant::Sotw => Self::Sotw(State::default()),
            Variant::Delta => Self::Delta(State::default(), HashMap::new()),
        }
    }

    /// A response begins.
    pub(super) fn begin(&mut self) {
        if let Self::Sotw(state) = self {
            *state = State::default();
        }
    }

    /// It has this resource.
    pub(super) fn upsert(&mut self, digest: Digest) {
        match self {
            Self::Sotw(state) => state.add(digest.all),
            Self::Delta(state, held) => {
                if let Some(before) = held.insert(digest.name, digest.all) {
                    state.remove(before);
                }
                state.add(digest.all);
            }
        }
    }

    /// It removes the resource of this name.
    pub(super) fn remove(&mut self, name: u64) {
        if let Self::Delta(state, held) = self
            && let Some(before) = held.remove(&name)
        {
            state.remove(before);
        }
    }

    pub(super) fn state(&self) -> State {
        match self {
            Self::Sotw(state) | Self::Delta(state, _) => *state,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn digest(name: &str, version: &str) -> Digest {
        Parts::of(name, version, b"body").digest()
    }

    #[test]
    fn delta_client_holds_what_a_full_answer_would_have() {
        let mut delta = Held::new(Variant::Delta);
        for (name, version) in [("a", "1"), ("b", "1"), ("a", "2"), ("c", "1")] {
            delta.begin();
            delta.upsert(digest(name, version));
        }
        delta.remove(Parts::of("b", "", b"").name);
        delta.remove(Parts::of("never there", "", b"").name);
        let mut sotw = Held::new(Variant::Sotw);
        sotw.upsert(digest("stale", "1"));
        sotw.begin();
        sotw.upsert(digest("c", "1"));
        sotw.upsert(digest("a", "2"));
        assert_eq!(delta.state(), sotw.state());
        assert_eq!(delta.state().len, 2);
    }

    #[test]
    fn every_part_of_a_resource_counts() {
        let parts = [("a", "1", "x"), ("b", "1", "x"), ("a", "2", "x"), ("a", "1", "y"), ("1", "a", "x")];
        let digests =
            parts.map(|(name, version, body)| Parts::of(name, version, body.as_bytes()).digest().all);
        for (at, digest) in digests.iter().enumerate() {
            assert!(!digests[..at].contains(digest), "{:?}", parts[at]);
        }
    }
}
