//! Files that only another version, another program or damage writes.

use std::path::Path;

use mainsheet_api::{
    change::{Change, Commit, Fence},
    generated::mainsheet::store::v1 as rows,
    key::Key,
    kind::Kind,
    resource::SourceName,
    time::Timestamp,
    version::Revision,
};
use prost::Message;
use redb::{ReadableTable, TableDefinition, TableHandle};

use super::{
    FORMAT, RedbStore, open,
    table::{COMMITS, META, RECORDS, Rows, STANDING_KEY, part_key, seal},
    write,
};
use crate::{
    error::StoreError,
    store::{Store, StoreOptions},
};

async fn refusal(dir: &Path) -> StoreError {
    RedbStore::open(dir, StoreOptions::default()).await.expect_err("it is refused")
}

fn new_database(dir: &Path) -> redb::Database {
    redb::Database::create(open::file_in(dir)).unwrap()
}

/// A store with one commit, closed, and then changed by `edit`.
async fn edited(
    edit: impl FnOnce(&mut redb::Table<'_, &'static [u8], &'static [u8]>),
    table: Rows,
) -> StoreError {
    let dir = tempfile::tempdir().unwrap();
    let store = RedbStore::open(dir.path(), StoreOptions::default()).await.unwrap();
    let remove =
        Change::Remove { source: SourceName("files".into()), key: Key::new(Kind::CLUSTER, "shop", "x") };
    let commit = Commit {
        base: Revision::ZERO,
        fence: Fence(0),
        cause: "test".into(),
        at: Timestamp(1),
        changes: vec![remove],
    };
    store.commit(commit).await.unwrap();
    drop(store);
    let database = open::open_database(
        std::fs::File::options().read(true).write(true).open(open::file_in(dir.path())).unwrap(),
    )
    .unwrap();
    let transaction = write::begin(&database).unwrap();
    edit(&mut transaction.open_table(table).unwrap());
    transaction.commit().unwrap();
    drop(database);
    refusal(dir.path()).await
}

#[tokio::test]
async fn newer_format_is_refused_and_named() {
    let dir = tempfile::tempdir().unwrap();
    write::initialise(&new_database(dir.path()), FORMAT + 1).unwrap();
    let refused = refusal(dir.path()).await;
    assert!(matches!(refused, StoreError::Newer { found: 3, known: 2, .. }), "{refused}");
}

#[tokio::test]
async fn newer_format_is_refused_whatever_else_it_changed() {
    let dir = tempfile::tempdir().unwrap();
    let database = new_database(dir.path());
    write::initialise(&database, FORMAT + 1).unwrap();
    let transaction = database.begin_write().unwrap();
    transaction.delete_table(RECORDS).unwrap();
    transaction
        .open_table(TableDefinition::<u64, u64>::new(COMMITS.name()))
        .expect_err("it has another type");
    transaction.delete_table(COMMITS).unwrap();
    transaction.open_table(META).unwrap().remove(STANDING_KEY).unwrap();
    transaction.commit().unwrap();
    drop(database);
    assert!(matches!(refusal(dir.path()).await, StoreError::Newer { .. }));
}

#[tokio::test]
async fn format_that_never_was_is_damage() {
    let dir = tempfile::tempdir().unwrap();
    write::initialise(&new_database(dir.path()), 0).unwrap();
    assert!(matches!(refusal(dir.path()).await, StoreError::Damaged { .. }));
}

#[tokio::test]
async fn database_of_another_program_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let database = new_database(dir.path());
    let transaction = database.begin_write().unwrap();
    transaction.open_table(TableDefinition::<&str, u64>::new("theirs")).unwrap().insert("a", 1).unwrap();
    transaction.commit().unwrap();
    drop(database);
    assert!(matches!(refusal(dir.path()).await, StoreError::Damaged { .. }));
}

#[tokio::test]
async fn kind_of_another_version_is_refused_and_named() {
    let key =
        rows::Key { group: "networking.istio.io".into(), kind: "Future".into(), ..rows::Key::default() };
    let removal = rows::Removal { source: "files".into(), key: Some(key) };
    let part = rows::CommitPart {
        header: Some(rows::CommitHeader { parts: 1, changes: 1, ..rows::CommitHeader::default() }),
        changes: vec![rows::Change { change: Some(rows::change::Change::Remove(removal)) }],
    };
    let place = part_key(Revision(1), 0);
    let refused = edited(
        |commits| drop(commits.insert(&place[..], &seal(&place, &part.encode_to_vec())[..]).unwrap()),
        COMMITS,
    )
    .await;
    let StoreError::UnknownKind { kind, .. } = refused else { panic!("{refused}") };
    assert_eq!(kind, "networking.istio.io/Future");
}

#[tokio::test]
async fn missing_part_of_a_commit_is_damage() {
    let refused =
        edited(|commits| drop(commits.remove(&part_key(Revision(1), 0)[..]).unwrap()), COMMITS).await;
    assert!(matches!(refused, StoreError::Damaged { .. }), "{refused}");
}

#[tokio::test]
async fn missing_row_is_damage() {
    let refused = edited(|records| drop(records.pop_first().unwrap().expect("a row")), RECORDS).await;
    assert!(matches!(refused, StoreError::Damaged { .. }), "{refused}");
}

#[tokio::test]
async fn row_in_the_place_of_another_is_damage() {
    let refused = edited(
        |records| {
            let row = records.first().unwrap().expect("a row").1.value().to_vec();
            records.pop_first().unwrap();
            records.insert(&b"elsewhere"[..], &row[..]).unwrap();
        },
        RECORDS,
    )
    .await;
    assert!(matches!(refused, StoreError::Damaged { .. }), "{refused}");
}
