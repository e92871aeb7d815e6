//! Who clients are.
//!
//! | file | is |
//! |---|---|
//! | `caller` | whoever makes a request, and how that is known |
//! | `grants` | what registered identities are granted |
//! | `authority` | the task that keeps grants up with the documents of access that count |

pub(crate) mod authority;
mod caller;
mod grants;

pub(crate) use authority::Authority;
pub use caller::{Caller, Via};
pub use grants::{Granted, Grants};
