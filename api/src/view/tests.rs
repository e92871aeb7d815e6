use std::collections::BTreeSet;

use proptest::{collection::vec, prelude::*, sample::select};

use super::*;

/// One that is granted by name, and one of which nothing is said.
fn opaque_kinds() -> [Kind; 2] {
    ["view.example/Widget", "view.example/Gadget"].map(|url| Kind::opaque(url).expect("two kinds"))
}

const NAMESPACES: [&str; 4] = ["", "a", "b", "c"];
const NAMES: [&str; 4] = ["x", "y", "*", "x,y"];
/// Of which no grant says anything: it stands for all of which none does.
const OTHER: &str = "other";

fn any_kinds() -> impl Strategy<Value = Kinds> {
    let named = vec![Kind::VIRTUAL_SERVICE, Kind::DESTINATION_RULE, Kind::CLUSTER, opaque_kinds()[0]];
    prop_oneof![
        Just(Kinds::All),
        select(vec!["networking.istio.io", "envoy.mainsheet.io", OPAQUE_GROUP, "nobody.example"])
            .prop_map(|group| Kinds::Group(group.into())),
        select(named).prop_map(Kinds::One),
    ]
}

fn texts(all: &'static [&'static str]) -> impl Strategy<Value = BTreeSet<Arc<str>>> {
    prop::sample::subsequence(all, 0..=3).prop_map(|some| some.into_iter().map(Arc::from).collect())
}

fn any_grant() -> impl Strategy<Value = Grant> {
    let namespaces =
        prop_oneof![1 => Just(Namespaces::All), 3 => texts(&NAMESPACES).prop_map(Namespaces::Only)];
    let names = prop_oneof![1 => Just(Names::All), 2 => texts(&NAMES).prop_map(Names::Only)];
    (any_kinds(), namespaces, names).prop_map(|(kinds, namespaces, names)| Grant { kinds, namespaces, names })
}

fn grants(grant: &Grant, key: &Key) -> bool {
    let of_kind = match &grant.kinds {
        Kinds::All => true,
        Kinds::Group(group) => **group == *key.kind.info().group,
        Kinds::One(kind) => *kind == key.kind,
    };
    let of_namespace = match &grant.namespaces {
        Namespaces::All => true,
        Namespaces::Only(namespaces) => namespaces.contains(&key.namespace),
    };
    let of_name = match &grant.names {
        Names::All => true,
        Names::Only(names) => names.contains(&key.name),
    };
    of_kind && of_namespace && of_name
}

/// Of every kind, in namespaces and of names of which grants speak or not.
fn all_keys() -> Vec<Key> {
    let kinds = || Kind::all().chain(opaque_kinds());
    let namespaces = || NAMESPACES.into_iter().chain([OTHER]);
    let names = || NAMES.into_iter().chain([OTHER]);
    kinds()
        .flat_map(|kind| {
            namespaces().flat_map(move |space| names().map(move |name| Key::new(kind, space, name)))
        })
        .collect()
}

fn seen(view: &View) -> BTreeSet<Key> {
    all_keys().into_iter().filter(|key| view.sees(key, &Audience::everyone())).collect()
}

fn granted(grants_: &[Grant]) -> BTreeSet<Key> {
    all_keys().into_iter().filter(|key| grants_.iter().any(|grant| grants(grant, key))).collect()
}

proptest! {
    #[test]
    fn view_shows_what_any_of_its_grants_does(grants in vec(any_grant(), 0..8)) {
        let view = View::of(grants.clone());
        prop_assert_eq!(seen(&view), granted(&grants));
        for key in all_keys() {
            let shown = match view.of_kind(key.kind).in_namespace(&key.namespace) {
                Shown::Nothing => false,
                Shown::Everything => true,
                Shown::Names(names) => {
                    prop_assert!(names.is_sorted_by(|one, other| one < other));
                    names.contains(&&key.name)
                }
            };
            prop_assert_eq!(shown, view.sees(&key, &Audience::everyone()), "{}", key);
            if let Some(mut namespaces) = view.of_kind(key.kind).namespaces() {
                prop_assert!(!shown || namespaces.any(|namespace| *namespace == key.namespace));
            }
        }
    }

    #[test]
    fn views_are_equal_exactly_where_they_show_the_same(
        one in vec(any_grant(), 0..5),
        other in vec(any_grant(), 0..5),
    ) {
        let (first, second) = (View::of(one.clone()), View::of(other.clone()));
        prop_assert_eq!(first == second, seen(&first) == seen(&second));
        let turned: Vec<Grant> = one.iter().rev().chain(&one).cloned().collect();
        prop_assert_eq!(&View::of(turned), &first);
        for kind in Kind::all().filter(|kind| kind.info().namespaced).chain(opaque_kinds()) {
            let of_kind = |view| seen(view).into_iter().filter(|key| key.kind == kind).collect::<Vec<_>>();
            let is_same = first.digest_of(kind, []) == second.digest_of(kind, []);
            prop_assert_eq!(is_same, of_kind(&first) == of_kind(&second), "{}", kind);
        }
    }

    #[test]
    fn narrowed_view_shows_what_both_do(one in vec(any_grant(), 0..6), other in vec(any_grant(), 0..6)) {
        let (first, second) = (View::of(one), View::of(other));
        let both: BTreeSet<Key> = seen(&first).intersection(&seen(&second)).cloned().collect();
        let narrowed = first.narrowed(&second);
        prop_assert_eq!(seen(&narrowed), both);
        prop_assert_eq!(&narrowed, &second.narrowed(&first));
        prop_assert_eq!(&narrowed, &narrowed.narrowed(&first));
        prop_assert_eq!(&first.narrowed(&View::everything()), &first);
        prop_assert_eq!(&first.narrowed(&View::nothing()), &View::nothing());
    }
}

#[test]
fn kinds_that_turn_up_later_are_in_views_of_all_kinds_and_of_their_group() {
    let all = |kinds| View::of([Grant { kinds, namespaces: Namespaces::All, names: Names::All }]);
    let views = [
        View::everything(),
        View::of_namespaces(["a"]),
        all(Kinds::Group(OPAQUE_GROUP.into())),
        all(Kinds::One(Kind::CLUSTER)),
    ];
    let kind = Kind::opaque("view.example/Later").unwrap();
    let seen = views.map(|view| ["a", "b"].map(|space| view.of_kind(kind).sees(space, "x")));
    assert_eq!(seen, [[true, true], [true, false], [true, true], [false, false]]);
}

fn node(said: &[(&str, &str)]) -> Arc<Node> {
    let said = said.iter().map(|(key, value)| (key.to_string(), value.to_string()));
    Arc::new(Node { id: "me".into(), metadata: said.collect(), ..Node::default() })
}

#[test]
fn view_for_a_node_shows_what_is_meant_for_it_and_no_more_than_before() {
    let canary = Audience::from_text("revision=canary");
    let view = View::of_namespaces(["a"]);
    let key = |namespace| Key::new(Kind::CLUSTER, namespace, "x");
    assert!(view.sees(&key("a"), &canary), "nobody's node is known");
    for (revision, sees) in [("canary", true), ("stable", false)] {
        let view = view.for_node(node(&[("ISTIO_REVISION", revision)]));
        assert_eq!(view.sees(&key("a"), &canary), sees);
        assert!(view.sees(&key("a"), &Audience::everyone()) && !view.sees(&key("b"), &canary));
        let narrowed = view.narrowed(&View::everything());
        assert_eq!(narrowed, view);
        assert_eq!(narrowed.sees(&key("a"), &canary), sees);
    }
}

#[test]
fn views_are_worked_out_once_for_nodes_that_differ_in_nothing_that_is_asked() {
    let mentioned: [Arc<str>; 1] = ["REGION".into()];
    let view = |said| View::everything().for_node(node(said));
    let digests = |said| {
        let view = view(said);
        [view.digest_of(Kind::CLUSTER, []), view.digest_of(Kind::CLUSTER, &mentioned)]
    };
    let east = digests(&[("REGION", "east"), ("POD", "1")]);
    assert_eq!(east, digests(&[("REGION", "east"), ("POD", "2")]));
    assert_ne!(view(&[("POD", "1")]), view(&[("POD", "2")]));
    let west = digests(&[("REGION", "west")]);
    assert_eq!(east[0], west[0]);
    assert_ne!(east[1], west[1]);
    assert_ne!(digests(&[("REGION", "")])[1], digests(&[])[1]);
    assert_ne!(View::everything().digest_of(Kind::CLUSTER, &mentioned), digests(&[])[1]);
}
