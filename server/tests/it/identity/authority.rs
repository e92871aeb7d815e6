//! A CA of the tests' own.

use std::time::Duration;

use mainsheet_api::time::{Clock as _, Timestamp};
use mainsheet_server::clock::SystemClock;
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DistinguishedName, DnType, ExtendedKeyUsagePurpose,
    IsCa, KeyPair, SanType, SerialNumber, date_time_ymd,
};
use tonic::transport::{Certificate, ClientTlsConfig, Identity};

/// What servers are called.
pub(super) const NAME: &str = "mainsheet.test";

pub(super) struct Authority(CertifiedIssuer<'static, KeyPair>);

/// A certificate with its key.
#[derive(Clone)]
pub(super) struct Pair {
    pub(super) cert: String,
    pub(super) key: String,
}

/// Who a certificate is of.
#[derive(Clone, Copy)]
pub(super) enum Who {
    Server,
    Spiffe(&'static str),
    User(&'static str, &'static [&'static str]),
}

impl Authority {
    pub(super) fn new() -> Self {
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        Self(CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap())
    }

    pub(super) fn pem(&self) -> String {
        self.0.pem()
    }

    /// A certificate that holds from an hour ago for three days.
    pub(super) fn signs(&self, who: Who) -> Pair {
        let now = SystemClock::new().wall();
        self.signs_until(who, now.after(Duration::from_secs(72 * 60 * 60)), &[7])
    }

    pub(super) fn signs_until(&self, who: Who, end: Timestamp, serial: &[u8]) -> Pair {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::default();
        params.distinguished_name = DistinguishedName::new();
        params.serial_number = Some(SerialNumber::from_slice(serial));
        let at = |millis: u64| date_time_ymd(1970, 1, 1) + Duration::from_millis(millis);
        params.not_before = at(end.0 - 73 * 60 * 60 * 1_000);
        params.not_after = at(end.0);
        let mut usage = ExtendedKeyUsagePurpose::ClientAuth;
        match who {
            Who::Server => {
                params.subject_alt_names = vec![SanType::DnsName(NAME.try_into().unwrap())];
                usage = ExtendedKeyUsagePurpose::ServerAuth;
            }
            Who::Spiffe(id) => params.subject_alt_names = vec![SanType::URI(id.try_into().unwrap())],
            Who::User(name, groups) => {
                params.distinguished_name.push(DnType::CommonName, name);
                // Of each type there may be one: by its number the same is another.
                let types = [DnType::OrganizationName, DnType::CustomDnType(vec![2, 5, 4, 10])];
                for (group, kind) in groups.iter().zip(types) {
                    params.distinguished_name.push(kind, *group);
                }
            }
        }
        params.extended_key_usages = vec![usage];
        let cert = params.signed_by(&key, &self.0).unwrap().pem();
        Pair { cert, key: key.serialize_pem() }
    }

    /// A client that believes the servers of this CA, and shows this.
    pub(super) fn client(&self, pair: Option<&Pair>) -> ClientTlsConfig {
        let tls = ClientTlsConfig::new().ca_certificate(Certificate::from_pem(self.pem())).domain_name(NAME);
        match pair {
            Some(Pair { cert, key }) => tls.identity(Identity::from_pem(cert, key)),
            None => tls,
        }
    }
}
