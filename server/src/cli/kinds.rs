//! Kinds and resources as people write them on a command line.

use std::{ffi::OsStr, fmt};

use clap::{
    Arg, Command,
    builder::{PossibleValue, TypedValueParser},
};
use mainsheet_api::{
    codec::nearest,
    kind::{Kind, TYPE_URL_PREFIX},
};

/// For clap: a kind by name, plural or short name. Help and completion show the plurals.
#[derive(Clone)]
pub(super) struct KindParser;

impl TypedValueParser for KindParser {
    type Value = Kind;

    fn parse_ref(&self, command: &Command, arg: Option<&Arg>, value: &OsStr) -> Result<Kind, clap::Error> {
        (|text: &str| Kind::of_argument(text).ok_or_else(|| unknown(text))).parse_ref(command, arg, value)
    }

    fn possible_values(&self) -> Option<Box<dyn Iterator<Item = PossibleValue> + '_>> {
        Some(Box::new(Kind::all().map(|kind| PossibleValue::new(kind.info().plural))))
    }
}

/// What is wrong with a text that names no kind.
pub(super) fn unknown(text: &str) -> String {
    let plurals = || Kind::all().map(|kind| kind.info().plural);
    let words = Kind::all().flat_map(|kind| [kind.info().plural, kind.info().name]);
    let meant = nearest(text, words).and_then(Kind::of_argument).map(|kind| kind.info().plural);
    let hint = meant.map_or(String::new(), |meant| format!(", did you mean `{meant}`?"));
    format!("no such kind: `{text}`{hint}; known are: {}", plurals().collect::<Vec<_>>().join(", "))
}

/// As kubectl names a resource: `virtualservice.networking.istio.io`.
pub(super) fn qualified(kind: Kind) -> String {
    let row = kind.info();
    format!("{}.{}", row.name.to_ascii_lowercase(), row.group)
}

/// A kind as a command line names it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum NamedKind {
    /// One of the table.
    Known(Kind),
    /// Known by its type URL only.
    Opaque(String),
}

impl NamedKind {
    /// By kind, plural or short name, or by type URL.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let known = Kind::of_argument(text).or_else(|| Kind::of_type_url(text));
        let known = known.filter(|kind| !kind.is_opaque());
        known.map(Self::Known).or_else(|| is_type_url(text).then(|| Self::Opaque(text.to_owned())))
    }

    /// As requests of `mainsheet.v1` and their answers name it.
    pub(super) fn of_answer(text: &str) -> Self {
        Self::parse(text).unwrap_or_else(|| Self::Opaque(text.to_owned()))
    }

    /// As requests of `mainsheet.v1` name it.
    pub(super) fn in_request(&self) -> String {
        match self {
            Self::Known(kind) => kind.info().name.to_owned(),
            Self::Opaque(url) => url.clone(),
        }
    }

    /// As kubectl names a resource of it, in front of the resource's name.
    pub(super) fn qualified(&self) -> String {
        match self {
            Self::Known(kind) => qualified(*kind),
            Self::Opaque(url) => url.clone(),
        }
    }
}

/// Its plural, as sentences name it.
impl fmt::Display for NamedKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Known(kind) => f.write_str(kind.info().plural),
            Self::Opaque(url) => f.write_str(url),
        }
    }
}

/// `type.googleapis.com/a.Message` or `group/version/Kind`.
fn is_type_url(text: &str) -> bool {
    match text.strip_prefix(TYPE_URL_PREFIX) {
        Some(message) => !message.is_empty() && !message.contains('/'),
        None => {
            let parts: Vec<&str> = text.split('/').collect();
            parts.len() == 3 && parts[0].contains('.') && parts.iter().all(|part| !part.is_empty())
        }
    }
}

/// Which resources a command is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Targets {
    /// All of some kinds; of every kind where none is named.
    Kinds(Vec<NamedKind>),
    /// These.
    Named(Vec<(NamedKind, String)>),
}

impl Targets {
    /// Of arguments as kubectl takes them: `KIND[,KIND...] [NAME...]`, `KIND/NAME...` or `all`.
    ///
    /// # Errors
    /// Says what is wrong, and what would be right.
    pub(super) fn parse(arguments: &[String]) -> Result<Self, String> {
        let (first, names) = arguments.split_first().ok_or("no kind is named")?;
        if is_pair(first) {
            return arguments
                .iter()
                .map(|argument| pair(argument))
                .collect::<Result<_, _>>()
                .map(Self::Named);
        }
        if let Some(mixed) = names.iter().find(|name| is_pair(name)) {
            return Err(format!("`{mixed}` stands among names: write KIND NAME..., or KIND/NAME for each"));
        }
        let kinds = kinds(first)?;
        match (names.is_empty(), kinds.is_empty()) {
            (true, _) => Ok(Self::Kinds(kinds)),
            (false, true) => Err(format!("names need a kind: `{first}` stands for all of them")),
            (false, false) => {
                let of_kind = |kind: &NamedKind| {
                    let kind = kind.clone();
                    names.iter().map(move |name| (kind.clone(), name.clone())).collect::<Vec<_>>()
                };
                Ok(Self::Named(kinds.iter().flat_map(of_kind).collect()))
            }
        }
    }
}

/// Whether an argument is KIND/NAME.
fn is_pair(argument: &str) -> bool {
    argument.contains('/') && argument.split(',').any(|part| part.contains('/') && !is_type_url(part))
}

fn pair(argument: &str) -> Result<(NamedKind, String), String> {
    match argument.rsplit_once('/') {
        Some((kind, name)) if !kind.is_empty() && !name.is_empty() => Ok((one(kind)?, name.to_owned())),
        _ => Err(format!("`{argument}` is no KIND/NAME, as the arguments beside it are")),
    }
}

/// The kinds of a list with commas; none for `all`.
fn kinds(list: &str) -> Result<Vec<NamedKind>, String> {
    if list.eq_ignore_ascii_case("all") {
        return Ok(Vec::new());
    }
    let mut kinds = Vec::new();
    for part in list.split(',').filter(|part| !part.is_empty()) {
        let kind = one(part)?;
        if !kinds.contains(&kind) {
            kinds.push(kind);
        }
    }
    if kinds.is_empty() { Err(unknown(list)) } else { Ok(kinds) }
}

fn one(text: &str) -> Result<NamedKind, String> {
    NamedKind::parse(text).ok_or_else(|| unknown(text))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn targets(arguments: &[&str]) -> Result<Targets, String> {
        Targets::parse(&arguments.iter().map(ToString::to_string).collect::<Vec<_>>())
    }

    fn vs() -> NamedKind {
        NamedKind::Known(Kind::VIRTUAL_SERVICE)
    }

    fn dr() -> NamedKind {
        NamedKind::Known(Kind::DESTINATION_RULE)
    }

    #[test]
    fn kinds_come_as_a_list_and_once_each() {
        assert_eq!(targets(&["vs"]), Ok(Targets::Kinds(vec![vs()])));
        assert_eq!(targets(&["vs,DestinationRule,virtualservices"]), Ok(Targets::Kinds(vec![vs(), dr()])));
        assert_eq!(targets(&["all"]), Ok(Targets::Kinds(Vec::new())));
    }

    #[test]
    fn names_are_of_every_kind_in_front_of_them() {
        let named = |kind, name: &str| (kind, name.to_owned());
        assert_eq!(
            targets(&["vs,dr", "a", "b"]),
            Ok(Targets::Named(vec![named(vs(), "a"), named(vs(), "b"), named(dr(), "a"), named(dr(), "b")]))
        );
        assert_eq!(targets(&["vs/a", "dr/b"]), Ok(Targets::Named(vec![named(vs(), "a"), named(dr(), "b")])));
    }

    #[test]
    fn type_urls_are_kinds_with_slashes() {
        let secret = "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.Secret";
        let opaque = NamedKind::Opaque(secret.to_owned());
        assert_eq!(targets(&[secret]), Ok(Targets::Kinds(vec![opaque.clone()])));
        let named = vec![(opaque, "a".to_owned())];
        assert_eq!(targets(&[secret, "a"]), Ok(Targets::Named(named.clone())));
        assert_eq!(targets(&[&format!("{secret}/a")]), Ok(Targets::Named(named)));
        assert_eq!(targets(&["networking.istio.io/v1/VirtualService"]), Ok(Targets::Kinds(vec![vs()])));
    }

    #[test]
    fn mistakes_say_what_would_be_right() {
        for (arguments, said) in [
            (&[][..], "no kind is named"),
            (
                &["virtualservce"],
                "no such kind: `virtualservce`, did you mean `virtualservices`?; known are: ",
            ),
            (&["DestinationRul"], "no such kind: `DestinationRul`, did you mean `destinationrules`?; known"),
            (&["pods"], "no such kind: `pods`; known are: trafficextensions, "),
            (&["vs,"], ""),
            (&[","], "no such kind: `,`"),
            (&["all", "a"], "names need a kind: `all` stands for all of them"),
            (&["vs", "dr/b"], "`dr/b` stands among names: write KIND NAME..., or KIND/NAME for each"),
            (&["vs/a", "b"], "`b` is no KIND/NAME, as the arguments beside it are"),
            (&["vs/"], "`vs/` is no KIND/NAME"),
            (&["pods/a"], "no such kind: `pods`"),
        ] {
            let told = targets(arguments).map_or_else(|mistake| mistake, |_| String::new());
            assert!(told.starts_with(said) && told.is_empty() == said.is_empty(), "{arguments:?}: {told}");
        }
    }
}
