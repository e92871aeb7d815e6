//! Several VirtualServices of one host.

use super::{MESH, VirtualService};
use crate::validate::across::{
    code,
    exports::Exports,
    facts::Facts,
    look::{Look, Subject},
    topic::Topic,
};

/// Sidecars take one VirtualService for each host; gateways put the routes of all behind each other, in vain what comes
/// after a route for everything.
pub(super) fn examine(service: &VirtualService, look: &mut Look<'_>) {
    for gateway in &service.gateways {
        let in_mesh = **gateway == *MESH;
        if !in_mesh && service.catch_all.is_none() {
            continue;
        }
        for (place, host) in service.hosts.iter().enumerate() {
            let own = look.own();
            let found = look.others(Topic::Route { gateway: gateway.clone(), host: host.clone() });
            let earlier = found.into_iter().filter(|subject| subject.counts_before(own));
            let mut earlier = earlier.filter_map(of);
            if in_mesh {
                let taken = earlier.find(|(_, other)| claim_the_same(other, service));
                if let Some((subject, _)) = taken {
                    let path = format_args!("spec.hosts[{place}]");
                    look.flag(&code::ROUTE_TAKEN, path, format_args!("`{host}` is that of {}", subject.key));
                }
            } else if let Some(route) = service.catch_all {
                let taken = earlier
                    .find(|(_, other)| other.catch_all.is_some() && other.exports.meet(&service.exports));
                if let Some((subject, _)) = taken {
                    let path = format_args!("spec.http[{route}]");
                    let detail = format_args!("`{host}` on {gateway} is that of {}", subject.key);
                    look.flag(&code::CATCH_ALL_TAKEN, path, detail);
                }
            }
        }
    }
}

fn of(subject: &Subject) -> Option<(&Subject, &VirtualService)> {
    match &subject.facts {
        Facts::VirtualService(service) => Some((subject, service)),
        _ => None,
    }
}

/// Routes of different protocols stand beside each other, and those of TLS are told apart by what they match. One that
/// is exported to some namespaces is there to override what is exported to all.
fn claim_the_same(one: &VirtualService, other: &VirtualService) -> bool {
    let same_protocol = (one.has_http && other.has_http) || (one.has_tcp && other.has_tcp);
    let exports = (&one.exports, &other.exports);
    let same_reach = matches!(exports, (Exports::All, Exports::All) | (Exports::Only(_), Exports::Only(_)));
    same_protocol && same_reach && one.exports.meet(&other.exports)
}
