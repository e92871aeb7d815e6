//! Where a resource's file is: names become paths that stay below the directory, and differ where names do.

use std::path::{Path, PathBuf};

use mainsheet_api::version::Digest;

use super::Form;

/// Bytes of one segment of a path; file systems take 255, and one is needed for what stands beside a file.
const SEGMENT_BYTES_MAX: usize = 200;

/// What files of a form end in.
pub(super) fn extension(form: Form) -> &'static str {
    match form {
        Form::Yaml => ".yaml",
        Form::Bytes => ".pb",
    }
}

/// The path below the directory, with `/` between its segments.
pub(super) fn of(type_url: &str, name: &str, form: Form) -> String {
    let segments: Vec<String> = type_url.split('/').chain(name.split('/')).map(segment).collect();
    segments.join("/") + extension(form)
}

/// Where a file is while it is written.
pub(super) fn beside(place: &Path) -> PathBuf {
    let name = place.file_name().unwrap_or_default().to_string_lossy();
    place.with_file_name(format!(".{name}.new"))
}

/// Letters, digits, `-`, `_` and inner dots stand for themselves; any other byte is `%` and two digits. An empty segment is
/// a `%` alone. A long one is cut, and ends in its digest.
fn segment(text: &str) -> String {
    let mut segment = String::new();
    for (index, byte) in text.bytes().enumerate() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' => segment.push(char::from(byte)),
            b'.' if index > 0 => segment.push('.'),
            _ => segment += &format!("%{byte:02X}"),
        }
    }
    if segment.is_empty() {
        segment.push('%');
    }
    if segment.len() > SEGMENT_BYTES_MAX {
        segment.truncate(SEGMENT_BYTES_MAX - 34);
        segment += &format!("%-{}", Digest::of([text.as_bytes()]));
    }
    segment
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn usual_names_are_their_paths() {
        let path = of("networking.istio.io/v1/VirtualService", "shop/reviews", Form::Yaml);
        assert_eq!(path, "networking.istio.io/v1/VirtualService/shop/reviews.yaml");
        let path = of("type.googleapis.com/envoy.config.cluster.v3.Cluster", "outbound|80||a.b", Form::Bytes);
        assert_eq!(path, "type.googleapis.com/envoy.config.cluster.v3.Cluster/outbound%7C80%7C%7Ca.b.pb");
    }

    #[test]
    fn no_name_leads_out_of_the_directory_or_to_the_path_of_another() {
        let long = "x".repeat(300);
        let longer = long.clone() + "y";
        let names = [
            "..",
            ".",
            "",
            "/",
            "a/..",
            "../../etc/passwd",
            ".mainsheet-index",
            "%",
            "%2E",
            &long,
            &longer,
            "é",
        ];
        let paths: BTreeSet<String> = names.iter().map(|name| of("t", name, Form::Yaml)).collect();
        assert_eq!(paths.len(), names.len(), "{paths:?}");
        for segment in paths.iter().flat_map(|path| path.split('/')) {
            assert!(!segment.starts_with('.') && !segment.is_empty() && segment.len() < 250, "{segment}");
        }
    }
}
