//! Work on the file, on threads that may block.
//!
//! The database asserts what its pages should say, so a damaged file makes it panic. That is an answer like others: the
//! caller is told, and the panic itself is not printed over it (at level debug the log has it, with its place).

use std::{cell::Cell, panic, sync::Once};

use super::fault::Fault;
use crate::blocking;

thread_local! {
    /// Whether a panic of this thread is told by whoever waits for its work.
    static IS_CONTAINED: Cell<bool> = const { Cell::new(false) };
}

/// Does `work` on a thread that may block. A panic of it is an error.
pub(super) async fn run<T, E>(work: impl FnOnce() -> Result<T, E> + Send + 'static) -> Result<T, E>
where
    T: Send + 'static,
    E: From<Fault> + Send + 'static,
{
    hook();
    let done = blocking::spawn(move || {
        let _contained = Contained::begin();
        work()
    });
    done.await.unwrap_or_else(|panicked| Err(Fault::from(panicked).into()))
}

/// Puts ours before the process' panic hook, which still gets every panic but the first of contained work.
fn hook() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let report = panic::take_hook();
        panic::set_hook(Box::new(move |panicked| {
            // A second one, while the first unwinds, ends the process.
            match IS_CONTAINED.replace(false) {
                true => tracing::debug!("the store {panicked}"),
                false => report(panicked),
            }
        }));
    });
}

/// While it is there, this thread does our work.
struct Contained;

impl Contained {
    fn begin() -> Self {
        IS_CONTAINED.set(true);
        Self
    }
}

impl Drop for Contained {
    fn drop(&mut self) {
        IS_CONTAINED.set(false);
    }
}
