//! Open files. Each connection is one, and many systems allow a process 1,024 of them unless it asks for more.

use mainsheet_api::limits::REFUSED_CONNECTIONS_MAX;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use crate::http;

/// Open files beside connections: the store, ports, standard streams, a watch a path, and what is being read on each core.
const OTHERS_MAX: usize = 128;

/// Raises the limit of this process as far as it may, and warns where that is too little for so many sinks.
pub fn raise_limit(connections_max: usize) {
    let limit = getrlimit(Resource::Nofile);
    let raised = Rlimit { current: limit.maximum, ..limit };
    let limit = match setrlimit(Resource::Nofile, raised) {
        Ok(()) => raised.current,
        Err(error) => {
            tracing::warn!(%error, "the limit of open files can't be raised");
            limit.current
        }
    };
    let fits = fitting(limit);
    if connections_max > fits {
        let open_files_max = limit.unwrap_or(u64::MAX);
        tracing::warn!(
            connections_max,
            open_files_max,
            fits,
            "`connections-max` is more than open files allow: raise the hard limit (`ulimit -n`, LimitNOFILE=), or write less"
        );
    }
}

/// How many sinks may connect.
fn fitting(limit: Option<u64>) -> usize {
    let limit = limit.map_or(usize::MAX, |limit| usize::try_from(limit).unwrap_or(usize::MAX));
    limit.saturating_sub(OTHERS_MAX + http::CONNECTIONS_MAX + REFUSED_CONNECTIONS_MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn room_is_left_for_http_and_for_what_the_server_itself_opens() {
        assert_eq!(fitting(Some(4_096)), 4_096 - 256 - 128 - 1_024);
        assert_eq!(fitting(Some(100)), 0);
        assert!(fitting(None) > 1_000_000_000);
    }
}
