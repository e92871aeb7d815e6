//! HTTP/2 as a client of one stream reads and writes it. DATA is handed on in the pieces in which it arrives, and nothing of
//! it is kept: a client that waits takes some hundred bytes.

use anyhow::{Result, bail, ensure};

/// The only stream: a connection has one.
const STREAM: u32 = 1;

/// Bytes of a frame at most: what a client takes that does not say otherwise.
const FRAME_BYTES_MAX: usize = 16 << 10;

const HEAD: usize = 9;

const DATA: u8 = 0;
const HEADERS: u8 = 1;
const RST_STREAM: u8 = 3;
const SETTINGS: u8 = 4;
const PING: u8 = 6;
const GOAWAY: u8 = 7;
const WINDOW_UPDATE: u8 = 8;
const CONTINUATION: u8 = 9;

const ACK: u8 = 1;
const END_STREAM: u8 = 1;
const END_HEADERS: u8 = 4;
const PADDED: u8 = 8;
const PRIORITY: u8 = 0x20;

/// A frame, or a piece of one.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Frame<'a> {
    /// A piece of what is transferred, and whether it is the last.
    Data(&'a [u8], bool),
    /// A block of headers or trailers.
    Headers(&'a [u8]),
    Settings,
    Ping([u8; 8]),
    /// The stream was ended with this error.
    Reset(u32),
    /// No new streams: the reason, and what is said of it.
    GoAway(u32, &'a [u8]),
    /// Nothing to do.
    Other,
}

/// Takes bytes apart.
#[derive(Debug, Default)]
pub(super) struct Frames {
    head: [u8; HEAD],
    head_len: usize,
    /// Bytes of the frame's payload that are still to come.
    left: usize,
    /// The payload so far, of a frame that is no DATA.
    payload: Vec<u8>,
}

impl Frames {
    /// The next frame, or piece, in `bytes`, which is moved on behind it; `None` once all are taken.
    pub(super) fn next<'a, 'b: 'a>(&'a mut self, bytes: &mut &'b [u8]) -> Result<Option<Frame<'a>>> {
        if self.head_len < HEAD {
            let part = take(bytes, HEAD - self.head_len);
            self.head[self.head_len..self.head_len + part.len()].copy_from_slice(part);
            self.head_len += part.len();
            if self.head_len < HEAD {
                return Ok(None);
            }
            self.begin()?;
        }
        let part = take(bytes, self.left);
        self.left -= part.len();
        let (kind, flags, is_whole) = (self.head[3], self.head[4], self.left == 0);
        if is_whole {
            self.head_len = 0;
        } else if part.is_empty() {
            return Ok(None);
        }
        if kind == DATA {
            return Ok(Some(Frame::Data(part, is_whole && flags & END_STREAM != 0)));
        }
        self.payload.extend_from_slice(part);
        Ok(if is_whole { Some(control(kind, flags, &self.payload)?) } else { None })
    }

    fn begin(&mut self) -> Result<()> {
        let [a, b, c, kind, flags, ..] = self.head;
        self.left = usize::from(a) << 16 | usize::from(b) << 8 | usize::from(c);
        self.payload.clear();
        ensure!(
            self.left <= FRAME_BYTES_MAX,
            "a frame of {} bytes, where {FRAME_BYTES_MAX} are allowed",
            self.left
        );
        let is_plain = match kind {
            DATA => flags & PADDED == 0,
            HEADERS => flags & (PADDED | PRIORITY) == 0 && flags & END_HEADERS != 0,
            _ => kind != CONTINUATION,
        };
        ensure!(is_plain, "a frame of kind {kind} with flags {flags:#x}, which is not understood here");
        Ok(())
    }
}

fn take<'a>(bytes: &mut &'a [u8], at_most: usize) -> &'a [u8] {
    let (part, rest) = bytes.split_at(bytes.len().min(at_most));
    *bytes = rest;
    part
}

fn control(kind: u8, flags: u8, payload: &[u8]) -> Result<Frame<'_>> {
    let code =
        |at: usize| payload.get(at..at + 4).and_then(|code| code.try_into().ok()).map(u32::from_be_bytes);
    Ok(match (kind, code(0), code(4)) {
        (HEADERS, ..) => Frame::Headers(payload),
        (SETTINGS, ..) if flags & ACK == 0 => Frame::Settings,
        (PING, ..) if flags & ACK == 0 => Frame::Ping(payload.try_into()?),
        (RST_STREAM, Some(code), _) => Frame::Reset(code),
        (GOAWAY, _, Some(code)) => Frame::GoAway(code, &payload[8..]),
        (RST_STREAM | GOAWAY, ..) => bail!("a frame of kind {kind} with {} bytes", payload.len()),
        _ => Frame::Other,
    })
}

/// What a client begins a connection with: that it takes no pushes, and may be sent so many bytes.
pub(super) fn put_preface(out: &mut Vec<u8>, window: u32) {
    const ENABLE_PUSH: u16 = 2;
    const INITIAL_WINDOW_SIZE: u16 = 4;
    const DEFAULT_WINDOW: u32 = 65_535;
    out.extend_from_slice(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
    put_head(out, 12, (SETTINGS, 0), 0);
    for (setting, value) in [(ENABLE_PUSH, 0), (INITIAL_WINDOW_SIZE, window)] {
        out.extend_from_slice(&setting.to_be_bytes());
        out.extend_from_slice(&value.to_be_bytes());
    }
    if window > DEFAULT_WINDOW {
        put_increment(out, 0, window - DEFAULT_WINDOW);
    }
}

pub(super) fn put_headers(out: &mut Vec<u8>, block: &[u8]) {
    put_head(out, block.len(), (HEADERS, END_HEADERS), STREAM);
    out.extend_from_slice(block);
}

/// In as many frames as it takes.
pub(super) fn put_data(out: &mut Vec<u8>, data: &[u8]) {
    for part in data.chunks(FRAME_BYTES_MAX) {
        put_head(out, part.len(), (DATA, 0), STREAM);
        out.extend_from_slice(part);
    }
}

pub(super) fn put_settings_ack(out: &mut Vec<u8>) {
    put_head(out, 0, (SETTINGS, ACK), 0);
}

pub(super) fn put_pong(out: &mut Vec<u8>, payload: [u8; 8]) {
    put_head(out, payload.len(), (PING, ACK), 0);
    out.extend_from_slice(&payload);
}

/// The server may send so many bytes more, on the stream and on the connection.
pub(super) fn put_window(out: &mut Vec<u8>, increment: u32) {
    put_increment(out, 0, increment);
    put_increment(out, STREAM, increment);
}

fn put_increment(out: &mut Vec<u8>, stream: u32, increment: u32) {
    put_head(out, 4, (WINDOW_UPDATE, 0), stream);
    out.extend_from_slice(&increment.to_be_bytes());
}

fn put_head(out: &mut Vec<u8>, len: usize, (kind, flags): (u8, u8), stream: u32) {
    let [.., a, b, c] = u32::try_from(len).unwrap_or(u32::MAX).to_be_bytes();
    out.extend_from_slice(&[a, b, c, kind, flags]);
    out.extend_from_slice(&stream.to_be_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all_of(bytes: &[u8], pieces_of: usize) -> Result<Vec<String>> {
        let (mut frames, mut seen, mut data) = (Frames::default(), Vec::new(), Vec::new());
        for piece in bytes.chunks(pieces_of) {
            let mut left = piece;
            while let Some(frame) = frames.next(&mut left)? {
                match frame {
                    Frame::Data(part, ends) => {
                        data.extend_from_slice(part);
                        if ends {
                            seen.push(format!("data of {} ends", data.len()));
                        }
                    }
                    other => seen.push(format!("{other:?}")),
                }
            }
        }
        seen.push(format!("{} bytes", data.len()));
        Ok(seen)
    }

    #[test]
    fn frames_are_the_same_in_whatever_pieces_they_arrive() {
        let mut bytes = Vec::new();
        put_head(&mut bytes, 6, (SETTINGS, 0), 0);
        bytes.extend([0; 6]);
        put_headers(&mut bytes, b"block");
        put_data(&mut bytes, &vec![7; FRAME_BYTES_MAX + 10]);
        put_head(&mut bytes, 8, (PING, 0), 0);
        bytes.extend(*b"12345678");
        put_pong(&mut bytes, [0; 8]);
        put_window(&mut bytes, 5);
        put_head(&mut bytes, 10, (GOAWAY, 0), 0);
        bytes.extend([0, 0, 0, 1, 0, 0, 0, 11]);
        bytes.extend(*b"no");
        put_head(&mut bytes, 0, (DATA, END_STREAM), STREAM);
        let whole = all_of(&bytes, bytes.len()).unwrap();
        let expected = format!("data of {} ends", FRAME_BYTES_MAX + 10);
        assert!(
            whole.contains(&expected) && whole.iter().any(|frame| frame == "GoAway(11, [110, 111])"),
            "{whole:?}"
        );
        assert_eq!(whole.iter().filter(|frame| *frame == "Other").count(), 3);
        for pieces_of in [1, 2, 8, 9, 10, 1000] {
            assert_eq!(all_of(&bytes, pieces_of).unwrap(), whole, "in pieces of {pieces_of}");
        }
    }

    #[test]
    fn what_is_not_understood_is_an_error() {
        for (kind, flags, len) in
            [(DATA, PADDED, 1), (HEADERS, 0, 1), (CONTINUATION, 0, 1), (DATA, 0, 1 << 20)]
        {
            let mut bytes = Vec::new();
            put_head(&mut bytes, len, (kind, flags), STREAM);
            bytes.push(0);
            assert!(all_of(&bytes, 100).is_err(), "{kind} {flags} {len}");
        }
    }
}
