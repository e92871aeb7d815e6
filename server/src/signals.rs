//! What the process is told from outside: to stop, by SIGINT (Ctrl-C) and SIGTERM (what Kubernetes and systemd send); to
//! read its config file again, by SIGHUP.

use std::io;

use tokio::signal::unix::{Signal, SignalKind, signal};

/// What a signal means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Order {
    /// To stop, with the signal's name.
    Stop(&'static str),
    /// To read the config file again.
    Reread,
}

/// The signals, one after the other as they come.
#[derive(Debug)]
pub(crate) struct Signals {
    interrupt: Signal,
    terminate: Signal,
    hangup: Signal,
    /// A file grows past the limit (`ulimit -f`). The write fails then, which is told; without this the process ends.
    _file_size: Signal,
}

impl Signals {
    /// From now on none of them kills the process.
    ///
    /// # Errors
    /// Where the system refuses.
    pub(crate) fn new() -> io::Result<Self> {
        Ok(Self {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
            hangup: signal(SignalKind::hangup())?,
            _file_size: signal(SignalKind::from_raw(rustix::process::Signal::XFSZ.as_raw()))?,
        })
    }

    /// The next one. May be dropped and called again.
    pub(crate) async fn next(&mut self) -> Order {
        tokio::select! {
            biased;
            _ = self.interrupt.recv() => Order::Stop("SIGINT"),
            _ = self.terminate.recv() => Order::Stop("SIGTERM"),
            _ = self.hangup.recv() => Order::Reread,
        }
    }
}
