use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;

/// So high that none is reached.
fn high() -> Limits {
    Limits {
        connections_max: 1_000_000,
        connections_per_peer_max: 1_000_000,
        connections_per_second: 1_000_000,
        connections_per_second_per_peer: 1_000_000,
        streams_max: 1_000_000,
        streams_per_peer_max: 1_000_000,
        ..Limits::default()
    }
}

fn peer(number: u8) -> PeerGroup {
    PeerGroup::of([192, 0, 2, number].into())
}

fn at(millis: u64) -> Uptime {
    Uptime(Duration::from_millis(millis))
}

fn limit(result: Result<(), Reached>) -> Option<Limit> {
    result.err().map(|reached| reached.limit)
}

#[test]
fn address_with_all_its_connections_leaves_those_of_others() {
    let limits = Limits { connections_max: 3, connections_per_peer_max: 2, ..high() };
    let mut ledger = Ledger::default();
    let mut connect = |number| limit(ledger.connect(peer(number), &limits, at(0)));
    assert_eq!([connect(1), connect(1)], [None, None]);
    assert_eq!(connect(1), Some(Limit::ConnectionsPerPeer));
    assert_eq!(connect(2), None);
    assert_eq!(connect(2), Some(Limit::Connections));
    ledger.disconnect(peer(1));
    assert_eq!(limit(ledger.connect(peer(2), &limits, at(0))), None);
}

#[test]
fn address_that_comes_too_often_takes_no_turns_of_others() {
    let limits = Limits { connections_per_second: 2, connections_per_second_per_peer: 1, ..high() };
    let mut ledger = Ledger::default();
    let refused = (0..100).filter(|_| ledger.connect(peer(1), &limits, at(0)).is_err()).count();
    assert_eq!(refused, 98);
    assert_eq!(ledger.connect(peer(2), &limits, at(0)), Ok(()));
}

#[test]
fn rate_is_one_of_arrivals_not_of_who_stays() {
    let limits = Limits { connections_per_second_per_peer: 1, ..high() };
    let mut ledger = Ledger::default();
    for _ in 0..CONNECTION_BURST_SECONDS {
        ledger.connect(peer(1), &limits, at(0)).unwrap();
        ledger.disconnect(peer(1));
    }
    let reached = ledger.connect(peer(1), &limits, at(0)).unwrap_err();
    assert_eq!(reached.limit, Limit::ConnectionsPerSecondPerPeer);
    assert!(reached.turn.is_some_and(|turn| turn >= Duration::from_secs(1)), "{reached:?}");
    assert_eq!(ledger.connect(peer(1), &limits, at(1_000)), Ok(()));
}

#[test]
fn streams_are_bounded_by_address_and_in_all() {
    let limits = Limits { streams_max: 3, streams_per_peer_max: 2, ..high() };
    let mut ledger = Ledger::default();
    let opened: Vec<_> = [1, 1, 1, 2, 2].iter().map(|&n| limit(ledger.open(peer(n), &limits))).collect();
    assert_eq!(opened, [None, None, Some(Limit::StreamsPerPeer), None, Some(Limit::Streams)]);
    ledger.close(peer(1));
    assert_eq!(ledger.open(peer(2), &limits), Ok(()));
}

#[test]
fn addresses_are_forgotten_when_they_are_as_good_as_new() {
    let mut ledger = Ledger::default();
    for second in 0..100_u64 {
        for number in 0..=255 {
            let group = PeerGroup::V6([0x2001, 0xdb8, u16::try_from(second).unwrap(), number]);
            ledger.connect(group, &high(), at(second * 1_000)).unwrap();
            ledger.disconnect(group);
        }
    }
    assert!(ledger.peers.len() < 1_000, "{} of 25,600", ledger.peers.len());
    assert!(ledger.peers().is_empty());
}

#[derive(Clone, Copy, Debug)]
enum Step {
    Connect(u8),
    Disconnect(u8),
    Open(u8),
    Close(u8),
    Wait(u16),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => (0_u8..4).prop_map(Step::Connect),
        2 => (0_u8..4).prop_map(Step::Disconnect),
        4 => (0_u8..4).prop_map(Step::Open),
        2 => (0_u8..4).prop_map(Step::Close),
        1 => (0_u16..3_000).prop_map(Step::Wait),
    ]
}

proptest! {
    /// Against counting by hand: no limit is ever passed, nobody is refused below it, and what is given back is free.
    #[test]
    fn counts_are_what_was_let_in(steps in proptest::collection::vec(step(), 1..300)) {
        let limits = Limits { connections_max: 6, connections_per_peer_max: 3, streams_max: 5, streams_per_peer_max: 3, ..high() };
        let (mut ledger, mut now) = (Ledger::default(), at(0));
        let (mut connections, mut streams) = (BTreeMap::<u8, usize>::new(), BTreeMap::<u8, usize>::new());
        for step in steps {
            match step {
                Step::Wait(millis) => now = now.after(Duration::from_millis(millis.into())),
                Step::Connect(number) => {
                    let of_peer = connections.get(&number).copied().unwrap_or_default();
                    let all: usize = connections.values().sum();
                    let is_in = ledger.connect(peer(number), &limits, now).is_ok();
                    prop_assert_eq!(is_in, of_peer < 3 && all < 6);
                    if is_in { *connections.entry(number).or_default() += 1; }
                }
                Step::Open(number) => {
                    let of_peer = streams.get(&number).copied().unwrap_or_default();
                    let all: usize = streams.values().sum();
                    let is_in = ledger.open(peer(number), &limits).is_ok();
                    prop_assert_eq!(is_in, of_peer < 3 && all < 5);
                    if is_in { *streams.entry(number).or_default() += 1; }
                }
                Step::Disconnect(number) => if let Some(count) = connections.get_mut(&number).filter(|count| **count > 0) {
                    *count -= 1;
                    ledger.disconnect(peer(number));
                },
                Step::Close(number) => if let Some(count) = streams.get_mut(&number).filter(|count| **count > 0) {
                    *count -= 1;
                    ledger.close(peer(number));
                },
            }
            prop_assert_eq!(ledger.connections(), connections.values().sum::<usize>());
            prop_assert_eq!(ledger.streams(), streams.values().sum::<usize>());
        }
    }
}
