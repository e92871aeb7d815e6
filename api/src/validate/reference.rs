//! Names of other resources: gateways of a VirtualService, secrets.

use super::{code, host, report::Report};

/// Whose rules a VirtualService follows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Semantics {
    /// Istio's.
    Istio,
    /// Those of the Gateway API, which istiod translates with looser names.
    GatewayApi,
}

/// Whether an old spelling is remarked: istiod loses that warning in some places.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Legacy {
    /// With a warning.
    Told,
    /// In silence.
    Untold,
}

/// `name`, `namespace/name` or `mesh`.
///
/// istiod stops at the first entry without a slash and never sees what follows; refusing that would be stricter.
pub(super) fn gateways(report: &mut Report<'_>, gateways: &[String], semantics: Semantics, legacy: Legacy) {
    for (index, gateway) in gateways.iter().enumerate() {
        let right = match gateway.split_once('/') {
            None => host::is_fqdn(gateway),
            Some((namespace, name)) => host::is_label(namespace) && is_gateway(name, semantics),
        };
        if !right {
            report.element("gateways", index, |report| report.flag_value(&code::GATEWAY_REFERENCE, gateway));
        }
        if !gateway.contains('/') {
            if legacy == Legacy::Told && gateway.contains('.') {
                report.element("gateways", index, |report| report.flag_value(&code::GATEWAY_LEGACY, gateway));
            }
            break;
        }
    }
}

fn is_gateway(name: &str, semantics: Semantics) -> bool {
    match semantics {
        Semantics::Istio => host::is_label(name),
        Semantics::GatewayApi => !name.is_empty(),
    }
}

/// `configmap://namespace/name` must be of the own namespace; other schemes are anybody's.
pub(super) fn credential(report: &mut Report<'_>, credential: &str) {
    let Some(path) = credential.strip_prefix("configmap://") else { return };
    let mut parts = path.split('/');
    let own = report.namespace();
    let right = parts.next() == Some(own) && parts.next().is_some_and(|name| !name.is_empty());
    report.flag_at_if(!right, "credentialName", &code::CREDENTIAL_CONFIGMAP);
}
