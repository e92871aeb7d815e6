//! How what is served differs between two states, of which the second may be what an apply would make.

use std::{collections::BTreeSet, sync::Arc};

use futures_util::stream;
use mainsheet_api::{
    generated::mainsheet::v1 as pb,
    key::Key,
    kind::Kind,
    limits::{PAGE_BYTES_MAX, PAGE_LEN_MAX},
    resource::SourceName,
    xds::catalog::Catalog as _,
};
use mainsheet_cache::{
    HeldEntry, blocking,
    snapshot::{Snapshot, SnapshotCatalog},
};
use prost::Message as _;
use tonic::Status;

use super::{
    Answers, Reads,
    apply::{Room, would_be},
    asking::Asking,
    changes::{changes, put_hidden},
    convert,
    error::{bad_request, internal},
    selection::Selected,
};
use crate::auth::{Sight, sight};

pub(super) async fn diff(
    (reads, asking): (&Reads, &Asking),
    room: &Room,
    (sight, request): (Sight, pb::DiffRequest),
) -> Result<Answers<pb::DiffResponse>, Status> {
    let pb::DiffRequest { from_revision, to, selection, form } = request;
    let (selected, form) = (Selected::of(selection)?, convert::form(form)?);
    let selected = selected.seen_by(&sight, sight::DIFF)?;
    let (from, to, first) = match to {
        Some(pb::diff_request::To::Apply(apply)) => {
            if from_revision != 0 {
                let remedy = "what an apply would make is compared with the newest state: leave it out";
                return Err(bad_request("from_revision", remedy));
            }
            let (from, to, results) = would_be((&reads.links, asking), room, apply).await?;
            let from_revision = from.revision().0;
            (from, to, pb::DiffResponse { from_revision, results, ..pb::DiffResponse::default() })
        }
        to => {
            let from = reads.at(from_revision).await?;
            let to = match to {
                Some(pb::diff_request::To::ToRevision(revision)) => reads.at(revision).await?,
                _ => reads.at(0).await?,
            };
            let (from_revision, to_revision) = (from.revision().0, to.revision().0);
            (from, to, pb::DiffResponse { from_revision, to_revision, ..pb::DiffResponse::default() })
        }
    };
    Ok(answers(Comparison { from, to, selected, form }, first))
}

/// The first answer, then what differs, page by page as the client takes them.
fn answers(comparison: Comparison, first: pb::DiffResponse) -> Answers<pb::DiffResponse> {
    let begun = Pages { places: None, next: 0, comparison, first: Some(first) };
    Box::pin(stream::try_unfold(begun, async |mut pages| {
        // Of a large mesh, comparing takes longer than a task may hold a thread that others need.
        let worked = blocking::spawn(move || (pages.next(), pages)).await;
        let (page, pages) = worked.map_err(internal)?;
        Ok(page.map(|page| (page, pages)))
    }))
}

/// Two states, and what of them is compared.
struct Comparison {
    from: SnapshotCatalog,
    to: SnapshotCatalog,
    selected: Selected,
    form: pb::Form,
}

/// A name that differs.
enum Place {
    /// In what is served, by its name on the wire.
    Served(Kind, Arc<str>),
    /// In one source's layer.
    Held(Key),
}

struct Pages {
    comparison: Comparison,
    /// All names that differ, once they were found.
    places: Option<Vec<Place>>,
    next: usize,
    first: Option<pb::DiffResponse>,
}

impl Pages {
    fn next(&mut self) -> Option<pb::DiffResponse> {
        let places = self.places.get_or_insert_with(|| self.comparison.places());
        let mut page = self.first.take();
        let mut bytes = 0;
        while let Some(place) = places.get(self.next) {
            let changes = self.comparison.changes(place);
            bytes += changes.iter().map(pb::Change::encoded_len).sum::<usize>();
            let taken = page.get_or_insert_default();
            let is_full = bytes > PAGE_BYTES_MAX || taken.changes.len() >= PAGE_LEN_MAX;
            if is_full && !taken.changes.is_empty() {
                break;
            }
            taken.changes.extend(changes);
            self.next += 1;
        }
        page
    }
}

impl Comparison {
    fn places(&self) -> Vec<Place> {
        match self.selected.source() {
            None => self.served_places(),
            Some(source) => self.held_places(source),
        }
    }

    /// In order of kinds, namespaces and names.
    fn served_places(&self) -> Vec<Place> {
        let (from, to) = (&self.from.0, &self.to.0);
        let kinds: BTreeSet<Kind> =
            from.kinds().chain(to.kinds()).filter(|kind| self.selected.has_kind(*kind)).collect();
        let view = self.selected.view();
        let mut places = Vec::new();
        for kind in kinds {
            let difference = self.to.difference(kind, &view, Some((&self.from, &view)));
            let changed = difference.changed.iter().map(|entry| &entry.name);
            let mut names: Vec<_> = changed
                .chain(&difference.removed)
                .filter_map(|name| {
                    let found = to.served(kind, name).or_else(|| from.served(kind, name))?;
                    Some((found.key.namespace.clone(), name.clone()))
                })
                .collect();
            names.sort_unstable();
            places.extend(names.into_iter().map(|(_, name)| Place::Served(kind, name)));
        }
        places
    }

    /// In order of keys.
    fn held_places(&self, source: &SourceName) -> Vec<Place> {
        let (from, to) = (self.from.0.layer(source), self.to.0.layer(source));
        let is_selected = |key: &&Key| self.selected.has_key(key);
        let changed =
            to.iter().filter(|held| from.get(&held.key).is_none_or(|before| before.version != held.version));
        let gone = from.iter().filter(|held| to.get(&held.key).is_none());
        let keys: BTreeSet<&Key> = changed.chain(gone).map(|held| &held.key).filter(is_selected).collect();
        keys.into_iter().cloned().map(Place::Held).collect()
    }

    fn changes(&self, place: &Place) -> Vec<pb::Change> {
        let sides = [&self.from, &self.to].map(|snapshot| self.found(&snapshot.0, place));
        let mut changes = changes((sides[0].as_ref(), sides[1].as_ref()), &self.selected, self.form);
        if let Place::Served(kind, name) = place {
            let hidden =
                [&self.from, &self.to].map(|snapshot| self.selected.shown(snapshot.0.hidden(*kind, name)));
            changes.iter_mut().for_each(|change| put_hidden(change, hidden.each_ref().map(Vec::as_slice)));
        }
        changes
    }

    fn found(&self, snapshot: &Snapshot, place: &Place) -> Option<HeldEntry> {
        match place {
            Place::Served(kind, name) => snapshot.find(*kind, name),
            Place::Held(key) => snapshot.find_in(self.selected.source()?, key),
        }
    }
}
