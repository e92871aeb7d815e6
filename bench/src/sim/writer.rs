//! Somebody who writes through `mainsheet.v1`: applies, deletes, rolls back, and reads what became of it.

use std::{
    net::SocketAddr,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use mainsheet_api::{
    generated::mainsheet::v1::{self as pb, WriteOutcome, manifest, precondition},
    kind::Kind,
};
use mainsheet_server::generated::mainsheet_client::MainsheetClient;
use tokio::{sync::watch, time::timeout};
use tonic::{Status, transport::Channel};

use super::{
    check::revisions::Answered,
    dial::{Dialer, TonicDial},
    dice::Dice,
    journal::Checker,
    network::Net,
    rpc::endpoint,
    source::Disk,
    timeline::Phase,
    world::{Item, Place},
};

/// How long it waits for an answer.
const PATIENCE: Duration = Duration::from_secs(15);

/// Somebody who writes.
pub(super) struct Writer {
    pub(super) name: String,
    pub(super) server: SocketAddr,
    pub(super) dialer: Dialer,
    pub(super) net: Net,
    pub(super) seed: u64,
    /// Says which generation is next.
    pub(super) disk: Disk,
    pub(super) answered: Answers,
    pub(super) quiet: watch::Receiver<bool>,
}

/// What was answered to writers. Cloning shares it.
#[derive(Clone, Default)]
pub(super) struct Answers(Arc<Mutex<Vec<Answered>>>);

impl Answers {
    fn add(&self, answered: Answered) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(answered);
    }

    pub(super) fn all(&self) -> Vec<Answered> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Writer {
    /// Writes until all is to be quiet.
    pub(super) async fn run(self) {
        let mut dice = Dice::of(self.seed, &format!("{}/writer", self.name));
        let channel = endpoint(self.server).connect_with_connector_lazy(TonicDial(self.dialer.on(&self.net)));
        let mut client = MainsheetClient::new(channel);
        let (mut known, mut newest) = (Vec::<Answered>::new(), 0);
        while !*self.quiet.borrow() {
            let pause = dice.millis(100, 1_500);
            self.net.timeline.pause(Phase::Actors, pause).await;
            let revision = match dice.below(0, 10) {
                0..=5 => self.apply(&mut client, &mut dice, &mut known).await,
                6 | 7 => self.delete(&mut client, &mut dice, &mut known).await,
                8 => self.roll_back(&mut client, &mut dice, newest).await,
                _ => self.look(&mut client).await,
            };
            match revision {
                Ok(revision) if revision < newest => {
                    let what = format!("{} was told of revision {newest}, and then of {revision}", self.name);
                    self.net.journal.fail(Checker::Revisions, what);
                }
                Ok(revision) => newest = revision,
                Err(said) => self.net.journal.note("unwritten", || format!("{}: {said}", self.name)),
            }
        }
    }

    async fn apply(
        &self,
        client: &mut MainsheetClient<Channel>,
        dice: &mut Dice,
        known: &mut Vec<Answered>,
    ) -> Result<u64, String> {
        let generation = self.disk.generation();
        let mut items: Vec<Item> = Vec::new();
        for _ in 0..dice.below(1, 4) {
            let item = Item::any(dice, generation);
            if items.iter().all(|other| other.place() != item.place()) {
                items.push(item);
            }
        }
        let manifests = items.iter().map(|item| pb::Manifest {
            form: Some(manifest::Form::Text(item.text())),
            origin: String::new(),
        });
        let ttl = dice.percent(25).then(|| prost_duration(dice.below(4, 25)));
        let request = pb::ApplyRequest {
            manifests: manifests.collect(),
            preconditions: condition(known, dice).into_iter().collect(),
            ttl,
            ..pb::ApplyRequest::default()
        };
        let lives = ttl.map(|ttl| ttl.seconds);
        self.net.journal.note("apply", || {
            let items = items.iter().map(|item| format!("{}/{}", item.zone, item.name)).collect::<Vec<_>>();
            format!("{}: g{generation} {} ttl {lives:?}", self.name, items.join(" "))
        });
        let pb::ApplyResponse { revision, results } = in_time(client.apply(request)).await?;
        self.note(revision, &results, known);
        Ok(revision)
    }

    async fn delete(
        &self,
        client: &mut MainsheetClient<Channel>,
        dice: &mut Dice,
        known: &mut Vec<Answered>,
    ) -> Result<u64, String> {
        let there: Vec<&Answered> = known.iter().filter(|one| one.version.is_some()).collect();
        if there.is_empty() {
            return Err("nothing to delete".to_owned());
        }
        let place = dice.pick(&there).place.clone();
        self.net.journal.note("delete", || format!("{}: {place:?}", self.name));
        let request = pb::DeleteRequest { keys: vec![key(&place)], ..pb::DeleteRequest::default() };
        let pb::DeleteResponse { revision, results } = in_time(client.delete(request)).await?;
        self.note(revision, &results, known);
        Ok(revision)
    }

    async fn roll_back(
        &self,
        client: &mut MainsheetClient<Channel>,
        dice: &mut Dice,
        newest: u64,
    ) -> Result<u64, String> {
        let to_revision = dice.below(newest.saturating_sub(12).max(1), newest.max(2));
        let item = Item::any(dice, 0);
        let selection = pb::Selection {
            kinds: vec![item.kind.info().name.to_owned()],
            namespaces: vec![item.zone.to_owned()],
            ..pb::Selection::default()
        };
        self.net.journal.note("rollback", || format!("{}: {} to {to_revision}", self.name, item.zone));
        if dice.percent(40) {
            let request = pb::ReleaseRequest { selection: Some(selection), ..pb::ReleaseRequest::default() };
            return Ok(in_time(client.release(request)).await?.revision);
        }
        let request =
            pb::RollbackRequest { to_revision, selection: Some(selection), ..pb::RollbackRequest::default() };
        Ok(in_time(client.rollback(request)).await?.revision)
    }

    async fn look(&self, client: &mut MainsheetClient<Channel>) -> Result<u64, String> {
        self.net.journal.note("list", || self.name.clone());
        Ok(in_time(client.list(pb::ListRequest::default())).await?.revision)
    }

    /// Remembers what was answered.
    fn note(&self, revision: u64, results: &[pb::WriteResult], known: &mut Vec<Answered>) {
        self.net.journal.note("written", || format!("{}: revision {revision}", self.name));
        for result in results {
            let Some(key) = &result.key else { continue };
            let version = match result.outcome() {
                WriteOutcome::Created | WriteOutcome::Changed | WriteOutcome::Unchanged => {
                    Some(result.version.clone())
                }
                WriteOutcome::Removed => None,
                _ => continue,
            };
            let Some(kind) = Kind::of_argument(&key.kind) else { continue };
            let place = (kind, key.namespace.clone(), key.name.clone());
            let answered = Answered { revision, place, version };
            known.retain(|one| one.place != answered.place);
            known.push(answered.clone());
            self.answered.add(answered);
        }
    }
}

/// Sometimes a condition, which may be true.
fn condition(known: &[Answered], dice: &mut Dice) -> Option<pb::Precondition> {
    if known.is_empty() || !dice.percent(25) {
        return None;
    }
    let one = dice.pick(known);
    let expected = match &one.version {
        Some(version) => precondition::Expected::Version(version.clone()),
        None => precondition::Expected::Absent(true),
    };
    Some(pb::Precondition { key: Some(key(&one.place)), expected: Some(expected) })
}

fn key((kind, namespace, name): &Place) -> pb::ResourceKey {
    pb::ResourceKey {
        kind: kind.info().name.to_owned(),
        namespace: namespace.clone(),
        name: name.clone(),
        scope: String::new(),
    }
}

fn prost_duration(seconds: u64) -> mainsheet_api::wire::google::protobuf::Duration {
    let seconds = i64::try_from(seconds).unwrap_or(1);
    mainsheet_api::wire::google::protobuf::Duration { seconds, nanos: 0 }
}

/// The answer; the error is for people.
async fn in_time<T>(asked: impl Future<Output = Result<tonic::Response<T>, Status>>) -> Result<T, String> {
    match timeout(PATIENCE, asked).await {
        Ok(Ok(answer)) => Ok(answer.into_inner()),
        Ok(Err(status)) => Err(format!("{:?}: {}", status.code(), status.message())),
        Err(_) => Err("no answer".to_owned()),
    }
}
