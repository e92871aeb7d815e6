//! Discovery responses, read as their bytes arrive: names, versions and bodies are hashed on the way, and nothing is kept
//! but what an answer needs. Resources are `istio.mcp.v1alpha1.Resource`s.

use anyhow::{Context, Result, bail, ensure};
use mainsheet_api::xds::Variant;

use super::{
    hash::Hasher,
    held::{Held, Parts},
};

/// Messages within each other: response, Resource (in delta), Any, mcp.Resource, Metadata.
const DEPTH_MAX: usize = 5;

/// Bytes of a text that is kept: a nonce, a version.
const TEXT_BYTES_MAX: usize = 4096;

/// A message whose fields are looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Within {
    Sotw,
    Delta,
    DeltaResource,
    Any,
    Mcp,
    Metadata,
}

/// What is done with a field of bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Field {
    Message(Within),
    Nonce,
    VersionInfo,
    Removed,
    Name,
    Version,
    Body,
    Other,
}

impl Field {
    fn of(within: Within, number: u64) -> Self {
        match (within, number) {
            (Within::Sotw, 1) => Self::VersionInfo,
            (Within::Sotw, 2) => Self::Message(Within::Any),
            (Within::Delta, 2) => Self::Message(Within::DeltaResource),
            (Within::Delta, 6) => Self::Removed,
            (Within::Sotw | Within::Delta, 5) => Self::Nonce,
            (Within::DeltaResource, 2) => Self::Message(Within::Any),
            (Within::Any, 2) => Self::Message(Within::Mcp),
            (Within::Mcp, 1) => Self::Message(Within::Metadata),
            (Within::Mcp, 2) => Self::Body,
            (Within::Metadata, 1) => Self::Name,
            (Within::Metadata, 3) => Self::Version,
            _ => Self::Other,
        }
    }
}

/// What is read next.
#[derive(Debug)]
enum Step {
    Tag,
    Len(Field),
    /// The rest of a field.
    Bytes(Field, u64),
    Varint,
}

/// Reads one response after the other.
#[derive(Debug)]
pub(super) struct Reader {
    response: Within,
    /// gRPC's prefix of a message, as far as it is there.
    prefix: [u8; 5],
    prefix_len: usize,
    /// Bytes of the message that are still to come.
    left: u64,
    /// Messages that are open, and how much of the response is left behind each.
    open: Vec<(Within, u64)>,
    step: Step,
    /// A number that is being read, and how many bits of it are.
    varint: (u64, u32),
    hasher: Hasher,
    resource: Parts,
    nonce: Vec<u8>,
    version_info: Vec<u8>,
}

/// What the answer to a response repeats.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Tail {
    pub(super) nonce: String,
    /// Of SotW.
    pub(super) version_info: String,
}

impl Reader {
    pub(super) fn new(variant: Variant) -> Self {
        Self {
            response: match variant {
                Variant::Sotw => Within::Sotw,
                Variant::Delta => Within::Delta,
            },
            prefix: [0; 5],
            prefix_len: 0,
            left: 0,
            open: Vec::with_capacity(DEPTH_MAX),
            step: Step::Tag,
            varint: (0, 0),
            hasher: Hasher::new(),
            resource: Parts::default(),
            nonce: Vec::new(),
            version_info: Vec::new(),
        }
    }

    /// Takes bytes in until a response is whole, and moves `bytes` on behind them. `None` once all are taken.
    pub(super) fn next(&mut self, bytes: &mut &[u8], held: &mut Held) -> Result<Option<Tail>> {
        loop {
            if self.prefix_len < self.prefix.len() {
                let Some(byte) = bytes.split_off_first() else { return Ok(None) };
                self.prefix[self.prefix_len] = *byte;
                self.prefix_len += 1;
                if self.prefix_len == self.prefix.len() {
                    self.begin(held)?;
                }
            } else if self.left == 0 {
                return self.end().map(Some);
            } else if bytes.is_empty() {
                return Ok(None);
            } else {
                self.step(bytes, held)?;
                self.close(held)?;
            }
        }
    }

    fn begin(&mut self, held: &mut Held) -> Result<()> {
        let [compressed, len @ ..] = self.prefix;
        ensure!(compressed == 0, "a compressed message, which nobody asked for");
        self.left = u32::from_be_bytes(len).into();
        self.open.push((self.response, 0));
        self.step = Step::Tag;
        self.nonce.clear();
        self.version_info.clear();
        held.begin();
        if self.left == 0 {
            self.close(held)?;
        }
        Ok(())
    }

    fn end(&mut self) -> Result<Tail> {
        ensure!(self.open.is_empty(), "a response ends within {:?}", self.open.last());
        self.prefix_len = 0;
        let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).context("a nonce or version is no text");
        Ok(Tail { nonce: text(&self.nonce)?, version_info: text(&self.version_info)? })
    }

    /// Reads one byte of a number, or as much of a field as is there.
    fn step(&mut self, bytes: &mut &[u8], held: &mut Held) -> Result<()> {
        match self.step {
            Step::Bytes(field, left) => {
                let len = bytes.len().min(usize::try_from(left).unwrap_or(usize::MAX));
                let (part, rest) = bytes.split_at(len);
                *bytes = rest;
                self.left -= len as u64;
                self.take(field, part)?;
                match left - len as u64 {
                    0 => self.finish(field, held),
                    left => self.step = Step::Bytes(field, left),
                }
            }
            Step::Tag => {
                if let Some(tag) = self.varint(bytes)? {
                    self.step = self.after_tag(tag)?;
                }
            }
            Step::Len(field) => {
                if let Some(len) = self.varint(bytes)? {
                    self.enter(field, len, held)?;
                }
            }
            Step::Varint => {
                if self.varint(bytes)?.is_some() {
                    self.step = Step::Tag;
                }
            }
        }
        Ok(())
    }

    fn varint(&mut self, bytes: &mut &[u8]) -> Result<Option<u64>> {
        while self.left > 0
            && let Some(byte) = bytes.split_off_first()
        {
            self.left -= 1;
            let (value, bits) = &mut self.varint;
            *value |= u64::from(byte & 0x7f) << *bits;
            *bits += 7;
            if *byte < 0x80 {
                let (value, _) = std::mem::take(&mut self.varint);
                return Ok(Some(value));
            }
            ensure!(*bits < 64, "a number of more than 64 bits");
        }
        Ok(None)
    }

    fn after_tag(&self, tag: u64) -> Result<Step> {
        let (within, _) = self.open.last().context("a field outside of a message")?;
        Ok(match tag & 7 {
            0 => Step::Varint,
            1 => Step::Bytes(Field::Other, self.fits(8)?),
            2 => Step::Len(Field::of(*within, tag >> 3)),
            5 => Step::Bytes(Field::Other, self.fits(4)?),
            other => bail!("wire type {other}"),
        })
    }

    /// A field of this length, in the message that is open.
    fn fits(&self, len: u64) -> Result<u64> {
        let (_, behind) = self.open.last().context("a field outside of a message")?;
        ensure!(
            behind.checked_add(len).is_some_and(|end| end <= self.left),
            "a field is longer than what it is in"
        );
        Ok(len)
    }

    fn enter(&mut self, field: Field, len: u64, held: &mut Held) -> Result<()> {
        self.fits(len)?;
        match field {
            Field::Message(within) => {
                if within == Within::Any {
                    self.resource = Parts::default();
                }
                self.open.push((within, self.left - len));
                self.step = Step::Tag;
            }
            field => {
                self.hasher = Hasher::new();
                if len == 0 {
                    self.finish(field, held);
                } else {
                    self.step = Step::Bytes(field, len);
                }
            }
        }
        Ok(())
    }

    fn take(&mut self, field: Field, part: &[u8]) -> Result<()> {
        let kept = match field {
            Field::Nonce => &mut self.nonce,
            Field::VersionInfo => &mut self.version_info,
            Field::Name | Field::Version | Field::Body | Field::Removed => {
                self.hasher.update(part);
                return Ok(());
            }
            Field::Message(_) | Field::Other => return Ok(()),
        };
        ensure!(
            kept.len() + part.len() <= TEXT_BYTES_MAX,
            "a nonce or version of more than {TEXT_BYTES_MAX} bytes"
        );
        kept.extend_from_slice(part);
        Ok(())
    }

    fn finish(&mut self, field: Field, held: &mut Held) {
        let hash = self.hasher.clone().finish();
        match field {
            Field::Name => self.resource.name = hash,
            Field::Version => self.resource.version = hash,
            Field::Body => self.resource.body = hash,
            Field::Removed => held.remove(hash),
            Field::Message(_) | Field::Nonce | Field::VersionInfo | Field::Other => {}
        }
        self.step = Step::Tag;
    }

    /// Messages that are over.
    fn close(&mut self, held: &mut Held) -> Result<()> {
        while let Some((within, behind)) = self.open.last() {
            if self.left > *behind {
                break;
            }
            ensure!(matches!(self.step, Step::Tag) && self.varint.1 == 0, "a message ends within a field");
            if *within == Within::Any {
                held.upsert(self.resource.digest());
            }
            self.open.pop();
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use mainsheet_api::{
        generated::istio::mcp::v1alpha1 as mcp,
        wire::{Any, ControlPlane, DeltaDiscoveryResponse, DiscoveryResponse, Resource},
    };
    use proptest::{collection::vec, prelude::*};
    use prost::Message;

    use super::*;

    fn body(number: u8) -> Any {
        Any { type_url: "type.googleapis.com/x".into(), value: vec![number; usize::from(number) * 10].into() }
    }

    fn any(number: u8) -> Any {
        let metadata = mcp::Metadata {
            name: format!("ns/{number}"),
            version: number.to_string(),
            labels: [("a".to_owned(), "b".to_owned())].into(),
            ..Default::default()
        };
        let wrapped = mcp::Resource { metadata: Some(metadata), body: Some(body(number)) };
        Any {
            type_url: "type.googleapis.com/istio.mcp.v1alpha1.Resource".into(),
            value: wrapped.encode_to_vec().into(),
        }
    }

    fn parts(number: u8) -> Parts {
        Parts::of(&format!("ns/{number}"), &number.to_string(), &body(number).encode_to_vec())
    }

    fn sotw(numbers: &[u8], nonce: &str) -> Vec<u8> {
        DiscoveryResponse {
            version_info: "v".to_owned() + nonce,
            resources: numbers.iter().map(|number| any(*number)).collect(),
            type_url: "networking.istio.io/v1/VirtualService".into(),
            nonce: nonce.into(),
            control_plane: Some(ControlPlane { identifier: "me".into() }),
        }
        .encode_to_vec()
    }

    fn delta(numbers: &[u8], removed: &[u8], nonce: &str) -> Vec<u8> {
        let resource = |number: &u8| Resource {
            name: format!("ns/{number}"),
            version: number.to_string(),
            resource: Some(any(*number)),
            ..Default::default()
        };
        DeltaDiscoveryResponse {
            resources: numbers.iter().map(resource).collect(),
            removed_resources: removed.iter().map(|number| format!("ns/{number}")).collect(),
            nonce: nonce.into(),
            ..Default::default()
        }
        .encode_to_vec()
    }

    fn framed(messages: &[Vec<u8>]) -> Vec<u8> {
        let frame = |message: &Vec<u8>| {
            [&[0], &u32::try_from(message.len()).unwrap().to_be_bytes()[..], message].concat()
        };
        messages.iter().flat_map(frame).collect()
    }

    /// Nonces and states after each response, of bytes that come in such pieces.
    fn read(
        variant: Variant,
        bytes: &[u8],
        pieces: &[usize],
    ) -> Result<Vec<(Tail, super::super::held::State)>> {
        let (mut reader, mut held, mut seen) = (Reader::new(variant), Held::new(variant), Vec::new());
        let (mut left, mut pieces) = (bytes, pieces.iter().cycle());
        while !left.is_empty() {
            let len = (*pieces.next().unwrap()).clamp(1, left.len());
            let (mut piece, rest) = left.split_at(len);
            left = rest;
            while let Some(tail) = reader.next(&mut piece, &mut held)? {
                seen.push((tail, held.state()));
            }
        }
        Ok(seen)
    }

    fn holding(numbers: &[u8]) -> super::super::held::State {
        let mut held = Held::new(Variant::Sotw);
        numbers.iter().for_each(|number| held.upsert(parts(*number).digest()));
        held.state()
    }

    proptest! {
        #[test]
        fn responses_are_the_same_in_whatever_pieces_they_arrive(pieces in vec(1usize..300, 1..20)) {
            let bytes = framed(&[sotw(&[1, 2, 30], "n1"), sotw(&[], ""), sotw(&[200, 1], "n3")]);
            let seen = read(Variant::Sotw, &bytes, &pieces).unwrap();
            let tail = |nonce: &str| Tail { nonce: nonce.into(), version_info: format!("v{nonce}") };
            prop_assert_eq!(&seen, &[
                (tail("n1"), holding(&[30, 1, 2])), (tail(""), holding(&[])), (tail("n3"), holding(&[200, 1])),
            ]);
            let bytes = framed(&[delta(&[1, 2, 0], &[], "n1"), vec![], delta(&[7], &[2, 0, 99], "n3")]);
            let states: Vec<_> =
                read(Variant::Delta, &bytes, &pieces).unwrap().into_iter().map(|(_, state)| state).collect();
            prop_assert_eq!(states, [holding(&[0, 1, 2]), holding(&[0, 1, 2]), holding(&[1, 7])]);
        }

        #[test]
        fn no_bytes_make_it_panic(bytes in vec(any_byte(), 0..200), pieces in vec(1usize..50, 1..5)) {
            for variant in [Variant::Sotw, Variant::Delta] {
                let _ = read(variant, &framed(std::slice::from_ref(&bytes)), &pieces);
                let _ = read(variant, &bytes, &pieces);
            }
        }
    }

    /// Mostly what tags and lengths are made of.
    fn any_byte() -> impl Strategy<Value = u8> {
        prop_oneof![Just(0x12), Just(0x0a), 0..20u8, any_u8()]
    }

    fn any_u8() -> impl Strategy<Value = u8> {
        proptest::num::u8::ANY
    }
}
