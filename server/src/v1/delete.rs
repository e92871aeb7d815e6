//! Resources are removed from the API's layer.

use std::collections::BTreeSet;

use mainsheet_api::{generated::mainsheet::v1 as pb, limits::WRITE_KEYS_MAX};
use tonic::Status;

use super::{
    Links,
    apply::is_best_effort,
    asking::Asking,
    conflicts,
    error::bad_request,
    permitted::Named,
    plan::{conditions::Conditions, delete::DeletePlanner, outcome::refuses, scope::Scope},
    refused::refused,
    selection,
    write::{Run, cause, check_ready, perform},
};
use crate::intake::Written;

pub(super) async fn delete(
    (links, asking): (&Links, &Asking),
    request: pb::DeleteRequest,
) -> Result<pb::DeleteResponse, Status> {
    check_ready(links)?;
    let cause = cause(asking, "delete", request.authorship.clone())?;
    let run = Run::of(request.dry_run);
    let planner = planner(request, asking)?;
    let is_atomic = !planner.is_best_effort;
    let named = planner.keys.len();
    let names = Named {
        removes: planner.keys.clone(),
        looks: planner.conditions.keys().cloned().collect(),
        ..Named::default()
    };
    let Written { revision, answer: mut results } =
        perform((links, asking), run, (cause, names), planner).await?;
    conflicts::date(links, &mut results).await;
    if run == Run::Real && is_atomic && results.iter().any(|result| refuses(result.outcome())) {
        let field = |index| (index < named).then(|| format!("keys[{index}]"));
        return Err(refused("deleted", &results, field));
    }
    Ok(pb::DeleteResponse { revision: revision.0, results })
}

fn planner(request: pb::DeleteRequest, asking: &Asking) -> Result<DeletePlanner, Status> {
    let pb::DeleteRequest { keys: given, selected, default_namespace, atomicity, preconditions, .. } =
        request;
    if given.is_empty() && selected.is_none() {
        return Err(bad_request("keys", "is empty, and so is `selected`: say what to delete"));
    }
    if given.len() > WRITE_KEYS_MAX {
        return Err(bad_request(
            "keys",
            format!("more than {WRITE_KEYS_MAX}; delete them in several requests"),
        ));
    }
    let (mut keys, mut seen) = (Vec::with_capacity(given.len()), BTreeSet::new());
    for (index, key) in given.into_iter().enumerate() {
        let key = selection::key(&format!("keys[{index}]"), Some(key), &default_namespace)?;
        if seen.insert(key.clone()) {
            keys.push(key);
        }
    }
    Ok(DeletePlanner {
        keys,
        selected: selected.map(|scope| Scope::of("selected", scope)).transpose()?,
        is_best_effort: is_best_effort(atomicity)?,
        conditions: Conditions::of(preconditions, &default_namespace)?,
        rights: asking.rights().clone(),
    })
}
