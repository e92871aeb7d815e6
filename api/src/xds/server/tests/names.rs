//! What a change costs a stream that asks for many names.

use std::sync::atomic::{AtomicUsize, Ordering};

use super::*;
use crate::{
    version::VersionSum,
    wire::Entry,
    xds::catalog::{Difference, Shared},
};

/// A catalog that counts how many names are looked up.
#[derive(Clone, Debug)]
struct Counting {
    catalog: TinyCatalog,
    looks: Arc<AtomicUsize>,
}

impl Catalog for Counting {
    fn revision(&self) -> Revision {
        self.catalog.revision()
    }

    fn version(&self, kind: Kind, view: &View) -> VersionSum {
        self.catalog.version(kind, view)
    }

    fn full(&self, kind: Kind, view: &View) -> Shared {
        self.catalog.full(kind, view)
    }

    fn get(&self, kind: Kind, view: &View, name: &str) -> Option<Entry> {
        self.looks.fetch_add(1, Ordering::Relaxed);
        self.catalog.get(kind, view, name)
    }

    fn for_each(&self, kind: Kind, view: &View, visit: &mut dyn FnMut(Entry)) {
        self.catalog.for_each(kind, view, visit);
    }

    fn difference(&self, kind: Kind, view: &View, from: Option<(&Self, &View)>) -> Arc<Difference> {
        self.catalog.difference(kind, view, from.map(|(from, view)| (&from.catalog, view)))
    }

    fn is_outdated(&self) -> bool {
        self.catalog.is_outdated()
    }
}

const NAMES: usize = 500;

/// rule 61: a change of one name is told alone, and the others are not looked at for it.
#[test]
fn change_costs_what_changed_and_not_what_is_subscribed_to() {
    for variant in [Variant::Sotw, Variant::Delta] {
        let (mut world, looks) = (TinyWorld::default(), Arc::new(AtomicUsize::new(0)));
        let mut commit = |names: &[String], value: &str| {
            let put = |name: &String| {
                (key(Kind::ENDPOINTS, name), Some(resource(key(Kind::ENDPOINTS, name), value)))
            };
            let catalog = world.commit(&names.iter().map(put).collect::<Vec<_>>());
            Counting { catalog, looks: looks.clone() }
        };
        let names: Vec<_> = (0..NAMES).map(|number| format!("c{number}")).collect();
        let catalog = commit(&names, "1");
        let mut session = ServerSession::new(variant, "server".into(), catalog, View::everything());
        let ask = |response_nonce: String| {
            let (node, type_url, all) = (node(), eds(), names.clone());
            match variant {
                Variant::Sotw => {
                    let resource_names = all;
                    Request::Sotw(DiscoveryRequest {
                        node,
                        type_url,
                        resource_names,
                        response_nonce,
                        ..Default::default()
                    })
                }
                Variant::Delta => {
                    let resource_names_subscribe = if response_nonce.is_empty() { all } else { Vec::new() };
                    Request::Delta(DeltaDiscoveryRequest {
                        node,
                        type_url,
                        resource_names_subscribe,
                        response_nonce,
                        ..Default::default()
                    })
                }
            }
        };
        let now = Uptime::default();
        session.on_request(ask(String::new()), now).unwrap();
        let told = |session: &mut ServerSession<Counting>| {
            let mut told = 0;
            while let Some(push) = session.render(now) {
                told += push.sent.resources;
                session.on_request(ask(push.sent.nonce.0), now).unwrap();
            }
            told
        };
        assert_eq!(told(&mut session), NAMES);
        for (changed, expected) in [(&names[7..8], 1), (&["other".to_owned()][..], 0), (&names[3..5], 2)] {
            session.on_catalog(commit(changed, &format!("{expected} {}", changed[0])));
            looks.store(0, Ordering::Relaxed);
            assert_eq!(told(&mut session), expected);
            let looked = looks.load(Ordering::Relaxed);
            // The version of a SotW response is worked out of all names.
            let allowed = if variant == Variant::Sotw && expected > 0 { NAMES + 10 } else { 10 };
            assert!(looked <= allowed, "{variant:?}: {looked} looks for {expected} changes");
        }
    }
}
