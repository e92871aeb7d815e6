//! How commands print.

use comfy_table::{ContentArrangement, Table, presets};
use mainsheet_api::{
    codec::{DecodeError, Received, write_json, write_json_list, write_yaml},
    kind::Family,
    time::Timestamp,
};

use super::kinds;

/// How resources are printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum Format {
    /// A line each
    Table,
    /// kind.group/name, a line each
    Name,
    /// Documents, as `validate` and `serve` read them; those of Envoy's kinds lack their namespace
    Yaml,
    /// A document, or a list of them
    Json,
}

/// Tells people something that is no output.
#[allow(clippy::print_stderr, reason = "this is where commands print")]
pub(super) fn note(text: &str) {
    eprintln!("{text}");
}

/// A table as kubectl prints it: columns of text, three blanks between them, no lines.
pub(super) fn table(header: &[&str], rows: impl IntoIterator<Item = Vec<String>>) -> String {
    let mut table = Table::new();
    table.load_style(presets::NOTHING).set_content_arrangement(ContentArrangement::Disabled);
    table.set_header(header.to_vec());
    rows.into_iter().for_each(|row| {
        table.add_row(row);
    });
    for column in table.column_iter_mut() {
        column.set_padding((0, 3));
    }
    let lines = table.to_string();
    lines.lines().map(|line| format!("{}\n", line.trim_end())).collect()
}

/// Resources of one kind, a line each.
pub(super) fn resources(found: &[Received], with_namespace: bool, now: Timestamp) -> String {
    let is_envoy = found.iter().any(|one| one.resource.key.kind.info().family == Family::Envoy);
    // Envoy's resources carry neither namespace, version nor time on the wire.
    let header: &[&str] = match (is_envoy, with_namespace) {
        (true, _) => &["NAME"],
        (false, false) => &["NAME", "VERSION", "AGE"],
        (false, true) => &["NAMESPACE", "NAME", "VERSION", "AGE"],
    };
    let rows = found.iter().map(|one| {
        let key = &one.resource.key;
        let cells = header.iter().map(|column| match *column {
            "NAMESPACE" => key.namespace.to_string(),
            "NAME" => key.name.to_string(),
            "VERSION" => one.resource.upstream_version.as_ref().map_or_else(unknown, ToString::to_string),
            _ => one.created.map_or_else(unknown, |created| age(created, now)),
        });
        cells.collect()
    });
    table(header, rows)
}

/// As kubectl has it.
fn unknown() -> String {
    "<unknown>".to_owned()
}

/// Resources as documents, one after the other.
pub(super) fn yaml(found: &[Received]) -> Result<String, DecodeError> {
    let documents: Vec<String> = found.iter().map(write_yaml).collect::<Result<_, _>>()?;
    Ok(documents.join("---\n"))
}

/// Resources as one document: itself, where one was asked for by name, or a list.
pub(super) fn json(found: &[Received], is_single: bool) -> Result<String, DecodeError> {
    let text = match found {
        [one] if is_single => write_json(one)?,
        several => write_json_list(several)?,
    };
    Ok(if text.ends_with('\n') { text } else { text + "\n" })
}

/// Resources by name, as kubectl takes them.
pub(super) fn names(found: &[Received]) -> String {
    let line =
        |one: &Received| format!("{}/{}\n", kinds::qualified(one.resource.key.kind), one.resource.key.name);
    found.iter().map(line).collect()
}

/// A time span as kubectl shortens it: `5s`, `3m`, `2h`, `4d`.
fn age(created: Timestamp, now: Timestamp) -> String {
    let seconds = now.0.saturating_sub(created.0) / 1000;
    match seconds {
        0..120 => format!("{seconds}s"),
        120..7_200 => format!("{}m", seconds / 60),
        7_200..172_800 => format!("{}h", seconds / 3600),
        _ => format!("{}d", seconds / 86_400),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn table_has_no_lines_and_no_blanks_at_the_end() {
        let text = table(&["NAMESPACE", "NAME"], [vec!["shop".into(), "reviews".into()]]);
        assert_eq!(text, "NAMESPACE   NAME\nshop        reviews\n");
    }

    #[test]
    fn age_is_short() {
        for (seconds, text) in
            [(0, "0s"), (119, "119s"), (120, "2m"), (7_199, "119m"), (7_200, "2h"), (172_800, "2d")]
        {
            assert_eq!(age(Timestamp(1_000), Timestamp(1_000 + seconds * 1000)), text);
        }
    }
}
