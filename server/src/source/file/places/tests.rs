use std::{
    collections::{BTreeMap, BTreeSet, HashSet},
    os::unix::fs::symlink,
    sync::Arc,
    time::Duration,
};

use mainsheet_api::{codec::Content, resource::SourceName, time::Uptime};
use proptest::prelude::*;

use super::{
    super::{
        read::{self, Reading},
        tree::{Round, Tree},
        walk::walk,
    },
    *,
};
use crate::source::{Batch, Completeness, DocumentOptions, Extent};

/// Where files are, with a folder beside them that links lead to.
fn folder() -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = fs::canonicalize(folder.path()).unwrap();
    fs::create_dir_all(path.join("root/sub")).unwrap();
    fs::create_dir_all(path.join("outside")).unwrap();
    (folder, path)
}

/// Files of which a glance tells: `+` those that are there, `-` those that are not. None where it tells nothing.
fn seen(places: &Places, path: &Path) -> Option<Vec<String>> {
    let glance = places.glance([&path.to_owned()])?;
    let sign = |found: Option<Found>| if found.is_some() { '+' } else { '-' };
    Some(glance.into_iter().map(|(origin, found)| format!("{}{origin}", sign(found))).collect())
}

#[test]
fn plain_file_is_told_by_its_path() {
    let (_folder, path) = folder();
    let root = path.join("root");
    fs::write(root.join("sub/a.yaml"), "a").unwrap();
    let places = walk(std::slice::from_ref(&root)).places;
    assert_eq!(seen(&places, &root.join("sub/a.yaml")), Some(vec!["+sub/a.yaml".to_owned()]));
    assert_eq!(seen(&places, &root.join("b.yaml")), Some(vec!["-b.yaml".to_owned()]));
    assert_eq!(seen(&places, &root.join("4913")), Some(vec![]), "an editor's file that has gone again");
    assert_eq!(seen(&places, &root.join("sub")), None, "a folder");
    assert_eq!(seen(&places, &root), None, "the root itself");
    assert_eq!(seen(&places, &path.join("outside/a.yaml")), None, "nowhere that is known");
}

#[test]
fn folder_that_took_the_place_of_another_is_not_glanced_into() {
    let (_folder, path) = folder();
    let root = path.join("root");
    fs::write(root.join("sub/a.yaml"), "a").unwrap();
    let places = walk(std::slice::from_ref(&root)).places;
    fs::rename(root.join("sub"), root.join("away")).unwrap();
    assert_eq!(seen(&places, &root.join("sub/a.yaml")), None);
    fs::create_dir(root.join("sub")).unwrap();
    assert_eq!(seen(&places, &root.join("sub/a.yaml")), None);
}

#[test]
fn what_links_and_mounts_lead_to_is_not_glanced_at() {
    let (_folder, path) = folder();
    let root = path.join("root");
    fs::write(path.join("outside/a.yaml"), "a").unwrap();
    fs::write(root.join("target.yaml"), "t").unwrap();
    fs::create_dir_all(root.join("mount/..1")).unwrap();
    fs::write(root.join("mount/..1/m.yaml"), "m").unwrap();
    symlink("..1", root.join("mount/..data")).unwrap();
    symlink(path.join("outside"), root.join("linked")).unwrap();
    symlink("target.yaml", root.join("link.yaml")).unwrap();
    let places = walk(std::slice::from_ref(&root)).places;
    for unclear in ["outside/a.yaml", "root/linked", "root/target.yaml", "root/link.yaml"] {
        assert_eq!(seen(&places, &path.join(unclear)), None, "{unclear}");
    }
    for unclear in ["root/mount/..1/m.yaml", "root/mount/..data", "root/mount/m.yaml"] {
        assert_eq!(seen(&places, &path.join(unclear)), None, "{unclear}");
    }
}

#[test]
fn file_of_several_names_is_not_glanced_at() {
    let (_folder, path) = folder();
    let root = path.join("root");
    fs::write(root.join("a.yaml"), "a").unwrap();
    fs::hard_link(root.join("a.yaml"), root.join("b.yaml")).unwrap();
    let places = walk(std::slice::from_ref(&root)).places;
    assert_eq!(seen(&places, &root.join("a.yaml")), None);
}

#[test]
fn root_that_leads_elsewhere_is_not_glanced_into() {
    let (_folder, path) = folder();
    let link = path.join("current");
    symlink("root", &link).unwrap();
    let places = walk(std::slice::from_ref(&link)).places;
    assert!(seen(&places, &path.join("root/a.yaml")).is_some());
    fs::remove_file(&link).unwrap();
    symlink("outside", &link).unwrap();
    assert_eq!(seen(&places, &path.join("root/a.yaml")), None);
}

#[test]
fn folder_of_two_roots_is_not_glanced_into() {
    let (_folder, path) = folder();
    let roots = [path.join("root"), path.join("root/sub")];
    let places = walk(&roots).places;
    assert_eq!(seen(&places, &path.join("root/sub/a.yaml")), None);
    assert!(seen(&places, &path.join("root/a.yaml")).is_some());
}

/// What is done to files. Numbers are those of places.
#[derive(Clone, Debug)]
enum Op {
    Write(usize, Vec<u8>),
    Replace(usize, Vec<u8>),
    Unlink(usize),
    Rename(usize, usize),
    HardLink(usize, usize),
    Link(usize, usize),
    MoveFolder(usize, usize),
    LinkFolder(usize, usize),
    Swap(Vec<u8>),
}

/// What becomes of the news of it.
#[derive(Clone, Copy, Debug)]
enum Fate {
    Reported,
    /// After the next look.
    Late,
    Dropped,
}

const FILES: [&str; 7] = [
    "root/1.yaml",
    "root/2.yaml",
    "root/a/1.yaml",
    "root/a/2.yaml",
    "root/b/1.yaml",
    "root/x",
    "outside/1.yaml",
];
const FOLDERS: [&str; 4] = ["root/a", "root/b", "root/c", "outside"];

fn op() -> impl Strategy<Value = Op> {
    let file = || 0..FILES.len();
    let folder = || 0..FOLDERS.len();
    let names = || proptest::collection::vec(0..5u8, 0..3);
    prop_oneof![
        6 => (file(), names()).prop_map(|(file, names)| Op::Write(file, names)),
        4 => (file(), names()).prop_map(|(file, names)| Op::Replace(file, names)),
        4 => file().prop_map(Op::Unlink),
        3 => (file(), file()).prop_map(|(from, to)| Op::Rename(from, to)),
        1 => (file(), file()).prop_map(|(from, to)| Op::HardLink(from, to)),
        1 => (file(), file()).prop_map(|(from, to)| Op::Link(from, to)),
        1 => (folder(), folder()).prop_map(|(from, to)| Op::MoveFolder(from, to)),
        1 => (folder(), folder()).prop_map(|(from, to)| Op::LinkFolder(from, to)),
        1 => names().prop_map(Op::Swap),
    ]
}

fn fate() -> impl Strategy<Value = Fate> {
    prop_oneof![6 => Just(Fate::Reported), 1 => Just(Fate::Late), 1 => Just(Fate::Dropped)]
}

fn text(names: &[u8]) -> String {
    let document = |name: &u8| {
        format!(
            "apiVersion: networking.istio.io/v1\nkind: DestinationRule\nmetadata: {{name: r{name}}}\nspec: {{host: h}}\n"
        )
    };
    names.iter().map(document).collect::<Vec<_>>().join("---\n")
}

/// Does it, as far as it can be done. Returns the paths that the kernel tells of.
fn act(base: &Path, op: &Op) -> Vec<PathBuf> {
    let file = |number: usize| base.join(FILES[number]);
    let folder = |number: usize| base.join(FOLDERS[number]);
    // The kernel tells of the file that was written, not of the link to it.
    let real = |path: PathBuf| fs::canonicalize(&path).unwrap_or(path);
    match op {
        Op::Write(at, names) => {
            let _ = fs::write(file(*at), text(names));
            vec![real(file(*at))]
        }
        Op::Replace(at, names) => {
            let temporary = base.join("temporary");
            fs::write(&temporary, text(names)).unwrap();
            let _ = fs::rename(temporary, file(*at));
            vec![file(*at)]
        }
        Op::Unlink(at) => {
            let _ = fs::remove_file(file(*at));
            vec![file(*at)]
        }
        Op::Rename(from, to) => {
            let _ = fs::rename(file(*from), file(*to));
            vec![file(*from), file(*to)]
        }
        Op::HardLink(from, to) => {
            let _ = fs::hard_link(file(*from), file(*to));
            vec![file(*to)]
        }
        Op::Link(from, to) => {
            let _ = symlink(file(*from), file(*to));
            vec![file(*to)]
        }
        Op::MoveFolder(from, to) => {
            let _ = fs::rename(folder(*from), folder(*to));
            vec![folder(*from), folder(*to)]
        }
        Op::LinkFolder(from, to) => {
            let _ = symlink(folder(*from), folder(*to));
            vec![folder(*to)]
        }
        Op::Swap(names) => {
            let mount = base.join("root/mount");
            let state = (0..).map(|n| format!("..{n}")).find(|state| !mount.join(state).exists()).unwrap();
            fs::create_dir_all(mount.join(&state)).unwrap();
            fs::write(mount.join(&state).join("m.yaml"), text(names)).unwrap();
            symlink(&state, mount.join("..data_tmp")).unwrap();
            fs::rename(mount.join("..data_tmp"), mount.join("..data")).unwrap();
            vec![mount.clone(), mount.join("..data")]
        }
    }
}

/// Somebody who looks, and what was told so far: by origin, names of documents and whether they are good.
struct Onlooker {
    roots: Vec<PathBuf>,
    tree: Tree,
    places: Places,
    now: Uptime,
    held: BTreeMap<String, BTreeSet<(String, bool)>>,
}

impl Onlooker {
    fn of(base: &Path) -> Self {
        let mut onlooker = Self {
            roots: vec![base.join("root")],
            tree: Tree::new(SourceName(Arc::from("files"))),
            places: Places::default(),
            now: Uptime::default(),
            held: BTreeMap::new(),
        };
        onlooker.settle();
        onlooker
    }

    fn look(&mut self, touched: &HashSet<PathBuf>) {
        let mut listing = walk(&self.roots);
        self.places = std::mem::take(&mut listing.places);
        let round = self.tree.look(listing, touched, self.now);
        self.finish(round);
    }

    /// Everything, until nothing has to be waited for.
    fn settle(&mut self) {
        for _ in 0..3 {
            self.look(&HashSet::new());
            self.now = self.now.after(Duration::from_secs(2));
        }
        assert_eq!(self.tree.due(), None);
    }

    /// As far as news leads. What is told of its paths is what is there.
    fn follow(&mut self, touched: &HashSet<PathBuf>) {
        if self.tree.due().is_some_and(|due| due <= self.now) {
            return self.look(touched);
        }
        let Some(glance) = self.places.glance(touched) else { return self.look(touched) };
        let origins: Vec<String> = glance.keys().cloned().collect();
        let round = self.tree.glance(glance);
        let told = self.finish(round);
        let listing = walk(&self.roots);
        for origin in origins.iter().filter(|origin| told.contains(*origin)) {
            let there =
                listing.files.get(origin).map(|found| read::outcome(found, &DocumentOptions::default()));
            let there: BTreeSet<String> = match there {
                Some(read::Outcome::Documents(documents, _)) => {
                    documents.iter().map(|document| name_of(&document.content)).collect()
                }
                _ => BTreeSet::new(),
            };
            let held = self.held.get(origin).into_iter().flatten();
            assert_eq!(held.map(|(name, _)| name.clone()).collect::<BTreeSet<_>>(), there, "{origin}");
        }
    }

    /// Returns the origins that were told of.
    fn finish(&mut self, mut round: Round) -> BTreeSet<String> {
        loop {
            let wanted = round.wanted();
            if wanted.is_empty() {
                break;
            }
            let reading = |(origin, found)| Reading {
                origin,
                outcome: read::outcome(&found, &DocumentOptions::default()),
            };
            self.tree.absorb(&mut round, wanted.into_iter().map(reading).collect(), self.now);
        }
        let batches = self.tree.finish(round, self.now);
        batches.into_iter().flat_map(|batch| self.take_in(batch)).collect()
    }

    fn take_in(&mut self, batch: Batch) -> BTreeSet<String> {
        let told: BTreeSet<String> = batch.reports.iter().map(|report| report.origin.clone()).collect();
        if batch.extent == Extent::Whole {
            self.held.retain(|origin, _| told.contains(origin));
        }
        for report in batch.reports {
            let is_good = |content: &Content| matches!(content, Content::Resource { .. });
            let named = report.documents.iter().map(|document| &document.content);
            let named: BTreeSet<_> = named.map(|content| (name_of(content), is_good(content))).collect();
            match report.completeness {
                Completeness::Whole if named.is_empty() => drop(self.held.remove(&report.origin)),
                Completeness::Whole => drop(self.held.insert(report.origin, named)),
                // Nobody knows: what was told of it stays.
                Completeness::Partial => {}
            }
        }
        told
    }
}

fn name_of(content: &Content) -> String {
    match content {
        Content::Resource { resource, .. } => resource.key.name.to_string(),
        Content::Rejected { key, .. } => key.as_ref().map_or_else(String::new, |key| key.name.to_string()),
        Content::Ignored { what } => what.clone(),
    }
}

/// Links that lead nowhere keep what was behind them, which somebody who never saw it can't know.
fn tidy(folder: &Path) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let is_link = fs::symlink_metadata(&path).unwrap().is_symlink();
        if is_link && fs::metadata(&path).is_err() {
            fs::remove_file(&path).unwrap();
        } else if !is_link && path.is_dir() {
            tidy(&path);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { max_shrink_iters: 500, ..ProptestConfig::with_cases(100) })]

    #[test]
    fn whatever_becomes_of_the_news_a_look_at_everything_ends_in_what_is_there(
        steps in proptest::collection::vec((op(), fate(), any::<bool>(), 0..400u64), 1..24)
    ) {
        let (_folder, base) = folder();
        fs::create_dir_all(base.join("root/a")).unwrap();
        fs::create_dir_all(base.join("root/b")).unwrap();
        let mut onlooker = Onlooker::of(&base);
        let (mut news, mut late) = (HashSet::new(), HashSet::new());
        for (op, fate, is_looked, millis) in steps {
            let paths = act(&base, &op);
            match fate {
                Fate::Reported => news.extend(paths),
                Fate::Late => late.extend(paths),
                Fate::Dropped => {}
            }
            if is_looked {
                onlooker.follow(&std::mem::replace(&mut news, std::mem::take(&mut late)));
            }
            onlooker.now = onlooker.now.after(Duration::from_millis(millis));
        }
        tidy(&base);
        onlooker.settle();
        prop_assert_eq!(onlooker.held, Onlooker::of(&base).held);
    }
}
