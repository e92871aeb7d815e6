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
//! An applier may be a closure ([`hook`]), the directory applier (`DirectoryApplier`, feature `directory`), or anything that implements
//! [`Apply`]. `examples/` has three whole programs.
//!
//! It handles:
//! - both variants of ADS, state of the world and delta, over HTTP/2, in plaintext or TLS (feature `tls`: `ClientBuilder::tls`), with certificates and
//!   tokens that change in their files (`ClientBuilder::credentials`)
//! - ACKs, and NACKs with the applier's reasons, by resource where it gives them, while the rest may be applied
//!   ([`Rejection::rest_applied`]); a malformed response is refused before the applier sees it
//! - lost connections: back-off with full jitter, and a resumption that asks only for what changed (delta)
//! - restarts of the embedder: it says what it holds from before ([`ClientBuilder::holds`])
//! - several addresses of one server: the next one is tried when one fails, and waits grow when all have
//! - keeping what is held across any number of connections: the applier is told differences, never a reset
//! - servers that vanish without a word (keepalive), and servers that are not ready yet (they refuse, it tries again)
//! - times to live: what its server was silent of for too long is removed, unless told otherwise ([`ClientBuilder::without_ttl`])
//! - connections that are not TCP: whatever opens a stream of bytes ([`ClientBuilder::connector`])
//! - counters that can be read beside it ([`Client::metrics`])
//!
//! It does not:
//! - validate bodies: an update is what the server sent, in `google.protobuf.Any`s
//! - change its subscriptions while it runs; between two runs it can ([`Client::want`])
//! - start tasks: all of it runs in the future that [`Client::run`] returns; the directory applier writes on Tokio's threads for blocking work
//!
//! Features, none of them on by default: `directory`, which brings the codec along, and `tls`, with aws-lc-rs as the only provider of
//! cryptography.

mod address;
mod apply;
mod backoff;
mod client;
mod connector;
#[cfg(feature = "tls")]
mod credentials;
mod error;
mod metrics;
mod rejection;
mod servers;
mod transport;
mod worker;

pub use address::endpoint;
pub use apply::{Apply, Event, Hook, hook};
#[cfg(feature = "directory")]
pub use apply::{DirectoryApplier, DirectoryError, Form};
pub use client::{Client, ClientBuilder, Reconnect};
pub use connector::Connector;
#[cfg(feature = "tls")]
pub use credentials::CredentialFiles;
pub use error::{BuildError, Disconnected};
pub use metrics::{Applied, Counters, Metrics};
pub use rejection::Rejection;
