//! Keys of the status area: parts between slashes, in which nothing else is one.

use std::borrow::Cow;

/// These parts as one text.
pub(crate) fn joined<'a>(parts: impl IntoIterator<Item = &'a str>) -> String {
    parts.into_iter().map(escaped).collect::<Vec<_>>().join("/")
}

/// The parts of a text, if it has just so many.
pub(crate) fn parts<const LEN: usize>(text: &str) -> Option<[String; LEN]> {
    <[String; LEN]>::try_from(text.split('/').map(unescaped).collect::<Vec<_>>()).ok()
}

/// As one part, without a slash or a space in it.
pub(crate) fn escaped(part: &str) -> Cow<'_, str> {
    if part.contains(['%', '/', ' ']) {
        Cow::Owned(part.replace('%', "%25").replace('/', "%2F").replace(' ', "%20"))
    } else {
        Cow::Borrowed(part)
    }
}

/// What [`escaped`] was made of.
pub(crate) fn unescaped(part: &str) -> String {
    part.replace("%20", " ").replace("%2F", "/").replace("%25", "%")
}
