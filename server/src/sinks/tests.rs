use std::time::Duration;

use mainsheet_api::{
    node::Node,
    version::Nonce,
    xds::server::{Outcome, Sent},
};

use super::*;

const TYPE: &str = "networking.istio.io/v1/VirtualService";

fn at(seconds: u64) -> Moment {
    Moment { uptime: Uptime(Duration::from_secs(seconds)), wall: Timestamp(1_000 * seconds) }
}

fn peer() -> Peer {
    let caller = Caller::in_plaintext(([127, 0, 0, 1], 4000).into(), true);
    Peer { caller, variant: Variant::Sotw }
}

fn sent(nonce: &str, revision: u64) -> Sent {
    Sent {
        type_url: TYPE.into(),
        nonce: Nonce(nonce.into()),
        version: format!("v{revision}"),
        revision: Revision(revision),
        resources: 1,
        removed: 0,
        bytes: 100,
        is_heartbeat: false,
    }
}

fn subscribed() -> Outcome {
    Outcome::Subscribed { type_url: TYPE.into(), wildcard: true, names: 0 }
}

fn acked(nonce: &str, revision: u64) -> Outcome {
    acked_but_for(0, nonce, revision)
}

fn acked_but_for(still_refused: usize, nonce: &str, revision: u64) -> Outcome {
    Outcome::Acked {
        still_refused,
        type_url: TYPE.into(),
        nonce: Nonce(nonce.into()),
        version: format!("v{revision}"),
        revision: Revision(revision),
    }
}

fn nacked(nonce: &str, revision: u64) -> Outcome {
    Outcome::Nacked {
        type_url: TYPE.into(),
        nonce: Nonce(nonce.into()),
        version: format!("v{revision}"),
        revision: Revision(revision),
        message: "no".into(),
        blamed: [].into(),
        pins: Vec::new(),
    }
}

fn state(sinks: &Sinks) -> TypeState {
    sinks.all()[0].types()[TYPE].clone()
}

#[test]
fn sink_is_listed_while_its_writer_lives() {
    let sinks = Sinks::new(Metrics::new());
    let mut writer = sinks.open(peer(), at(1));
    writer.record(&Outcome::Connected(Arc::new(Node { id: "n".into(), ..Node::default() })), at(1));
    assert_eq!(sinks.all()[0].node().unwrap().id, "n");
    drop(writer);
    assert!(sinks.is_empty());
}

#[test]
fn streams_of_one_node_are_told_apart() {
    // rule 7
    let sinks = Sinks::new(Metrics::new());
    let connected = Outcome::Connected(Arc::new(Node { id: "n".into(), ..Node::default() }));
    let (mut old, mut new) = (sinks.open(peer(), at(1)), sinks.open(peer(), at(2)));
    old.record(&connected, at(1));
    new.record(&connected, at(2));
    drop(old);
    assert_eq!(sinks.all().iter().map(|sink| sink.connected).collect::<Vec<_>>(), [at(2).wall]);
}

#[test]
fn answers_to_the_last_response_say_how_a_type_stands() {
    let sinks = Sinks::new(Metrics::new());
    let mut writer = sinks.open(peer(), at(1));
    writer.record(&subscribed(), at(1));
    assert_eq!(state(&sinks).sync_state(), SyncState::NotSent);
    writer.record_sent(&sent("1", 7), at(2));
    assert_eq!(state(&sinks).sync_state(), SyncState::Stale);
    writer.record(&acked("1", 7), at(3));
    assert_eq!(state(&sinks).sync_state(), SyncState::Synced);
    writer.record_sent(&sent("2", 8), at(4));
    writer.record(&nacked("2", 8), at(5));
    // rule 23: refused is not synced, and what it holds is what it took.
    assert_eq!(state(&sinks).sync_state(), SyncState::Error);
    assert_eq!(state(&sinks).acked.unwrap().version, "v7");
    // Nor is it synced when it takes something else; only when what it refused was sent anew.
    writer.record_sent(&sent("3", 9), at(6));
    writer.record(&acked_but_for(1, "3", 9), at(7));
    assert_eq!(state(&sinks).sync_state(), SyncState::Error);
    writer.record_sent(&sent("4", 10), at(8));
    writer.record(&acked("4", 10), at(9));
    assert_eq!(state(&sinks).sync_state(), SyncState::Synced);
}

fn histogram(metrics: &Metrics, name: &str) -> String {
    let text = metrics.text();
    let find = |suffix: &str| {
        let line = text.lines().find(|line| line.starts_with(&format!("{name}_{suffix} "))).unwrap();
        line.split(' ').nth(1).unwrap().to_owned()
    };
    format!("{}/{}", find("sum"), find("count"))
}

#[test]
fn time_to_the_last_ack_runs_from_the_commit_until_nobody_is_awaited() {
    let metrics = Metrics::new();
    let sinks = Sinks::new(Arc::clone(&metrics));
    let mut writers: Vec<_> = (0..3).map(|_| sinks.open(peer(), at(1))).collect();
    writers.iter_mut().for_each(|writer| writer.record(&subscribed(), at(1)));
    sinks.on_published(Revision(7), Some(Timestamp(8_000)), at(10));
    writers.iter_mut().for_each(|writer| writer.record_sent(&sent("1", 7), at(11)));
    writers[0].record(&acked("1", 7), at(12));
    assert_eq!(histogram(&metrics, "mainsheet_commit_last_ack_seconds"), "0/0");
    writers[1].record(&nacked("1", 7), at(13));
    writers[2].record(&acked("1", 7), at(14));
    assert_eq!(histogram(&metrics, "mainsheet_commit_last_ack_seconds"), "6/1");
    assert_eq!(histogram(&metrics, "mainsheet_commit_ack_seconds"), "10/2");
}

#[test]
fn stream_that_ends_is_not_awaited() {
    let metrics = Metrics::new();
    let sinks = Sinks::new(Arc::clone(&metrics));
    let (mut stays, mut goes) = (sinks.open(peer(), at(1)), sinks.open(peer(), at(1)));
    sinks.on_published(Revision(7), None, at(10));
    for writer in [&mut stays, &mut goes] {
        writer.record_sent(&sent("1", 7), at(11));
    }
    drop(goes);
    stays.record(&acked("1", 7), at(12));
    assert_eq!(histogram(&metrics, "mainsheet_commit_last_ack_seconds"), "2/1");
}

#[test]
fn first_answer_to_a_late_subscriber_is_no_delay() {
    let metrics = Metrics::new();
    let sinks = Sinks::new(Arc::clone(&metrics));
    sinks.on_published(Revision(7), None, at(10));
    let mut writer = sinks.open(peer(), at(100));
    writer.record(&subscribed(), at(100));
    writer.record_sent(&sent("1", 7), at(101));
    writer.record(&acked("1", 7), at(102));
    assert_eq!(histogram(&metrics, "mainsheet_commit_ack_seconds"), "0/0");
}
