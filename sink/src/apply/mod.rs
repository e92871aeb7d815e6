//! What the embedder brings, and appliers that are there.

#[cfg(feature = "directory")]
mod directory;
mod hook;

use std::time::Duration;

use mainsheet_api::xds::client::{Malformed, Update};
use tonic::metadata::MetadataMap;

#[cfg(feature = "directory")]
pub use self::directory::{DirectoryApplier, DirectoryError, Form};
pub use self::hook::{Hook, hook};
use crate::{error::Disconnected, rejection::Rejection};

/// Takes in updates: whoever embeds the client implements this.
pub trait Apply: Send {
    /// Makes an update take effect. Once this returns `Ok` the update is ACKed, and a server may report it as applied.
    ///
    /// Called once at a time. The next response is read when this has returned, so a slow applier slows its own stream
    /// down and nothing else. An order to stop waits for it, too: an update is never left half applied.
    ///
    /// # Errors
    /// Where it can't take effect: NACKed with the reasons given, by resource where they are. Nothing of the update may have taken effect then, because
    /// what was held before is what the client goes on reporting; unless the rejection says that [the rest was
    /// applied](Rejection::rest_applied).
    fn apply(&mut self, update: &Update) -> impl Future<Output = Result<(), Rejection>> + Send;

    /// Is told what happens beside updates. Does nothing unless implemented.
    fn on_event(&mut self, event: Event<'_>) {
        let _ = event;
    }
}

/// What happens beside updates.
#[derive(Debug)]
pub enum Event<'a> {
    /// A stream is open and the subscriptions are on their way.
    Connected {
        /// What the server said with its acceptance.
        metadata: &'a MetadataMap,
    },
    /// The stream, or the attempt to open one, ended. What is held stays.
    Disconnected {
        /// Why.
        reason: &'a Disconnected,
        /// When the next attempt is made; `None` where none is.
        retry_in: Option<Duration>,
    },
    /// A response was refused before it could be applied.
    Refused(&'a Malformed),
}
