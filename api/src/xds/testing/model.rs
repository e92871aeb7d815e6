//! What there is, as plainly as it can be said.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use prost::Message;

use super::pinned::Pinned;
use crate::{
    key::Key,
    kind::{Family, Kind, TYPE_URL_PREFIX},
    resource::Resource,
    time::Timestamp,
    version::{Digest, ResourceVersion},
    view::{self, Audience, Grant, Kinds, Namespaces, View},
    wire::{Any, Entry},
    xds::{Variant, catalog::Catalog},
};

/// A change of what there is: a resource, or none any more.
pub type Edit = (Key, Option<Resource>);

/// Makes a catalog of each state. Entries must be made by [`Entry::encode`] with the timestamp 0.
pub trait World {
    /// What it makes.
    type Catalog: Catalog;

    /// The state after these changes; with none, the same state as before.
    fn commit(&mut self, edits: &[Edit]) -> Self::Catalog;
}

/// A resource whose body says `value`, in the form of its kind.
#[must_use]
pub fn resource(key: Key, value: &str) -> Resource {
    #[derive(Clone, PartialEq, Message)]
    struct Body {
        #[prost(string, tag = "1")]
        name: String,
        #[prost(string, tag = "1000")]
        value: String,
    }
    let body = Body { name: key.wire_name(), value: value.to_owned() };
    Resource {
        body: Any {
            type_url: format!("{TYPE_URL_PREFIX}{}", key.kind.info().message),
            value: body.encode_to_vec().into(),
        },
        key,
        labels: BTreeMap::new(),
        annotations: BTreeMap::new(),
        upstream_version: None,
    }
}

/// The state that the server is given, kept apart from it, with versions as the client knows them.
#[derive(Debug)]
pub(super) struct Model {
    variant: Variant,
    entries: BTreeMap<Key, Entry>,
    /// Versions that the client refuses, each with its value.
    bad: BTreeMap<ResourceVersion, u8>,
    pub(super) pinned: Pinned,
    /// Whether what the client refuses is another one each time, so that none comes back that was gone when it said so.
    pub(super) is_bad_once: bool,
    edits: usize,
}

/// Names and versions of one kind.
pub(super) type Names = BTreeMap<Arc<str>, ResourceVersion>;

const KINDS: [Kind; 4] = [Kind::VIRTUAL_SERVICE, Kind::CLUSTER, Kind::ENDPOINTS, Kind::LISTENER];
/// And one that is not known here.
pub(super) const KINDS_LEN: u8 = 5;
const NAMESPACES_LEN: u8 = 2;
const NAMESPACES: [&str; NAMESPACES_LEN as usize] = ["a", "b"];
const NAMES_PER_NAMESPACE: u8 = 3;

/// Values from this one on are refused by the client.
const BAD: u8 = 6;
/// Values of which it says the name of what it refuses.
const NAMED: u8 = 7;

/// How many resources there can be.
pub(super) const SLOTS: u8 = KINDS_LEN * NAMESPACES_LEN * NAMES_PER_NAMESPACE;

/// The kinds of the schedule, by number.
pub(super) fn kind(number: u8) -> Kind {
    let known = KINDS.get(usize::from(number % KINDS_LEN)).copied();
    known.unwrap_or_else(|| {
        Kind::opaque("example.com/v1/Widget").expect("one kind of the few in this process")
    })
}

/// A key by number. Only Istio's kinds have a namespace in their names: the names of others have it here.
pub(super) fn key(slot: u8) -> Key {
    let namespace = NAMESPACES[usize::from(slot / KINDS_LEN % NAMESPACES_LEN)];
    let number = slot / (KINDS_LEN * NAMESPACES_LEN) % NAMES_PER_NAMESPACE;
    let kind = kind(slot % KINDS_LEN);
    let name = match kind.info().family {
        Family::Istio => number.to_string(),
        Family::Envoy | Family::Opaque => format!("{namespace}-{number}"),
    };
    Key::new(kind, namespace, name)
}

/// The names of a kind that a set of bits stands for.
pub(super) fn names(kind_number: u8, bits: u8) -> BTreeSet<String> {
    let slots = (0..SLOTS).filter(|slot| slot % KINDS_LEN == kind_number % KINDS_LEN);
    slots.enumerate().filter(|(bit, _)| bits >> bit & 1 == 1).map(|(_, slot)| key(slot).wire_name()).collect()
}

/// A view by number: which namespaces are seen, of which only the resource with the number 1, and of which those of Envoy's
/// kinds.
pub(super) fn view(bits: u8) -> View {
    let only = |part: u8| {
        let namespaces = NAMESPACES.iter().enumerate().filter(|(bit, _)| bits >> part >> bit & 1 == 1);
        Namespaces::Only(namespaces.map(|(_, name)| Arc::from(*name)).collect())
    };
    let ones = ["1", "a-1", "b-1"].map(Arc::from).into();
    let envoy = Kinds::Group(Kind::CLUSTER.info().group.into());
    View::of([
        Grant { kinds: Kinds::All, namespaces: only(0), names: view::Names::All },
        Grant { kinds: Kinds::All, namespaces: only(2), names: view::Names::Only(ones) },
        Grant { kinds: envoy, namespaces: only(4), names: view::Names::All },
    ])
}

impl Model {
    pub(super) fn new(variant: Variant) -> Self {
        Self {
            variant,
            entries: BTreeMap::new(),
            bad: BTreeMap::new(),
            pinned: Pinned::default(),
            is_bad_once: false,
            edits: 0,
        }
    }

    /// The edit that gives a slot this value, or takes it away.
    pub(super) fn edit(&mut self, slot: u8, value: Option<u8>) -> Edit {
        let key = key(slot);
        let Some(value) = value else {
            if let Some(entry) = self.entries.remove(&key) {
                self.pinned.retain(|kind, name| (kind, name) != (key.kind, &entry.name));
            }
            return (key, None);
        };
        self.edits += 1;
        let text = match value >= BAD && self.is_bad_once {
            true => format!("{value} {}", self.edits),
            false => value.to_string(),
        };
        let resource = resource(key.clone(), &text);
        let mut entry = Entry::encode(&resource, Timestamp::default());
        let served = entry.version.clone();
        // In SotW what is sent bare comes without a version of its own.
        if self.variant == Variant::Sotw && key.kind.info().family != Family::Istio {
            entry.version = Digest::of([&resource.body.value[..]]).into();
        }
        if value >= BAD {
            self.bad.insert(entry.version.clone(), value);
        }
        self.pinned.on_edit((key.kind, &entry), served);
        self.entries.insert(key.clone(), entry);
        (key, Some(resource))
    }

    /// The slots whose resource the client refuses.
    pub(super) fn bad_slots(&self) -> Vec<u8> {
        let is_bad =
            |slot: &u8| self.entries.get(&key(*slot)).is_some_and(|entry| self.is_bad(&entry.version));
        (0..SLOTS).filter(is_bad).collect()
    }

    pub(super) fn is_bad(&self, version: &ResourceVersion) -> bool {
        self.bad.contains_key(version)
    }

    /// Whether the client says the names of what it refuses of this value.
    pub(super) fn is_named(&self, version: &ResourceVersion) -> bool {
        self.bad.get(version) == Some(&NAMED)
    }

    /// There is another view.
    pub(super) fn on_view(&mut self, view: &View) {
        let shown: BTreeMap<_, _> =
            Kind::all().chain([kind(KINDS_LEN - 1)]).map(|kind| (kind, self.served(kind, view))).collect();
        self.pinned.retain(|kind, name| shown[&kind].contains_key(name));
    }

    /// What a client of a view is to hold of a kind: what the view shows, but for pins.
    pub(super) fn visible(&self, kind: Kind, view: &View) -> BTreeMap<Arc<str>, Entry> {
        self.pinned.over(kind, self.served(kind, view))
    }

    /// What a view shows of a kind.
    pub(super) fn served(&self, kind: Kind, view: &View) -> BTreeMap<Arc<str>, Entry> {
        let everyone = Audience::everyone();
        let shown = self.entries.iter().filter(|(key, _)| key.kind == kind && view.sees(key, &everyone));
        shown.map(|(_, entry)| (entry.name.clone(), entry.clone())).collect()
    }
}
