//! TLS of servers: of gateways, and of a sidecar's ingress.

use super::{code, report::Report};
use crate::generated::istio::networking::v1alpha3::{ServerTlsSettings, server_tls_settings::TlSmode};

pub(super) fn check(report: &mut Report<'_>, tls: &ServerTlsSettings) {
    let mode = TlSmode::try_from(tls.mode);
    if mode == Ok(TlSmode::IstioMutual) {
        return report.flag_if(sources(tls) > 0 || has_file(tls), &code::TLS_ISTIO_MUTUAL);
    }
    report.flag_if(sources(tls) > 1, &code::TLS_CERTIFICATES_TWICE);
    match mode {
        Ok(TlSmode::Passthrough | TlSmode::AutoPassthrough) => {
            let crl = !tls.ca_crl.is_empty() && !tls.credential_name.is_empty();
            report.flag_at_if(crl, "caCrl", &code::TLS_CRL);
        }
        Ok(TlSmode::Simple | TlSmode::Mutual | TlSmode::OptionalMutual) if !by_reference(tls) => {
            files(report, tls, mode != Ok(TlSmode::Simple));
        }
        _ => {}
    }
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
    let lacks = |certificate: &str, key: &str| certificate.is_empty() || key.is_empty();
    let single = tls.tls_certificates.is_empty() && lacks(&tls.server_certificate, &tls.private_key);
    report.flag_if(single, &code::TLS_CERTIFICATE_MISSING);
    report.each("tlsCertificates", &tls.tls_certificates, |report, pair| {
        report.flag_if(lacks(&pair.server_certificate, &pair.private_key), &code::TLS_CERTIFICATE_MISSING);
    });
}
