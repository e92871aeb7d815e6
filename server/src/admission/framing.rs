//! Where messages begin and end in the bytes of a gRPC body: each is a byte, four of its length, and so many.

/// Bytes before each message.
const HEAD_LEN: usize = 5;

/// Follows the bytes of a body, in whatever pieces they come.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Framing {
    head: [u8; HEAD_LEN],
    head_len: usize,
    /// Bytes of the message that are still to come.
    left: usize,
    /// Bytes that came of the message under way, or of the last one where that is whole.
    bytes: usize,
}

impl Framing {
    /// These came.
    pub(super) fn advance(&mut self, mut data: &[u8]) {
        while !data.is_empty() {
            if self.is_whole() {
                *self = Self::default();
            }
            let taken = if self.head_len < HEAD_LEN { self.take_head(data) } else { self.take_rest(data) };
            self.bytes += taken;
            data = &data[taken..];
        }
    }

    fn take_head(&mut self, data: &[u8]) -> usize {
        let taken = data.len().min(HEAD_LEN - self.head_len);
        self.head[self.head_len..][..taken].copy_from_slice(&data[..taken]);
        self.head_len += taken;
        if self.head_len == HEAD_LEN {
            let [_, a, b, c, d] = self.head;
            self.left = u32::from_be_bytes([a, b, c, d]) as usize;
        }
        taken
    }

    fn take_rest(&mut self, data: &[u8]) -> usize {
        let taken = data.len().min(self.left);
        self.left -= taken;
        taken
    }

    /// Whether the message is there to its end.
    pub(super) fn is_whole(&self) -> bool {
        self.head_len == HEAD_LEN && self.left == 0
    }

    /// Bytes that came of it.
    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn message(len: usize) -> Vec<u8> {
        let mut message = vec![0];
        message.extend(u32::try_from(len).unwrap().to_be_bytes());
        message.extend(vec![7; len]);
        message
    }

    #[test]
    fn message_is_whole_with_its_last_byte() {
        let mut framing = Framing::default();
        for byte in &message(3)[..7] {
            framing.advance(&[*byte]);
            assert!(!framing.is_whole());
        }
        framing.advance(&[7]);
        assert!(framing.is_whole() && framing.bytes() == 8);
        framing.advance(&[0]);
        assert!(!framing.is_whole() && framing.bytes() == 1);
        let mut empty = Framing::default();
        empty.advance(&message(0));
        assert!(empty.is_whole());
    }

    proptest! {
        /// However the bytes are cut.
        #[test]
        fn what_came_of_the_last_message_is_told(
            lens in proptest::collection::vec(0_usize..300, 1..10),
            cut in 0_usize..300,
            pieces in proptest::collection::vec(1_usize..400, 1..50),
        ) {
            let last = *lens.last().unwrap_or(&0);
            let bytes: Vec<u8> = lens.iter().flat_map(|len| message(*len)).collect();
            let end = bytes.len() - cut.min(last + HEAD_LEN - 1);
            let (mut framing, mut rest, mut pieces) = (Framing::default(), &bytes[..end], pieces.iter().cycle());
            while !rest.is_empty() {
                let (piece, after) = rest.split_at((*pieces.next().unwrap_or(&1)).min(rest.len()));
                framing.advance(piece);
                rest = after;
            }
            prop_assert_eq!(framing.bytes(), last + HEAD_LEN - (bytes.len() - end));
            prop_assert_eq!(framing.is_whole(), end == bytes.len());
        }
    }
}
