//! A source with files of its own in memory. It keeps the contract of file sources towards the intake: first all that there
//! is, then origins as they change; all again where it is asked to.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use mainsheet_api::resource::SourceName;
use mainsheet_server::{
    source::{Batch, Completeness, Extent, Report, SourceParts},
    surroundings::GivenSource,
};
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use super::{
    dice::Dice,
    journal::Journal,
    timeline::{Phase, Timeline},
    world::{Files, Item, Place, read},
};

/// What its layer is called.
pub(super) fn name() -> SourceName {
    SourceName(Arc::from("files:sim"))
}

/// The files, and what of them is still to be told. They outlive servers. Cloning shares them.
#[derive(Clone, Default)]
pub(super) struct Disk {
    state: Arc<Mutex<DiskState>>,
    news: Arc<Notify>,
}

#[derive(Default)]
pub(super) struct DiskState {
    pub(super) files: Files,
    generation: u64,
    untold: Vec<(Extent, Vec<String>)>,
    /// What changed at one instant: the generation, and what was of it.
    atomic: Vec<(u64, BTreeMap<Place, u64>)>,
    /// What was invalid at some time: of that, something older may stay.
    invalid: BTreeSet<Place>,
}

/// Names of files.
const FILES: usize = 14;

impl Disk {
    pub(super) fn lock(&self) -> MutexGuard<'_, DiskState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A generation that nothing else is of.
    pub(super) fn generation(&self) -> u64 {
        let mut state = self.lock();
        state.generation += 1;
        state.generation
    }

    /// Changes some files.
    pub(super) fn edit(&self, dice: &mut Dice, journal: &Journal) {
        let generation = self.generation();
        let mut state = self.lock();
        let count = if dice.percent(30) { dice.below(2, 5) } else { 1 };
        let mut names: Vec<String> = (0..count).map(|_| format!("f{}.yaml", dice.index(FILES))).collect();
        names.sort();
        names.dedup();
        for name in &names {
            if dice.percent(12) {
                state.files.files.remove(name);
            } else {
                state.files.write(name, generation, dice);
            }
        }
        let invalid = state.files.files.values().flatten().filter(|item| !item.is_valid).map(Item::place);
        let invalid: Vec<Place> = invalid.collect();
        state.invalid.extend(invalid);
        let extent = match names.len() {
            1 => Extent::Loose,
            _ if dice.percent(10) => Extent::Whole,
            _ => Extent::Atomic,
        };
        if extent == Extent::Atomic {
            let items = names.iter().filter_map(|name| state.files.files.get(name)).flatten();
            let places = items.filter(|item| item.is_valid).map(|item| (item.place(), generation)).collect();
            state.atomic.push((generation, places));
        }
        journal.note("edit", || {
            let told = names.iter().map(|name| format!("{name}: {}", state.files.text_of(name)));
            format!("g{generation} {extent:?} {}", told.collect::<Vec<_>>().join("; "))
        });
        state.untold.push((extent, names));
        self.news.notify_one();
    }

    /// The first files.
    pub(super) fn fill(&self, dice: &mut Dice) {
        let generation = self.generation();
        let mut state = self.lock();
        for number in 0..FILES {
            state.files.write(&format!("f{number}.yaml"), generation, dice);
        }
    }

    /// The source of one server.
    pub(super) fn source(&self, timeline: Timeline, journal: Journal) -> GivenSource {
        let disk = self.clone();
        let run = move |parts, stop| {
            let told: futures_util::future::BoxFuture<'static, anyhow::Result<()>> =
                Box::pin(tell(disk, parts, stop, (timeline, journal)));
            told
        };
        GivenSource { name: name(), run: Box::new(run) }
    }

    /// What changed at one instant, as far as all of it was valid ever after.
    pub(super) fn atomic(&self) -> Vec<(u64, BTreeMap<Place, u64>)> {
        let state = self.lock();
        let mut batches = state.atomic.clone();
        batches.iter_mut().for_each(|(_, places)| places.retain(|place, _| !state.invalid.contains(place)));
        batches
    }

    fn batch(&self, extent: Extent, names: &[String]) -> Batch {
        let state = self.lock();
        let report = |origin: &String| {
            let documents = state.files.files.get(origin).map(|items| read(items)).unwrap_or_default();
            let is_broken = documents.iter().any(|document| {
                matches!(document.content, mainsheet_api::codec::Content::Rejected { key: None, .. })
            });
            let completeness = if is_broken { Completeness::Partial } else { Completeness::Whole };
            Report { origin: origin.clone(), documents, completeness, written: None }
        };
        let reports = match extent {
            Extent::Whole => state.files.files.keys().map(report).collect(),
            Extent::Atomic | Extent::Loose => names.iter().map(report).collect(),
        };
        Batch { source: name(), extent, reports }
    }
}

async fn tell(
    disk: Disk,
    mut parts: SourceParts,
    stop: CancellationToken,
    (timeline, journal): (Timeline, Journal),
) -> anyhow::Result<()> {
    parts.retell.mark_unchanged();
    disk.lock().untold = vec![(Extent::Whole, Vec::new())];
    loop {
        let untold = std::mem::take(&mut disk.lock().untold);
        for (extent, names) in untold {
            let batch = disk.batch(extent, &names);
            journal.note("told", || format!("{extent:?}, {} origins", batch.reports.len()));
            if parts.batches.send(batch).await.is_err() {
                stop.cancelled().await;
                return Ok(());
            }
        }
        tokio::select! {
            biased;
            () = stop.cancelled() => return Ok(()),
            Ok(()) = parts.retell.changed() => {
                timeline.pause(Phase::Actors, std::time::Duration::ZERO).await;
                disk.lock().untold.push((Extent::Whole, Vec::new()));
            }
            () = disk.news.notified() => {}
        }
    }
}
