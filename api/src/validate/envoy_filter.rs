//! EnvoyFilter: patches of Envoy's own configuration.

mod value;

use super::{code, regex, report::Report, selector};
use crate::generated::istio::networking::v1alpha3::EnvoyFilter;
use crate::generated::istio::networking::v1alpha3::envoy_filter::{
    ApplyTo, EnvoyConfigObjectMatch, EnvoyConfigObjectPatch, ListenerMatch, PatchContext,
    envoy_config_object_match::ObjectTypes, patch::Operation,
};

const CONNECTION_MANAGERS: [&str; 2] =
    ["envoy.filters.network.http_connection_manager", "envoy.http_connection_manager"];

/// Filters by their old names.
const DEPRECATED: [&str; 27] = [
    "envoy.buffer",
    "envoy.client_ssl_auth",
    "envoy.cors",
    "envoy.csrf",
    "envoy.ext_authz",
    "envoy.fault",
    "envoy.grpc_http1_bridge",
    "envoy.grpc_json_transcoder",
    "envoy.grpc_web",
    "envoy.gzip",
    "envoy.health_check",
    "envoy.http_connection_manager",
    "envoy.http_dynamo_filter",
    "envoy.ip_tagging",
    "envoy.listener.http_inspector",
    "envoy.listener.original_dst",
    "envoy.listener.original_src",
    "envoy.listener.proxy_protocol",
    "envoy.listener.tls_inspector",
    "envoy.lua",
    "envoy.mongo_proxy",
    "envoy.rate_limit",
    "envoy.ratelimit",
    "envoy.redis_proxy",
    "envoy.router",
    "envoy.squash",
    "envoy.tcp_proxy",
];

pub(super) fn check(report: &mut Report<'_>, filter: &EnvoyFilter) {
    report.flag(&code::EF_INTERNAL);
    if selector::workload(report, filter.workload_selector.as_ref()) {
        report.each("configPatches", &filter.config_patches, patch);
    }
}

fn patch(report: &mut Report<'_>, patch: &EnvoyConfigObjectPatch) {
    let found = patch.r#match.as_ref();
    if found.is_some_and(|it| it.context == PatchContext::Waypoint as i32) {
        return; // istiod does not look at these
    }
    if patch.apply_to == ApplyTo::Invalid as i32 {
        return report.flag(&code::EF_APPLY_TO);
    }
    let Some(change) = &patch.patch else { return report.flag(&code::EF_NO_PATCH) };
    if change.operation == Operation::Invalid as i32 {
        return report.flag_at("patch", &code::EF_OPERATION);
    }
    if change.value.is_none() && change.operation != Operation::Remove as i32 {
        return report.flag_at("patch", &code::EF_NO_VALUE);
    }
    if !proxy_version(report, found) {
        return;
    }
    let applies_to = ApplyTo::try_from(patch.apply_to).unwrap_or(ApplyTo::Invalid);
    let errors = report.errors();
    report.some("match", found, |report, found| object(report, found, applies_to));
    // istiod looks at the value of a patch whose match is right, or wrong in one of two ways.
    let by_listener = matches!(
        applies_to,
        ApplyTo::Listener | ApplyTo::FilterChain | ApplyTo::NetworkFilter | ApplyTo::HttpFilter
    );
    if report.errors() == errors || !by_listener {
        report.field("patch", |report| {
            report.some("value", change.value.as_ref(), |report, it| value::check(report, it, applies_to));
        });
    }
}

/// Whether the patch is worth looking at further.
fn proxy_version(report: &mut Report<'_>, found: Option<&EnvoyConfigObjectMatch>) -> bool {
    let errors = report.errors();
    let proxy = found.and_then(|found| found.proxy.as_ref());
    report.some("match", proxy, |report, proxy| {
        report.field("proxy", |report| {
            let unused = &code::EF_PROXY_VERSION;
            regex::check_or_ignored(report, "proxyVersion", &proxy.proxy_version, unused);
        });
    });
    report.errors() == errors
}

fn object(report: &mut Report<'_>, found: &EnvoyConfigObjectMatch, applies_to: ApplyTo) {
    use ApplyTo::{
        Cluster, FilterChain, HttpFilter, HttpRoute, Listener, NetworkFilter, RouteConfiguration, VirtualHost,
    };
    let Some(object) = &found.object_types else { return };
    let fits = match applies_to {
        Listener | FilterChain | NetworkFilter | HttpFilter => matches!(object, ObjectTypes::Listener(_)),
        RouteConfiguration | VirtualHost | HttpRoute => matches!(object, ObjectTypes::RouteConfiguration(_)),
        Cluster => matches!(object, ObjectTypes::Cluster(_)),
        _ => return,
    };
    report.flag_if(!fits, &code::EF_MATCH);
    if let ObjectTypes::Listener(listener) = object {
        report.field("listener", |report| self::listener(report, listener, applies_to));
    }
}

fn listener(report: &mut Report<'_>, listener: &ListenerMatch, applies_to: ApplyTo) {
    let Some(filter) = listener.filter_chain.as_ref().and_then(|chain| chain.filter.as_ref()) else { return };
    report.field("filterChain", |report| {
        report.field("filter", |report| {
            let whole = matches!(applies_to, ApplyTo::Listener | ApplyTo::FilterChain);
            report.flag_if(whole, &code::EF_FILTER_UNUSED);
            report.flag_at_if(filter.name.is_empty(), "name", &code::EF_FILTER_NAME);
            name(report, &filter.name);
            report.some("subFilter", filter.sub_filter.as_ref(), |report, sub_filter| {
                let managed = CONNECTION_MANAGERS.contains(&filter.name.as_str());
                report.flag_if(applies_to != ApplyTo::HttpFilter || !managed, &code::EF_SUB_FILTER);
                report.flag_at_if(sub_filter.name.is_empty(), "name", &code::EF_FILTER_NAME);
                name(report, &sub_filter.name);
            });
        });
    });
}

fn name(report: &mut Report<'_>, name: &str) {
    report.expect("name", name, |name| !DEPRECATED.contains(&name), &code::EF_FILTER_DEPRECATED);
}
