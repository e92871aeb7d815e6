//! What a file source tells, batch by batch.

use std::{
    collections::BTreeMap,
    ffi::OsStr,
    fs::{self, File},
    io::Write,
    os::unix::{ffi::OsStrExt, fs::symlink},
    path::{Path, PathBuf},
    process::Command,
    sync::Arc,
};

use mainsheet_api::{
    codec::Content,
    limits::FILE_BYTES_MAX,
    time::{Clock, Timestamp, Uptime},
};
use mainsheet_server::{
    clock::SystemClock,
    source::{
        Batch, Completeness, DocumentOptions, Extent, SourceParts,
        file::{self, FileSourceOptions},
    },
    source_health::SourceHealth,
    task::TaskSet,
};
use tokio::sync::{mpsc, watch};
use tokio_util::sync::CancellationToken;

use crate::rig::{PATIENCE, files, replace, route, write};

/// A running source, and what an intake that believes everything would hold.
struct Told {
    batches: mpsc::Receiver<Batch>,
    /// Names of resources by origin.
    held: BTreeMap<String, Vec<String>>,
    /// Codes of findings by origin.
    rejected: BTreeMap<String, Vec<String>>,
    /// Every batch so far: its extent and origins.
    log: Vec<(Extent, Vec<String>)>,
    health: SourceHealth,
    stop: CancellationToken,
    tasks: TaskSet,
}

impl Told {
    fn start(roots: &[&Path]) -> Self {
        Self::start_with(roots, Arc::new(SystemClock::new()))
    }

    fn start_with(roots: &[&Path], clock: Arc<dyn Clock>) -> Self {
        let stop = CancellationToken::new();
        let mut tasks = TaskSet::new(stop.clone());
        let (sender, batches) = mpsc::channel(16);
        let health = SourceHealth::new(files(), "test");
        let options = FileSourceOptions {
            name: files(),
            roots: roots.iter().map(PathBuf::from).collect(),
            documents: DocumentOptions::default(),
        };
        let parts =
            SourceParts { batches: sender, retell: watch::channel(()).1, health: health.clone(), clock };
        tasks.spawn("source", file::run(options, parts, stop.clone()));
        Self {
            batches,
            held: BTreeMap::new(),
            rejected: BTreeMap::new(),
            log: Vec::new(),
            health,
            stop,
            tasks,
        }
    }

    /// Starts, and takes the first batch.
    async fn of(roots: &[&Path]) -> Self {
        let mut told = Self::start(roots);
        told.next("the first batch").await;
        assert_eq!(told.log[0].0, Extent::Whole);
        told
    }

    async fn next(&mut self, what: &str) {
        let batch = tokio::time::timeout(PATIENCE, self.batches.recv()).await;
        let batch = batch.unwrap_or_else(|_| panic!("{what}: still {self:?}")).expect("the source runs");
        self.take_in(batch);
    }

    async fn until(&mut self, what: &str, is_so: impl Fn(&Self) -> bool) {
        while !is_so(self) {
            self.next(what).await;
        }
    }

    fn take_in(&mut self, batch: Batch) {
        let origins: Vec<String> = batch.reports.iter().map(|report| report.origin.clone()).collect();
        if batch.extent == Extent::Whole {
            self.held.retain(|held, _| origins.iter().any(|told| told == held || told.is_empty()));
        }
        self.log.push((batch.extent, origins));
        for report in batch.reports {
            let (mut names, mut codes) = (Vec::new(), Vec::new());
            for document in report.documents {
                match document.content {
                    Content::Resource { resource, .. } => names.push(resource.key.name.to_string()),
                    Content::Rejected { findings, .. } => codes.push(findings[0].code.clone()),
                    Content::Ignored { .. } => {}
                }
            }
            if report.completeness == Completeness::Partial {
                let before = self.held.get(&report.origin).cloned().unwrap_or_default();
                names.extend(before.into_iter().filter(|name| !names.contains(name)).collect::<Vec<_>>());
            }
            for (map, list) in [(&mut self.held, names), (&mut self.rejected, codes)] {
                if list.is_empty() {
                    map.remove(&report.origin)
                } else {
                    map.insert(report.origin.clone(), list)
                };
            }
        }
    }

    fn has(&self, expected: &[(&str, &[&str])]) -> bool {
        let held =
            self.held.iter().map(|(origin, names)| (origin.as_str(), names.iter().map(String::as_str)));
        held.map(|(origin, names)| (origin, names.collect::<Vec<_>>()))
            .eq(expected.iter().map(|(origin, names)| (*origin, names.to_vec())))
    }

    fn codes(&self, origin: &str) -> Vec<&str> {
        self.rejected.get(origin).into_iter().flatten().map(String::as_str).collect()
    }

    async fn end(self) {
        self.stop.cancel();
        self.tasks.join().await.unwrap();
    }
}

impl std::fmt::Debug for Told {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { held, rejected, log, .. } = self;
        write!(f, "held {held:?}, rejected {rejected:?}, log {log:?}")
    }
}

#[tokio::test]
async fn first_batch_is_all_that_there_is() {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), "b.yaml", &format!("{}---\n{}", route("b1", "x"), route("b2", "x")));
    write(folder.path(), "a/a.json", "");
    write(folder.path(), "a/x.yml", &route("x", "x"));
    for leftover in [".b.yaml.swp", "b.yaml~", "#b.yaml#", "4913", ".git/c.yaml", "b.yaml.tmp", "README.md"] {
        write(folder.path(), leftover, &route("leftover", "x"));
    }
    let told = Told::of(&[folder.path()]).await;
    assert_eq!(told.log[0].1, ["a/a.json", "a/x.yml", "b.yaml"]);
    assert!(told.has(&[("a/x.yml", &["x"]), ("b.yaml", &["b1", "b2"])]), "{told:?}");
    told.end().await;
}

#[tokio::test]
async fn edits_replacements_and_unlinks_are_told_one_by_one() {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), "a.yaml", &route("a", "x"));
    write(folder.path(), "b.yaml", &route("b", "x"));
    let mut told = Told::of(&[folder.path()]).await;
    replace(folder.path(), "a.yaml", &route("a2", "x"));
    told.until("replaced", |told| told.has(&[("a.yaml", &["a2"]), ("b.yaml", &["b"])])).await;
    write(folder.path(), "new/deep/c.yaml", &route("c", "x"));
    told.until("a new folder", |told| told.held.contains_key("new/deep/c.yaml")).await;
    write(folder.path(), "new/deep/c.yaml", &route("c2", "x"));
    told.until("an edit in a new folder", |told| told.held["new/deep/c.yaml"] == ["c2"]).await;
    fs::remove_file(folder.path().join("b.yaml")).unwrap();
    told.until("unlinked", |told| !told.held.contains_key("b.yaml")).await;
    assert!(told.log[1..].iter().all(|(extent, _)| *extent == Extent::Loose), "{told:?}");
    told.end().await;
}

#[tokio::test]
async fn folder_that_was_moved_away_is_told_by_telling_everything() {
    let folder = tempfile::tempdir().unwrap();
    let elsewhere = tempfile::tempdir().unwrap();
    write(folder.path(), "a.yaml", &route("a", "x"));
    write(folder.path(), "sub/b.yaml", &route("b", "x"));
    let mut told = Told::of(&[folder.path()]).await;
    fs::rename(folder.path().join("sub"), elsewhere.path().join("sub")).unwrap();
    told.until("moved away", |told| told.has(&[("a.yaml", &["a"])])).await;
    assert_eq!(told.log.last().unwrap().0, Extent::Whole, "nobody saw b.yaml being unlinked");
    told.end().await;
}

/// Writes one state of a ConfigMap as Kubernetes mounts it, and swaps it in.
fn mount(folder: &Path, state: &str, content: &[(&str, String)]) {
    for (name, text) in content {
        write(&folder.join(state), name, text);
    }
    symlink(state, folder.join("..data_tmp")).unwrap();
    fs::rename(folder.join("..data_tmp"), folder.join("..data")).unwrap();
    for (name, _) in content {
        if fs::symlink_metadata(folder.join(name)).is_err() {
            symlink(format!("..data/{name}"), folder.join(name)).unwrap();
        }
    }
}

#[tokio::test]
async fn swap_of_a_mounted_config_map_is_one_atomic_batch() {
    let folder = tempfile::tempdir().unwrap();
    let volume = folder.path().join("volume");
    write(folder.path(), "beside.yaml", &route("beside", "x"));
    mount(
        &volume,
        "..2026_1",
        &[
            ("a.yaml", route("a", "x")),
            ("b.yaml", route("b", "x")),
            ("gone.yaml", route("gone", "x")),
            ("same.yaml", route("same", "x")),
        ],
    );
    let mut told = Told::of(&[folder.path()]).await;
    assert_eq!(told.held.len(), 5, "each key once: {told:?}");
    mount(
        &volume,
        "..2026_2",
        &[
            ("a.yaml", route("a2", "x")),
            ("b.yaml", route("b2", "x")),
            ("new.yaml", route("new", "x")),
            ("same.yaml", route("same", "x")),
        ],
    );
    fs::remove_file(volume.join("gone.yaml")).unwrap();
    fs::remove_dir_all(volume.join("..2026_1")).unwrap();
    told.until("the swap", |told| told.held["volume/a.yaml"] == ["a2"]).await;
    assert_eq!(told.log.len(), 2, "{told:?}");
    let (extent, origins) = &told.log[1];
    assert_eq!(*extent, Extent::Atomic);
    assert_eq!(*origins, ["volume/gone.yaml", "volume/a.yaml", "volume/b.yaml", "volume/new.yaml"]);

    write(folder.path(), "beside.yaml", &route("beside2", "x"));
    told.until("an edit beside it", |told| told.held["beside.yaml"] == ["beside2"]).await;
    assert_eq!(told.log.len(), 3, "the tidying after the swap says nothing: {told:?}");
    told.end().await;
}

#[tokio::test]
async fn swap_of_a_linked_root_is_one_atomic_batch() {
    let parent = tempfile::tempdir().unwrap();
    write(parent.path(), "one/a.yaml", &route("a", "x"));
    write(parent.path(), "one/b.yaml", &route("b", "x"));
    write(parent.path(), "two/a.yaml", &route("a2", "x"));
    let root = parent.path().join("current");
    symlink("one", &root).unwrap();
    let mut told = Told::of(&[&root]).await;
    symlink("two", parent.path().join("next")).unwrap();
    fs::rename(parent.path().join("next"), &root).unwrap();
    told.until("the swap", |told| told.has(&[("a.yaml", &["a2"])])).await;
    assert_eq!(told.log[1..], [(Extent::Atomic, vec!["b.yaml".to_owned(), "a.yaml".to_owned()])]);
    write(parent.path(), "two/c.yaml", &route("c", "x"));
    told.until("an edit behind the new link", |told| told.held.contains_key("c.yaml")).await;
    told.end().await;
}

#[tokio::test]
async fn half_written_file_keeps_what_is_not_mentioned() {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), "a.yaml", &format!("{}---\n{}", route("a", "x"), route("b", "x")));
    let mut told = Told::of(&[folder.path()]).await;
    write(folder.path(), "a.yaml", &format!("{}---\napiVersion: \"netw", route("new", "x")));
    told.until("half of it", |told| told.rejected.contains_key("a.yaml")).await;
    assert!(told.has(&[("a.yaml", &["new", "a", "b"])]), "{told:?}");
    write(folder.path(), "a.yaml", &route("new", "x"));
    told.until("all of it", |told| told.has(&[("a.yaml", &["new"])])).await;
    assert!(told.rejected.is_empty());
    told.end().await;
}

/// Time stands still: nothing settles by itself.
struct NoTime(SystemClock);

impl Clock for NoTime {
    fn uptime(&self) -> Uptime {
        Uptime::default()
    }

    fn wall(&self) -> Timestamp {
        self.0.wall()
    }
}

#[tokio::test]
async fn file_that_is_written_bit_by_bit_is_told_once_it_is_closed() {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), "old.yaml", &format!("{}---\n{}", route("a", "x"), route("b", "x")));
    write(folder.path(), "target.txt", &format!("{}---\n{}", route("c", "x"), route("d", "x")));
    symlink("target.txt", folder.path().join("link.yaml")).unwrap();
    let mut told = Told::start_with(&[folder.path()], Arc::new(NoTime(SystemClock::new())));
    told.next("the first batch").await;
    let mut writers = Vec::new();
    for (name, [first, second]) in
        [("old.yaml", ["a", "b"]), ("target.txt", ["c", "d"]), ("new.yaml", ["e", "f"])]
    {
        let mut writer = File::create(folder.path().join(name)).unwrap();
        writer.write_all(route(first, "x").as_bytes()).unwrap();
        writers.push((writer, second));
    }
    // News comes in order, and a new folder makes the source look at everything.
    write(folder.path(), "beside/beside.yaml", &route("beside", "x"));
    told.until("a file beside them", |told| told.held.contains_key("beside/beside.yaml")).await;
    write(folder.path(), "beside/beside.yaml", &route("again", "x"));
    told.until("an edit beside them", |told| told.held["beside/beside.yaml"] == ["again"]).await;
    let expected: [(&str, &[&str]); 3] =
        [("beside/beside.yaml", &["again"]), ("link.yaml", &["c", "d"]), ("old.yaml", &["a", "b"])];
    assert!(told.has(&expected), "{told:?}");

    for (mut writer, second) in writers {
        writer.write_all(format!("---\n{}", route(second, "y")).as_bytes()).unwrap();
    }
    told.until("all of the new one", |told| {
        told.held.get("new.yaml").is_some_and(|held| *held == ["e", "f"])
    })
    .await;
    let told_of = |name: &str| {
        told.log[1..].iter().filter(|(_, origins)| origins.iter().any(|origin| origin == name)).count()
    };
    assert_eq!(told_of("new.yaml"), 1, "{told:?}");
    told.end().await;
}

#[tokio::test]
async fn folder_whose_name_is_not_utf8_is_read_and_watched() {
    let folder = tempfile::tempdir().unwrap();
    let inner = folder.path().join(OsStr::from_bytes(b"caf\xe9"));
    write(&inner, "a.yaml", &route("a", "x"));
    let mut told = Told::of(&[folder.path()]).await;
    let origin = "caf\u{fffd}/a.yaml";
    assert!(told.has(&[(origin, &["a"])]), "{told:?}");
    assert!(told.health.state().complaints.is_empty());
    write(&inner, "a.yaml", &route("a2", "x"));
    told.until("an edit in it", |told| told.has(&[(origin, &["a2"])])).await;
    told.end().await;
}

#[tokio::test]
async fn file_that_nobody_closes_is_told_after_a_while() {
    let folder = tempfile::tempdir().unwrap();
    let mut told = Told::of(&[folder.path()]).await;
    let mut writer = File::create(folder.path().join("a.yaml")).unwrap();
    writer.write_all(route("a", "x").as_bytes()).unwrap();
    told.until("what it holds", |told| told.has(&[("a.yaml", &["a"])])).await;
    drop(writer);
    told.end().await;
}

#[tokio::test]
async fn files_that_cannot_be_read_keep_what_they_held() {
    let folder = tempfile::tempdir().unwrap();
    for name in ["dangling.yaml", "large.yaml", "binary.yaml", "pipe.yaml"] {
        write(folder.path(), name, &route(name, "x"));
    }
    let mut told = Told::of(&[folder.path()]).await;
    let held = told.held.clone();
    let path = |name: &str| folder.path().join(name);
    symlink("nowhere", path("link")).unwrap();
    fs::rename(path("link"), path("dangling.yaml")).unwrap();
    File::options().write(true).open(path("large.yaml")).unwrap().set_len(FILE_BYTES_MAX + 1).unwrap();
    fs::write(path("binary.yaml"), b"a: \xff\xfe").unwrap();
    assert!(Command::new("mkfifo").arg(path("pipe")).status().unwrap().success());
    fs::rename(path("pipe"), path("pipe.yaml")).unwrap();
    told.until("all of them", |told| told.rejected.len() == 4).await;
    assert_eq!(told.held, held);
    for name in held.keys() {
        assert_eq!(told.codes(name), ["unreadable-file"], "{name}");
    }
    replace(folder.path(), "pipe.yaml", &route("mended", "x"));
    told.until("mended", |told| told.held["pipe.yaml"] == ["mended"] && told.rejected.len() == 3).await;
    told.end().await;
}

#[tokio::test]
async fn first_path_holds_a_key_until_it_goes() {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), "b.yaml", &route("r", "b"));
    write(folder.path(), "c.yaml", &route("r", "c"));
    let mut told = Told::of(&[folder.path()]).await;
    assert!(told.has(&[("b.yaml", &["r"])]), "{told:?}");
    assert_eq!(told.codes("c.yaml"), ["duplicate-resource"]);

    write(folder.path(), "a.yaml", &route("r", "a"));
    told.until("an earlier path", |told| told.has(&[("a.yaml", &["r"])])).await;
    assert_eq!(
        (told.codes("b.yaml"), told.codes("c.yaml")),
        (vec!["duplicate-resource"], vec!["duplicate-resource"])
    );

    fs::remove_file(folder.path().join("a.yaml")).unwrap();
    told.until("the next one", |told| told.has(&[("b.yaml", &["r"])])).await;
    assert_eq!(told.log.last().unwrap().1[0], "a.yaml", "together with the removal: {told:?}");
    told.end().await;
}

#[tokio::test]
async fn root_that_vanishes_changes_nothing_until_it_is_back() {
    let parent = tempfile::tempdir().unwrap();
    let root = parent.path().join("root");
    write(&root, "a.yaml", &route("a", "x"));
    write(&root, "b.yaml", &route("b", "x"));
    let mut told = Told::of(&[&root]).await;
    fs::rename(&root, parent.path().join("away")).unwrap();
    let missing = async {
        while told.health.state().complaints.is_empty() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(PATIENCE, missing).await.expect("a complaint");
    write(parent.path(), "other/a.yaml", &route("a2", "x"));
    fs::rename(parent.path().join("other"), &root).unwrap();
    told.until("it is back", |told| told.has(&[("a.yaml", &["a2"])])).await;
    assert_eq!(told.log[1..], [(Extent::Whole, vec!["a.yaml".to_owned()])]);
    assert!(told.health.state().complaints.is_empty());
    write(&root, "c.yaml", &route("c", "x"));
    told.until("an edit in it", |told| told.held.contains_key("c.yaml")).await;
    told.end().await;
}

#[tokio::test]
async fn links_are_followed_and_loops_end() {
    let folder = tempfile::tempdir().unwrap();
    let outside = tempfile::tempdir().unwrap();
    write(outside.path(), "there/x.yaml", &route("x", "x"));
    write(outside.path(), "target.txt", &route("y", "x"));
    symlink(outside.path().join("there"), folder.path().join("linked")).unwrap();
    symlink(outside.path().join("target.txt"), folder.path().join("y.yaml")).unwrap();
    symlink(folder.path(), folder.path().join("loop")).unwrap();
    symlink(".", folder.path().join("..data")).unwrap();
    let mut told = Told::of(&[folder.path()]).await;
    assert!(told.has(&[("linked/x.yaml", &["x"]), ("y.yaml", &["y"])]), "{told:?}");
    write(outside.path(), "there/x.yaml", &route("x2", "x"));
    write(outside.path(), "target.txt", &route("y2", "x"));
    told.until("edits behind links", |told| told.has(&[("linked/x.yaml", &["x2"]), ("y.yaml", &["y2"])]))
        .await;
    told.end().await;
}

#[tokio::test]
async fn origins_of_several_roots_begin_with_their_root() {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), "one/a.yaml", &route("a", "x"));
    write(folder.path(), "single.yaml", &route("s", "x"));
    let (one, single) = (folder.path().join("one"), folder.path().join("single.yaml"));
    let mut told = Told::of(&[&one, &single]).await;
    let (a, s) = (format!("{}/a.yaml", one.display()), single.display().to_string());
    assert!(told.has(&[(&a, &["a"]), (&s, &["s"])]), "{told:?}");
    replace(folder.path(), "single.yaml", &route("s2", "x"));
    told.until("a file replaced", |told| told.held[&s] == ["s2"]).await;
    fs::remove_dir_all(&one).unwrap();
    fs::remove_file(&single).unwrap();
    let gone = async {
        while told.health.state().complaints.len() < 2 {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(PATIENCE, gone).await.expect("complaints");
    write(folder.path(), "single.yaml", &route("s3", "x"));
    told.until("one is back", |told| told.held[&s] == ["s3"]).await;
    let (extent, origins) = told.log.last().unwrap();
    assert_eq!((*extent, origins.len()), (Extent::Whole, 2), "the other one is told to be unknown: {told:?}");
    told.end().await;
}

#[tokio::test]
async fn root_that_is_a_link_to_a_file_is_followed() {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), "behind/target.txt", &route("a", "x"));
    let root = folder.path().join("link.yaml");
    symlink("behind/target.txt", &root).unwrap();
    let mut told = Told::of(&[&root]).await;
    write(folder.path(), "behind/target.txt", &route("a2", "x"));
    told.until("an edit of its target", |told| told.has(&[("link.yaml", &["a2"])])).await;
    told.end().await;
}
