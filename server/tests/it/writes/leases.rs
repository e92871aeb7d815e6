//! What is applied for a time, by the real clocks.

use mainsheet_api::{
    generated::{
        google::protobuf,
        mainsheet::v1::{self as pb, WriteOutcome},
    },
    time::Clock as _,
};
use mainsheet_server::clock::SystemClock;

use super::{Desk, key, outcomes, request};
use crate::{app::PATIENCE, rig::route};

/// What two clocks that are read one after the other may differ by, on a machine that is busy with other tests.
const SKEW_MILLIS: i64 = 250;

fn for_seconds(seconds: i64) -> pb::ApplyRequest {
    let ttl = Some(protobuf::Duration { seconds, nanos: 0 });
    pb::ApplyRequest { ttl, ..request([route("reviews", "v2")]) }
}

/// Milliseconds since 1970 at which the lease ends.
async fn deadline(desk: &Desk) -> i64 {
    let request = pb::GetRequest { key: Some(key("reviews")), ..pb::GetRequest::default() };
    let answer = desk.client.clone().get(request).await.unwrap().into_inner();
    let deadline = of_lease(answer.resource.unwrap());
    let listed = desk.client.clone().list(pb::ListRequest::default()).await.unwrap().into_inner();
    let listed = listed.resources.into_iter().map(of_lease).next().unwrap();
    assert!((listed - deadline).abs() < SKEW_MILLIS, "a list says the same");
    deadline
}

fn of_lease(resource: pb::Resource) -> i64 {
    millis(resource.lease.expect("a lease").deadline.as_ref().unwrap())
}

fn millis(at: &protobuf::Timestamp) -> i64 {
    at.seconds * 1000 + i64::from(at.nanos) / 1_000_000
}

async fn history(desk: &Desk) -> Vec<pb::RevisionInfo> {
    let request = pb::HistoryRequest { with_changes: true, ..pb::HistoryRequest::default() };
    desk.client.clone().history(request).await.unwrap().into_inner().revisions
}

#[tokio::test(flavor = "multi_thread")]
async fn apply_for_a_second_is_renewed_without_a_revision_and_ends_with_one_that_says_so() {
    let desk = Desk::start(&[("reviews", "v1")]).await;
    // Where this process was not given its turn for a second, the lease is over before it is renewed.
    let renewed = loop {
        let made = desk.apply(for_seconds(1)).await.unwrap();
        let before = deadline(&desk).await;
        let again = desk.apply(for_seconds(1)).await.unwrap();
        if again.revision == made.revision {
            assert_eq!(outcomes(&again.results), [WriteOutcome::Unchanged]);
            assert_eq!(desk.snapshot().revision().0, made.revision, "a renewal is no revision");
            break (made.revision, before);
        }
    };
    desk.until("the end of the lease", |desk| desk.source("reviews") == "files").await;
    let history = history(&desk).await;
    let expiry = &history[0];
    assert_eq!((expiry.cause.as_str(), expiry.revision), ("expiry", renewed.0 + 1));
    assert!(millis(expiry.at.as_ref().unwrap()) >= renewed.1, "not before its first deadline");
    desk.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn restart_keeps_the_deadline_of_a_renewal() {
    const HOUR: i64 = 3600;
    let mut desk = Desk::start(&[]).await;
    desk.apply(for_seconds(HOUR)).await.unwrap();
    let first = deadline(&desk).await;
    // The two deadlines, and the renewal and the restart, are further apart than clocks can be.
    let renewing = async {
        loop {
            desk.apply(for_seconds(HOUR)).await.unwrap();
            let renewed = deadline(&desk).await;
            if renewed >= first + 4 * SKEW_MILLIS {
                break renewed;
            }
        }
    };
    let renewed = tokio::time::timeout(PATIENCE, renewing).await.expect("later deadlines");
    let clock = SystemClock::new();
    while clock.uptime().0.as_millis() < 1000 {
        assert!((deadline(&desk).await - renewed).abs() < SKEW_MILLIS, "asking is no renewal");
    }
    for _ in 0..2 {
        desk = desk.again().await;
        let kept = deadline(&desk).await;
        assert!((kept - renewed).abs() < SKEW_MILLIS, "{first}, {renewed}, then {kept}");
    }
    desk.end().await;
}
