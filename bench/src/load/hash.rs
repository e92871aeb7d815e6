//! A hash for comparing what was sent with what was got: fast, because a client hashes gigabytes, and fed piece by piece, as
//! bytes come in. It withstands accidents, not malice.

/// The first digits of pi.
const KEYS: [u64; 3] = [0x243f_6a88_85a3_08d3, 0x1319_8a2e_0370_7344, 0xa409_3822_299f_31d0];

const BLOCK: usize = 16;

/// What was fed so far.
#[derive(Clone, Debug)]
pub(super) struct Hasher {
    state: u64,
    len: u64,
    /// The bytes after the last whole block.
    tail: [u8; BLOCK],
    tail_len: usize,
}

impl Hasher {
    pub(super) fn new() -> Self {
        Self { state: KEYS[0], len: 0, tail: [0; BLOCK], tail_len: 0 }
    }

    /// Of one piece.
    pub(super) fn of(bytes: &[u8]) -> u64 {
        let mut hasher = Self::new();
        hasher.update(bytes);
        hasher.finish()
    }

    pub(super) fn update(&mut self, mut bytes: &[u8]) {
        self.len += bytes.len() as u64;
        if self.tail_len > 0 {
            let (taken, rest) = bytes.split_at(bytes.len().min(BLOCK - self.tail_len));
            self.tail[self.tail_len..self.tail_len + taken.len()].copy_from_slice(taken);
            self.tail_len += taken.len();
            if self.tail_len < BLOCK {
                return;
            }
            self.block(self.tail);
            bytes = rest;
        }
        let (blocks, rest) = bytes.as_chunks();
        blocks.iter().for_each(|block| self.block(*block));
        self.tail[..rest.len()].copy_from_slice(rest);
        self.tail_len = rest.len();
    }

    pub(super) fn finish(mut self) -> u64 {
        self.tail[self.tail_len..].fill(0);
        self.block(self.tail);
        fold(self.state ^ self.len, KEYS[2])
    }

    fn block(&mut self, block: [u8; BLOCK]) {
        let both = u128::from_le_bytes(block);
        self.state = fold(self.state ^ low(both), high(both) ^ KEYS[1]);
    }
}

/// Of several hashes, in this order.
pub(super) fn combine(hashes: [u64; 3]) -> u64 {
    hashes.into_iter().fold(KEYS[0], |state, hash| fold(state ^ hash, KEYS[1]).wrapping_add(hash))
}

fn fold(a: u64, b: u64) -> u64 {
    let product = u128::from(a) * u128::from(b);
    low(product) ^ high(product)
}

#[allow(clippy::cast_possible_truncation, reason = "the half that is meant")]
fn low(both: u128) -> u64 {
    both as u64
}

fn high(both: u128) -> u64 {
    low(both >> 64)
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn pieces_are_hashed_as_the_whole() {
        let whole: Vec<u8> = (0..200u8).collect();
        for first in 0..whole.len() {
            for second in [0, 1, 15, 16, 17, 40] {
                let (a, rest) = whole.split_at(first);
                let (b, c) = rest.split_at(second.min(rest.len()));
                let mut hasher = Hasher::new();
                [a, b, c].into_iter().for_each(|piece| hasher.update(piece));
                assert_eq!(hasher.finish(), Hasher::of(&whole), "cut at {first} and {second} later");
            }
        }
    }

    #[test]
    fn what_differs_in_a_bit_or_in_length_hashes_differently() {
        let mut seen = HashSet::new();
        for len in 0..70 {
            let bytes = vec![0; len];
            assert!(seen.insert(Hasher::of(&bytes)), "{len} zeros");
            for bit in 0..len * 8 {
                let mut other = bytes.clone();
                other[bit / 8] |= 1 << (bit % 8);
                assert!(seen.insert(Hasher::of(&other)), "{len} zeros but bit {bit}");
            }
        }
    }

    #[test]
    fn order_matters_when_hashes_are_combined() {
        let ways = [[1, 2, 3], [2, 1, 3], [3, 2, 1], [1, 2, 0], [0, 0, 0]].map(combine);
        assert_eq!(HashSet::from(ways).len(), ways.len());
    }
}
