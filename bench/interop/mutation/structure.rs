//! Fields and entries are removed, doubled, misspelt, or joined by what they exclude.

use serde_json::{Map, Value, json};

/// Makes the value of a field.
type Neighbour = fn() -> Value;

/// Beside a field of this name, another one contradicts it.
const EXCLUSIONS: &[(&str, &str, Neighbour)] = &[
    ("route", "redirect", || json!({"uri": "/"})),
    ("route", "directResponse", || json!({"status": 200})),
    ("route", "delegate", || json!({"name": "a"})),
    ("route", "rewrite", || json!({})),
    ("route", "fault", || json!({})),
    ("redirect", "fault", || json!({"delay": {"fixedDelay": "1s"}})),
    ("redirect", "rewrite", || json!({"uri": "/"})),
    ("redirect", "directResponse", || json!({"status": 200})),
    ("directResponse", "fault", || json!({"delay": {"fixedDelay": "1s"}})),
    ("directResponse", "rewrite", || json!({"uri": "/"})),
    ("mirror", "mirrors", || json!([{"destination": {"host": "a"}}])),
    ("mirrors", "mirror", || json!({"host": "a"})),
    ("uri", "prefixRewrite", || json!("/")),
    ("uriRegexRewrite", "uri", || json!("/")),
    ("exact", "prefix", || json!("a")),
    ("prefix", "regex", || json!("a")),
    ("httpStatus", "grpcStatus", || json!("INTERNAL")),
    ("fixedDelay", "exponentialDelay", || json!("1s")),
    ("attempts", "retryOn", || json!("5xx, reset")),
    ("hosts", "gateways", || json!(["a/b/c"])),
    ("http", "tcp", || json!([{"match": [{"port": 1}]}])),
    ("http", "tls", || json!([{"route": [{"destination": {"host": "a"}}]}])),
    ("host", "trafficPolicy", || json!({})),
    ("host", "workloadSelector", || json!({"matchLabels": {"a": "*"}})),
    ("host", "exportTo", || json!(["*", "a"])),
    ("tunnel", "proxyProtocol", || json!({})),
    ("proxyProtocol", "tunnel", || json!({"targetHost": "a", "targetPort": 1})),
    ("distribute", "failover", || json!([{"from": "a", "to": "b"}])),
    ("failover", "distribute", || json!([{"from": "a", "to": {"b": 100}}])),
    ("localityLbSetting", "zoneAwareLbSetting", || json!({"enabled": true})),
    ("simple", "consistentHash", || json!({"useSourceIp": true})),
    ("maglev", "minimumRingSize", || json!(1)),
    ("ringHash", "minimumRingSize", || json!(1)),
    ("ringHash", "maglev", || json!({"tableSize": 101})),
    ("h2UpgradePolicy", "useClientProtocol", || json!(true)),
    ("consecutive5xxErrors", "consecutiveLocalOriginFailures", || json!(1)),
    ("mode", "credentialName", || json!("a")),
    ("mode", "caCertificates", || json!("/a")),
    ("mode", "caCrl", || json!("/a")),
    ("mode", "httpsRedirect", || json!(true)),
    ("mode", "insecureSkipVerify", || json!(true)),
    ("mode", "egressProxy", || json!({"host": "a.b", "port": {"number": 1}})),
    ("credentialName", "serverCertificate", || json!("/a")),
    ("credentialName", "privateKey", || json!("/a")),
    ("credentialName", "credentialNames", || json!(["a"])),
    ("credentialName", "tlsCertificates", || json!([{"serverCertificate": "/a", "privateKey": "/b"}])),
    ("credentialName", "subjectAltNames", || json!(["a"])),
    ("serverCertificate", "credentialName", || json!("a")),
    ("clientCertificate", "credentialName", || json!("a")),
    ("protocol", "targetPort", || json!(8080)),
    ("endpoints", "workloadSelector", || json!({"labels": {"a": "b"}})),
    ("workloadSelector", "endpoints", || json!([{"address": "10.0.0.1"}])),
    ("resolution", "endpoints", || json!([{"address": "10.0.0.1"}, {"address": "a.b"}])),
    ("resolution", "addresses", || json!(["10.0.0.0/8"])),
    ("address", "ports", || json!({"a": 0})),
    ("selector", "targetRefs", || json!([{"kind": "Service", "name": "a"}])),
    ("targetRefs", "selector", || json!({"matchLabels": {"a": "b"}})),
    ("targetRef", "targetRefs", || json!([{"kind": "Service", "name": "a"}])),
    ("kind", "namespace", || json!("shop")),
    ("action", "provider", || json!({"name": "a"})),
    ("principals", "serviceAccounts", || json!(["a"])),
    ("serviceAccounts", "namespaces", || json!(["a"])),
    ("httpGet", "tcpSocket", || json!({"port": 1})),
    ("tcpSocket", "grpc", || json!({"port": 1})),
    ("wasm", "lua", || json!({"inlineCode": "--"})),
    ("lua", "wasm", || json!({"url": "oci://a/b"})),
    ("metric", "customMetric", || json!("")),
    ("operation", "value", || json!("a")),
    ("providers", "randomSamplingPercentage", || json!(101)),
    ("mtls", "portLevelMtls", || json!({"80": {"mode": "DISABLE"}})),
    ("applyTo", "match", || json!({"cluster": {"name": "a"}})),
    ("applyTo", "match", || json!({"routeConfiguration": {"name": "a"}})),
];

/// An object's or a list's breaks.
pub(super) fn broken(value: &Value) -> Vec<(&'static str, Value)> {
    match value {
        Value::Object(fields) => object(fields),
        Value::Array(entries) => list(entries),
        _ => Vec::new(),
    }
}

fn object(fields: &Map<String, Value>) -> Vec<(&'static str, Value)> {
    let with = |name: &str, value: Value| {
        let mut fields = fields.clone();
        fields.insert(name.to_owned(), value);
        Value::Object(fields)
    };
    let mut broken = vec![
        ("emptied", json!({})),
        ("unknown field", with("noSuchField", json!(1))),
        ("entry without a name", with("", json!("a"))),
        ("entry with a wildcard", with("a*", json!("b"))),
        ("entry with a space", with("a b", json!("c"))),
    ];
    for name in fields.keys() {
        let mut fewer = fields.clone();
        let value = fewer.remove(name).unwrap_or_default();
        broken.push(("a field is missing", Value::Object(fewer.clone())));
        fewer.insert(format!("{name}s"), value);
        broken.push(("a field is misspelt", Value::Object(fewer)));
    }
    for (_, other, value) in EXCLUSIONS.iter().filter(|(name, _, _)| fields.contains_key(*name)) {
        broken.push(("fields that exclude each other", with(other, value())));
    }
    broken
}

fn list(entries: &[Value]) -> Vec<(&'static str, Value)> {
    let and = |more: Value| Value::Array(entries.iter().cloned().chain([more]).collect());
    let mut broken =
        vec![("emptied", json!([])), ("null entry", and(Value::Null)), ("empty object", and(json!({})))];
    broken.extend(entries.first().map(|first| ("entry twice", and(first.clone()))));
    broken.extend(entries.first().filter(|first| first.is_string()).map(|_| ("empty entry", and(json!("")))));
    if entries.len() > 1 {
        broken.push(("an entry is missing", Value::Array(entries.iter().skip(1).cloned().collect())));
        broken.push(("another order", Value::Array(entries.iter().rev().cloned().collect())));
    }
    broken
}
