//! Who a client says it is.

use std::collections::BTreeMap;

use crate::{limits::NAME_PLACE_BYTES, wire};

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

impl Node {
    /// Bytes that it takes.
    #[must_use]
    pub fn bytes(&self) -> usize {
        let metadata = self.metadata.iter().flat_map(|(name, value)| [name, value]);
        let texts = [&self.id, &self.cluster, &self.user_agent].into_iter().chain(&self.features);
        texts.chain(metadata).map(|text| text.len() + NAME_PLACE_BYTES).sum()
    }
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
