//! The documents of `validation/`: a file a kind, each document with the verdict that it is about in its first line.

use std::{collections::BTreeSet, fs, path::PathBuf};

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use crate::judge::Document;

/// One document.
#[derive(Debug)]
pub(crate) struct Case {
    pub(crate) document: Document,
    pub(crate) is_rejected: bool,
    /// The whole document, as YAML means it.
    pub(crate) tree: Value,
}

/// The folder.
pub(crate) fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("interop/validation")
}

/// All documents, in the order of files.
pub(crate) fn read() -> Result<Vec<Case>> {
    let files: Result<BTreeSet<PathBuf>, _> =
        fs::read_dir(folder())?.map(|entry| entry.map(|entry| entry.path())).collect();
    let mut cases = Vec::new();
    for file in files? {
        for text in fs::read_to_string(&file)?.split("---\n") {
            cases.push(case(text).with_context(|| format!("{}: {text}", file.display()))?);
        }
    }
    let documents: BTreeSet<_> = cases.iter().map(|case| &case.document).collect();
    ensure!(documents.len() == cases.len(), "two documents have the same kind and name");
    Ok(cases)
}

fn case(text: &str) -> Result<Case> {
    let expected = text.lines().next().and_then(|line| line.strip_prefix("# expect: "));
    let expected = expected.context("the first line does not begin with `# expect: `")?;
    let tree: Value = serde_saphyr::from_str(text)?;
    let text_at = |pointer: &str| tree.pointer(pointer).and_then(Value::as_str).map(str::to_owned);
    let document = text_at("/kind").zip(text_at("/metadata/name")).context("no kind or no name")?;
    Ok(Case { document, is_rejected: expected.starts_with("rejected "), tree })
}
