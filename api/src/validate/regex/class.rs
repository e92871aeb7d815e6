//! Sets of characters and escapes. Each function takes what its name says from the beginning of a text and returns the
//! rest.

/// Names in `[[:alpha:]]`.
const POSIX: [&str; 14] = [
    "alnum", "alpha", "ascii", "blank", "cntrl", "digit", "graph", "lower", "print", "punct", "space",
    "upper", "word", "xdigit",
];

/// Names in `\p{Greek}`: Unicode's scripts, its categories and their long names, in lower case and without separators.
const UNICODE: &str = include_str!("unicode.txt");

fn is_unicode_class(name: &str) -> bool {
    let plain: String =
        name.chars().filter(|c| !matches!(c, '_' | '-' | ' ')).map(|c| c.to_ascii_lowercase()).collect();
    !plain.is_empty() && UNICODE.split_ascii_whitespace().any(|known| known == plain)
}

/// A set in brackets.
pub(super) fn bracketed(text: &str) -> Option<&str> {
    let mut rest = &text[1..];
    rest = rest.strip_prefix('^').unwrap_or(rest);
    let mut first = true; // the first `]` is itself
    loop {
        if !first && let Some(rest) = rest.strip_prefix(']') {
            return Some(rest);
        }
        first = false;
        rest = item(rest)?;
    }
}

/// A character, a range or a class within a set.
fn item(text: &str) -> Option<&str> {
    if let Some((name, rest)) = text.strip_prefix("[:").and_then(|name| name.split_once(":]")) {
        let name = name.strip_prefix('^').unwrap_or(name);
        return POSIX.contains(&name).then_some(rest);
    }
    if text.starts_with('\\')
        && let Some(rest) = class(text)?
    {
        return Some(rest);
    }
    let (low, rest) = member(text)?;
    match rest.strip_prefix('-') {
        Some(high) if !high.is_empty() && !high.starts_with(']') => {
            let (high, rest) = member(high)?;
            (low <= high).then_some(rest)
        }
        _ => Some(rest),
    }
}

/// A character of a set, as it is or escaped.
fn member(text: &str) -> Option<(u32, &str)> {
    let first = text.chars().next()?;
    if first == '\\' { escaped(text) } else { Some((first.into(), &text[first.len_utf8()..])) }
}

/// An escape that stands for several characters. `None`: a wrong one; `Some(None)`: none of those.
#[allow(clippy::option_option)] // wrong is not the same as another
pub(super) fn class(text: &str) -> Option<Option<&str>> {
    let mut chars = text[1..].chars();
    match chars.next()? {
        'd' | 'D' | 's' | 'S' | 'w' | 'W' => Some(Some(chars.as_str())),
        'p' | 'P' => {
            let (name, rest) = match chars.as_str().strip_prefix('{') {
                Some(named) => named.split_once('}')?,
                None => {
                    let length = chars.next()?.len_utf8();
                    text["\\p".len()..].split_at(length)
                }
            };
            is_unicode_class(name.strip_prefix('^').unwrap_or(name)).then_some(Some(rest))
        }
        _ => Some(None),
    }
}

/// An escape that stands for one character.
pub(super) fn character(text: &str) -> Option<&str> {
    escaped(text).map(|(_, rest)| rest)
}

fn escaped(text: &str) -> Option<(u32, &str)> {
    let mut chars = text[1..].chars();
    let first = chars.next()?;
    let rest = chars.as_str();
    match first {
        '0' => Some(octal(&text[1..])),
        // A single digit would be a reference back.
        '1'..='7' if rest.starts_with(|next| matches!(next, '0'..='7')) => Some(octal(&text[1..])),
        'x' => hexadecimal(rest),
        'a' => Some((7, rest)),
        't' => Some((9, rest)),
        'n' => Some((10, rest)),
        'v' => Some((11, rest)),
        'f' => Some((12, rest)),
        'r' => Some((13, rest)),
        _ => (first.is_ascii() && !first.is_ascii_alphanumeric()).then_some((first.into(), rest)),
    }
}

/// Up to three digits.
fn octal(text: &str) -> (u32, &str) {
    let length = text.bytes().take(3).take_while(|byte| matches!(byte, b'0'..=b'7')).count();
    let value = text[..length].bytes().fold(0, |value, digit| value * 8 + u32::from(digit - b'0'));
    (value, &text[length..])
}

/// Two digits, or any number of them in braces.
fn hexadecimal(text: &str) -> Option<(u32, &str)> {
    let (digits, rest) = match text.strip_prefix('{') {
        Some(braced) => braced.split_once('}')?,
        None => text.split_at_checked(2)?,
    };
    let right = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_hexdigit());
    let value = u32::from_str_radix(digits.trim_start_matches('0'), 16);
    let value = if digits.bytes().all(|byte| byte == b'0') { 0 } else { value.ok()? };
    (right && value <= u32::from(char::MAX)).then_some((value, rest))
}
