//! What a Kubernetes API server has: every kind that is served, a page at a time.

use std::path::Path;

use anyhow::Context as _;
use kube::{
    Client, Config,
    config::{KubeConfigOptions, Kubeconfig},
};
use mainsheet_api::kind::{Kind, KindInfo};
use serde::Deserialize;

use crate::cli::output;

/// Resources asked for at a time, as kubectl does.
const PAGE_LEN: usize = 500;

/// The part of a list that says whether there is more.
#[derive(Debug, Deserialize)]
struct List {
    #[serde(default)]
    metadata: ListMetadata,
}

#[derive(Debug, Default, Deserialize)]
struct ListMetadata {
    #[serde(default, rename = "continue")]
    next: String,
}

/// Lists of all kinds that the cluster has, as text, each with where it is from. A kind that may not be listed is an
/// error: what is written would look whole.
///
/// # Errors
/// Where the kubeconfig can't be used, or the cluster does not answer.
pub(super) async fn list(
    kubeconfig: &Path,
    context: Option<&str>,
    namespace: Option<&str>,
) -> anyhow::Result<Vec<(String, String)>> {
    let client = connect(kubeconfig, context)
        .await
        .with_context(|| format!("use the kubeconfig `{}`", kubeconfig.display()))?;
    let mut lists = Vec::new();
    for kind in Kind::all().filter(|kind| kind.is_of_mesh()) {
        let row = kind.info();
        match pages(&client, row, namespace)
            .await
            .with_context(|| format!("list {}.{}", row.plural, row.group))?
        {
            Some(found) => lists.extend(found.into_iter().map(|text| (row.plural.to_owned(), text))),
            None => output::note(&format!("the cluster has no {}.{}", row.plural, row.group)),
        }
    }
    Ok(lists)
}

async fn connect(kubeconfig: &Path, context: Option<&str>) -> anyhow::Result<Client> {
    let options = KubeConfigOptions { context: context.map(str::to_owned), ..KubeConfigOptions::default() };
    let config = Config::from_custom_kubeconfig(Kubeconfig::read_from(kubeconfig)?, &options).await?;
    Ok(Client::try_from(config)?)
}

/// All pages, in the first version that the cluster serves; `None` where it serves none.
async fn pages(
    client: &Client,
    row: &KindInfo,
    namespace: Option<&str>,
) -> anyhow::Result<Option<Vec<String>>> {
    for version in row.versions {
        let place = namespace.map(|namespace| format!("namespaces/{namespace}/")).unwrap_or_default();
        let path = format!("/apis/{}/{version}/{place}{}", row.group, row.plural);
        if let Some(found) = pages_of(client, &path).await? {
            return Ok(Some(found));
        }
    }
    Ok(None)
}

async fn pages_of(client: &Client, path: &str) -> anyhow::Result<Option<Vec<String>>> {
    let mut found = Vec::new();
    let mut next = String::new();
    loop {
        let request =
            http::Request::get(format!("{path}?limit={PAGE_LEN}&continue={next}")).body(Vec::new())?;
        let text = match client.request_text(request).await {
            Ok(text) => text,
            Err(kube::Error::Api(status)) if status.code == 404 && found.is_empty() => return Ok(None),
            Err(error) => return Err(error.into()),
        };
        next = serde_json::from_str::<List>(&text).context("read the answer")?.metadata.next;
        found.push(text);
        if next.is_empty() {
            return Ok(Some(found));
        }
    }
}
