//! Who clients are.
//!
//! | file | is |
//! |---|---|
//! | `caller` | whoever makes a request, and how that is known |

mod caller;

pub use caller::{Caller, Via};
