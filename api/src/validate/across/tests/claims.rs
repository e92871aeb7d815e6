//! What several resources claim.

use super::{findings, nothing};

fn routed(hosts: &str, more: &str) -> String {
    format!("{{hosts: [{hosts}], http: [{{route: [{{destination: {{host: b}}}}]}}]{more}}}")
}

#[test]
fn host_of_the_mesh_is_that_of_the_virtual_service_that_was_first() {
    let (first, second) = (routed("reviews", ""), routed("a.example, reviews.shop.svc.cluster.local", ""));
    let both = [("VirtualService", "z", &*first), ("VirtualService", "a", &*second)];
    assert_eq!(findings(&both), ["a: spec.hosts[1] route-taken"]);
    nothing(&[both[0], ("VirtualService", "a", &routed("'*.shop.svc.cluster.local'", ""))]);
    nothing(&[both[0], ("VirtualService", "other/a", &routed("reviews", ""))]);
    let tcp = "{hosts: [reviews], tcp: [{route: [{destination: {host: b}}]}]}";
    nothing(&[both[0], ("VirtualService", "a", tcp)]);
    let twice = [("VirtualService", "z", tcp), ("VirtualService", "a", tcp)];
    assert_eq!(findings(&twice), ["a: spec.hosts[0] route-taken"]);
}

#[test]
fn virtual_service_of_some_namespaces_overrides_that_of_all() {
    let of = |one: &str, other: &str| {
        let (one, other) = (routed("a.example", one), routed("a.example", other));
        findings(&[("VirtualService", "one", &one), ("VirtualService", "other/two", &other)])
    };
    assert_eq!(of("", ", exportTo: [.]"), [""; 0]);
    assert_eq!(of(", exportTo: [.]", ", exportTo: [.]"), [""; 0]);
    assert_eq!(of(", exportTo: [.]", ", exportTo: [shop]"), ["two: spec.hosts[0] route-taken"]);
    assert_eq!(of("", ", exportTo: ['*']"), ["two: spec.hosts[0] route-taken"]);
}

const GATEWAY: &str = "{servers: [{port: {number: 80, name: http, protocol: HTTP}, hosts: ['*']}]}";

#[test]
fn gateway_takes_the_routes_of_all_but_one_catch_all() {
    let all = routed("a.example", ", gateways: [gw]");
    let some = "{hosts: [a.example], gateways: [shop/gw], http: [{match: [{uri: {prefix: /b}}], route: [{destination: {host: b}}]}]}";
    let gw = ("Gateway", "gw", GATEWAY);
    nothing(&[gw, ("VirtualService", "one", &all), ("VirtualService", "two", some)]);
    let expected = ["two: spec.http[0] catch-all-taken"];
    assert_eq!(findings(&[gw, ("VirtualService", "one", &all), ("VirtualService", "two", &all)]), expected);
    let mesh = routed("a.example", "");
    nothing(&[gw, ("VirtualService", "one", &all), ("VirtualService", "two", &mesh)]);
}

fn server(port: u32, hosts: &str, tls: &str) -> String {
    let protocol = if tls.is_empty() { "HTTP" } else { "HTTPS" };
    format!("{{port: {{number: {port}, name: p{port}, protocol: {protocol}}}, hosts: [{hosts}]{tls}}}")
}

const TLS: &str = ", tls: {mode: SIMPLE, credentialName: c}";

#[test]
fn server_whose_host_is_taken_is_left_out() {
    let of = |one: &str, other: &str| {
        let (one, other) = (format!("{{{one}}}"), format!("{{{other}}}"));
        findings(&[("Gateway", "one", &one), ("Gateway", "other/two", &other)])
    };
    let tls = |selector: &str, host: &str| {
        format!("selector: {{{selector}}}, servers: [{}]", server(443, host, TLS))
    };
    let taken = ["two: spec.servers[0].hosts[0] server-taken"];
    assert_eq!(of(&tls("a: b", "a.example"), &tls("a: b", "a.example")), taken);
    assert_eq!(of(&tls("a: b", "a.example"), &tls("a: b, c: d", "'*/a.example'")), taken);
    assert_eq!(of(&tls("", "a.example"), &tls("a: b", "a.example")), taken);
    assert_eq!(of(&tls("a: b", "a.example"), &tls("a: c", "a.example")), [""; 0]);
    assert_eq!(of(&tls("a: b", "a.example"), &tls("a: b", "b.example")), [""; 0]);
    assert_eq!(of(&tls("a: b", "./a.example"), &tls("a: b", "./a.example")), [""; 0]);
    let bound = tls("a: b", "a.example").replace("tls:", "bind: 1.2.3.4, tls:");
    assert_eq!(of(&tls("a: b", "a.example"), &bound), [""; 0]);
    let plain = |host: &str| format!("selector: {{a: b}}, servers: [{}]", server(80, host, ""));
    assert_eq!(of(&plain("a.example"), &plain("a.example")), ["two: spec.servers[0].hosts[0] server-shared"]);
    assert_eq!(of(&tls("a: b", "a.example"), &plain("a.example")), [""; 0]);
}

#[test]
fn servers_of_one_gateway_are_compared_too() {
    let servers = [server(443, "a.example", TLS), server(443, "b.example, a.example", TLS)].join(",");
    let servers = servers.replacen("name: p443", "name: other", 1);
    let expected = ["gw: spec.servers[1].hosts[1] server-taken"];
    assert_eq!(findings(&[("Gateway", "gw", &format!("{{servers: [{servers}]}}"))]), expected);
}

#[test]
fn rules_of_one_host_are_merged_and_the_rest_is_dropped() {
    let rule = |subsets: &str, more: &str| format!("{{host: reviews, subsets: [{subsets}]{more}}}");
    let of = |one: &str, other: &str| {
        findings(&[("DestinationRule", "one", one), ("DestinationRule", "two", other)])
    };
    let policy = ", trafficPolicy: {tls: {mode: DISABLE}}";
    let (one, two) = (rule("{name: v1}", policy), rule("{name: v2}", ""));
    assert_eq!(of(&one, &two), [""; 0]);
    let twice = rule("{name: v0}, {name: v1}", policy);
    let expected =
        ["two: spec.subsets[1].name rule-subset-taken", "two: spec.trafficPolicy rule-policy-taken"];
    assert_eq!(of(&one, &twice), expected);
    let apart = rule("{name: v1}", ", exportTo: [.]");
    assert_eq!(of(&one, &apart), ["two: spec.host rule-taken"]);
    let some = rule("{name: v1}", ", workloadSelector: {matchLabels: {a: b}}");
    assert_eq!(of(&one, &some), [""; 0]);
    assert_eq!(of(&some, &some), ["two: spec.subsets[0].name rule-subset-taken"]);
    let far = [("DestinationRule", "one", &*one), ("DestinationRule", "other/two", &one)];
    assert_eq!(findings(&far), [""; 0]);
}

#[test]
fn workload_has_one_sidecar() {
    let sidecar = |selector: &str| format!("{{{selector}egress: [{{hosts: ['*/*']}}]}}");
    let of = |one: &str, other: &str| {
        findings(&[("Sidecar", "one", &sidecar(one)), ("Sidecar", "two", &sidecar(other))])
    };
    let (a, ab) = ("workloadSelector: {labels: {a: b}}, ", "workloadSelector: {labels: {c: d, a: b}}, ");
    assert_eq!(of("", ""), ["two: spec sidecar-taken"]);
    assert_eq!(of("", a), [""; 0]);
    assert_eq!(of(a, ""), [""; 0]);
    assert_eq!(of(a, a), ["two: spec.workloadSelector sidecar-taken"]);
    assert_eq!(of(a, ab), ["two: spec.workloadSelector sidecar-taken"]);
    assert_eq!(of(ab, a), [""; 0]);
    assert_eq!(
        findings(&[("Sidecar", "one", &sidecar("")), ("Sidecar", "other/two", &sidecar(""))]),
        [""; 0]
    );
}

#[test]
fn entries_of_one_host_say_the_same_of_a_port() {
    let entry = |resolution: &str, protocol: &str, more: &str| {
        format!(
            "{{hosts: [a.example], resolution: {resolution}, ports: [{{number: 80, name: p, protocol: {protocol}}}]{more}}}"
        )
    };
    let of = |one: &str, other: &str| {
        findings(&[("ServiceEntry", "one", one), ("ServiceEntry", "other/two", other)])
    };
    let dns = entry("DNS", "HTTP", "");
    assert_eq!(of(&dns, &entry("DNS", "http", "")), [""; 0]);
    let resolution = ["one: spec.hosts[0] entry-resolution", "two: spec.hosts[0] entry-resolution"];
    assert_eq!(of(&dns, &entry("NONE", "HTTP", "")), resolution);
    let protocol =
        ["one: spec.ports[0].protocol entry-protocol", "two: spec.ports[0].protocol entry-protocol"];
    assert_eq!(of(&dns, &entry("DNS", "TLS", "")), protocol);
    let own = ", exportTo: [.]";
    assert_eq!(of(&entry("DNS", "HTTP", own), &entry("NONE", "TLS", own)), [""; 0]);
    assert_eq!(of(&dns, &entry("NONE", "TLS", "").replace("number: 80", "number: 81")), [""; 0]);
}
