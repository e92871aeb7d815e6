//! Kinds as people write them on a command line.

use std::ffi::OsStr;

use clap::{
    Arg, Command,
    builder::{PossibleValue, TypedValueParser},
};
use mainsheet_api::kind::Kind;

/// For clap: a kind by name, plural or short name. Help and completion show the plurals.
#[derive(Clone)]
pub(super) struct KindParser;

impl TypedValueParser for KindParser {
    type Value = Kind;

    fn parse_ref(&self, command: &Command, arg: Option<&Arg>, value: &OsStr) -> Result<Kind, clap::Error> {
        parse.parse_ref(command, arg, value)
    }

    fn possible_values(&self) -> Option<Box<dyn Iterator<Item = PossibleValue> + '_>> {
        Some(Box::new(Kind::all().map(|kind| PossibleValue::new(kind.info().plural))))
    }
}

fn parse(text: &str) -> Result<Kind, String> {
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
