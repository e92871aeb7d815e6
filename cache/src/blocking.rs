//! Work that may take long, off the threads that streams are served on.
//!
//! A thread that runs a simulation does it at once instead, on itself: what other threads do comes back whenever the machine
//! lets it, and no run could be repeated.

use std::{
    cell::Cell,
    future::Future,
    pin::Pin,
    task::{Context, Poll},
};

use tokio::task::{JoinError, JoinHandle, spawn_blocking};

thread_local! {
    static IS_INLINE: Cell<bool> = const { Cell::new(false) };
}

/// From now on, what this thread would hand to others it does itself.
pub fn do_inline_on_this_thread() {
    IS_INLINE.set(true);
}

#[allow(clippy::disallowed_methods, reason = "this is what others call instead")]
/// Begins work on a thread that may block; it goes on, whoever waits for it. The answer is an error where it panicked.
pub fn spawn<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Blocking<T> {
    if IS_INLINE.get() { Blocking::Done(Some(work())) } else { Blocking::Spawned(spawn_blocking(work)) }
}

/// Work that was begun, as its answer to come.
#[derive(Debug)]
#[must_use = "whether it panicked is known to who waits for it"]
pub enum Blocking<T> {
    /// It is done; the answer, until it was given.
    Done(Option<T>),
    /// Another thread does it.
    Spawned(JoinHandle<T>),
}

impl<T> Unpin for Blocking<T> {}

impl<T> Future for Blocking<T> {
    type Output = Result<T, JoinError>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        match self.get_mut() {
            Self::Done(answer) => Poll::Ready(Ok(answer.take().expect("is polled no more once it is done"))),
            Self::Spawned(handle) => Pin::new(handle).poll(cx),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::thread;

    use super::*;

    #[tokio::test]
    async fn work_is_done_elsewhere_unless_the_thread_is_told_to_do_it_itself() {
        let here = thread::current().id();
        assert_ne!(spawn(|| thread::current().id()).await.unwrap(), here);
        assert!(spawn(|| panic!("as planned")).await.unwrap_err().is_panic());
        do_inline_on_this_thread();
        assert_eq!(spawn(|| thread::current().id()).await.unwrap(), here);
        IS_INLINE.set(false);
    }
}
