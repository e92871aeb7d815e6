//! What a row of the table is.

use std::fmt;

use crate::config::Settings;

/// One row.
#[derive(Clone, Copy, Debug)]
pub struct Setting {
    /// `grpc-addr`: the flag without its dashes, and the key in the file.
    pub name: &'static str,
    /// How its flag is written.
    pub form: Form,
    /// What it does, for `--help` and the reference.
    pub help: &'static str,
    /// When another value in the config file takes effect.
    pub takes_effect: TakesEffect,
    /// The value as text; [`Setting::set`] reads it back.
    pub get: fn(&Settings) -> String,
    /// Reads a text. The error says what would be right.
    pub set: fn(&mut Settings, &str) -> Result<(), String>,
}

/// How a setting's flag is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// `--flag`, which means `--flag=true`.
    Switch,
    /// `--flag VALUE`, the value being called so in `--help`.
    Value(&'static str),
}

/// From when on another value of the config file counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TakesEffect {
    /// From the next start.
    Restart,
    /// Once a running server reads the file again.
    AtOnce,
    /// For streams that open after that.
    NewStreams,
    /// For connections that open after that.
    NewConnections,
}

impl fmt::Display for TakesEffect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Restart => "after a restart",
            Self::AtOnce => "at once",
            Self::NewStreams => "for new streams",
            Self::NewConnections => "for new connections",
        })
    }
}
