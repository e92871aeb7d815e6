//! What is wrong with the settings, worded for whoever wrote them.

use std::fmt;

use mainsheet_api::verdict::Position;

/// Where a value was given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// Nowhere.
    Default,
    /// In the file.
    File {
        /// As it was named.
        path: String,
        /// Where it stands; all zero for the file as a whole.
        position: Position,
    },
    /// In this environment variable.
    Environment(String),
    /// By this flag.
    Flag(String),
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => f.write_str("default"),
            Self::File { path, position } if position.line == 0 => f.write_str(path),
            Self::File { path, position } => write!(f, "{path}:{position}"),
            Self::Environment(name) => write!(f, "environment variable {name}"),
            Self::Flag(name) => write!(f, "flag {name}"),
        }
    }
}

/// One mistake.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{origin}: {wrong}; {right}")]
pub struct Mistake {
    /// Where the value was given.
    pub origin: Origin,
    /// What is wrong.
    pub wrong: String,
    /// What would be right.
    pub right: String,
}
