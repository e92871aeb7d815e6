//! What `mainsheet.v1` tells.

use mainsheet_api::generated::mainsheet::v1 as pb;
use mainsheet_cache::store::RedbStore;
use serde_json::{Value, json};

use super::bundle::Bundle;
use crate::cli::{
    Context,
    client::{Service, ServiceArgs},
    log, sinks, status,
};

/// Revisions that are looked back at: one page of an answer.
const REVISIONS: u32 = 100;

/// Adds status, versions, history and sinks.
pub(super) async fn collect(args: &ServiceArgs, context: &Context<'_>, bundle: &mut Bundle) {
    let service = match args.connect(context).await {
        Ok(service) => service,
        Err(error) => {
            // What follows the first line says how to start a server.
            let reason = error.to_string().lines().next().unwrap_or_default().to_owned();
            ["versions.json", "status.json", "history.json", "sinks.json"]
                .iter()
                .for_each(|name| bundle.miss(name, &reason));
            return;
        }
    };
    match service.answer(service.client().status(pb::StatusRequest {})).await {
        Ok(answer) => {
            bundle.add("versions.json", &versions(&answer).to_string());
            bundle.add("status.json", &status::value(&answer).to_string());
        }
        Err(error) => {
            ["versions.json", "status.json"].iter().for_each(|name| bundle.miss(name, &error.to_string()))
        }
    }
    bundle.take("history.json", history(&service).await);
    bundle.take("sinks.json", sinks::objects(&service).await.map(|all| all.to_string()));
}

fn versions(status: &pb::StatusResponse) -> Value {
    json!({
        "client": {"version": env!("CARGO_PKG_VERSION"), "storeFormat": RedbStore::FORMAT},
        "server": {"version": status.server_version, "store": status.store},
    })
}

async fn history(service: &Service) -> anyhow::Result<String> {
    let request = pb::HistoryRequest { page_size: REVISIONS, ..pb::HistoryRequest::default() };
    let answer = service.answer(service.client().history(request)).await?;
    let revisions: Vec<_> = answer.revisions.iter().map(|revision| log::json_of(revision, false)).collect();
    Ok(json!({"oldest": answer.oldest, "revisions": revisions}).to_string())
}
