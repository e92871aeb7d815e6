//! What `-o` takes.

use std::ffi::OsStr;

use clap::{
    Arg, Command,
    builder::{PossibleValue, StringValueParser, TypedValueParser},
    error::ErrorKind,
};
use mainsheet_api::{codec::suggestion, generated::mainsheet::v1 as pb};
use serde_json::Value;

use crate::cli::jsonpath::Template;

/// How something is printed.
#[derive(Clone, Debug)]
pub(in crate::cli) enum Format {
    /// A line each.
    Table,
    /// A line each, with more columns.
    Wide,
    /// Documents.
    Yaml,
    /// A document, or a list of them.
    Json,
    /// kind.group/name, a line each.
    Name,
    /// What a template says.
    JsonPath(Template),
}

impl Format {
    /// Every format by its name, with what it prints.
    const ALL: [(&str, &str); 6] = [
        ("table", "A line each"),
        ("wide", "A line each, with more columns"),
        ("yaml", "Documents, as `validate`, `serve` and `apply` read them"),
        ("json", "A document, or a list of them"),
        ("name", "kind.group/name, a line each"),
        ("jsonpath=", "What a template says, as kubectl's: '{.items[*].metadata.name}'"),
    ];

    fn parse(text: &str) -> Result<Self, String> {
        match text.split_once('=') {
            Some(("jsonpath", template)) => {
                return Template::parse(template).map(Self::JsonPath).map_err(|mistake| mistake.to_string());
            }
            Some((name, _)) => return Err(format!("`{name}` takes no value; only jsonpath=TEMPLATE does")),
            None => {}
        }
        match text {
            "table" => Ok(Self::Table),
            "wide" => Ok(Self::Wide),
            "yaml" => Ok(Self::Yaml),
            "json" => Ok(Self::Json),
            "name" => Ok(Self::Name),
            "jsonpath" => Err("a template is missing: jsonpath='{.items[*].metadata.name}'".to_owned()),
            _ => {
                Err(format!("no such format; {}", suggestion(text, Self::ALL.iter().map(|(name, _)| *name))))
            }
        }
    }

    /// In which form to ask for resources.
    pub(in crate::cli) fn form(&self, with_labels: bool) -> pb::Form {
        match self {
            Self::Yaml => pb::Form::Yaml,
            Self::Json | Self::JsonPath(_) => pb::Form::Json,
            // Labels are in the bytes that sinks get.
            Self::Table | Self::Wide if with_labels => pb::Form::Unspecified,
            Self::Table | Self::Wide | Self::Name => pb::Form::None,
        }
    }
}

/// For clap. Of the formats, some commands have some.
#[derive(Clone)]
pub(in crate::cli) struct FormatParser {
    /// Whether there is something to name.
    pub(in crate::cli) with_name: bool,
}

impl TypedValueParser for FormatParser {
    type Value = Format;

    fn parse_ref(&self, command: &Command, arg: Option<&Arg>, value: &OsStr) -> Result<Format, clap::Error> {
        let text = StringValueParser::new().parse_ref(command, arg, value)?;
        let format = match Format::parse(&text) {
            Ok(Format::Name) if !self.with_name => Err("nothing here has a kind and a name".to_owned()),
            other => other,
        };
        format.map_err(|mistake| {
            let text = format!("invalid value '{text}' for '-o': {mistake}\n");
            clap::Error::raw(ErrorKind::ValueValidation, text).with_cmd(command)
        })
    }

    fn possible_values(&self) -> Option<Box<dyn Iterator<Item = PossibleValue> + '_>> {
        let all = Format::ALL.iter().filter(|(name, _)| self.with_name || *name != "name");
        Some(Box::new(all.map(|(name, help)| PossibleValue::new(*name).help(*help))))
    }
}

/// What is no resource, in one of the formats that are no tables.
///
/// # Errors
/// Where a template does not fit it.
pub(in crate::cli) fn object(format: &Format, value: &Value) -> anyhow::Result<String> {
    Ok(match format {
        Format::Yaml => serde_saphyr::to_string(value)?,
        Format::JsonPath(template) => template.print(value)?,
        Format::Table | Format::Wide | Format::Name | Format::Json => {
            format!("{}\n", serde_json::to_string_pretty(value)?)
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_format_that_is_listed_is_read() {
        for (name, _) in Format::ALL {
            let text = if name.ends_with('=') { format!("{name}{{.a}}") } else { name.to_owned() };
            assert!(Format::parse(&text).is_ok(), "{text}");
        }
    }

    #[test]
    fn mistakes_say_what_would_be_right() {
        for (text, mistake) in [
            ("ymal", "no such format; did you mean `yaml`?"),
            ("xml", "no such format; known here: table, wide, yaml, json, name, jsonpath="),
            ("jsonpath", "a template is missing: jsonpath='{.items[*].metadata.name}'"),
            ("wide={.a}", "`wide` takes no value; only jsonpath=TEMPLATE does"),
            ("jsonpath={.a", "column 1 of the template: this brace is never closed\n  {.a\n  ^"),
        ] {
            assert_eq!(Format::parse(text).unwrap_err(), mistake, "{text}");
        }
    }
}
