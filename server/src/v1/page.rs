//! Where the next page begins: opaque to clients, and of no use for another request than the one that it came from.

use std::fmt::Write as _;

use mainsheet_api::version::{Digest, Revision};
use prost::Message as _;
use tonic::Status;

use super::error::bad_request;

/// Of the form below; a later one gets another.
const FORMAT: u32 = 1;

/// What a token says.
#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct PageToken {
    #[prost(uint32, tag = "1")]
    format: u32,
    /// Of what was asked for, without which page.
    #[prost(string, tag = "2")]
    request: String,
    /// The state that all pages are of.
    #[prost(uint64, tag = "3")]
    revision: u64,
    /// What the page before ended with.
    #[prost(string, repeated, tag = "4")]
    place: Vec<String>,
}

impl PageToken {
    /// For the page behind a place of the answer to a request.
    pub(super) fn new(request: &str, revision: Revision, place: impl IntoIterator<Item = String>) -> Self {
        Self {
            format: FORMAT,
            request: digest(request),
            revision: revision.0,
            place: place.into_iter().collect(),
        }
    }

    pub(super) fn revision(&self) -> u64 {
        self.revision
    }

    pub(super) fn place(&self) -> &[String] {
        &self.place
    }

    /// As the client gets it.
    pub(super) fn text(&self) -> String {
        let bytes = self.encode_to_vec();
        let check = digest_of(&bytes);
        bytes.iter().chain(check.as_bytes()[..CHECK_LEN].iter()).fold(String::new(), |mut text, byte| {
            let _ = write!(text, "{byte:02x}");
            text
        })
    }

    /// From what a client gives for the next page of a request; `None` where it asks for the first.
    pub(super) fn read(text: &str, request: &str) -> Result<Option<Self>, Status> {
        if text.is_empty() {
            return Ok(None);
        }
        let refused = |what: &str| bad_request("page_token", what);
        let token = parse(text)
            .ok_or_else(|| refused("not a token of this server; leave it empty for the first page"))?;
        if token.format != FORMAT {
            return Err(refused("of another version of mainsheet; begin with the first page again"));
        }
        if token.request != digest(request) {
            return Err(refused("of another request; ask for the same as for the page before"));
        }
        Ok(Some(token))
    }
}

/// Bytes behind a token by which a damaged one is told.
const CHECK_LEN: usize = 8;

fn parse(text: &str) -> Option<PageToken> {
    let digits = text.as_bytes().chunks(2);
    let byte = |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok();
    let bytes: Vec<u8> = digits.map(byte).collect::<Option<_>>()?;
    let (message, check) = bytes.split_at_checked(bytes.len().checked_sub(CHECK_LEN)?)?;
    let is_whole = digest_of(message).as_bytes()[..CHECK_LEN] == *check;
    PageToken::decode(message).ok().filter(|_| is_whole)
}

fn digest(request: &str) -> String {
    digest_of(request.as_bytes())
}

fn digest_of(bytes: &[u8]) -> String {
    Digest::of([bytes]).to_string()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn refusal(text: &str, request: &str) -> String {
        PageToken::read(text, request).unwrap_err().message().to_owned()
    }

    #[test]
    fn wrong_tokens_say_how_they_are_wrong() {
        let token = PageToken::new("vs of shop", Revision(7), ["a".to_owned()]);
        assert!(refusal(&token.text(), "dr of shop").contains("another request"));
        assert!(refusal("zz", "x").contains("not a token"));
        assert!(refusal("ä", "x").contains("not a token"));
        assert!(refusal(&token.text()[2..], "vs of shop").contains("not a token"));
        let newer = PageToken { format: FORMAT + 1, ..token };
        assert!(refusal(&newer.text(), "vs of shop").contains("another version"));
        assert_eq!(PageToken::read("", "x").unwrap(), None);
    }

    proptest! {
        #[test]
        fn token_is_read_as_it_was_written(request in ".{0,20}", revision: u64, place in prop::collection::vec(".{0,20}", 0..4)) {
            let token = PageToken::new(&request, Revision(revision), place);
            prop_assert_eq!(PageToken::read(&token.text(), &request).unwrap(), Some(token));
        }

        #[test]
        fn damaged_token_is_refused(place in ".{0,20}", at: prop::sample::Index, digit in 0..16_u8) {
            let text = PageToken::new("x", Revision(7), [place]).text();
            let mut damaged = text.clone().into_bytes();
            let at = at.index(damaged.len());
            damaged[at] = b"0123456789abcdef"[usize::from(digit)];
            let damaged = String::from_utf8(damaged).unwrap();
            prop_assert_eq!(PageToken::read(&damaged, "x").is_err(), damaged != text);
        }

        #[test]
        fn any_text_is_refused(text in ".{1,40}") {
            prop_assert!(PageToken::read(&text, "x").is_err());
        }
    }
}
