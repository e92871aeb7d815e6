//! `/debug/configz`, which istiod and mainsheet have in one shape: what a process holds.

use std::collections::BTreeMap;

use anyhow::{Context, Result};
use serde_json::Value;

use crate::http;

/// What a process holds: (kind, namespace/name) to version and spec.
pub type Configz = BTreeMap<(String, String), (String, Value)>;

/// What `/debug/configz` of a port shows; an error where it is no list.
pub async fn configz(port: u16) -> Result<Configz> {
    let listed = http::get_json(port, "/debug/configz").await?;
    let text = |entry: &Value, path: &str| {
        entry.pointer(path).and_then(Value::as_str).unwrap_or_default().to_owned()
    };
    let entries = listed.as_array().context("configz is no list")?;
    Ok(entries
        .iter()
        .map(|entry| {
            let name = format!("{}/{}", text(entry, "/metadata/namespace"), text(entry, "/metadata/name"));
            let version = text(entry, "/metadata/resourceVersion");
            ((text(entry, "/kind"), name), (version, entry["spec"].clone()))
        })
        .collect())
}
