//! A frame cut into the chunks that are handed to the transport: shared bytes as they are, small neighbours copied
//! together, large pieces in slices.

use std::collections::VecDeque;

use bytes::{Bytes, BytesMut};
use mainsheet_api::wire::Frame;

/// Bytes of a piece under which it is copied together with its neighbours: a system call's vector entry and an HTTP/2
/// header cost more than the copy.
const COPY_BYTES_MAX: usize = 2 << 10;

/// Bytes that are copied together at most: what a stream owns of a response at any time.
const RUN_BYTES_MAX: usize = 16 << 10;

/// Bytes of a chunk at most. The transport asks for the next one when this one is on its way, so that is the grain in
/// which a stuck client is noticed, and the amount by which a response can be stale.
const CHUNK_BYTES_MAX: usize = 64 << 10;

const _: () = assert!(COPY_BYTES_MAX < RUN_BYTES_MAX && RUN_BYTES_MAX <= CHUNK_BYTES_MAX);

/// What is left to send of a frame. Copies are made one chunk at a time, so that a client that does not read costs one.
#[derive(Debug, Default)]
pub(super) struct Pieces(VecDeque<Bytes>);

impl Pieces {
    pub(super) fn of(frame: Frame) -> Self {
        Self(frame.pieces.into_iter().filter(|piece| !piece.is_empty()).collect())
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The next chunk.
    pub(super) fn next_chunk(&mut self) -> Option<Bytes> {
        let mut piece = self.0.pop_front()?;
        if piece.len() > CHUNK_BYTES_MAX {
            let chunk = piece.split_to(CHUNK_BYTES_MAX);
            self.0.push_front(piece);
            return Some(chunk);
        }
        if piece.len() < COPY_BYTES_MAX && self.run_goes_on(piece.len()) {
            return Some(self.run_from(&piece));
        }
        Some(piece)
    }

    fn run_from(&mut self, first: &Bytes) -> Bytes {
        let mut run = BytesMut::with_capacity(RUN_BYTES_MAX);
        run.extend_from_slice(first);
        while self.run_goes_on(run.len()) {
            let Some(piece) = self.0.pop_front() else { break };
            run.extend_from_slice(&piece);
        }
        run.freeze()
    }

    fn run_goes_on(&self, len: usize) -> bool {
        self.0.front().is_some_and(|next| next.len() < COPY_BYTES_MAX && len + next.len() <= RUN_BYTES_MAX)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn chunks(pieces: Vec<Bytes>) -> Vec<Bytes> {
        let len = pieces.iter().map(Bytes::len).sum();
        let mut pieces = Pieces::of(Frame { pieces, len });
        std::iter::from_fn(|| pieces.next_chunk()).collect()
    }

    #[test]
    fn large_piece_is_shared_and_small_neighbours_are_copied_together() {
        let large = Bytes::from(vec![7; CHUNK_BYTES_MAX]);
        let small = Bytes::from_static(b"small");
        let chunks = chunks(vec![small.clone(), small.clone(), large.clone(), small]);
        assert_eq!(chunks.iter().map(Bytes::len).collect::<Vec<_>>(), [10, CHUNK_BYTES_MAX, 5]);
        assert_eq!(chunks[1].as_ptr(), large.as_ptr());
    }

    #[test]
    fn piece_larger_than_a_chunk_is_sliced_without_a_copy() {
        let large = Bytes::from(vec![7; CHUNK_BYTES_MAX * 2 + 1]);
        let chunks = chunks(vec![large.clone()]);
        assert_eq!(chunks.iter().map(Bytes::len).collect::<Vec<_>>(), [CHUNK_BYTES_MAX, CHUNK_BYTES_MAX, 1]);
        assert_eq!(chunks[2].as_ptr(), large[CHUNK_BYTES_MAX * 2..].as_ptr());
    }

    proptest! {
        #[test]
        fn bytes_and_their_order_stay(lens in proptest::collection::vec(0usize..5000, 0..40)) {
            let pieces: Vec<Bytes> = lens.iter().enumerate().map(|(i, &len)| vec![i as u8; len].into()).collect();
            let whole = pieces.concat();
            let chunks = chunks(pieces);
            prop_assert!(chunks.iter().all(|chunk| !chunk.is_empty() && chunk.len() <= CHUNK_BYTES_MAX));
            prop_assert_eq!(chunks.concat(), whole);
        }
    }
}
