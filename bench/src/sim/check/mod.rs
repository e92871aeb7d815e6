//! What must be true of every history. Each file is one checker, or several that look at the same.

pub(super) mod bounds;
pub(super) mod convergence;
pub(super) mod foreign;
pub(super) mod intake;
pub(super) mod leases;
pub(super) mod revisions;
pub(super) mod stream;
