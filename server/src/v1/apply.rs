//! Resources are set in the API's layer.

use std::{sync::Arc, time::Duration};

use mainsheet_api::{
    codec::UnknownFields,
    generated::mainsheet::v1 as pb,
    lease::check_ttl,
    limits::{AUTHOR_BYTES_MAX, WRITE_REQUEST_BYTES_MAX, WRITES_BYTES_MAX},
    resource::SourceName,
    version::VersionSum,
};
use mainsheet_cache::{
    blocking,
    snapshot::{Snapshot, SnapshotCatalog},
};
use prost::Message as _;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tonic::Status;

use super::{
    Links,
    asking::Asking,
    conflicts,
    error::{bad_request, internal},
    manifest::{Reading, judged},
    permitted::{Named, Permitted},
    plan::{
        apply::{Applied, ApplyPlanner},
        conditions::Conditions,
        outcome::refuses,
        scope::Scope,
    },
    refused::{forbidden, refused},
    write::{Run, cause, check_len, check_ready, perform},
};
use crate::intake::{Now, Planned, Planner, Written, criteria::Criteria, ended::with_ended_holds};

/// Texts up to which a request is judged where it is asked, unless there are rules: handing it over takes longer.
const INLINE_BYTES_MAX: usize = 64 << 10;

/// Times that documents are judged again because the rules changed meanwhile, before the caller is asked to try later.
const JUDGE_ATTEMPTS_MAX: usize = 8;

/// Room for requests that are judged, in KiB.
#[derive(Clone, Debug)]
pub(super) struct Room(Arc<Semaphore>);

impl Default for Room {
    fn default() -> Self {
        Self(Arc::new(Semaphore::new(WRITES_BYTES_MAX >> 10)))
    }
}

impl Room {
    /// Waits for room.
    async fn of(&self, bytes: usize) -> Result<Taken, Status> {
        let kib = bytes.min(WRITE_REQUEST_BYTES_MAX).div_ceil(1024);
        let room = Arc::clone(&self.0);
        let permit = room.acquire_many_owned(u32::try_from(kib).unwrap_or(u32::MAX)).await;
        permit.map(|permit| Taken(Arc::new(permit))).map_err(|_| super::error::stopping())
    }
}

/// Room that is taken until the last of those that have it lets go: a request that its client gave up is judged, or waits
/// to be planned, all the same.
#[derive(Clone, Debug)]
struct Taken(#[expect(dead_code, reason = "it is let go")] Arc<OwnedSemaphorePermit>);

/// Plans what takes room.
struct InRoom {
    planner: ApplyPlanner,
    _room: Taken,
}

impl Planner for InRoom {
    type Answer = Applied;

    fn plan(&mut self, snapshot: &Snapshot, now: Now) -> Planned<Applied> {
        self.planner.plan(snapshot, now)
    }
}

pub(super) async fn apply(
    (links, asking): (&Links, &Asking),
    room: &Room,
    request: pb::ApplyRequest,
) -> Result<pb::ApplyResponse, Status> {
    check_ready(links)?;
    let room = room.of(request.encoded_len()).await?;
    let what =
        if request.set.is_empty() { "apply".to_owned() } else { format!("apply of set {}", request.set) };
    let cause = cause(asking, what, request.authorship.clone())?;
    let run = Run::of(request.dry_run);
    let request = Arc::new(request);
    let mut criteria = links.intake.criteria();
    for _ in 0..JUDGE_ATTEMPTS_MAX {
        let planner = prepare((links, &room), run, (&request, asking), criteria).await?;
        let fields: Vec<String> = planner.candidates.iter().map(|it| it.field.clone()).collect();
        let named = named(&planner);
        let planner = InRoom { planner, _room: room.clone() };
        let Written { revision, answer } =
            perform((links, asking), run, (cause.clone(), named), planner).await?;
        let Applied::Results(mut results) = answer else {
            criteria = links.intake.criteria().renewed(&links.cache.snapshot());
            continue;
        };
        conflicts::date(links, &mut results).await;
        let is_atomic = request.atomicity() == pb::Atomicity::Unspecified;
        if run == Run::Real && is_atomic && results.iter().any(|result| refuses(result.outcome())) {
            return Err(refused("applied", &results, |index| fields.get(index).cloned()));
        }
        return Ok(pb::ApplyResponse { revision: revision.0, results });
    }
    Err(busy())
}

fn named(planner: &ApplyPlanner) -> Named {
    let puts = planner.candidates.iter().filter_map(|candidate| candidate.key().cloned());
    Named { puts: puts.collect(), looks: planner.conditions.keys().cloned().collect(), ..Named::default() }
}

/// What an apply would make of the newest state: that, the state after it, and its results.
///
/// # Errors
/// Where the request itself is wrong, or is one for later.
pub(super) async fn would_be(
    (links, asking): (&Links, &Asking),
    room: &Room,
    request: pb::ApplyRequest,
) -> Result<(SnapshotCatalog, SnapshotCatalog, Vec<pb::WriteResult>), Status> {
    check_ready(links)?;
    let room = room.of(request.encoded_len()).await?;
    let newest = links.cache.snapshot();
    let criteria = links.intake.criteria().renewed(&newest);
    let planner = prepare((links, &room), Run::Dry, (&Arc::new(request), asking), criteria).await?;
    let (named, rights, touched) = (named(&planner), asking.rights().clone(), Arc::default());
    let count = named.changed().len();
    let mut planner = Permitted { planner, rights, named, touched };
    let now = links.clock.now();
    let planning = blocking::spawn(move || {
        let _room = room;
        let Planned { changes, answer, .. } = planner.plan(&newest.0, now);
        let changes = with_ended_holds(&newest.0, changes);
        let after = newest.0.with_changes(newest.0.revision().next(), changes);
        (newest, SnapshotCatalog(Arc::new(after)), answer)
    });
    let (newest, after, answer) = planning.await.map_err(internal)?;
    match answer.map_err(|denied| forbidden("changed", denied, count))? {
        Applied::Results(mut results) => {
            conflicts::date(links, &mut results).await;
            Ok((newest, after, results))
        }
        Applied::OtherRules => Err(busy()),
    }
}

fn busy() -> Status {
    Status::unavailable("the rules change faster than documents can be judged by them; try again")
}

/// Reads and judges what is to be applied.
///
/// # Errors
/// Where the request itself is wrong; documents that are wrong are told in the results.
async fn prepare(
    (links, room): (&Links, &Taken),
    run: Run,
    (request, asking): (&Arc<pb::ApplyRequest>, &Asking),
    criteria: Criteria,
) -> Result<ApplyPlanner, Status> {
    let reading = reading(links, run, request)?;
    let options = options(request, asking, criteria.version())?;
    let (asked, criteria) = (Arc::clone(request), criteria.of_source(&SourceName::api()));
    let is_small = request.encoded_len() <= INLINE_BYTES_MAX && criteria.rules().is_empty();
    let room = room.clone();
    let work = move || {
        let _room = room;
        judged(&asked.manifests, &reading, &criteria)
    };
    let candidates = if is_small { work()? } else { blocking::spawn(work).await.map_err(internal)?? };
    Ok(ApplyPlanner { candidates, ..options })
}

fn reading(links: &Links, run: Run, request: &pb::ApplyRequest) -> Result<Reading, Status> {
    let asked = pb::UnknownFields::try_from(request.unknown_fields);
    let asked = asked.map_err(|_| bad_request("unknown_fields", "is none of the values that there are"))?;
    let namespace = &request.default_namespace;
    check_len("default_namespace", namespace, AUTHOR_BYTES_MAX)?;
    let own = &links.documents;
    Ok(Reading {
        namespace: if namespace.is_empty() { own.default_namespace.clone() } else { namespace.clone() },
        unknown_fields: match asked {
            pb::UnknownFields::Unspecified => own.unknown_fields,
            pb::UnknownFields::Strict => UnknownFields::Strict,
            pb::UnknownFields::Warn => UnknownFields::Warn,
            pb::UnknownFields::Ignore => UnknownFields::Ignore,
        },
        run,
    })
}

/// All but the candidates.
fn options(request: &pb::ApplyRequest, asking: &Asking, rules: VersionSum) -> Result<ApplyPlanner, Status> {
    check_len("set", &request.set, AUTHOR_BYTES_MAX)?;
    let set = (!request.set.is_empty()).then(|| Arc::from(request.set.as_str()));
    let prune = request.prune.clone().map(|prune| Scope::of("prune", prune)).transpose()?;
    let author = request.authorship.as_ref().map(|authorship| authorship.author.clone());
    Ok(ApplyPlanner {
        candidates: Vec::new(),
        rules,
        is_best_effort: is_best_effort(request.atomicity)?,
        conditions: Conditions::of(request.preconditions.clone(), &request.default_namespace)?,
        set,
        takes_over: request.force,
        prune,
        ttl: ttl(request)?,
        author: asking.author(author.unwrap_or_default()),
        rights: asking.rights().clone(),
    })
}

pub(super) fn is_best_effort(atomicity: i32) -> Result<bool, Status> {
    match pb::Atomicity::try_from(atomicity) {
        Ok(pb::Atomicity::Unspecified) => Ok(false),
        Ok(pb::Atomicity::BestEffort) => Ok(true),
        Err(_) => Err(bad_request("atomicity", "is none of the values that there are")),
    }
}

fn ttl(request: &pb::ApplyRequest) -> Result<Option<Duration>, Status> {
    let Some(ttl) = &request.ttl else { return Ok(None) };
    let parts = u64::try_from(ttl.seconds).ok().zip(u32::try_from(ttl.nanos).ok());
    let given = parts.and_then(|(seconds, nanos)| {
        Duration::from_secs(seconds).checked_add(Duration::from_nanos(u64::from(nanos)))
    });
    let given = given.ok_or_else(|| bad_request("ttl", "is no time to live: it is negative or too long"))?;
    check_ttl(given).map(Some).map_err(|error| bad_request("ttl", error.to_string()))
}

#[cfg(test)]
mod tests {
    use mainsheet_cache::{
        Cache, CacheOptions,
        store::{MemoryStore, StoreHealth},
    };

    use super::*;
    use crate::{
        audit::Audit,
        auth::{Caller, CredentialHealth, Grants},
        clock::SystemClock,
        intake::{IntakeOptions, IntakeParts, intake},
        leases::Leases,
        metrics::Metrics,
        readiness::Readiness,
        sinks::Sinks,
        source::DocumentOptions,
        store_state::StoreState,
        surroundings::Randomness,
    };

    /// Of a server that has no source, and nothing.
    async fn links() -> Links {
        let options = CacheOptions { precedence: Vec::new(), history_len_max: 1 };
        let (cache, _) = Cache::open(Arc::new(MemoryStore::default()), options).await.unwrap();
        let (clock, readiness) = (Arc::new(SystemClock::new()), Readiness::new());
        let leases = Leases::load(&cache, clock.clone()).await.unwrap();
        let parts = IntakeParts {
            cache: cache.clone(),
            clock: clock.clone(),
            readiness: readiness.clone(),
            leases: leases.clone(),
            sources: Vec::new(),
        };
        Links {
            grants: Grants::default(),
            audit: Audit::nowhere(clock.clone(), Randomness::of_seed(1)),
            store_state: StoreState::new(&cache, StoreHealth::default(), clock.clone()),
            intake: intake(parts, IntakeOptions::default()).1,
            cache,
            leases,
            readiness,
            sinks: Sinks::new(Metrics::new()),
            sources: Arc::new([]),
            clock,
            instance: "test".into(),
            store: "memory",
            credentials: CredentialHealth::default(),
            documents: DocumentOptions::default(),
        }
    }

    #[tokio::test]
    async fn what_is_only_looked_at_takes_room_too() {
        let (links, room) = (links().await, Room::default());
        let asked = pb::ApplyRequest::default;
        let mut request = tonic::Request::new(());
        request.extensions_mut().insert(Caller::in_plaintext(([127, 0, 0, 1], 1).into(), true));
        let asking = Asking::of(&links, &crate::v1::needs::DIFF, &request).unwrap();
        would_be((&links, &asking), &room, asked()).await.unwrap();
        assert_eq!(room.0.available_permits(), WRITES_BYTES_MAX >> 10, "it is given back");
        // Whoever needs room that nobody will ever give back is told so.
        room.0.close();
        assert!(would_be((&links, &asking), &room, asked()).await.is_err());
    }
}
