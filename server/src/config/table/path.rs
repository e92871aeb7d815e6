//! The settings that a path can have of its own, in the file.

use super::{DEFAULT_NAMESPACE, TTL, UNKNOWN_FIELDS};
use crate::config::{
    ServedPath,
    text::{read_bool, read_label, read_word},
    ttl::{read_ttl, write_ttl},
};

/// One that can also be set for a path of its own, in the file.
#[derive(Debug)]
pub struct PathSetting {
    /// That of the setting for all paths.
    pub name: &'static str,
    /// The value as text, where there is one.
    pub get: fn(&ServedPath) -> Option<String>,
    /// Reads a text, as [`Setting::set`](super::Setting::set) does.
    pub set: fn(&mut ServedPath, &str) -> Result<(), String>,
}

/// Every setting that a path can have of its own.
pub static PATH_SETTINGS: &[PathSetting] = &[
    PathSetting {
        name: DEFAULT_NAMESPACE,
        get: |path| path.default_namespace.clone(),
        set: |path, text| {
            path.default_namespace = Some(read_label(text)?);
            Ok(())
        },
    },
    PathSetting {
        name: UNKNOWN_FIELDS,
        get: |path| path.unknown_fields.as_ref().map(ToString::to_string),
        set: |path, text| {
            path.unknown_fields = Some(read_word(text)?);
            Ok(())
        },
    },
    PathSetting {
        name: TTL,
        get: |path| path.ttl.as_ref().map(write_ttl),
        set: |path, text| {
            path.ttl = Some(read_ttl(text)?);
            Ok(())
        },
    },
    PathSetting {
        name: "authority",
        get: |path| path.authority.then(|| "true".to_owned()),
        set: |path, text| {
            path.authority = read_bool(text)?;
            Ok(())
        },
    },
];
