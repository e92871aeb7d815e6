//! Servers to follow: their settings as texts, each with what would be right.

use std::collections::BTreeSet;

use mainsheet_api::{
    kind::{Absence, Kind},
    resource::SourceName,
    xds::{Variant, client::Wanted},
};
use mainsheet_sink::{Client, CredentialFiles};

use super::text::{read_bool, read_domain, read_kinds, read_label, read_path, write_kinds, write_path};
use crate::source::upstream::{default_kinds, default_node_id, source_name};

/// A server to follow, with what is set for it alone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FollowedServer {
    /// Where it is, as it was given: replicas, the preferred one first.
    pub addresses: Vec<String>,
    /// What its source is called, instead of by its first address.
    pub name: Option<String>,
    /// What is asked for; all of Istio's kinds unless it is said.
    pub kinds: Option<BTreeSet<Kind>>,
    /// Which form of the protocol is spoken.
    pub variant: Variant,
    /// What it knows this server as, instead of by the instance's name.
    pub node_id: Option<String>,
    /// Namespace of what comes without one, instead of that for all sources.
    pub default_namespace: Option<String>,
    /// Whether its documents of access count.
    pub authority: bool,
    /// What this server shows it, and whom it believes.
    pub credentials: CredentialFiles,
}

impl FollowedServer {
    /// One for which nothing is set, at `addresses` with commas between them.
    ///
    /// # Errors
    /// Where one of them is none; the error is what would be right.
    pub fn at(addresses: &str) -> Result<Self, String> {
        let addresses: Vec<String> = addresses.split(',').map(|address| address.trim().to_owned()).collect();
        addresses.iter().try_for_each(|address| check_address(address))?;
        Ok(Self { addresses, ..Self::nowhere() })
    }

    /// One of which nothing is known.
    fn nowhere() -> Self {
        Self {
            addresses: Vec::new(),
            name: None,
            kinds: None,
            variant: Variant::Delta,
            node_id: None,
            default_namespace: None,
            authority: false,
            credentials: CredentialFiles::default(),
        }
    }

    /// Its source.
    #[must_use]
    pub fn source(&self) -> SourceName {
        source_name(self.name.as_deref(), self.addresses.first().map_or("", String::as_str))
    }

    /// What is asked for.
    #[must_use]
    pub fn kinds(&self) -> Vec<Kind> {
        match &self.kinds {
            Some(kinds) => kinds.iter().copied().collect(),
            None => default_kinds(self.authority).collect(),
        }
    }

    /// What it knows this server as.
    #[must_use]
    pub fn node_id(&self, instance: &str) -> String {
        self.node_id.clone().unwrap_or_else(|| default_node_id(instance))
    }

    /// What its settings must be together; the error is what is wrong, and what would be right.
    pub(super) fn check(&self) -> Result<(), (String, String)> {
        let silent = self.kinds().into_iter().find(|kind| kind.info().absence == Absence::SaysNothing);
        match (self.variant, silent) {
            (Variant::Sotw, Some(kind)) => {
                let wrong = format!(
                    "`{}` is asked for {kind} in sotw, which never says that one is gone",
                    self.source()
                );
                Err((wrong, format!("write `variant: delta`, or leave {kind} out of its `kinds`")))
            }
            _ if self.credentials.cert.is_some() != self.credentials.key.is_some() => {
                let wrong = format!("`{}` has one of `cert` and `key` without the other", self.source());
                Err((wrong, "write both, or leave both out".to_owned()))
            }
            _ => Ok(()),
        }
    }
}

/// A setting of a server to follow.
#[derive(Debug)]
pub struct UpstreamSetting {
    /// Its key.
    pub name: &'static str,
    /// What it does, for the reference.
    pub help: &'static str,
    /// The value as text, where it is said.
    pub get: fn(&FollowedServer) -> Option<String>,
    /// Reads a text. The error says what would be right.
    pub set: fn(&mut FollowedServer, &str) -> Result<(), String>,
}

/// A file that is shown to it, or believed of it.
macro_rules! credential {
    ($name:literal, $field:ident, $help:literal) => {
        UpstreamSetting {
            name: $name,
            help: $help,
            get: |server| server.credentials.$field.as_ref().map(|path| write_path(path)),
            set: |server, text| {
                server.credentials.$field = Some(read_path(text)?);
                Ok(())
            },
        }
    };
}

/// Every setting that a server to follow can have beside its `address`.
pub static UPSTREAM_SETTINGS: &[UpstreamSetting] = &[
    UpstreamSetting {
        name: "name",
        help: "what its source is called, after `xds:`; its first address unless it is said",
        get: |server| server.name.clone(),
        set: |server, text| {
            server.name = Some(read_label(text)?);
            Ok(())
        },
    },
    UpstreamSetting {
        name: "kinds",
        help: "what is asked for; all of Istio's kinds and our own unless it is said",
        get: |server| server.kinds.as_ref().map(write_kinds),
        set: |server, text| {
            let kinds = read_kinds(text)?;
            if kinds.is_empty() || kinds.contains(&Kind::MESH_CONFIG) {
                return Err("write at least one kind, and not MeshConfig, which is never taken in".to_owned());
            }
            server.kinds = Some(kinds);
            Ok(())
        },
    },
    UpstreamSetting {
        name: "variant",
        help: "the form of the protocol: `delta` (the default), or `sotw`, which istiod needs",
        get: |server| (server.variant == Variant::Sotw).then(|| "sotw".to_owned()),
        set: |server, text| {
            server.variant = match text {
                "delta" => Variant::Delta,
                "sotw" => Variant::Sotw,
                _ => return Err("write one of: delta, sotw".to_owned()),
            };
            Ok(())
        },
    },
    UpstreamSetting {
        name: "node-id",
        help: "what it knows this server as, where it shows nodes different things; made of `instance` unless it is said",
        get: |server| server.node_id.clone(),
        set: |server, text| {
            if text.is_empty() {
                return Err(
                    "write a node id, for example sidecar~10.0.0.9~agent.edge~edge.svc.cluster.local"
                        .to_owned(),
                );
            }
            server.node_id = Some(text.to_owned());
            Ok(())
        },
    },
    UpstreamSetting {
        name: "default-namespace",
        help: "namespace of Envoy's resources, which come without one",
        get: |server| server.default_namespace.clone(),
        set: |server, text| {
            server.default_namespace = Some(read_label(text)?);
            Ok(())
        },
    },
    UpstreamSetting {
        name: "authority",
        help: "whether its roles and bindings grant anything, `true` or `false` (the default); if so, they are asked for, too",
        get: |server| server.authority.then(|| "true".to_owned()),
        set: |server, text| {
            server.authority = read_bool(text)?;
            Ok(())
        },
    },
    credential!(
        "ca",
        ca,
        "CAs in PEM form that vouch for it, instead of those that this machine believes; with this or a certificate, addresses without a scheme mean TLS"
    ),
    credential!(
        "cert",
        cert,
        "certificate that this server shows it, in PEM form, read anew for each connection"
    ),
    credential!("key", key, "the certificate's private key"),
    credential!("token-file", token, "bearer token that this server shows it, read anew for each connection"),
    UpstreamSetting {
        name: "server-name",
        help: "what its certificate has to name, where that is not the host of its address",
        get: |server| server.credentials.server_name.clone(),
        set: |server, text| {
            server.credentials.server_name = Some(read_domain(text)?);
            Ok(())
        },
    },
];

fn check_address(address: &str) -> Result<(), String> {
    let right = || {
        "write HOST:PORT or xds://HOST:PORT, for example xds://127.0.0.1:15010; replicas with commas"
            .to_owned()
    };
    let client = Client::builder(address, "check")
        .credentials(CredentialFiles::default())
        .subscribe("check", Wanted::Everything)
        .build();
    client.map(drop).map_err(|_| right())
}
