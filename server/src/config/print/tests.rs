use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;
use crate::config::{Given, GivenFile, parse};

fn of_file(text: &str) -> Given {
    let file = Some(GivenFile { path: "m.yaml".into(), text: Ok(text.into()) });
    Given { file, ..Given::default() }
}

#[test]
fn each_value_is_printed_with_where_it_came_from() {
    let file = "paths:\n- mesh\n- {path: 'no', unknown-fields: warn}\nstore: memory\nguard-hold: 90s\n\
                views: [{nodes: '*', namespaces: [b, a]}]\n\
                upstreams: ['x:1', {address: [y:1, y:2], name: '7', kinds: vs, variant: sotw}]\n";
    let environment = BTreeMap::from([("MAINSHEET_GRPC_ADDR".to_owned(), "[::1]:1".to_owned())]);
    let flags = vec![("instance", "64".to_owned())];
    let printed = print(&parse(&Given { environment, flags, ..of_file(file) }).unwrap());
    let expected = "\
paths:  # m.yaml:1:1
- mesh
- path: \"no\"
  unknown-fields: warn  # m.yaml:3:32
default-namespace: default  # default
unknown-fields: strict  # default
ttl: never  # default
store: memory  # m.yaml:4:8
data-dir: mainsheet-data  # default
grpc-addr: \"[::1]:1\"  # environment variable MAINSHEET_GRPC_ADDR
http-addr: 127.0.0.1:15014  # default
allow-plaintext-beyond-loopback: false  # default
allow-api-beyond-loopback: false  # default
instance: 64  # flag --instance
";
    assert_eq!(&printed[..expected.len()], expected);
    assert!(printed.contains("\nguard-hold: 1m 30s  # m.yaml:5:13\n"), "{printed}");
    let upstreams = "upstreams:  # m.yaml:7:1\n- address: x:1\n- address: y:1,y:2\n  name: \"7\"  # m.yaml:7:48\n  \
                     kinds: VirtualService  # m.yaml:7:60\n  variant: sotw  # m.yaml:7:73\n";
    assert!(printed.contains(upstreams), "{printed}");
    let views = "views:  # m.yaml:6:1\n- nodes: \"*\"\n  namespaces: [\"a\", \"b\"]\n";
    assert!(printed.ends_with(views), "{printed}");
}

#[test]
fn without_paths_what_is_printed_can_be_read() {
    let effective = parse(&of_file("upstreams: ['x:1']\n")).unwrap();
    let printed = print(&effective);
    assert!(printed.starts_with("paths: []  # default\n"), "{printed}");
    assert_eq!(parse(&of_file(&printed)).unwrap().settings, effective.settings);
}

#[test]
fn without_views_none_are_printed() {
    let given = Given { paths: vec!["mesh".into()], ..Given::default() };
    assert!(print(&parse(&given).unwrap()).ends_with("\nviews: []  # default\n"));
}

/// A text that YAML may take for something else.
fn awkward() -> impl Strategy<Value = String> {
    prop_oneof![
        "\\PC{1,12}",
        any::<String>().prop_filter("a path has a character", |text| !text.is_empty()),
        "[-?:,\\[\\]{}#&*!|>'\"%@` a~0-9.]{1,6}",
        prop::sample::select(vec![
            "no", "on", "true", "null", "~", "1.10", "0x1F", "1e3", "---", "...", "- a", "a: b", "a #b"
        ])
        .prop_map(str::to_owned),
    ]
}

/// Values that the settings of the table take.
fn values() -> impl Strategy<Value = Vec<(&'static str, String)>> {
    let texts = [
        "warn",
        "memory",
        "stay",
        "json",
        "debug",
        "90s",
        "1ms",
        "7",
        "no",
        "127.0.0.1:0",
        "[::1]:0",
        "true",
        "a/b",
    ];
    let value = prop_oneof![prop::sample::select(texts.to_vec()).prop_map(str::to_owned), awkward()];
    let all = prop::collection::vec((0..SETTINGS.len(), value), 0..8);
    all.prop_map(|all| {
        let takes = |(at, text): (usize, String)| {
            let setting = &SETTINGS[at];
            let name = setting.name;
            (setting.set)(&mut crate::config::Settings::default(), &text).is_ok().then_some((name, text))
        };
        all.into_iter().filter_map(takes).collect()
    })
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(128) })]

    #[test]
    fn what_is_printed_gives_the_same_settings_and_is_printed_as_it_is(
        flags in values(),
        paths in prop::collection::vec(
            (awkward(), prop::option::of("[a-z]{1,3}"), prop::option::of(0..3_usize), prop::option::of(prop::option::of(1..99_999_u64))),
            1..4,
        ),
        views in prop::collection::vec((awkward(), prop::collection::btree_set(awkward(), 0..3)), 0..3),
    ) {
        let mut effective = crate::config::Effective::default();
        let mut known = std::collections::BTreeSet::new();
        for (path, namespace, fields, ttl) in paths {
            if known.insert(crate::source::file::source_name(path.as_ref())) {
                let unknown_fields = fields.map(|at| ["strict", "warn", "ignore"][at].parse().unwrap());
                let ttl = ttl.map(|ttl| ttl.map(std::time::Duration::from_secs));
                let authority = namespace.is_some();
                let served = crate::config::ServedPath {
                    path: path.into(),
                    default_namespace: namespace,
                    unknown_fields,
                    ttl,
                    authority,
                };
                effective.settings.paths.push(served);
            }
        }
        for (name, text) in flags {
            (crate::config::table::find(name).unwrap().set)(&mut effective.settings, &text).unwrap();
        }
        let rules = views.into_iter().map(|(nodes, namespaces)| crate::views::ViewRule { nodes, namespaces });
        effective.settings.views.rules = rules.collect();
        // What values must be together is not what is tested.
        effective.settings.authorities.retain(|source| &*source.0 == "api");
        effective.settings.debounce_max = std::time::Duration::from_secs(24 * 60 * 60);
        effective.settings.allow_plaintext_beyond_loopback = true;
        let (tls, tokens) = (&mut effective.settings.tls, &mut effective.settings.auth.tokens);
        tls.key = tls.cert.clone();
        if tls.cert.is_none() {
            (tls.client_ca, tls.http_addr) = (None, None);
        }
        tokens.keys = tokens.keys.take().filter(|_| tokens.issuer.is_some());
        if tokens.keys.is_none() {
            (tokens.issuer, tokens.keys_ca, tokens.keys_token_file) = (None, None, None);
        }
        if effective.settings.grpc_addr == effective.settings.http_addr {
            effective.settings.http_addr.set_port(0);
        }

        let first = print(&effective);
        let read = parse(&of_file(&first)).unwrap_or_else(|mistakes| panic!("{mistakes:?}\n{first}"));
        prop_assert_eq!(&read.settings, &effective.settings, "{}", first);
        let second = print(&read);
        let again = parse(&of_file(&second)).unwrap();
        prop_assert_eq!(print(&again), second);
    }
}
