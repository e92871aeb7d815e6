//! The client half of mainsheet as a library: subscribe, apply, ACK or NACK, resume.
//!
//! ```no_run
//! use mainsheet_api::{kind::Kind, xds::{Variant, client::{Update, Wanted}}};
//! use mainsheet_sink::{Apply, Client, Rejection};
//!
//! struct Print;
//!
//! impl Apply for Print {
//!     async fn apply(&mut self, update: &Update) -> Result<(), Rejection> {
//!         println!("{}: {} changed, {} removed", update.type_url, update.changed.len(), update.removed.len());
//!         Ok(())
//!     }
//! }
//!
//! # async fn example(stop: impl Future<Output = ()>) -> Result<(), Box<dyn std::error::Error>> {
//! let mut client = Client::builder("127.0.0.1:15010", "example~1")
//!     .variant(Variant::Delta)
//!     .subscribe_kind(Kind::VIRTUAL_SERVICE, Wanted::Everything)
//!     .build()?;
//! client.run(&mut Print, stop).await?;
//! # Ok(())
//! # }
//! ```
//!
//! It handles:
//! - both variants of ADS, state of the world and delta, over plaintext HTTP/2
//! - ACKs, and NACKs with the applier's reasons, by resource where it gives them; a malformed response is refused before the applier sees it
//! - lost connections: back-off with full jitter, and a resumption that asks only for what changed (delta)
//! - several addresses of one server: the next one is tried when one fails, and waits grow when all have
//! - keeping what is held across any number of connections: the applier is told differences, never a reset
//! - servers that vanish without a word (keepalive), and servers that are not ready yet (they refuse, it tries again)
//!
//! It does not:
//! - keep anything on disk: a new process starts from nothing
//! - apply anything by itself: what becomes of an update is the [`Apply`]er's business
//! - validate bodies: an update is what the server sent, in `google.protobuf.Any`s
//! - change its subscriptions while it runs
//! - speak TLS or present an identity
//! - start tasks: all of it runs in the future that [`Client::run`] returns

mod apply;
mod backoff;
mod client;
mod error;
mod metrics;
mod rejection;
mod servers;
mod transport;
mod worker;

pub use apply::{Apply, Event};
pub use client::{Client, ClientBuilder, Reconnect, endpoint};
pub use error::{BuildError, Disconnected};
pub use metrics::{Applied, Counters, Metrics};
pub use rejection::Rejection;
