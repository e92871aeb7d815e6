//! What `serve` tells once it serves: what, where, and what to do with it.

use mainsheet_api::{kind::Kind, xds::catalog::Catalog};
use mainsheet_cache::snapshot::Snapshot;

use crate::{
    app::Running,
    cli::output,
    config::{Settings, StoreKind},
};

/// The whole text.
pub(super) fn text(settings: &Settings, running: &Running) -> String {
    let facts = Facts {
        paths: settings.paths.iter().map(|path| path.path.display().to_string()).collect(),
        upstreams: settings.upstreams.iter().map(|server| server.source().to_string()).collect(),
        store: match settings.store {
            StoreKind::Memory => "in memory".to_owned(),
            StoreKind::Redb => format!("in `{}`", settings.data_dir.display()),
        },
        revision: running.snapshot().revision().to_string(),
        counts: counts(&running.snapshot().0),
        rejected: running.intake().verdicts.len(),
        secured: running.grpc_tls_addr().map(|address| address.to_string()),
        grpc: running.grpc_addr().to_string(),
        http: running.http_addr().to_string(),
    };
    facts.text()
}

/// How much is served of each kind of which there is any.
fn counts(snapshot: &Snapshot) -> Vec<(Kind, usize)> {
    snapshot.kinds().map(|kind| (kind, snapshot.count(kind))).collect()
}

/// What the text is made of.
struct Facts {
    paths: Vec<String>,
    upstreams: Vec<String>,
    store: String,
    revision: String,
    counts: Vec<(Kind, usize)>,
    rejected: usize,
    /// Where the same is over TLS.
    secured: Option<String>,
    grpc: String,
    http: String,
}

impl Facts {
    fn text(&self) -> String {
        let Self { store, revision, grpc, http, .. } = self;
        let sources: Vec<_> = self.paths.iter().chain(&self.upstreams).map(String::as_str).collect();
        let sources = sources.join(" ");
        let counts = self.counts();
        let secured = self
            .secured
            .as_ref()
            .map(|address| format!("TLS   {address}  the same for clients with a credential\n"));
        let secured = secured.unwrap_or_default();
        format!(
            "serving {sources} (revision {revision}, kept {store})\n\
             \n\
             {counts}\n\
             gRPC  {grpc}  ADS, state of the world and delta\n\
             {secured}HTTP  {http}  /healthz/ready, /metrics, /debug/configz, /debug/syncz\n\
             \n\
             into istiod's mesh config:\n\
             \n\
             configSources:\n\
             - address: xds://{grpc}\n\
             \n\
             to look at it:\n\
             \n\
             mainsheet get virtualservices -A --server {grpc}\n\
             mainsheet watch --server {grpc}\n"
        )
    }

    fn counts(&self) -> String {
        let rows = self.counts.iter().map(|(kind, count)| vec![kind.to_string(), count.to_string()]);
        let mut text = match self.counts.is_empty() {
            true => "nothing so far\n".to_owned(),
            false => output::table(&["KIND", "COUNT"], rows),
        };
        if self.rejected > 0 {
            let paths = self.paths.join(" ");
            let why = match self.paths.is_empty() {
                true => "/debug/sources says why".to_owned(),
                false => format!("`mainsheet validate {paths}` says why"),
            };
            text.push_str(&format!("\n{} rejected; {why}\n", self.rejected));
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn announcement_says_what_where_and_what_next() {
        let facts = Facts {
            paths: vec!["mesh".into(), "more.yaml".into()],
            upstreams: vec!["xds:hub:15010".into()],
            store: "in memory".into(),
            revision: "7".into(),
            counts: vec![(Kind::DESTINATION_RULE, 2), (Kind::VIRTUAL_SERVICE, 12)],
            rejected: 1,
            secured: None,
            grpc: "127.0.0.1:15010".into(),
            http: "127.0.0.1:15014".into(),
        };
        let expected = "\
serving mesh more.yaml xds:hub:15010 (revision 7, kept in memory)

KIND              COUNT
DestinationRule   2
VirtualService    12

1 rejected; `mainsheet validate mesh more.yaml` says why

gRPC  127.0.0.1:15010  ADS, state of the world and delta
HTTP  127.0.0.1:15014  /healthz/ready, /metrics, /debug/configz, /debug/syncz

into istiod's mesh config:

configSources:
- address: xds://127.0.0.1:15010

to look at it:

mainsheet get virtualservices -A --server 127.0.0.1:15010
mainsheet watch --server 127.0.0.1:15010
";
        assert_eq!(facts.text(), expected);
    }
}
