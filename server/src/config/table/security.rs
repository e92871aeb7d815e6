//! Settings of who may do what, and of what is told of clients.

use super::{super::text::*, Form::Value, Setting, TakesEffect};

pub(super) const SETTINGS: &[Setting] = &[
    row!(
        "authorities",
        Value("SOURCES"),
        authorities,
        read_sources,
        write_sources,
        "Sources whose roles and bindings grant something, beside paths and upstreams with `authority: true`: api, files:PATH, xds:ADDR, with commas between them, or none. Documents of other sources are kept and grant nothing"
    ),
    row!(
        "audit-log",
        Value("FILE"),
        audit_log,
        read_file,
        write_file,
        "Where is written who did what (docs/security.md): writes, refusals, failed logins, changes of views; or none"
    ),
    row!(
        "audit-log-size",
        Value("SIZE"),
        audit_log_size,
        read_size,
        write_size,
        "Size at which a file of the audit log is full, and the next one begins"
    ),
    row!(
        "audit-log-kept",
        Value("COUNT"),
        audit_log_kept,
        read_count,
        ToString::to_string,
        "Full files of the audit log that are kept beside it; older ones are deleted"
    ),
    row!(
        "audit-failure",
        Value("MODE"),
        audit_failure,
        read_word,
        ToString::to_string,
        "What becomes of a write that the audit log can't tell, because its disk is full or fails: refuse it, or make it and count what is not told"
    ),
];
