//! How far a command got.

/// How far something got, in a line that is written over: on a terminal only, and gone at the end.
pub(super) struct Progress {
    is_shown: bool,
    told: u64,
}

impl Progress {
    pub(super) fn new() -> Self {
        Self { is_shown: std::io::IsTerminal::is_terminal(&std::io::stderr()), told: 0 }
    }

    /// Every MiB.
    #[allow(clippy::print_stderr, reason = "this is where commands print")]
    pub(super) fn show(&mut self, bytes: u64) {
        if self.is_shown && bytes >> 20 > self.told {
            self.told = bytes >> 20;
            eprint!("\r{} MiB", self.told);
        }
    }
}

impl Drop for Progress {
    #[allow(clippy::print_stderr, reason = "this is where commands print")]
    fn drop(&mut self) {
        if self.told > 0 {
            eprint!("\r\x1b[K");
        }
    }
}
