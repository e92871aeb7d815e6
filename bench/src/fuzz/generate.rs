//! Inputs without a fuzzer: seeds, damaged. Always the same ones, so that a failure is one for everybody.

use rand::{Rng, SeedableRng, rngs::StdRng};

/// Bytes of an input, so that ten thousand of them take seconds in a debug build.
const INPUT_BYTES_MAX: usize = 8 << 10;

/// Numbers at which something ends.
const NUMBERS: [&str; 14] = [
    "0",
    "-1",
    "1",
    "65535",
    "65536",
    "2147483647",
    "-2147483648",
    "4294967296",
    "9223372036854775807",
    "-9223372036854775808",
    "18446744073709551616",
    "1e999",
    "0.0000000001",
    "315576000001",
];

/// Bytes at which something ends.
const BYTES: [u8; 10] = [0, 1, 0x7f, 0x80, 0xff, b'\n', b' ', b'"', 0xc3, 0xed];

/// Makes inputs without end.
#[derive(Debug)]
pub struct Generator<'s> {
    random: StdRng,
    seeds: &'s [Vec<u8>],
    words: &'s [&'s str],
    /// Seeds go first, as they are.
    next_seed: usize,
}

impl<'s> Generator<'s> {
    /// Of these seeds and words.
    #[must_use]
    pub fn new(seeds: &'s [Vec<u8>], words: &'s [&'s str]) -> Self {
        Self { random: StdRng::seed_from_u64(0), seeds, words, next_seed: 0 }
    }

    fn below(&mut self, bound: usize) -> usize {
        self.random.random_range(0..bound.max(1))
    }

    fn seed(&mut self) -> &'s [u8] {
        let index = self.below(self.seeds.len());
        self.seeds.get(index).map_or(&[], |seed| seed)
    }

    /// A range of an input; short ones are as likely as long ones.
    fn range(&mut self, input: &[u8]) -> std::ops::Range<usize> {
        let begin = self.below(input.len() + 1);
        let scale = 1 << self.below(9);
        let len = self.below(scale) + 1;
        begin..(begin + len).min(input.len())
    }

    fn damage(&mut self, input: &mut Vec<u8>) {
        let range = self.range(input);
        match self.below(9) {
            0 => drop(input.drain(range)),
            1 => {
                if let Some(byte) = input.get_mut(range.start) {
                    *byte ^= 1 << self.below(8);
                }
            }
            2 => {
                let byte = BYTES[self.below(BYTES.len())];
                input.insert(range.start, byte);
            }
            3 => {
                let bytes: Vec<u8> = (0..range.len()).map(|_| self.random.random()).collect();
                input.splice(range, bytes);
            }
            4 => {
                let block = input[range.clone()].to_vec().repeat(1 + self.below(40));
                input.splice(range.end..range.end, block);
            }
            5 => self.change_number(input),
            6 => {
                let other = self.seed();
                let piece = self.range(other);
                input.splice(range, other[piece].iter().copied());
            }
            _ => {
                if let Some(word) = self.words.get(self.below(self.words.len())) {
                    let end = if self.below(2) == 0 { range.start } else { range.end };
                    input.splice(range.start..end, word.bytes());
                }
            }
        }
        input.truncate(INPUT_BYTES_MAX);
    }

    fn change_number(&mut self, input: &mut Vec<u8>) {
        let digits: Vec<usize> = (0..input.len()).filter(|at| input[*at].is_ascii_digit()).collect();
        let Some(&begin) = digits.get(self.below(digits.len())) else { return };
        let len = input[begin..].iter().take_while(|byte| byte.is_ascii_digit()).count();
        let number = NUMBERS[self.below(NUMBERS.len())];
        input.splice(begin..begin + len, number.bytes());
    }
}

impl Iterator for Generator<'_> {
    type Item = Vec<u8>;

    fn next(&mut self) -> Option<Vec<u8>> {
        if let Some(seed) = self.seeds.get(self.next_seed) {
            self.next_seed += 1;
            return Some(seed.clone());
        }
        let mut input = self.seed().to_vec();
        for _ in 0..1 + self.below(6) {
            self.damage(&mut input);
        }
        Some(input)
    }
}
