use super::*;
use crate::access::{Attributes, Identity};

const NETWORKING: &str = "networking.istio.io";

fn on<'a>(verb: &'a str, resource: &'a str, namespace: &'a str) -> Attributes<'a> {
    let (resource, subresource) = resource.split_once('/').unwrap_or((resource, ""));
    let namespace = (!namespace.is_empty()).then_some(namespace);
    Attributes { verb, group: NETWORKING, resource, subresource, namespace, name: None }
}

fn named<'a>(wanted: Attributes<'a>, name: &'a str) -> Attributes<'a> {
    Attributes { name: Some(name), ..wanted }
}

fn user(name: &str, groups: &[&str]) -> Identity {
    Identity::new(name, groups.iter().copied())
}

#[test]
fn who_is_granted_nothing_may_do_nothing_and_masters_everything() {
    let nothing = Access::default();
    let get = on("get", "gateways", "shop");
    assert!(!nothing.allows(&Identity::anonymous(), &get) && !nothing.allows(&user("alice", &[]), &get));
    assert!(!nothing.allows_path(&user("alice", &[]), "get", "/metrics"));
    assert!(nothing.allows(&Identity::local(), &get));
    assert!(nothing.allows_path(&Identity::local(), "get", "/metrics"));
}

#[test]
fn role_binding_of_a_cluster_role_grants_it_in_its_namespace_only() {
    let access = access(&[
        role(("", "view"), &[rule(&["get"], &[NETWORKING], &["gateways"])]),
        binding(("shop", "view"), "ClusterRole/view", &["User/alice"]),
        binding(("", "view"), "ClusterRole/view", &["User/bob"]),
    ]);
    let (alice, bob) = (user("alice", &[]), user("bob", &[]));
    for (namespace, expected) in [("shop", [true, true]), ("other", [false, true]), ("", [false, true])] {
        let get = on("get", "gateways", namespace);
        assert_eq!([access.allows(&alice, &get), access.allows(&bob, &get)], expected, "{namespace:?}");
    }
}

#[test]
fn binding_of_a_role_that_is_missing_grants_nothing_until_it_is_there() {
    let lone = access(&[binding(("shop", "b"), "Role/view", &["User/alice"])]);
    let get = on("get", "gateways", "shop");
    let alice = user("alice", &[]);
    assert!(!lone.allows(&alice, &get));
    let view = role(("shop", "view"), &[rule(&["*"], &["*"], &["*"])]);
    let (whole, concerned) = lone.edited([put(&view)]);
    assert!(whole.allows(&alice, &get) && concerned.covers(&alice));
    assert!(!whole.allows(&alice, &on("get", "gateways", "other")));
    let elsewhere = role(("other", "view"), &[rule(&["*"], &["*"], &["*"])]);
    let (_, concerned) = lone.edited([put(&elsewhere)]);
    assert!(concerned.is_empty(), "a role of another namespace");
}

#[test]
fn service_accounts_are_granted_something_by_name_and_by_their_groups() {
    let account = Identity::service_account("istio-mcp", "istiod");
    let get = on("get", "gateways", "shop");
    for subject in [
        "ServiceAccount/istio-mcp:istiod",
        "ServiceAccount/:istiod",
        "User/system:serviceaccount:istio-mcp:istiod",
        "Group/system:serviceaccounts",
        "Group/system:serviceaccounts:istio-mcp",
        "Group/system:authenticated",
    ] {
        let view = role(("", "view"), &[rule(&["get"], &["*"], &["*"])]);
        let namespace = if subject.contains("/:") { "istio-mcp" } else { "shop" };
        let access = access(&[view, binding((namespace, "b"), "ClusterRole/view", &[subject])]);
        assert!(access.allows(&account, &Attributes { namespace: Some(namespace), ..get }), "{subject}");
        let other = Identity::service_account("other", "other");
        let is_for_all = ["Group/system:serviceaccounts", "Group/system:authenticated"].contains(&subject);
        let allowed = access.allows(&other, &Attributes { namespace: Some(namespace), ..get });
        assert_eq!(allowed, is_for_all, "{subject}");
    }
}

#[test]
fn user_and_group_of_one_name_are_two() {
    let all = role(("", "all"), &[rule(&["*"], &["*"], &["*"])]);
    let access = access(&[all, binding(("", "b"), "ClusterRole/all", &["Group/ops"])]);
    let get = on("get", "gateways", "shop");
    assert!(access.allows(&user("alice", &["ops"]), &get));
    assert!(!access.allows(&user("ops", &[]), &get));
}

#[test]
fn resource_names_grant_named_requests_only() {
    let some = pb::PolicyRule {
        resource_names: texts(&["a", "b"]),
        ..rule(&["get", "list", "watch", "create"], &[NETWORKING], &["gateways"])
    };
    let access =
        access(&[role(("", "some"), &[some]), binding(("", "b"), "ClusterRole/some", &["User/alice"])]);
    let alice = user("alice", &[]);
    for verb in ["get", "list", "watch"] {
        let any = on(verb, "gateways", "shop");
        assert!(!access.allows(&alice, &any), "{verb}");
        assert!(
            access.allows(&alice, &named(any, "a")) && !access.allows(&alice, &named(any, "c")),
            "{verb}"
        );
    }
    let key = Key::new(Kind::of_argument("gateway").unwrap(), "shop", "a");
    assert!(access.allows(&alice, &Attributes::of_key("get", &key)));
    assert!(!access.allows(&alice, &Attributes::of_key("create", &key)), "whoever creates names nothing");
}

#[test]
fn subresources_are_granted_apart_from_their_resource() {
    let cases: &[(&str, &[&str], &[&str])] = &[
        ("gateways", &["gateways"], &["gateways/status", "sidecars"]),
        ("gateways/status", &["gateways/status"], &["gateways", "gateways/scale", "sidecars/status"]),
        ("*/status", &["gateways/status", "sidecars/status"], &["gateways", "gateways/scale"]),
        ("*", &["gateways", "gateways/status"], &[]),
    ];
    for (granted, may, may_not) in cases {
        let rules = [rule(&["get"], &[NETWORKING], &[granted])];
        let access = access(&[role(("", "r"), &rules), binding(("", "b"), "ClusterRole/r", &["User/alice"])]);
        for resource in *may {
            assert!(access.allows(&user("alice", &[]), &on("get", resource, "shop")), "{granted} {resource}");
        }
        for resource in *may_not {
            assert!(
                !access.allows(&user("alice", &[]), &on("get", resource, "shop")),
                "{granted} {resource}"
            );
        }
    }
}

#[test]
fn paths_are_granted_by_cluster_role_bindings_up_to_a_star_at_the_end() {
    let paths = pb::PolicyRule {
        verbs: texts(&["get"]),
        non_resource_urls: texts(&["/metrics", "/debug/*"]),
        ..pb::PolicyRule::default()
    };
    let access = access(&[
        role(("", "paths"), &[paths]),
        binding(("", "b"), "ClusterRole/paths", &["User/alice"]),
        binding(("shop", "b"), "ClusterRole/paths", &["User/bob"]),
    ]);
    let alice = user("alice", &[]);
    for (path, expected) in [
        ("/metrics", true),
        ("/metrics/x", false),
        ("/debug/", true),
        ("/debug/syncz", true),
        ("/debug", false),
    ] {
        assert_eq!(access.allows_path(&alice, "get", path), expected, "{path}");
    }
    assert!(!access.allows_path(&alice, "post", "/metrics"));
    assert!(!access.allows_path(&user("bob", &[]), "get", "/metrics"), "paths are in no namespace");
}

fn labelled(resource: Resource, label: &str) -> Resource {
    Resource { labels: [(label.to_owned(), "true".to_owned())].into(), ..resource }
}

fn aggregating(name: &str, label: &str, rules: &[pb::PolicyRule]) -> Resource {
    let selector =
        pb::LabelSelector { match_labels: [(label.into(), "true".into())].into(), ..Default::default() };
    let aggregation_rule = Some(pb::AggregationRule { cluster_role_selectors: vec![selector] });
    document(Kind::CLUSTER_ROLE, ("", name), &pb::ClusterRole { aggregation_rule, rules: rules.to_vec() })
}

#[test]
fn aggregated_cluster_role_has_the_rules_of_all_that_it_reaches_and_none_of_its_own() {
    let own = [rule(&["delete"], &["*"], &["*"])];
    let documents = [
        aggregating("admin", "to-admin", &own),
        labelled(aggregating("edit", "to-edit", &[]), "to-admin"),
        labelled(role(("", "part"), &[rule(&["get"], &[NETWORKING], &["gateways"])]), "to-edit"),
        binding(("", "b"), "ClusterRole/admin", &["User/alice"]),
    ];
    let access = access(&documents);
    let alice = user("alice", &[]);
    assert!(access.allows(&alice, &on("get", "gateways", "shop")));
    assert!(!access.allows(&alice, &on("delete", "gateways", "shop")), "as a controller would overwrite it");
    let more = labelled(role(("", "more"), &[rule(&["list"], &[NETWORKING], &["gateways"])]), "to-edit");
    let (access, concerned) = access.edited([put(&more)]);
    assert!(access.allows(&alice, &on("list", "gateways", "shop")) && concerned.covers(&alice));
    let (access, concerned) = access.edited([Edit::remove(&documents[2].key).unwrap()]);
    assert!(!access.allows(&alice, &on("get", "gateways", "shop")) && concerned.covers(&alice));
}

#[test]
fn cluster_roles_that_select_each_other_have_what_others_add() {
    let rules = |verb: &str| [rule(&[verb], &[NETWORKING], &["gateways"])];
    let access = access(&[
        labelled(aggregating("one", "l", &rules("get")), "l"),
        labelled(aggregating("two", "l", &rules("get")), "l"),
        labelled(role(("", "part"), &rules("list")), "l"),
        binding(("", "b"), "ClusterRole/one", &["User/alice"]),
    ]);
    let alice = user("alice", &[]);
    assert!(access.allows(&alice, &on("list", "gateways", "shop")));
    assert!(!access.allows(&alice, &on("get", "gateways", "shop")));
}

#[test]
fn change_of_one_binding_concerns_whom_it_adds_and_drops() {
    let view = role(("", "view"), &[rule(&["get"], &["*"], &["*"])]);
    let before = access(&[view.clone(), binding(("shop", "b"), "ClusterRole/view", &["User/a", "User/b"])]);
    let concerned = |edit: &Resource| before.edited([put(edit)]).1.users.into_iter().collect::<Vec<_>>();
    let of = |subjects: &[&str], role: &str| concerned(&binding(("shop", "b"), role, subjects));
    assert!(of(&["User/b", "User/a"], "ClusterRole/view").is_empty(), "nothing changed");
    assert_eq!(of(&["User/b", "User/c"], "ClusterRole/view"), ["a".into(), "c".into()]);
    assert_eq!(of(&["User/b"], "ClusterRole/other"), ["a".into(), "b".into()]);
    assert!(concerned(&view).is_empty(), "nothing changed");
    assert!(concerned(&labelled(view, "l")).is_empty(), "labels grant nothing");
}

#[test]
fn refusals_are_worded_as_kubernetes_words_them() {
    let refusal = on("get", "gateways/status", "shop").refusal(&user("alice", &[]));
    let expected = "user \"alice\" cannot get resource \"gateways/status\" in API group \"networking.istio.io\" \
                    in the namespace \"shop\"";
    assert_eq!(refusal, expected);
    let everywhere = on("list", "gateways", "").refusal(&Identity::anonymous());
    let expected = "user \"system:anonymous\" cannot list resource \"gateways\" in API group \
                    \"networking.istio.io\" at the cluster scope";
    assert_eq!(everywhere, expected);
}

#[test]
fn names_are_what_can_stand_in_a_path() {
    for good in ["view", "system:node", "A b", "a.b", "ü", &"x".repeat(253)] {
        assert!(super::super::is_access_name(good), "{good}");
    }
    for bad in ["", ".", "..", "a/b", "a%b", "a\nb", &"x".repeat(254)] {
        assert!(!super::super::is_access_name(bad), "{bad:?}");
    }
}

fn refused(access: &Access, identity: &Identity, document: &Resource) -> Option<String> {
    access.check_grant(identity, &put(document)).err().map(|escalation| escalation.to_string())
}

#[test]
fn nobody_gives_what_they_do_not_have() {
    let get = rule(&["get"], &[NETWORKING], &["gateways"]);
    let access = access(&[
        role(("", "get"), std::slice::from_ref(&get)),
        binding(("shop", "b"), "ClusterRole/get", &["User/alice"]),
    ]);
    let alice = user("alice", &[]);
    assert_eq!(refused(&access, &alice, &role(("shop", "r"), std::slice::from_ref(&get))), None);
    assert_eq!(refused(&access, &alice, &binding(("shop", "c"), "ClusterRole/get", &["User/bob"])), None);
    let more = role(("shop", "r"), &[rule(&["get", "list"], &[NETWORKING], &["gateways"])]);
    let expected = "user \"alice\" is attempting to grant RBAC permissions not currently held: \
                    {APIGroups:[\"networking.istio.io\"], Resources:[\"gateways\"], Verbs:[\"list\"]}; who may \
                    escalate resource \"roles\" in API group \"rbac.authorization.k8s.io\" in the namespace \"shop\" \
                    may do it all the same";
    assert_eq!(refused(&access, &alice, &more).as_deref(), Some(expected));
    for document in [
        role(("other", "r"), std::slice::from_ref(&get)),
        role(("", "r"), std::slice::from_ref(&get)),
        binding(("other", "c"), "ClusterRole/get", &["User/bob"]),
        binding(("", "c"), "ClusterRole/get", &["User/bob"]),
        binding(("shop", "c"), "ClusterRole/missing", &["User/bob"]),
        aggregating("all", "l", &[]),
    ] {
        assert!(refused(&access, &alice, &document).is_some(), "{}", document.key);
        assert_eq!(refused(&access, &Identity::local(), &document), None, "{}", document.key);
    }
}

#[test]
fn who_may_escalate_or_bind_gives_what_they_do_not_have() {
    let verbs = [
        rule(&["escalate"], &["rbac.authorization.k8s.io"], &["roles"]),
        pb::PolicyRule {
            resource_names: texts(&["all"]),
            ..rule(&["bind"], &["rbac.authorization.k8s.io"], &["clusterroles"])
        },
    ];
    let all = [rule(&["*"], &["*"], &["*"])];
    let access = access(&[
        role(("", "verbs"), &verbs),
        role(("", "all"), &all),
        role(("", "other"), &all),
        binding(("shop", "b"), "ClusterRole/verbs", &["User/alice"]),
    ]);
    let alice = user("alice", &[]);
    assert_eq!(refused(&access, &alice, &role(("shop", "r"), &all)), None);
    assert!(refused(&access, &alice, &role(("other", "r"), &all)).is_some());
    assert_eq!(refused(&access, &alice, &binding(("shop", "c"), "ClusterRole/all", &["User/alice"])), None);
    assert!(
        refused(&access, &alice, &binding(("shop", "c"), "ClusterRole/other", &["User/alice"])).is_some()
    );
    assert!(refused(&access, &alice, &binding(("other", "c"), "ClusterRole/all", &["User/alice"])).is_some());
}
