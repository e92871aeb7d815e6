//! Files and folders of YAML and JSON as a source.
//!
//! ```text
//! kernel --news--> look (walk: folders and links) --Listing--> Tree --wanted--> read (on all cores) --> Tree --Batch--> intake
//!                  or glance (places: some files) --Glance----^
//! ```
//!
//! | module | is |
//! |---|---|
//! | `source_name` | what the source of a path is called |
//! | `names` | which names count |
//! | `walk`, `listing` | one look at the folders: what is there, what can't be told |
//! | `places` | a glance at the files of which there was news: what there is, where that can be told |
//! | `read` | text of files to documents |
//! | `tree`, `known`, `claims`, `report` | what changed, who holds a key, what is told: pure |
//! | `settle` | which files are just being written |
//! | `watch` | the kernel's news |
//!
//! News of files leads to a glance at them, however many others there are. News of anything else, lost news, and time lead
//! to a look at everything, which costs one `stat` a file; only files that look different, or of which there was news, are
//! read. What can't be read, or not to its end, is told as such, and the last good of it stays.

mod claims;
mod known;
mod listing;
mod names;
mod places;
mod read;
mod report;
mod settle;
mod source_name;
mod tree;
mod walk;
mod watch;

use std::{collections::HashSet, mem, path::PathBuf, sync::Arc, time::Duration};

use mainsheet_api::{resource::SourceName, time::Uptime};
use mainsheet_cache::blocking;
use tokio_util::sync::CancellationToken;

pub use self::source_name::source_name;
use self::{
    listing::Listing,
    places::{Glance, Places},
    read::{Outcome, Reading},
    settle::Writers,
    tree::{Round, Tree},
    watch::{News, PendingEvents, Watch},
};
use super::{DocumentOptions, Report, SourceParts};

/// Between looks at everything: for what the kernel does not tell, on network file systems above all.
const LOOK_INTERVAL: Duration = Duration::from_secs(30);

/// Between looks while something can't be looked at, or files can't be watched.
const RETRY_INTERVAL: Duration = Duration::from_secs(1);

/// After news, for the rest of it: saving a file takes several steps.
const GATHER: Duration = Duration::from_millis(5);

/// The same where a look at everything has only just ended: looks at 10,000 files, 20 ms each, must leave room for other
/// work.
const GATHER_BUSY: Duration = Duration::from_millis(50);

/// What a file source reads.
#[derive(Clone, Debug)]
pub struct FileSourceOptions {
    /// Whose layer it writes.
    pub name: SourceName,
    /// Folders and files. With a single one, origins are paths below it; with several, each begins with its root as it
    /// is given here.
    pub roots: Vec<PathBuf>,
    /// How their documents are read.
    pub documents: DocumentOptions,
}

/// Reads files and tells the intake of them, until the order to end.
///
/// The first batch is all that there is, and waits until every root is there.
///
/// # Errors
/// Where the intake is gone, or a worker panicked.
pub async fn run(
    options: FileSourceOptions,
    parts: SourceParts,
    stop: CancellationToken,
) -> anyhow::Result<()> {
    let work = async {
        let mut source = FileSource::new(options, parts);
        loop {
            source.round().await?;
            source.wait().await;
        }
    };
    tokio::select! {
        // First, because an intake that has stopped, too, is no reason to complain.
        biased;
        () = stop.cancelled() => Ok(()),
        ended = work => ended,
    }
}

/// Reads everything once, as a source's first batch tells it. With it comes what can't be looked at, for people: where a
/// root is missing, nothing is read.
///
/// # Errors
/// Where a worker panicked.
pub(crate) async fn read_once(
    roots: Vec<PathBuf>,
    documents: &DocumentOptions,
) -> anyhow::Result<(Vec<Report>, Vec<String>)> {
    let now = Uptime::default();
    let listing = walk::walk(&roots);
    let complaints = listing.reasons();
    let mut tree = Tree::new(SourceName(Arc::from("once")));
    let mut round = tree.look(listing, &HashSet::new(), now);
    loop {
        let wanted = round.wanted();
        if wanted.is_empty() {
            break;
        }
        let readings = read::read_all(wanted, documents).await?;
        tree.absorb(&mut round, readings, now);
    }
    let reports = tree.finish(round, now).into_iter().flat_map(|batch| batch.reports).collect();
    Ok((reports, complaints))
}

/// The texts of everything that a source of these roots would read, by origin. With them comes what can't be read, for people.
pub(crate) fn texts_once(roots: &[PathBuf]) -> (Vec<(String, String)>, Vec<String>) {
    let listing = walk::walk(roots);
    let mut complaints = listing.reasons();
    let mut texts = Vec::new();
    for (origin, found) in listing.files {
        match read::text_of(&found) {
            Ok(Some(text)) => texts.push((origin, text)),
            Ok(None) => {}
            Err(error) => complaints.push(format!("`{}`: {error}", found.path.display())),
        }
    }
    (texts, complaints)
}

fn tree(options: &FileSourceOptions) -> Tree {
    Tree::new(options.name.clone()).giving_leases(options.documents.ttl.is_some())
}

struct FileSource {
    options: FileSourceOptions,
    parts: SourceParts,
    tree: Tree,
    news: Arc<News>,
    /// Lent to the thread that looks.
    watch: Option<Watch>,
    /// News that was not yet looked into.
    pending: PendingEvents,
    writers: Writers,
    places: Arc<Places>,
    is_troubled: bool,
    /// When the last look at everything ended.
    looked: Uptime,
}

impl FileSource {
    fn new(options: FileSourceOptions, parts: SourceParts) -> Self {
        let news = Arc::<News>::default();
        Self {
            tree: tree(&options),
            watch: Some(Watch::new(Arc::clone(&news))),
            pending: PendingEvents::default(),
            writers: Writers::default(),
            places: Arc::default(),
            is_troubled: false,
            looked: Uptime::default(),
            news,
            options,
            parts,
        }
    }

    /// Looks, reads what changed, and tells of it.
    async fn round(&mut self) -> anyhow::Result<()> {
        // Taken before the look: news of what happens during it is there for the next one.
        self.gather();
        let pending = mem::take(&mut self.pending);
        let mut round = match self.glance(&pending).await? {
            Some(glance) => self.tree.glance(glance),
            None => {
                let mut listing = self.look().await?;
                self.looked = self.now();
                self.places = Arc::new(mem::take(&mut listing.places));
                let complaints = listing.reasons();
                self.is_troubled = !complaints.is_empty();
                self.parts.health.scanned(complaints, self.parts.clock.wall());
                self.tree.look(listing, &pending.touched, self.now())
            }
        };
        let start = self.now();
        loop {
            let wanted = round.wanted();
            if wanted.is_empty() {
                break;
            }
            let mut readings = read::read_all(wanted, &self.options.documents).await?;
            self.withhold(&round, &mut readings).await?;
            self.tree.absorb(&mut round, readings, self.now());
        }
        let took = self.now().since(start);
        let batches = self.tree.finish(round, self.now());
        self.parts.health.read(self.tree.len(), took);
        for batch in batches {
            self.parts.batches.send(batch).await.map_err(|_| anyhow::anyhow!("the intake is gone"))?;
        }
        Ok(())
    }

    /// Believes nothing of files that are being written, or were while they were read. News of those is there already for
    /// the next round, or will be.
    async fn withhold(&mut self, round: &Round, readings: &mut [Reading]) -> anyhow::Result<()> {
        self.gather();
        let paths: Vec<PathBuf> = self.writers.paths().chain(self.pending.writes.keys()).cloned().collect();
        if paths.is_empty() {
            return Ok(());
        }
        let files = blocking::spawn(move || settle::files(&paths)).await?;
        for reading in readings {
            if round.file(&reading.origin).is_some_and(|file| files.contains(&file)) {
                reading.outcome = Outcome::Unsettled;
            }
        }
        Ok(())
    }

    /// Looks at nothing but the files of which there was news, where that tells enough.
    async fn glance(&self, pending: &PendingEvents) -> anyhow::Result<Option<Glance>> {
        if pending.has_gaps || pending.touched.is_empty() || !self.is_watched() || self.due() <= self.now() {
            return Ok(None);
        }
        let (places, touched) = (Arc::clone(&self.places), pending.touched.clone());
        Ok(blocking::spawn(move || places.glance(&touched)).await?)
    }

    /// Lists what is there, and watches the folders of it before it is read.
    async fn look(&mut self) -> anyhow::Result<Listing> {
        let roots = self.options.roots.clone();
        let news = Arc::clone(&self.news);
        let watch = self.watch.take();
        let (listing, watch) = blocking::spawn(move || {
            let mut watch = watch.unwrap_or_else(|| Watch::new(news));
            let mut listing = walk::walk(&roots);
            // What happened in a folder before it was watched is seen by looking again, once: the next news is ours.
            if watch.follow(&listing) {
                listing = walk::walk(&roots);
                watch.follow(&listing);
            }
            (listing, watch)
        })
        .await?;
        self.watch = Some(watch);
        Ok(listing)
    }

    /// Waits until it is worth looking again.
    async fn wait(&mut self) {
        loop {
            if self.parts.retell.has_changed().unwrap_or(false) {
                return self.forget();
            }
            self.gather();
            if self.pending.has_gaps || !self.pending.touched.is_empty() {
                let is_busy = self.now().since(self.looked) < GATHER_BUSY;
                return tokio::time::sleep(if is_busy { GATHER_BUSY } else { GATHER }).await;
            }
            let (now, due) = (self.now(), self.due());
            if due <= now {
                return;
            }
            let due = self.writers.due().map_or(due, |written| written.min(due));
            tokio::select! {
                biased;
                () = tokio::time::sleep(due.since(now)) => {}
                () = self.news.arrived() => {}
                Ok(()) = self.parts.retell.changed() => return self.forget(),
            }
        }
    }

    /// Knows no file any more, as after a start.
    fn forget(&mut self) {
        self.parts.retell.mark_unchanged();
        self.tree = tree(&self.options);
        self.pending.has_gaps = true;
    }

    /// Takes the news that concerns these files. A file that is being written makes none until that has ended.
    fn gather(&mut self) {
        let PendingEvents { touched, writes, has_gaps } = self.news.take();
        let now = self.now();
        let watch = self.watch.as_ref();
        let concerns = |path: &PathBuf| watch.is_none_or(|watch| watch.concerns(path));
        for (path, writing) in writes.into_iter().filter(|(path, _)| concerns(path)) {
            self.writers.hear(&path, writing, now);
            self.pending.writes.insert(path, writing);
        }
        self.pending.touched.extend(touched.into_iter().filter(concerns));
        self.pending.touched.extend(self.writers.settle(now));
        self.pending.touched.retain(|path| !self.writers.has(path));
        self.pending.has_gaps |= has_gaps;
    }

    /// When to look at everything, whatever the news. Edits, however many, do not put it off.
    fn due(&self) -> Uptime {
        let interval = if self.is_watched() { LOOK_INTERVAL } else { RETRY_INTERVAL };
        self.looked.after(interval).min(self.tree.due().unwrap_or(Uptime(Duration::MAX)))
    }

    /// Whether every change makes news.
    fn is_watched(&self) -> bool {
        !self.is_troubled && self.watch.as_ref().is_some_and(Watch::is_complete)
    }

    fn now(&self) -> Uptime {
        self.parts.clock.uptime()
    }
}
