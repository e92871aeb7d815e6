//! Kept up step by step, it says what it would say if made anew; and a step looks only at what it concerns.

use std::collections::{BTreeMap, BTreeSet};

use proptest::{collection::vec, prelude::*};

use super::{resource, upsert};
use crate::{
    key::Key,
    resource::Resource,
    validate::across::{Across, AcrossOptions, Change, Complete},
    verdict::Finding,
};

/// Choices that make one spec.
type Choices = [u8; 8];

fn pick<'a>(choice: u8, from: &[&'a str]) -> &'a str {
    from[usize::from(choice) % from.len()]
}

const EXPORTS: [&str; 5] =
    ["", "exportTo: [.]", "exportTo: [one]", "exportTo: ['*']", "exportTo: [one, two]"];
const HOSTS: [&str; 6] =
    ["a", "a.one.svc.cluster.local", "'*.one.svc.cluster.local'", "x.com", "'*.com'", "'*om'"];
const LABELS: [&str; 4] = ["", "{a: b}", "{a: b, c: d}", "{c: d}"];

/// A field with labels, or nothing.
fn selector(field: &str, choice: u8) -> String {
    match pick(choice, &LABELS) {
        "" => String::new(),
        labels => field.replace("LABELS", labels),
    }
}

fn map(fields: &[&str]) -> String {
    let fields: Vec<_> = fields.iter().filter(|field| !field.is_empty()).copied().collect();
    format!("{{{}}}", fields.join(", "))
}

fn virtual_service(choices: Choices) -> String {
    let [hosts, gateways, host, subset, exports, delegate, matched, more] = choices;
    let hosts = pick(hosts, &["", "hosts: [a]", "hosts: [x.com]", "hosts: [y.com, '*.com']"]);
    let gateways = pick(gateways, &["", "gateways: [mesh]", "gateways: [p]", "gateways: [one/q, mesh]"]);
    let destination = format!(
        "{{host: {}, subset: '{}'}}",
        pick(host, &["a", "x.com", "a.one.svc.cluster.local"]),
        pick(subset, &["", "v1", "v2"])
    );
    let matched = pick(matched, &["", "match: [{uri: {prefix: /x}, gateways: [one/p]}], "]);
    let route = match pick(delegate, &["", "p", "q"]) {
        "" => format!("{{{matched}route: [{{destination: {destination}}}]}}"),
        name => format!("{{delegate: {{name: {name}, namespace: {}}}}}", pick(more, &["one", "two"])),
    };
    map(&[hosts, gateways, &format!("http: [{route}]"), pick(exports, &EXPORTS)])
}

fn destination_rule(choices: Choices) -> String {
    let [host, subsets, exports, labels, policy, ..] = choices;
    map(&[
        &format!("host: {}", pick(host, &HOSTS)),
        pick(subsets, &["", "subsets: [{name: v1}]", "subsets: [{name: v2}, {name: v1}]"]),
        pick(policy, &["", "trafficPolicy: {tls: {mode: DISABLE}}"]),
        pick(exports, &EXPORTS),
        &selector("workloadSelector: {matchLabels: LABELS}", labels),
    ])
}

fn gateway(choices: Choices) -> String {
    let server = |port: u8, host: u8, tls: u8| {
        let (tls, protocol) = match tls % 2 {
            0 => ("", "HTTP"),
            _ => (", tls: {mode: SIMPLE, credentialName: c}", "HTTPS"),
        };
        format!(
            "{{port: {{number: {}, name: p{port}, protocol: {protocol}}}, hosts: [{}]{tls}}}",
            80 + u32::from(port % 2),
            pick(host, &["x.com", "'*'", "./x.com", "one/y.com"])
        )
    };
    let [labels, one, two, three, four, five, six, _] = choices;
    let servers = format!("servers: [{}, {}]", server(one, two, three), server(four, five, six));
    map(&[&selector("selector: LABELS", labels), &servers])
}

fn service_entry(choices: Choices) -> String {
    let [host, port, protocol, resolution, exports, labels, ..] = choices;
    let (number, protocol) = (80 + u32::from(port % 2), pick(protocol, &["HTTP", "TCP"]));
    map(&[
        &format!("hosts: [{}]", pick(host, &HOSTS)),
        &format!("ports: [{{number: {number}, name: p, protocol: {protocol}}}]"),
        pick(resolution, &["resolution: NONE", "resolution: STATIC"]),
        &selector("workloadSelector: {labels: LABELS}", labels),
        pick(exports, &EXPORTS),
    ])
}

fn policy(choices: Choices) -> String {
    let target = pick(choices[1], &["p", "q"]);
    map(&[
        &selector("selector: {matchLabels: LABELS}", choices[0]),
        &format!("targetRefs: [{{group: networking.istio.io, kind: ServiceEntry, name: {target}}}]"),
    ])
}

fn spec(kind: &str, choices: Choices) -> String {
    match kind {
        "VirtualService" => virtual_service(choices),
        "DestinationRule" => destination_rule(choices),
        "Gateway" => gateway(choices),
        "ServiceEntry" => service_entry(choices),
        "Sidecar" => map(&[&selector("workloadSelector: {labels: LABELS}", choices[0])]),
        "WorkloadEntry" => map(&["address: 1.2.3.4", &selector("labels: LABELS", choices[0])]),
        _ => policy(choices),
    }
}

const KINDS: [&str; 7] = [
    "VirtualService",
    "DestinationRule",
    "Gateway",
    "ServiceEntry",
    "Sidecar",
    "WorkloadEntry",
    "AuthorizationPolicy",
];

#[derive(Clone, Debug)]
enum Step {
    Put(Box<Resource>, u64),
    Remove(Key),
}

fn step() -> impl Strategy<Value = Step> {
    let kind = prop_oneof![3 => Just(0), 3 => Just(1), 1 => 2..KINDS.len()];
    let which = (
        kind,
        prop::sample::select(&["one", "two", "istio-system"][..]),
        prop::sample::select(&["p", "q"][..]),
    );
    (which, any::<Choices>(), 0..3u64, prop::bool::weighted(0.2)).prop_map(
        |((kind, namespace, name), choices, created, is_removed)| {
            let resource = resource(KINDS[kind], &format!("{namespace}/{name}"), &spec(KINDS[kind], choices));
            if is_removed { Step::Remove(resource.key) } else { Step::Put(Box::new(resource), created) }
        },
    )
}

fn change(step: &Step) -> Change {
    match step {
        Step::Put(resource, created) => upsert(resource, *created),
        Step::Remove(key) => Change::Remove(key.clone()),
    }
}

/// All findings, of every resource that was ever there.
fn all(across: &Across, keys: &BTreeSet<Key>) -> BTreeMap<Key, Vec<Finding>> {
    keys.iter().map(|key| (key.clone(), across.findings(key).to_vec())).collect()
}

proptest! {
    #[test]
    fn what_is_kept_up_is_what_is_made_anew(
        batches in vec(vec(step(), 1..4), 1..12), hosts in any::<bool>(), workloads in any::<bool>(),
    ) {
        let options = AcrossOptions { complete: Complete { hosts, workloads }, ..AcrossOptions::default() };
        let mut kept_up = Across::new(options.clone());
        let (mut there, mut keys) = (BTreeMap::new(), BTreeSet::new());
        for batch in &batches {
            let before = all(&kept_up, &keys);
            let changed = kept_up.apply(batch.iter().map(change));
            for step in batch {
                match step {
                    Step::Put(resource, created) => {
                        keys.insert(resource.key.clone());
                        there.insert(resource.key.clone(), (resource, *created));
                    }
                    Step::Remove(key) => {
                        keys.insert(key.clone());
                        there.remove(key);
                    }
                }
            }
            let after = all(&kept_up, &keys);
            let mut anew = Across::new(options.clone());
            anew.apply(there.values().map(|(resource, created)| upsert(resource, *created)));
            prop_assert_eq!(&after, &all(&anew, &keys));
            let nothing = Vec::new();
            let differs = |key: &&Key| before.get(*key).unwrap_or(&nothing) != &after[*key];
            let differing: BTreeSet<_> = keys.iter().filter(differs).cloned().collect();
            prop_assert!(differing.is_subset(&changed), "{differing:?} {changed:?}");
        }
        kept_up.apply(there.into_keys().map(Change::Remove));
        prop_assert!(kept_up.index.is_empty() && kept_up.ids.is_empty());
    }
}

fn pair(number: usize) -> [Resource; 2] {
    let vs = format!(
        "{{hosts: [a{number}.com], http: [{{route: [{{destination: {{host: a{number}.com, subset: v1}}}}]}}]}}"
    );
    let dr = format!("{{host: a{number}.com, subsets: [{{name: v1}}]}}");
    let name = format!("shop-{}/n{number}", number % 50);
    [resource("VirtualService", &name, &vs), resource("DestinationRule", &name, &dr)]
}

#[test]
fn one_change_of_many_is_looked_at_by_what_refers_to_it_only() {
    let resources: Vec<_> = (0..5000).flat_map(pair).collect();
    let mut across = Across::new(AcrossOptions::default());
    assert!(across.apply(resources.iter().map(|resource| upsert(resource, 1))).is_empty());
    assert_eq!(across.examinations(), 10_000);

    let same: BTreeSet<Key> = across.apply([upsert(&resources[1], 1)]);
    assert_eq!((same.len(), across.examinations()), (0, 10_000), "nothing changed");

    let [vs, _] = pair(0);
    let other = resource("DestinationRule", "shop-0/n0", "{host: a0.com, subsets: [{name: v2}]}");
    assert_eq!(across.apply([upsert(&other, 1)]), BTreeSet::from([vs.key.clone()]));
    assert_eq!(across.examinations(), 10_002, "the rule, and who routes to its host");

    let findings = across.findings(&vs.key).to_vec();
    assert_eq!(
        across.apply([Change::Remove(other.key)]),
        BTreeSet::from([vs.key.clone()]),
        "no rule is named any more"
    );
    assert_ne!(across.findings(&vs.key), findings);
    assert_eq!(across.examinations(), 10_003);
}
