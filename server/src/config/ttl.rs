//! How long resources live, as a text.

use std::time::Duration;

use mainsheet_api::lease;

pub(super) fn read_ttl(text: &str) -> Result<Option<Duration>, String> {
    let right = "write whole numbers with units from large to small, for example 30s, 1h30m or 7d, or never";
    lease::parse_lease_ttl(text).map_err(|error| format!("{right}; this is {error}"))
}

pub(super) fn write_ttl(ttl: &Option<Duration>) -> String {
    ttl.map_or_else(|| lease::NEVER.to_owned(), lease::format_ttl)
}
