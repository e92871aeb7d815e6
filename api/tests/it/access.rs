//! Documents of access: how they are read and written, what is refused, what the example grants.

use std::{fs, path::Path};

use mainsheet_api::{
    access::{Access, Attributes, Edit, Identity},
    codec::{self, Content, Defaults, Received, UnknownFields},
    key::Key,
    kind::Kind,
    resource::Resource,
    validate::{self, AccessDocuments, Options},
    verdict::{Finding, Severity},
    view::Audience,
};

const DEFAULTS: Defaults<'static> =
    Defaults { namespace: "shop", scope: "", unknown_fields: UnknownFields::Strict };

/// The resources of a text, and all that is said against them.
fn read(text: &str) -> (Vec<Resource>, Vec<Finding>) {
    let (mut resources, mut findings) = (Vec::new(), Vec::new());
    for document in codec::read(text, DEFAULTS) {
        match document.content {
            Content::Resource { resource, warnings, .. } => {
                findings.extend(warnings);
                findings.extend(validate::check(&resource, Options::default()));
                resources.push(*resource);
            }
            Content::Rejected { findings: more, .. } => findings.extend(more),
            Content::Ignored { what } => panic!("{what}"),
        }
    }
    (resources, findings)
}

fn found(text: &str) -> Vec<(String, String)> {
    read(text).1.into_iter().map(|finding| (finding.code, finding.path)).collect()
}

#[test]
fn classic_example_grants_what_it_says_and_nothing_else() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../manifests/access/istio-mcp.yaml");
    let (resources, findings) = read(&fs::read_to_string(file).unwrap());
    assert_eq!(findings, []);
    let edits = resources.iter().map(|resource| Edit::put(resource).unwrap().unwrap());
    let (access, concerned) = Access::default().edited(edits);
    let account = Identity::service_account("istio-mcp", "istio-mcp");
    assert!(concerned.covers(&account) && !concerned.covers(&Identity::anonymous()));
    let kind = |name| Kind::of_argument(name).unwrap();
    for verb in ["get", "list", "watch", "create", "update", "delete"] {
        for (name, namespace) in ["gateways", "virtualservices", "sidecars"]
            .iter()
            .flat_map(|name| ["istio-mcp", "shop"].map(|ns| (*name, ns)))
        {
            let wanted = Attributes::of_kind(verb, kind(name), Some(namespace));
            let expected =
                namespace == "istio-mcp" && name != "sidecars" && ["get", "list", "watch"].contains(&verb);
            assert_eq!(access.allows(&account, &wanted), expected, "{wanted}");
            assert!(!access.allows(&Identity::service_account("istio-mcp", "other"), &wanted), "{wanted}");
        }
    }
    let view = access.view(&account, &["list", "watch"]);
    let sees = |name, namespace| view.sees(&Key::new(kind(name), namespace, "x"), &Audience::everyone());
    assert!(sees("gateways", "istio-mcp") && sees("virtualservices", "istio-mcp"));
    assert!(
        !sees("gateways", "shop") && !sees("sidecars", "istio-mcp") && !sees("clusterroles", "istio-mcp")
    );
}

const WRITTEN: &str = r#"apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata:
  name: "system:mesh view"
  labels:
    to-admin: "true"
aggregationRule:
  clusterRoleSelectors:
  - matchExpressions:
    - key: tier
      operator: In
      values:
      - a
    matchLabels:
      to-view: "true"
rules:
- nonResourceURLs:
  - "/debug/*"
  verbs:
  - get
- apiGroups:
  - networking.istio.io
  resourceNames:
  - reviews
  resources:
  - virtualservices/status
  verbs:
  - get
  - patch
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata:
  name: view
  namespace: shop
roleRef:
  apiGroup: rbac.authorization.k8s.io
  kind: ClusterRole
  name: "system:mesh view"
subjects:
- apiGroup: rbac.authorization.k8s.io
  kind: User
  name: alice
- kind: ServiceAccount
  name: istiod
  namespace: istio-system
"#;

#[test]
fn documents_are_written_as_kubectl_writes_them() {
    let (resources, findings) = read(WRITTEN);
    assert_eq!(findings, []);
    assert_eq!(resources[0].key, Key::new(Kind::CLUSTER_ROLE, "", "system:mesh view"));
    let received = |resource: Resource| Received { resource, created: None };
    let all: Vec<Received> = resources.into_iter().map(received).collect();
    let yaml: Vec<String> = all.iter().map(|one| codec::write_yaml(one).unwrap()).collect();
    assert_eq!(yaml.join("---\n"), WRITTEN);
    for one in &all {
        let (again, _) = read(&codec::write_json(one).unwrap());
        assert_eq!(again, std::slice::from_ref(&one.resource));
    }
}

#[test]
fn cluster_roles_are_in_no_namespace_wherever_one_is_said() {
    let text = "{apiVersion: rbac.authorization.k8s.io/v1, kind: ClusterRole, metadata: {name: a, namespace: other}}";
    let (resources, findings) = read(text);
    assert_eq!((&*resources[0].key.namespace, findings), ("", Vec::new()));
    let role = text.replace("ClusterRole", "Role").replace(", namespace: other", "");
    assert_eq!(&*read(&role).0[0].key.namespace, "shop");
}

/// Documents without their group, each with its one finding: code and path.
fn mistakes() -> Vec<(String, &'static str, String)> {
    let role = |rule: &str| format!("Role, metadata: {{name: a}}, rules: [{rule}]");
    let cluster_role = |rest: &str| format!("ClusterRole, metadata: {{name: a}}, {rest}");
    let bound = |kind: &str, subject: &str| {
        format!(
            "{kind}, metadata: {{name: a}}, roleRef: {{kind: ClusterRole, name: a}}, subjects: [{subject}]"
        )
    };
    let given = |kind: &str, role: &str| format!("{kind}, metadata: {{name: a}}, roleRef: {role}");
    let of_resources = "apiGroups: [a], resources: [b]";
    let selector = |text: &str| cluster_role(&format!("aggregationRule: {{clusterRoleSelectors: [{text}]}}"));
    let selectors = "aggregationRule.clusterRoleSelectors";
    vec![
        (role("{apiGroups: [a], resources: [b]}"), "rule-verbs", "rules[0].verbs".to_owned()),
        (role("{verbs: [get], resources: [b]}"), "rule-groups", "rules[0].apiGroups".to_owned()),
        (role("{verbs: [get], apiGroups: [a]}"), "rule-resources", "rules[0].resources".to_owned()),
        (role("{verbs: [get], nonResourceURLs: [/a]}"), "rule-paths", "rules[0].nonResourceURLs".to_owned()),
        (
            cluster_role(&format!("rules: [{{verbs: [get], nonResourceURLs: [/a], {of_resources}}}]")),
            "rule-both",
            "rules[0].nonResourceURLs".to_owned(),
        ),
        (role("{verbs: [get], namespaces: [a]}"), "unknown-field", "rules[0].namespaces".to_owned()),
        (cluster_role("spec: {}"), "unknown-field", "spec".to_owned()),
        ("Role, metadata: {name: a/b}".to_owned(), "access-name", "metadata.name".to_owned()),
        (
            "Role, metadata: {name: a, namespace: A}".to_owned(),
            "metadata-namespace",
            "metadata.namespace".to_owned(),
        ),
        (selector(""), "aggregation-empty", selectors.to_owned()),
        (
            selector("{matchExpressions: [{key: a, operator: Like}]}"),
            "aggregation-selector",
            format!("{selectors}[0].matchExpressions[0].operator"),
        ),
        (
            selector("{matchExpressions: [{key: a, operator: In}]}"),
            "aggregation-selector",
            format!("{selectors}[0].matchExpressions[0].values"),
        ),
        (
            selector("{matchLabels: {a/b/c: d}}"),
            "aggregation-selector",
            format!("{selectors}[0].matchLabels[a/b/c]"),
        ),
        ("RoleBinding, metadata: {name: a}".to_owned(), "role-ref", "roleRef".to_owned()),
        (given("RoleBinding", "{kind: Group, name: a}"), "role-ref-kind", "roleRef.kind".to_owned()),
        (given("RoleBinding", "{kind: Role, name: ''}"), "access-name", "roleRef.name".to_owned()),
        (
            given("RoleBinding", "{kind: Role, name: a, apiGroup: v1}"),
            "role-ref-group",
            "roleRef.apiGroup".to_owned(),
        ),
        (
            given("ClusterRoleBinding", "{kind: Role, name: a}"),
            "cluster-role-ref-kind",
            "roleRef.kind".to_owned(),
        ),
        (bound("RoleBinding", "{kind: Person, name: a}"), "subject-kind", "subjects[0].kind".to_owned()),
        (bound("RoleBinding", "{kind: User}"), "subject-name", "subjects[0].name".to_owned()),
        (
            bound("RoleBinding", "{kind: User, name: a, apiGroup: v1}"),
            "subject-group",
            "subjects[0].apiGroup".to_owned(),
        ),
        (
            bound("RoleBinding", "{kind: ServiceAccount, name: a, apiGroup: rbac.authorization.k8s.io}"),
            "subject-group",
            "subjects[0].apiGroup".to_owned(),
        ),
        (
            bound("RoleBinding", "{kind: ServiceAccount, name: A}"),
            "subject-account",
            "subjects[0].name".to_owned(),
        ),
        (
            bound("ClusterRoleBinding", "{kind: ServiceAccount, name: a}"),
            "subject-namespace",
            "subjects[0].namespace".to_owned(),
        ),
    ]
}

/// The codes that are shown by a case.
pub(crate) fn shown() -> impl Iterator<Item = String> {
    mistakes().into_iter().map(|(_, code, _)| code).chain(["no-authority"]).map(str::to_owned)
}

#[test]
fn document_of_a_source_that_is_no_authority_is_warned_of() {
    let text = "{apiVersion: rbac.authorization.k8s.io/v1, kind: Role, metadata: {name: a}}";
    let options = Options { access: AccessDocuments::GrantNothing, ..Options::default() };
    let findings = validate::check(&read(text).0[0], options);
    let told: Vec<_> = findings.iter().map(|finding| (&*finding.code, finding.severity)).collect();
    assert_eq!(told, [("no-authority", Severity::Warning)]);
}

#[test]
fn mistakes_are_refused_as_kubernetes_refuses_them() {
    for (document, code, path) in mistakes() {
        let text = format!("{{apiVersion: rbac.authorization.k8s.io/v1, kind: {document}}}");
        assert_eq!(found(&text), [(code.to_owned(), path)], "{text}");
        assert!(read(&text).1.iter().all(|finding| finding.severity == Severity::Error), "{text}");
    }
}

#[test]
fn what_kubernetes_takes_is_taken() {
    for document in [
        "Role, metadata: {name: a}",
        "Role, metadata: {name: 'system:a b'}, rules: null",
        "ClusterRole, metadata: {name: a}, rules: [{verbs: ['*'], nonResourceURLs: ['*']}]",
        "ClusterRole, metadata: {name: a}, aggregationRule: {clusterRoleSelectors: [{}]}",
        "RoleBinding, metadata: {name: a}, roleRef: {kind: Role, name: b}",
        "RoleBinding, metadata: {name: a}, roleRef: {kind: Role, name: b}, subjects: [{kind: ServiceAccount, name: c}]",
    ] {
        let text = format!("{{apiVersion: rbac.authorization.k8s.io/v1, kind: {document}}}");
        assert_eq!(found(&text), [], "{text}");
    }
}
