//! Two judges of the same files: `istioctl validate`, and `mainsheet validate`.

use std::{collections::BTreeMap, fmt, path::Path, process::Command};

use anyhow::{Context, Result, ensure};
use mainsheet_api::validate::across;
use serde_json::Value;

use crate::tools::Tools;

/// A document by its kind and name, which are unique among those that are judged together.
pub(crate) type Document = (String, String);

/// What a judge says of one document.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Verdict {
    Accepted,
    Warned,
    Rejected,
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Accepted => "accepted",
            Self::Warned => "accepted with warnings",
            Self::Rejected => "rejected",
        })
    }
}

/// A verdict with what was said for it: a code of ours, or a sentence of istioctl's.
#[derive(Clone, Debug)]
pub(crate) struct Said {
    pub(crate) verdict: Verdict,
    pub(crate) why: String,
}

/// Verdicts by document. istioctl says nothing of what it accepts.
#[derive(Debug, Default)]
pub(crate) struct Verdicts(BTreeMap<Document, Said>);

impl Verdicts {
    pub(crate) fn of(&self, document: &Document) -> Said {
        let nothing = || Said { verdict: Verdict::Accepted, why: String::new() };
        self.0.get(document).cloned().unwrap_or_else(nothing)
    }

    fn has_rejected(&self) -> bool {
        self.0.values().any(|said| said.verdict == Verdict::Rejected)
    }

    /// The heavier verdict stays, and of equal ones the first.
    fn add(&mut self, document: Document, verdict: Verdict, why: &str) {
        let said = Said { verdict, why: why.to_owned() };
        let known = self.0.entry(document).or_insert_with(|| said.clone());
        if verdict > known.verdict {
            *known = said;
        }
    }
}

/// Asks `istioctl validate` about a file or folder, in one process and without a cluster.
pub(crate) fn ask_istioctl(tools: &Tools, path: &Path) -> Result<Verdicts> {
    let mut command = Command::new(tools.program("istioctl"));
    command.args(["validate", "-f"]).arg(path).env_remove("KUBECONFIG").env("HOME", "/nonexistent");
    let ended = command.output()?;
    let output = [ended.stdout, ended.stderr].concat();
    let said = String::from_utf8_lossy(&output);
    ensure!(!said.contains("failed to decode file"), "istioctl stopped reading: {said}");
    let verdicts = read_istioctl(&said);
    ensure!(ended.status.success() != verdicts.has_rejected(), "istioctl said: {said}");
    Ok(verdicts)
}

/// Warnings come first, file by file; then, where there are any, all errors.
fn read_istioctl(said: &str) -> Verdicts {
    let (warnings, errors) = said.split_once("Error: ").unwrap_or((said, ""));
    let mut verdicts = Verdicts::default();
    for (verdict, lines) in [(Verdict::Rejected, errors), (Verdict::Warned, warnings)] {
        for (document, why) in lines.lines().filter_map(finding) {
            verdicts.add(document, verdict, why);
        }
    }
    verdicts
}

/// `\t* Gateway/shop/public: no servers`
fn finding(line: &str) -> Option<(Document, &str)> {
    let (resource, why) = line.strip_prefix("\t* ")?.split_once(": ")?;
    let (kind, name) = resource.split_once('/')?;
    let (_, name) = name.split_once('/')?;
    Some(((kind.to_owned(), name.to_owned()), why))
}

/// Codes of what only Kubernetes refuses: istioctl does not ask it.
const KUBERNETES_ONLY: &str = "crd-";

/// Whether a warning is of what istioctl looks at: one resource by itself, as istiod's store does.
fn is_istiods(code: &str) -> bool {
    !code.starts_with(KUBERNETES_ONLY) && across::code::CODES.iter().all(|other| other.id != code)
}

/// Asks `mainsheet validate` about a file or folder.
pub(crate) fn ask_mainsheet(tools: &Tools, path: &Path) -> Result<Verdicts> {
    let ended = Command::new(&tools.mainsheet).args(["validate", "-o", "json"]).arg(path).output()?;
    let output: Value = serde_json::from_slice(&ended.stdout)
        .with_context(|| format!("no JSON, but: {}", String::from_utf8_lossy(&ended.stderr)))?;
    ensure!(output["summary"]["ignored"] == 0, "documents are ignored: {}", output["summary"]);
    let mut verdicts = Verdicts::default();
    for document in output["documents"].as_array().context("no documents")? {
        let text = |field: &str| document[field].as_str().map(str::to_owned);
        let (Some(kind), Some(name)) = (text("kind"), text("name")) else {
            anyhow::bail!("a document has no key: {document}");
        };
        verdicts.add((kind.clone(), name.clone()), Verdict::Accepted, "");
        for finding in document["findings"].as_array().into_iter().flatten() {
            let code = finding["code"].as_str().context("no code")?;
            let verdict = if finding["severity"] == "error" { Verdict::Rejected } else { Verdict::Warned };
            if verdict == Verdict::Rejected || is_istiods(code) {
                verdicts.add((kind.clone(), name.clone()), verdict, code);
            }
        }
    }
    Ok(verdicts)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn istioctl_is_understood() {
        let said = "\"a.yaml\" has warnings: \n\t* Gateway/shop/a: an old way\n\n\
                    Error: 2 errors occurred:\n\t* Gateway/shop/b: no servers: none\n\t* Gateway/shop/c: no name\n\n\n";
        let verdicts = read_istioctl(said);
        let of = |name: &str| verdicts.of(&("Gateway".to_owned(), name.to_owned()));
        for (name, verdict, why) in [
            ("a", Verdict::Warned, "an old way"),
            ("b", Verdict::Rejected, "no servers: none"),
            ("c", Verdict::Rejected, "no name"),
            ("d", Verdict::Accepted, ""),
        ] {
            assert_eq!((of(name).verdict, &*of(name).why), (verdict, why), "{name}");
        }
    }

    #[test]
    fn heaviest_verdict_stays() {
        let mut verdicts = Verdicts::default();
        let document = || ("Gateway".to_owned(), "a".to_owned());
        for (verdict, why) in [
            (Verdict::Accepted, ""),
            (Verdict::Rejected, "b"),
            (Verdict::Warned, "c"),
            (Verdict::Rejected, "d"),
        ] {
            verdicts.add(document(), verdict, why);
        }
        assert_eq!(
            (verdicts.of(&document()).verdict, verdicts.of(&document()).why),
            (Verdict::Rejected, "b".to_owned())
        );
    }
}
