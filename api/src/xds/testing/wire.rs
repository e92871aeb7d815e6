//! What may be on the wire: looks at every request and response of one stream, and remembers what was said.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use prost::Message;

use super::model::{Model, Names};
use crate::{
    kind::{Absence, Kind},
    time::Uptime,
    version::{Digest, ResourceVersion},
    view::View,
    wire::{Any, Entry},
    xds::{Variant, client::Response, server::Request},
};

/// One response, read.
pub(super) struct Said {
    pub(super) kind: Kind,
    pub(super) nonce: String,
    pub(super) changed: Names,
    pub(super) removed: BTreeSet<Arc<str>>,
}

impl Said {
    /// What it says of each name.
    pub(super) fn names(&self) -> Vec<(Arc<str>, Option<ResourceVersion>)> {
        let changed = self.changed.iter().map(|(name, version)| (name.clone(), Some(version.clone())));
        changed.chain(self.removed.iter().map(|name| (name.clone(), None))).collect()
    }
}

/// Reads a response by means of the client's half.
pub(super) fn said(response: &Response) -> Said {
    use crate::xds::client::{ClientSession, Step, Wanted};
    let (variant, url, removed) = match response {
        Response::Sotw(response) => (Variant::Sotw, &response.type_url, Vec::new()),
        Response::Delta(response) => (Variant::Delta, &response.type_url, response.removed_resources.clone()),
    };
    let mut reader =
        ClientSession::new(variant, Default::default(), vec![(url.as_str().into(), Wanted::Everything)]);
    reader.on_connected();
    let step = reader.on_response(response.clone(), Uptime::default());
    let Step::Apply(update) = step else { panic!("not a response to apply: {step:?}") };
    Said {
        kind: Kind::of_type_url(url).expect("a type that was asked for"),
        nonce: update.nonce.0,
        changed: update.changed.into_iter().map(|resource| (resource.name, resource.version)).collect(),
        removed: removed.into_iter().map(Arc::from).collect(),
    }
}

/// One stream.
pub(super) struct Wire {
    variant: Variant,
    nonces: BTreeSet<String>,
    types: BTreeMap<Kind, Type>,
}

/// One type of it.
#[derive(Default)]
struct Type {
    wildcard: bool,
    /// Whether any name was ever given (rule 33).
    named: bool,
    names: BTreeSet<Arc<str>>,
    /// What was last said of each name; nothing is as good as "gone" for a name that was never spoken of.
    said: BTreeMap<Arc<str>, Option<ResourceVersion>>,
    /// To be said whatever was said before.
    asked: BTreeSet<Arc<str>>,
    asked_any: bool,
    /// Refused together.
    refused: Vec<(BTreeSet<Arc<str>>, bool)>,
    /// Nonce and members of each response that has no answer yet, in order.
    unanswered: Vec<(String, BTreeSet<Arc<str>>)>,
    /// The last complete set.
    set: Option<Names>,
    /// Every entry that a complete set held in its newest response.
    entries: BTreeMap<Arc<str>, Entry>,
}

impl Wire {
    pub(super) fn new(variant: Variant) -> Self {
        Self { variant, nonces: BTreeSet::new(), types: BTreeMap::new() }
    }

    pub(super) fn on_request(&mut self, request: &Request) {
        let (url, nonce, is_nack) = match request {
            Request::Sotw(request) => {
                (&request.type_url, &request.response_nonce, request.error_detail.is_some())
            }
            Request::Delta(request) => {
                (&request.type_url, &request.response_nonce, request.error_detail.is_some())
            }
        };
        let kind = Kind::of_type_url(url).expect("the client asks for known types");
        let is_first = !self.types.contains_key(&kind);
        let spoken = self.types.entry(kind).or_default();
        spoken.answer(nonce, is_nack);
        match request {
            Request::Sotw(request) => spoken.replace(&request.resource_names, kind),
            Request::Delta(request) => {
                if is_first {
                    spoken.asked_any = true;
                    spoken.wildcard = request.resource_names_subscribe.is_empty() && is_legacy(kind);
                }
                spoken.change(&request.resource_names_subscribe, &request.resource_names_unsubscribe);
                if is_first {
                    spoken.resume(&request.initial_resource_versions, kind);
                }
            }
        }
    }

    /// It is clear which members of the response that was just refused were bad: the others go again at once.
    pub(super) fn on_blamed(&mut self, type_url: &str, blamed: &BTreeSet<Arc<str>>) {
        let kind = Kind::of_type_url(type_url).expect("only known types are answered");
        let Some(spoken) = self.types.get_mut(&kind).filter(|_| !blamed.is_empty()) else { return };
        if let Some((members, touched)) = spoken.refused.last_mut() {
            let bad: BTreeSet<_> = members.extract_if(.., |name| blamed.contains(name)).collect();
            *touched = true;
            spoken.refused.push((bad, false));
        }
    }

    /// The server looks at this state, whether or not it has anything to say. In SotW that something is gone can't be
    /// said of some kinds (rule 44); should it come back, it is new.
    pub(super) fn on_render(&mut self, model: &Model, view: &View) {
        if self.variant == Variant::Sotw {
            for (kind, spoken) in &mut self.types {
                let visible = model.visible(*kind, view);
                let Type { said, refused, .. } = spoken;
                for (members, touched) in refused {
                    *touched |=
                        members.iter().any(|name| said.contains_key(name) && !visible.contains_key(name));
                }
                said.retain(|name, _| visible.contains_key(name));
            }
        }
    }

    /// Checks a response against the state of which it must be made: the newest at this moment.
    pub(super) fn on_response(&mut self, response: &Response, model: &Model, view: &View) {
        no_duplicates(response);
        let said = said(response);
        assert!(self.nonces.insert(said.nonce.clone()), "rule 14: nonce {} twice", said.nonce);
        let visible = model.visible(said.kind, view);
        let sendable = self.sendable(&said, &visible);
        let spoken = self.types.get_mut(&said.kind).expect("only what was asked for is answered");
        whole_entries(response, &sendable);
        for (name, version) in &said.changed {
            let current = sendable.get(name).map(|entry| &entry.version);
            assert_eq!(current, Some(version), "{name}: nothing invisible or old is on the wire");
            assert!(spoken.covers(name) || spoken.asked.contains(name), "rule 40: {name} was not asked for");
        }
        for name in &said.removed {
            assert!(!visible.contains_key(name), "{name} is there, and said to be gone");
            let is_known = spoken.said.contains_key(name) || spoken.asked.contains(name);
            assert!(is_known, "rule 55: {name} is none of the client's names");
        }
        match (self.variant, said.kind.info().absence) {
            (Variant::Sotw, Absence::Deletes) => {
                spoken.entries = sendable;
                spoken.entries.retain(|name, _| said.changed.contains_key(name));
                spoken.on_complete(said, &visible);
            }
            _ => spoken.on_change(said, &visible),
        }
    }

    /// What may be in a response: what there is to see, and in SotW what stands for something that is not there.
    fn sendable(&self, said: &Said, visible: &BTreeMap<Arc<str>, Entry>) -> BTreeMap<Arc<str>, Entry> {
        let mut sendable = visible.clone();
        let spoken = &self.types[&said.kind];
        let is_gone = |name: &Arc<str>| !visible.contains_key(name);
        match (self.variant, said.kind.info().absence) {
            // A complete set may go on holding what is gone (rule 79).
            (Variant::Sotw, Absence::Deletes) => {
                let left = spoken.entries.iter().filter(|(name, _)| is_gone(name) && spoken.covers(name));
                sendable.extend(left.map(|(name, entry)| (name.clone(), entry.clone())));
            }
            // Endpoints that do not exist are said to be none (rule 82).
            (Variant::Sotw, Absence::SaysNothing) if said.kind == Kind::ENDPOINTS => {
                let missing = spoken.asked.iter().filter(|name| is_gone(name));
                sendable.extend(missing.map(|name| (name.clone(), empty_assignment(name))));
            }
            _ => {}
        }
        sendable
    }

    /// There is another view: what it does not show is not left to the client.
    pub(super) fn on_view(&mut self, model: &Model, view: &View) {
        for (kind, spoken) in &mut self.types {
            let visible = model.visible(*kind, view);
            spoken.entries.retain(|name, _| visible.contains_key(name));
        }
    }
}

/// As the client knows it, which gives it a version by its bytes.
fn empty_assignment(name: &str) -> Entry {
    #[derive(Clone, PartialEq, Message)]
    struct ClusterLoadAssignment {
        #[prost(string, tag = "1")]
        cluster_name: String,
    }
    let value = ClusterLoadAssignment { cluster_name: name.into() }.encode_to_vec();
    let version = Digest::of([&value[..]]).into();
    let any = Any { type_url: Kind::ENDPOINTS.type_url(), value: value.into() };
    Entry { name: name.into(), version, any: any.encode_to_vec().into(), ttl: None }
}

fn is_legacy(kind: Kind) -> bool {
    kind.info().absence == Absence::Deletes
}

impl Type {
    fn covers(&self, name: &str) -> bool {
        self.wildcard || self.names.contains(name)
    }

    fn answer(&mut self, nonce: &str, is_nack: bool) {
        let Some(index) = self.unanswered.iter().position(|(sent, _)| sent == nonce) else { return };
        let members = self.unanswered.drain(..=index).next_back().map(|(_, members)| members);
        if !is_nack {
            return;
        }
        // What was sent again since, or is not asked for any more, takes the others along.
        let resent: BTreeSet<_> = self.unanswered.iter().flat_map(|(_, members)| members).collect();
        let counts =
            |name: &Arc<str>| self.covers(name) && self.said.contains_key(name) && !resent.contains(name);
        let (members, past): (BTreeSet<_>, BTreeSet<_>) = members.into_iter().flatten().partition(counts);
        self.refused.push((members, !past.is_empty()));
    }

    fn replace(&mut self, given: &[String], kind: Kind) {
        let mut names: BTreeSet<Arc<str>> = given.iter().map(|name| name.as_str().into()).collect();
        self.named |= !names.is_empty();
        let wildcard = names.remove("*") || (!self.named && is_legacy(kind));
        let added: Vec<_> = names.difference(&self.names).cloned().collect();
        self.asked_any |= (wildcard && !self.wildcard) || !added.is_empty();
        self.asked.extend(added);
        (self.names, self.wildcard) = (names, wildcard);
        self.forget();
    }

    fn change(&mut self, subscribe: &[String], unsubscribe: &[String]) {
        for name in subscribe {
            if name == "*" {
                (self.wildcard, self.asked_any) = (true, true);
                // What is still on its way may be held afterwards, and has to be taken away if it is gone.
                for name in self.unanswered.iter().flat_map(|(_, members)| members) {
                    self.said.entry(name.clone()).or_insert_with(|| Some(ResourceVersion::new("")));
                }
            } else {
                self.names.insert(name.as_str().into());
                self.asked.insert(name.as_str().into());
            }
        }
        for name in unsubscribe {
            if name == "*" {
                self.wildcard = false;
            }
        }
        for name in unsubscribe.iter().filter(|name| *name != "*") {
            self.names.remove(name.as_str());
            self.asked.insert(name.as_str().into());
        }
        self.forget();
    }

    fn resume(&mut self, initial: &BTreeMap<String, String>, kind: Kind) {
        for (name, version) in initial {
            let name: Arc<str> = name.as_str().into();
            if self.covers(&name) {
                self.said.insert(name.clone(), Some(ResourceVersion::new(version.as_str())));
            }
            // X2: only kinds that are asked for by name are sent again although held.
            if kind.info().absence == Absence::Deletes {
                self.asked.remove(&name);
            }
        }
    }

    /// What is no longer subscribed to is unsaid (rules 29, 56).
    fn forget(&mut self) {
        let Self { wildcard, names, said, asked, refused, .. } = self;
        let covers = |name: &Arc<str>| *wildcard || names.contains(name);
        said.retain(|name, _| covers(name));
        asked.retain(covers);
        for (members, touched) in refused {
            let before = members.len();
            members.retain(covers);
            *touched |= members.len() < before;
        }
        if !*wildcard && names.is_empty() {
            self.set = None;
            self.entries.clear();
        }
    }

    fn on_complete(&mut self, said: Said, visible: &BTreeMap<Arc<str>, Entry>) {
        let expected: Names = visible
            .values()
            .filter(|entry| self.covers(&entry.name))
            .map(|entry| (entry.name.clone(), entry.version.clone()))
            .collect();
        let left = |name: &Arc<str>| !visible.contains_key(name);
        let without: Names = said.changed.clone().into_iter().filter(|(name, _)| !left(name)).collect();
        assert_eq!(without, expected, "rule 42: the complete set");
        let is_caused = std::mem::take(&mut self.asked_any) || self.set.as_ref() != Some(&said.changed);
        assert!(is_caused, "rules 21, 47: the same set twice");
        self.asked.clear();
        self.set = Some(said.changed);
    }

    fn on_change(&mut self, said: Said, visible: &BTreeMap<Arc<str>, Entry>) {
        let names = said.names();
        let was_asked = std::mem::take(&mut self.asked_any);
        assert!(was_asked || !names.is_empty(), "rule 70: a response that says nothing");
        self.touch(visible);
        for (name, version) in &names {
            let is_news = self.said.get(name).unwrap_or(&None) != version;
            let is_again = self.refused.iter().any(|(members, touched)| *touched && members.contains(name));
            assert!(
                is_news || is_again || self.asked.contains(name),
                "rule 47: {name} at {version:?} without cause"
            );
        }
        let members: BTreeSet<Arc<str>> = names.iter().map(|(name, _)| name.clone()).collect();
        for (group, touched) in &mut self.refused {
            let before = group.len();
            group.retain(|name| !members.contains(name));
            *touched |= group.len() < before;
        }
        self.asked.retain(|name| !members.contains(name));
        self.said.extend(names);
        self.unanswered.push((said.nonce, members));
    }

    /// A group goes again when a member changed, was asked for, or was sent since.
    fn touch(&mut self, visible: &BTreeMap<Arc<str>, Entry>) {
        let Self { said, asked, refused, .. } = self;
        for (members, touched) in refused {
            let mut changed = members.iter().filter(|name| {
                let current = visible.get(*name).map(|entry| &entry.version);
                asked.contains(*name) || said.get(*name).and_then(Option::as_ref) != current
            });
            *touched |= changed.next().is_some();
        }
    }
}

fn no_duplicates(response: &Response) {
    if let Response::Delta(response) = response {
        let names =
            response.resources.iter().map(|resource| &resource.name).chain(&response.removed_resources);
        let mut seen = BTreeSet::new();
        names.for_each(|name| assert!(seen.insert(name), "rule 45: {name} twice in one response"));
    }
}

/// Every resource is byte for byte one that may be seen.
fn whole_entries(response: &Response, visible: &BTreeMap<Arc<str>, Entry>) {
    let anys: Vec<Any> = match response {
        Response::Sotw(response) => response.resources.clone(),
        Response::Delta(response) => {
            response.resources.iter().filter_map(|found| found.resource.clone()).collect()
        }
    };
    for any in anys {
        let is_visible = visible.values().any(|entry| entry.any == any.encode_to_vec());
        assert!(is_visible, "bytes of no entry that may be seen");
    }
}
