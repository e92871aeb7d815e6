//! Which resources a request is about.

use std::{collections::BTreeSet, sync::Arc};

use mainsheet_api::{
    codec::suggestion,
    generated::mainsheet::v1 as pb,
    key::Key,
    kind::{Kind, TYPE_URL_PREFIX},
    resource::SourceName,
    selector::LabelSelector,
    view::View,
    wire,
};
use mainsheet_cache::HeldEntry;
use tonic::Status;

use super::error::bad_request;
use crate::auth::{Sight, sight::Door};

/// The namespace of what does not say one.
const DEFAULT_NAMESPACE: &str = "default";

/// A selection that can be asked about keys and resources.
#[derive(Clone, Debug, Default)]
pub(super) struct Selected {
    /// Of these kinds; `None`: of all.
    kinds: Option<BTreeSet<Kind>>,
    /// In these namespaces; `None`: in all.
    namespaces: Option<BTreeSet<Arc<str>>>,
    name: Option<Arc<str>>,
    labels: LabelSelector,
    source: Option<SourceName>,
    /// What of it is shown to whoever asks; `None`: everything.
    view: Option<View>,
}

impl Selected {
    /// Reads what a request says; `None` selects everything.
    pub(super) fn of(selection: Option<pb::Selection>) -> Result<Self, Status> {
        let pb::Selection { kinds, namespaces, name, label_selector, source } = selection.unwrap_or_default();
        let kinds =
            kinds.iter().map(|text| kind("selection.kinds", text)).collect::<Result<BTreeSet<_>, _>>()?;
        let labels = label_selector.parse();
        let namespaces: BTreeSet<Arc<str>> = namespaces.into_iter().map(Arc::from).collect();
        Ok(Self {
            kinds: Some(kinds).filter(|kinds| !kinds.is_empty()),
            namespaces: Some(namespaces).filter(|namespaces| !namespaces.is_empty()),
            name: some(name),
            labels: labels.map_err(|why| bad_request("selection.label_selector", format!("{why}")))?,
            source: some(source).map(SourceName),
            view: None,
        })
    }

    /// As far as a caller may see it through a door.
    ///
    /// # Errors
    /// Where it names kinds or namespaces of which the caller sees nothing.
    pub(super) fn seen_by(self, sight: &Sight, door: Door) -> Result<Self, Status> {
        sight.check_asked(door, self.kinds.as_ref(), self.namespaces.as_ref())?;
        let view = sight.view(door);
        Ok(Self { view: Some(view).filter(|view| !view.is_everything()), ..self })
    }

    /// Whether whoever asks may see what has this key.
    pub(super) fn shows(&self, key: &Key) -> bool {
        self.view.as_ref().is_none_or(|view| view.shows(key))
    }

    /// What whoever asks may see.
    pub(super) fn view(&self) -> View {
        self.view.clone().unwrap_or_else(View::everything)
    }

    /// Those of them that whoever asks may see.
    pub(super) fn shown(&self, hidden: Vec<HeldEntry>) -> Vec<HeldEntry> {
        hidden.into_iter().filter(|found| self.shows(&found.held.key)).collect()
    }

    /// The layer that is meant, instead of what is served.
    pub(super) fn source(&self) -> Option<&SourceName> {
        self.source.as_ref()
    }

    /// Whether it selects everything that is served.
    pub(super) fn is_everything(&self) -> bool {
        let Self { kinds, namespaces, name, labels, source, view } = self;
        kinds.is_none()
            && namespaces.is_none()
            && name.is_none()
            && labels.is_empty()
            && source.is_none()
            && view.is_none()
    }

    /// The namespaces in which a kind is asked for; `None`: all. What has no namespaces is meant wherever one is said, if its kind
    /// is named: to a list of all that is in a namespace it does not belong.
    fn asked(&self, kind: Kind) -> Option<&BTreeSet<Arc<str>>> {
        let is_meant_all_the_same = !kind.info().namespaced && self.names_kind(kind);
        self.namespaces.as_ref().filter(|_| !is_meant_all_the_same)
    }

    /// The namespaces in which to look for a kind, in order; `None`: all.
    pub(super) fn namespaces(&self, kind: Kind) -> Option<BTreeSet<Arc<str>>> {
        let shown = self.view.as_ref().and_then(|view| view.of_kind(kind).namespaces());
        let shown: Option<BTreeSet<_>> = shown.map(|namespaces| namespaces.cloned().collect());
        match (self.asked(kind), shown) {
            (Some(asked), Some(shown)) => Some(asked.intersection(&shown).cloned().collect()),
            (asked, shown) => asked.cloned().or(shown),
        }
    }

    /// The name that is looked for; `None`: all.
    pub(super) fn name(&self) -> Option<&str> {
        self.name.as_deref()
    }

    /// Whether labels matter.
    pub(super) fn asks_for_labels(&self) -> bool {
        !self.labels.is_empty()
    }

    /// Whether what has this key may be selected, by everything but its labels.
    pub(super) fn has_key(&self, key: &Key) -> bool {
        self.has_kind(key.kind)
            && self.asked(key.kind).is_none_or(|namespaces| namespaces.contains(&key.namespace))
            && self.name.as_ref().is_none_or(|name| *name == key.name)
            && self.shows(key)
    }

    /// Whether a resource is selected. Whose layer it is in does not matter: that is where the caller looks.
    pub(super) fn has(&self, found: &HeldEntry) -> bool {
        self.has_key(&found.held.key) && self.has_labels(&found.entry.any)
    }

    /// Whether labels of an entry with these bytes are selected.
    pub(super) fn has_labels(&self, any: &[u8]) -> bool {
        if self.labels.is_empty() {
            return true;
        }
        let labels = wire::labels(any);
        self.labels.matches(|key| labels.get(key).copied())
    }

    /// Whether a kind is named, and not only one of all.
    pub(super) fn names_kind(&self, kind: Kind) -> bool {
        self.kinds.as_ref().is_some_and(|kinds| kinds.contains(&kind))
    }

    /// Whether to look in a kind.
    pub(super) fn has_kind(&self, kind: Kind) -> bool {
        self.kinds.as_ref().is_none_or(|kinds| kinds.contains(&kind))
            && self.view.as_ref().is_none_or(|view| !view.of_kind(kind).is_nothing())
    }

    /// The same for equal selections, however they are written, and whoever asks.
    pub(super) fn canonical(&self) -> String {
        format!("{:?}", Self { view: None, ..self.clone() })
    }
}

fn some(text: String) -> Option<Arc<str>> {
    (!text.is_empty()).then(|| Arc::from(text))
}

/// The kind that a request names in `field`: by name, plural or short name, or by a type URL.
pub(super) fn kind(field: &str, text: &str) -> Result<Kind, Status> {
    let of_message = || Kind::of_message(text.strip_prefix(TYPE_URL_PREFIX)?);
    let found = Kind::of_argument(text).or_else(|| Kind::of_type_url(text)).or_else(of_message);
    found.ok_or_else(|| {
        let rows = || Kind::all().map(|kind| kind.info());
        let known = rows().map(|row| row.name).chain(rows().map(|row| row.plural));
        bad_request(field, format!("no kind is called `{text}`; {}", suggestion(text, known)))
    })
}

/// The key that a request gives in `field`.
pub(super) fn key(
    field: &str,
    given: Option<pb::ResourceKey>,
    default_namespace: &str,
) -> Result<Key, Status> {
    let Some(pb::ResourceKey { kind: written, namespace, name, scope }) = given else {
        return Err(bad_request(field, "is missing"));
    };
    let kind = kind(&format!("{field}.kind"), &written)?;
    if name.is_empty() {
        return Err(bad_request(&format!("{field}.name"), "is missing"));
    }
    let named = [&*namespace, default_namespace, DEFAULT_NAMESPACE].into_iter().find(|name| !name.is_empty());
    Ok(Key { scope: scope.into(), ..Key::new(kind, named.unwrap_or(DEFAULT_NAMESPACE), name) })
}

#[cfg(test)]
mod tests {
    use mainsheet_api::{
        resource::{Provenance, Resource, Terms},
        time::Timestamp,
        version::Revision,
        view::Audience,
        wire::{Any, Entry},
    };
    use mainsheet_cache::snapshot::Held;

    use super::*;

    fn found(key: Key, labels: &[(&str, &str)]) -> HeldEntry {
        let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        let resource = Resource {
            key: key.clone(),
            labels: labels.iter().map(owned).collect(),
            annotations: [].into(),
            body: Any { type_url: "type.googleapis.com/x".to_owned(), value: [].as_slice().into() },
            upstream_version: None,
        };
        let entry = Entry::encode(&resource, Timestamp(1));
        let held = Held {
            source: SourceName::api(),
            key,
            version: entry.version.clone(),
            created: Timestamp(1),
            provenance: Provenance::default(),
            audience: Audience::everyone(),
            warnings: Vec::new(),
            terms: Terms::default(),
            changed: Revision(1),
        };
        HeldEntry { held: Arc::new(held), entry }
    }

    fn selected(selection: pb::Selection) -> Selected {
        Selected::of(Some(selection)).unwrap()
    }

    #[test]
    fn all_conditions_must_hold() {
        let route = found(Key::new(Kind::VIRTUAL_SERVICE, "shop", "a"), &[("app", "web")]);
        let all = pb::Selection {
            kinds: vec!["dr".into(), "vs".into()],
            namespaces: vec!["default".into(), "shop".into()],
            name: "a".into(),
            label_selector: "app in (web, db)".into(),
            source: String::new(),
        };
        assert!(selected(all.clone()).has(&route) && selected(pb::Selection::default()).has(&route));
        for one_is_wrong in [
            pb::Selection { kinds: vec!["gateways".into()], ..all.clone() },
            pb::Selection { namespaces: vec!["sho".into()], ..all.clone() },
            pb::Selection { name: "b".into(), ..all.clone() },
            pb::Selection { label_selector: "!app".into(), ..all.clone() },
        ] {
            assert!(!selected(one_is_wrong.clone()).has(&route), "{one_is_wrong:?}");
        }
    }

    #[test]
    fn kinds_are_found_by_every_name_that_they_have() {
        for text in [
            "vs",
            "VirtualService",
            "virtualservices",
            "networking.istio.io/v1beta1/VirtualService",
            "type.googleapis.com/istio.networking.v1alpha3.VirtualService",
        ] {
            assert_eq!(kind("kind", text).unwrap(), Kind::VIRTUAL_SERVICE, "{text}");
        }
        let url = "type.googleapis.com/envoy.config.cluster.v3.Cluster";
        assert_eq!(kind("kind", url).unwrap(), Kind::CLUSTER);
    }

    #[test]
    fn unknown_kind_is_refused_with_what_was_meant() {
        let refused = kind("selection.kinds", "virtualservcies").unwrap_err();
        assert_eq!(refused.code(), tonic::Code::InvalidArgument);
        assert_eq!(
            refused.message(),
            "selection.kinds: no kind is called `virtualservcies`; did you mean `virtualservices`?"
        );
        let refused = Selected::of(Some(pb::Selection { label_selector: "a,".into(), ..Default::default() }));
        assert_eq!(
            refused.unwrap_err().message(),
            "selection.label_selector: at character 3: ends where the key of a label should stand"
        );
    }

    #[test]
    fn namespace_is_the_given_one_then_the_requests_default_then_default() {
        let given = |namespace: &str| {
            Some(pb::ResourceKey {
                kind: "vs".into(),
                namespace: namespace.into(),
                name: "a".into(),
                ..Default::default()
            })
        };
        let namespace = |given, default| key("key", given, default).unwrap().namespace.to_string();
        assert_eq!(namespace(given("shop"), "other"), "shop");
        assert_eq!(namespace(given(""), "other"), "other");
        assert_eq!(namespace(given(""), ""), "default");
        assert_eq!(key("key", None, "").unwrap_err().message(), "key: is missing");
    }
}
