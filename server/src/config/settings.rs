//! The settings themselves, with their defaults.

use std::{
    collections::{BTreeSet, HashMap},
    net::{Ipv4Addr, SocketAddr},
    path::PathBuf,
    time::Duration,
};

use mainsheet_api::{
    codec::UnknownFields,
    kind::Kind,
    resource::SourceName,
    validate::{CrdRules, across::Complete},
    xds::server::Policy,
};

use mainsheet_cache::store::StoreOptions;

use super::FollowedServer;
use crate::{
    admission::Limits,
    auth::AuthSettings,
    intake::Lifetime,
    source::{DocumentOptions, file},
    tls::TlsSettings,
    views::Views,
};

/// Everything that `serve` can be told. The defaults are [`Settings::default`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// Directories and files to serve, the strongest first. Each is a source of its own name. Once parsed there is one at
    /// least, or an upstream.
    pub paths: Vec<ServedPath>,
    /// Servers to follow, the strongest first, all of them weaker than the paths. Each is a source of its own name.
    pub upstreams: Vec<FollowedServer>,
    /// How documents are read below paths that have no such setting of their own.
    pub documents: DocumentOptions,
    /// Where commits are kept.
    pub store: StoreKind,
    /// The directory of the redb store.
    pub data_dir: PathBuf,
    /// Where sinks connect, in plaintext.
    pub grpc_addr: SocketAddr,
    /// Health, metrics, inspection.
    pub http_addr: SocketAddr,
    /// Whether plaintext ports may be reached from other machines.
    pub allow_plaintext_beyond_loopback: bool,
    /// Whether the service `mainsheet.v1`, which writes, answers other machines.
    pub allow_api_beyond_loopback: bool,
    /// How ports are secured.
    pub tls: TlsSettings,
    /// How it is known who clients are.
    pub auth: AuthSettings,
    /// How this server calls itself to its clients.
    pub instance: String,
    /// A namespace's changes are committed once nothing more came for this long.
    pub debounce_quiet: Duration,
    /// And after this long in any case.
    pub debounce_max: Duration,
    /// How long a resync that would remove suspiciously much is held.
    pub guard_hold: Duration,
    /// What happens after that.
    pub guard_mode: GuardMode,
    /// What rules weigh that only the CRDs have.
    pub crd_rules: CrdRules,
    /// Who sees what.
    pub views: Views,
    /// Sources whose documents of access count, beside paths and upstreams that are marked so.
    pub authorities: BTreeSet<SourceName>,
    /// The namespace whose rules hold for all of the mesh.
    pub root_namespace: String,
    /// What the names of Kubernetes' services end in.
    pub cluster_domain: String,
    /// Of what the sources hold all that there are.
    pub complete: Complete,
    /// Snapshots kept, so that a client that is behind gets a difference.
    pub history_len_max: usize,
    /// How far back the store remembers.
    pub retention: StoreOptions,
    /// Kinds that a resumed client is sent although it holds them.
    pub resend_held: BTreeSet<Kind>,
    /// What a first request without names asks for.
    pub empty_list: EmptyList,
    /// How a delta client is told that endpoints are gone.
    pub gone_endpoints: GoneEndpoints,
    /// A connection on which nothing could be written for this long is closed.
    pub write_deadline: Duration,
    /// How often an idle client is pinged.
    pub keepalive_interval: Duration,
    /// How long it has to answer.
    pub keepalive_timeout: Duration,
    /// How old a connection may become, about; none where it may be of any age.
    pub connection_age_max: Option<Duration>,
    /// How many there may be, and how fast.
    pub limits: Limits,
    /// Where is written who did what; nowhere where there is none.
    pub audit_log: Option<PathBuf>,
    /// Bytes of one file of that.
    pub audit_log_size: usize,
    /// Full files of it that are kept.
    pub audit_log_kept: usize,
    /// What becomes of writes that can't be told there.
    pub audit_failure: AuditFailure,
    /// How long streams have to end when the server stops.
    pub shutdown_grace: Duration,
    /// The form of log lines.
    pub log_format: LogFormat,
    /// The least important lines that are written.
    pub log_level: LogLevel,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            paths: Vec::new(),
            upstreams: Vec::new(),
            documents: DocumentOptions::default(),
            store: StoreKind::Redb,
            data_dir: PathBuf::from("mainsheet-data"),
            grpc_addr: SocketAddr::from((Ipv4Addr::LOCALHOST, 15010)),
            http_addr: SocketAddr::from((Ipv4Addr::LOCALHOST, 15014)),
            allow_plaintext_beyond_loopback: false,
            allow_api_beyond_loopback: false,
            tls: TlsSettings::default(),
            auth: AuthSettings::default(),
            instance: "mainsheet".to_owned(),
            debounce_quiet: Duration::from_millis(100),
            debounce_max: Duration::from_secs(1),
            guard_hold: Duration::from_secs(60),
            guard_mode: GuardMode::Proceed,
            crd_rules: CrdRules::Warn,
            views: Views::default(),
            authorities: BTreeSet::new(),
            root_namespace: "istio-system".to_owned(),
            cluster_domain: "cluster.local".to_owned(),
            complete: Complete::default(),
            // A snapshot shares what did not change: one costs about as much as its commit changed.
            history_len_max: 64,
            retention: StoreOptions::default(),
            resend_held: Policy::default().resend_held,
            empty_list: EmptyList::CompleteKinds,
            gone_endpoints: GoneEndpoints::Removed,
            // A client that reads nothing for two of its own keepalive intervals (30 s) is stuck.
            write_deadline: Duration::from_secs(60),
            // What istiod's and Envoy's clients do, too.
            keepalive_interval: Duration::from_secs(30),
            // As long as a write may take: a ping waits behind what was sent before it.
            keepalive_timeout: Duration::from_secs(60),
            // One server has nobody to share its clients with, and a SotW client that comes back is sent everything anew.
            connection_age_max: None,
            limits: Limits::default(),
            // A disk that fills up would end all writes: who wants the log says where there is room for it.
            audit_log: None,
            audit_log_size: 64 << 20,
            audit_log_kept: 16,
            audit_failure: AuditFailure::Refuse,
            // Well below the 30 s after which Kubernetes kills.
            shutdown_grace: Duration::from_secs(10),
            log_format: LogFormat::Text,
            log_level: LogLevel::Info,
        }
    }
}

impl Settings {
    /// The sources whose documents of access count.
    #[must_use]
    pub fn authorities(&self) -> Vec<SourceName> {
        let of_paths = self.paths.iter().map(|path| (file::source_name(&path.path), path.authority));
        let of_upstreams = self.upstreams.iter().map(|server| (server.source(), server.authority));
        let mut authorities = self.authorities.clone();
        authorities.extend(of_paths.chain(of_upstreams).filter(|(_, is_one)| *is_one).map(|(name, _)| name));
        authorities.into_iter().collect()
    }

    /// How long what each source tells lives.
    #[must_use]
    pub fn lifetimes(&self) -> HashMap<SourceName, Lifetime> {
        let of_path = |path: &ServedPath| {
            let lifetime = path.documents(&self.documents).ttl.map_or(Lifetime::Said, Lifetime::SaidOr);
            (file::source_name(&path.path), lifetime)
        };
        let of_upstream = |server: &FollowedServer| (server.source(), Lifetime::Upstream);
        self.paths.iter().map(of_path).chain(self.upstreams.iter().map(of_upstream)).collect()
    }
}

/// A directory or file to serve, with what is set for it alone.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ServedPath {
    /// As it was given.
    pub path: PathBuf,
    /// Instead of [`DocumentOptions::default_namespace`].
    pub default_namespace: Option<String>,
    /// Instead of [`DocumentOptions::unknown_fields`].
    pub unknown_fields: Option<UnknownFields>,
    /// Instead of [`DocumentOptions::ttl`].
    pub ttl: Option<Option<Duration>>,
    /// Whether its documents of access count.
    pub authority: bool,
}

impl From<PathBuf> for ServedPath {
    fn from(path: PathBuf) -> Self {
        Self { path, ..Self::default() }
    }
}

impl ServedPath {
    /// How its documents are read: what is set for it alone is stronger than what is set for all.
    #[must_use]
    pub fn documents(&self, all: &DocumentOptions) -> DocumentOptions {
        DocumentOptions {
            default_namespace: self.default_namespace.as_ref().unwrap_or(&all.default_namespace).clone(),
            unknown_fields: self.unknown_fields.unwrap_or(all.unknown_fields),
            ttl: self.ttl.unwrap_or(all.ttl),
        }
    }
}

/// A setting that is one of a few words.
macro_rules! words {
    ($(#[$meta:meta])* $name:ident { $($(#[$doc:meta])* $variant:ident = $word:literal,)+ }) => {
        $(#[$meta])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum $name { $($(#[$doc])* $variant,)+ }

        impl $name {
            /// What may be written.
            pub const WORDS: &'static [&'static str] = &[$($word),+];
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(match self { $(Self::$variant => $word,)+ })
            }
        }

        /// The error is what would be right.
        impl std::str::FromStr for $name {
            type Err = String;

            fn from_str(text: &str) -> Result<Self, String> {
                match text {
                    $($word => Ok(Self::$variant),)+
                    _ => Err(format!("write one of: {}", Self::WORDS.join(", "))),
                }
            }
        }
    };
}

pub(crate) use words;

words! {
    /// Where commits are kept.
    StoreKind {
        /// In a file below the data directory.
        Redb = "redb",
        /// Nowhere: gone with the process.
        Memory = "memory",
    }
}

words! {
    /// What happens to a resync that the shrink guard has held for its time.
    GuardMode {
        /// It goes through.
        Proceed = "proceed",
        /// It stays held until somebody confirms it.
        Stay = "stay",
    }
}

words! {
    /// What a first request of a type asks for that names nothing.
    EmptyList {
        /// Everything of kinds that are sent as complete sets.
        CompleteKinds = "complete-kinds",
        /// Everything of all kinds.
        AllKinds = "all-kinds",
    }
}

words! {
    /// How a delta client is told that endpoints are gone.
    GoneEndpoints {
        /// As removed.
        Removed = "removed",
        /// As an assignment without endpoints.
        Empty = "empty",
    }
}

words! {
    /// What becomes of a write that the audit log can't tell.
    AuditFailure {
        /// It is refused.
        Refuse = "refuse",
        /// It is made, and counted.
        Count = "count",
    }
}

words! {
    /// The form of log lines.
    LogFormat {
        /// For people.
        Text = "text",
        /// An object a line.
        Json = "json",
    }
}

words! {
    /// How important a log line is, from the most to the least.
    LogLevel {
        /// Something failed.
        Error = "error",
        /// Something needs a look.
        Warn = "warn",
        /// What happens.
        Info = "info",
        /// How it happens.
        Debug = "debug",
        /// Every step.
        Trace = "trace",
    }
}
