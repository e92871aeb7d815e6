//! EnvoyFilter: patches of Envoy's own configuration. What a patch says is left to Envoy.

use super::{code, report::Report, selector};
use crate::generated::istio::networking::v1alpha3::EnvoyFilter;
use crate::generated::istio::networking::v1alpha3::envoy_filter::{
    ApplyTo, EnvoyConfigObjectMatch, EnvoyConfigObjectPatch, ListenerMatch, PatchContext,
    envoy_config_object_match::ObjectTypes, patch::Operation,
};

const CONNECTION_MANAGERS: [&str; 2] =
    ["envoy.filters.network.http_connection_manager", "envoy.http_connection_manager"];

pub(super) fn check(report: &mut Report<'_>, filter: &EnvoyFilter) {
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
    let applies_to = ApplyTo::try_from(patch.apply_to);
    report
        .some("match", found, |report, found| object(report, found, applies_to.unwrap_or(ApplyTo::Invalid)));
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
            report.flag_at_if(filter.name.is_empty(), "name", &code::EF_FILTER_NAME);
            report.some("subFilter", filter.sub_filter.as_ref(), |report, sub_filter| {
                let managed = CONNECTION_MANAGERS.contains(&filter.name.as_str());
                report.flag_if(applies_to != ApplyTo::HttpFilter || !managed, &code::EF_SUB_FILTER);
                report.flag_at_if(sub_filter.name.is_empty(), "name", &code::EF_FILTER_NAME);
            });
        });
    });
}
