//! The documents that a command is given, as texts.

use std::{
    io::{self, Read as _},
    path::PathBuf,
};

use anyhow::Context as _;
use mainsheet_api::{
    codec::{self, Content, Defaults, UnknownFields},
    generated::mainsheet::v1::{self as pb, manifest::Form},
    key::Key,
};

use crate::source::file;

/// What stands for standard input on the command line, and in what is printed.
pub(super) const STDIN: &str = "-";

/// Where documents come from.
#[derive(Debug, clap::Args)]
pub(super) struct FileArgs {
    /// Files and directories of YAML or JSON documents, directories with all below them, as `serve` reads them; `-` is standard
    /// input
    #[arg(short = 'f', long = "filename", value_name = "FILE|DIR|-")]
    pub(super) files: Vec<String>,
    /// Directories are always read with all below them
    #[arg(short = 'R', long, hide = true)]
    recursive: bool,
}

/// A text of documents.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Manifest {
    /// The file, as it can be opened from here, or [`STDIN`].
    pub(super) origin: String,
    pub(super) text: String,
}

impl Manifest {
    /// As a request has it.
    pub(super) fn into_request(self) -> pb::Manifest {
        pb::Manifest { origin: self.origin, form: Some(Form::Text(self.text)) }
    }
}

impl FileArgs {
    /// Reads all that was named.
    ///
    /// # Errors
    /// Where anything of it can't be read, or there is nothing.
    pub(super) fn read(&self) -> anyhow::Result<Vec<Manifest>> {
        let (stdin, roots): (Vec<_>, Vec<_>) = self.files.iter().partition(|path| *path == STDIN);
        let mut manifests = Vec::new();
        if !stdin.is_empty() {
            manifests.push(Manifest { origin: STDIN.to_owned(), text: standard_input()? });
        }
        let roots: Vec<PathBuf> = roots.into_iter().map(PathBuf::from).collect();
        let (texts, complaints) = file::texts_once(&roots);
        anyhow::ensure!(complaints.is_empty(), "can't read {}", complaints.join(", "));
        manifests.extend(
            texts.into_iter().map(|(origin, text)| Manifest { origin: opened(&roots, &origin), text }),
        );
        anyhow::ensure!(!manifests.is_empty(), "no documents in {}", self.files.join(", "));
        Ok(manifests)
    }
}

/// All of standard input.
///
/// # Errors
/// Where it is no text.
pub(super) fn standard_input() -> anyhow::Result<String> {
    let mut text = String::new();
    io::stdin().read_to_string(&mut text).context("read standard input")?;
    Ok(text)
}

/// The file of an origin, as it can be opened from here: a source names what is below its only root by the path below it.
pub(super) fn opened(roots: &[PathBuf], origin: &str) -> String {
    match roots {
        [root] if root.is_dir() => root.join(origin).display().to_string(),
        [root] => root.display().to_string(),
        _ => origin.to_owned(),
    }
}

/// The keys of all documents whose kind and name can be told, whatever else is wrong with them.
pub(super) fn keys(manifests: &[Manifest], namespace: &str) -> Vec<Key> {
    let defaults = Defaults { namespace, scope: "", unknown_fields: UnknownFields::Ignore };
    let documents = manifests.iter().flat_map(|manifest| codec::read(&manifest.text, defaults));
    let key = |content| match content {
        Content::Resource { resource, .. } => Some(resource.key),
        Content::Rejected { key, .. } => key,
        Content::Ignored { .. } => None,
    };
    documents.filter_map(|document| key(document.content)).collect()
}

/// As a request has it.
pub(super) fn key_in_request(key: &Key) -> pb::ResourceKey {
    pb::ResourceKey {
        kind: key.kind.to_string(),
        namespace: key.namespace.to_string(),
        name: key.name.to_string(),
        scope: key.scope.to_string(),
    }
}
