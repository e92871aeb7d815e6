//! Both halves of the xDS transport protocol as state machines without I/O: bytes, clocks and tasks are the caller's.
//! Rules are cited by the numbers of docs/protocol.md.

pub mod catalog;
pub mod client;
pub mod pin;
pub mod server;
#[cfg(feature = "testing")]
pub mod testing;
pub mod ttl;

/// Which of the two forms of the protocol a stream speaks. Fixed by the RPC that opened it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Variant {
    /// State of the world: a response holds all (or, for some kinds, all that changed) and an absence may mean deletion.
    Sotw,
    /// Incremental: a response holds what changed and names what is gone.
    Delta,
}
