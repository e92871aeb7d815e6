//! What a client's certificate says. That a CA of ours signed it is checked before, by whoever shakes hands.

use std::fmt;

use aws_lc_rs::digest::{SHA256, digest};
use mainsheet_api::{
    access::{Identity, identity::AUTHENTICATED},
    time::Timestamp,
};
use x509_parser::prelude::{FromDer as _, GeneralName, X509Certificate, X509Name};

use super::spiffe;

/// What a certificate says of whoever shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ClientCertificate {
    pub(crate) identity: Identity,
    pub(crate) serial: Serial,
    pub(crate) fingerprint: Fingerprint,
    /// Until when it holds.
    pub(crate) not_after: Timestamp,
}

/// A certificate's number, in lower-case hexadecimal digits without leading zeros.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Serial(String);

impl Serial {
    /// Of a text as openssl, Kubernetes' tools or a browser write it: digits, colons between them or not.
    ///
    /// # Errors
    /// Where it is no number: what would be right.
    pub fn read(text: &str) -> Result<Self, String> {
        let digits: String = text.trim().strip_prefix("0x").unwrap_or(text.trim()).replace(':', "");
        if digits.is_empty() || !digits.chars().all(|c| c.is_ascii_hexdigit()) {
            return Err(
                "write hexadecimal digits, for example 3f:0a:91, as `openssl x509 -serial` shows them"
                    .to_owned(),
            );
        }
        let digits = digits.to_ascii_lowercase();
        let significant = digits.trim_start_matches('0');
        Ok(Self(if significant.is_empty() { "0".to_owned() } else { significant.to_owned() }))
    }

    fn of_bytes(bytes: &[u8]) -> Self {
        let digits = hex(bytes);
        Self::read(&digits).unwrap_or(Self("0".to_owned()))
    }
}

impl fmt::Display for Serial {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// SHA-256 of a whole certificate.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Fingerprint([u8; 32]);

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex(&self.0))
    }
}

impl fmt::Debug for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Reads a certificate.
///
/// # Errors
/// Where it names nobody: why.
pub(crate) fn read(der: &[u8], trust_domain: &str) -> Result<ClientCertificate, String> {
    let (rest, certificate) =
        X509Certificate::from_der(der).map_err(|error| format!("it can't be read: {error}"))?;
    if !rest.is_empty() {
        return Err("something follows it".to_owned());
    }
    let mut sha = [0; 32];
    sha.copy_from_slice(digest(&SHA256, der).as_ref());
    Ok(ClientCertificate {
        identity: identity(&certificate, trust_domain)?,
        serial: Serial::of_bytes(certificate.raw_serial()),
        fingerprint: Fingerprint(sha),
        not_after: not_after(&certificate),
    })
}

/// Until when a certificate holds.
pub(crate) fn not_after(certificate: &X509Certificate<'_>) -> Timestamp {
    millis(certificate.validity().not_after.timestamp())
}

/// From when on a certificate holds.
pub(crate) fn not_before(certificate: &X509Certificate<'_>) -> Timestamp {
    millis(certificate.validity().not_before.timestamp())
}

fn millis(seconds: i64) -> Timestamp {
    Timestamp(u64::try_from(seconds).unwrap_or(0).saturating_mul(1_000))
}

/// A SPIFFE id wins over what the subject says: a workload's certificate may have any subject.
fn identity(certificate: &X509Certificate<'_>, trust_domain: &str) -> Result<Identity, String> {
    match spiffe_id(certificate)? {
        Some(id) => spiffe::identity(id, trust_domain),
        None => of_subject(certificate.subject()),
    }
}

/// The standard allows one URI, so that nobody can choose among several.
fn spiffe_id<'a>(certificate: &'a X509Certificate<'_>) -> Result<Option<&'a str>, String> {
    let names = certificate
        .subject_alternative_name()
        .map_err(|error| format!("its names can't be read: {error}"))?;
    let names = names.iter().flat_map(|names| &names.value.general_names);
    let uris: Vec<&str> =
        names.filter_map(|name| if let GeneralName::URI(uri) = name { Some(*uri) } else { None }).collect();
    let is_spiffe = |uri: &&str| {
        uri.get(..spiffe::SCHEME.len()).is_some_and(|begin| begin.eq_ignore_ascii_case(spiffe::SCHEME))
    };
    if !uris.iter().any(is_spiffe) {
        return Ok(None);
    }
    match uris[..] {
        [id] => Ok(Some(id)),
        _ => Err(format!("it has {} URIs, and one SPIFFE id is one URI", uris.len())),
    }
}

/// As Kubernetes reads client certificates: the common name is the user, each organization a group.
fn of_subject(subject: &X509Name<'_>) -> Result<Identity, String> {
    let names = subject.iter_common_name().map(|name| name.as_str().map_err(|_| unreadable("common name")));
    // Of several, the last counts, as in Go, which Kubernetes is written in.
    let user = names.last().transpose()?.filter(|user| !user.is_empty());
    let user = user.ok_or("it has neither a SPIFFE id nor a common name")?;
    let mut groups = Vec::new();
    for organization in subject.iter_organization() {
        groups.push(organization.as_str().map_err(|_| unreadable("organization"))?);
    }
    groups.push(AUTHENTICATED);
    Ok(Identity::new(user, groups))
}

fn unreadable(what: &str) -> String {
    format!("its {what} is no text")
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
