//! One resource.

use mainsheet_api::{generated::mainsheet::v1 as pb, key::Key, resource::SourceName};
use mainsheet_cache::{HeldEntry, snapshot::Snapshot};
use tonic::Status;

use super::{Reads, convert, error, selection};
use crate::auth::{Sight, sight};

pub(super) async fn get(
    reads: &Reads,
    (sight, request): (Sight, pb::GetRequest),
) -> Result<pb::GetResponse, Status> {
    let pb::GetRequest { key, revision, form, source } = request;
    let (key, form) = (selection::key("key", key, "")?, convert::form(form)?);
    let view = sight.view(sight::GET);
    if !view.shows(&key) {
        return Err(sight.refused_key("get", &key));
    }
    let snapshot = reads.at(revision).await?.0;
    let (found, hidden) =
        if source.is_empty() { served(&snapshot, &key)? } else { held(&snapshot, &key, source)? };
    let shown = |found: &HeldEntry| convert::resource_now(found, form, &reads.links.leases);
    let hidden = hidden.iter().filter(|one| view.shows(&one.held.key)).map(shown).collect();
    let resource = pb::Resource { hidden, ..shown(&found) };
    Ok(pb::GetResponse { resource: Some(resource), revision: snapshot.revision().0 })
}

/// What is served, and what it hides.
fn served(snapshot: &Snapshot, key: &Key) -> Result<(HeldEntry, Vec<HeldEntry>), Status> {
    let wire_name = key.wire_name();
    // Envoy's names are known without their namespace; a resource of another namespace is another one all the same.
    let found = snapshot.find(key.kind, &wire_name).filter(|found| found.held.key == *key);
    let found = found.ok_or_else(|| error::not_found(key, "what is served"))?;
    Ok((found, snapshot.hidden(key.kind, &wire_name)))
}

fn held(snapshot: &Snapshot, key: &Key, source: String) -> Result<(HeldEntry, Vec<HeldEntry>), Status> {
    let source = SourceName(source.into());
    let found = snapshot.find_in(&source, key);
    let found = found.ok_or_else(|| error::not_found(key, &format!("source `{source}`")))?;
    Ok((found, Vec::new()))
}
