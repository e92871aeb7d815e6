//! A whole gRPC message as a list of byte pieces, of which only the first belongs to one stream.

use bytes::{BufMut, Bytes, BytesMut};
use prost::{DecodeError, Message};

use crate::{
    version::Nonce,
    wire::{ControlPlane, entry::put_prefix},
    xds::catalog::Shared,
};

/// A gRPC message: 5 bytes of prefix (flag and length), then a protobuf message, in pieces to be written in order.
#[derive(Clone, Debug, Default)]
pub struct Frame {
    /// In order; the first is this stream's own.
    pub pieces: Vec<Bytes>,
    /// Bytes in all pieces, prefix included.
    pub len: usize,
}

/// What differs from stream to stream.
#[derive(Clone, Copy, Debug)]
pub struct Head<'a> {
    /// `version_info` (SotW), `system_version_info` (delta).
    pub version: &'a str,
    /// As the client asked for it.
    pub type_url: &'a str,
    /// Unique on the stream.
    pub nonce: &'a Nonce,
    /// Which server answers, or empty.
    pub control_plane: &'a str,
}

/// A `DiscoveryResponse` around shared resources.
#[must_use]
pub fn sotw_frame(head: Head<'_>, resources: &Shared) -> Frame {
    frame(own_part(head, SOTW_CONTROL_PLANE), resources)
}

/// A `DeltaDiscoveryResponse` around shared resources.
#[must_use]
pub fn delta_frame<'a>(
    head: Head<'_>,
    resources: &Shared,
    removed: impl IntoIterator<Item = &'a str>,
) -> Frame {
    let mut own = own_part(head, DELTA_CONTROL_PLANE);
    for name in removed {
        put_bytes(DELTA_REMOVED, name.as_bytes(), &mut own);
    }
    frame(own, resources)
}

/// Any message in a frame of its own.
#[must_use]
pub fn message_frame(message: &impl Message) -> Frame {
    let mut own = BytesMut::zeroed(GRPC_PREFIX);
    own.put_slice(&message.encode_to_vec());
    frame(own, &Shared::default())
}

/// Reads a whole frame back; for clients that hold one, and tests.
///
/// # Errors
/// Where the message does not decode.
pub fn decode_frame<M: Message + Default>(frame: &Frame) -> Result<M, DecodeError> {
    let mut whole = BytesMut::with_capacity(frame.len);
    frame.pieces.iter().for_each(|piece| whole.put_slice(piece));
    M::decode(&mut whole.split_off(GRPC_PREFIX.min(frame.len)))
}

/// Flag and length before every gRPC message.
const GRPC_PREFIX: usize = 5;

/// Field numbers; the first three are the same in both responses.
const VERSION: u32 = 1;
const TYPE_URL: u32 = 4;
const NONCE: u32 = 5;
const SOTW_CONTROL_PLANE: u32 = 6;
const DELTA_REMOVED: u32 = 6;
const DELTA_CONTROL_PLANE: u32 = 7;

fn own_part(head: Head<'_>, control_plane_field: u32) -> BytesMut {
    let mut own = BytesMut::with_capacity(256);
    own.put_bytes(0, GRPC_PREFIX);
    for (field, text) in [(VERSION, head.version), (TYPE_URL, head.type_url), (NONCE, head.nonce.0.as_str())]
    {
        put_bytes(field, text.as_bytes(), &mut own);
    }
    if !head.control_plane.is_empty() {
        let control_plane = ControlPlane { identifier: head.control_plane.to_owned() };
        put_bytes(control_plane_field, &control_plane.encode_to_vec(), &mut own);
    }
    own
}

fn put_bytes(field: u32, bytes: &[u8], buffer: &mut BytesMut) {
    put_prefix(field, bytes.len(), buffer);
    buffer.put_slice(bytes);
}

/// Fills in the gRPC prefix, whose flag 0 says "not compressed".
fn frame(mut own: BytesMut, resources: &Shared) -> Frame {
    let len = own.len() + resources.len;
    let message_len = u32::try_from(len - GRPC_PREFIX).unwrap_or(u32::MAX);
    own[1..GRPC_PREFIX].copy_from_slice(&message_len.to_be_bytes());
    let mut pieces = Vec::with_capacity(1 + resources.pieces.len());
    pieces.push(own.freeze());
    pieces.extend(resources.pieces.iter().cloned());
    Frame { pieces, len }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        version::ResourceVersion,
        wire::{Any, DeltaDiscoveryResponse, DiscoveryResponse, Entry, put_sotw_resource},
        xds::catalog::Difference,
    };

    fn head(nonce: &Nonce) -> Head<'_> {
        Head { version: "v", type_url: "t", nonce, control_plane: "me" }
    }

    #[test]
    fn sotw_frame_is_a_discovery_response() {
        let any = Any { type_url: "x".into(), value: Bytes::from_static(b"body") };
        let mut field = BytesMut::new();
        put_sotw_resource(&mut field, &any.encode_to_vec());
        let len = field.len();
        let shared = Shared { pieces: vec![field.freeze()], len, count: 1 };
        let nonce = Nonce("7".into());
        let frame = sotw_frame(head(&nonce), &shared);
        let response: DiscoveryResponse = decode_frame(&frame).unwrap();
        assert_eq!(response.resources, [any]);
        assert_eq!((response.version_info.as_str(), response.nonce.as_str()), ("v", "7"));
        assert_eq!(response.control_plane.unwrap().identifier, "me");
        assert_eq!(frame.pieces[0][1..5], u32::try_from(frame.len - 5).unwrap().to_be_bytes());
    }

    #[test]
    fn delta_frame_is_a_delta_discovery_response() {
        let any = Any { type_url: "x".into(), value: Bytes::from_static(b"body") };
        let entry = Entry {
            name: "n".into(),
            version: ResourceVersion::new("1"),
            any: any.encode_to_vec().into(),
            ttl: None,
        };
        let step = Difference::new(vec![entry], Vec::new());
        let nonce = Nonce("8".into());
        let frame = delta_frame(head(&nonce), &step.pages[0].bytes, ["gone"]);
        let response: DeltaDiscoveryResponse = decode_frame(&frame).unwrap();
        assert_eq!(response.removed_resources, ["gone"]);
        let resource = &response.resources[0];
        assert_eq!((resource.name.as_str(), resource.version.as_str()), ("n", "1"));
        assert_eq!(resource.resource, Some(any));
        assert_eq!(response.control_plane.unwrap().identifier, "me");
    }
}
