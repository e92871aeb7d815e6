//! Expressions of validation rules, asked of a document.

use std::sync::LazyLock;

use mainsheet_api::{
    codec::{self, Content, Defaults, UnknownFields},
    generated::mainsheet::v1::ValidationRule,
    key::Key,
    kind::Kind,
    resource::Resource,
    rule::RuleSet,
    validate::{self, Options},
    verdict::Severity,
    wire::Any,
};
use prost::Message;

use super::text;

pub(super) const WORDS: &[&str] = &[
    "object",
    ".spec",
    ".hosts",
    ".http[0]",
    ".all(x, ",
    ".map(x, ",
    ".exists(y, ",
    ".filter(x, ",
    ".exists_one(x, ",
    "has(",
    ")",
    "(",
    "[",
    "]",
    "{",
    "}",
    "'a'",
    "1u",
    "1.5",
    "+",
    "-",
    "*",
    "/",
    "%",
    "==",
    "!=",
    "<",
    " in ",
    "&&",
    "||",
    "!",
    "?",
    ":",
    ",",
    "x",
    "y",
    ".matches('a+')",
    ".size()",
    "size(",
    "null",
    "true",
    "b'x'",
    "\"",
    "\\",
    "int(",
    "uint(",
    "double(",
    "string(",
    "bytes(",
    "dyn(",
    "type(",
    ".startsWith(",
    ".contains(",
];

const EXPRESSIONS: &[&str] = &[
    "object.kind == 'VirtualService' && object.apiVersion == 'networking.istio.io/v1'",
    "object.metadata.labels.team in ['a', 'b']",
    "object.spec.hosts.all(host, host.endsWith('.b')) && size(object.spec.hosts) == 1",
    "object.spec.http.exists(r, r.route.exists_one(d, d.weight == 3 && d.destination.host == 'h'))",
    "!has(object.spec.gateways) && has(object.spec.http)",
    "object.spec.hosts.map(h, h + '.c').filter(h, h.matches('^[a-z]\\\\.b\\\\.c$')).size() == 1",
    "object.spec.http.size() > 1 ? false : true",
    "{'a': [1, 2u, 3.5], 'b': null}['a'][0] + int('7') - 2 * 3 / 4 % 5 >= -1",
    "['xxxxxxxx'].map(a, a + a).map(a, a + a).map(a, [a, a]).size() == 1",
    "object.spec.hosts.all(a, object.spec.hosts.all(b, a + b != 'x'))",
    "string(1.5) + string(true) + string(b'a') != '' || double('1e3') < 7.0",
];

static OBJECT: LazyLock<Resource> = LazyLock::new(|| {
    read(
        "apiVersion: networking.istio.io/v1\nkind: VirtualService\n\
         metadata: {name: v, namespace: shop, labels: {team: a}}\n\
         spec: {hosts: [a.b, c], http: [{timeout: 2s, route: [{destination: {host: h}, weight: 3}]}]}\n",
    )
    .expect("a document that is right")
});

pub(super) fn seeds() -> Vec<Vec<u8>> {
    EXPRESSIONS.iter().map(|expression| expression.as_bytes().to_vec()).collect()
}

/// The expression; behind a zero byte, where there is one, the document.
pub(super) fn run(input: &[u8]) {
    let text = String::from_utf8_lossy(input);
    let (expression, document) = text.split_once('\0').unwrap_or((&text, ""));
    let object = read(document).unwrap_or_else(|| OBJECT.clone());
    for namespace in ["istio-system", &*object.key.namespace] {
        let rule = rule(namespace, expression);
        let findings = validate::check(&rule, Options::default());
        text::check(&findings, None);
        let is_accepted = findings.iter().all(|finding| finding.severity == Severity::Warning);
        let rules = RuleSet::compile([&rule], "istio-system");
        // In a namespace that is none, it is rejected for that.
        assert!(is_accepted || rules.is_empty() || namespace != "istio-system", "{findings:?}");
        assert!(!is_accepted || !rules.is_empty(), "accepted, and never asked");
        let said = rules.check(&object);
        assert!(said.len() <= 1, "one rule finds one thing");
        text::check(&said, None);
        assert_eq!(rules.check(&object), said, "the same question twice");
    }
}

fn rule(namespace: &str, expression: &str) -> Resource {
    let body = ValidationRule {
        expression: expression.to_owned(),
        message: "no".to_owned(),
        ..ValidationRule::default()
    };
    let kind = Kind::VALIDATION_RULE;
    Resource {
        key: Key::new(kind, namespace, "r"),
        labels: Default::default(),
        annotations: Default::default(),
        body: Any {
            type_url: format!("type.googleapis.com/{}", kind.info().message),
            value: body.encode_to_vec().into(),
        },
        upstream_version: None,
    }
}

fn read(text: &str) -> Option<Resource> {
    let defaults = Defaults { namespace: "shop", scope: "", unknown_fields: UnknownFields::Ignore };
    codec::read(text, defaults).into_iter().find_map(|document| match document.content {
        Content::Resource { resource, .. } if resource.key.kind != Kind::VALIDATION_RULE => Some(*resource),
        _ => None,
    })
}
