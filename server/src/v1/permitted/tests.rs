use mainsheet_api::{
    access::{Access, Concerned, Identity},
    codec::{self, Content, Defaults, UnknownFields},
    kind::Kind,
    time::Timestamp,
    wire::Entry,
};
use proptest::{collection::vec, prelude::*, sample::select};

use super::*;
use crate::{
    auth::Grants,
    intake::states::{NAMES, NOW, after, key, nothing, put, record, remove},
};

/// What `ana` may do by rules of a Role in a namespace.
fn grants(namespace: &str, rules: &str) -> Grants {
    let (access, concerned) = edited(namespace, rules);
    let grants = Grants::default();
    grants.change(access, &concerned);
    grants
}

fn edited(namespace: &str, rules: &str) -> (Access, Concerned) {
    let documents = format!(
        "apiVersion: rbac.authorization.k8s.io/v1\nkind: Role\nmetadata: {{name: r, namespace: {namespace}}}\nrules: {rules}\n\
         ---\napiVersion: rbac.authorization.k8s.io/v1\nkind: RoleBinding\nmetadata: {{name: b, namespace: {namespace}}}\n\
         roleRef: {{apiGroup: rbac.authorization.k8s.io, kind: Role, name: r}}\n\
         subjects: [{{apiGroup: rbac.authorization.k8s.io, kind: User, name: ana}}]\n"
    );
    let edits = resources(&documents).into_iter().filter_map(|resource| Edit::put(&resource).unwrap());
    Access::default().edited(edits.collect::<Vec<_>>())
}

fn resources(text: &str) -> Vec<mainsheet_api::resource::Resource> {
    let defaults = Defaults { namespace: "shop", scope: "", unknown_fields: UnknownFields::Strict };
    let read = codec::read(text, defaults).into_iter().map(|document| match document.content {
        Content::Resource { resource, .. } => *resource,
        other => panic!("{other:?}"),
    });
    read.collect()
}

fn ana(grants: Grants) -> Rights {
    Rights::new(Identity::new("ana", ["system:authenticated"]), grants)
}

/// In namespace shop, these verbs on routes.
fn verbs(verbs: &str) -> Rights {
    ana(grants(
        "shop",
        &format!("[{{apiGroups: [networking.istio.io], resources: [virtualservices], verbs: [{verbs}]}}]"),
    ))
}

/// Plans these changes.
#[derive(Clone)]
struct Fixed(Vec<Change>);

impl Planner for Fixed {
    type Answer = ();

    fn plan(&mut self, _: &Snapshot, _: Now) -> Planned<()> {
        Planned { changes: self.0.clone(), ..Planned::nothing(()) }
    }
}

fn plan(rights: Rights, named: Named, state: &Snapshot, changes: Vec<Change>) -> Result<usize, Vec<String>> {
    let mut planner = Permitted { planner: Fixed(changes), rights, named, touched: Arc::default() };
    let Planned { changes, answer, .. } = planner.plan(state, NOW);
    match answer {
        Ok(()) => Ok(changes.len()),
        Err(denied) => {
            assert!(changes.is_empty(), "what is denied changes nothing");
            Err(denied.into_iter().map(|denied| denied.reason).collect())
        }
    }
}

fn changed(rights: Rights, state: &Snapshot, change: Change) -> bool {
    plan(rights, Named::default(), state, vec![change]).is_ok()
}

fn puts(names: &[&str]) -> Named {
    Named { puts: names.iter().map(|name| key(name)).collect(), ..Named::default() }
}

#[test]
fn each_change_needs_its_verb() {
    let (empty, full) = (nothing(), after(&nothing(), [put("api", "a", 1)]));
    // State, change, the verbs of which each is enough.
    let cases: [(&Snapshot, Change, &[&str]); 3] = [
        (&empty, put("api", "a", 1), &["create"]),
        (&full, put("api", "a", 2), &["update", "patch"]),
        (&full, remove("api", "a"), &["delete"]),
    ];
    for (state, change, enough) in cases {
        for verb in ["get", "list", "watch", "create", "update", "patch", "delete", "escalate", "bind"] {
            let is_enough = changed(verbs(verb), state, change.clone());
            assert_eq!(is_enough, enough.contains(&verb), "{verb} {change:?}");
        }
        assert!(changed(Rights::all(), state, change.clone()));
        assert!(changed(verbs("'*'"), state, change));
    }
}

#[test]
fn whoever_may_do_nothing_is_told_the_same_whether_there_is_something_or_not() {
    let (empty, full) = (nothing(), after(&nothing(), [put("api", "a", 1)]));
    let reader = || verbs("get, list, watch");
    for named in [puts(&["a"]), Named { removes: vec![key("a")], ..Named::default() }] {
        let told = |state: &Snapshot| plan(reader(), named.clone(), state, Vec::new()).unwrap_err();
        assert_eq!(told(&empty), told(&full), "{named:?}");
    }
    let looks = Named { looks: vec![key("a")], ..Named::default() };
    let told = |state: &Snapshot| plan(verbs("update"), looks.clone(), state, Vec::new()).unwrap_err();
    assert_eq!(told(&empty), told(&full));
}

#[test]
fn one_that_is_forbidden_changes_nothing_and_all_of_them_are_named() {
    let only_a = "[{apiGroups: [networking.istio.io], resources: [virtualservices], resourceNames: [a], verbs: [update]}]";
    let state = after(&nothing(), NAMES.map(|name| put("api", name, 1)));
    let changes = NAMES.map(|name| put("api", name, 2)).to_vec();
    let denied = plan(ana(grants("shop", only_a)), puts(&NAMES), &state, changes).unwrap_err();
    let reason = "user \"ana\" cannot patch resource \"virtualservices\" in API group \"networking.istio.io\" in the namespace \"shop\"";
    assert_eq!(denied, [reason, reason]);
}

#[test]
fn other_namespaces_and_kinds_are_not_granted() {
    let elsewhere = grants("till", "[{apiGroups: ['*'], resources: ['*'], verbs: ['*']}]");
    assert!(plan(ana(elsewhere), puts(&["a"]), &nothing(), Vec::new()).is_err());
    let other = grants("shop", "[{apiGroups: ['*'], resources: [gateways], verbs: ['*']}]");
    assert!(plan(ana(other), puts(&["a"]), &nothing(), Vec::new()).is_err());
}

#[test]
fn rollback_needs_the_verb_for_what_becomes_of_what_is_served() {
    let served = after(&nothing(), [put("files", "a", 1)]);
    let held = after(&served, [put("hold", "a", 2)]);
    let only_held = after(&nothing(), [put("hold", "a", 2)]);
    let absence = |name: &str| {
        let entry = Entry::absence(key(name).wire_name());
        Change::Put(Arc::new(Record { entry, ..record("hold", name, 0) }))
    };
    let cases: [(&Snapshot, Change, &[&str]); 5] = [
        (&nothing(), put("hold", "a", 1), &["create"]),
        (&served, put("hold", "a", 2), &["update", "patch"]),
        (&served, absence("a"), &["delete"]),
        (&held, remove("hold", "a"), &["update", "patch"]),
        (&only_held, remove("hold", "a"), &["delete"]),
    ];
    for (state, change, enough) in cases {
        for verb in ["get", "create", "update", "patch", "delete"] {
            let is_enough = changed(verbs(verb), state, change.clone());
            assert_eq!(is_enough, enough.contains(&verb), "{verb} {change:?}");
        }
    }
}

/// A cluster of Envoy's, whose name on the wire has no namespace.
fn cluster(source: &str, namespace: &str, name: &str) -> Change {
    let text = format!(
        "\"@type\": type.googleapis.com/envoy.config.cluster.v3.Cluster\nname: {name}\nmainsheet.io/namespace: {namespace}\n"
    );
    let resource = resources(&text).remove(0);
    let base = record(source, name, 1);
    Change::Put(Arc::new(Record {
        key: resource.key.clone(),
        entry: Entry::encode(&resource, Timestamp(0)),
        ..base
    }))
}

#[test]
fn name_on_the_wire_of_another_namespace_is_not_taken_from_it() {
    let state = after(&nothing(), [cluster("files", "till", "c")]);
    let rules = "[{apiGroups: ['*'], resources: ['*'], verbs: ['*']}]";
    assert!(changed(ana(grants("shop", rules)), &nothing(), cluster("api", "shop", "c")));
    assert!(!changed(ana(grants("shop", rules)), &state, cluster("api", "shop", "c")));
    assert!(!changed(ana(grants("shop", rules)), &state, cluster("hold", "shop", "c")));
}

/// A Role that allows everything with gateways.
fn role(source: &str) -> Change {
    let text = "apiVersion: rbac.authorization.k8s.io/v1\nkind: Role\nmetadata: {name: more, namespace: shop}\n\
                rules: [{apiGroups: [networking.istio.io], resources: [gateways], verbs: [get]}]\n";
    let resource = resources(text).remove(0);
    let base = record(source, "more", 1);
    Change::Put(Arc::new(Record {
        key: resource.key.clone(),
        entry: Entry::encode(&resource, Timestamp(0)),
        ..base
    }))
}

#[test]
fn nobody_writes_a_role_that_grants_more_than_they_have() {
    let roles = "apiGroups: [rbac.authorization.k8s.io], resources: [roles]";
    let writes = format!("{{{roles}, verbs: [create]}}");
    let holds = "{apiGroups: [networking.istio.io], resources: [gateways], verbs: [get, list]}";
    let escalates = format!("{{{roles}, verbs: [create, escalate]}}");
    for source in ["api", "hold"] {
        let may = |rules: &str| changed(ana(grants("shop", rules)), &nothing(), role(source));
        assert!(!may(&format!("[{writes}]")), "{source}");
        assert!(!may(&format!("[{holds}]")), "{source}");
        assert!(may(&format!("[{writes}, {holds}]")) && may(&format!("[{escalates}]")), "{source}");
        assert!(changed(Rights::all(), &nothing(), role(source)));
    }
}

#[test]
fn grants_of_the_moment_count_where_a_write_waited() {
    let granted = grants("shop", "[]");
    let mut planner = Permitted {
        planner: Fixed(vec![put("api", "a", 1)]),
        rights: ana(granted.clone()),
        named: puts(&["a"]),
        touched: Arc::default(),
    };
    assert!(planner.plan(&nothing(), NOW).answer.is_err());
    let (access, concerned) = edited("shop", "[{apiGroups: ['*'], resources: ['*'], verbs: [create]}]");
    granted.change(access, &concerned);
    assert!(planner.plan(&nothing(), NOW).answer.is_ok());
}

fn change() -> impl Strategy<Value = Change> {
    let place = (select(vec!["api", "hold"]), select(NAMES.to_vec()), 0_u8..4);
    place.prop_map(|(source, name, content)| match content {
        0 => remove(source, name),
        content => put(source, name, content),
    })
}

proptest! {
    /// Whatever is planned, it changes something only where every verb that Kubernetes would ask for is granted.
    #[test]
    fn nothing_is_changed_without_its_verb(
        states in vec(change(), 0..6),
        asked in change(),
        granted in proptest::sample::subsequence(vec!["create", "update", "patch", "delete"], 0..=4),
    ) {
        let state = states.into_iter().fold(nothing(), |state, change| after(&state, [change]));
        let has = |verb: &str| granted.contains(&verb);
        let (kind, name) = (Kind::VIRTUAL_SERVICE, asked.key().wire_name());
        let served = state.served(kind, &name).is_some();
        let below = state.contestants(kind, &name).iter().any(|held| &*held.source.0 != "hold");
        let own = state.held(asked.source(), asked.key()).is_some();
        let is_hold = &*asked.source().0 == "hold";
        let updates = has("update") || has("patch");
        let expected = match &asked {
            Change::Put(_) if if is_hold { served } else { own } => updates,
            Change::Put(_) => has("create"),
            Change::Remove { .. } if is_hold && below => updates,
            Change::Remove { .. } => has("delete"),
        };
        let is_made = changed(verbs(&granted.join(", ")), &state, asked);
        prop_assert_eq!(is_made, expected);
    }
}
