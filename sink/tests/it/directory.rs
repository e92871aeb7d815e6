//! The directory applier, without a server.

use std::{
    fs,
    path::{Path, PathBuf},
    sync::Arc,
};

use mainsheet_api::{
    version::{Nonce, ResourceVersion},
    xds::client::{Received, Update},
};
use mainsheet_sink::{Apply, DirectoryApplier, DirectoryError, Form, Rejection};

use crate::resource::{any, route};

const TYPE: &str = "networking.istio.io/v1/VirtualService";

/// Where the file of a route is.
fn place(root: &Path, name: &str) -> PathBuf {
    root.join(TYPE).join(format!("shop/{name}.yaml"))
}

/// Changed: names with the host that they lead to, which is their version, too.
fn update(changed: &[(&str, &str)], removed: &[&str]) -> Update {
    let received = |(name, host): &(&str, &str)| Received {
        name: format!("shop/{name}").into(),
        version: ResourceVersion::new(*host),
        any: any(&route(name, host)),
    };
    Update {
        type_url: TYPE.into(),
        nonce: Nonce("n".into()),
        version: String::new(),
        changed: changed.iter().map(received).collect(),
        removed: removed.iter().map(|name| format!("shop/{name}").into()).collect(),
        lifetimes: Vec::new(),
    }
}

fn open(root: &Path) -> DirectoryApplier {
    DirectoryApplier::open(root, Form::Yaml).unwrap()
}

/// Names with versions.
fn held(applier: &DirectoryApplier) -> Vec<(String, String)> {
    let held = applier.held().into_iter();
    held.map(|(_, name, version)| (name.to_string(), version.to_string())).collect()
}

fn pairs(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
    pairs.iter().map(|(name, version)| (format!("shop/{name}"), (*version).to_owned())).collect()
}

#[tokio::test]
async fn directory_follows_what_is_applied() {
    let root = tempfile::tempdir().unwrap();
    let mut applier = open(root.path());
    applier.apply(&update(&[("a", "x"), ("b", "x")], &[])).await.unwrap();
    assert_eq!(fs::read_to_string(place(root.path(), "a")).unwrap(), route("a", "x"));
    applier.apply(&update(&[("a", "z")], &["b"])).await.unwrap();
    assert_eq!(fs::read_to_string(place(root.path(), "a")).unwrap(), route("a", "z"));
    assert!(!place(root.path(), "b").exists());
    applier.apply(&update(&[], &["a", "never"])).await.unwrap();
    let left: Vec<_> = fs::read_dir(root.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert!(left.iter().all(|name| name.to_string_lossy().starts_with(".mainsheet-")), "{left:?}");
}

#[tokio::test]
async fn what_it_holds_survives_a_restart_but_for_what_others_changed() {
    let root = tempfile::tempdir().unwrap();
    let mut applier = open(root.path());
    applier.apply(&update(&[("a", "x"), ("b", "x"), ("c", "x")], &[])).await.unwrap();
    drop(applier);
    fs::write(place(root.path(), "b"), "edited").unwrap();
    fs::remove_file(place(root.path(), "c")).unwrap();
    let mut applier = open(root.path());
    assert_eq!(held(&applier), pairs(&[("a", "x")]));
    // They are ours all the same.
    applier.apply(&update(&[("b", "x")], &["c"])).await.unwrap();
    assert_eq!(held(&applier), pairs(&[("a", "x"), ("b", "x")]));
    assert_eq!(fs::read_to_string(place(root.path(), "b")).unwrap(), route("b", "x"));
}

#[tokio::test]
async fn file_of_somebody_else_is_never_touched() {
    let root = tempfile::tempdir().unwrap();
    let mut applier = open(root.path());
    fs::create_dir_all(place(root.path(), "a").parent().unwrap()).unwrap();
    fs::write(place(root.path(), "a"), "mine").unwrap();
    let rejection = applier.apply(&update(&[("a", "x"), ("b", "x")], &[])).await.unwrap_err();
    let refused: Vec<_> = rejection.resources().map(|(name, _)| name).collect();
    assert_eq!((refused, rejection.is_rest_applied()), (vec!["shop/a"], true));
    assert!(rejection.to_string().contains("was not written by this client"), "{rejection}");
    assert_eq!(held(&applier), pairs(&[("b", "x")]));
    applier.apply(&update(&[], &["a"])).await.unwrap();
    assert_eq!(fs::read_to_string(place(root.path(), "a")).unwrap(), "mine");
}

#[tokio::test]
async fn crash_between_a_file_and_the_index_leaves_no_file_that_is_nobodys() {
    let root = tempfile::tempdir().unwrap();
    let mut applier = open(root.path());
    applier.apply(&update(&[("a", "x")], &[])).await.unwrap();
    let before = fs::read(root.path().join(".mainsheet-index")).unwrap();
    applier.apply(&update(&[("a", "z")], &[])).await.unwrap();
    drop(applier);
    // The index as it was when the file was there already.
    fs::write(root.path().join(".mainsheet-index"), before).unwrap();
    let mut applier = open(root.path());
    assert_eq!(held(&applier), []);
    applier.apply(&update(&[("a", "z")], &[])).await.unwrap();
    assert_eq!(held(&applier), pairs(&[("a", "z")]));
}

#[tokio::test]
async fn other_form_replaces_the_files() {
    let root = tempfile::tempdir().unwrap();
    let mut applier = open(root.path());
    applier.apply(&update(&[("a", "x")], &[])).await.unwrap();
    drop(applier);
    let mut applier = DirectoryApplier::open(root.path(), Form::Bytes).unwrap();
    assert_eq!(held(&applier), []);
    assert!(!place(root.path(), "a").exists());
    let update = update(&[("a", "x")], &[]);
    applier.apply(&update).await.unwrap();
    let bytes = fs::read(place(root.path(), "a").with_extension("pb")).unwrap();
    assert_eq!(bytes, prost::Message::encode_to_vec(&update.changed[0].any));
}

#[tokio::test]
async fn resource_that_can_not_be_written_leaves_the_last_good() {
    let root = tempfile::tempdir().unwrap();
    let mut applier = open(root.path());
    applier.apply(&update(&[("a", "x")], &[])).await.unwrap();
    let mut bad = update(&[("a", "z"), ("b", "x")], &[]);
    bad.changed[0].any.value = b"nonsense".as_slice().into();
    let rejection: Rejection = applier.apply(&bad).await.unwrap_err();
    assert_eq!(rejection.resources().count(), 1);
    assert_eq!(held(&applier), pairs(&[("a", "x"), ("b", "x")]));
    let unknown = Update { type_url: Arc::from("example.org/v1/Thing"), ..update(&[("a", "x")], &[]) };
    assert!(applier.apply(&unknown).await.unwrap_err().to_string().contains("can't be written as YAML"));
}

#[test]
fn directory_has_one_keeper_and_an_index_that_is_one() {
    let root = tempfile::tempdir().unwrap();
    let applier = open(root.path());
    let again = DirectoryApplier::open(root.path(), Form::Yaml);
    assert!(matches!(again, Err(DirectoryError::InUse(_))), "{again:?}");
    drop(applier);
    fs::write(root.path().join(".mainsheet-index"), "nonsense").unwrap();
    let damaged = DirectoryApplier::open(root.path(), Form::Yaml).unwrap_err().to_string();
    assert!(
        damaged
            .ends_with("line 1: no index of mainsheet; move the directory away to begin with an empty one"),
        "{damaged}"
    );
}
