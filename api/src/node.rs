//! Who a client says it is.

use std::collections::BTreeMap;

use crate::{
    limits::NAME_PLACE_BYTES,
    wire::{
        self,
        google::protobuf::{Struct, value::Kind as ValueKind},
    },
};

/// What an istiod calls its revision in its node's metadata. One that has none does not say it.
pub const ISTIO_REVISION: &str = "ISTIO_REVISION";

/// What Istio's proxies call the labels of their workload in their node's metadata.
const LABELS: &str = "LABELS";

/// The node of a stream's first request. A claim of the client, not an identity.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Node {
    /// `sidecar~10.0.0.9~istiod-b.istio-system~...` or whatever the client is configured with. Never empty.
    pub id: String,
    /// The cluster that the client says it belongs to.
    pub cluster: String,
    /// The string values of its metadata: GENERATOR, ISTIO_VERSION, NAMESPACE, CLUSTER_ID and others.
    pub metadata: BTreeMap<String, String>,
    /// The string values of its metadata's LABELS: the labels of an Istio workload.
    pub labels: BTreeMap<String, String>,
    /// `envoy`, `mainsheet`, or empty.
    pub user_agent: String,
    /// What optional behaviour it understands (rule 9).
    pub features: Vec<String>,
}

impl Node {
    /// Bytes that it takes.
    #[must_use]
    pub fn bytes(&self) -> usize {
        let metadata = self.metadata.iter().chain(&self.labels).flat_map(|(name, value)| [name, value]);
        let texts = [&self.id, &self.cluster, &self.user_agent].into_iter().chain(&self.features);
        texts.chain(metadata).map(|text| text.len() + NAME_PLACE_BYTES).sum()
    }
}

impl Node {
    /// What selectors of sinks are over: a string of its metadata, or else a label of its workload.
    #[must_use]
    pub fn label(&self, key: &str) -> Option<&str> {
        self.metadata.get(key).or_else(|| self.labels.get(key)).map(String::as_str)
    }
}

impl From<&wire::Node> for Node {
    fn from(node: &wire::Node) -> Self {
        let metadata = node.metadata.as_ref();
        let labels = metadata.and_then(|metadata| match &metadata.fields.get(LABELS)?.kind {
            Some(ValueKind::StructValue(labels)) => Some(labels),
            _ => None,
        });
        Self {
            id: node.id.clone(),
            cluster: node.cluster.clone(),
            metadata: metadata.map(strings).unwrap_or_default(),
            labels: labels.map(strings).unwrap_or_default(),
            user_agent: node.user_agent_name.clone(),
            features: node.client_features.clone(),
        }
    }
}

fn strings(of: &Struct) -> BTreeMap<String, String> {
    let strings = of.fields.iter().filter_map(|(name, value)| match &value.kind {
        Some(ValueKind::StringValue(text)) => Some((name.clone(), text.clone())),
        _ => None,
    });
    strings.collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::google::protobuf::Value;

    #[test]
    fn labels_are_strings_of_the_metadata_and_of_its_labels() {
        let text = |text: &str| Value { kind: Some(ValueKind::StringValue(text.into())) };
        let number = Value { kind: Some(ValueKind::NumberValue(1.0)) };
        let labels = [("app".to_owned(), text("shop")), ("CLUSTER_ID".to_owned(), text("inner"))];
        let labels = Value { kind: Some(ValueKind::StructValue(Struct { fields: labels.into() })) };
        let fields = [("CLUSTER_ID", text("east")), ("PORT", number), (LABELS, labels)];
        let fields = fields.map(|(key, value)| (key.to_owned(), value)).into();
        let node = Node::from(&wire::Node { metadata: Some(Struct { fields }), ..Default::default() });
        assert_eq!(node.label("CLUSTER_ID"), Some("east"));
        assert_eq!(node.label("app"), Some("shop"));
        assert_eq!((node.label("PORT"), node.label(LABELS)), (None, None));
    }
}
