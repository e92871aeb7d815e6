//! A complete answer with some entries in the place of others: only what lies around those is taken apart.

use bytes::Bytes;
use prost::encoding::decode_varint;

use super::sotw_resources;
use crate::{wire::Entry, xds::catalog::Shared};

/// An encoded Any, and what stands in for it; nothing, where it is left out.
pub(super) type StandIn<'a> = (Bytes, Option<&'a Entry>);

/// Each piece must hold whole fields, as those of [`crate::xds::catalog::Catalog::full`] do.
pub(super) fn spliced(full: Shared, stand_ins: &[StandIn<'_>]) -> Shared {
    let mut spliced = Shared { count: full.count, ..Shared::default() };
    for piece in full.pieces {
        splice(&piece, stand_ins, &mut spliced);
    }
    spliced
}

/// Appends one piece. What no entry in it is replaced of is shared as it was.
fn splice(piece: &Bytes, stand_ins: &[StandIn<'_>], spliced: &mut Shared) {
    let mut kept_from = 0;
    let mut rest: &[u8] = piece;
    loop {
        let start = piece.len() - rest.len();
        let Some(any) = take_field(&mut rest) else { break };
        let Some((_, stand_in)) = stand_ins.iter().find(|(refused, _)| *refused == any) else { continue };
        push(piece.slice(kept_from..start), spliced);
        kept_from = piece.len() - rest.len();
        spliced.count -= 1;
        spliced.append(sotw_resources(*stand_in, false));
    }
    push(piece.slice(kept_from..), spliced);
}

fn push(piece: Bytes, spliced: &mut Shared) {
    if !piece.is_empty() {
        spliced.len += piece.len();
        spliced.pieces.push(piece);
    }
}

/// The content of the next length-delimited field.
fn take_field<'a>(rest: &mut &'a [u8]) -> Option<&'a [u8]> {
    decode_varint(rest).ok()?;
    let len = usize::try_from(decode_varint(rest).ok()?).ok()?;
    let (content, after) = rest.split_at_checked(len)?;
    *rest = after;
    Some(content)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use bytes::BytesMut;

    use super::*;
    use crate::{version::ResourceVersion, wire::put_sotw_resource};

    fn entry(name: &str, len: usize) -> Entry {
        let any = Bytes::from(name.repeat(len));
        Entry { name: Arc::from(name), version: ResourceVersion::new("1"), any, ttl: None }
    }

    fn piece(entries: &[&Entry]) -> Bytes {
        let mut piece = BytesMut::new();
        entries.iter().for_each(|entry| put_sotw_resource(&mut piece, &entry.any));
        piece.freeze()
    }

    fn shared(pieces: Vec<Bytes>, count: usize) -> Shared {
        Shared { len: pieces.iter().map(Bytes::len).sum(), count, pieces }
    }

    fn bytes(shared: &Shared) -> Vec<u8> {
        shared.pieces.concat()
    }

    #[test]
    fn only_the_piece_around_an_entry_is_taken_apart() {
        let [a, b, c, d] = ["a", "b", "c", "d"].map(|name| entry(name, 200));
        let good = entry("good", 3);
        let full = shared(vec![piece(&[&a, &b]), piece(&[&c]), piece(&[&d])], 4);
        let replaced = spliced(full.clone(), &[(b.any.clone(), Some(&good))]);
        assert_eq!(bytes(&replaced), piece(&[&a, &good, &c, &d]));
        assert_eq!((replaced.len, replaced.count), (bytes(&replaced).len(), 4));
        let untouched =
            replaced.pieces.iter().filter(|piece| full.pieces.iter().any(|of| of.as_ptr() == piece.as_ptr()));
        assert_eq!(untouched.count(), 3, "a, which begins the first piece, and the two others");
        let left_out = spliced(full, &[(a.any.clone(), None), (c.any.clone(), None)]);
        assert_eq!(bytes(&left_out), piece(&[&b, &d]));
        assert_eq!((left_out.len, left_out.count), (bytes(&left_out).len(), 2));
    }
}
