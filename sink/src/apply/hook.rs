//! An applier that is a closure.

use mainsheet_api::xds::client::Update;

use super::Apply;
use crate::rejection::Rejection;

/// An applier that calls a closure with each update; made by [`hook`].
#[derive(Clone, Debug)]
pub struct Hook<F>(F);

/// Calls `apply` with each update, as [`Apply::apply`] is called. It must not block for long: the client waits for it.
pub fn hook<F: FnMut(&Update) -> Result<(), Rejection> + Send>(apply: F) -> Hook<F> {
    Hook(apply)
}

impl<F: FnMut(&Update) -> Result<(), Rejection> + Send> Apply for Hook<F> {
    async fn apply(&mut self, update: &Update) -> Result<(), Rejection> {
        (self.0)(update)
    }
}
