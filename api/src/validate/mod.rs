//! What makes a resource unfit to be served: above all, what would make istiod drop it without a word.
//!
//! Pure functions of one resource, a file a kind.

use crate::{resource::Resource, verdict::Finding};

/// Everything that is to be said of one resource. Positions are left to [`crate::codec::SourceMap::place`].
#[must_use]
pub fn check(resource: &Resource) -> Vec<Finding> {
    let _ = resource;
    Vec::new()
}
