//! Which file a key is taken from when several hold it.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    sync::Arc,
};

use mainsheet_api::key::Key;

/// Where a document stands that names a key. In the order in which claims win: the first path, then the first document.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Claim {
    /// The file.
    pub(crate) origin: Arc<str>,
    /// Which of its documents, from 0.
    pub(crate) index: usize,
    /// For people.
    pub(crate) line: u32,
}

/// Every claim that is known. A document that is rejected claims its key, too: another file's content does not slip in
/// because of a typing error in the first.
#[derive(Debug, Default)]
pub(crate) struct Claims {
    by_key: HashMap<Key, BTreeSet<Claim>>,
    by_origin: BTreeMap<Arc<str>, Vec<(Key, Claim)>>,
}

impl Claims {
    /// Replaces what a file claims. Returns the other files that claim a key which thereby changed hands.
    pub(crate) fn set(&mut self, origin: &str, claimed: Vec<(Key, Claim)>) -> BTreeSet<Arc<str>> {
        let before = self.by_origin.remove(origin).unwrap_or_default();
        let keys: BTreeSet<Key> = before.iter().chain(&claimed).map(|(key, _)| key.clone()).collect();
        let winners: Vec<(Key, Option<Arc<str>>)> =
            keys.into_iter().map(|key| (key.clone(), self.winning_origin(&key))).collect();
        for (key, claim) in &before {
            self.forget(key, claim);
        }
        for (key, claim) in &claimed {
            self.by_key.entry(key.clone()).or_default().insert(claim.clone());
        }
        if !claimed.is_empty() {
            self.by_origin.insert(Arc::from(origin), claimed);
        }
        winners
            .iter()
            .filter(|(key, winner)| *winner != self.winning_origin(key))
            .flat_map(|(key, _)| self.by_key.get(key).into_iter().flatten())
            .map(|claim| Arc::clone(&claim.origin))
            .filter(|other| **other != *origin)
            .collect()
    }

    /// Adds to what a file claims; for one that could not be read whole.
    pub(crate) fn extend(&mut self, origin: &str, mut claimed: Vec<(Key, Claim)>) -> BTreeSet<Arc<str>> {
        let kept = self.by_origin.get(origin).into_iter().flatten();
        let kept: Vec<_> =
            kept.filter(|(key, _)| claimed.iter().all(|(other, _)| other != key)).cloned().collect();
        claimed.extend(kept);
        self.set(origin, claimed)
    }

    /// The claim that wins a key.
    pub(crate) fn winner(&self, key: &Key) -> Option<&Claim> {
        self.by_key.get(key)?.first()
    }

    /// Whether a file claims anything.
    pub(crate) fn has(&self, origin: &str) -> bool {
        self.by_origin.contains_key(origin)
    }

    fn winning_origin(&self, key: &Key) -> Option<Arc<str>> {
        self.winner(key).map(|claim| Arc::clone(&claim.origin))
    }

    fn forget(&mut self, key: &Key, claim: &Claim) {
        if let Some(claims) = self.by_key.get_mut(key) {
            claims.remove(claim);
            if claims.is_empty() {
                self.by_key.remove(key);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use mainsheet_api::kind::Kind;

    use super::*;

    fn key(name: &str) -> Key {
        Key::new(Kind::VIRTUAL_SERVICE, "shop", name)
    }

    fn claim(origin: &str, index: usize, name: &str) -> (Key, Claim) {
        (key(name), Claim { origin: Arc::from(origin), index, line: 1 })
    }

    fn names(origins: &BTreeSet<Arc<str>>) -> Vec<&str> {
        origins.iter().map(|origin| &**origin).collect()
    }

    #[test]
    fn first_path_in_order_wins_whatever_came_first() {
        let mut claims = Claims::default();
        assert!(claims.set("b.yaml", vec![claim("b.yaml", 0, "x")]).is_empty());
        assert_eq!(names(&claims.set("a.yaml", vec![claim("a.yaml", 3, "x")])), ["b.yaml"]);
        assert_eq!(&*claims.winner(&key("x")).unwrap().origin, "a.yaml");
    }

    #[test]
    fn loser_takes_over_when_the_winner_goes() {
        let mut claims = Claims::default();
        claims.set("a.yaml", vec![claim("a.yaml", 0, "x"), claim("a.yaml", 1, "y")]);
        claims.set("b.yaml", vec![claim("b.yaml", 0, "x")]);
        assert_eq!(names(&claims.set("a.yaml", vec![claim("a.yaml", 0, "y")])), ["b.yaml"]);
        assert_eq!(&*claims.winner(&key("x")).unwrap().origin, "b.yaml");
        assert!(claims.set("b.yaml", Vec::new()).is_empty());
        assert!(claims.winner(&key("x")).is_none() && !claims.has("b.yaml"));
    }

    #[test]
    fn half_a_file_keeps_what_it_claimed() {
        let mut claims = Claims::default();
        claims.set("a.yaml", vec![claim("a.yaml", 0, "x"), claim("a.yaml", 1, "y")]);
        claims.extend("a.yaml", vec![claim("a.yaml", 0, "y")]);
        assert_eq!(claims.winner(&key("x")).unwrap().index, 0);
        assert_eq!(claims.winner(&key("y")).unwrap().index, 0);
    }

    #[test]
    fn first_document_of_a_file_wins() {
        let mut claims = Claims::default();
        claims.set("a.yaml", vec![claim("a.yaml", 1, "x"), claim("a.yaml", 0, "x")]);
        assert_eq!(claims.winner(&key("x")).unwrap().index, 0);
    }
}
