use std::time::Duration;

use mainsheet_api::{change::Cause, resource::Lease};
use proptest::{collection::vec, prelude::*};
use tokio::sync::oneshot;

use super::*;
use crate::intake::{
    Planned, Planner, WriteError, Written,
    states::{NAMES, NOW, after, key, nothing, put, remove, source},
    write::job::Waiting,
};

/// What one write of the test does.
#[derive(Clone, Copy, Debug)]
enum Ask {
    Put(usize, u8),
    Remove(usize),
    /// Puts the number of what the layer has: depends on all that it reads.
    Count(usize),
    Renew(usize),
    Nothing,
    Panic,
}

impl Planner for Ask {
    type Answer = usize;

    fn plan(&mut self, state: &Snapshot, _: Now) -> Planned<usize> {
        let have = state.layer(&source("api")).len();
        let changes = match *self {
            Self::Put(name, content) => vec![put("api", NAMES[name], content)],
            Self::Remove(name) => vec![remove("api", NAMES[name])],
            Self::Count(name) => vec![put("api", NAMES[name], u8::try_from(have).unwrap())],
            Self::Renew(_) | Self::Nothing => Vec::new(),
            Self::Panic => panic!("planted"),
        };
        let lease = Lease::beginning(Duration::from_secs(60), NOW.wall);
        let renewal = |name| Renewal::now(source("api"), key(NAMES[name]), lease, NOW.wall);
        let renewals = if let Self::Renew(name) = *self { vec![renewal(name)] } else { Vec::new() };
        Planned { changes, renewals, answer: have }
    }
}

type Answered = oneshot::Receiver<Result<Written<usize>, WriteError>>;

fn job(ask: Ask) -> (Box<dyn Job>, Answered) {
    let (reply, answer) = oneshot::channel();
    (Box::new(Waiting::new(Cause::from("test"), ask, reply)), answer)
}

fn jobs(asks: &[Ask]) -> (Vec<Box<dyn Job>>, Vec<Answered>) {
    asks.iter().map(|ask| job(*ask)).unzip()
}

#[test]
fn writes_of_different_keys_go_together_each_on_the_state_before_it() {
    let (jobs, mut answers) = jobs(&[Ask::Put(0, 1), Ask::Put(1, 1), Ask::Nothing, Ask::Count(2)]);
    let group = plan_group(&nothing(), jobs, NOW);
    assert!(group.later.is_empty());
    let changes: Vec<_> = group.planned.iter().map(|planned| planned.changes.clone()).collect();
    assert_eq!(changes[3], [put("api", NAMES[2], 2)]);
    group.planned.into_iter().for_each(|planned| planned.job.answer(Ok(Revision(7))));
    let told: Vec<_> = answers.iter_mut().map(|answer| answer.try_recv().unwrap().unwrap().answer).collect();
    assert_eq!(told, [0, 1, 2, 2]);
}

#[test]
fn write_that_changes_what_an_earlier_one_renews_waits_and_so_do_those_behind_it() {
    let state = after(&nothing(), [put("api", NAMES[0], 1)]);
    let (jobs, _answers) = jobs(&[Ask::Renew(0), Ask::Remove(0), Ask::Put(1, 1)]);
    let group = plan_group(&state, jobs, NOW);
    assert_eq!((group.planned.len(), group.later.len()), (1, 2));
}

#[test]
fn panic_is_that_of_one_write() {
    let (jobs, mut answers) = jobs(&[Ask::Put(0, 1), Ask::Panic, Ask::Put(1, 1)]);
    let group = plan_group(&nothing(), jobs, NOW);
    assert_eq!(group.planned.len(), 2);
    assert!(matches!(answers[1].try_recv().unwrap(), Err(WriteError::Internal(_))));
}

#[test]
fn write_that_nobody_waits_for_is_not_made() {
    let (jobs, mut answers) = jobs(&[Ask::Put(0, 1), Ask::Put(1, 1)]);
    drop(answers.remove(0));
    let group = plan_group(&nothing(), jobs, NOW);
    assert_eq!(group.planned.len(), 1);
    assert_eq!(group.planned[0].changes, [put("api", NAMES[1], 1)]);
}

fn ask() -> impl Strategy<Value = Ask> {
    prop_oneof![
        (0..3_usize, 0..3_u8).prop_map(|(name, content)| Ask::Put(name, content)),
        (0..3_usize).prop_map(Ask::Remove),
        (0..3_usize).prop_map(Ask::Count),
        (0..3_usize).prop_map(Ask::Renew),
        Just(Ask::Nothing),
    ]
}

proptest! {
    /// In groups or one by one: the state and every answer are the same.
    #[test]
    fn groups_do_what_writes_one_by_one_do(asks in vec(ask(), 0..20)) {
        let mut wanted = nothing();
        let mut told = Vec::new();
        for ask in &asks {
            let Planned { changes, answer, .. } = ask.clone().plan(&wanted, NOW);
            told.push(answer);
            if !changes.is_empty() {
                wanted = after(&wanted, changes);
            }
        }
        let (mut waiting, mut answers) = jobs(&asks);
        let mut state = nothing();
        while !waiting.is_empty() {
            let Group { planned, later } = plan_group(&state, waiting, NOW);
            prop_assert!(!planned.is_empty(), "the first one never waits");
            for PlannedJob { job, changes, .. } in planned {
                if !changes.is_empty() {
                    state = after(&state, changes);
                }
                job.answer(Ok(state.revision()));
            }
            waiting = later;
        }
        let answered: Vec<_> = answers.iter_mut().map(|it| it.try_recv().unwrap().unwrap().answer).collect();
        prop_assert_eq!(answered, told);
        prop_assert_eq!(state.revision(), wanted.revision());
        let version = |of: &Snapshot, name| of.held(&source("api"), &key(name)).map(|held| held.version.clone());
        for name in NAMES {
            prop_assert_eq!(version(&state, name), version(&wanted, name));
        }
    }
}
