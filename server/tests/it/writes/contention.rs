//! Several clients at once on few keys, each saying what it has seen, while little of the history is kept.

use std::collections::BTreeMap;

use futures_util::future::join_all;
use mainsheet_api::generated::mainsheet::v1::{self as pb, WriteOutcome};
use tonic::Code;

use super::{Client, Desk, key};
use crate::{app::PATIENCE, rig::route};

const KEYS: [&str; 3] = ["a", "b", "c"];
const CLIENTS: usize = 8;
const EACH: usize = 12;

/// A write as its client knows it.
#[derive(Debug)]
struct Write {
    name: &'static str,
    author: String,
    /// The revision of what it replaced; 0 where nothing was there.
    seen: u64,
    /// Where it leads; nothing where it was a removal.
    host: Option<String>,
}

/// What clients were answered: writes by revision, and what was in the way of others.
#[derive(Debug, Default)]
struct Answered {
    made: Vec<(u64, Write)>,
    conflicts: Vec<(Write, pb::Conflict)>,
}

/// What the API's layer has of a name: its revision, 0 where it has nothing.
async fn seen(client: &mut Client, name: &str) -> u64 {
    let request = pb::GetRequest { key: Some(key(name)), source: "api".to_owned(), ..Default::default() };
    match client.get(request).await {
        Ok(found) => found.into_inner().resource.unwrap().revision,
        Err(refused) => {
            assert_eq!(refused.code(), Code::NotFound, "{refused:?}");
            0
        }
    }
}

/// The revision, and what became of the resource.
async fn ask(client: &mut Client, write: &Write) -> (u64, pb::WriteResult) {
    use pb::precondition::Expected;
    let expected = if write.seen == 0 { Expected::Absent(true) } else { Expected::Revision(write.seen) };
    let preconditions = vec![pb::Precondition { key: Some(key(write.name)), expected: Some(expected) }];
    let authorship = Some(pb::Authorship { author: write.author.clone(), message: String::new() });
    let atomicity = pb::Atomicity::BestEffort.into();
    let (revision, mut results) = if let Some(host) = &write.host {
        let request = super::request([route(write.name, host)]);
        let request = pb::ApplyRequest { preconditions, authorship, atomicity, ..request };
        let answer = client.apply(request).await.unwrap().into_inner();
        (answer.revision, answer.results)
    } else {
        let keys = vec![key(write.name)];
        let request =
            pb::DeleteRequest { keys, preconditions, authorship, atomicity, ..pb::DeleteRequest::default() };
        let answer = client.delete(request).await.unwrap().into_inner();
        (answer.revision, answer.results)
    };
    (revision, results.remove(0))
}

async fn writes_of(number: usize, mut client: Client) -> Answered {
    let mut answered = Answered::default();
    for turn in 0..EACH {
        let name = KEYS[(number * 5 + turn) % KEYS.len()];
        let seen = seen(&mut client, name).await;
        let is_removal = seen != 0 && turn % 3 == 2;
        let host = (!is_removal).then(|| format!("host-{number}-{turn}"));
        let write = Write { name, author: format!("client {number}"), seen, host };
        let (revision, result) = ask(&mut client, &write).await;
        match result.outcome() {
            WriteOutcome::Created | WriteOutcome::Changed | WriteOutcome::Removed => {
                answered.made.push((revision, write));
            }
            WriteOutcome::Conflicted => answered.conflicts.push((write, result.conflict.unwrap())),
            other => panic!("{other:?} of {write:?}"),
        }
    }
    answered
}

/// By revision: the name, who wrote it, and where it leads.
type Told = (u64, String, String, Option<String>);

/// Everything that is told of what was served, up to a revision.
async fn told(client: &mut Client, last: u64) -> Vec<Told> {
    // The newest there was before.
    let request = pb::WatchRequest { form: pb::Form::Yaml.into(), ..pb::WatchRequest::default() };
    let mut watch =
        client.watch(pb::WatchRequest { after_revision: 1, ..request }).await.unwrap().into_inner();
    let mut told: Vec<Told> = Vec::new();
    while told.last().is_none_or(|(revision, ..)| *revision < last) {
        let next = tokio::time::timeout(PATIENCE, watch.message()).await.expect("news").unwrap().unwrap();
        let author = next.authorship.unwrap_or_default().author;
        for change in next.changes {
            let name = change.after.as_ref().or(change.before.as_ref()).unwrap().key.clone().unwrap().name;
            told.push((next.revision, name, author.clone(), change.after.map(|after| host(&after.text))));
        }
    }
    told
}

/// Where a route leads.
fn host(text: &str) -> String {
    let at = text.find("host-").unwrap_or_else(|| panic!("{text}"));
    text[at..].chars().take_while(|letter| letter.is_ascii_alphanumeric() || *letter == '-').collect()
}

async fn contend(history_revisions: usize, is_all_kept: bool) {
    let desk = Desk::remembering(history_revisions).await;
    // Revision 1 is nobody's.
    desk.apply(super::request([route("first", "host-first")])).await.unwrap();
    let clients = (0..CLIENTS).map(|number| writes_of(number, desk.client.clone()));
    let answered = join_all(clients).await;
    let conflicts: Vec<_> = answered.iter().flat_map(|answered| &answered.conflicts).collect();
    let mut made: Vec<_> = answered.iter().flat_map(|answered| &answered.made).collect();
    made.sort_by_key(|(revision, _)| *revision);
    let revisions: Vec<_> = made.iter().map(|(revision, _)| *revision).collect();
    assert_eq!(revisions, (2..2 + made.len() as u64).collect::<Vec<_>>(), "a revision each, and no other");

    // Each replaced exactly what its client had seen.
    let mut state: BTreeMap<&str, (u64, &str)> = BTreeMap::new();
    for (revision, write) in &made {
        assert_eq!(state.get(write.name).map_or(0, |(changed, _)| *changed), write.seen, "{write:?}");
        match &write.host {
            Some(host) => drop(state.insert(write.name, (*revision, host.as_str()))),
            None => drop(state.remove(write.name)),
        }
    }
    for name in KEYS {
        let request =
            pb::GetRequest { key: Some(key(name)), form: pb::Form::Yaml.into(), ..Default::default() };
        let found =
            desk.client.clone().get(request).await.ok().map(|found| found.into_inner().resource.unwrap());
        let found = found.map(|found| (found.revision, host(&found.text)));
        assert_eq!(found, state.get(name).map(|(revision, host)| (*revision, (*host).to_owned())), "{name}");
    }

    // Whoever was refused is told who was before, unless that is a removal.
    for (write, conflict) in conflicts {
        assert_ne!(conflict.revision, write.seen, "{write:?} {conflict:?}");
        if conflict.revision == 0 {
            continue;
        }
        let (_, other) = made.iter().find(|(revision, _)| *revision == conflict.revision).unwrap();
        assert_eq!((other.name, &other.author), (write.name, &conflict.author), "{write:?} {conflict:?}");
    }

    let newest = revisions.last().copied().unwrap();
    let request = pb::HistoryRequest { page_size: 100, ..pb::HistoryRequest::default() };
    let history = desk.client.clone().history(request).await.unwrap().into_inner().revisions;
    let history: Vec<_> =
        history.iter().map(|made| (made.revision, author(made.authorship.as_ref()))).collect();
    let kept = made.iter().rev().take(history_revisions).map(|(at, write)| (*at, write.author.clone()));
    assert_eq!(history, kept.collect::<Vec<_>>());
    if is_all_kept {
        let expected =
            made.iter().map(|(at, it)| (*at, it.name.to_owned(), it.author.clone(), it.host.clone()));
        assert_eq!(told(&mut desk.client.clone(), newest).await, expected.collect::<Vec<_>>());
    }
    desk.end().await;
}

fn author(authorship: Option<&pb::Authorship>) -> String {
    authorship.map(|authorship| authorship.author.clone()).unwrap_or_default()
}

/// No more than clients write at once is kept: whoever follows misses nothing.
#[tokio::test(flavor = "multi_thread")]
async fn every_write_that_is_answered_is_told_once_and_replaced_what_its_client_had_seen() {
    contend(CLIENTS, true).await;
}

/// Less than is written at once.
#[tokio::test(flavor = "multi_thread")]
async fn writes_on_few_keys_neither_lose_nor_repeat_where_almost_no_history_is_kept() {
    contend(1, false).await;
}
