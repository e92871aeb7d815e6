//! A server that follows this one, told by what it says when it opens its stream: refused where that would be a loop.

use std::sync::Arc;

use http::{HeaderMap, HeaderValue};
use mainsheet_api::limits::NAME_BYTES_MAX;
use tonic::Status;

use crate::chain::{Chain, RELAY};

/// A relay at the other end, and what it was told of the chain.
pub(super) struct Relay {
    id: String,
    told: Vec<Arc<str>>,
    chain: Chain,
}

impl Relay {
    /// `None` of a client that does not say that it is one.
    pub(super) fn of(headers: &HeaderMap, chain: &Chain) -> Option<Self> {
        let id = headers.get(RELAY)?.to_str().ok().filter(|id| id.len() <= NAME_BYTES_MAX)?;
        Some(Self { id: id.to_owned(), told: chain.ids(), chain: chain.clone() })
    }

    /// What it is told: the value of [`crate::chain::CHAIN`].
    pub(super) fn told(&self) -> HeaderValue {
        let text = self.told.join(",");
        HeaderValue::from_str(&text).expect("ids come from headers, and from a setting that is a label")
    }

    /// Why it must not follow.
    pub(super) fn refusal(&self) -> Option<Status> {
        let chain = self.chain.ids();
        if !chain.iter().any(|id| **id == *self.id) {
            return None;
        }
        let text = match self.id == self.chain.own() {
            true => {
                format!("a loop: `{}` is this server itself, which must not be its own upstream", self.id)
            }
            false => format!(
                "a loop: this server gets its configuration from `{}` ({}), which must not have it as an upstream in turn",
                self.id,
                chain.join(", ")
            ),
        };
        Some(Status::failed_precondition(text))
    }

    /// Waits until what it was told of the chain is no longer so; says how to end its stream then.
    pub(super) async fn outdated(&mut self) -> Status {
        let mut changes = self.chain.changes();
        // Its sender is kept by this chain, so that it can't be gone.
        let _ = changes.wait_for(|_| self.chain.ids() != self.told).await;
        let again = || Status::unavailable("the chain of upstreams has changed: connect again to hear of it");
        self.refusal().unwrap_or_else(again)
    }
}

#[cfg(test)]
mod tests {
    use mainsheet_api::resource::SourceName;

    use super::*;

    fn relay(chain: &Chain, id: &str) -> Relay {
        let headers = [(RELAY.parse().unwrap(), id.parse().unwrap())].into_iter().collect();
        Relay::of(&headers, chain).unwrap()
    }

    fn source() -> SourceName {
        SourceName(Arc::from("xds:b"))
    }

    #[test]
    fn relay_is_refused_that_this_server_follows_and_that_is_this_server() {
        let chain = Chain::new("a", 1);
        chain.learn(&source(), "b~1,c~1");
        assert!(relay(&chain, "d~1").refusal().is_none());
        let refusal = relay(&chain, "c~1").refusal().unwrap();
        assert_eq!(refusal.code(), tonic::Code::FailedPrecondition);
        assert!(refusal.message().contains("from `c~1` (a~0000000000000001, b~1, c~1)"), "{refusal}");
        let itself = relay(&chain, chain.own()).refusal().unwrap();
        assert!(itself.message().contains("is this server itself"), "{itself}");
    }

    #[test]
    fn who_is_no_relay_is_told_nothing() {
        assert!(Relay::of(&HeaderMap::new(), &Chain::new("a", 1)).is_none());
    }

    #[tokio::test]
    async fn stream_of_a_relay_ends_when_the_chain_changes() {
        let chain = Chain::new("a", 1);
        let (mut loops, mut hears) = (relay(&chain, "b~1"), relay(&chain, "z~1"));
        chain.learn(&source(), "b~1");
        assert_eq!(loops.outdated().await.code(), tonic::Code::FailedPrecondition);
        assert_eq!(hears.outdated().await.code(), tonic::Code::Unavailable);
        assert_eq!(relay(&chain, "z~1").told(), "a~0000000000000001,b~1");
    }
}
