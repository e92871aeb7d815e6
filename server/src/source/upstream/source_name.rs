//! What the source of a server is called.

use std::sync::Arc;

use mainsheet_api::resource::SourceName;

/// The source of a server: `xds:` and its name, or else its address as it was given, without what stands before `//`.
#[must_use]
pub fn source_name(name: Option<&str>, address: &str) -> SourceName {
    let plain = address.split_once("://").map_or(address, |(_, plain)| plain).trim_end_matches('/');
    SourceName(Arc::from(format!("xds:{}", name.unwrap_or(plain))))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spellings_of_one_address_are_one_source() {
        for address in ["hub:15010", "xds://hub:15010", "xds://hub:15010/", "http://hub:15010"] {
            assert_eq!(&*source_name(None, address).0, "xds:hub:15010");
        }
        assert_eq!(&*source_name(Some("hub"), "xds://10.0.0.1:15010").0, "xds:hub");
    }
}
