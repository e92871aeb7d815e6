//! One history: who takes part, what befalls them, and whether all is well in the end.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::SocketAddr,
    sync::{Arc, PoisonError},
    time::Duration,
};

use mainsheet_api::{change::Committed, xds::Variant};
use tokio::{
    sync::{mpsc, watch},
    task::JoinSet,
};

use super::{
    check,
    dial::Dialer,
    dice::Dice,
    grants::Granted,
    journal::{Checker, Finding, Journal},
    model::Model,
    network::{Break, DOWN, Net, UP},
    server::{Admitted, Blow},
    sink::Shared,
    source::Disk,
    store::{FaultyStore, Log, StoreWeather},
    timeline::{Phase, Timeline},
    writer::Answers,
};

/// How long things go wrong.
const UNREST: (u64, u64) = (15_000, 30_000);

/// How much has to happen before that is over.
const EVENTS_MIN: u64 = 200;

/// How long nothing goes wrong before sinks are looked at: a connection that broke in silence is noticed after 40 s, and a
/// sink may then wait for 15 s.
const QUIET_MIN: Duration = Duration::from_secs(75);

/// How long it takes at most until all is well.
const QUIET_MAX: Duration = Duration::from_secs(400);

/// Then nothing more is said for so long.
const SILENCE: Duration = Duration::from_secs(20);

/// Of whom connections are: sinks are numbered from 0 on, others from here.
pub(super) const FIRST_WRITER: u32 = 100;
pub(super) const FIRST_SERVER: u32 = 200;
pub(super) const FIRST_VANDAL: u32 = 300;

/// What came of a history.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// Of which seed.
    pub seed: u64,
    /// What happened, counted.
    pub events: u64,
    /// Sinks that took part.
    pub sinks: usize,
    /// Connections that were broken.
    pub disconnects: u64,
    /// Faults of stores.
    pub store_faults: u64,
    /// What happened, in order, where it was asked for.
    pub lines: Vec<String>,
    /// What checkers found.
    pub findings: Vec<Finding>,
    /// Of every byte on every wire, with its time.
    pub digest: u64,
}

/// A sink as checkers see it.
#[derive(Clone)]
pub(super) struct Cast {
    pub(super) name: String,
    pub(super) server: SocketAddr,
    pub(super) dialer: Dialer,
    pub(super) variant: Variant,
    pub(super) state: Shared,
    pub(super) sees: Option<Arc<BTreeSet<String>>>,
    /// Whether it sees what is granted to it at the moment, of these.
    pub(super) is_granted: bool,
    /// Whether it comes to hold what it should.
    pub(super) converges: bool,
}

/// One server, as the history disturbs it.
pub(super) struct Stage {
    pub(super) store: Arc<FaultyStore>,
    pub(super) blows: mpsc::Sender<Blow>,
    pub(super) sinks: SocketAddr,
    pub(super) admission: Admitted,
}

pub(super) struct History {
    pub(super) seed: u64,
    pub(super) net: Net,
    pub(super) dice: Dice,
    pub(super) disk: Disk,
    pub(super) granted: Granted,
    /// Of its own, for what is granted.
    grants_dice: Dice,
    pub(super) answers: Answers,
    pub(super) stages: Vec<Stage>,
    pub(super) casts: Vec<Cast>,
    pub(super) tasks: JoinSet<()>,
    pub(super) quiet: watch::Sender<bool>,
}

/// Runs the history of a seed. `is_read`: whether its lines are kept.
pub(super) async fn run(seed: u64, is_read: bool) -> Outcome {
    let timeline = Timeline::begin();
    let journal = Journal::new(timeline, is_read);
    let net = Net::new(seed, timeline, journal.clone());
    let mut history = History {
        seed,
        net: net.clone(),
        dice: Dice::of(seed, "history"),
        disk: Disk::default(),
        granted: Granted::default(),
        grants_dice: Dice::of(seed, "grants"),
        answers: Answers::default(),
        stages: Vec::new(),
        casts: Vec::new(),
        tasks: JoinSet::new(),
        quiet: watch::Sender::new(false),
    };
    history.begin();
    history.unrest().await;
    history.calm().await;
    let sinks = history.casts.len();
    history.tasks.shutdown().await;
    let digest = net.digest();
    let (disconnects, store_faults) =
        (journal.count("break"), journal.count("fault") + journal.count("stall"));
    let (events, lines, findings) = journal.finish();
    Outcome { seed, events, sinks, disconnects, store_faults, lines, findings, digest }
}

impl History {
    /// Things are edited, and go wrong.
    async fn unrest(&mut self) {
        let end = self.dice.below(UNREST.0, UNREST.1);
        let at_least = self.dice.below(3_000, end / 2);
        let mut has_broken = false;
        while self.net.timeline.now() < end || self.net.journal.events() < EVENTS_MIN {
            let pause = self.dice.millis(50, 900);
            self.net.timeline.pause(Phase::Actors, pause).await;
            if self.dice.percent(70) {
                self.disk.edit(&mut self.dice, &self.net.journal);
            }
            if self.grants_dice.percent(20) {
                self.granted.change(&mut self.grants_dice, &self.net.journal);
            }
            if self.dice.percent(14) || (!has_broken && self.net.timeline.now() > at_least) {
                has_broken |= self.disturb_network();
            }
            if self.dice.percent(5) {
                self.disturb_server();
            }
        }
    }

    /// Returns whether a connection was broken.
    fn disturb_network(&mut self) -> bool {
        let sinks = self.casts.len() as u64;
        let client = match self.dice.below(0, sinks + 2) {
            index if index < sinks => u32::try_from(index).unwrap_or(0),
            index if index == sinks => FIRST_WRITER,
            _ => FIRST_SERVER + 1,
        };
        if self.dice.percent(40) {
            let ways = *self.dice.pick(&[&[UP, DOWN][..], &[UP], &[DOWN]]);
            let duration = self.dice.millis(100, 12_000);
            self.net.journal.note("partition", || format!("client {client}, ways {ways:?}, {duration:?}"));
            self.net.part(client, ways, duration);
            return false;
        }
        let how = *self.dice.pick(&[Break::Reset, Break::HalfWay, Break::HalfWay, Break::Silent]);
        let broken = self.net.break_where(how, |pair| pair.client == client);
        if broken > 0 {
            self.net.journal.note("break", || format!("client {client}: {how:?}, {broken} connections"));
        }
        broken > 0
    }

    fn disturb_server(&mut self) {
        let blow = *self.dice.pick(&[Blow::Crash, Blow::Stop, Blow::TakeLease]);
        let stage = self.dice.index(self.stages.len());
        // One that is down already can't be hit.
        let _ = self.stages[stage].blows.try_send(blow);
    }

    /// Nothing goes wrong any more; in the end all has to be well.
    async fn calm(&mut self) {
        let timeline = self.net.timeline;
        for stage in &self.stages {
            stage.store.set_weather(StoreWeather::default());
        }
        self.net.heal();
        self.quiet.send_replace(true);
        self.net.journal.note("quiet", String::new);
        timeline.pause(Phase::Actors, QUIET_MIN).await;
        let end = timeline.next(Phase::Actors, QUIET_MAX);
        let mut wrong = self.is_well();
        while wrong.is_err() && timeline.now() < end && !self.net.journal.has_failed() {
            timeline.pause(Phase::Actors, Duration::from_secs(5)).await;
            wrong = self.is_well();
        }
        match wrong {
            Err((checker, what)) => self.net.journal.fail(checker, what),
            Ok(()) => self.stay_silent().await,
        }
        self.look_back();
    }

    /// Who has all is told no more.
    async fn stay_silent(&mut self) {
        let said = || self.net.journal.count("response") + self.net.journal.count("applied");
        let before = said();
        let commits = self.net.journal.count("commit");
        self.net.timeline.pause(Phase::Actors, SILENCE).await;
        let more = said() - before;
        if more > 0 && commits == self.net.journal.count("commit") {
            let what = format!("{more} responses although nothing changes any more");
            self.net.journal.fail(Checker::Repeats, what);
        }
    }

    fn commits(log: &Log) -> Vec<(u64, Committed)> {
        log.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn is_well(&self) -> Result<(), (Checker, String)> {
        let mut models: BTreeMap<SocketAddr, Model> = BTreeMap::new();
        for stage in &self.stages {
            let commits = Self::commits(&stage.store.log());
            models.insert(stage.sinks, Model::of(commits.iter().map(|(_, committed)| committed)));
        }
        if let Some(model) = self.stages.first().and_then(|hub| models.get(&hub.sinks)) {
            check::intake::is_taken_in(&self.disk.lock(), model).map_err(|what| (Checker::Intake, what))?;
            let now = self.net.timeline.now();
            check::leases::are_over(model, now).map_err(|what| (Checker::Leases, what))?;
        }
        if let [hub, relay] = &self.stages[..] {
            let (hub, relay) = (&models[&hub.sinks], &models[&relay.sinks]);
            check::convergence::of_relay(hub, relay).map_err(|what| (Checker::Convergence, what))?;
        }
        for stage in &self.stages {
            let admission = stage.admission.lock().unwrap_or_else(PoisonError::into_inner);
            let open = self.net.open_to(stage.sinks);
            let given_back =
                admission.as_ref().map_or(Ok(()), |one| check::bounds::are_given_back(one, open));
            given_back.map_err(|what| (Checker::Bounds, what))?;
        }
        for cast in self.casts.iter().filter(|cast| cast.converges) {
            let model = &models[&cast.server];
            let cast = match cast.is_granted {
                true => &Cast { sees: Some(Arc::new(self.granted.zones())), ..cast.clone() },
                false => cast,
            };
            check::convergence::of_sink(cast, model).map_err(|what| (Checker::Convergence, what))?;
        }
        Ok(())
    }

    /// What must be true of all that happened.
    fn look_back(&self) {
        let fail = |checker, found: Result<(), String>| {
            if let Err(what) = found {
                self.net.journal.fail(checker, what);
            }
        };
        for leak in self.net.leaks() {
            fail(Checker::Foreign, Err(leak));
        }
        for (index, stage) in self.stages.iter().enumerate() {
            let commits = Self::commits(&stage.store.log());
            fail(Checker::Revisions, check::revisions::grow(&commits));
            fail(Checker::Leases, check::leases::end_in_time(&commits));
            if index == 0 {
                fail(Checker::Revisions, check::revisions::are_kept(&self.answers.all(), &commits));
                fail(Checker::Intake, check::intake::is_atomic(&self.disk.atomic(), &commits));
            }
        }
        let logs: Vec<_> = self.stages.iter().map(|stage| Self::commits(&stage.store.log())).collect();
        let all = logs.iter().flatten().map(|(_, committed)| committed);
        fail(Checker::Revisions, check::revisions::are_content(all));
    }
}
