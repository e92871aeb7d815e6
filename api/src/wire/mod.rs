//! Bytes of discovery messages: an entry is encoded once, and every response is a small frame around shared bytes.
//!
//! Protobuf fields may come in any order, so what differs by stream (version, nonce, type) is written first and the
//! shared `resources` follow as they are.

mod entry;
mod frame;
mod labels;

pub use entry::{
    Entry, put_delta_resource, put_heartbeat, put_sotw_head, put_sotw_resource, put_sotw_wrapper,
};
pub use frame::{Frame, Head, decode_frame, delta_frame, message_frame, sotw_frame};
pub use labels::labels;

pub use crate::generated::{
    envoy::service::discovery::v3::{
        ControlPlane, DeltaDiscoveryRequest, DeltaDiscoveryResponse, DiscoveryRequest, DiscoveryResponse,
        Node, Resource,
    },
    google::{self, protobuf::Any, rpc::Status},
};

/// Descriptors of every message and service of our .proto files: an encoded `google.protobuf.FileDescriptorSet`.
pub const DESCRIPTORS: &[u8] = include_bytes!("../generated/descriptors.bin");
