//! Gateways: what VirtualServices are bound to, and servers that several Gateways have.

use super::{
    code,
    facts::{Context, Facts},
    host,
    label::Labels,
    look::{Look, Subject},
    text::{Text, Texts},
    topic::Topic,
    workload,
};
use crate::{generated::istio::networking::v1alpha3 as wire, key::Key};

#[derive(Debug, PartialEq)]
pub(super) struct Gateway {
    selector: Labels,
    servers: Box<[Server]>,
}

#[derive(Debug, PartialEq)]
struct Server {
    port: u32,
    bind: Text,
    has_tls: bool,
    is_http: bool,
    /// `namespace/host`, or a host alone for those of every namespace.
    hosts: Box<[Text]>,
}

/// The protocols whose servers on a port are merged.
const HTTP: [&str; 5] = ["HTTP", "HTTP2", "HTTP_PROXY", "GRPC", "GRPC-WEB"];

impl Gateway {
    pub(super) fn of(context: &mut Context<'_>, gateway: &wire::Gateway) -> Self {
        let namespace = context.namespace();
        let texts = &mut *context.texts;
        Self {
            selector: Labels::of(&gateway.selector, texts),
            servers: gateway.servers.iter().map(|server| Server::of(server, namespace, texts)).collect(),
        }
    }

    pub(super) fn topics<'a>(&'a self, key: &Key) -> impl Iterator<Item = Topic> + use<'a> {
        let named = Topic::Gateway { namespace: key.namespace.clone(), name: key.name.clone() };
        let servers = self.servers.iter().flat_map(Server::topics);
        std::iter::once(named).chain(servers)
    }

    /// Whether a VirtualService of a namespace and a host finds a server here.
    pub(super) fn listens_for(&self, wanted: &str, namespace: &str) -> bool {
        let mut hosts = self.servers.iter().flat_map(|server| &server.hosts);
        hosts.any(|entry| match entry.split_once('/') {
            Some((of, host)) => of == namespace && host::overlap(host, wanted),
            None => host::overlap(entry, wanted),
        })
    }
}

impl Server {
    fn of(server: &wire::Server, namespace: &str, texts: &mut Texts) -> Self {
        let host = |host: &String| match host.split_once('/') {
            Some((".", host)) => format!("{namespace}/{host}"),
            Some(("*", host)) => host.to_owned(),
            _ => host.clone(),
        };
        let protocol = server.port.as_ref().map_or("", |port| &port.protocol).to_ascii_uppercase();
        Self {
            port: server.port.as_ref().map_or(0, |port| port.number),
            bind: texts.keep(&server.bind),
            has_tls: server.tls.is_some(),
            is_http: HTTP.contains(&&*protocol),
            hosts: server.hosts.iter().map(|text| texts.keep(&host(text))).collect(),
        }
    }

    fn topics(&self) -> impl Iterator<Item = Topic> + '_ {
        self.hosts.iter().map(|host| Topic::Server { port: self.port, host: host.clone() })
    }
}

/// The Gateway that a subject is.
pub(super) fn of(subject: &Subject) -> Option<&Gateway> {
    match &subject.facts {
        Facts::Gateway(gateway) => Some(gateway),
        _ => None,
    }
}

pub(super) fn examine(gateway: &Gateway, look: &mut Look<'_>) {
    for (place, server) in gateway.servers.iter().enumerate() {
        for (host_place, host) in server.hosts.iter().enumerate() {
            let found = look.found(Topic::Server { port: server.port, host: host.clone() });
            if let Some((code, subject)) = taken(look.own(), place, host, &found) {
                let path = format_args!("spec.servers[{place}].hosts[{host_place}]");
                let detail = format_args!("`{host}` on port {} is that of {}", server.port, subject.key);
                look.flag(code, path, detail);
            }
        }
    }
    workload::examine_anywhere("spec.selector", &gateway.selector, look);
}

/// Who serves this host before this server does, and what becomes of it.
fn taken<'a>(
    own: &Subject,
    place: usize,
    host: &Text,
    found: &[&'a Subject],
) -> Option<(&'static crate::validate::code::Code, &'a Subject)> {
    let gateway = of(own)?;
    let server = &gateway.servers[place];
    found.iter().find_map(|subject| {
        let other = of(subject)?;
        let is_own = subject.key == own.key;
        let workloads_meet =
            is_own || other.selector.select(&gateway.selector) || gateway.selector.select(&other.selector);
        let earlier = match is_own {
            true => &other.servers[..place],
            false if subject.counts_before(own) => &other.servers[..],
            false => &[],
        };
        let same = |other: &&Server| {
            other.port == server.port && other.bind == server.bind && other.hosts.contains(host)
        };
        let mut same = earlier.iter().filter(same);
        if !workloads_meet {
            return None;
        }
        same.find_map(|other| match (server.has_tls, other.has_tls) {
            (true, true) => Some((&code::SERVER_TAKEN, *subject)),
            (false, false) if server.is_http && other.is_http && !is_own => {
                Some((&code::SERVER_SHARED, *subject))
            }
            _ => None,
        })
    })
}
