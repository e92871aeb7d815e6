//! TLS of servers: of gateways, and of a sidecar's ingress.

use std::collections::BTreeSet;

use super::{code, report::Report};
use crate::generated::istio::networking::v1alpha3::{
    ServerTlsSettings,
    server_tls_settings::{TlSmode, TlsProtocol},
};

/// BoringSSL's names of what Envoy can offer.
const CIPHER_SUITES: [&str; 15] = [
    "ECDHE-ECDSA-AES128-GCM-SHA256",
    "ECDHE-RSA-AES128-GCM-SHA256",
    "ECDHE-ECDSA-AES256-GCM-SHA384",
    "ECDHE-RSA-AES256-GCM-SHA384",
    "ECDHE-ECDSA-CHACHA20-POLY1305",
    "ECDHE-RSA-CHACHA20-POLY1305",
    "ECDHE-ECDSA-AES128-SHA",
    "ECDHE-RSA-AES128-SHA",
    "ECDHE-ECDSA-AES256-SHA",
    "ECDHE-RSA-AES256-SHA",
    "AES128-GCM-SHA256",
    "AES256-GCM-SHA384",
    "AES128-SHA",
    "AES256-SHA",
    "DES-CBC3-SHA",
];

pub(super) fn check(report: &mut Report<'_>, tls: &ServerTlsSettings) {
    let mode = TlSmode::try_from(tls.mode);
    let old = [TlsProtocol::Tlsv10 as i32, TlsProtocol::Tlsv11 as i32].contains(&tls.min_protocol_version);
    report.flag_at_if(old && tls.cipher_suites.is_empty(), "minProtocolVersion", &code::TLS_OLD_VERSION);
    cipher_suites(report, &tls.cipher_suites);
    if mode == Ok(TlSmode::IstioMutual) {
        return report.flag_if(sources(tls) > 0 || has_file(tls), &code::TLS_ISTIO_MUTUAL);
    }
    report.flag_if(sources(tls) > 1, &code::TLS_CERTIFICATES_TWICE);
    if let Ok(TlSmode::Simple | TlSmode::Mutual | TlSmode::OptionalMutual) = mode {
        if !by_reference(tls) {
            files(report, tls, mode != Ok(TlSmode::Simple));
        }
        return;
    }
    let crl = !tls.ca_crl.is_empty() && !tls.credential_name.is_empty();
    report.flag_at_if(crl, "caCrl", &code::TLS_CRL);
    let unused =
        has_file(tls) || !tls.ca_crl.is_empty() || !tls.tls_certificates.is_empty() || by_reference(tls);
    let passes = matches!(mode, Ok(TlSmode::Passthrough | TlSmode::AutoPassthrough));
    report.flag_if(passes && unused, &code::TLS_UNUSED);
}

/// What begins with a sign is an expression over suites, and is left to BoringSSL.
fn is_cipher_suite(name: &str) -> bool {
    let first = name.bytes().next().map(char::from);
    first.is_none_or(|first| !first.is_alphabetic() && !first.is_numeric())
        || name == "ALL"
        || CIPHER_SUITES.contains(&name)
}

fn cipher_suites(report: &mut Report<'_>, names: &[String]) {
    let mut seen = BTreeSet::new();
    report.each("cipherSuites", names, |report, name: &String| {
        if !is_cipher_suite(name) {
            report.flag_value(&code::TLS_CIPHER, name);
        } else if !seen.insert(name.clone()) {
            report.flag_value(&code::TLS_CIPHER_DUPLICATE, name);
        }
    });
}

/// Certificates that istiod fetches from secrets: nothing else is looked at.
fn by_reference(tls: &ServerTlsSettings) -> bool {
    !tls.credential_name.is_empty() || !tls.credential_names.is_empty()
}

/// How many complete ways to a certificate there are.
fn sources(tls: &ServerTlsSettings) -> usize {
    let ways = [
        !tls.server_certificate.is_empty() && !tls.private_key.is_empty(),
        !tls.credential_name.is_empty(),
        !tls.credential_names.is_empty(),
        !tls.tls_certificates.is_empty(),
    ];
    ways.iter().filter(|way| **way).count()
}

fn has_file(tls: &ServerTlsSettings) -> bool {
    [&tls.server_certificate, &tls.private_key, &tls.ca_certificates].iter().any(|file| !file.is_empty())
}

fn files(report: &mut Report<'_>, tls: &ServerTlsSettings, mutual: bool) {
    report.flag_if(mutual && tls.ca_certificates.is_empty(), &code::TLS_CA_MISSING);
    report.flag_at_if(!mutual && !tls.ca_crl.is_empty(), "caCrl", &code::TLS_CRL);
    report.flag_at_if(tls.tls_certificates.len() > 2, "tlsCertificates", &code::TLS_CERTIFICATES_MANY);
    let lacks = |certificate: &str, key: &str| certificate.is_empty() || key.is_empty();
    let single = tls.tls_certificates.is_empty() && lacks(&tls.server_certificate, &tls.private_key);
    report.flag_if(single, &code::TLS_CERTIFICATE_MISSING);
    report.each("tlsCertificates", &tls.tls_certificates, |report, pair| {
        report.flag_if(lacks(&pair.server_certificate, &pair.private_key), &code::TLS_CERTIFICATE_MISSING);
    });
}
