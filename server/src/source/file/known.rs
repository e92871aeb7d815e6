//! What is known of one file.

use std::time::Duration;

use mainsheet_api::{time::Uptime, version::Digest};

use super::listing::Found;
use crate::source::LastWritten;

/// How long a file that held documents must be empty before it counts as empty: editors truncate, then write.
/// As long as the intake's debounce waits at most.
pub(super) const EMPTY_SETTLE: Duration = Duration::from_secs(1);

/// How long a file may be gone before the news of its unlinking counts as never coming. The kernel sends such news
/// within the call, so that this covers a thread that is late.
pub(super) const MISSING_SETTLE: Duration = Duration::from_millis(250);

/// What is known of one file.
#[derive(Debug)]
pub(super) struct Known {
    pub(super) found: Found,
    /// Of the content that was last reported; none where it could not be read.
    pub(super) digest: Option<Digest>,
    pub(super) missing_since: Option<Uptime>,
    pub(super) emptied: Emptied,
    /// Whether it is to be read although it looks the same.
    pub(super) is_unread: bool,
}

impl Known {
    /// It could not be read when its time had come: it is read, and waited for, anew once it can be.
    pub(super) fn put_off(&mut self) {
        if matches!(self.emptied, Emptied::Since(_)) {
            (self.emptied, self.is_unread) = (Emptied::No, true);
        }
    }

    /// When to look at it again although there is no news.
    pub(super) fn due(&self) -> Option<Uptime> {
        let emptied = match self.emptied {
            Emptied::Since(since) => Some(since.after(EMPTY_SETTLE)),
            Emptied::No | Emptied::Settled => None,
        };
        self.missing_since.map(|since| since.after(MISSING_SETTLE)).into_iter().chain(emptied).min()
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Emptied {
    No,
    Since(Uptime),
    Settled,
}

/// When a file was last written, as far as two looks at it tell.
pub(super) fn last_written(before: Option<&Known>, found: &Found) -> Option<LastWritten> {
    let stamp = found.stamp.as_ref().ok()?;
    let is_other =
        before.is_some_and(|known| known.digest.is_some() && known.found.stamp.as_ref() != Ok(stamp));
    Some(if is_other { LastWritten::SinceTold } else { LastWritten::At(stamp.written()) })
}
