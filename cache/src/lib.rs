//! From commit to snapshot.
//!
//! *Everything is written once, to the store. Everything that is served is a fold over the store's commits.*
//!
//! | module | is |
//! |---|---|
//! | [`blocking`] | work that may take long, off the threads that serve |
//! | [`store`] | durable, ordered commits: one contract, several backends |
//! | `cache` | the two together: a store with a snapshot in front of it |
//! | `follow` | commits are followed, folded and published |
//! | [`expiry`] | when leases end: pure, told of commits, renewals and the time |
//! | `fold` | commits to snapshots, a pure function |
//! | `read` | one resource or many of a snapshot, with what the layers say of it |
//! | `served_changes` | what each of the newest revisions changed of what is served |
//! | `past` | states that are no longer the newest |
//! | [`layer`] | what one source holds, by key and by origin |
//! | [`snapshot`] | one immutable state: the catalog that sessions read |
//! | `served`, `visible` | what is served of one kind; what each view sees of it |
//! | `partition`, `chunk` | the entries of a namespace, in shared runs of bytes |
//! | `diff` | the step from one state and view to another |
//! | `recent` | what is worked out once and kept while it is asked for |
//! | `history` | how far back steps are worked out |
//!
//! Not here: sources, validation, streams, HTTP.

mod among;
pub mod blocking;
mod cache;
mod chunk;
mod diff;
mod error;
pub mod expiry;
mod fold;
mod follow;
mod history;
pub mod layer;
mod partition;
mod past;
mod read;
mod recent;
mod served;
mod served_changes;
pub mod snapshot;
pub mod store;
#[cfg(test)]
mod testing;
mod visible;

pub use cache::{Cache, CacheOptions};
pub use error::{CommitError, StoreError};
pub use follow::{FollowHealth, Follower};
pub use read::HeldEntry;
pub use served_changes::{ServedChange, ServedRevision};
