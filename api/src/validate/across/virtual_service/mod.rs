//! VirtualServices: the gateways, hosts, subsets and delegates that they name, and several of one host.

mod claims;
mod delegates;
mod gateways;
pub(super) mod hosts;
mod subsets;

use std::{collections::HashSet, fmt};

use super::{
    exports::Exports,
    facts::Context,
    host,
    look::Look,
    text::{Text, Texts},
    topic::Topic,
};
use crate::{generated::istio::networking::v1alpha3 as wire, key::Key};

/// What stands for the sidecars of the mesh among gateways.
const MESH: &str = "mesh";

#[derive(Debug, PartialEq)]
pub(super) struct VirtualService {
    hosts: Box<[Text]>,
    /// Which of the hosts are written without their namespace.
    short_hosts: Box<[usize]>,
    /// `namespace/name` each, or `mesh`. Never empty but for a delegate.
    gateways: Box<[Text]>,
    exports: Exports,
    /// What is routed to, each once.
    destinations: Box<[Destination]>,
    delegates: Box<[Delegate]>,
    /// Gateways that matches name, each once, and where.
    match_gateways: Box<[(Place, Text)]>,
    has_http: bool,
    has_tcp: bool,
    /// Its HTTP route without a match.
    catch_all: Option<usize>,
}

#[derive(Debug, PartialEq)]
struct Destination {
    place: Place,
    host: Text,
    is_short: bool,
    /// Empty for the host as a whole.
    subset: Text,
}

#[derive(Debug, PartialEq)]
struct Delegate {
    route: usize,
    namespace: Text,
    name: Text,
}

/// Where in the document something stands.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Place {
    protocol: &'static str,
    route: usize,
    part: Part,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Part {
    Route(usize),
    Mirror,
    Mirrors(usize),
    MatchGateway(usize, usize),
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "spec.{}[{}].", self.protocol, self.route)?;
        match self.part {
            Part::Route(place) => write!(f, "route[{place}].destination"),
            Part::Mirror => f.write_str("mirror"),
            Part::Mirrors(place) => write!(f, "mirrors[{place}].destination"),
            Part::MatchGateway(place, gateway) => write!(f, "match[{place}].gateways[{gateway}]"),
        }
    }
}

impl VirtualService {
    pub(super) fn of(context: &mut Context<'_>, service: &wire::VirtualService) -> Self {
        let (namespace, domain) = (context.namespace(), &*context.options.domain);
        let texts = &mut *context.texts;
        let resolved = |host: &String| host::resolved(host, namespace, domain);
        let mut gateways: Vec<Text> = service
            .gateways
            .iter()
            .map(|gateway| texts.keep(&gateways::resolved(gateway, namespace)))
            .collect();
        if gateways.is_empty() && !service.hosts.is_empty() {
            gateways.push(texts.keep(MESH));
        }
        Self {
            hosts: service.hosts.iter().map(|host| texts.keep(&resolved(host))).collect(),
            gateways: gateways.into(),
            short_hosts: (0..)
                .zip(&service.hosts)
                .filter(|(_, host)| host::is_short(host))
                .map(|(place, _)| place)
                .collect(),
            exports: Exports::of(&service.export_to, namespace, texts),
            destinations: destinations(service, texts, resolved),
            delegates: delegates::of(service, namespace, texts),
            match_gateways: gateways::of_matches(service, namespace, texts),
            has_http: !service.http.is_empty(),
            has_tcp: !service.tcp.is_empty(),
            catch_all: service.http.iter().position(|route| route.r#match.is_empty()),
        }
    }

    /// Without hosts it is included by another one's route.
    fn is_delegate(&self) -> bool {
        self.hosts.is_empty()
    }

    pub(super) fn topics<'a>(&'a self, key: &Key) -> impl Iterator<Item = Topic> + use<'a> {
        let named = Topic::VirtualService { namespace: key.namespace.clone(), name: key.name.clone() };
        let routes = self.gateways.iter().flat_map(|gateway| {
            self.hosts.iter().map(|host| Topic::Route { gateway: gateway.clone(), host: host.clone() })
        });
        std::iter::once(named).chain(routes)
    }
}

/// Every host and subset that is routed to, where it is named first.
fn destinations(
    service: &wire::VirtualService,
    texts: &mut Texts,
    resolved: impl Fn(&String) -> String,
) -> Box<[Destination]> {
    let mut seen = HashSet::new();
    let mut kept = Vec::new();
    for (place, destination) in named_destinations(service) {
        let (host, subset) = (texts.keep(&resolved(&destination.host)), texts.keep(&destination.subset));
        if !host.is_empty() && seen.insert((host.clone(), subset.clone())) {
            kept.push(Destination { place, host, is_short: host::is_short(&destination.host), subset });
        }
    }
    kept.into()
}

fn named_destinations(service: &wire::VirtualService) -> Vec<(Place, &wire::Destination)> {
    let mut named = Vec::new();
    for (route, http) in service.http.iter().enumerate() {
        let place = |part| Place { protocol: "http", route, part };
        for (index, weighted) in http.route.iter().enumerate() {
            named.extend(weighted.destination.as_ref().map(|it| (place(Part::Route(index)), it)));
        }
        named.extend(http.mirror.as_ref().map(|it| (place(Part::Mirror), it)));
        for (index, mirror) in http.mirrors.iter().enumerate() {
            named.extend(mirror.destination.as_ref().map(|it| (place(Part::Mirrors(index)), it)));
        }
    }
    let tls = service.tls.iter().enumerate().map(|(route, tls)| ("tls", route, &tls.route));
    let tcp = service.tcp.iter().enumerate().map(|(route, tcp)| ("tcp", route, &tcp.route));
    for (protocol, route, destinations) in tls.chain(tcp) {
        for (index, weighted) in destinations.iter().enumerate() {
            let place = Place { protocol, route, part: Part::Route(index) };
            named.extend(weighted.destination.as_ref().map(|it| (place, it)));
        }
    }
    named
}

pub(super) fn examine(service: &VirtualService, look: &mut Look<'_>) {
    for place in &service.short_hosts {
        hosts::examine_short(format_args!("spec.hosts[{place}]"), &service.hosts[*place], look);
    }
    gateways::examine(service, look);
    claims::examine(service, look);
    delegates::examine(service, look);
    for destination in &service.destinations {
        let path = format!("{}.host", destination.place);
        hosts::examine(&path, &destination.host, destination.is_short, look);
        if !destination.subset.is_empty() {
            subsets::examine(service, destination, look);
        }
    }
}
