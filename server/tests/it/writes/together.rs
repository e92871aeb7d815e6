//! Many who write at the same time.

use std::{
    collections::BTreeSet,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use mainsheet_api::{generated::mainsheet::v1 as pb, kind::Kind, resource::SourceName};
use tokio::task::JoinSet;
use tonic::Code;

use super::{Desk, key, request};
use crate::rig::{route, route_key};

const WRITERS: usize = 8;

/// The number that the counter's host has.
fn counted(desk: &Desk) -> usize {
    let served = desk.snapshot().find(Kind::VIRTUAL_SERVICE, &route_key("counter").wire_name()).unwrap();
    let text = String::from_utf8_lossy(&served.entry.any).into_owned();
    let digits = text.split("count-").nth(1).unwrap().chars().take_while(char::is_ascii_digit);
    digits.collect::<String>().parse().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn writers_that_say_what_they_have_seen_lose_no_update() {
    const EACH: usize = 10;
    let desk = Arc::new(Desk::start(&[]).await);
    desk.apply(request([route("counter", "count-0")])).await.unwrap();
    let writer = |desk: Arc<Desk>| async move {
        let mut made = 0;
        while made < EACH {
            let snapshot = desk.snapshot();
            let seen = snapshot.held(&SourceName::api(), &route_key("counter")).unwrap().changed.0;
            let found = snapshot.find(Kind::VIRTUAL_SERVICE, &route_key("counter").wire_name()).unwrap();
            let text = String::from_utf8_lossy(&found.entry.any).into_owned();
            let digits = text.split("count-").nth(1).unwrap().chars().take_while(char::is_ascii_digit);
            let count: usize = digits.collect::<String>().parse().unwrap();
            let expected = Some(pb::precondition::Expected::Revision(seen));
            let asked = pb::ApplyRequest {
                preconditions: vec![pb::Precondition { key: Some(key("counter")), expected }],
                ..request([route("counter", &format!("count-{}", count + 1))])
            };
            match desk.apply(asked).await {
                Ok(_) => made += 1,
                Err(refused) => assert_eq!(refused.code(), Code::FailedPrecondition, "{refused:?}"),
            }
        }
    };
    let writers: Vec<_> = (0..WRITERS).map(|_| writer(Arc::clone(&desk))).collect();
    futures_util::future::join_all(writers).await;
    assert_eq!(counted(&desk), WRITERS * EACH);
    assert_eq!(desk.snapshot().revision().0, 1 + (WRITERS * EACH) as u64, "each its own revision");
    Arc::try_unwrap(desk).ok().unwrap().end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_state_that_is_published_has_all_of_a_request_or_nothing() {
    const NAMES: [&str; 4] = ["a", "b", "c", "d"];
    let desk = Arc::new(Desk::start(&[]).await);
    let is_over = AtomicBool::new(false);
    let watching = async {
        let mut seen = 0;
        while !is_over.load(Ordering::Relaxed) {
            let snapshot = desk.snapshot();
            let held = NAMES.map(|name| snapshot.held(&SourceName::api(), &route_key(name)));
            let revisions: BTreeSet<_> =
                held.iter().map(|held| held.as_ref().map(|held| held.changed)).collect();
            assert_eq!(revisions.len(), 1, "{held:?}");
            seen += 1;
            tokio::task::yield_now().await;
        }
        seen
    };
    let writing = async {
        let writer = |of: usize| {
            let desk = Arc::clone(&desk);
            async move {
                for turn in 0..10 {
                    let texts = NAMES.map(|name| route(name, &format!("v{of}-{turn}")));
                    desk.apply(request(texts)).await.unwrap();
                }
            }
        };
        futures_util::future::join_all((0..4).map(writer)).await;
        is_over.store(true, Ordering::Relaxed);
    };
    let (seen, ()) = futures_util::future::join(watching, writing).await;
    assert!(seen > 0);
    Arc::try_unwrap(desk).ok().unwrap().end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_acknowledged_before_a_stop_is_there_after_it() {
    let desk = Desk::start(&[]).await;
    let writer = |of: usize, client: super::Client| async move {
        let mut client = client;
        let mut acknowledged = Vec::new();
        for turn in 0.. {
            let name = format!("r{of}-{turn}");
            match client.apply(request([route(&name, "v1")])).await {
                Ok(_) => acknowledged.push(name),
                // The server has stopped, or the connection ended with it.
                Err(_) => break,
            }
        }
        acknowledged
    };
    let mut writers: JoinSet<Vec<String>> = (0..WRITERS).map(|of| writer(of, desk.client.clone())).collect();
    desk.until("some are written", |desk| desk.snapshot().count(Kind::VIRTUAL_SERVICE) > 20).await;
    let desk = desk.again().await;
    let mut acknowledged = 0;
    while let Some(names) = writers.join_next().await {
        for name in names.unwrap() {
            assert!(desk.served(&name).is_some(), "{name} was acknowledged");
            acknowledged += 1;
        }
    }
    assert!(acknowledged > 20);
    desk.end().await;
}
