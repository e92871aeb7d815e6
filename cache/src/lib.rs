//! From commit to snapshot.
//!
//! *Everything is written once, to the store. Everything that is served is a fold over the store's commits.*
//!
//! | module | is |
//! |---|---|
//! | [`store`] | durable, ordered commits: one contract, several backends |
//! | `fold`  | commits to snapshots, a pure function |
//! | `snapshot` | one immutable state: the catalog that sessions read |
//! | `history` | the last snapshots, and the steps between them, worked out once |
//!
//! Not here: sources, validation, streams, HTTP.

mod cache;
mod chunk;
mod diff;
mod error;
mod fold;
mod history;
mod partition;
mod recent;
mod served;
pub mod snapshot;
pub mod store;
#[cfg(test)]
mod testing;

pub use cache::{Cache, CacheOptions, Follower};
pub use error::{CommitError, StoreError};
