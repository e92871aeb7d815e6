use std::sync::Arc;

use mainsheet_api::{
    access::{Attributes, Identity},
    change::Change,
    codec::{self, Content, Defaults, UnknownFields},
    resource::{Provenance, Record, Resource, Terms},
    time::Timestamp,
    view::Audience,
    wire::Entry,
};

use super::*;

const DEFAULTS: Defaults<'_> =
    Defaults { namespace: "shop", scope: "", unknown_fields: UnknownFields::Strict };

const ROLE: &str =
    "Role, metadata: {name: read}, rules: [{verbs: [get], apiGroups: ['*'], resources: ['*']}]";

fn source(name: &str) -> SourceName {
    SourceName(Arc::from(name))
}

/// The strongest first; the last one but one is of a tenant.
fn precedence() -> Vec<SourceName> {
    ["hold", "api", "files:tenant", "files:access", "files:weak"].map(source).into()
}

fn read(document: &str) -> Resource {
    let text = format!("{{apiVersion: rbac.authorization.k8s.io/v1, kind: {document}}}");
    match codec::read(&text, DEFAULTS).remove(0).content {
        Content::Resource { resource, .. } => *resource,
        other => panic!("{other:?}"),
    }
}

fn binding(user: &str) -> String {
    format!(
        "RoleBinding, metadata: {{name: b}}, roleRef: {{kind: Role, name: read}}, subjects: [{{kind: User, name: {user}}}]"
    )
}

fn record(name: &str, key: Key, entry: Entry) -> Change {
    Change::Put(Arc::new(Record {
        source: source(name),
        key,
        entry,
        audience: Audience::everyone(),
        created: Timestamp(1),
        provenance: Provenance::default(),
        warnings: Vec::new(),
        terms: Terms::default(),
    }))
}

fn put(name: &str, document: &str) -> Change {
    let resource = read(document);
    record(name, resource.key.clone(), Entry::encode(&resource, Timestamp(1)))
}

fn absent(name: &str, document: &str) -> Change {
    let key = read(document).key;
    record(name, key.clone(), Entry::absence(key.wire_name()))
}

fn remove(name: &str, document: &str) -> Change {
    Change::Remove { source: source(name), key: read(document).key }
}

/// A server that commits, with these authorities.
struct Desk {
    newest: SnapshotCatalog,
    authority: Authority,
    grants: Grants,
}

impl Desk {
    fn new(authorities: &[&str]) -> Self {
        let grants = Grants::default();
        let authority = Authority::new(authorities.iter().map(|name| source(name)), grants.clone());
        Self { newest: SnapshotCatalog(Arc::new(Snapshot::nothing(precedence()))), authority, grants }
    }

    fn commit(&mut self, changes: impl IntoIterator<Item = Change>) {
        let next = self.newest.0.with_changes(self.newest.0.revision().next(), changes);
        self.newest = SnapshotCatalog(Arc::new(next));
        self.authority.take_over(self.newest.clone());
    }

    /// Who of three may read.
    fn readers(&self) -> Vec<&'static str> {
        let get = Attributes::of_kind("get", Kind::VIRTUAL_SERVICE, Some("shop"));
        let may = |user: &&str| self.grants.now(&Identity::new(*user, ["g"])).allows(&get);
        ["alice", "bob", "carol"].into_iter().filter(may).collect()
    }
}

#[test]
fn sources_that_are_no_authority_neither_grant_nor_hide() {
    let mut desk = Desk::new(&["files:access"]);
    desk.commit([put("files:access", ROLE), put("files:access", &binding("alice"))]);
    assert_eq!(desk.readers(), ["alice"]);
    desk.commit([put("files:tenant", &binding("bob")), put("api", &binding("bob"))]);
    assert_eq!(desk.readers(), ["alice"], "stronger sources have a document of the same name");
    desk.commit([absent("hold", &binding("alice"))]);
    assert_eq!(desk.readers(), ["alice"], "a rollback is a write of the API");
    desk.commit([put("files:access", &binding("carol"))]);
    assert_eq!(desk.readers(), ["carol"], "hidden, and counts all the same");
    desk.commit([remove("files:access", &binding("carol"))]);
    assert!(desk.readers().is_empty());
}

#[test]
fn without_an_authority_nothing_is_granted() {
    let mut desk = Desk::new(&[]);
    desk.commit([put("files:access", ROLE), put("files:access", &binding("alice"))]);
    assert!(desk.readers().is_empty());
}

#[test]
fn of_several_authorities_the_strongest_counts() {
    let mut desk = Desk::new(&["files:weak", "api", "files:access"]);
    desk.commit([put("files:weak", ROLE), put("files:weak", &binding("alice"))]);
    desk.commit([put("files:access", &binding("bob"))]);
    assert_eq!(desk.readers(), ["bob"]);
    desk.commit([put("api", &binding("carol"))]);
    assert_eq!(desk.readers(), ["carol"]);
    desk.commit([put("hold", &binding("alice"))]);
    assert_eq!(desk.readers(), ["alice"], "rolled back, where what is applied counts");
    desk.commit([absent("hold", &binding("alice"))]);
    assert!(desk.readers().is_empty(), "rolled back to when there was none");
    desk.commit([remove("hold", &binding("alice")), remove("api", &binding("alice"))]);
    assert_eq!(desk.readers(), ["bob"]);
}

#[test]
fn only_whom_a_change_concerns_is_woken() {
    let mut desk = Desk::new(&["files:access"]);
    desk.commit([put("files:access", ROLE), put("files:access", &binding("alice"))]);
    let mut held = ["alice", "bob", "carol"].map(|user| desk.grants.of(&Identity::new(user, ["g"])));
    let mut woken = |desk: &mut Desk, change: Change| {
        desk.commit([change]);
        held.each_mut().map(|receiver| {
            let is_woken = receiver.has_changed().unwrap();
            receiver.mark_unchanged();
            is_woken
        })
    };
    assert_eq!(woken(&mut desk, put("files:access", &binding("bob"))), [true, true, false]);
    assert_eq!(woken(&mut desk, put("files:tenant", &binding("carol"))), [false; 3]);
    assert_eq!(woken(&mut desk, remove("files:access", ROLE)), [false, true, false]);
}

#[tokio::test]
async fn snapshots_are_handed_on_once_grants_are_as_they_say() {
    let mut desk = Desk::new(&["files:access"]);
    let (grants, stop) = (Grants::default(), CancellationToken::new());
    let (follow, newest) = watch::channel(desk.newest.clone());
    let (told, mut seen) = watch::channel(desk.newest.clone());
    let authority = Authority::new([source("files:access")], grants.clone());
    let following = run(authority, newest, told, stop.clone());
    let committing = async {
        for user in ["alice", "bob", "carol"] {
            desk.commit([put("files:access", ROLE), put("files:access", &binding(user))]);
            follow.send_replace(desk.newest.clone());
            let revision = desk.newest.0.revision();
            seen.wait_for(|snapshot| snapshot.0.revision() == revision).await.unwrap();
            let get = Attributes::of_kind("get", Kind::VIRTUAL_SERVICE, Some("shop"));
            assert!(grants.now(&Identity::new(user, ["g"])).allows(&get), "{user}");
        }
        stop.cancel();
    };
    let (ended, ()) = tokio::join!(following, committing);
    ended.unwrap();
}
