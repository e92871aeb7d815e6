//! What connections are secured with: a certificate and its key, and the CA of clients, read from PEM files and checked, so that
//! what can't work is never put to use.

use std::{fmt, path::Path, sync::Arc, time::Duration};

use mainsheet_api::time::{Clock, Timestamp};
use rustls::{
    RootCertStore, ServerConfig,
    crypto::{CryptoProvider, aws_lc_rs},
    pki_types::{CertificateDer, PrivateKeyDer, UnixTime, pem::PemObject},
    server::{NoServerSessionStorage, ResolvesServerCert, WebPkiClientVerifier, danger::ClientCertVerifier},
    sign::{CertifiedKey, SingleCertAndKey},
    time_provider::TimeProvider,
    version::{TLS12, TLS13},
};
use x509_parser::prelude::{FromDer as _, X509Certificate};

use super::{ClientAuth, PemFiles, TlsVersion};
use crate::auth::certificate;

/// What certificates are for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum CertificateUse {
    /// The server's own.
    Server,
    /// Those between it and the CA that clients know.
    Chain,
    /// Those that sign clients' certificates.
    ClientCa,
}

impl CertificateUse {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Server => "server",
            Self::Chain => "chain",
            Self::ClientCa => "client-ca",
        }
    }
}

/// Read, checked, and ready for connections.
#[derive(Clone)]
pub(crate) struct Material {
    pub(crate) grpc: Arc<ServerConfig>,
    pub(crate) http: Arc<ServerConfig>,
    /// Who says whether a client's certificate is to be believed.
    pub(crate) clients: Option<Arc<dyn ClientCertVerifier>>,
    /// When the first of each use expires.
    pub(crate) expiry: Vec<(CertificateUse, Timestamp)>,
}

impl fmt::Debug for Material {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Material").field("expiry", &self.expiry).finish_non_exhaustive()
    }
}

impl Material {
    /// Reads what is in the files, in the order of [`PemFiles::files`].
    ///
    /// # Errors
    /// Where it can't work at this time: which file, what is wrong, and what would be right.
    pub(crate) fn read(
        contents: &[Vec<u8>],
        files: &PemFiles,
        (auth, min_version): (ClientAuth, TlsVersion),
        clock: &Arc<dyn Clock>,
    ) -> Result<Self, String> {
        let [cert, key, ca @ ..] = contents else { return Err("no certificate was read".to_owned()) };
        let now = clock.wall();
        let provider = Arc::new(aws_lc_rs::default_provider());
        let chain = certificates(cert).map_err(|wrong| in_file(&files.cert, &wrong))?;
        let mut expiry = checked(&chain, now).map_err(|wrong| in_file(&files.cert, &wrong))?;
        let key = PrivateKeyDer::from_pem_slice(key).map_err(|error| in_file(&files.key, &no_key(&error)))?;
        let certified = CertifiedKey::from_der(chain, key, &provider).map_err(|error| {
            let (cert, key) = (files.cert.display(), files.key.display());
            format!("the certificate in `{cert}` and the key in `{key}` do not go together: {error}")
        })?;
        let own: Arc<dyn ResolvesServerCert> = Arc::new(SingleCertAndKey::from(certified));
        let roots = match (ca, &files.client_ca) {
            ([ca], Some(path)) => {
                let (roots, first) = client_ca(ca, now).map_err(|wrong| in_file(path, &wrong))?;
                expiry.push((CertificateUse::ClientCa, first));
                Some(Arc::new(roots))
            }
            _ => None,
        };
        let verifier =
            |auth: ClientAuth| roots.clone().map(|roots| verifier(roots, auth, &provider)).transpose();
        // Probes have no certificate, and health is for them.
        let (required, optional) = (verifier(auth)?, verifier(ClientAuth::Optional)?);
        let config = |clients: &Option<Arc<dyn ClientCertVerifier>>, protocol: &[u8]| {
            config((&provider, clock), min_version, (clients.clone(), Arc::clone(&own)), protocol)
        };
        Ok(Self {
            grpc: config(&required, b"h2")?,
            http: config(&optional, b"http/1.1")?,
            clients: optional,
            expiry,
        })
    }
}

fn in_file(path: &Path, wrong: &str) -> String {
    format!("`{}`: {wrong}", path.display())
}

fn no_key(error: &rustls::pki_types::pem::Error) -> String {
    format!("no private key in PEM form (PKCS#8, PKCS#1 or SEC1): {error}")
}

fn certificates(pem: &[u8]) -> Result<Vec<CertificateDer<'static>>, String> {
    let read: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem).collect();
    match read {
        Ok(certificates) if certificates.is_empty() => {
            Err("no certificate in PEM form (BEGIN CERTIFICATE)".to_owned())
        }
        Ok(certificates) => Ok(certificates),
        Err(error) => Err(format!("it can't be read as PEM: {error}")),
    }
}

/// When a certificate and those above it expire, all of which have to hold now.
fn checked(chain: &[CertificateDer<'_>], now: Timestamp) -> Result<Vec<(CertificateUse, Timestamp)>, String> {
    let mut ends = Vec::new();
    for (number, der) in chain.iter().enumerate() {
        ends.push(holds(der, now).map_err(|wrong| format!("certificate {} of it {wrong}", number + 1))?);
    }
    let mut expiry: Vec<_> = ends.first().map(|end| (CertificateUse::Server, *end)).into_iter().collect();
    expiry.extend(ends.iter().skip(1).min().map(|end| (CertificateUse::Chain, *end)));
    Ok(expiry)
}

/// Until when a certificate holds, which it has to do now.
fn holds(der: &CertificateDer<'_>, now: Timestamp) -> Result<Timestamp, String> {
    let (_, certificate) =
        X509Certificate::from_der(der).map_err(|error| format!("can't be read: {error}"))?;
    let validity = certificate.validity();
    if certificate::not_after(&certificate) <= now {
        return Err(format!("expired on {}", validity.not_after));
    }
    if certificate::not_before(&certificate) > now {
        return Err(format!("holds from {} on only", validity.not_before));
    }
    Ok(certificate::not_after(&certificate))
}

/// Those that hold now, and when the first of them expires. A bundle may go on having old ones.
fn client_ca(pem: &[u8], now: Timestamp) -> Result<(RootCertStore, Timestamp), String> {
    let mut roots = RootCertStore::empty();
    let (mut first, mut last_wrong) = (None, String::new());
    for (number, der) in certificates(pem)?.into_iter().enumerate() {
        match holds(&der, now) {
            Ok(end) => {
                first = Some(first.map_or(end, |first: Timestamp| first.min(end)));
                roots
                    .add(der)
                    .map_err(|error| format!("certificate {} of it is no CA: {error}", number + 1))?;
            }
            Err(wrong) => last_wrong = format!("certificate {} of it {wrong}", number + 1),
        }
    }
    first.map(|first| (roots, first)).ok_or(last_wrong)
}

fn verifier(
    roots: Arc<RootCertStore>,
    auth: ClientAuth,
    provider: &Arc<CryptoProvider>,
) -> Result<Arc<dyn ClientCertVerifier>, String> {
    let builder = WebPkiClientVerifier::builder_with_provider(roots, Arc::clone(provider));
    let builder = match auth {
        ClientAuth::Required => builder,
        ClientAuth::Optional => builder.allow_unauthenticated(),
    };
    builder.build().map_err(|error| format!("the client CA can't be used: {error}"))
}

fn config(
    (provider, clock): (&Arc<CryptoProvider>, &Arc<dyn Clock>),
    min_version: TlsVersion,
    (clients, own): (Option<Arc<dyn ClientCertVerifier>>, Arc<dyn ResolvesServerCert>),
    protocol: &[u8],
) -> Result<Arc<ServerConfig>, String> {
    let time = Arc::new(PassedIn(Arc::clone(clock)));
    let versions = match min_version {
        TlsVersion::V13 => &[&TLS13][..],
        TlsVersion::V12 => &[&TLS13, &TLS12],
    };
    let builder = ServerConfig::builder_with_details(Arc::clone(provider), time)
        .with_protocol_versions(versions)
        .map_err(|error| error.to_string())?;
    let builder = match clients {
        Some(clients) => builder.with_client_cert_verifier(clients),
        None => builder.with_no_client_auth(),
    };
    let mut config = builder.with_cert_resolver(own);
    config.alpn_protocols = vec![protocol.to_vec()];
    // A session that is resumed brings back a certificate that nobody checks again.
    config.session_storage = Arc::new(NoServerSessionStorage {});
    config.send_tls13_tickets = 0;
    Ok(Arc::new(config))
}

/// The clock that everything else goes by, for whoever looks whether certificates hold.
struct PassedIn(Arc<dyn Clock>);

impl TimeProvider for PassedIn {
    fn current_time(&self) -> Option<UnixTime> {
        Some(unix_time(self.0.wall()))
    }
}

impl fmt::Debug for PassedIn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PassedIn")
    }
}

/// A moment as rustls has it.
pub(crate) fn unix_time(at: Timestamp) -> UnixTime {
    UnixTime::since_unix_epoch(Duration::from_millis(at.0))
}
