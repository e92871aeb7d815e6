//! ServiceEntries: hosts that others name, and several entries of one host.

use super::{
    code,
    exports::Exports,
    facts::{Context, Facts},
    host,
    label::Labels,
    look::{Look, Subject},
    text::Text,
    topic::Topic,
    workload,
};
use crate::{
    generated::istio::networking::v1alpha3::{self as wire, service_entry::Resolution},
    key::Key,
};

#[derive(Debug, PartialEq)]
pub(super) struct ServiceEntry {
    pub(super) hosts: Box<[Text]>,
    pub(super) exports: Exports,
    /// Number and protocol.
    ports: Box<[(u32, Text)]>,
    resolution: i32,
    selector: Option<Labels>,
}

impl ServiceEntry {
    pub(super) fn of(context: &mut Context<'_>, entry: &wire::ServiceEntry) -> Self {
        let namespace = context.namespace();
        let texts = &mut *context.texts;
        let port = |port: &wire::ServicePort| match port.protocol.as_str() {
            "" => (port.number, Text::from("TCP")),
            protocol => (port.number, Text::from(protocol.to_ascii_uppercase())),
        };
        Self {
            hosts: texts.keep_all(&entry.hosts),
            exports: Exports::of(&entry.export_to, namespace, texts),
            ports: entry.ports.iter().map(port).collect(),
            resolution: entry.resolution,
            selector: entry.workload_selector.as_ref().map(|it| Labels::of(&it.labels, texts)),
        }
    }

    pub(super) fn topics<'a>(&'a self, key: &Key) -> impl Iterator<Item = Topic> + use<'a> {
        let named = Topic::Entry { namespace: key.namespace.clone(), name: key.name.clone() };
        let hosts = self.hosts.iter().map(|host| Topic::EntryOfHost(host::shelf(host).into()));
        std::iter::once(named).chain(hosts)
    }
}

/// Every entry among subjects.
pub(super) fn entries(subjects: Vec<&Subject>) -> impl Iterator<Item = (&Subject, &ServiceEntry)> {
    subjects.into_iter().filter_map(|subject| match &subject.facts {
        Facts::ServiceEntry(entry) => Some((subject, entry)),
        _ => None,
    })
}

pub(super) fn examine(entry: &ServiceEntry, look: &mut Look<'_>) {
    for (place, host) in entry.hosts.iter().enumerate() {
        let shelf = look.text(&host::shelf(host));
        let same = |(_, other): &(&Subject, &ServiceEntry)| {
            other.hosts.contains(host) && other.exports.meet(&entry.exports)
        };
        let others: Vec<_> = entries(look.others(Topic::EntryOfHost(shelf))).filter(same).collect();
        resolution(entry, place, host, &others, look);
        protocols(entry, host, &others, look);
    }
    if let Some(selector) = &entry.selector {
        workload::examine("spec.workloadSelector", selector, look);
    }
}

/// Istiod takes one entry's resolution for all that share a port.
fn resolution(
    entry: &ServiceEntry,
    place: usize,
    host: &str,
    others: &[(&Subject, &ServiceEntry)],
    look: &mut Look<'_>,
) {
    let shares_port = |other: &ServiceEntry| {
        entry.ports.iter().any(|(number, _)| other.ports.iter().any(|(theirs, _)| theirs == number))
    };
    let differs =
        |(_, other): &&(&Subject, &ServiceEntry)| other.resolution != entry.resolution && shares_port(other);
    if let Some((subject, other)) = others.iter().find(differs) {
        let name = Resolution::try_from(other.resolution).map_or("unknown", |it| it.as_str_name());
        let path = format_args!("spec.hosts[{place}]");
        look.flag(&code::ENTRY_RESOLUTION, path, format_args!("{} says {name} for `{host}`", subject.key));
    }
}

fn protocols(entry: &ServiceEntry, host: &str, others: &[(&Subject, &ServiceEntry)], look: &mut Look<'_>) {
    for (place, (number, protocol)) in entry.ports.iter().enumerate() {
        let differing = others.iter().find_map(|(subject, other)| {
            let differs = |(theirs, said): &&(u32, Text)| theirs == number && said != protocol;
            other.ports.iter().find(differs).map(|(_, said)| (subject, said))
        });
        if let Some((subject, said)) = differing {
            let path = format_args!("spec.ports[{place}].protocol");
            let detail = format_args!("{} says {said} for port {number} of `{host}`", subject.key);
            look.flag(&code::ENTRY_PROTOCOL, path, detail);
        }
    }
}
