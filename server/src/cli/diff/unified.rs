//! Two documents, line by line.

use similar::{ChangeTag, TextDiff};

use crate::cli::terminal::Paint;

/// Fields of metadata that a server adds to a document.
pub(super) const ADDED: [&str; 2] = ["creationTimestamp", "resourceVersion"];

/// Lines around those that differ.
const CONTEXT_LEN: usize = 3;

/// A YAML document without what a server adds to it.
pub(super) fn content(document: &str) -> String {
    let mut is_metadata = false;
    let is_kept = |line: &&str| {
        // A field of the document itself: another part of it begins.
        if line.starts_with(|c: char| c != ' ' && c != '-') {
            is_metadata = *line == "metadata:\n";
        }
        let field =
            line.strip_prefix("  ").and_then(|line| line.split_once(':')).map_or("", |(name, _)| name);
        !(is_metadata && ADDED.contains(&field))
    };
    document.split_inclusive('\n').filter(is_kept).collect()
}

/// What differs between two texts, with the names of each; nothing where they are equal.
pub(super) fn diff(names: &[String; 2], texts: &[String; 2], paint: Paint) -> String {
    let [was, is] = names;
    let mut printed =
        format!("{}\n{}\n", paint.bold(&format!("--- {was}")), paint.bold(&format!("+++ {is}")));
    let diff = TextDiff::from_lines(texts[0].as_str(), texts[1].as_str());
    for hunk in diff.unified_diff().context_radius(CONTEXT_LEN).iter_hunks() {
        printed += &paint.cyan(&hunk.header().to_string());
        printed.push('\n');
        for change in hunk.iter_changes() {
            let line = change.value().trim_end_matches('\n');
            printed += &match change.tag() {
                ChangeTag::Equal => format!(" {line}"),
                ChangeTag::Delete => paint.red(&format!("-{line}")),
                ChangeTag::Insert => paint.green(&format!("+{line}")),
            };
            printed.push('\n');
        }
    }
    printed
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_the_server_adds_to_the_metadata_is_left_out() {
        let document = "kind: X\nmetadata:\n  name: a\n  annotations:\n    resourceVersion: x\n  creationTimestamp: t\n  resourceVersion: v\n\
                        spec:\n  resourceVersion: y\n";
        assert_eq!(
            content(document),
            "kind: X\nmetadata:\n  name: a\n  annotations:\n    resourceVersion: x\nspec:\n  resourceVersion: y\n"
        );
    }
}
