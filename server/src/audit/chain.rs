//! Lines of which each names the one before it by its hash: pure.
//!
//! A line is an object of JSON: `{"seq":N,"prev":"HASH",` what is told `,"hash":"HASH"}`. Its hash is of its bytes as they are up to
//! that hash, so that nobody has to agree on how JSON is written; the `prev` of the first line is zero.

use std::{fmt, str::FromStr};

/// Bytes of a hash in hexadecimal digits.
const HASH_LEN: usize = 64;

/// What tells, right after its `prev`, that a line is the first of its file.
const OPENS: &str = r#","action":"begun""#;

/// What tells that it is the last.
const CLOSES: &str = r#","action":"rotated""#;

/// A line's BLAKE3 hash.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Hash([u8; 32]);

impl Hash {
    const ZERO: Self = Self([0; 32]);

    fn of(text: &str) -> Self {
        Self(*blake3::hash(text.as_bytes()).as_bytes())
    }
}

impl fmt::Display for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl FromStr for Hash {
    type Err = ();

    /// Only as it is written: other digits for the same number are another line.
    fn from_str(text: &str) -> Result<Self, ()> {
        if text.len() != HASH_LEN || !text.bytes().all(|c| matches!(c, b'0'..=b'9' | b'a'..=b'f')) {
            return Err(());
        }
        let mut hash = Self::ZERO;
        for (byte, digits) in hash.0.iter_mut().zip(text.as_bytes().chunks(2)) {
            let digits = std::str::from_utf8(digits).map_err(|_| ())?;
            *byte = u8::from_str_radix(digits, 16).map_err(|_| ())?;
        }
        Ok(hash)
    }
}

/// How far a chain goes: the number and the hash of its newest line. Written `17:HASH`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Head {
    pub(crate) seq: u64,
    pub(crate) hash: Hash,
}

impl Head {
    /// Before the first line.
    pub(crate) const NONE: Self = Self { seq: 0, hash: Hash::ZERO };
}

impl fmt::Display for Head {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.seq, self.hash)
    }
}

impl FromStr for Head {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let parts =
            text.split_once(':').and_then(|(seq, hash)| Some((seq.parse().ok()?, hash.parse().ok()?)));
        let (seq, hash) =
            parts.ok_or("write NUMBER:HASH, as `mainsheet audit verify` and the server's log print it")?;
        Ok(Self { seq, hash })
    }
}

/// The next line of a chain, with its end of line, and how far the chain goes with it. `body` is an object of JSON that is not
/// empty, on one line.
pub(crate) fn seal(head: Head, body: &str) -> (String, Head) {
    let seq = head.seq + 1;
    let told = body.strip_prefix('{').and_then(|body| body.strip_suffix('}')).unwrap_or(body);
    let mut line = format!(r#"{{"seq":{seq},"prev":"{}",{told}"#, head.hash);
    let hash = Hash::of(&line);
    line += &format!(",\"hash\":\"{hash}\"}}\n");
    (line, Head { seq, hash })
}

/// A line that is what it was when it was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Line {
    pub(crate) head: Head,
    pub(crate) prev: Hash,
    /// Whether it is the first one of its file.
    pub(crate) opens: bool,
    /// Whether it is the last.
    pub(crate) closes: bool,
}

/// Why a line is not what it was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Flaw {
    /// It is none that was ever written.
    NoLine,
    /// Its content is not that of its hash. This is what it says that it is.
    Edited(Line),
}

/// Reads a line, without its end of line.
pub(crate) fn read(line: &[u8]) -> Result<Line, Flaw> {
    let (said, content) = std::str::from_utf8(line).ok().and_then(parse).ok_or(Flaw::NoLine)?;
    if Hash::of(content) == said.head.hash { Ok(said) } else { Err(Flaw::Edited(said)) }
}

/// The number that the first line of a file says that it has, with its end or without.
pub(crate) fn first_seq(line: &[u8]) -> Option<u64> {
    let line = std::str::from_utf8(line).ok()?;
    parse(line.trim_end_matches('\n')).map(|(line, _)| line.head.seq)
}

/// What a line says of itself, and what its hash is of.
fn parse(line: &str) -> Option<(Line, &str)> {
    let (content, hash) = line.strip_suffix("\"}")?.rsplit_once(",\"hash\":\"")?;
    let (seq, rest) = content.strip_prefix("{\"seq\":")?.split_once(',')?;
    let rest = rest.strip_prefix("\"prev\":\"")?;
    let (prev, told) = rest.split_at_checked(HASH_LEN)?;
    let head = Head { seq: seq.parse().ok()?, hash: hash.parse().ok()? };
    // As it was written: `007` and `+7` are other lines.
    let is_written_so = head.seq.to_string() == seq && told.starts_with('"');
    let told = told.strip_prefix('"')?;
    let (opens, closes) = (told.starts_with(OPENS), told.starts_with(CLOSES));
    is_written_so.then_some((Line { head, prev: prev.parse().ok()?, opens, closes }, content))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn line_names_the_one_before_it_and_is_read_back() {
        let (first, head) = seal(Head::NONE, r#"{"action":"begun"}"#);
        let (second, next) = seal(head, r#"{"action":"rotated","at":"x"}"#);
        let line = |text: &str| read(text.trim_end().as_bytes()).unwrap();
        assert_eq!(line(&first), Line { head, prev: Hash::ZERO, opens: true, closes: false });
        assert_eq!(line(&second), Line { head: next, prev: head.hash, opens: false, closes: true });
        assert_eq!((head.seq, next.seq), (1, 2));
        assert_eq!(next.to_string().parse(), Ok(next));
        assert!(serde_json::from_str::<serde_json::Value>(&second).is_ok(), "{second}");
    }

    #[test]
    fn head_is_written_as_it_is_printed_only() {
        let zeros = "0".repeat(HASH_LEN);
        assert_eq!(format!("0:{zeros}").parse(), Ok(Head::NONE));
        for wrong in ["", "1", "x:00", &format!("1:{}", &zeros[1..]), &format!("1:{}A", &zeros[1..])] {
            assert!(wrong.parse::<Head>().is_err(), "{wrong}");
        }
    }
}
