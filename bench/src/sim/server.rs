//! A server of the history: started, crashed, stopped, deprived of its lease, and started again on the same store.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use mainsheet_cache::store::{SharedStore, Store as _};
use mainsheet_server::{
    admission::Admission,
    app::{self, Running},
    config::Settings,
    surroundings::{Randomness, Surroundings},
    task::TaskSet,
};
use tokio::sync::mpsc;

use super::{
    check,
    dial::Dialer,
    dice::Dice,
    grants::Granted,
    journal::{Checker, Journal},
    network::{Host, Net},
    source::Disk,
    store::FaultyStore,
    timeline::{Phase, VirtualClock},
};

/// What is done to a server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Blow {
    /// Its process is gone.
    Crash,
    /// It is told to stop.
    Stop,
    /// Another writer takes the lease.
    TakeLease,
}

/// How often limits are looked at.
const LOOK: Duration = Duration::from_millis(700);

/// Whom the server that runs has let in, as checkers look at it.
pub(super) type Admitted = Arc<Mutex<Option<Admission>>>;

/// A server, and what it is started with.
pub(super) struct SimServer {
    pub(super) settings: Settings,
    pub(super) store: Arc<FaultyStore>,
    pub(super) net: Net,
    /// As whom it follows others.
    pub(super) dialer: Dialer,
    pub(super) disk: Option<Disk>,
    pub(super) granted: Option<Granted>,
    pub(super) seed: u64,
    pub(super) admission: Admitted,
}

impl SimServer {
    fn journal(&self) -> &Journal {
        &self.net.journal
    }

    /// Runs it, and starts it again whenever it has ended.
    pub(super) async fn run(self, mut blows: mpsc::Receiver<Blow>) {
        let mut dice = Dice::of(self.seed, &format!("{}/process", self.settings.instance));
        let mut is_deprived = false;
        loop {
            match self.start(&mut dice).await {
                Ok((running, tasks)) => {
                    self.live((running, tasks), &mut blows, &mut is_deprived).await;
                }
                Err(error) => self.died(Err(error.context("does not start")), &mut is_deprived),
            }
            self.show(None);
            self.net.unplug(self.settings.grpc_addr);
            self.net.unplug(self.settings.http_addr);
            let down = dice.millis(50, 3_000);
            self.net.timeline.pause(Phase::Actors, down).await;
        }
    }

    async fn start(&self, dice: &mut Dice) -> anyhow::Result<(Running, TaskSet)> {
        let (net, dialer) = (self.net.clone(), self.dialer.clone());
        let around = Surroundings {
            clock: Arc::new(VirtualClock::started(self.net.timeline)),
            network: Arc::new(Host { net, dialer }),
            randomness: Randomness::of_seed(dice.number()),
            store: Some(Arc::clone(&self.store) as SharedStore),
            sources: self
                .disk
                .iter()
                .map(|disk| disk.source(self.net.timeline, self.journal().clone()))
                .chain(self.granted.iter().map(|granted| granted.source(self.net.timeline)))
                .collect(),
        };
        self.journal().note("start", || self.settings.instance.clone());
        app::start_in(&self.settings, around).await
    }

    fn show(&self, admission: Option<Admission>) {
        *self.admission.lock().unwrap_or_else(PoisonError::into_inner) = admission;
    }

    /// Until it ends, one way or another.
    async fn live(
        &self,
        (running, tasks): (Running, TaskSet),
        blows: &mut mpsc::Receiver<Blow>,
        is_deprived: &mut bool,
    ) {
        let stop = tasks.stop();
        let admission = running.admission().clone();
        self.show(Some(admission.clone()));
        let mut look = self.net.timeline.next(Phase::Actors, LOOK);
        let mut ended = Box::pin(tasks.join());
        loop {
            let blow = tokio::select! {
                biased;
                outcome = &mut ended => return self.died(outcome, is_deprived),
                Some(blow) = blows.recv() => blow,
                () = self.net.timeline.until(look) => {
                    look = self.net.timeline.next(Phase::Actors, LOOK);
                    if let Err(what) = check::bounds::hold(&admission) {
                        self.journal().fail(Checker::Bounds, format!("{}: {what}", self.settings.instance));
                    }
                    continue;
                }
            };
            self.journal().note("blow", || format!("{}: {blow:?}", self.settings.instance));
            match blow {
                Blow::Crash => break,
                Blow::TakeLease => {
                    *is_deprived = true;
                    // The memory store can't refuse it.
                    drop(self.store.take_lease().await);
                }
                Blow::Stop => {
                    stop.cancel();
                    if let Err(error) = (&mut ended).await {
                        self.died(Err(error), is_deprived);
                    }
                    break;
                }
            }
        }
        drop((ended, running));
    }

    fn died(&self, outcome: anyhow::Result<()>, is_deprived: &mut bool) {
        let text = outcome.err().map_or_else(|| "without an error".to_owned(), |error| format!("{error:#}"));
        let is_fault = text.contains("simulated") || (text.contains("lease") && *is_deprived);
        *is_deprived = false;
        let name = &self.settings.instance;
        if is_fault {
            self.journal().note("died", || format!("{name}: {text}"));
        } else {
            self.journal().fail(Checker::Health, format!("{name} ended: {text}"));
        }
    }
}
