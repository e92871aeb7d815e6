//! What writes of the API change: pure functions of a state, and what of them is told.
//!
//! | module | is |
//! |---|---|
//! | `apply`, `delete` | the API's layer |
//! | `rollback`, `release` | the layer of rollbacks |
//! | `conditions` | what must be true for a write to be made |
//! | `scope` | which resources of the API's layer are meant by a set or by labels |
//! | `outcome` | what became of each resource |
//! | `difference` | how what is served differs between two states |

pub(super) mod apply;
pub(super) mod conditions;
pub(super) mod delete;
pub(super) mod difference;
pub(super) mod outcome;
pub(super) mod release;
pub(super) mod rollback;
pub(super) mod scope;
