//! What refers to nothing, or to what is not seen.

use std::collections::BTreeSet;

use super::{SHORT, findings, findings_of_all, nothing, resource, upsert};
use crate::{
    limits::{ACROSS_FINDINGS_MAX, ACROSS_TOPICS_MAX},
    validate::across::{Across, AcrossOptions, Change},
};

/// A VirtualService's spec that routes `a.example` to a host and subset.
fn to(host: &str, subset: &str) -> String {
    format!(
        "{{hosts: [a.example], http: [{{route: [{{destination: {{host: {host}, subset: {subset}}}}}]}}]}}"
    )
}

/// A DestinationRule's spec.
fn rule(host: &str, subsets: &[&str], more: &str) -> String {
    let subsets: Vec<_> = subsets.iter().map(|name| format!("{{name: {name}}}")).collect();
    format!("{{host: {host}, subsets: [{}]{more}}}", subsets.join(","))
}

const MISSING: [&str; 1] = ["vs: spec.http[0].route[0].destination.subset subset-missing"];
const HIDDEN: [&str; 1] = ["vs: spec.http[0].route[0].destination.subset subset-hidden"];

#[test]
fn subset_is_one_of_a_rule_of_its_host() {
    let vs = ("VirtualService", "vs", &*to("reviews", "v1"));
    assert_eq!(findings(&[vs]), MISSING);
    assert_eq!(findings(&[vs, ("DestinationRule", "dr", &rule("reviews", &["v2"], ""))]), MISSING);
    assert_eq!(findings(&[vs, ("DestinationRule", "dr", &rule("ratings", &["v1"], ""))]), MISSING);
    for host in ["reviews", "reviews.shop.svc.cluster.local", "'*.svc.cluster.local'", "'*cal'", "'*'"] {
        nothing(&[vs, ("DestinationRule", "dr", &rule(host, &["v2", "v1"], ""))]);
    }
}

#[test]
fn short_host_is_one_of_the_resources_own_namespace() {
    let vs = ("VirtualService", "vs", &*to("reviews", "v1"));
    assert_eq!(findings(&[vs, ("DestinationRule", "other/dr", &rule("reviews", &["v1"], ""))]), MISSING);
}

#[test]
fn missing_subset_is_told_with_those_that_there_are() {
    let mut across = Across::new(AcrossOptions::default());
    let vs = resource("VirtualService", "vs", &to("reviews", "v9"));
    across.apply([upsert(&vs, 1)]);
    let dr = resource("DestinationRule", "dr", &rule("reviews", &["v1", "v2", "v3", "v4", "v5"], ""));
    across.apply([upsert(&dr, 2)]);
    let [_, finding] = across.findings(&vs.key) else { panic!("{across:?}") };
    let expected = "no DestinationRule of this host defines the subset: `v9` of `reviews.shop.svc.cluster.local`; \
                    DestinationRule shop/dr has v1, v2, v3 and 2 more";
    assert_eq!(finding.reason, expected);
}

#[test]
fn rule_of_the_nearest_host_is_the_only_one_that_counts() {
    let vs = ("VirtualService", "vs", &*to("reviews", "v1"));
    let wide = ("DestinationRule", "wide", &*rule("'*.svc.cluster.local'", &["v1"], ""));
    nothing(&[vs, wide]);
    assert_eq!(findings(&[vs, wide, ("DestinationRule", "near", &rule("reviews", &[], ""))]), HIDDEN);
    nothing(&[vs, wide, ("DestinationRule", "near", &rule("reviews", &["v1"], ""))]);
}

#[test]
fn rule_counts_in_its_own_namespace_that_of_its_host_and_from_the_root() {
    let vs = ("VirtualService", "vs", &*to("reviews.store.svc.cluster.local", "v1"));
    let of = |name: &'static str| {
        findings(&[vs, ("DestinationRule", name, &rule("reviews.store.svc.cluster.local", &["v1"], ""))])
    };
    for right in ["shop/dr", "store/dr", "istio-system/dr"] {
        assert_eq!(of(right), [""; 0], "{right}");
    }
    assert_eq!(of("elsewhere/dr"), HIDDEN);
}

#[test]
fn rule_that_is_not_exported_hides_its_subsets() {
    let vs = ("VirtualService", "vs", &*to("reviews.store.svc.cluster.local", "v1"));
    let of = |exports: &str| {
        let rule = rule("reviews.store.svc.cluster.local", &["v1"], exports);
        findings(&[vs, ("DestinationRule", "store/dr", &rule)])
    };
    assert_eq!(of(", exportTo: [.]"), HIDDEN);
    assert_eq!(of(", exportTo: [other]"), HIDDEN);
    assert_eq!(of(", workloadSelector: {matchLabels: {a: b}}"), HIDDEN);
    assert_eq!(of(", exportTo: [shop]"), [""; 0]);
}

#[test]
fn rule_beside_the_gateway_counts_for_what_it_routes() {
    let vs = "{hosts: [a.example], gateways: [ingress/gw], http: [{route: [{destination: {host: x.store.svc.cluster.local, subset: v1}}]}]}";
    let gw = "{servers: [{port: {number: 80, name: http, protocol: HTTP}, hosts: ['*']}]}";
    let dr = rule("x.store.svc.cluster.local", &["v1"], ", exportTo: [.]");
    nothing(&[
        ("VirtualService", "vs", vs),
        ("Gateway", "ingress/gw", gw),
        ("DestinationRule", "ingress/dr", &dr),
    ]);
}

#[test]
fn subset_is_looked_for_wherever_it_is_routed_to() {
    let vs = "{hosts: [a.example], http: [{mirror: {host: a, subset: s}, mirrors: [{destination: {host: b, subset: s}}], \
              route: [{destination: {host: c}}, {destination: {host: c, subset: s}}]}], \
              tcp: [{route: [{destination: {host: d, subset: s}}, {destination: {host: d, subset: s}}]}], \
              tls: [{match: [{sniHosts: [a.example]}], route: [{destination: {host: e, subset: s}}]}]}";
    let expected = [
        "vs: spec.http[0].route[1].destination.subset subset-missing",
        "vs: spec.http[0].mirror.subset subset-missing",
        "vs: spec.http[0].mirrors[0].destination.subset subset-missing",
        "vs: spec.tls[0].route[0].destination.subset subset-missing",
        "vs: spec.tcp[0].route[0].destination.subset subset-missing",
    ];
    assert_eq!(findings(&[("VirtualService", "vs", vs)]), expected);
}

#[test]
fn host_without_its_namespace_is_told_wherever_it_stands() {
    let mut across = Across::new(AcrossOptions::default());
    let vs = "{hosts: [a.example, reviews], http: [{route: [{destination: {host: ratings}}, {destination: {host: x.example}}]}]}";
    let all = [resource("VirtualService", "vs", vs), resource("DestinationRule", "dr", "{host: reviews}")];
    across.apply(all.iter().map(|resource| upsert(resource, 1)));
    let said = all.iter().flat_map(|resource| across.findings(&resource.key));
    let said: Vec<_> = said.map(|finding| (&*finding.code, &*finding.path)).collect();
    let places = ["spec.hosts[1]", "spec.http[0].route[0].destination.host", "spec.host"];
    assert_eq!(said, places.map(|place| (SHORT, place)));
    let reason = "istiod does not take a host without dots for a Service where it comes from a config source: \
                  `reviews.shop.svc.cluster.local`";
    assert_eq!(across.findings(&all[1].key)[0].reason, reason);
}

#[test]
fn gateway_is_there_under_each_form_of_its_name() {
    let gw = "{servers: [{port: {number: 80, name: http, protocol: HTTP}, hosts: ['*']}]}";
    let bound = |gateway: &str| {
        let vs = format!(
            "{{hosts: [a.example], gateways: [{gateway}], http: [{{route: [{{destination: {{host: b}}}}]}}]}}"
        );
        let far = gw.replace("number: 80", "number: 81");
        findings(&[("VirtualService", "vs", &vs), ("Gateway", "gw", gw), ("Gateway", "other/far", &far)])
    };
    for right in ["gw", "shop/gw", "mesh", "other/far", "far.other.svc.cluster.local", "far.other"] {
        assert_eq!(bound(right), [""; 0], "{right}");
    }
    for wrong in ["far", "other/gw", "shop/mesh"] {
        assert_eq!(bound(wrong), ["vs: spec.gateways[0] gateway-missing"], "{wrong}");
    }
    assert_eq!(bound("shop/x-istio-autogenerated-k8s-gateway"), [""; 0]);
}

#[test]
fn gateway_of_a_match_is_looked_for_too() {
    let vs = "{hosts: [a.example], gateways: [mesh], http: [{match: [{gateways: [mesh]}, {gateways: [gw]}], route: [{destination: {host: b}}]}]}";
    let expected = ["vs: spec.http[0].match[1].gateways[0] gateway-missing"];
    assert_eq!(findings(&[("VirtualService", "vs", vs)]), expected);
}

#[test]
fn gateway_listens_for_a_host_of_what_is_bound_to_it() {
    let vs = "{hosts: [a.example, b.example], gateways: [gw], http: [{route: [{destination: {host: b}}]}]}";
    let of = |hosts: &str| {
        let gw =
            format!("{{servers: [{{port: {{number: 80, name: http, protocol: HTTP}}, hosts: [{hosts}]}}]}}");
        findings(&[("VirtualService", "vs", vs), ("Gateway", "gw", &gw)])
    };
    for right in ["'*'", "b.example", "'*.example'", "shop/a.example", "./a.example", "'*/a.example'"] {
        assert_eq!(of(right), [""; 0], "{right}");
    }
    for wrong in ["c.example", "other/a.example", "'*.com'"] {
        assert_eq!(of(wrong), ["vs: spec.gateways[0] gateway-host"], "{wrong}");
    }
}

#[test]
fn delegate_is_a_virtual_service_without_hosts_that_is_seen() {
    let root = "{hosts: [a.example], http: [{delegate: {name: part, namespace: parts}}]}";
    let of = |part: &str| findings(&[("VirtualService", "vs", root), ("VirtualService", "parts/part", part)]);
    let said = |code: &str| vec![format!("vs: spec.http[0].delegate {code}")];
    let route = "http: [{route: [{destination: {host: b}}]}]";
    assert_eq!(of(&format!("{{{route}}}")), [""; 0]);
    assert_eq!(of(&format!("{{{route}, exportTo: [shop]}}")), [""; 0]);
    assert_eq!(of(&format!("{{{route}, exportTo: [.]}}")), said("delegate-hidden"));
    assert_eq!(of(&format!("{{{route}, hosts: [c.example]}}")), said("delegate-hosts"));
    assert_eq!(findings(&[("VirtualService", "vs", root)]), said("delegate-missing"));
    let own = "{hosts: [a.example], http: [{delegate: {name: part}}]}";
    nothing(&[("VirtualService", "vs", own), ("VirtualService", "part", &format!("{{{route}}}"))]);
}

#[test]
fn service_entry_that_is_not_exported_hides_its_host() {
    let vs = "{hosts: [a.example], http: [{route: [{destination: {host: api.example.com}}]}]}";
    let dr = "{host: api.example.com}";
    let of = |hosts: &str, exports: &str| {
        let se = format!(
            "{{hosts: [{hosts}], exportTo: [{exports}], resolution: NONE, ports: [{{number: 80, name: http, protocol: HTTP}}]}}"
        );
        findings(&[
            ("VirtualService", "vs", vs),
            ("DestinationRule", "dr", dr),
            ("ServiceEntry", "other/se", &se),
        ])
    };
    let hidden = ["vs: spec.http[0].route[0].destination.host host-hidden", "dr: spec.host host-hidden"];
    assert_eq!(of("api.example.com", "."), hidden);
    assert_eq!(of("'*.example.com'", "."), hidden);
    assert_eq!(of("api.example.com", "'*'"), [""; 0]);
    assert_eq!(of("api.example.com", "shop"), [""; 0]);
    assert_eq!(of("other.example.com", "."), [""; 0]);
}

#[test]
fn host_is_missing_only_where_all_are_known() {
    let all = [
        ("VirtualService", "vs", "{hosts: [a.example], http: [{route: [{destination: {host: reviews}}]}]}"),
        ("DestinationRule", "dr", "{host: api.example.com}"),
        ("DestinationRule", "wide", "{host: '*.com'}"),
    ];
    nothing(&all);
    let expected = ["vs: spec.http[0].route[0].destination.host host-missing", "dr: spec.host host-missing"];
    assert_eq!(findings_of_all(&all), expected);
    let se = |hosts| format!("{{hosts: [{hosts}], resolution: NONE}}");
    let found = [
        all[0],
        all[1],
        ("ServiceEntry", "one", &se("reviews.shop.svc.cluster.local")),
        ("ServiceEntry", "two", &se("'*.example.com'")),
    ];
    assert_eq!(findings_of_all(&found), [""; 0]);
}

#[test]
fn workload_is_missing_only_where_all_are_known() {
    let all = [
        ("AuthorizationPolicy", "ap", "{selector: {matchLabels: {app: web, tier: front}}}"),
        ("AuthorizationPolicy", "istio-system/mesh", "{selector: {matchLabels: {app: web}}}"),
        ("Sidecar", "sc", "{workloadSelector: {labels: {app: web}}, egress: [{hosts: ['*/*']}]}"),
        ("WorkloadEntry", "other/we", "{address: 1.2.3.4, labels: {app: web, tier: front}}"),
    ];
    nothing(&all);
    let expected = ["ap: spec.selector workload-missing", "sc: spec.workloadSelector workload-missing"];
    assert_eq!(findings_of_all(&all), expected);
    let we = ("WorkloadEntry", "we", "{address: 1.2.3.4, labels: {app: web, tier: front}}");
    assert_eq!(findings_of_all(&[all[0], all[1], all[2], we]), [""; 0]);
}

#[test]
fn policy_is_for_a_service_entry_of_its_namespace() {
    let ap = "{targetRefs: [{group: '', kind: Service, name: x}, {group: networking.istio.io, kind: ServiceEntry, name: se}]}";
    let se = "{hosts: [a.example], resolution: NONE}";
    let missing = ["ap: spec.targetRefs[1].name target-missing"];
    assert_eq!(findings(&[("AuthorizationPolicy", "ap", ap), ("ServiceEntry", "other/se", se)]), missing);
    nothing(&[("AuthorizationPolicy", "ap", ap), ("ServiceEntry", "se", se)]);
}

#[test]
fn resource_that_names_more_than_anybody_would_takes_no_more_room() {
    let names = |letter: &str, len: usize| {
        (0..len).map(|number| format!("{letter}{number}.example")).collect::<Vec<_>>().join(", ")
    };
    let (hosts, gateways) = (names("h", 200), names("g", 200));
    let vs = format!(
        "{{hosts: [{hosts}], gateways: [{gateways}], http: [{{route: [{{destination: {{host: b, subset: s}}}}]}}]}}"
    );
    let vs = resource("VirtualService", "vs", &vs);
    let mut across = Across::new(AcrossOptions::default());
    across.apply([upsert(&vs, 1)]);
    assert!(across.index.len() <= 2 * ACROSS_TOPICS_MAX, "{}", across.index.len());
    let codes: BTreeSet<_> = across.findings(&vs.key).iter().map(|finding| &*finding.code).collect();
    assert_eq!(
        codes,
        BTreeSet::from(["across-more", "gateway-missing"]),
        "the subset was not looked up any more"
    );
    across.apply([Change::Remove(vs.key)]);
    assert!(across.index.is_empty());
}

#[test]
fn findings_beyond_those_that_anybody_reads_are_counted() {
    let routes: Vec<_> =
        (0..30).map(|n| format!("{{destination: {{host: r.example, subset: v{n}}}}}")).collect();
    let vs = format!("{{hosts: [a.example], http: [{{route: [{}]}}]}}", routes.join(","));
    let mut across = Across::new(AcrossOptions::default());
    let vs = resource("VirtualService", "vs", &vs);
    across.apply([upsert(&vs, 1)]);
    let findings = across.findings(&vs.key);
    assert_eq!(findings.len(), ACROSS_FINDINGS_MAX + 1);
    let last = &findings[ACROSS_FINDINGS_MAX];
    assert_eq!(
        (&*last.code, &*last.reason),
        ("across-more", "there are more findings than are listed: 10 more")
    );
}
