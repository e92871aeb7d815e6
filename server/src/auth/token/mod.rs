//! Bearer tokens: JWTs that an issuer signed, whose keys come from a file or a URL.
//!
//! | file | is |
//! |---|---|
//! | `algorithm` | how tokens may be signed |
//! | `keys` | an issuer's keys, as a JWKS says them |
//! | `verify` | a token to an identity, without a clock of its own |
//! | `key_source` | where keys come from, and when they are asked for again |
//! | `fetch` | one GET |

mod algorithm;
mod fetch;
mod key_source;
mod keys;
mod verify;

pub use algorithm::Algorithms;
pub(crate) use fetch::Fetch;
pub use key_source::KeyPlace;
pub(crate) use key_source::{KeyNews, KeySource, NAME, Tokens};
pub(crate) use keys::Keys;
pub(crate) use verify::{Refused, Rules, Verified, verify};
