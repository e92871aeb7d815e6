//! Protobuf bytes of single values. Messages are put together from these and not from `DynamicMessage`, whose maps
//! have no order: the same document must always give the same bytes.

use std::borrow::Cow;

use prost::encoding::{WireType, encode_key, encode_varint};

/// A field's value as it goes on the wire.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Wire<'n> {
    Varint(u64),
    Fixed32([u8; 4]),
    Fixed64([u8; 8]),
    /// Texts, bytes, messages.
    Bytes(Cow<'n, [u8]>),
}

impl Wire<'_> {
    /// Whether proto3 leaves it out of a field without presence.
    pub(super) fn is_default(&self) -> bool {
        match self {
            Self::Varint(value) => *value == 0,
            Self::Fixed32(bytes) => *bytes == [0; 4],
            Self::Fixed64(bytes) => *bytes == [0; 8],
            Self::Bytes(bytes) => bytes.is_empty(),
        }
    }

    /// Appends tag and value.
    pub(super) fn put(&self, number: u32, buffer: &mut Vec<u8>) {
        let wire_type = match self {
            Self::Varint(_) => WireType::Varint,
            Self::Fixed32(_) => WireType::ThirtyTwoBit,
            Self::Fixed64(_) => WireType::SixtyFourBit,
            Self::Bytes(_) => WireType::LengthDelimited,
        };
        encode_key(number, wire_type, buffer);
        self.put_bare(buffer);
    }

    /// Appends the value without its tag, as packed lists have it.
    pub(super) fn put_bare(&self, buffer: &mut Vec<u8>) {
        match self {
            Self::Varint(value) => encode_varint(*value, buffer),
            Self::Fixed32(bytes) => buffer.extend_from_slice(bytes),
            Self::Fixed64(bytes) => buffer.extend_from_slice(bytes),
            Self::Bytes(bytes) => {
                encode_varint(bytes.len() as u64, buffer);
                buffer.extend_from_slice(bytes);
            }
        }
    }
}

impl From<Vec<u8>> for Wire<'_> {
    fn from(bytes: Vec<u8>) -> Self {
        Self::Bytes(Cow::Owned(bytes))
    }
}
