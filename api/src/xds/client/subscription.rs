//! One type, on any number of streams: what is wanted, what is held, and what the open stream was told.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use super::{
    Malformed, Received, Update, Wanted,
    lifetimes::Lifetimes,
    received::{self, Said},
};
use crate::{
    kind::{Absence, Kind, TYPE_URL_PREFIX},
    time::Uptime,
    version::{Nonce, ResourceVersion},
    wire::{DeltaDiscoveryRequest, DeltaDiscoveryResponse, DiscoveryRequest, DiscoveryResponse, Status},
    xds::{Variant, server::Request},
};

const WILDCARD: &str = "*";

/// gRPC's INVALID_ARGUMENT, the code that Envoy gives with a NACK.
const REFUSED: i32 = 3;

/// A response that was read.
pub(super) enum Read {
    /// To be applied.
    Update(Update),
    /// It says nothing new (rule 75).
    Heartbeat(Update),
}

/// One type.
#[derive(Debug)]
pub(super) struct Subscription {
    pub(super) type_url: Arc<str>,
    absence: Absence,
    wanted: Wanted,
    pub(super) held: BTreeMap<Arc<str>, ResourceVersion>,
    /// Names that were refused one by one. The applier has heard of them, so it is told when they are gone, held or not.
    refused: BTreeSet<Arc<str>>,
    /// When what is held ends; of nothing where the client does not say that it understands times to live.
    lifetimes: Lifetimes,
    stream: Option<Stream>,
}

/// What was said of this type on the open stream.
#[derive(Debug, Default)]
struct Stream {
    /// Of the last response that was answered. Not of one that is still being applied: with its nonce a request to
    /// subscribe would be taken for its ACK.
    nonce: String,
    /// Of the last response that was accepted.
    version: String,
    /// Whether "everything" was said by giving no names, and can then only be said so (rules 32, 33).
    is_legacy: bool,
    /// What ended since this stream began: the server still takes it for held.
    ended: BTreeSet<Arc<str>>,
}

impl Subscription {
    pub(super) fn new(type_url: Arc<str>, wanted: Wanted) -> Self {
        let absence = match Kind::of_type_url(&type_url) {
            Some(kind) if !kind.is_opaque() => kind.info().absence,
            _ if type_url.starts_with(TYPE_URL_PREFIX) => Absence::SaysNothing,
            _ => Absence::Deletes,
        };
        Self {
            type_url,
            absence,
            wanted,
            held: BTreeMap::new(),
            refused: BTreeSet::new(),
            lifetimes: Lifetimes::default(),
            stream: None,
        }
    }

    pub(super) fn is_open(&self) -> bool {
        self.stream.is_some()
    }

    pub(super) fn close(&mut self) {
        self.stream = None;
    }

    fn wants(&self, name: &str) -> bool {
        covers(&self.wanted, name)
    }

    /// The first request of this type on a stream; none where nothing is wanted, because a first request without
    /// names asks for everything.
    pub(super) fn open(&mut self, variant: Variant) -> Option<Request> {
        let is_everything = self.wanted == Wanted::Everything;
        // What no names mean differs between servers for the kinds that are asked for by name (X3): these say `*`.
        let is_legacy = is_everything && self.absence == Absence::Deletes;
        let names = match &self.wanted {
            Wanted::Everything if is_legacy => Vec::new(),
            Wanted::Everything => vec![WILDCARD.into()],
            Wanted::Names(names) if names.is_empty() => return None,
            Wanted::Names(names) => names.iter().cloned().collect(),
        };
        self.stream = Some(Stream { is_legacy, ..Stream::default() });
        Some(match variant {
            // Without a version: a server that takes it for "has everything" would not send what changed while names
            // did (rule 17).
            Variant::Sotw => self.sotw(names, "", None),
            Variant::Delta => Request::Delta(DeltaDiscoveryRequest {
                type_url: self.type_url.to_string(),
                resource_names_subscribe: names,
                initial_resource_versions: self.versions(),
                ..Default::default()
            }),
        })
    }

    fn versions(&self) -> BTreeMap<String, String> {
        self.held.iter().map(|(name, version)| (name.to_string(), version.to_string())).collect()
    }

    fn sotw(&self, names: Vec<String>, nonce: &str, error_detail: Option<Status>) -> Request {
        let version_info = self.stream.as_ref().map(|stream| stream.version.clone()).unwrap_or_default();
        Request::Sotw(DiscoveryRequest {
            version_info,
            node: None,
            resource_names: names,
            type_url: self.type_url.to_string(),
            response_nonce: nonce.into(),
            error_detail,
        })
    }

    /// The names of a SotW request after the first.
    fn names(&self) -> Vec<String> {
        match &self.wanted {
            Wanted::Everything if self.stream.as_ref().is_some_and(|stream| stream.is_legacy) => Vec::new(),
            Wanted::Everything => vec![WILDCARD.into()],
            Wanted::Names(names) => names.iter().cloned().collect(),
        }
    }

    /// Changes what is wanted.
    pub(super) fn want(&mut self, variant: Variant, wanted: Wanted, is_connected: bool) -> Option<Request> {
        if wanted == self.wanted {
            return None;
        }
        let before = std::mem::replace(&mut self.wanted, wanted);
        let held = std::mem::take(&mut self.held);
        for (name, version) in held {
            if self.wants(&name) {
                self.held.insert(name, version);
            } else {
                self.lifetimes.remove(&name);
            }
        }
        if self.stream.is_none() {
            return if is_connected { self.open(variant) } else { None };
        }
        match variant {
            Variant::Delta => Some(self.change(&before)),
            Variant::Sotw => {
                let mut names = self.names();
                let stream = self.stream.as_mut()?;
                if std::mem::take(&mut stream.is_legacy) && names.is_empty() {
                    names.push(String::new()); // no names would go on meaning everything; this one is nobody's
                }
                let nonce = stream.nonce.clone();
                Some(self.sotw(names, &nonce, None))
            }
        }
    }

    /// A delta request that answers no response (rule 62).
    fn change(&self, before: &Wanted) -> Request {
        let (before, after) = (delta_names(before), delta_names(&self.wanted));
        Request::Delta(DeltaDiscoveryRequest {
            type_url: self.type_url.to_string(),
            resource_names_subscribe: after.difference(&before).cloned().collect(),
            resource_names_unsubscribe: before.difference(&after).cloned().collect(),
            ..Default::default()
        })
    }

    /// What a SotW response changes against what is held.
    pub(super) fn read_sotw(&self, response: DiscoveryResponse) -> Result<Read, Malformed> {
        let said = received::sotw(&self.type_url, response.resources)?;
        let removed = match self.absence {
            Absence::SaysNothing => Vec::new(),
            // Not a complete set.
            Absence::Deletes if said.is_heartbeat() => Vec::new(),
            Absence::Deletes => {
                let there = said.resources.iter().map(|resource| &resource.name);
                let there: BTreeSet<&Arc<str>> = there.chain(&said.heartbeats).collect();
                let known: BTreeSet<&Arc<str>> = self.held.keys().chain(&self.refused).collect();
                known.into_iter().filter(|name| !there.contains(name)).cloned().collect()
            }
        };
        Ok(self.read(response.nonce, response.version_info, said, removed))
    }

    /// What a delta response changes against what is held.
    pub(super) fn read_delta(&self, response: DeltaDiscoveryResponse) -> Result<Read, Malformed> {
        let said = received::delta(&self.type_url, response.resources)?;
        let removed: BTreeSet<Arc<str>> = response.removed_resources.into_iter().map(Arc::from).collect();
        if let Some(both) = said.resources.iter().find(|resource| removed.contains(&resource.name)) {
            return Err(Malformed::Duplicate(both.name.to_string()));
        }
        let is_known = |name: &Arc<str>| self.held.contains_key(name) || self.refused.contains(name);
        let removed = removed.into_iter().filter(is_known).collect();
        Ok(self.read(response.nonce, response.system_version_info, said, removed))
    }

    /// Leaves out what is not wanted, which a server may send (rule 40), and what is held already.
    fn read(&self, nonce: String, version: String, said: Said, removed: Vec<Arc<str>>) -> Read {
        let is_heartbeat = said.is_heartbeat() && removed.is_empty();
        let Said { resources, ttls, heartbeats } = said;
        let names = resources.iter().map(|resource| &resource.name).chain(&heartbeats);
        let lifetime = |name: &Arc<str>| {
            let ttl = ttls.get(name).copied();
            (ttl.is_some() || self.lifetimes.has(name)).then(|| (name.clone(), ttl))
        };
        let lifetimes = names.filter(|name| self.wants(name)).filter_map(lifetime).collect();
        let is_new = |resource: &Received| self.held.get(&resource.name) != Some(&resource.version);
        let changed =
            resources.into_iter().filter(|resource| self.wants(&resource.name) && is_new(resource)).collect();
        let type_url = self.type_url.clone();
        let update = Update { type_url, nonce: Nonce(nonce), version, changed, removed, lifetimes };
        if is_heartbeat { Read::Heartbeat(update) } else { Read::Update(update) }
    }

    /// Whether the server takes something for held that has ended here.
    pub(super) fn misses(&self, heartbeat: &Update) -> bool {
        let ended = self.stream.as_ref().map(|stream| &stream.ended);
        heartbeat.lifetimes.iter().any(|(name, _)| ended.is_some_and(|ended| ended.contains(name)))
    }

    /// Notes what is held from before.
    pub(super) fn resume(&mut self, held: impl IntoIterator<Item = (Arc<str>, ResourceVersion)>) {
        let Self { wanted, held: known, .. } = self;
        known.extend(held.into_iter().filter(|(name, _)| covers(wanted, name)));
    }

    /// An update was applied, but for these resources. What is no longer wanted by now is not held.
    pub(super) fn hold_but(&mut self, update: &Update, refused: &BTreeSet<&str>, now: Uptime) {
        for name in &update.removed {
            self.held.remove(name);
            self.refused.remove(name);
            self.lifetimes.remove(name);
        }
        for resource in &update.changed {
            if refused.contains(&*resource.name) {
                self.refused.insert(resource.name.clone());
            } else if self.wants(&resource.name) {
                self.refused.remove(&resource.name);
                self.held.insert(resource.name.clone(), resource.version.clone());
                self.stream.as_mut().map(|stream| stream.ended.remove(&resource.name));
            }
        }
        for (name, ttl) in &update.lifetimes {
            if self.held.contains_key(name) && !refused.contains(&**name) {
                self.lifetimes.set(name, *ttl, now);
            }
        }
        self.keep(update.changed.iter().filter(|resource| refused.contains(&*resource.name)));
    }

    /// These were refused: what is held of them stays, and no heartbeat is sent for it.
    pub(super) fn keep<'r>(&mut self, refused: impl IntoIterator<Item = &'r Received>) {
        refused.into_iter().for_each(|resource| self.lifetimes.remove(&resource.name));
    }

    /// When the next of what is held ends.
    pub(super) fn next_end(&self) -> Option<Uptime> {
        self.lifetimes.next()
    }

    /// What has ended by now, to be removed.
    pub(super) fn end(&mut self, now: Uptime) -> Option<Update> {
        let removed = self.lifetimes.take_ended(now);
        let update = Update {
            type_url: self.type_url.clone(),
            nonce: Nonce(String::new()),
            version: String::new(),
            changed: Vec::new(),
            removed,
            lifetimes: Vec::new(),
        };
        (!update.removed.is_empty()).then_some(update)
    }

    /// What has ended was removed.
    pub(super) fn ended(&mut self, update: &Update) {
        for name in &update.removed {
            self.held.remove(name);
            self.lifetimes.remove(name);
        }
        if let Some(stream) = &mut self.stream {
            stream.ended.extend(update.removed.iter().cloned());
        }
    }

    pub(super) fn ack(&mut self, variant: Variant, update: &Update) -> Request {
        if let Some(stream) = &mut self.stream {
            stream.version.clone_from(&update.version);
            stream.nonce.clone_from(&update.nonce.0);
        }
        self.answer(variant, &update.nonce, None)
    }

    pub(super) fn nack(&mut self, variant: Variant, nonce: &Nonce, reason: &str) -> Request {
        if let Some(stream) = &mut self.stream {
            stream.nonce.clone_from(&nonce.0);
        }
        let status = Status { code: REFUSED, message: reason.to_owned(), ..Status::default() };
        self.answer(variant, nonce, Some(status))
    }

    pub(super) fn answer(&self, variant: Variant, nonce: &Nonce, error_detail: Option<Status>) -> Request {
        match variant {
            Variant::Sotw => self.sotw(self.names(), &nonce.0, error_detail),
            Variant::Delta => Request::Delta(DeltaDiscoveryRequest {
                type_url: self.type_url.to_string(),
                response_nonce: nonce.0.clone(),
                error_detail,
                ..Default::default()
            }),
        }
    }
}

fn covers(wanted: &Wanted, name: &str) -> bool {
    match wanted {
        Wanted::Everything => true,
        Wanted::Names(names) => names.contains(name),
    }
}

fn delta_names(wanted: &Wanted) -> BTreeSet<String> {
    match wanted {
        Wanted::Everything => BTreeSet::from([WILDCARD.into()]),
        Wanted::Names(names) => names.clone(),
    }
}
