use std::{path::Path, time::Duration};

use mainsheet_api::{
    codec::{Content, Document, SourceMap},
    key::Key,
    kind::Kind,
    resource::Resource,
    time::Timestamp,
    verdict::Finding,
    version::Digest,
    wire::Any,
};

use super::{
    super::listing::{FolderId, Stamp},
    *,
};

/// A folder in the mind: what is in it, what was read of it, and what time it is.
struct Folder {
    tree: Tree,
    files: BTreeMap<String, (i64, String)>,
    stamps: i64,
    root: Root,
    troubles: BTreeMap<String, String>,
    links: BTreeMap<String, PathBuf>,
    touched: HashSet<PathBuf>,
    now: Uptime,
    reads: Vec<String>,
}

fn path(origin: &str) -> PathBuf {
    Path::new("/root").join(origin)
}

/// A file's text is names of resources, `!` for something that does not parse, `?` for a file that can't be read,
/// `~` for one that is being written, or `-` for one that went away.
fn outcome(text: &str) -> Outcome {
    let document = |name: &str| {
        let content = match name {
            "!" => Content::Rejected { key: None, findings: Vec::new() },
            name => {
                let body = Any { type_url: String::new(), value: name.as_bytes().to_vec().into() };
                let key = Key::new(Kind::VIRTUAL_SERVICE, "shop", name);
                let (labels, annotations) = Default::default();
                let resource = Resource { key, labels, annotations, body, upstream_version: None };
                Content::Resource {
                    resource: Box::new(resource),
                    map: SourceMap::default(),
                    warnings: Vec::new(),
                }
            }
        };
        Document { line: 1, content }
    };
    match text {
        "" => Outcome::Empty,
        "~" => Outcome::Unsettled,
        "-" => Outcome::Vanished,
        "?" => Outcome::Unreadable(report::finding_of_unreadable(&"no")),
        text => Outcome::Documents(text.split(' ').map(document).collect(), Digest::of([text.as_bytes()])),
    }
}

/// `(origin, names, completeness)`; a rejected document is `-name`.
type Told = (Extent, Vec<(String, String, Completeness)>);

fn told(batch: Batch) -> Told {
    let name = |document: &Document| match &document.content {
        Content::Resource { resource, .. } => resource.key.name.to_string(),
        Content::Rejected { key: Some(key), .. } => format!("-{}", key.name),
        _ => "!".to_owned(),
    };
    let report = |report: Report| {
        let names: Vec<_> = report.documents.iter().map(name).collect();
        (report.origin, names.join(" "), report.completeness)
    };
    (batch.extent, batch.reports.into_iter().map(report).collect())
}

fn whole(origin: &str, names: &str) -> (String, String, Completeness) {
    (origin.to_owned(), names.to_owned(), Completeness::Whole)
}

fn partial(origin: &str, names: &str) -> (String, String, Completeness) {
    (origin.to_owned(), names.to_owned(), Completeness::Partial)
}

impl Folder {
    fn of(files: &[(&str, &str)]) -> Self {
        let mut folder = Self {
            tree: Tree::new(SourceName(Arc::from("files"))),
            files: BTreeMap::new(),
            stamps: 0,
            root: Root::Folder(FolderId::numbered(1)),
            troubles: BTreeMap::new(),
            links: BTreeMap::new(),
            touched: HashSet::new(),
            now: Uptime::default(),
            reads: Vec::new(),
        };
        files.iter().for_each(|(origin, text)| folder.write(origin, text));
        folder
    }

    /// After its first batch.
    fn begun(files: &[(&str, &str)]) -> Self {
        let mut folder = Self::of(files);
        assert_eq!(folder.look()[0].0, Extent::Whole);
        folder
    }

    fn write(&mut self, origin: &str, text: &str) {
        self.stamps += 1;
        self.files.insert(origin.to_owned(), (self.stamps, text.to_owned()));
        self.touched.insert(path(origin));
    }

    fn unlink(&mut self, origin: &str) {
        self.files.remove(origin);
        self.touched.insert(path(origin));
    }

    fn later(&mut self, time: Duration) {
        self.now = self.now.after(time);
    }

    fn listing(&self) -> Listing {
        let found = |(origin, (stamp, _)): (&String, &(i64, String))| {
            (origin.clone(), Found { path: path(origin), stamp: Ok(Stamp::numbered(*stamp)) })
        };
        Listing {
            files: self.files.iter().map(found).collect(),
            roots: BTreeMap::from([(String::new(), self.root.clone())]),
            troubles: self.troubles.clone(),
            links: self.links.clone(),
            ..Listing::default()
        }
    }

    fn look(&mut self) -> Vec<Told> {
        self.look_whole().into_iter().map(told).collect()
    }

    fn look_whole(&mut self) -> Vec<Batch> {
        let touched = std::mem::take(&mut self.touched);
        let mut round = self.tree.look(self.listing(), &touched, self.now);
        self.reads.clear();
        loop {
            let wanted = round.wanted();
            if wanted.is_empty() {
                break;
            }
            self.reads.extend(wanted.iter().map(|(origin, _)| origin.clone()));
            let read = |(origin, _)| Reading { outcome: outcome(&self.files[&origin].1), origin };
            self.tree.absorb(&mut round, wanted.into_iter().map(read).collect(), self.now);
        }
        self.tree.finish(round, self.now)
    }
}

/// Whoever has a lease renews it so.
#[test]
fn file_that_is_written_again_is_told_where_its_documents_have_leases() {
    let mut folder = Folder::of(&[("a", "r"), ("b", "s")]);
    folder.tree = Tree::new(SourceName(Arc::from("files"))).giving_leases(true);
    let written = |batch: &Batch| batch.reports.iter().map(|report| report.written).collect::<Vec<_>>();
    let first = LastWritten::At(Timestamp(0));
    assert_eq!(written(&folder.look_whole()[0]), [Some(first); 2]);
    folder.write("b", "s");
    let told = folder.look_whole();
    assert_eq!((&*told[0].reports[0].origin, written(&told[0])), ("b", vec![Some(LastWritten::SinceTold)]));
    folder.touched.insert(path("b"));
    assert!(folder.look_whole().is_empty(), "nobody wrote it");
    folder.write("b", "t");
    assert_eq!(written(&folder.look_whole()[0]), [Some(LastWritten::SinceTold)]);
}

#[test]
fn only_what_changed_is_read_and_told() {
    let mut folder = Folder::begun(&[("a", "r"), ("b", "s")]);
    assert_eq!(folder.look(), []);
    assert!(folder.reads.is_empty());
    folder.write("b", "t");
    folder.touched.clear();
    assert_eq!(folder.look(), [(Extent::Loose, vec![whole("b", "t")])], "lost news loses nothing");
    assert_eq!(folder.reads, ["b"]);
}

#[test]
fn touched_file_of_the_same_content_is_read_and_not_told() {
    let mut folder = Folder::begun(&[("a", "r")]);
    folder.write("a", "r");
    assert_eq!(folder.look(), []);
    assert_eq!(folder.reads, ["a"]);
}

#[test]
fn unlink_that_was_seen_is_told_at_once() {
    let mut folder = Folder::begun(&[("a", "r"), ("b", "s")]);
    folder.unlink("a");
    assert_eq!(folder.look(), [(Extent::Loose, vec![whole("a", "")])]);
}

#[test]
fn file_that_is_missing_without_news_makes_a_resync() {
    let mut folder = Folder::begun(&[("a", "r"), ("b", "s")]);
    folder.unlink("a");
    folder.touched.clear();
    assert_eq!(folder.look(), []);
    assert_eq!(folder.tree.due(), Some(Uptime(MISSING_SETTLE)));
    folder.later(MISSING_SETTLE);
    assert_eq!(folder.look(), [(Extent::Whole, vec![whole("b", "s")])]);
    assert_eq!(folder.tree.due(), None);
}

#[test]
fn late_news_of_an_unlink_still_counts() {
    let mut folder = Folder::begun(&[("a", "r"), ("b", "s")]);
    folder.unlink("a");
    let late = std::mem::take(&mut folder.touched);
    assert_eq!(folder.look(), []);
    folder.touched = late;
    assert_eq!(folder.look(), [(Extent::Loose, vec![whole("a", "")])]);
}

#[test]
fn emptied_file_counts_as_half_written_for_a_while() {
    let mut folder = Folder::begun(&[("a", "r")]);
    folder.write("a", "");
    assert_eq!(folder.look(), []);
    folder.write("a", "s");
    assert_eq!(folder.look(), [(Extent::Loose, vec![whole("a", "s")])]);
    folder.write("a", "");
    assert_eq!(folder.look(), []);
    assert_eq!(folder.tree.due(), Some(Uptime(EMPTY_SETTLE)));
    folder.later(EMPTY_SETTLE);
    assert_eq!(folder.look(), [(Extent::Loose, vec![whole("a", "")])]);
    assert_eq!(folder.tree.due(), None);
    assert_eq!(folder.look(), []);
}

#[test]
fn file_that_is_empty_at_the_start_counts_as_half_written_too() {
    let mut folder = Folder::of(&[("a", ""), ("b", "s")]);
    assert_eq!(folder.look(), [(Extent::Whole, vec![partial("a", ""), whole("b", "s")])]);
    folder.later(EMPTY_SETTLE);
    assert_eq!(folder.look(), [(Extent::Loose, vec![whole("a", "")])]);
}

#[test]
fn unreadable_file_is_told_as_such_until_it_can_be_read() {
    let mut folder = Folder::begun(&[("a", "r")]);
    folder.write("a", "?");
    assert_eq!(folder.look(), [(Extent::Loose, vec![partial("a", "!")])]);
    assert_eq!(folder.look(), []);
    folder.write("a", "r");
    assert_eq!(folder.look(), [(Extent::Loose, vec![whole("a", "r")])]);
}

#[test]
fn key_changes_hands_in_the_batch_that_gives_it_up() {
    let mut folder = Folder::begun(&[("a", "r s"), ("b", "r"), ("c", "r")]);
    folder.write("a", "s");
    let told = folder.look();
    assert_eq!(told, [(Extent::Loose, vec![whole("a", "s"), whole("b", "r"), whole("c", "-r")])]);
    folder.unlink("b");
    assert_eq!(folder.look(), [(Extent::Loose, vec![whole("b", ""), whole("c", "r")])]);
}

#[test]
fn half_written_file_gives_no_key_up() {
    let mut folder = Folder::begun(&[("a", "r"), ("b", "r")]);
    folder.write("a", "!");
    assert_eq!(folder.look(), [(Extent::Loose, vec![partial("a", "!")])]);
    folder.write("b", "r t");
    assert_eq!(folder.look(), [(Extent::Loose, vec![whole("b", "-r t")])]);
}

#[test]
fn second_document_of_a_file_does_not_take_the_key_of_the_first() {
    let mut folder = Folder::of(&[("a", "r r")]);
    assert_eq!(folder.look(), [(Extent::Whole, vec![whole("a", "r -r")])]);
}

#[test]
fn duplicate_is_told_where_the_winner_stands() {
    let mut claims = Claims::default();
    let Outcome::Documents(documents, _) = outcome("r") else { panic!("documents") };
    claims.set("a.yaml", claims_of("a.yaml", &documents));
    let report = report::of_documents("b.yaml".to_owned(), documents, &claims);
    let Content::Rejected { findings, .. } = &report.documents[0].content else { panic!("rejected") };
    let text: Vec<String> = findings.iter().map(Finding::to_string).collect();
    assert_eq!(
        text,
        ["VirtualService shop/r is taken from a.yaml:1; remove one of the two [duplicate-resource]"]
    );
}

#[test]
fn swapped_link_makes_one_atomic_batch_beside_the_loose_one() {
    let mut folder = Folder::of(&[("a", "r"), ("mount/b", "s"), ("mount/c", "t")]);
    folder.links.insert("mount/".to_owned(), "..1".into());
    folder.look();
    folder.links.insert("mount/".to_owned(), "..2".into());
    folder.files.remove("mount/c");
    folder.write("mount/b", "s2");
    folder.write("a", "r2");
    let told = folder.look();
    assert_eq!(
        told,
        [
            (Extent::Loose, vec![whole("a", "r2")]),
            (Extent::Atomic, vec![whole("mount/c", ""), whole("mount/b", "s2")]),
        ]
    );
}

#[test]
fn folder_that_cannot_be_listed_keeps_what_is_below_it() {
    let mut folder = Folder::begun(&[("a", "r"), ("sub/b", "s")]);
    folder.troubles.insert("sub/".to_owned(), "no".to_owned());
    folder.files.remove("sub/b");
    assert_eq!(folder.look(), []);
    folder.later(MISSING_SETTLE);
    assert_eq!(folder.look(), []);
    folder.troubles.clear();
    folder.write("sub/b", "s");
    assert_eq!(folder.look(), []);
}

#[test]
fn root_that_goes_and_comes_back_makes_a_resync() {
    let mut folder = Folder::begun(&[("a", "r"), ("b", "s")]);
    let files = std::mem::take(&mut folder.files);
    let root = std::mem::replace(&mut folder.root, Root::Missing("gone".to_owned()));
    assert_eq!(folder.look(), []);
    folder.later(Duration::from_secs(100));
    assert_eq!(folder.look(), []);
    folder.root = root;
    folder.files = files;
    folder.files.remove("b");
    assert_eq!(folder.look(), [(Extent::Whole, vec![whole("a", "r")])]);
}

#[test]
fn folder_that_took_the_place_of_the_root_makes_a_resync() {
    let mut folder = Folder::begun(&[("a", "r"), ("b", "s")]);
    folder.root = Root::Folder(FolderId::numbered(2));
    folder.files.remove("b");
    assert_eq!(folder.look(), [(Extent::Whole, vec![whole("a", "r")])]);
}

#[test]
fn nothing_is_told_before_every_root_is_there() {
    let mut folder = Folder::of(&[("a", "r")]);
    let root = std::mem::replace(&mut folder.root, Root::Missing("not yet".to_owned()));
    assert_eq!(folder.look(), []);
    folder.root = root;
    assert_eq!(folder.look(), [(Extent::Whole, vec![whole("a", "r")])]);
}

#[test]
fn file_that_is_being_written_says_nothing_until_it_is_written() {
    let mut folder = Folder::begun(&[("a", "r"), ("b", "s")]);
    folder.write("a", "~");
    folder.write("c", "~");
    assert_eq!(folder.look(), []);
    folder.write("b", "r");
    assert_eq!(folder.look(), [(Extent::Loose, vec![whole("b", "-r")])], "its keys stay its own");
    folder.files.get_mut("a").unwrap().1 = "t".to_owned();
    folder.touched.clear();
    assert_eq!(folder.look(), [(Extent::Loose, vec![whole("a", "t"), whole("b", "r")])], "without news");
}

#[test]
fn file_that_cannot_be_told_in_a_resync_keeps_what_it_held_until_it_can() {
    for content in ["~", "-"] {
        let mut folder = Folder::of(&[("a", content), ("b", "s")]);
        assert_eq!(folder.look(), [(Extent::Whole, vec![whole("b", "s"), partial("a", "")])]);
        folder.files.get_mut("a").unwrap().1 = "r".to_owned();
        folder.touched.clear();
        assert_eq!(folder.look(), [(Extent::Loose, vec![whole("a", "r")])], "{content}");
        assert_eq!(folder.look(), []);
    }
}

#[test]
fn file_that_went_during_the_first_look_is_gone_for_the_layer_too() {
    let mut folder = Folder::of(&[("a", "-")]);
    assert_eq!(folder.look(), [(Extent::Whole, vec![partial("a", "")])]);
    folder.unlink("a");
    assert_eq!(folder.look(), [(Extent::Loose, vec![whole("a", "")])]);
}

/// What happens to a folder.
type Change = fn(&mut Folder);

#[test]
fn next_look_is_never_due_before_this_one() {
    let unlistable: Change =
        |folder: &mut Folder| drop(folder.troubles.insert(String::new(), "no".to_owned()));
    let rootless: Change = |folder: &mut Folder| folder.root = Root::Missing("gone".to_owned());
    let moved: Change = |_: &mut Folder| {};
    let written: Change =
        |folder: &mut Folder| drop(folder.files.insert("a".to_owned(), (100, "~".to_owned())));
    let ways: [(Change, bool); 4] = [(unlistable, false), (rootless, false), (moved, false), (written, true)];
    for (change, stays) in ways {
        let mut folder = Folder::begun(&[("a", "r"), ("b", "s")]);
        folder.write("a", "");
        folder.look();
        assert_eq!(folder.tree.due(), Some(Uptime(EMPTY_SETTLE)));
        let files = folder.files.clone();
        if !stays {
            folder.files.clear();
        }
        change(&mut folder);
        folder.later(EMPTY_SETTLE);
        folder.look();
        assert!(folder.tree.due().is_none_or(|due| due > folder.now), "{:?}", folder.tree.due());

        (folder.files, folder.root) = (files, Root::Folder(FolderId::numbered(1)));
        folder.troubles.clear();
        folder.look();
        assert_eq!(folder.tree.due(), Some(folder.now.after(EMPTY_SETTLE)), "it is waited for anew");
        folder.later(EMPTY_SETTLE);
        let told: Vec<_> = folder.look().into_iter().flat_map(|(_, reports)| reports).collect();
        assert!(told.contains(&whole("a", "")), "{told:?}");
    }
}
