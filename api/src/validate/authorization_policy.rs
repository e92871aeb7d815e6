//! AuthorizationPolicy. A policy that istiod drops lets in what it should have kept out.

mod value;

use super::{address, code, report::Report, selector};
use crate::generated::istio::security::v1beta1::{
    AuthorizationPolicy, Condition, Operation, Rule, Source,
    authorization_policy::{Action, ActionDetail},
};

/// Conditions that have a header, a claim or a filter in brackets.
const BRACKETED: [&str; 3] = ["request.headers", "request.auth.claims", "experimental.envoy.filters."];

const KEYS: [&str; 12] = [
    "source.ip",
    "remote.ip",
    "source.namespace",
    "source.serviceAccount",
    "source.principal",
    "source.trustDomain",
    "request.auth.principal",
    "request.auth.audiences",
    "request.auth.presenter",
    "destination.ip",
    "destination.port",
    "connection.sni",
];

/// What an external authorizer can't be selected by: Envoy knows the identity only after it has run.
const IDENTITIES: [&str; 4] =
    ["source.namespace", "source.serviceAccount", "source.trustDomain", "source.principal"];

/// Lists of a source that istiod takes for those of HTTP alone.
const OF_REQUESTS: [&str; 4] =
    ["requestPrincipals", "notRequestPrincipals", "trustDomains", "notTrustDomains"];

pub(super) fn check(report: &mut Report<'_>, policy: &AuthorizationPolicy) {
    let targets = (policy.selector.as_ref(), policy.target_ref.as_ref());
    selector::target(report, targets.0, targets.1, &policy.target_refs);
    let custom = policy.action == Action::Custom as i32;
    let needs_rules = custom || policy.action == Action::Deny as i32;
    report.flag_if(needs_rules && policy.rules.is_empty(), &code::AP_NO_RULES);
    provider(report, policy, custom);
    let deny = policy.action == Action::Deny as i32;
    report.each("rules", &policy.rules, |report, rule| {
        check_rule(report, rule, custom);
        report.flag_if(deny && denies_tcp(rule), &code::AP_DENY_TCP);
    });
}

fn provider(report: &mut Report<'_>, policy: &AuthorizationPolicy, custom: bool) {
    let provider = policy.action_detail.as_ref().map(|ActionDetail::Provider(provider)| provider);
    let unnamed = provider.is_none_or(|provider| provider.name.is_empty());
    report.flag_at_if(custom && !policy.rules.is_empty() && unnamed, "provider", &code::AP_PROVIDER_MISSING);
    report.flag_at_if(!custom && provider.is_some(), "provider", &code::AP_PROVIDER_FOREIGN);
}

fn check_rule(report: &mut Report<'_>, rule: &Rule, custom: bool) {
    report.each("from", &rule.from, |report, from| match &from.source {
        Some(it) => report.field("source", |report| source(report, it, custom)),
        None => report.flag(&code::AP_EMPTY_SOURCE),
    });
    report.each("to", &rule.to, |report, to| match &to.operation {
        Some(it) => report.field("operation", |report| operation(report, it)),
        None => report.flag(&code::AP_EMPTY_OPERATION),
    });
    report.each("when", &rule.when, |report, it| condition(report, it, custom));
}

/// What a TCP connection does not have is left out, so a rule that denies by HTTP alone denies every connection.
fn denies_tcp(rule: &Rule) -> bool {
    let sources = || rule.from.iter().filter_map(|from| from.source.as_ref());
    let operations = || rule.to.iter().filter_map(|to| to.operation.as_ref());
    let by_connection = |source: &Source| {
        source_lists(source).iter().any(|(name, values)| !values.is_empty() && !OF_REQUESTS.contains(name))
    };
    let by_port = |operation: &Operation| !operation.ports.is_empty() || !operation.not_ports.is_empty();
    match operations().next() {
        Some(_) => !operations().any(by_port),
        None => sources().next().is_some() && !sources().any(by_connection),
    }
}

/// A source's lists, identities first.
fn source_lists(source: &Source) -> [(&'static str, &[String]); 14] {
    [
        ("principals", &source.principals),
        ("notPrincipals", &source.not_principals),
        ("requestPrincipals", &source.request_principals),
        ("notRequestPrincipals", &source.not_request_principals),
        ("namespaces", &source.namespaces),
        ("notNamespaces", &source.not_namespaces),
        ("serviceAccounts", &source.service_accounts),
        ("notServiceAccounts", &source.not_service_accounts),
        ("trustDomains", &source.trust_domains),
        ("notTrustDomains", &source.not_trust_domains),
        ("ipBlocks", &source.ip_blocks),
        ("notIpBlocks", &source.not_ip_blocks),
        ("remoteIpBlocks", &source.remote_ip_blocks),
        ("notRemoteIpBlocks", &source.not_remote_ip_blocks),
    ]
}

fn source(report: &mut Report<'_>, source: &Source, custom: bool) {
    let lists = source_lists(source);
    report.flag_if(lists.iter().all(|(_, values)| values.is_empty()), &code::AP_EMPTY_SOURCE);
    let (identities, blocks) = lists.split_at(10);
    for (name, values) in identities {
        report.flag_at_if(custom && !values.is_empty(), name, &code::AP_CUSTOM_IDENTITY);
        match *name {
            "serviceAccounts" | "notServiceAccounts" => value::service_accounts(report, name, values),
            "trustDomains" | "notTrustDomains" => {
                report.expect_each(name, values, value::is_trust_domain, &code::AP_TRUST_DOMAIN);
            }
            _ => not_empty(report, name, values),
        }
    }
    for (name, values) in blocks {
        report.expect_each(name, values, address::is_ip_or_prefix, &code::ADDRESS_INVALID);
    }
    let accounts = !source.service_accounts.is_empty() || !source.not_service_accounts.is_empty();
    let others = [&source.principals, &source.not_principals, &source.namespaces, &source.not_namespaces];
    let mixed = accounts && others.iter().any(|values| !values.is_empty());
    report.flag_if(mixed, &code::AP_SERVICE_ACCOUNTS_MIXED);
}

fn operation(report: &mut Report<'_>, operation: &Operation) {
    let lists: [(&str, &[String]); 8] = [
        ("hosts", &operation.hosts),
        ("notHosts", &operation.not_hosts),
        ("methods", &operation.methods),
        ("notMethods", &operation.not_methods),
        ("paths", &operation.paths),
        ("notPaths", &operation.not_paths),
        ("ports", &operation.ports),
        ("notPorts", &operation.not_ports),
    ];
    report.flag_if(lists.iter().all(|(_, values)| values.is_empty()), &code::AP_EMPTY_OPERATION);
    let (texts, ports) = lists.split_at(6);
    for (name, values) in texts {
        not_empty(report, name, values);
    }
    for (name, values) in [("paths", &operation.paths), ("notPaths", &operation.not_paths)] {
        report.expect_each(name, values, value::is_path, &code::AP_PATH);
    }
    for (name, values) in ports {
        report.expect_each(name, values, is_port, &code::AP_PORT);
    }
}

fn not_empty(report: &mut Report<'_>, name: &str, values: &[String]) {
    report.expect_each(name, values, |value| !value.is_empty(), &code::TEXT_EMPTY);
}

/// Decimal, and 0 counts.
fn is_port(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_digit()) && text.parse::<u16>().is_ok()
}

fn condition(report: &mut Report<'_>, condition: &Condition, custom: bool) {
    let key = condition.key.as_str();
    report.expect("key", key, is_key, &code::AP_CONDITION_KEY);
    report.flag_if(condition.values.is_empty() && condition.not_values.is_empty(), &code::AP_CONDITION_EMPTY);
    let identity = IDENTITIES.contains(&key) || key.starts_with("request.auth.");
    report.flag_at_if(custom && identity, "key", &code::AP_CUSTOM_IDENTITY);
    for (name, values) in [("values", &condition.values), ("notValues", &condition.not_values)] {
        not_empty(report, name, values);
        match key {
            "source.serviceAccount" => value::service_accounts(report, name, values),
            "source.trustDomain" => {
                report.expect_each(name, values, value::has_outer_wildcard, &code::AP_TRUST_DOMAIN);
            }
            "source.ip" | "remote.ip" | "destination.ip" => {
                let is_right = |text: &str| text.is_empty() || address::is_ip_or_prefix(text);
                report.expect_each(name, values, is_right, &code::ADDRESS_INVALID);
            }
            "destination.port" => {
                report.expect_each(name, values, |text| text.is_empty() || is_port(text), &code::AP_PORT);
            }
            _ => {}
        }
    }
}

/// A bracketed key is told by its beginning and its end: `request.headersX[ab]` is one.
fn is_key(key: &str) -> bool {
    let inside = key.find('[').is_some_and(|open| open > 0 && key.ends_with(']') && key.len() > open + 2);
    KEYS.contains(&key) || (inside && BRACKETED.iter().any(|prefix| key.starts_with(prefix)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_in_brackets_have_something_inside() {
        for good in ["request.headers[x]", "request.headersX[ab]", "request.auth.claims[a][b]", "source.ip"] {
            assert!(is_key(good), "{good}");
        }
        for bad in ["", "request.headers", "request.headers[]", "destination.labels[a]", "destination.user"] {
            assert!(!is_key(bad), "{bad}");
        }
    }

    #[test]
    fn ports_are_plain_decimals() {
        assert!(is_port("0") && is_port("65535"));
        for bad in ["", "65536", "*", "80-90", "+80"] {
            assert!(!is_port(bad), "{bad}");
        }
    }
}
