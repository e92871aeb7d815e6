//! A value is replaced by one that is wrong.

use serde_json::{Value, json};

/// A way to break a value, and the values that it becomes.
type Broken = Vec<(&'static str, Value)>;

/// Enumerations and modes, of which one value fits and another contradicts its neighbours.
const CHOICES: &[(&str, &[&str])] = &[
    (
        "mode",
        &[
            "SIMPLE",
            "MUTUAL",
            "ISTIO_MUTUAL",
            "OPTIONAL_MUTUAL",
            "PASSTHROUGH",
            "AUTO_PASSTHROUGH",
            "DISABLE",
            "REGISTRY_ONLY",
            "ALLOW_ANY",
        ],
    ),
    ("resolution", &["NONE", "STATIC", "DNS", "DNS_ROUND_ROBIN", "DYNAMIC_DNS"]),
    ("location", &["MESH_EXTERNAL", "MESH_INTERNAL"]),
    ("protocol", &["TCP", "UDP", "HTTP", "HTTPS", "TLS", "GRPC-Web", "HBONE", "http", "CONNECT", "GET"]),
    ("action", &["ALLOW", "DENY", "AUDIT", "CUSTOM"]),
    ("operation", &["UPSERT", "REMOVE", "MERGE", "ADD", "INVALID"]),
    (
        "applyTo",
        &["CLUSTER", "LISTENER", "HTTP_FILTER", "NETWORK_FILTER", "HTTP_ROUTE", "BOOTSTRAP", "INVALID"],
    ),
    ("context", &["WAYPOINT", "GATEWAY"]),
    ("captureMode", &["NONE", "IPTABLES", "DEFAULT"]),
    ("valueFrom", &["INLINE", "HOST"]),
    ("scheme", &["HTTP", "http", "ftp"]),
    ("kind", &["Service", "Gateway", "Deployment"]),
    ("group", &["", "core", "networking.istio.io", "apps"]),
    ("url", &["ftp://a/b", "oci://", "a b", "localhost:5000/a", "http://[::1", "%zz"]),
    ("jwksUri", &["ftp://a/b", "example.com/a", "https://a:port/", "http://[::1", "://a", "HTTPS://a/%zz"]),
    (
        "jwks",
        &[
            "{}",
            "[]",
            "{\"keys\": {}}",
            "{\"keys\": [{}]}",
            "{\"keys\": [{\"kty\": \"RSA\"}]}",
            "{\"keys\": 1}",
        ],
    ),
    ("expression", &["", "a ==", "(a", "a b", "'a", "a.b[", "1 +", "a ? b", "{a: }", "a && || b"]),
    (
        "key",
        &[
            "source.user",
            "request.headers",
            "request.headers[]",
            "request.auth.claims[a]",
            "source.ip",
            "destination.port",
        ],
    ),
    ("paths", &["/{a}", "/{*}/{**}/a", "/{**}/{*}", "/{*}/*", "/a{*}", "/a}"]),
    ("ports", &["http", "80-90", "-1", "*"]),
    ("retryOn", &["5xx, reset", "5xx,", "306", "never", "5XX"]),
    ("allowMethods", &["get", "*", "FETCH"]),
    ("grpcStatus", &["unavailable", "14"]),
    ("bind", &["0.0.0.0:80", "localhost", "unix://a", "unix:///a", "@a"]),
    ("defaultEndpoint", &["127.0.0.1", "10.0.0.1:80", "127.0.0.1:0", "unix://a", "localhost:80"]),
    ("credentialName", &["configmap://other/a", "configmap://a", "configmap://shop/a"]),
    ("from", &["*", "a/*", "a//b", "a/*/b", "*a"]),
    ("to", &["*", "a/b"]),
    (
        "failoverPriority",
        &["topology.kubernetes.io/region", "topology.kubernetes.io/zone", "topology.istio.io/subzone"],
    ),
    ("gateways", &["a/b/c", "/a", "a/", "a/b.c", "mesh"]),
    ("exportTo", &[".", "*", "~", "a*"]),
    ("hosts", &["*", "*/*", "./*", "a/b", "*a.com", "10.0.0.1", "a..b", "a.*.b", "~/a.com", "http://a.com"]),
    ("host", &["*", "10.0.0.1", "*.a.com", "a..b", "1.2.3"]),
    ("sniHosts", &["*", "10.0.0.1", "other.org", "a..b"]),
    ("serviceAccounts", &["a/b/c", "/a", "a*"]),
    ("trustDomains", &["a/b", "*a*", "a*b"]),
];

/// Names of fields that hold expressions.
const REGEXES: [&str; 3] = ["regex", "match", "proxyVersion"];

/// A value's breaks.
pub(super) fn broken(field: &str, value: &Value) -> Broken {
    let mut broken = by_name(field, value);
    broken.extend(match value {
        Value::Number(_) => number(),
        Value::String(text) => text_of(text),
        Value::Bool(_) => vec![("text for a boolean", json!("perhaps")), ("number for a boolean", json!(1))],
        Value::Object(_) => vec![("text for an object", json!("a")), ("list for an object", json!([{}]))],
        Value::Array(_) => vec![("text for a list", json!("a")), ("object for a list", json!({"a": "b"}))],
        Value::Null => Vec::new(),
    });
    broken
}

fn by_name(field: &str, value: &Value) -> Broken {
    let mut broken = Broken::new();
    if !value.is_string() {
        return broken;
    }
    for (_, choices) in CHOICES.iter().filter(|(name, _)| *name == field) {
        broken.extend(choices.iter().map(|choice| ("another value", json!(choice))));
    }
    if REGEXES.contains(&field) {
        let expressions =
            ["(a", "[a", "*", "a{2,1}", "a{1001}", "(?!a)", "(?<=a)b", r"(a)\1", r"\C", r"\", "a**"];
        broken.extend(expressions.map(|expression| ("not an expression", json!(expression))));
        broken.push(("a long expression", json!("a".repeat(1025))));
    }
    broken
}

fn number() -> Broken {
    vec![
        ("negative", json!(-1)),
        ("zero", json!(0)),
        ("over 100", json!(101)),
        ("over a port", json!(65536)),
        ("over 32 bits", json!(4_294_967_296_u64)),
        ("fraction", json!(1.5)),
        ("text for a number", json!("many")),
        ("list for a number", json!([1])),
    ]
}

fn text_of(text: &str) -> Broken {
    let mut broken = vec![
        ("empty", json!("")),
        ("number for a text", json!(7)),
        ("object for a text", json!({"a": "b"})),
        ("wildcard before", json!(format!("*{text}"))),
        ("wildcard after", json!(format!("{text}*"))),
        ("space within", json!(format!("{text} a"))),
        ("line break after", json!(format!("{text}\n"))),
        ("percent after", json!(format!("{text}%"))),
        ("underscore before", json!(format!("_{text}"))),
        ("dash before", json!(format!("-{text}"))),
        ("dot after", json!(format!("{text}."))),
        ("number after a dot", json!(format!("{text}.0"))),
        ("slash after", json!(format!("{text}/"))),
        ("slash before", json!(format!("/{text}"))),
        ("colon before", json!(format!(":{text}"))),
        ("long", json!("a".repeat(300))),
    ];
    let swapped = if text.bytes().any(|byte| byte.is_ascii_uppercase()) {
        text.to_ascii_lowercase()
    } else {
        text.to_ascii_uppercase()
    };
    broken.push(("other case", json!(swapped)));
    if is_duration(text) {
        let durations = ["0s", "-1s", "0.0015s", "0.0001s", "10", "1d", "1.5s", "99999999999h"];
        broken.extend(durations.map(|duration| ("not a duration", json!(duration))));
    }
    if text.contains(['.', ':'])
        && text.bytes().all(|byte| byte.is_ascii_hexdigit() || b".:/".contains(&byte))
    {
        let addresses = [
            "10.0.0.256",
            "10.0.0",
            "010.0.0.1",
            "10.0.0.0/33",
            "10.0.0.0/08",
            "10.0.0.0/8/8",
            "::/129",
            "a.example.com",
        ];
        broken.extend(addresses.map(|address| ("not an address", json!(address))));
    }
    broken
}

fn is_duration(text: &str) -> bool {
    let units = ["s", "m", "h"];
    let number = units.iter().find_map(|unit| text.strip_suffix(unit)).map(|text| text.trim_end_matches('m'));
    number.is_some_and(|number| number.parse::<f64>().is_ok())
}
