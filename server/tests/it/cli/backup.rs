use std::{
    fs,
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread,
};

use bytes::Bytes;
use mainsheet_api::{
    change::{Cause, Change, Commit, Fence},
    resource::{Record, SourceName},
    time::Timestamp,
    version::Revision,
};
use mainsheet_cache::store::{Backup, MemoryStore, RedbStore, Store, StoreOptions};
use tempfile::TempDir;

use super::rig::{Ended, Served, folder, route, run};
use crate::mesh;

fn backed_up(folder: &TempDir, name: &str) -> Backup {
    Backup::decode(&fs::read(folder.path().join(name)).unwrap().into()).unwrap()
}

async fn exported(dir: &Path) -> (RedbStore, Backup) {
    let store = RedbStore::open(dir, StoreOptions::default()).await.unwrap();
    let backup = store.export().await.unwrap();
    (store, backup)
}

fn names(dir: &Path) -> Vec<String> {
    let mut names: Vec<_> =
        fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

#[test]
fn backup_taken_while_writes_go_on_is_restored_as_the_store_of_its_revision() {
    let folder = folder(&[("mesh/a.yaml", &route("shop", "a", "first"))]);
    let served = Served::start(&folder, &["--data-dir", "data"]);
    let is_over = Arc::new(AtomicBool::new(false));
    let (path, until) = (folder.path().join("mesh"), Arc::clone(&is_over));
    let writing = thread::spawn(move || {
        let mut round = 0;
        while !until.load(Ordering::Relaxed) {
            round += 1;
            fs::write(path.join(format!("n{}.yaml", round % 7)), route("shop", "n", &format!("h{round}")))
                .unwrap();
        }
    });
    let backups: Vec<_> = (0..4).map(|number| format!("{number}.backup")).collect();
    for name in &backups {
        let ended = run(&folder, &["backup", "-o", name, "--server", &served.grpc]);
        assert_eq!((ended.code, ended.out.as_str()), (0, ""), "{}", ended.err);
        let len = fs::metadata(folder.path().join(name)).unwrap().len();
        assert_eq!(ended.err, format!("{len} bytes written to `{name}`\n"));
    }
    is_over.store(true, Ordering::Relaxed);
    writing.join().unwrap();
    let piped = run_bytes(&folder, &["backup", "--server", &served.grpc]);
    assert!(Backup::decode(&piped).unwrap().state.revision >= backed_up(&folder, "3.backup").state.revision);
    assert_eq!(served.process.end("-TERM").0, 0);
    assert_eq!(names(folder.path()), ["0.backup", "1.backup", "2.backup", "3.backup", "data", "mesh"]);
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let mode = fs::metadata(folder.path().join("0.backup")).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    for name in &backups {
        let copy = format!("copy-of-{name}");
        let ended = run(&folder, &["restore", name, "--data-dir", &copy]);
        assert_eq!(ended.code, 0, "{}", ended.err);
        let backup = backed_up(&folder, name);
        let revision = backup.state.revision;
        assert!(
            ended.out.starts_with(&format!("restored revision {revision} into `{copy}`: ")),
            "{}",
            ended.out
        );
        runtime.block_on(async {
            let (_, restored) = exported(&folder.path().join(&copy)).await;
            assert!(restored == backup);
            let (original, all) = exported(&folder.path().join("data")).await;
            assert_eq!(original.state_at(revision).await.unwrap(), Some(backup.state.clone()));
            assert_eq!(all.commits[..backup.commits.len()], backup.commits);
        });
    }
    let again = run(&folder, &["restore", "0.backup", "--data-dir", "data"]);
    assert_eq!((again.code, again.out.as_str()), (1, ""));
    assert!(again.err.contains("is there already"), "{}", again.err);
}

fn run_bytes(folder: &TempDir, args: &[&str]) -> Bytes {
    let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_mainsheet"));
    let ended = command.args(args).current_dir(folder.path()).env_clear().output().unwrap();
    assert!(ended.status.success());
    ended.stdout.into()
}

fn record(source: SourceName, name: &str) -> Arc<Record> {
    Arc::new(Record { source, ..Record::clone(&mesh::record(name, 10)) })
}

/// A backup in which the API and a rollback hold something, and a source.
async fn of_another_server() -> Backup {
    let store = MemoryStore::default();
    let changes = vec![
        record(SourceName::api(), "shop/applied"),
        record(SourceName::hold(), "shop/held"),
        record(SourceName("files:mesh".into()), "shop/told"),
    ];
    let commit = Commit {
        base: Revision::ZERO,
        fence: Fence(0),
        cause: Cause::default(),
        at: Timestamp(1),
        changes: changes.into_iter().map(Change::Put).collect(),
    };
    store.commit(commit).await.unwrap();
    store.export().await.unwrap()
}

fn file_of(backup: &Backup) -> Vec<u8> {
    backup.encode().collect::<Vec<_>>().concat()
}

/// What the layers that no source tells hold.
fn untold(backup: &Backup) -> Vec<Arc<Record>> {
    let layers = [SourceName::hold(), SourceName::api()];
    let records = backup.state.records.iter().map(|stored| Arc::clone(&stored.record));
    records.filter(|record| layers.contains(&record.source)).collect()
}

#[test]
fn running_server_takes_back_what_no_source_tells_as_one_revision() {
    let folder = folder(&[("mesh/a.yaml", &route("shop", "a", "first"))]);
    let served = Served::start(&folder, &[]);
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let backup = runtime.block_on(of_another_server());
    fs::write(folder.path().join("full"), file_of(&backup)).unwrap();
    let empty = runtime.block_on(async { MemoryStore::default().export().await.unwrap() });
    fs::write(folder.path().join("empty"), file_of(&empty)).unwrap();
    let mut damaged = file_of(&backup);
    damaged[100] ^= 1;
    fs::write(folder.path().join("damaged"), &damaged).unwrap();
    fs::write(folder.path().join("cut"), &file_of(&backup)[..200]).unwrap();

    let restore = |args: &[&str]| run(&folder, &[&["restore", "--server", &served.grpc][..], args].concat());
    let now = |name| {
        assert_eq!(run(&folder, &["backup", "-o", name, "--server", &served.grpc]).code, 0);
        backed_up(&folder, name)
    };
    let before = now("before");
    for (name, wrong) in
        [("damaged", "is damaged at byte "), ("cut", "it is cut off: "), ("mesh/a.yaml", "it is no backup")]
    {
        let refused = restore(&[name]);
        assert_eq!((refused.code, refused.out.as_str()), (1, ""));
        assert!(
            refused.err.starts_with(&format!("error: backup `{name}`")) && refused.err.contains(wrong),
            "{}",
            refused.err
        );
    }
    let told = |out: String| Ended { code: 0, out, err: String::new() };
    let left = "left to their sources: files:mesh\n";
    assert_eq!(
        restore(&["full", "--dry-run"]),
        told(format!("would restore revision 1: 2 put, 0 removed\n{left}"))
    );
    assert!(now("unchanged") == before);
    assert_eq!(
        restore(&["full", "-m", "lost it"]),
        told(format!("restored revision 1 as revision 2: 2 put, 0 removed\n{left}"))
    );
    let after = now("after");
    assert_eq!(untold(&after), untold(&backup));
    let committed = &after.commits[1].committed;
    assert_eq!(
        (committed.cause.what.as_str(), committed.cause.message.as_str()),
        ("restore of revision 1", "lost it")
    );
    let got = run(&folder, &["get", "vs", "-n", "shop", "-o", "name", "--server", &served.grpc]);
    assert_eq!(got.out.lines().count(), 3, "{}", got.out);
    assert_eq!(
        restore(&["full"]),
        told(format!("nothing to restore: the server has what revision 1 had\n{left}"))
    );
    assert_eq!(restore(&["empty"]), told("restored revision 0 as revision 3: 0 put, 2 removed\n".to_owned()));
    assert_eq!(untold(&now("emptied")), []);
}
