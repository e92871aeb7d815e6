//! As much of HPACK (RFC 7541) as one gRPC call takes: headers of a request without compression, and what a response says of
//! its status. Nothing is kept in the dynamic table, because a connection has one response, whose status is new to it.

/// Letters by the length of their Huffman codes, which are assigned in this order. What is rarer takes 19 bits and more,
/// and ends a text here.
const HUFFMAN: [(u32, &[u8]); 10] = [
    (5, b"012aceiost"),
    (6, b" %-./3456789=A_bdfghlmnpru"),
    (7, b":BCDEFGHIJKLMNOPQRSTUVWYjkqvwxyz"),
    (8, b"&*,;XZ"),
    (10, b"!\"()?"),
    (11, b"'+|"),
    (12, b"#>"),
    (13, b"\0$@[]~"),
    (14, b"^}"),
    (15, b"<`{"),
];

/// What a response says of its status, in its headers or trailers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Said {
    /// `grpc-status`, where the call is over.
    pub(super) status: Option<u32>,
    /// `grpc-message`.
    pub(super) message: String,
}

/// A header of a request: neither indexed nor compressed.
pub(super) fn put_literal(block: &mut Vec<u8>, name: &str, value: &str) {
    block.push(0);
    for text in [name, value] {
        put_int(block, text.len());
        block.extend_from_slice(text.as_bytes());
    }
}

/// With a prefix of seven bits, of which the first bit, for Huffman, is not set.
fn put_int(block: &mut Vec<u8>, value: usize) {
    const PREFIX_MAX: usize = 0x7f;
    match u8::try_from(value) {
        Ok(value) if usize::from(value) < PREFIX_MAX => block.push(value),
        _ => {
            block.push(0x7f);
            let mut rest = value - PREFIX_MAX;
            while rest >= 0x80 {
                block.push(0x80 | u8::try_from(rest % 0x80).unwrap_or_default());
                rest /= 0x80;
            }
            block.push(u8::try_from(rest).unwrap_or_default());
        }
    }
}

/// Reads a block of headers, as far as it is understood.
pub(super) fn read(block: &[u8]) -> Said {
    let (mut said, mut left) = (Said::default(), block);
    while let Some((name, value)) = next(&mut left) {
        match name.as_str() {
            "grpc-status" => said.status = value.parse().ok(),
            "grpc-message" => said.message = value,
            _ => {}
        }
    }
    said
}

/// The next header; empty texts where it is an indexed one.
fn next(left: &mut &[u8]) -> Option<(String, String)> {
    let first = *left.first()?;
    let name_prefix = match first {
        0x80.. => return int(left, 7).map(|_| Default::default()),
        0x40.. => 6,
        0x20.. => return int(left, 5).map(|_| Default::default()),
        _ => 4,
    };
    let name = match int(left, name_prefix)? {
        0 => text(left)?,
        _ => String::new(),
    };
    Some((name, text(left)?))
}

fn int(left: &mut &[u8], prefix: u32) -> Option<usize> {
    let mask = (1usize << prefix) - 1;
    let mut value = usize::from(*left.split_off_first()?) & mask;
    if value == mask {
        for shift in (0..28).step_by(7) {
            let byte = usize::from(*left.split_off_first()?);
            value += (byte & 0x7f) << shift;
            if byte < 0x80 {
                return Some(value);
            }
        }
        return None;
    }
    Some(value)
}

fn text(left: &mut &[u8]) -> Option<String> {
    let is_huffman = *left.first()? >= 0x80;
    let len = int(left, 7)?;
    let bytes = left.split_off(..len)?;
    Some(if is_huffman { huffman(bytes) } else { String::from_utf8_lossy(bytes).into_owned() })
}

fn huffman(bytes: &[u8]) -> String {
    let mut bits = bytes.iter().flat_map(|byte| (0..8).rev().map(move |at| u32::from(byte >> at & 1)));
    let mut text = String::new();
    while let Some(letter) = letter(&mut bits) {
        text.push(letter);
    }
    text
}

/// Codes of a length follow each other; the first of the next length is the one after the last, with zeros behind.
fn letter(bits: &mut impl Iterator<Item = u32>) -> Option<char> {
    let (mut code, mut len, mut first) = (0, 0, 0);
    for (code_len, letters) in HUFFMAN {
        first <<= code_len - len;
        while len < code_len {
            (code, len) = (code << 1 | bits.next()?, len + 1);
        }
        if let Some(letter) = letters.get((code - first) as usize) {
            return Some(char::from(*letter));
        }
        first += u32::try_from(letters.len()).unwrap_or_default();
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn huffman_codes_are_those_of_the_examples_in_the_rfc() {
        let bytes = [0xf1, 0xe3, 0xc2, 0xe5, 0xf2, 0x3a, 0x6b, 0xa0, 0xab, 0x90, 0xf4, 0xff];
        assert_eq!(huffman(&bytes), "www.example.com");
        assert_eq!(huffman(&[0xa8, 0xeb, 0x10, 0x64, 0x9c, 0xbf]), "no-cache");
        let date = [
            0xd0, 0x7a, 0xbe, 0x94, 0x10, 0x54, 0xd4, 0x44, 0xa8, 0x20, 0x05, 0x95, 0x04, 0x0b, 0x81, 0x66,
            0xe0, 0x82, 0xa6, 0x2d, 0x1b, 0xff,
        ];
        assert_eq!(huffman(&date), "Mon, 21 Oct 2013 20:13:21 GMT");
    }

    #[test]
    fn status_is_found_among_headers_of_every_form() {
        let mut block = vec![0x88, 0x20];
        // With an indexed name, and literal names with and without indexing; lengths that need a second byte.
        block.extend([0x5f, 16]);
        block.extend(b"application/grpc");
        block.extend([0x40, 11]);
        block.extend(b"grpc-status");
        block.extend([2, b'1', b'4']);
        put_literal(&mut block, "grpc-message", &"too many ".repeat(30));
        let said = Said { status: Some(14), message: "too many ".repeat(30) };
        assert_eq!(read(&block), said);
    }

    #[test]
    fn cut_blocks_are_read_as_far_as_they_go() {
        let mut block = vec![0x88];
        put_literal(&mut block, "grpc-status", "14");
        for len in 0..block.len() {
            assert_eq!(read(&block[..len]), Said::default());
        }
    }
}
