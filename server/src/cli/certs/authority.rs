//! A CA in a folder, and what it signs.

use std::{fmt, fs, io::Write as _, net::IpAddr, path::Path, time::Duration};

use anyhow::Context as _;
use mainsheet_api::time::Timestamp;
use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer,
    KeyPair, KeyUsagePurpose, SanType, date_time_ymd,
};
use rustls::pki_types::DnsName;

use crate::{
    auth::spiffe_identity,
    cli::{error::CliError, whole_file},
};

const DAY_MILLIS: u64 = 24 * 60 * 60 * 1_000;

/// How far the clocks of those who look at a certificate may be behind.
const SKEW_MILLIS: u64 = 5 * 60 * 1_000;

/// Groups that fit into a certificate that is made here.
pub(super) const GROUPS_MAX: usize = 2;

/// What groups are written as. Of each type there may be one: by its number the same is another.
fn organizations() -> [DnType; GROUPS_MAX] {
    [DnType::OrganizationName, DnType::CustomDnType(vec![2, 5, 4, 10])]
}

/// Whom a certificate is for.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Holder {
    Server(Vec<SanType>),
    Spiffe(String),
    User { name: String, groups: Vec<String> },
}

impl Holder {
    /// A server that is reached at these names and addresses.
    pub(super) fn server(hosts: &[String]) -> anyhow::Result<Self> {
        let host = |host: &String| match host.parse::<IpAddr>() {
            Ok(ip) => Ok(SanType::IpAddress(ip)),
            Err(_) => {
                let wrong =
                    || CliError::usage(format!("`{host}` is neither a name of a host nor an address"));
                let is_name = DnsName::try_from(host.as_str()).is_ok();
                let name = host.as_str().try_into().ok().filter(|_| is_name).ok_or_else(wrong)?;
                Ok(SanType::DnsName(name))
            }
        };
        hosts.iter().map(host).collect::<anyhow::Result<_>>().map(Self::Server)
    }

    pub(super) fn spiffe(id: &str) -> anyhow::Result<Self> {
        spiffe_identity(id, "").map_err(CliError::usage)?;
        Ok(Self::Spiffe(id.to_owned()))
    }
}

impl fmt::Display for Holder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Server(_) => f.write_str("a server"),
            Self::Spiffe(id) => f.write_str(id),
            Self::User { name, groups } if groups.is_empty() => write!(f, "user {name}"),
            Self::User { name, groups } => write!(f, "user {name} in {}", groups.join(", ")),
        }
    }
}

/// A CA.
pub(super) struct Authority {
    cert: String,
    issuer: Issuer<'static, KeyPair>,
}

/// A certificate with its key, in PEM form.
pub(super) struct Pair {
    cert: String,
    key: String,
}

impl Authority {
    /// A new one.
    pub(super) fn new(now: Timestamp, days: u32) -> anyhow::Result<Self> {
        let mut params = params(now, days);
        params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        params.distinguished_name.push(DnType::CommonName, "mainsheet development CA");
        let key = KeyPair::generate()?;
        let cert = params.self_signed(&key)?.pem();
        Ok(Self { cert, issuer: Issuer::new(params, key) })
    }

    /// That of a folder.
    pub(super) fn read(folder: &Path) -> anyhow::Result<Self> {
        let read = |name: &str| {
            let path = folder.join(name);
            let missing = || {
                format!("read `{}`; `mainsheet certs init {}` makes a CA", path.display(), folder.display())
            };
            fs::read_to_string(&path).with_context(missing)
        };
        let (cert, key) = (read("ca.crt")?, read("ca.key")?);
        let broken = || format!("`{}` has no CA", folder.display());
        let key = KeyPair::from_pem(&key).with_context(broken)?;
        let issuer = Issuer::from_ca_cert_pem(&cert, key).with_context(broken)?;
        Ok(Self { cert, issuer })
    }

    pub(super) fn write(&self, folder: &Path) -> anyhow::Result<()> {
        let pair = Pair { cert: self.cert.clone(), key: self.issuer.key().serialize_pem() };
        pair.write(folder, "ca")
    }

    /// One more certificate.
    pub(super) fn issue(&self, holder: &Holder, now: Timestamp, days: u32) -> anyhow::Result<Pair> {
        let mut params = params(now, days);
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.use_authority_key_identifier_extension = true;
        let mut purpose = ExtendedKeyUsagePurpose::ClientAuth;
        match holder {
            Holder::Server(hosts) => {
                params.subject_alt_names.clone_from(hosts);
                purpose = ExtendedKeyUsagePurpose::ServerAuth;
            }
            Holder::Spiffe(id) => params.subject_alt_names = vec![SanType::URI(id.as_str().try_into()?)],
            Holder::User { name, groups } => {
                params.distinguished_name.push(DnType::CommonName, name);
                for (group, kind) in groups.iter().zip(organizations()) {
                    params.distinguished_name.push(kind, group);
                }
            }
        }
        params.extended_key_usages = vec![purpose];
        let key = KeyPair::generate()?;
        let cert = params.signed_by(&key, &self.issuer)?.pem();
        Ok(Pair { cert, key: key.serialize_pem() })
    }
}

impl Pair {
    /// The key first: a certificate without one is of no use.
    pub(super) fn write(&self, folder: &Path, name: &str) -> anyhow::Result<()> {
        for (end, text) in [("key", &self.key), ("crt", &self.cert)] {
            let fill = |file: &mut fs::File| Ok(file.write_all(text.as_bytes())?);
            whole_file::write(&folder.join(format!("{name}.{end}")), fill)?;
        }
        Ok(())
    }
}

fn params(now: Timestamp, days: u32) -> CertificateParams {
    let at = |millis: u64| date_time_ymd(1970, 1, 1) + Duration::from_millis(millis);
    let mut params = CertificateParams::default();
    params.distinguished_name = DistinguishedName::new();
    params.not_before = at(now.0.saturating_sub(SKEW_MILLIS));
    params.not_after = at(now.0 + u64::from(days) * DAY_MILLIS);
    params
}
