//! Kinds as people write them on a command line.

use mainsheet_api::kind::Kind;

/// For clap: a kind by name, plural or short name.
pub(super) fn parse(text: &str) -> Result<Kind, String> {
    Kind::of_argument(text).ok_or_else(|| {
        let known: Vec<_> = Kind::all().map(|kind| kind.info().plural).collect();
        format!("no such kind; known are: {}", known.join(", "))
    })
}

/// As kubectl names a resource: `virtualservice.networking.istio.io`.
pub(super) fn qualified(kind: Kind) -> String {
    let row = kind.info();
    format!("{}.{}", row.name.to_ascii_lowercase(), row.group)
}
