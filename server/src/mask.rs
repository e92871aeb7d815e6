//! What looks secret in a text, hidden: pure, and the one place that says what does.
//!
//! Hidden are values whose key sounds secret, PEM blocks, JSON web tokens, bearer tokens, and who logs in by a URL. Too much is
//! hidden rather than too little; a secret that looks like any other word can't be told from one.

use std::sync::LazyLock;

use regex::{Captures, Regex};
use serde_json::Value;

/// What stands in place of a secret.
pub(crate) const MASK: &str = "***";

/// Parts of a key that say that its value is secret, wherever they stand in it.
const SECRET_PARTS: [&str; 8] =
    ["token", "passw", "passphrase", "secret", "credential", "authorization", "apikey", "privatekey"];

/// Words that say so only where they stand alone: a `monkey` is none.
const SECRET_WORDS: [&str; 4] = ["key", "keys", "private", "pwd"];

/// Keys of Istio's that only sound like it: a kind, and the name of a Secret.
const HARMLESS: [&str; 2] = ["authorizationpolicy", "credentialname"];

static PEM: LazyLock<Regex> =
    LazyLock::new(|| regex(r"(?s)-----BEGIN [A-Z0-9 ]+-----.*?(?:-----END [A-Z0-9 ]+-----|\z)"));
static URL_USER: LazyLock<Regex> = LazyLock::new(|| regex(r#"([A-Za-z][A-Za-z0-9+.-]*://)[^\s/"'<>]*@"#));
static BEARER: LazyLock<Regex> = LazyLock::new(|| regex(r#"(?i)\b(bearer)\s+[^\s"',;\\]+"#));
static WEB_TOKEN: LazyLock<Regex> = LazyLock::new(|| regex(r"eyJ[A-Za-z0-9_-]{5,}(?:\.[A-Za-z0-9_-]*)*"));
/// A key, and what parts it from its value.
static KEY: LazyLock<Regex> =
    LazyLock::new(|| regex(r#"(?P<key>[A-Za-z0-9_./-]+)\\*["']?[ \t]*(?P<sign>[:=])[ \t]*"#));
/// The same where a list has the keys as names, as environment variables are written.
static NAMED: LazyLock<Regex> = LazyLock::new(|| {
    regex(concat!(
        r#"\bname\\*["']?\s*:\s*\\*["']?(?P<key>[A-Za-z0-9_./-]+)\\*["']?[\s,]+"#,
        r#"\\*["']?value\\*["']?\s*(?P<sign>:)\s*"#
    ))
});
/// A value: quoted within a quoted text, quoted, or not.
static VALUE: LazyLock<Regex> = LazyLock::new(|| {
    regex(concat!(
        r#"^(?:(?P<escaped>\\+["'].*?(?:\\+["']|\n|\z))|(?P<double>"(?:[^"\\]|\\.)*"?)"#,
        r#"|(?P<single>'[^']*'?)|(?P<bare>[^\s"'\\][^\n]*))"#
    ))
});
/// A line of YAML whose value is in the lines below it.
static BLOCK: LazyLock<Regex> = LazyLock::new(|| {
    regex(r#"^[ \t]*(?:- +)*["']?(?P<key>[A-Za-z0-9_./-]+)["']?[ \t]*:[ \t]*(?:[|>][^\s]*)?[ \t]*(?:#.*)?$"#)
});

fn regex(pattern: &str) -> Regex {
    Regex::new(pattern).expect("patterns here are constants, which the tests use")
}

/// The text with what looks secret replaced by [`MASK`]. JSON stays JSON, written anew.
#[must_use]
pub(crate) fn mask(text: &str) -> String {
    match serde_json::from_str::<Value>(text) {
        Ok(value @ (Value::Object(_) | Value::Array(_))) => format!("{:#}\n", masked(value)),
        _ => mask_text(text),
    }
}

/// Whether the value of such a key is secret.
fn is_secret(key: &str) -> bool {
    // Of `mesh.example/api_token`, `api_token` says what it is.
    let own = key.rsplit('/').next().unwrap_or(key);
    let squeezed: String = own.chars().filter(char::is_ascii_alphanumeric).collect::<String>().to_lowercase();
    if HARMLESS.contains(&&*squeezed) {
        return false;
    }
    SECRET_PARTS.iter().any(|part| squeezed.contains(part))
        || words(own).iter().any(|word| SECRET_WORDS.contains(&&**word))
}

/// `tlsPrivate_key` is `tls`, `private`, `key`.
fn words(key: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut was_lower = false;
    for letter in key.chars() {
        if !letter.is_ascii_alphanumeric() || (letter.is_ascii_uppercase() && was_lower) {
            words.push(String::new());
        }
        was_lower = letter.is_ascii_lowercase() || letter.is_ascii_digit();
        if let (true, Some(word)) = (letter.is_ascii_alphanumeric(), words.last_mut()) {
            word.push(letter.to_ascii_lowercase());
        }
    }
    words
}

fn masked(value: Value) -> Value {
    match value {
        Value::String(text) => Value::String(leaf(&text)),
        Value::Array(items) => items.into_iter().map(masked).collect(),
        Value::Object(fields) => {
            // As environment variables are written: {"name": "PASSWORD", "value": "…"}.
            let names_secret = fields.get("name").and_then(Value::as_str).is_some_and(is_secret);
            let field = |(key, value): (String, Value)| {
                let is_hidden = is_secret(&key) || (names_secret && key == "value");
                (mask_text(&key), if is_hidden { hidden(value) } else { masked(value) })
            };
            Value::Object(fields.into_iter().map(field).collect())
        }
        plain => plain,
    }
}

/// A text may be a document of its own, as in `last-applied-configuration`.
fn leaf(text: &str) -> String {
    match serde_json::from_str::<Value>(text) {
        Ok(value @ (Value::Object(_) | Value::Array(_))) => masked(value).to_string(),
        _ => mask_text(text),
    }
}

/// Everything of a value but its shape.
fn hidden(value: Value) -> Value {
    match value {
        Value::Array(items) => items.into_iter().map(hidden).collect(),
        Value::Object(fields) => {
            Value::Object(fields.into_iter().map(|(key, value)| (mask_text(&key), hidden(value))).collect())
        }
        Value::String(_) | Value::Number(_) => MASK.into(),
        plain => plain,
    }
}

/// The same of what is no JSON.
#[must_use]
pub(crate) fn mask_text(text: &str) -> String {
    let text = PEM.replace_all(text, MASK);
    let text = blocks(&text);
    let text = URL_USER.replace_all(&text, "${1}***@");
    let text = WEB_TOKEN.replace_all(&text, MASK);
    let text = BEARER.replace_all(&text, "$1 ***");
    pairs(&pairs(&text, &NAMED), &KEY)
}

/// Lines below a key that sounds secret, and further in than it, or its list.
fn blocks(text: &str) -> String {
    let mut kept = String::with_capacity(text.len());
    // How far in the key stands whose block this is.
    let mut within: Option<usize> = None;
    for line in text.split_inclusive('\n') {
        let depth = line.len() - line.trim_start_matches([' ', '\t']).len();
        let rest = line.trim();
        if let Some(of_key) = within {
            if rest.is_empty() || depth > of_key || (depth == of_key && rest.starts_with('-')) {
                continue;
            }
            within = None;
        }
        kept.push_str(line);
        let key = BLOCK.captures(line.trim_end_matches(['\n', '\r'])).and_then(|found| found.name("key"));
        if let Some(key) = key.filter(|key| is_secret(key.as_str())) {
            within = Some(key.start());
            kept.push_str(&format!("{}{MASK}\n", " ".repeat(key.start() + 2)));
        }
    }
    kept
}

fn pairs(text: &str, keys: &Regex) -> String {
    let mut kept = String::with_capacity(text.len());
    let mut at = 0;
    // The value of a key that is not secret may hold pairs of its own: only secret ones are looked at.
    while let Some(found) = keys.captures_at(text, at) {
        let end = found.get_match().end();
        kept.push_str(&text[at..end]);
        at = end;
        if is_secret(&found["key"])
            && let Some(value) = VALUE.captures(&text[end..])
        {
            let (instead, len) = instead(&value, &found["sign"] == "=");
            kept.push_str(instead);
            at += len;
        }
    }
    kept + &text[at..]
}

/// What stands for a secret value, and how long that is. `key: value` goes on to the end of its line, spaces included; of
/// `key=value` there may be several on one.
fn instead(value: &Captures<'_>, is_assigned: bool) -> (&'static str, usize) {
    let all = value.get_match().as_str();
    if value.name("double").is_some() {
        return ("\"***\"", all.len());
    }
    if value.name("single").is_some() {
        return ("'***'", all.len());
    }
    let ends = |c: char| is_assigned && (c.is_whitespace() || "&,;)}]".contains(c));
    let len = if value.name("bare").is_some() { all.find(ends) } else { None };
    (MASK, len.unwrap_or(all.len()))
}

#[cfg(test)]
mod tests;
