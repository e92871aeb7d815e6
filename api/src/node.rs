//! Who a client says it is.

use std::collections::BTreeMap;

use crate::wire;

/// The node of a stream's first request. A claim of the client, not an identity.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Node {
    /// `sidecar~10.0.0.9~istiod-b.istio-system~...` or whatever the client is configured with. Never empty.
    pub id: String,
    /// The cluster that the client says it belongs to.
    pub cluster: String,
    /// The string values of its metadata: GENERATOR, ISTIO_VERSION, NAMESPACE, CLUSTER_ID and others.
    pub metadata: BTreeMap<String, String>,
    /// `envoy`, `mainsheet`, or empty.
    pub user_agent: String,
    /// What optional behaviour it understands (rule 9).
    pub features: Vec<String>,
}

impl From<&wire::Node> for Node {
    fn from(node: &wire::Node) -> Self {
        use wire::google::protobuf::value::Kind::StringValue;
        let metadata = node.metadata.iter().flat_map(|metadata| &metadata.fields).filter_map(
            |(name, value)| match &value.kind {
                Some(StringValue(text)) => Some((name.clone(), text.clone())),
                _ => None,
            },
        );
        Self {
            id: node.id.clone(),
            cluster: node.cluster.clone(),
            metadata: metadata.collect(),
            user_agent: node.user_agent_name.clone(),
            features: node.client_features.clone(),
        }
    }
}
