//! The pages for operators: what they show is what is run here.

use anyhow::{Context, Result};

/// docs/istiod.md
pub(crate) const ISTIOD: &str = include_str!("../../docs/istiod.md");
/// docs/envoy.md
pub(crate) const ENVOY: &str = include_str!("../../docs/envoy.md");

/// The code block under a heading, of a language: "## Envoy's bootstrap", "yaml".
pub(crate) fn block<'a>(page: &'a str, heading: &str, language: &str) -> Result<&'a str> {
    let section = page.split_once(&format!("\n{heading}\n")).map(|(_, rest)| rest);
    let section = section.and_then(|rest| rest.split("\n## ").next());
    let block = section.and_then(|text| text.split_once(&format!("\n```{language}\n")));
    block
        .and_then(|(_, rest)| rest.split("\n```").next())
        .with_context(|| format!("the page has no block of {language} under `{heading}`"))
}
