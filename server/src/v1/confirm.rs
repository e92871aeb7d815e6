//! Removals that the shrink guard holds are meant.

use std::collections::BTreeSet;

use mainsheet_api::{generated::mainsheet::v1 as pb, resource::SourceName};
use tonic::{Code, Status};

use super::{Links, asking::Asking, convert, error::because, write::refusal};
use crate::intake::Hold;

pub(super) async fn confirm(
    (links, asking): (&Links, &Asking),
    request: pb::ConfirmRequest,
) -> Result<pb::ConfirmResponse, Status> {
    let holding: BTreeSet<SourceName> =
        links.intake.holds.borrow().iter().map(|hold| hold.source.clone()).collect();
    let asked = match &*request.source {
        "" => holding,
        named => vec![known(links, named)?].into_iter().collect(),
    };
    let names: Vec<_> = asked.iter().map(|source| &*source.0).collect();
    asking.begin(&format!("confirm of {}", names.join(", ")), Vec::new()).await?;
    let mut confirmed = Vec::new();
    for source in asked {
        let held: Vec<Hold> = links.intake.confirm(source).await.map_err(|error| refusal(&error))?;
        let now = links.clock.uptime();
        confirmed
            .extend(held.iter().map(|hold| convert::held_removals(hold, links.intake.guard_hold(), now)));
    }
    Ok(pb::ConfirmResponse { confirmed })
}

/// A source that is configured, or that still holds something.
fn known(links: &Links, named: &str) -> Result<SourceName, Status> {
    let snapshot = links.cache.snapshot().0;
    let mut known = links.sources.iter().map(|health| health.source()).chain(snapshot.sources());
    known.find(|source| &*source.0 == named).cloned().ok_or_else(|| {
        let message = format!("no source is called `{named}`");
        because(Code::NotFound, "NOT_FOUND", message, [("source", named.to_owned())])
    })
}
