//! Writes resources, and knows what all that was written makes.

use std::path::PathBuf;

use super::{
    content::{Content, place},
    held::State,
    ledger::Ledger,
};
use crate::{api::Api, process::now};
use anyhow::{Context, Result, ensure};
use mainsheet_api::generated::mainsheet::v1::{
    ApplyRequest, ApplyResponse, DeleteRequest, DeleteResponse, Manifest, ResourceKey, manifest::Form,
};

/// Resources of one request, when all are written.
const IN_REQUEST: usize = 1000;

/// How resources are written.
#[derive(Debug)]
pub(super) enum Way {
    /// With `mainsheet.v1`.
    Api(Api),
    /// A file each, below a folder that the server reads.
    Files(PathBuf),
}

/// Writes resources, and knows what all that was written makes.
#[derive(Debug)]
pub(crate) struct Writer {
    content: Content,
    way: Way,
    /// Of each number, the digest of what was written last, where it was not removed.
    written: Vec<Option<u64>>,
    state: State,
    mark: u64,
}

impl Writer {
    pub(super) fn new(content: Content, way: Way, len: usize) -> Self {
        Self { content, way, written: vec![None; len], state: State::default(), mark: 0 }
    }

    /// What is written by now is what clients find when they connect: the number of this change.
    pub(crate) fn begin(&self, ledger: &Ledger) -> usize {
        ledger.begin(self.state, now())
    }

    pub(crate) fn has(&self, number: usize) -> bool {
        self.written[number].is_some()
    }

    /// Writes all resources, before clients come.
    pub(crate) async fn write_all(&mut self) -> Result<()> {
        let numbers: Vec<_> = (0..self.written.len()).collect();
        for part in numbers.chunks(IN_REQUEST) {
            let documents =
                part.iter().map(|number| (*number, self.content.document(*number, self.mark))).collect();
            self.write(documents).await?;
            for number in part {
                self.put(*number);
            }
        }
        Ok(())
    }

    /// Writes other versions of resources, one after the other, before clients come.
    pub(crate) async fn write_history(&mut self, changes: usize) -> Result<()> {
        for number in (0..self.written.len()).cycle().take(changes) {
            self.mark += 1;
            self.put(number);
            self.write(vec![(number, self.content.document(number, self.mark))]).await?;
        }
        Ok(())
    }

    /// Writes another version of a resource, or one that is not there; the number of the change.
    pub(crate) async fn change(&mut self, number: usize, ledger: &Ledger) -> Result<usize> {
        self.mark += 1;
        self.put(number);
        let change = ledger.begin(self.state, now());
        self.write(vec![(number, self.content.document(number, self.mark))]).await?;
        self.answered(change, ledger);
        Ok(change)
    }

    /// Removes a resource; the number of the change.
    pub(crate) async fn remove(&mut self, number: usize, ledger: &Ledger) -> Result<usize> {
        let digest =
            self.written[number].take().with_context(|| format!("resource {number} is not there"))?;
        self.state.remove(digest);
        let change = ledger.begin(self.state, now());
        let (namespace, name) = place(number);
        match &mut self.way {
            Way::Files(folder) => std::fs::remove_file(folder.join(file_name(number)))?,
            Way::Api(api) => {
                let key =
                    ResourceKey { kind: "VirtualService".to_owned(), namespace, name, ..Default::default() };
                let request = DeleteRequest { keys: vec![key], ..Default::default() };
                api.ask::<_, DeleteResponse>("Delete", request).await?;
            }
        }
        self.answered(change, ledger);
        Ok(change)
    }

    /// Files are not answered: when they were committed only clients can tell.
    fn answered(&self, change: usize, ledger: &Ledger) {
        if let Way::Api(_) = self.way {
            ledger.answer(change, now());
        }
    }

    fn put(&mut self, number: usize) {
        let digest = self.content.digest(number, self.mark);
        if let Some(before) = self.written[number].replace(digest) {
            self.state.remove(before);
        }
        self.state.add(digest);
    }

    async fn write(&mut self, documents: Vec<(usize, String)>) -> Result<()> {
        match &mut self.way {
            Way::Files(folder) => {
                for (number, document) in documents {
                    let path = folder.join(file_name(number));
                    // In place of the old one at once, so that nobody reads half of it.
                    let new = path.with_extension("new");
                    std::fs::write(&new, document)?;
                    std::fs::rename(new, path)?;
                }
            }
            Way::Api(api) => {
                let manifest = |(_, text)| Manifest { form: Some(Form::Text(text)), ..Default::default() };
                let manifests: Vec<_> = documents.into_iter().map(manifest).collect();
                let len = manifests.len();
                let request = ApplyRequest { manifests, ..Default::default() };
                let answer: ApplyResponse = api.ask("Apply", request).await?;
                ensure!(answer.results.len() == len, "{} results for {len} resources", answer.results.len());
            }
        }
        Ok(())
    }
}

fn file_name(number: usize) -> String {
    format!("route-{number}.yaml")
}
