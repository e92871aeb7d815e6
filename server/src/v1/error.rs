//! Refusals of the service: a text for people, and details that programs can branch on.

use std::collections::HashMap;

use mainsheet_api::{key::Key, limits::WATCHES_MAX, version::Revision};
use mainsheet_cache::StoreError;
use tokio::task::JoinError;
use tonic::{Code, Status};
use tonic_types::{ErrorDetails, StatusExt as _};

/// Of every `google.rpc.ErrorInfo`.
pub(super) const DOMAIN: &str = "mainsheet.io";

/// A field of the request is wrong: `field` is its path, the rest says what would be right.
pub(super) fn bad_request(field: &str, description: impl Into<String>) -> Status {
    let description = description.into();
    let message = format!("{field}: {description}");
    Status::with_error_details(
        Code::InvalidArgument,
        message,
        ErrorDetails::with_bad_request_violation(field, description),
    )
}

/// With a reason to branch on, and what it is about.
pub(super) fn because<'m>(
    code: Code,
    reason: &str,
    message: impl Into<String>,
    metadata: impl IntoIterator<Item = (&'m str, String)>,
) -> Status {
    let metadata: HashMap<_, _> =
        metadata.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
    Status::with_error_details(code, message, ErrorDetails::with_error_info(reason, DOMAIN, metadata))
}

/// Nothing has this key, `whom` being who was asked: a source, or what is served.
pub(super) fn not_found(key: &Key, whom: &str) -> Status {
    let message = format!("{key} not found in {whom}");
    let mut details = ErrorDetails::with_error_info("NOT_FOUND", DOMAIN, HashMap::new());
    details.set_resource_info(key.kind.to_string(), format!("{}/{}", key.namespace, key.name), "", whom);
    Status::with_error_details(Code::NotFound, message, details)
}

/// A revision that is no longer kept.
pub(super) fn compacted(asked: Revision, oldest: Revision) -> Status {
    let message = format!("revision {asked} is no longer kept; the oldest that is is {oldest}");
    let metadata = [("revision", asked.to_string()), ("oldest", oldest.to_string())];
    because(Code::OutOfRange, "COMPACTED", message, metadata)
}

/// A revision that is not there yet: of another server, or of a store that was replaced.
pub(super) fn ahead(asked: Revision, newest: Revision) -> Status {
    let message = format!("revision {asked} is not there yet; the newest is {newest}");
    let metadata = [("revision", asked.to_string()), ("newest", newest.to_string())];
    because(Code::OutOfRange, "AHEAD", message, metadata)
}

/// What is served is not known yet.
pub(super) fn not_ready(awaited: &[String]) -> Status {
    let awaited = awaited.join(", ");
    let message = format!("not ready: awaited are {awaited}");
    because(Code::Unavailable, "NOT_READY", message, [("awaited", awaited)])
}

/// The server ends.
pub(super) fn stopping() -> Status {
    because(Code::Unavailable, "STOPPING", "the server is stopping; connect again", [])
}

/// What its caller may see is another set of resources: what was told and what will be do not fit together.
pub(super) fn granted_anew() -> Status {
    let message = "what you may see has changed; list, and watch again from there";
    because(Code::Aborted, "GRANTS_CHANGED", message, [])
}

/// As many watches are open as there may be.
pub(super) fn too_many_watches() -> Status {
    let message =
        format!("{WATCHES_MAX} watches are open, which is the bound; end some, or select more with one");
    because(Code::ResourceExhausted, "WATCHES", message, [])
}

/// The store can't be read, for now or for good.
pub(super) fn store(error: &StoreError) -> Status {
    because(Code::Unavailable, "STORE", error.with_causes(), [])
}

/// Work of ours panicked.
pub(super) fn internal(error: JoinError) -> Status {
    Status::internal(format!("an error in mainsheet itself: {error}"))
}
