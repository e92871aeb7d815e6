//! A server that asks who its clients are, and clients.

use std::{
    fs,
    net::SocketAddr,
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::Duration,
};

use mainsheet_api::{
    access::Identity,
    kind::Kind,
    time::{Clock, Timestamp, Uptime},
    xds::client::{Update, Wanted},
};
use mainsheet_server::{
    app::{self, Running},
    clock::SystemClock,
    config::Settings,
    surroundings::Surroundings,
    task::TaskSet,
};
use mainsheet_sink::{Client, Disconnected, Reconnect, hook};
use tempfile::TempDir;
use tokio::{sync::mpsc, task::JoinHandle, time::timeout};
use tokio_util::task::TaskTracker;
use tonic::{Code, Status, metadata::MetadataMap, transport::ClientTlsConfig};

use super::authority::{Authority, NAME, Pair, Who};
use crate::app::{PATIENCE, end, settings};

/// The machine's calendar, turned on by so many milliseconds.
pub(super) struct Turned {
    system: SystemClock,
    by: AtomicU64,
}

impl Turned {
    pub(super) fn on(&self, by: Duration) {
        self.by.fetch_add(u64::try_from(by.as_millis()).unwrap(), Relaxed);
    }
}

impl Clock for Turned {
    fn uptime(&self) -> Uptime {
        self.system.uptime()
    }

    fn wall(&self) -> Timestamp {
        self.system.wall().after(Duration::from_millis(self.by.load(Relaxed)))
    }
}

/// A server with a certificate of a CA, which is that of its clients, too.
pub(super) struct Rig {
    pub(super) ca: Authority,
    pub(super) clock: Arc<Turned>,
    pub(super) running: Running,
    tasks: TaskSet,
    folder: TempDir,
}

/// Whoever comes may read the metrics.
const METRICS_FOR_ALL: &str = "
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata: {name: metrics}
rules: [{nonResourceURLs: [/metrics], verbs: [get]}]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata: {name: metrics}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: metrics}
subjects: [{apiGroup: rbac.authorization.k8s.io, kind: Group, name: 'system:unauthenticated'}]
";

impl Rig {
    pub(super) async fn start() -> Self {
        Self::with(|_, _| {}).await
    }

    /// With settings that are changed, knowing the folder of its files.
    pub(super) async fn with(change: impl FnOnce(&mut Settings, &Path)) -> Self {
        let (folder, ca) = (tempfile::tempdir().unwrap(), Authority::new());
        let at = |name: &str| folder.path().join(name);
        let server = ca.signs(Who::Server);
        fs::write(at("server.crt"), &server.cert).unwrap();
        fs::write(at("server.key"), &server.key).unwrap();
        fs::write(at("ca.crt"), ca.pem()).unwrap();
        fs::create_dir(at("mesh")).unwrap();
        fs::create_dir(at("access")).unwrap();
        fs::write(at("access/metrics.yaml"), METRICS_FOR_ALL).unwrap();
        let mut settings = settings(&[at("mesh"), at("access")]);
        settings.paths[1].authority = true;
        settings.auth.trust_loopback = false;
        settings.tls.grpc_addr = settings.grpc_addr;
        settings.tls.http_addr = Some(settings.http_addr);
        settings.tls.cert = Some(at("server.crt"));
        settings.tls.key = Some(at("server.key"));
        settings.tls.client_ca = Some(at("ca.crt"));
        change(&mut settings, folder.path());
        let clock = Arc::new(Turned { system: SystemClock::new(), by: AtomicU64::new(0) });
        let around = Surroundings { clock: clock.clone(), ..Surroundings::default() };
        let (running, tasks) = app::start_in(&settings, around).await.unwrap();
        timeout(PATIENCE, running.ready()).await.unwrap();
        Self { ca, clock, running, tasks, folder }
    }

    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(super) fn write(&self, name: &str, text: &str) {
        fs::write(self.path(name), text).unwrap();
    }

    pub(super) fn secured(&self) -> SocketAddr {
        self.running.grpc_tls_addr().unwrap()
    }

    /// A client with a certificate of the CA.
    pub(super) fn shows(&self, who: Who) -> ClientTlsConfig {
        self.ca.client(Some(&self.ca.signs(who)))
    }

    pub(super) fn shows_nothing(&self) -> ClientTlsConfig {
        self.ca.client(None)
    }

    pub(super) fn shows_pair(&self, pair: &Pair) -> ClientTlsConfig {
        self.ca.client(Some(pair))
    }

    /// A stream over TLS.
    pub(super) async fn stream(&self, tls: ClientTlsConfig) -> Result<Stream, Disconnected> {
        Stream::open(Ask { tls: Some(tls), ..Ask::of(self.secured()) }).await
    }

    /// A stream over TLS, with a token and without a certificate.
    pub(super) async fn stream_with(&self, token: &str) -> Result<Stream, Disconnected> {
        let token = Some(format!("Bearer {token}"));
        Stream::open(Ask { tls: Some(self.shows_nothing()), token, ..Ask::of(self.secured()) }).await
    }

    /// Who the only client is.
    pub(super) fn who(&self) -> Identity {
        let sinks = self.running.sinks().all();
        assert_eq!(sinks.len(), 1, "{sinks:?}");
        sinks[0].peer.caller.identity.clone()
    }

    /// The metrics.
    pub(super) async fn metrics(&self) -> String {
        crate::http::get(self.running.http_addr(), "/metrics").await.1
    }

    /// What is wrong, as probes see it.
    pub(super) async fn problems(&self) -> String {
        crate::http::get(self.running.http_addr(), "/healthz/ready").await.1
    }

    pub(super) async fn end(self) {
        end((self.running, self.tasks)).await.unwrap();
    }
}

/// What a client opens a stream with.
pub(super) struct Ask {
    pub(super) server: SocketAddr,
    pub(super) tls: Option<ClientTlsConfig>,
    pub(super) token: Option<String>,
    pub(super) node: &'static str,
    pub(super) metadata: &'static [(&'static str, &'static str)],
}

impl Ask {
    pub(super) fn of(server: SocketAddr) -> Self {
        Self { server, tls: None, token: None, node: "test~1", metadata: &[] }
    }
}

/// A stream that had its first answer.
pub(super) struct Stream(JoinHandle<Result<(), Disconnected>>);

impl Stream {
    /// The end of it, where it came before the first answer.
    pub(super) async fn open(ask: Ask) -> Result<Self, Disconnected> {
        let Ask { server, tls, token, node, metadata } = ask;
        let mut headers = MetadataMap::new();
        if let Some(token) = token {
            headers.insert("authorization", token.parse().unwrap());
        }
        let scheme = if tls.is_some() { "xdss" } else { "xds" };
        let client = Client::builder(format!("{scheme}://{server}"), node)
            .reconnect(Reconnect::Never)
            .headers(headers)
            .subscribe_kind(Kind::VIRTUAL_SERVICE, Wanted::Everything);
        let client = metadata.iter().fold(client, |client, (name, text)| client.metadata(*name, *text));
        let client = match tls {
            Some(tls) => client.tls(tls),
            None => client,
        };
        let mut client = client.build().unwrap();
        let (seen, mut first) = mpsc::unbounded_channel();
        let run = async move {
            let mut apply = hook(move |_: &Update| {
                let _ = seen.send(());
                Ok(())
            });
            client.run(&mut apply, std::future::pending()).await
        };
        let mut running = TaskTracker::new().spawn(run);
        tokio::select! {
            ended = &mut running => Err(ended.unwrap().unwrap_err()),
            Some(()) = first.recv() => Ok(Self(running)),
            () = tokio::time::sleep(PATIENCE) => panic!("neither an answer nor an end"),
        }
    }

    pub(super) fn is_open(&self) -> bool {
        !self.0.is_finished()
    }

    /// Why it ends.
    pub(super) async fn ended(mut self) -> Status {
        let ended = timeout(PATIENCE, &mut self.0).await.expect("an end").unwrap();
        status(ended.unwrap_err())
    }
}

impl Drop for Stream {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// What a server said.
pub(super) fn status(ended: Disconnected) -> Status {
    match ended {
        Disconnected::Status { status, .. } => status,
        other => panic!("{other}"),
    }
}

/// That a server refused a stream so.
pub(super) fn assert_refused(opened: Result<Stream, Disconnected>, code: Code, text: &str) {
    let status = status(opened.err().expect("a refusal"));
    assert_eq!(status.code(), code, "{status}");
    assert!(status.message().contains(text), "{status}");
}

/// That there was no handshake.
pub(super) fn assert_cut_off(opened: Result<Stream, Disconnected>) {
    let error = opened.err().expect("a failure");
    let is_refusal =
        matches!(&error, Disconnected::Status { status, .. } if status.code() == Code::Unauthenticated);
    assert!(!is_refusal, "{error}");
}

/// The name that servers prove to have.
pub(super) const SERVER: &str = NAME;
