//! Kinds that are not known here: a row for each type URL that was written to or read from a store. Rows are only ever
//! added, so that a [`Kind`] stays a small number that is looked up without a lock.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{OnceLock, PoisonError, RwLock},
};

use super::{Absence, BodyPlace, Family, KINDS, Kind, KindInfo};
use crate::limits::{
    OPAQUE_KINDS_MAX, OPAQUE_KINDS_STORED_MAX, OPAQUE_KINDS_TRIED_MAX, OPAQUE_TYPE_URL_BYTES_MAX,
};

/// The group of all of them, by which stored keys and access rules name them.
pub const OPAQUE_GROUP: &str = "opaque.mainsheet.io";

/// What the type of a question about the server itself begins with. No kind is called so.
pub const INSPECTION_PREFIX: &str = "istio.io/debug";

/// A message whose content must not be readable by whoever may read configuration.
const SECRET: &str = ".Secret";

static TABLE: Table = Table::new();

/// Rows in the order in which they turned up, which shows nowhere.
struct Table {
    rows: [OnceLock<KindInfo>; OPAQUE_KINDS_STORED_MAX + OPAQUE_KINDS_TRIED_MAX],
    made: RwLock<Made>,
}

/// The kinds that have rows.
struct Made {
    by_type_url: BTreeMap<&'static str, Kind>,
    /// Those of which nothing was ever written, only tried, by index: they take no place of those that may be.
    tried: BTreeSet<usize>,
}

impl Made {
    fn kept(&self) -> usize {
        self.by_type_url.len() - self.tried.len()
    }
}

/// Why nothing can be written under a type URL.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// It is no type URL.
    #[error("`{0}` is no type URL")]
    Malformed(String),
    /// It is too long.
    #[error("a type URL of {0} bytes is too long")]
    Long(usize),
    /// What it names is known here.
    #[error("`{0}` is of a kind that is known here, {1}")]
    Known(String, Kind),
    /// The server itself answers it.
    #[error("`{0}` is answered by the server itself")]
    Inspection(String),
    /// It is a secret.
    #[error("`{0}` is a secret")]
    Secret(String),
    /// There are too many kinds that are not known here.
    #[error(
        "`{0}` would be one type too many of those that are not known here: there are {OPAQUE_KINDS_MAX}"
    )]
    Full(String),
    /// Too many kinds that are not known here were only tried.
    #[error(
        "`{0}` would be one type too many of those that dry runs name: there are {OPAQUE_KINDS_TRIED_MAX}"
    )]
    FullOfTried(String),
}

impl Refused {
    /// What would be right.
    #[must_use]
    pub fn remedy(&self) -> String {
        match self {
            Self::Malformed(_) => {
                "write it as clients ask for it, in printable ASCII with a `/` in it: `example.com/v1/Widget` or \
                 `type.googleapis.com/example.Widget`"
                    .to_owned()
            }
            Self::Long(_) => format!("at most {OPAQUE_TYPE_URL_BYTES_MAX} bytes are taken"),
            Self::Known(_, kind) => {
                format!("apply it as a {kind}: as a document, or as a typed resource, so that it is validated")
            }
            Self::Inspection(_) => "choose another type URL".to_owned(),
            Self::Secret(_) => {
                "secrets are refused until they are protected on their way; give Envoy files for them".to_owned()
            }
            Self::Full(_) => {
                "use one of the types that there are; one that has no resources any more makes room at the next start"
                    .to_owned()
            }
            Self::FullOfTried(_) => {
                "dry runs take types that are there until the next start; writing it is not refused for this".to_owned()
            }
        }
    }
}

/// For a write.
pub(super) fn written(type_url: &str) -> Result<Kind, Refused> {
    check(type_url)?;
    TABLE.keep(type_url, OPAQUE_KINDS_MAX).ok_or_else(|| Refused::Full(type_url.to_owned()))
}

/// For a write that is not made.
pub(super) fn tried(type_url: &str) -> Result<Kind, Refused> {
    check(type_url)?;
    TABLE.try_out(type_url)
}

/// For what is stored, which was written once: read however many there are by now.
pub(super) fn stored(type_url: &str) -> Option<Kind> {
    TABLE.keep(type_url, OPAQUE_KINDS_STORED_MAX)
}

pub(super) fn of_type_url(url: &str) -> Option<Kind> {
    TABLE.get(url)
}

pub(super) fn info(kind: Kind) -> &'static KindInfo {
    TABLE.rows[kind.index() - KINDS.len()].get().expect("a kind is made with its row")
}

impl Table {
    const fn new() -> Self {
        Self {
            rows: [const { OnceLock::new() }; OPAQUE_KINDS_STORED_MAX + OPAQUE_KINDS_TRIED_MAX],
            made: RwLock::new(Made { by_type_url: BTreeMap::new(), tried: BTreeSet::new() }),
        }
    }

    fn get(&self, type_url: &str) -> Option<Kind> {
        self.made.read().unwrap_or_else(PoisonError::into_inner).by_type_url.get(type_url).copied()
    }

    /// The kind of a type URL, to be written or as it was; made where fewer than `len_max` are.
    fn keep(&self, type_url: &str, len_max: usize) -> Option<Kind> {
        let mut made = self.made.write().unwrap_or_else(PoisonError::into_inner);
        let known = made.by_type_url.get(type_url).copied();
        if let Some(kind) = known.filter(|kind| !made.tried.contains(&kind.index())) {
            return Some(kind);
        }
        if made.kept() >= len_max {
            return None;
        }
        let kind = known.or_else(|| self.add(&mut made, type_url))?;
        made.tried.remove(&kind.index());
        Some(kind)
    }

    /// The kind of a type URL, as long as it could be kept.
    fn try_out(&self, type_url: &str) -> Result<Kind, Refused> {
        let mut made = self.made.write().unwrap_or_else(PoisonError::into_inner);
        let known = made.by_type_url.get(type_url).copied();
        if let Some(kind) = known.filter(|kind| !made.tried.contains(&kind.index())) {
            return Ok(kind);
        }
        if made.kept() >= OPAQUE_KINDS_MAX {
            return Err(Refused::Full(type_url.to_owned()));
        }
        if let Some(kind) = known {
            return Ok(kind);
        }
        let is_full = made.tried.len() >= OPAQUE_KINDS_TRIED_MAX;
        let kind = if is_full { None } else { self.add(&mut made, type_url) };
        let kind = kind.ok_or_else(|| Refused::FullOfTried(type_url.to_owned()))?;
        made.tried.insert(kind.index());
        Ok(kind)
    }

    /// The next row.
    fn add(&self, made: &mut Made, type_url: &str) -> Option<Kind> {
        let len = made.by_type_url.len();
        let row = self.rows.get(len)?;
        let kind = Kind(u16::try_from(KINDS.len() + len).ok()?);
        let name: &'static str = Box::leak(type_url.into());
        row.get_or_init(|| row_of(name));
        made.by_type_url.insert(name, kind);
        Some(kind)
    }
}

fn row_of(type_url: &'static str) -> KindInfo {
    KindInfo {
        name: type_url,
        group: OPAQUE_GROUP,
        versions: &["v1"],
        message: "",
        plural: "",
        short: "",
        family: Family::Opaque,
        absence: Absence::Deletes,
        rank: u8::MAX,
        from_documents: false,
        namespaced: true,
        place: BodyPlace::Spec,
    }
}

pub(super) fn check(type_url: &str) -> Result<(), Refused> {
    let text = || type_url.to_owned();
    if type_url.len() > OPAQUE_TYPE_URL_BYTES_MAX {
        return Err(Refused::Long(type_url.len()));
    }
    let parts_are_right = type_url.contains('/') && type_url.split('/').all(|part| !part.is_empty());
    if !parts_are_right || !type_url.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(Refused::Malformed(text()));
    }
    if let Some(kind) = super::BY_TYPE_URL.get(type_url) {
        return Err(Refused::Known(text(), *kind));
    }
    if let Some(rest) = type_url.strip_prefix(INSPECTION_PREFIX)
        && (rest.is_empty() || rest.starts_with('/'))
    {
        return Err(Refused::Inspection(text()));
    }
    if type_url.contains("/envoy.") && type_url.ends_with(SECRET) {
        return Err(Refused::Secret(text()));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn type_urls_that_are_refused_say_what_would_be_right() {
        let long = format!("example.com/{}", "x".repeat(OPAQUE_TYPE_URL_BYTES_MAX));
        for (url, expected) in [
            ("Widget", "is no type URL"),
            ("", "is no type URL"),
            ("/Widget", "is no type URL"),
            ("example.com/", "is no type URL"),
            ("example.com//Widget", "is no type URL"),
            ("example.com/v1/Wid get", "is no type URL"),
            ("example.com/v1/W\u{e9}", "is no type URL"),
            (&long, "too long"),
            ("networking.istio.io/v1/VirtualService", "known here, VirtualService"),
            ("type.googleapis.com/envoy.config.cluster.v3.Cluster", "known here, Cluster"),
            ("istio.io/debug", "by the server itself"),
            ("istio.io/debug/syncz", "by the server itself"),
            ("type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.Secret", "is a secret"),
        ] {
            let refused = Kind::opaque(url).expect_err(url);
            assert!(refused.to_string().contains(expected), "{url}: {refused}");
            assert!(!refused.remedy().is_empty(), "{url}");
            assert_eq!(Kind::of_type_url(url).filter(|kind| kind.is_opaque()), None, "{url}");
        }
    }

    #[test]
    fn writes_make_so_many_and_stores_some_more() {
        let table = Table::new();
        let url = |number: usize| format!("many.example/{number}");
        let made = (0..2 * OPAQUE_KINDS_MAX).filter_map(|at| table.keep(&url(at), OPAQUE_KINDS_MAX)).count();
        assert_eq!(made, OPAQUE_KINDS_MAX);
        assert_eq!(
            table.keep(&url(0), OPAQUE_KINDS_MAX),
            table.get(&url(0)),
            "what is there can be written on"
        );
        let read = (0..2 * OPAQUE_KINDS_STORED_MAX)
            .filter_map(|at| table.keep(&url(at), OPAQUE_KINDS_STORED_MAX))
            .count();
        assert_eq!(read, OPAQUE_KINDS_STORED_MAX);
        assert_eq!(table.get(&url(OPAQUE_KINDS_STORED_MAX)), None);
    }

    #[test]
    fn what_is_only_tried_takes_no_place_of_what_is_written_or_stored() {
        let table = Table::new();
        let url = |number: usize| format!("tried.example/{number}");
        let tried: Vec<_> = (0..OPAQUE_KINDS_TRIED_MAX).map(|at| table.try_out(&url(at)).unwrap()).collect();
        assert_eq!(table.try_out(&url(0)), Ok(tried[0]));
        let one_more = url(OPAQUE_KINDS_TRIED_MAX);
        assert_eq!(table.try_out(&one_more), Err(Refused::FullOfTried(one_more)));

        let written =
            (0..OPAQUE_KINDS_MAX).map(|at| table.keep(&format!("written.example/{at}"), OPAQUE_KINDS_MAX));
        assert!(written.last().unwrap().is_some());
        assert_eq!(table.keep(&url(0), OPAQUE_KINDS_MAX), None);
        assert_eq!(table.try_out(&url(0)), Err(Refused::Full(url(0))), "as writing it would be");
        let stored = (OPAQUE_KINDS_MAX..OPAQUE_KINDS_STORED_MAX)
            .map(|at| table.keep(&format!("stored.example/{at}"), OPAQUE_KINDS_STORED_MAX));
        assert!(stored.last().unwrap().is_some());
    }

    #[test]
    fn what_was_tried_and_is_written_makes_room_for_another_to_be_tried() {
        let table = Table::new();
        let url = |number: usize| format!("tried.example/{number}");
        let tried: Vec<_> = (0..OPAQUE_KINDS_TRIED_MAX).map(|at| table.try_out(&url(at)).unwrap()).collect();
        assert_eq!(table.keep(&url(3), OPAQUE_KINDS_MAX), Some(tried[3]));
        assert_eq!(table.try_out(&url(3)), Ok(tried[3]));
        table.try_out(&url(OPAQUE_KINDS_TRIED_MAX)).unwrap();
    }

    #[test]
    fn order_is_of_type_urls_whichever_came_first() {
        let kinds =
            ["order.example/c", "order.example/a", "order.example/b"].map(|url| Kind::opaque(url).unwrap());
        let mut sorted = kinds;
        sorted.sort();
        assert_eq!(
            sorted.map(|kind| kind.info().name),
            ["order.example/a", "order.example/b", "order.example/c"]
        );
        assert!(kinds.iter().all(|kind| *kind > Kind::VALIDATION_RULE && *kind > Kind::VIRTUAL_SERVICE));
    }

    #[test]
    fn kind_is_found_by_what_it_is_written_as_and_stored_as() {
        let kind = Kind::opaque("found.example/v1/Widget").unwrap();
        assert_eq!(Kind::of_type_url("found.example/v1/Widget"), Some(kind));
        assert_eq!(Kind::of_argument("found.example/v1/Widget"), Some(kind));
        assert_eq!(Kind::of_argument("found.example/v1/widget"), None, "type URLs differ by case");
        assert_eq!(Kind::of_stored(OPAQUE_GROUP, "found.example/v1/Widget"), Some(kind));
        assert_eq!(Kind::opaque("found.example/v1/Widget"), Ok(kind));
        assert_eq!(kind.type_url(), "found.example/v1/Widget");
        assert!(Kind::all().all(|known| known != kind));
    }
}
