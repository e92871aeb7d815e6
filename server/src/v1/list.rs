//! Resources, a page at a time. All pages of a list are of one revision.

use mainsheet_api::{
    generated::mainsheet::v1 as pb,
    key::Key,
    kind::Kind,
    limits::{PAGE_BYTES_MAX, PAGE_LEN_DEFAULT, PAGE_LEN_MAX},
    planted::{self, Fault},
    resource::SourceName,
};
use mainsheet_cache::{
    HeldEntry, blocking,
    snapshot::{Snapshot, SnapshotCatalog},
};
use prost::Message as _;
use tonic::Status;

use super::{Reads, convert, error, page::PageToken, selection::Selected};
use crate::{
    auth::{Sight, sight},
    leases::Leases,
};

pub(super) async fn list(
    reads: &Reads,
    (sight, request): (Sight, pb::ListRequest),
) -> Result<pb::ListResponse, Status> {
    let listing = Listing::of(request, &sight, reads.links.leases.clone())?;
    let snapshot = reads.at(listing.revision).await?;
    // Of a large mesh, finding what is selected takes longer than a task may hold a thread that others need.
    let page = blocking::spawn(move || (listing.page(&snapshot.0), snapshot)).await;
    let (page, snapshot): (pb::ListResponse, SnapshotCatalog) = page.map_err(error::internal)?;
    if !page.next_page_token.is_empty() {
        reads.revisions.pin(&snapshot, reads.links.clock.uptime());
    }
    Ok(page)
}

/// A request that can be answered.
struct Listing {
    leases: Leases,
    selected: Selected,
    form: pb::Form,
    len_max: usize,
    revision: u64,
    after: Option<Place>,
    /// All that pages have in common.
    identity: String,
}

/// Where a page ends, as an order: kind, namespace, and the name in what is served, or the name and scope in a layer.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Place {
    kind: Kind,
    namespace: String,
    name: String,
    scope: String,
}

impl Listing {
    fn of(request: pb::ListRequest, sight: &Sight, leases: Leases) -> Result<Self, Status> {
        let pb::ListRequest { selection, revision, page_size, page_token, form } = request;
        let (selected, form) = (Selected::of(selection)?, convert::form(form)?);
        let selected = selected.seen_by(sight, sight::LIST)?;
        let identity = format!("list {} {form:?}", selected.canonical());
        let token = PageToken::read(&page_token, &identity)?;
        let of_token = token.as_ref().map_or(revision, PageToken::revision);
        if revision != 0 && revision != of_token {
            let why = format!("the page token is of revision {of_token}; leave it out, or give that one");
            return Err(error::bad_request("revision", why));
        }
        let after = token.as_ref().map(Place::of_token).transpose()?;
        let len_max = page_len(page_size);
        Ok(Self { leases, selected, form, len_max, revision: of_token, after, identity })
    }

    fn page(&self, snapshot: &Snapshot) -> pb::ListResponse {
        let mut found = match self.selected.source() {
            None => self.served(snapshot),
            Some(source) => self.held(snapshot, source),
        };
        let mut page = pb::ListResponse {
            revision: snapshot.revision().0 - u64::from(planted::is(Fault::RevisionBack)),
            ..Default::default()
        };
        let (mut bytes, mut last) = (0, None);
        for found in found.by_ref() {
            if page.resources.len() == self.len_max || bytes >= PAGE_BYTES_MAX {
                page.next_page_token = self.token(snapshot, last);
                break;
            }
            let resource = self.shown(snapshot, &found);
            let len = resource.encoded_len();
            if bytes + len > PAGE_BYTES_MAX && bytes > 0 {
                page.next_page_token = self.token(snapshot, last);
                break;
            }
            bytes += len;
            page.resources.push(resource);
            last = Some(Place::of(&found, self.selected.source().is_some()));
        }
        page
    }

    fn shown(&self, snapshot: &Snapshot, found: &HeldEntry) -> pb::Resource {
        let mut resource = convert::resource_now(found, self.form, &self.leases);
        if self.selected.source().is_none() {
            let hidden = self.selected.shown(snapshot.hidden(found.held.key.kind, &found.entry.name));
            resource.hidden =
                hidden.iter().map(|one| convert::resource_now(one, pb::Form::None, &self.leases)).collect();
        }
        resource
    }

    fn token(&self, snapshot: &Snapshot, last: Option<Place>) -> String {
        let place = last.map(Place::into_token).unwrap_or_default();
        PageToken::new(&self.identity, snapshot.revision(), place).text()
    }

    /// What is served and selected, behind where the page before ended.
    fn served<'a>(&'a self, snapshot: &'a Snapshot) -> Found<'a> {
        let begun = self.after.as_ref().map(|place| place.kind);
        let kinds = snapshot.kinds().filter(|kind| self.selected.has_kind(*kind));
        let kinds = kinds.skip_while(move |kind| begun.is_some_and(|begun| *kind != begun));
        Box::new(kinds.flat_map(move |kind| {
            let after = self.after.as_ref().filter(|place| place.kind == kind);
            let after = after.map(|place| (&*place.namespace, &*place.name));
            self.of_kind(snapshot, kind, after).filter(|found| self.selected.has(found))
        }))
    }

    /// Candidates, without those that are in other namespaces or have other names where that can be told beforehand.
    fn of_kind<'a>(
        &'a self,
        snapshot: &'a Snapshot,
        kind: Kind,
        after: Option<(&'a str, &'a str)>,
    ) -> Found<'a> {
        let Some(namespaces) = self.selected.namespaces(kind) else {
            return Box::new(snapshot.served_after(kind, after));
        };
        let namespaces = namespaces
            .into_iter()
            .filter(move |namespace| after.is_none_or(|(begun, _)| begun <= &**namespace));
        match self.selected.name() {
            Some(name) => {
                let named = namespaces.filter_map(move |namespace| {
                    let found = snapshot.find(kind, &Key::new(kind, namespace.clone(), name).wire_name())?;
                    (found.held.key.namespace == namespace).then_some(found)
                });
                Box::new(named.filter(move |found| {
                    after.is_none_or(|after| after < (&*found.held.key.namespace, &*found.entry.name))
                }))
            }
            None => Box::new(namespaces.flat_map(move |namespace| {
                let name = after.filter(|(begun, _)| **begun == *namespace).map_or("", |(_, name)| name);
                let found = snapshot.served_after(kind, Some((&namespace, name)));
                found.take_while(move |found| found.held.key.namespace == namespace)
            })),
        }
    }

    /// What a layer holds and is selected, behind where the page before ended.
    fn held<'a>(&'a self, snapshot: &'a Snapshot, source: &'a SourceName) -> Found<'a> {
        let after = self.after.as_ref().map(|place| Key {
            scope: place.scope.as_str().into(),
            ..Key::new(place.kind, place.namespace.as_str(), place.name.as_str())
        });
        let held =
            snapshot.held_after(source, after.as_ref()).filter(|held| self.selected.has_key(&held.key));
        let found = held.filter_map(move |held| snapshot.find_in(source, &held.key));
        Box::new(found.filter(|found| self.selected.has_labels(&found.entry.any)))
    }
}

type Found<'a> = Box<dyn Iterator<Item = HeldEntry> + 'a>;

impl Place {
    fn of(found: &HeldEntry, is_in_layer: bool) -> Self {
        let key = &found.held.key;
        let name = if is_in_layer { &key.name } else { &found.entry.name };
        Self {
            kind: key.kind,
            namespace: key.namespace.to_string(),
            name: name.to_string(),
            scope: key.scope.to_string(),
        }
    }

    fn into_token(self) -> Vec<String> {
        vec![self.kind.type_url(), self.namespace, self.name, self.scope]
    }

    fn of_token(token: &PageToken) -> Result<Self, Status> {
        let refused = || {
            error::bad_request(
                "page_token",
                "of a kind that is no longer known; begin with the first page again",
            )
        };
        let [kind, namespace, name, scope] = token.place() else { return Err(refused()) };
        let kind = Kind::of_type_url(kind).ok_or_else(refused)?;
        Ok(Self { kind, namespace: namespace.clone(), name: name.clone(), scope: scope.clone() })
    }
}

/// How many resources a page may have.
pub(super) fn page_len(asked: u32) -> usize {
    match usize::try_from(asked).unwrap_or(PAGE_LEN_MAX) {
        0 => PAGE_LEN_DEFAULT,
        asked => asked.min(PAGE_LEN_MAX),
    }
}
