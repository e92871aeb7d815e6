//! A real API server decides about the same roles and bindings.

use std::fs;

use anyhow::{Context, Result, ensure};
use mainsheet_api::{
    access::{Access, Attributes, Edit, Identity},
    codec::{self, Content, Defaults, UnknownFields},
    validate::{self, Options},
};
use serde_json::{Value, json};
use tempfile::TempDir;

use super::{Notes, kubernetes::Cluster};

/// Every form that rules, roles and bindings have. The aggregated role is as a controller would leave it, since none runs.
const DOCUMENTS: &str = include_str!("access.yaml");

/// Who is asked about: a user, and groups.
const WHO: [(&str, &[&str]); 9] = [
    ("alice", &["system:authenticated"]),
    ("bob", &["system:authenticated", "devs"]),
    ("carol", &["system:authenticated"]),
    ("dave", &["system:authenticated"]),
    ("erin", &["system:authenticated", "security"]),
    (
        "system:serviceaccount:shop:deployer",
        &["system:authenticated", "system:serviceaccounts", "system:serviceaccounts:shop"],
    ),
    (
        "system:serviceaccount:istio-system:istiod",
        &["system:authenticated", "system:serviceaccounts", "system:serviceaccounts:istio-system"],
    ),
    ("system:anonymous", &["system:unauthenticated"]),
    ("root", &["system:masters", "system:authenticated"]),
];

const VERBS: [&str; 4] = ["get", "list", "create", "patch"];

/// Group, resource, subresource, name.
const WHAT: [(&str, &str, &str, Option<&str>); 6] = [
    ("networking.istio.io", "virtualservices", "", None),
    ("networking.istio.io", "virtualservices", "", Some("reviews")),
    ("networking.istio.io", "virtualservices", "status", None),
    ("networking.istio.io", "gateways", "", None),
    ("networking.istio.io", "gateways", "scale", Some("edge")),
    ("security.istio.io", "authorizationpolicies", "", None),
];

const NAMESPACES: [Option<&str>; 3] = [Some("shop"), Some("pay"), None];

const PATHS: [&str; 4] = ["/debug/syncz", "/debug", "/ready", "/readyish"];

/// One question, as both are asked it, and our answer.
struct Decision {
    spec: Value,
    allowed: bool,
}

fn access() -> Result<Access> {
    let defaults = Defaults { namespace: "default", scope: "", unknown_fields: UnknownFields::Strict };
    let mut edits = Vec::new();
    for document in codec::read(DOCUMENTS, defaults) {
        let Content::Resource { resource, .. } = document.content else {
            anyhow::bail!("line {}: {:?}", document.line, document.content);
        };
        let findings = validate::check(&resource, Options::default());
        ensure!(findings.is_empty(), "{}: {findings:?}", resource.key);
        edits.push(Edit::put(&resource)?.context("is no document of access")?);
    }
    Ok(Access::default().edited(edits).0)
}

fn decisions(access: &Access) -> Vec<Decision> {
    let mut decisions = Vec::new();
    for (user, groups) in WHO {
        let identity = Identity::new(user, groups.iter().copied());
        for (verb, (group, resource, subresource, name), namespace) in cross() {
            let wanted = Attributes { verb, group, resource, subresource, namespace, name };
            let attributes = json!({
                "verb": verb, "group": group, "resource": resource, "subresource": subresource,
                "namespace": namespace.unwrap_or_default(), "name": name.unwrap_or_default(),
            });
            let spec = json!({"user": user, "groups": groups, "resourceAttributes": attributes});
            decisions.push(Decision { spec, allowed: access.allows(&identity, &wanted) });
        }
        for (verb, path) in ["get", "post"].iter().flat_map(|verb| PATHS.map(|path| (*verb, path))) {
            let attributes = json!({"verb": verb, "path": path});
            let spec = json!({"user": user, "groups": groups, "nonResourceAttributes": attributes});
            decisions.push(Decision { spec, allowed: access.allows_path(&identity, verb, path) });
        }
    }
    decisions
}

type Asked =
    (&'static str, (&'static str, &'static str, &'static str, Option<&'static str>), Option<&'static str>);

fn cross() -> impl Iterator<Item = Asked> {
    let what = || WHAT.into_iter().flat_map(|what| NAMESPACES.map(|namespace| (what, namespace)));
    VERBS.into_iter().flat_map(move |verb| what().map(move |(what, namespace)| (verb, what, namespace)))
}

/// What the API server says, in the order of the questions.
fn reviewed(cluster: &Cluster, dir: &TempDir, decisions: &[Decision]) -> Result<Vec<bool>> {
    let review = |decision: &Decision| {
        let kind = "SubjectAccessReview";
        json!({"apiVersion": "authorization.k8s.io/v1", "kind": kind, "spec": decision.spec}).to_string()
    };
    let file = dir.path().join("reviews.yaml");
    fs::write(&file, decisions.iter().map(review).collect::<Vec<_>>().join("\n---\n"))?;
    let answers =
        cluster.kubectl(&["create", "--validate=false", "-o", "json", "-f", &file.to_string_lossy()])?;
    let answers = serde_json::Deserializer::from_str(&answers).into_iter::<Value>();
    let allowed = |answer: Result<Value, _>| {
        let answer: Value = answer?;
        answer["status"]["allowed"].as_bool().with_context(|| format!("no verdict: {answer}"))
    };
    answers.map(allowed).collect()
}

pub(crate) async fn is_decided_alike() -> Result<Notes> {
    let dir = TempDir::new()?;
    let decisions = decisions(&access()?);
    let cluster = Cluster::start(dir.path())?;
    for namespace in ["shop", "pay"] {
        cluster.kubectl(&["create", "namespace", namespace])?;
    }
    let documents = dir.path().join("access.yaml");
    fs::write(&documents, DOCUMENTS)?;
    cluster.apply(&documents).await?;
    let reviewed = reviewed(&cluster, &dir, &decisions)?;
    ensure!(reviewed.len() == decisions.len(), "{} answers to {} questions", reviewed.len(), decisions.len());
    let different: Vec<String> = decisions
        .iter()
        .zip(&reviewed)
        .filter(|(decision, reviewed)| decision.allowed != **reviewed)
        .map(|(decision, reviewed)| format!("{} is {reviewed} there", decision.spec))
        .collect();
    ensure!(different.is_empty(), "{} decisions differ:\n{}", different.len(), different.join("\n"));
    let allowed = reviewed.iter().filter(|allowed| **allowed).count();
    let of_each = allowed.min(reviewed.len() - allowed);
    ensure!(reviewed.len() >= 300 && of_each >= 100, "{allowed} of {} prove little", reviewed.len());
    Ok(vec![format!("{} decisions are those of the API server, {allowed} of them to allow", reviewed.len())])
}
