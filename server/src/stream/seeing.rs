//! What the client of a stream sees: what its identity is granted, as far as the rules of the config file go for the node that
//! it says it is, and of that what is meant for this node.

use std::{future::pending, sync::Arc};

use mainsheet_api::{
    node::Node,
    planted::{self, Fault},
    view::View,
};
use tokio::sync::watch;

use crate::{auth::Granted, views::Views};

/// What one client sees, from one moment to the next.
pub(super) struct Seeing {
    granted: watch::Receiver<Granted>,
    views: Views,
    /// A server that follows this one has sinks of its own: it gets what is meant for any of them.
    is_relay: bool,
    /// Once the client has said who it is.
    node: Option<Arc<Node>>,
}

impl Seeing {
    pub(super) fn new(granted: watch::Receiver<Granted>, views: Views, is_relay: bool) -> Self {
        Self { granted, views, is_relay, node: None }
    }

    /// The client has said who it is: what it sees.
    pub(super) fn on_node(&mut self, node: &Arc<Node>) -> View {
        self.node = Some(Arc::clone(node));
        self.now(node)
    }

    /// Waits until what the identity is granted has changed, and says what the client sees then; for ever, where nobody may
    /// see anything yet. May be dropped and called again.
    pub(super) async fn changed(&mut self) -> View {
        let Some(node) = self.node.clone() else { return pending().await };
        if self.granted.changed().await.is_err() || planted::is(Fault::GrantKept) {
            return pending().await;
        }
        self.now(&node)
    }

    fn now(&mut self, node: &Arc<Node>) -> View {
        let granted = self.granted.borrow_and_update().view();
        let narrowed = granted.narrowed(&self.views.of_node(&node.id));
        if self.is_relay { narrowed } else { narrowed.for_node(Arc::clone(node)) }
    }
}
