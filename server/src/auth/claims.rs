//! What a node claims to be, held against who it is.

use mainsheet_api::{access::Identity, node::Node};

/// What node ids are made with where nobody set one: the namespace of no workload.
const PLACEHOLDER: &str = "mainsheet";

/// What a node claims that its identity contradicts, in words; nothing where they go together. Only identities that have a
/// namespace can be contradicted: whoever is nobody, or a person, may speak for any node.
pub(crate) fn contradiction(identity: &Identity, node: &Node) -> Option<String> {
    let (namespace, account) = identity.as_service_account()?;
    let metadata = |name: &str| node.metadata.get(name).map(String::as_str).filter(|text| !text.is_empty());
    let claims = [
        ("its metadata's NAMESPACE", metadata("NAMESPACE"), namespace),
        ("its metadata's SERVICE_ACCOUNT", metadata("SERVICE_ACCOUNT"), account),
        ("the namespace in its id", namespace_of(&node.id), namespace),
    ];
    let (what, claimed, is) = claims
        .into_iter()
        .find_map(|(what, claimed, is)| Some((what, claimed.filter(|claimed| *claimed != is)?, is)))?;
    Some(format!(
        "the node claims what its credential does not say: {what} is `{claimed}`, and `{identity}` has `{is}`"
    ))
}

/// The namespace in a node id as Istio writes them: `sidecar~IP~NAME.NAMESPACE~DOMAIN`. Names of pods have dots.
fn namespace_of(id: &str) -> Option<&str> {
    let parts: Vec<&str> = id.split('~').collect();
    let [_, _, pod, _] = parts[..] else { return None };
    let (_, namespace) = pod.rsplit_once('.')?;
    (!namespace.is_empty() && namespace != PLACEHOLDER).then_some(namespace)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn node(id: &str, metadata: &[(&str, &str)]) -> Node {
        let metadata = metadata.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned())).collect();
        Node { id: id.to_owned(), metadata, ..Node::default() }
    }

    fn cart() -> Identity {
        Identity::service_account("shop", "cart")
    }

    #[test]
    fn node_that_says_what_its_credential_says_is_believed() {
        let sidecar = "sidecar~10.0.0.9~cart-7.x.shop~shop.svc.cluster.local";
        for node in [
            node(sidecar, &[("NAMESPACE", "shop"), ("SERVICE_ACCOUNT", "cart")]),
            node("any-id", &[("GENERATOR", "api"), ("NAMESPACE", "")]),
            node("sidecar~127.0.0.1~edge.mainsheet~mainsheet.svc.cluster.local", &[]),
            node("a~b~c~d", &[]),
        ] {
            assert_eq!(contradiction(&cart(), &node), None, "{node:?}");
        }
    }

    #[test]
    fn node_that_claims_something_else_is_told_what() {
        let told = |node: Node| contradiction(&cart(), &node).unwrap();
        assert_eq!(
            told(node("n", &[("NAMESPACE", "bank")])),
            "the node claims what its credential does not say: its metadata's NAMESPACE is `bank`, and \
             `system:serviceaccount:shop:cart` has `shop`"
        );
        assert!(told(node("n", &[("SERVICE_ACCOUNT", "till")])).contains("SERVICE_ACCOUNT is `till`"));
        assert!(told(node("router~10.0.0.9~gw-1.bank~bank.svc", &[])).contains("in its id is `bank`"));
    }

    #[test]
    fn who_has_no_namespace_is_not_contradicted() {
        let claims = node("sidecar~1~a.bank~x", &[("NAMESPACE", "bank"), ("SERVICE_ACCOUNT", "till")]);
        for identity in
            [Identity::anonymous(), Identity::local(), Identity::new("alice", ["system:authenticated"])]
        {
            assert_eq!(contradiction(&identity, &claims), None, "{identity}");
        }
    }
}
