//! An input as a sequence of steps: bytes, and pieces with their length before them.

use bytes::Bytes;

/// Takes an input apart. Whatever it is, it can be taken apart.
#[derive(Debug)]
pub(super) struct Tape {
    rest: Bytes,
}

impl Tape {
    pub(super) fn new(input: &[u8]) -> Self {
        Self { rest: Bytes::copy_from_slice(input) }
    }

    /// The next byte; none at the end.
    pub(super) fn step(&mut self) -> Option<u8> {
        (!self.rest.is_empty()).then(|| self.rest.split_to(1)[0])
    }

    /// The next byte; zero at the end.
    pub(super) fn byte(&mut self) -> u8 {
        self.step().unwrap_or(0)
    }

    /// As many bytes as two bytes before them say, or all that are left.
    pub(super) fn piece(&mut self) -> Bytes {
        let len = usize::from(u16::from_be_bytes([self.byte(), self.byte()]));
        self.rest.split_to(len.min(self.rest.len()))
    }

    /// All that is left.
    pub(super) fn rest(self) -> Bytes {
        self.rest
    }
}

/// A piece as [`Tape::piece`] takes it.
pub(super) fn piece(bytes: &[u8]) -> Vec<u8> {
    let bytes = &bytes[..bytes.len().min(usize::from(u16::MAX))];
    let len = u16::try_from(bytes.len()).unwrap_or(u16::MAX).to_be_bytes();
    [&len, bytes].concat()
}
