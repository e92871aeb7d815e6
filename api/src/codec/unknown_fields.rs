//! What becomes of a document with a field that its kind does not have.

use std::{fmt, str::FromStr};

/// How fields are taken that nothing here knows: slips of the pen, or those of a version newer than this one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum UnknownFields {
    /// They reject the document.
    #[default]
    Strict,
    /// They are left out of the body, with a warning each.
    Warn,
    /// They are left out of the body, silently.
    Ignore,
}

impl UnknownFields {
    const ALL: [Self; 3] = [Self::Strict, Self::Warn, Self::Ignore];

    fn word(self) -> &'static str {
        match self {
            Self::Strict => "strict",
            Self::Warn => "warn",
            Self::Ignore => "ignore",
        }
    }
}

impl fmt::Display for UnknownFields {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

/// The error is what would be right.
impl FromStr for UnknownFields {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let known = Self::ALL.into_iter().find(|known| known.word() == text);
        known.ok_or_else(|| format!("write one of: {}", Self::ALL.map(Self::word).join(", ")))
    }
}
