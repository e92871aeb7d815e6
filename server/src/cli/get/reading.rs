//! What a server has, as the service tells it.

use mainsheet_api::generated::mainsheet::v1 as pb;
use tonic::Code;

use super::{Wanted, missing};
use crate::cli::{
    Exit,
    client::Service,
    kinds::NamedKind,
    output::{Printer, Update},
};

/// Prints resources by their names, one after the other. One that is not there does not keep the others back.
pub(super) async fn named(
    wanted: &Wanted,
    named: &[(NamedKind, String)],
    service: &Service,
    printer: &mut Printer<'_>,
) -> anyhow::Result<Exit> {
    let mut missing = Vec::new();
    for (kind, name) in named {
        let key = pb::ResourceKey {
            kind: kind.in_request(),
            namespace: wanted.args.namespace.clone(),
            name: name.clone(),
            scope: String::new(),
        };
        let request = pb::GetRequest {
            key: Some(key),
            revision: wanted.args.revision.unwrap_or_default(),
            form: wanted.form(),
            source: wanted.args.source.clone().unwrap_or_default(),
        };
        match service.answer_or_status(service.client().get(request)).await? {
            Ok(answer) => printer.print(&answer.resource.into_iter().collect::<Vec<_>>(), None)?,
            Err(status) if status.code() == Code::NotFound => {
                missing.push(missing::one(wanted, kind, name, service).await);
            }
            Err(status) => return Err(service.refused(&status)),
        }
    }
    // What was found of several is complete, whatever else is missing.
    if printer.count() > 0 || !printer.is_single() {
        printer.end()?;
    }
    if missing.is_empty() { Ok(Exit::Done) } else { Err(anyhow::Error::msg(missing.join("\n"))) }
}

/// Prints lists, page by page.
pub(super) async fn lists(
    wanted: &Wanted,
    service: &Service,
    printer: &mut Printer<'_>,
) -> anyhow::Result<Exit> {
    for selection in wanted.selections() {
        list(wanted, selection, service, async |page, _| printer.print(&page, None)).await?;
    }
    printer.end()?;
    if printer.count() == 0 {
        missing::all(wanted, service).await?;
    }
    Ok(Exit::Done)
}

/// Hands the pages of a list over, and says of which revision they are.
pub(super) async fn list(
    wanted: &Wanted,
    selection: pb::Selection,
    service: &Service,
    mut page: impl AsyncFnMut(Vec<pb::Resource>, u64) -> anyhow::Result<()>,
) -> anyhow::Result<u64> {
    let mut request = pb::ListRequest {
        selection: Some(selection),
        revision: wanted.args.revision.unwrap_or_default(),
        form: wanted.form(),
        ..pb::ListRequest::default()
    };
    loop {
        let answer = service.answer(service.client().list(request.clone())).await?;
        page(answer.resources, answer.revision).await?;
        if answer.next_page_token.is_empty() {
            return Ok(answer.revision);
        }
        request.page_token = answer.next_page_token;
    }
}

/// How a change of what is served is called.
pub(super) fn update(change: pb::ChangeType, revision: u64) -> Update {
    let word = match change {
        pb::ChangeType::Added | pb::ChangeType::Unspecified => "added",
        pb::ChangeType::Changed => "changed",
        pb::ChangeType::Removed => "removed",
    };
    Update { word, revision }
}
