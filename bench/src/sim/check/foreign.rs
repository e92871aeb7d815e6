//! No byte of a body of a namespace that a sink must not see is on its wire. Names are looked at in `stream`.

use std::{collections::BTreeSet, sync::Arc};

use crate::sim::world::{MARK, ZONES};

/// Bytes of a zone's name, and of the dot before it.
const ZONE_LEN: usize = 1 + ZONES[0].len();

/// Looks at all bytes on the way to one sink.
pub(in crate::sim) struct Scanner {
    whom: Arc<str>,
    sees: Arc<BTreeSet<String>>,
    /// The end of what came before, where a mark may have begun.
    carry: Vec<u8>,
    leak: Option<String>,
}

impl Scanner {
    pub(in crate::sim) fn new(whom: Arc<str>, sees: Arc<BTreeSet<String>>) -> Self {
        Self { whom, sees, carry: Vec::new(), leak: None }
    }

    pub(in crate::sim) fn scan(&mut self, bytes: &[u8]) {
        self.carry.extend_from_slice(bytes);
        for window in self.carry.windows(ZONE_LEN).filter(|window| window.starts_with(MARK)) {
            let zone = String::from_utf8_lossy(&window[1..]);
            if ZONES.contains(&&*zone) && !self.sees.contains(&*zone) && self.leak.is_none() {
                self.leak = Some(format!("{}: `{zone}`, and it sees {:?}", self.whom, self.sees));
            }
        }
        let keep = self.carry.len().min(ZONE_LEN - 1);
        self.carry.drain(..self.carry.len() - keep);
    }

    /// The first foreign bytes.
    pub(in crate::sim) fn leak(&self) -> Option<String> {
        self.leak.clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn foreign_zone_is_found_also_where_it_comes_in_pieces() {
        let sees = Arc::new(["zone-a".to_owned()].into());
        let mut scanner = Scanner::new("sink".into(), sees);
        scanner.scan(b"..zone-a..zo");
        scanner.scan(b"ne-a.. zone-b/name");
        assert_eq!(scanner.leak(), None);
        scanner.scan(b".zon");
        scanner.scan(b"e-");
        scanner.scan(b"b");
        assert!(scanner.leak().unwrap().contains("zone-b"));
    }
}
