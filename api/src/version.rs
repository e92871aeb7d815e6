//! What things are versioned by: revisions of the store, versions of resources, digests of content, nonces of
//! responses. Four types, because mixing them up is how distribution servers go wrong (rule 14, rule 18).

use std::{fmt, num::ParseIntError, str::FromStr, sync::Arc};

/// The number of a commit. Grows by at least one with each; zero is the empty store. Never goes back.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Revision(pub u64);

impl Revision {
    /// Before the first commit.
    pub const ZERO: Self = Self(0);

    /// The revision after this one.
    #[must_use]
    pub fn next(self) -> Self {
        Self(self.0 + 1)
    }
}

impl fmt::Display for Revision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl FromStr for Revision {
    type Err = ParseIntError;

    fn from_str(text: &str) -> Result<Self, ParseIntError> {
        text.parse().map(Self)
    }
}

/// The version of one resource: opaque, compared for equality only. Ours is the text of a [`Digest`]; one that an
/// upstream gave is kept as it came.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ResourceVersion(Arc<str>);

impl ResourceVersion {
    /// As a client or an upstream wrote it.
    pub fn new(text: impl Into<Arc<str>>) -> Self {
        Self(text.into())
    }

    /// The text on the wire.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ResourceVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl From<Digest> for ResourceVersion {
    fn from(digest: Digest) -> Self {
        Self::new(digest.to_string())
    }
}

/// 128 bits of BLAKE3 over content. Two equal digests mean equal content.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Digest(u128);

impl Digest {
    /// Of several pieces. Each is hashed with its length, so that ("ab", "c") and ("a", "bc") differ.
    #[must_use]
    pub fn of<'a>(pieces: impl IntoIterator<Item = &'a [u8]>) -> Self {
        let mut hasher = blake3::Hasher::new();
        for piece in pieces {
            hasher.update(&(piece.len() as u64).to_le_bytes());
            hasher.update(piece);
        }
        let mut bytes = [0; 16];
        hasher.finalize_xof().fill(&mut bytes);
        Self(u128::from_be_bytes(bytes))
    }

    /// For a digest over digests.
    #[must_use]
    pub fn to_bytes(self) -> [u8; 16] {
        self.0.to_be_bytes()
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", self.0)
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// The version of a set of entries, whatever their order: the sum of a digest of each (name, version), modulo 2^128.
/// Adding and removing one entry costs one addition, and two servers that hold the same entries agree on it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct VersionSum(u128);

impl VersionSum {
    /// Of no entry.
    pub const EMPTY: Self = Self(0);

    /// Of a single entry.
    #[must_use]
    pub fn of_entry(name: &str, version: &ResourceVersion) -> Self {
        Self(Digest::of([name.as_bytes(), version.as_str().as_bytes()]).0)
    }

    /// Of both sets together.
    #[must_use]
    pub fn plus(self, other: Self) -> Self {
        Self(self.0.wrapping_add(other.0))
    }

    /// Of the entries that are in this set and not in `other`, which must be part of it.
    #[must_use]
    pub fn minus(self, other: Self) -> Self {
        Self(self.0.wrapping_sub(other.0))
    }
}

/// Always 32 characters: a set's version is never empty, not even that of the empty set.
impl fmt::Display for VersionSum {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", self.0)
    }
}

/// Names one response on one stream. Unique on its stream, never reused, says nothing about content.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Nonce(pub String);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sum_is_free_of_order_and_undone_by_minus() {
        let one = VersionSum::of_entry("a/x", &ResourceVersion::new("1"));
        let two = VersionSum::of_entry("a/y", &ResourceVersion::new("1"));
        assert_eq!(one.plus(two), two.plus(one));
        assert_eq!(one.plus(two).minus(one), two);
        assert_ne!(one, two);
    }

    #[test]
    fn version_of_the_empty_set_is_not_empty_text() {
        assert_eq!(VersionSum::EMPTY.to_string().len(), 32);
    }

    #[test]
    fn digest_tells_pieces_apart() {
        assert_ne!(Digest::of([&b"ab"[..], b"c"]), Digest::of([&b"a"[..], b"bc"]));
    }
}
