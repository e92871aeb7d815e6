use std::time::Duration;

use proptest::prelude::*;

use mainsheet_api::kind::Kind;

use super::*;
use crate::{
    config::{GuardMode, Settings, StoreKind},
    views::ViewRule,
};

fn given(file: &str, environment: &[(&str, &str)], flags: &[(&'static str, &str)]) -> Given {
    Given {
        file: Some(GivenFile { path: "m.yaml".into(), text: Ok(file.into()) }),
        environment: environment.iter().map(|(name, text)| (name.to_string(), text.to_string())).collect(),
        flags: flags.iter().map(|(name, text)| (*name, text.to_string())).collect(),
        paths: vec!["mesh".into()],
        upstreams: Vec::new(),
    }
}

fn parse(given: &Given) -> Result<Settings, Vec<Mistake>> {
    super::parse(given).map(|effective| effective.settings)
}

fn mistakes(given: &Given) -> Vec<String> {
    parse(given).unwrap_err().iter().map(ToString::to_string).collect()
}

/// Paths for which nothing is set.
fn paths(paths: &[&str]) -> Vec<ServedPath> {
    paths.iter().map(|path| PathBuf::from(path).into()).collect()
}

#[test]
fn without_anything_but_a_path_everything_is_default() {
    let settings = parse(&Given { paths: vec!["mesh".into()], ..Given::default() }).unwrap();
    assert_eq!(settings, Settings { paths: paths(&["mesh"]), ..Settings::default() });
}

#[test]
fn an_empty_file_is_no_mistake() {
    for text in ["", "# nothing\n", "---\n"] {
        assert!(parse(&given(text, &[], &[])).is_ok(), "{text:?}");
    }
}

#[test]
fn what_is_nested_without_end_is_a_mistake_and_no_overflow() {
    let mistake = |levels: usize| {
        let text = format!("views: {}a{}", "[".repeat(levels), "]".repeat(levels));
        parse(&given(&text, &[], &[])).unwrap_err().remove(0)
    };
    for levels in [9, 60] {
        assert_eq!(mistake(levels).wrong, "nested deeper than 8 levels");
    }
    // The parser has a bound of its own.
    assert!(mistake(100_000).to_string().starts_with("m.yaml:1:"));
    let deepest = "upstreams: [{address: [a:1, b:1]}]\nviews: [{nodes: a, namespaces: [b]}]\n";
    assert!(parse(&given(deepest, &[], &[])).is_ok());
}

#[test]
fn flag_beats_environment_beats_file_beats_default() {
    let file = "debounce-quiet: 1ms\ndebounce-max: 2ms\nguard-hold: 3ms\n";
    let environment = [("MAINSHEET_DEBOUNCE_MAX", "20ms"), ("MAINSHEET_GUARD_HOLD", "30ms")];
    let settings = parse(&given(file, &environment, &[("guard-hold", "300ms")])).unwrap();
    assert_eq!(settings.debounce_quiet, Duration::from_millis(1));
    assert_eq!(settings.debounce_max, Duration::from_millis(20));
    assert_eq!(settings.guard_hold, Duration::from_millis(300));
    assert_eq!(settings.write_deadline, Settings::default().write_deadline);
}

#[test]
fn paths_come_from_the_strongest_that_names_some() {
    let file = "paths: [a, b]\n";
    let mut given = given(file, &[], &[]);
    assert_eq!(parse(&given).unwrap().paths, paths(&["mesh"]));
    given.paths.clear();
    assert_eq!(parse(&given).unwrap().paths, paths(&["a", "b"]));
    given.environment.insert("MAINSHEET_PATHS".into(), "c:d".into());
    assert_eq!(parse(&given).unwrap().paths, paths(&["c", "d"]));
}

#[test]
fn path_that_is_given_twice_is_a_mistake_however_it_is_spelt() {
    let twice = Given { paths: ["mesh", "more", "./mesh/"].map(String::from).into(), ..Given::default() };
    let expected =
        "flag DIR|FILE: `./mesh/` is named twice; name each directory or file once, the strongest first";
    assert_eq!(mistakes(&twice), [expected]);
    let file = Given { paths: Vec::new(), ..given("\npaths: [a, a]\n", &[], &[]) };
    let expected = "m.yaml:2:1: `a` is named twice; name each directory or file once, the strongest first";
    assert_eq!(mistakes(&file), [expected]);
}

#[test]
fn path_has_settings_of_its_own_that_are_stronger_than_those_for_all() {
    let file = "paths: [a, {path: b, unknown-fields: warn}, {path: c, default-namespace: shop}]\n";
    let all = Given { paths: Vec::new(), ..given(file, &[], &[("unknown-fields", "ignore")]) };
    let settings = parse(&all).unwrap();
    let documents: Vec<_> = settings
        .paths
        .iter()
        .map(|path| path.documents(&settings.documents))
        .map(|documents| (documents.default_namespace, documents.unknown_fields.to_string()))
        .collect();
    let expected = [("default", "ignore"), ("default", "warn"), ("shop", "ignore")];
    assert_eq!(documents, expected.map(|(namespace, fields)| (namespace.to_owned(), fields.to_owned())));
}

#[test]
fn paths_of_a_stronger_layer_take_what_was_set_for_those_of_the_file_away() {
    let file = "paths: [{path: mesh, unknown-fields: warn}]\n";
    let effective = super::parse(&given(file, &[], &[])).unwrap();
    assert_eq!(effective.settings.paths, paths(&["mesh"]));
    assert_eq!(effective.origin("paths[0].unknown-fields"), &Origin::Default);
}

#[test]
fn mistakes_in_paths_come_at_once_and_each_says_where_it_was_made() {
    let file = "paths:\n- {path: a, unknown-fields: loose}\n- {path: b, store: redb}\n- {default-namespace: x}\n- [c]\n\
                - {path: no}\n";
    let right = "write `paths: [a, {path: b, unknown-fields: warn}]`";
    assert_eq!(
        mistakes(&Given { paths: Vec::new(), ..given(file, &[], &[]) }),
        [
            format!("m.yaml:3:13: `store` of a path is unknown or of the wrong form; {right}"),
            format!("m.yaml:4:3: an item of `paths` has no `path`; {right}"),
            "m.yaml:5:3: an item of `paths` is not a text; write a text".to_owned(),
            "m.yaml:6:10: the `path` of a path is read as `false`, not as a text; put it in quotes".to_owned(),
            "m.yaml:2:29: `loose` is no value for `paths[0].unknown-fields`; write one of: strict, warn, ignore"
                .to_owned(),
        ]
    );
}

#[test]
fn file_that_can_not_be_read_is_a_mistake_among_others() {
    let file = Some(GivenFile { path: "m.yaml".into(), text: Err("on fire".into()) });
    assert_eq!(
        mistakes(&Given { file, ..Given::default() }),
        [
            "m.yaml: the config file can't be read: on fire; name a file that can",
            "default: nothing to serve; name at least one directory or file, or a server to follow (--upstream)",
        ]
    );
}

#[test]
fn views_come_from_the_file() {
    let file = "views:\n- nodes: sidecar~*\n  namespaces: [shop, bank]\n- {nodes: '*', namespaces: ['*']}\n";
    let settings = parse(&given(file, &[], &[])).unwrap();
    let first = ViewRule { nodes: "sidecar~*".into(), namespaces: ["bank".into(), "shop".into()].into() };
    assert_eq!(settings.views.rules.len(), 2);
    assert_eq!(settings.views.rules[0], first);
}

#[test]
fn names_that_yaml_takes_for_something_else_have_to_be_quoted() {
    let file = "paths: [n, 1.10]\nviews:\n- {nodes: '*', namespaces: [on, 'no']}\n";
    assert_eq!(
        mistakes(&given(file, &[], &[])),
        [
            "m.yaml:1:9: an item of `paths` is read as `false`, not as a text; put it in quotes",
            "m.yaml:1:12: an item of `paths` is read as `1.1`, not as a text; put it in quotes",
            "m.yaml:3:29: an item of `namespaces` is read as `true`, not as a text; put it in quotes",
        ]
    );
}

#[test]
fn all_mistakes_come_at_once_and_each_says_where_it_was_made() {
    let file =
        "store: sqlite\ngrpc_addr: 127.0.0.1:1\nhistory-len: 0\nviews:\n- nodes: x\n  namespace: [a]\n";
    let environment = [("MAINSHEET_GUARD_MODE", "never"), ("MAINSHEET_LOGLEVEL", "info")];
    let found = mistakes(&given(file, &environment, &[("log-level", "loud"), ("debounce-quiet", "2s")]));
    assert_eq!(
        found,
        [
            "m.yaml:2:1: unknown key `grpc_addr`; did you mean `grpc-addr`?",
            "m.yaml:6:3: `namespace` of a view is unknown or of the wrong form; write `- {nodes: \"sidecar~*\", namespaces: [shop]}`",
            "m.yaml:5:3: a view has no `namespaces`; write `- {nodes: \"sidecar~*\", namespaces: [shop]}`",
            "m.yaml:1:8: `sqlite` is no value for `store`; write one of: redb, memory",
            "m.yaml:3:14: `0` is no value for `history-len`; write a whole number, at least 1",
            "environment variable MAINSHEET_GUARD_MODE: `never` is no value for `guard-mode`; write one of: proceed, stay",
            "environment variable MAINSHEET_LOGLEVEL: no setting is called so; did you mean `MAINSHEET_LOG_LEVEL`?",
            "flag --log-level: `loud` is no value for `log-level`; write one of: error, warn, info, debug, trace",
            "flag --debounce-quiet: `debounce-quiet` is longer than `debounce-max`; write a shorter one, or a longer `debounce-max`",
        ]
    );
}

#[test]
fn a_value_that_is_overridden_must_still_be_right() {
    let found = mistakes(&given("store: sqlite\n", &[], &[("store", "memory")]));
    assert_eq!(found, ["m.yaml:1:8: `sqlite` is no value for `store`; write one of: redb, memory"]);
}

#[test]
fn text_that_is_no_yaml_is_named_with_its_place() {
    let found = mistakes(&given("store: [redb\nlog-level: info\n", &[], &[]));
    assert_eq!(found, ["m.yaml:2:10: illegal placement of ':' indicator; write YAML, a `key: value` a line"]);
}

#[test]
fn a_key_given_twice_is_a_mistake() {
    let found = mistakes(&given("store: redb\nstore: memory\n", &[], &[]));
    assert_eq!(found, ["m.yaml:2:1: duplicate mapping key: store; write YAML, a `key: value` a line"]);
}

#[test]
fn nothing_to_serve_is_a_mistake() {
    let found = mistakes(&Given::default());
    let right = "name at least one directory or file, or a server to follow (--upstream)";
    assert_eq!(found, [format!("default: nothing to serve; {right}")]);
}

#[test]
fn plaintext_beyond_loopback_has_to_be_asked_for() {
    let addr = ("grpc-addr", "0.0.0.0:15010");
    let found = mistakes(&given("", &[], &[addr]));
    assert_eq!(
        found,
        [
            "flag --grpc-addr: `grpc-addr` 0.0.0.0:15010 is plaintext and can be reached from other machines; write a \
          loopback address such as 127.0.0.1:15010, or set allow-plaintext-beyond-loopback if whoever can connect may \
          read everything"
        ]
    );
    let asked = ("allow-plaintext-beyond-loopback", "true");
    assert!(parse(&given("", &[], &[addr, asked])).is_ok());
    assert!(parse(&given("", &[], &[("grpc-addr", "[::1]:15010")])).is_ok());
}

#[test]
fn both_ports_the_same_is_a_mistake_but_two_free_ones_are_not() {
    let same = [("grpc-addr", "127.0.0.1:7"), ("http-addr", "127.0.0.1:7")];
    assert_eq!(
        mistakes(&given("", &[], &same)),
        ["flag --http-addr: `http-addr` 127.0.0.1:7 is `grpc-addr` too; write another port"]
    );
    assert!(parse(&given("", &[], &[("grpc-addr", "127.0.0.1:0"), ("http-addr", "127.0.0.1:0")])).is_ok());
}

#[test]
fn words_are_read_from_every_layer() {
    let settings = parse(&given("store: memory\n", &[("MAINSHEET_GUARD_MODE", "stay")], &[])).unwrap();
    assert_eq!((settings.store, settings.guard_mode), (StoreKind::Memory, GuardMode::Stay));
}

/// Text that is nearly a config file, so that more than the YAML parser is reached.
fn nearly_a_file() -> impl Strategy<Value = String> {
    let key = prop_oneof![
        (0..table::SETTINGS.len()).prop_map(|index| table::SETTINGS[index].name.to_owned()),
        Just("paths".to_owned()),
        Just("views".to_owned()),
        "[a-z-]{1,8}",
    ];
    let value = prop_oneof![
        "[ -~]{0,12}",
        Just("[a, b]".to_owned()),
        Just("[{nodes: a, namespaces: [b]}]".to_owned())
    ];
    proptest::collection::vec((key, value), 0..6)
        .prop_map(|fields| fields.iter().map(|(key, value)| format!("{key}: {value}\n")).collect())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn any_text_gives_settings_or_mistakes_that_say_where(text in prop_oneof![any::<String>(), nearly_a_file()]) {
        if let Err(mistakes) = parse(&given(&text, &[], &[])) {
            prop_assert!(!mistakes.is_empty());
            for mistake in mistakes {
                prop_assert!(mistake.origin != Origin::Default, "{mistake}");
                prop_assert!(!mistake.wrong.is_empty() && !mistake.right.is_empty(), "{mistake}");
            }
        }
    }
}

#[test]
fn servers_to_follow_come_from_the_strongest_that_names_some() {
    let file = "\npaths: []\nupstreams:\n- xds://a:1\n- {address: [b:1, b:2], name: b, kinds: [vs, Cluster], variant: delta}\n";
    let mut given = Given { paths: Vec::new(), ..given(file, &[], &[]) };
    let sources = |given: &Given| {
        let settings = parse(given).unwrap();
        settings.upstreams.iter().map(|server| server.source().to_string()).collect::<Vec<_>>()
    };
    assert_eq!(sources(&given), ["xds:a:1", "xds:b"]);
    let second = &parse(&given).unwrap().upstreams[1];
    assert_eq!(second.addresses, ["b:1", "b:2"]);
    assert_eq!(second.kinds(), [Kind::VIRTUAL_SERVICE, Kind::CLUSTER]);
    given.environment.insert("MAINSHEET_UPSTREAMS".into(), "c:1 d:1,d:2".into());
    assert_eq!(sources(&given), ["xds:c:1", "xds:d:1"]);
    given.upstreams = vec!["e:1".into()];
    assert_eq!(sources(&given), ["xds:e:1"]);
}

#[test]
fn every_mistake_about_servers_to_follow_is_told() {
    let file = "\
upstreams:
- nowhere
- {address: ftp://a:1}
- {name: b}
- {address: c:1, kinds: [VirtualServices, Klister]}
- {address: d:1, variant: soap, node-id: \"\"}
- {address: e:1, variant: sotw, kinds: ClusterLoadAssignment}
- {address: f:1, colour: red}
- g:1
- xds://g:1/
";
    let right = "write HOST:PORT or xds://HOST:PORT, for example xds://127.0.0.1:15010; replicas with commas";
    let form = "write `upstreams: [xds://a:15010, {address: xds://b:15010, variant: sotw}]`";
    let expected = [
        "m.yaml:4:3: an item of `upstreams` has no `address`; ".to_owned() + form,
        "m.yaml:8:18: `colour` of an upstream is unknown or of the wrong form; ".to_owned() + form,
        "m.yaml:2:3: `nowhere` is no address of a server to follow; ".to_owned() + right,
        "m.yaml:3:3: `ftp://a:1` is no address of a server to follow; ".to_owned() + right,
        "m.yaml:5:25: `VirtualServices,Klister` is no value for `upstreams[0].kinds`; write kinds with commas between them, \
         for example Cluster,Listener, or none"
            .to_owned(),
        "m.yaml:6:27: `soap` is no value for `upstreams[1].variant`; write one of: delta, sotw".to_owned(),
        "m.yaml:6:42: `` is no value for `upstreams[1].node-id`; write a node id, for example \
         sidecar~10.0.0.9~agent.edge~edge.svc.cluster.local"
            .to_owned(),
        "m.yaml:7:3: `xds:e:1` is asked for ClusterLoadAssignment in sotw, which never says that one is gone; write \
         `variant: delta`, or leave ClusterLoadAssignment out of its `kinds`"
            .to_owned(),
        "m.yaml:1:1: `xds:g:1` is followed twice; name each server once, replicas of one as one address with commas"
            .to_owned(),
    ];
    assert_eq!(mistakes(&given(file, &[], &[])), expected);
}

#[test]
fn server_to_follow_is_enough_to_serve() {
    let alone = Given { upstreams: vec!["xds://hub:15010".into()], ..Given::default() };
    assert_eq!(
        parse(&alone).unwrap().upstreams[0].node_id("edge-1"),
        "sidecar~127.0.0.1~edge-1.mainsheet~mainsheet.svc.cluster.local"
    );
    let nothing =
        "default: nothing to serve; name at least one directory or file, or a server to follow (--upstream)";
    assert_eq!(mistakes(&Given::default()), [nothing]);
}
