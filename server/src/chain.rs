//! From whom this server gets its configuration, directly or through others, so that no server follows itself.
//!
//! A server that follows others says who it is when it opens a stream ([`RELAY`]), and is answered with the *chain*: the
//! server that answers, and all that it follows in turn ([`CHAIN`]). Whoever is in the chain of another must not follow it:
//! what it would be told came from itself, and would never go away again. docs/adr/0011-a-chain-of-servers-has-no-loop.md

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use mainsheet_api::{limits::CHAIN_LEN_MAX, resource::SourceName};
use tokio::sync::watch;

/// Header of a stream's opening: the id of the server that opens it to follow the other.
pub const RELAY: &str = "mainsheet-relay";

/// Header of the answer, also of one that refuses: ids with commas between.
pub const CHAIN: &str = "mainsheet-chain";

/// The chain of this server. Cloning shares it.
#[derive(Clone, Debug)]
pub struct Chain {
    own: Arc<str>,
    upstreams: Arc<watch::Sender<BTreeMap<SourceName, Vec<Arc<str>>>>>,
}

impl Chain {
    /// Of a server that follows nobody so far. `random` tells it from others that have the same name; it is another one
    /// after each start.
    #[must_use]
    pub fn new(instance: &str, random: u64) -> Self {
        Self { own: format!("{instance}~{random:016x}").into(), upstreams: Arc::default() }
    }

    /// What this server is called in chains.
    #[must_use]
    pub fn own(&self) -> &str {
        &self.own
    }

    /// This server and all that it follows, directly or through others.
    #[must_use]
    pub fn ids(&self) -> Vec<Arc<str>> {
        let upstreams = self.upstreams.borrow();
        let others: BTreeSet<&Arc<str>> =
            upstreams.values().flatten().filter(|id| **id != self.own).collect();
        std::iter::once(&self.own).chain(others).cloned().collect()
    }

    /// The text of [`CHAIN`].
    #[must_use]
    pub fn text(&self) -> String {
        self.ids().join(",")
    }

    /// Whether it can't be followed by this server, because it follows it, or is it.
    #[must_use]
    pub fn has(&self, id: &str) -> bool {
        self.ids().iter().any(|known| **known == *id)
    }

    /// What an upstream said of its chain, whether it can be followed or not. What it said before counts no more.
    pub fn learn(&self, source: &SourceName, text: &str) {
        let ids: Vec<Arc<str>> =
            text.split(',').map(str::trim).filter(|id| !id.is_empty()).map(Arc::from).collect();
        if ids.len() > CHAIN_LEN_MAX {
            tracing::warn!(%source, ids = ids.len(), "the chain of an upstream is longer than {CHAIN_LEN_MAX}: the rest is not looked at");
        }
        let ids: Vec<_> = ids.into_iter().take(CHAIN_LEN_MAX).collect();
        self.upstreams.send_if_modified(|upstreams| {
            let is_new = upstreams.get(source) != Some(&ids);
            upstreams.insert(source.clone(), ids);
            is_new
        });
    }

    /// Changes when the chain may have.
    pub(crate) fn changes(&self) -> watch::Receiver<BTreeMap<SourceName, Vec<Arc<str>>>> {
        self.upstreams.subscribe()
    }
}

/// Whether a chain that an upstream told has this server in it.
#[must_use]
pub fn is_loop(own: &str, told: &str) -> bool {
    told.split(',').any(|id| id.trim() == own)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn source(name: &str) -> SourceName {
        SourceName(Arc::from(name))
    }

    #[test]
    fn chain_is_oneself_and_all_that_upstreams_told_last() {
        let chain = Chain::new("a", 1);
        assert_eq!(chain.text(), "a~0000000000000001");
        chain.learn(&source("x"), "c~1, b~1");
        chain.learn(&source("y"), "b~1,d~1");
        assert_eq!(chain.text(), "a~0000000000000001,b~1,c~1,d~1");
        assert!(chain.has("d~1") && chain.has(chain.own()) && !chain.has("e~1"));
        chain.learn(&source("y"), "");
        assert!(!chain.has("d~1"));
    }

    #[test]
    fn news_of_the_chain_are_news_only_where_it_is_another_one() {
        let chain = Chain::new("a", 1);
        let mut changes = chain.changes();
        chain.learn(&source("x"), "b~1");
        assert!(changes.has_changed().unwrap());
        changes.mark_unchanged();
        chain.learn(&source("x"), "b~1");
        assert!(!changes.has_changed().unwrap());
    }

    #[test]
    fn endless_chain_is_cut() {
        let chain = Chain::new("a", 1);
        let text: Vec<String> = (0..10_000).map(|n| format!("x~{n}")).collect();
        chain.learn(&source("x"), &text.join(","));
        assert_eq!(chain.ids().len(), CHAIN_LEN_MAX + 1);
    }
}
