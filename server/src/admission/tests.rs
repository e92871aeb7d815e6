use tonic::Code;

use super::*;
use crate::clock::SystemClock;

fn admission(limits: Limits) -> (Admission, Arc<Metrics>) {
    let metrics = Metrics::new();
    let clock = Arc::new(SystemClock::new());
    (Admission::new(limits, clock, Randomness::of_seed(1), &metrics), metrics)
}

fn peer(number: u8) -> SocketAddr {
    SocketAddr::from(([192, 0, 2, number], 1))
}

/// Of as many arrivals: those let in, those told, those closed.
fn arrivals(admission: &Admission, number: u8, count: usize) -> ([usize; 3], Vec<Arrival>) {
    let all: Vec<_> = (0..count).map(|_| admission.arrive(peer(number))).collect();
    let how_many = |is: fn(&Arrival) -> bool| all.iter().filter(|arrival| is(arrival)).count();
    let counts = [
        how_many(|arrival| matches!(arrival, Arrival::Admitted(_))),
        how_many(|arrival| matches!(arrival, Arrival::Refused(..))),
        how_many(|arrival| matches!(arrival, Arrival::Closed)),
    ];
    (counts, all)
}

#[test]
fn those_over_the_limit_are_told_as_far_as_there_is_room_for_it() {
    let (admission, metrics) = admission(Limits { connections_per_peer_max: 1, ..Limits::default() });
    let (counts, of_one) = arrivals(&admission, 1, 1_000);
    // One address takes half of the room at most.
    assert_eq!(counts, [1, REFUSED_CONNECTIONS_MAX / 2, 1_000 - 1 - REFUSED_CONNECTIONS_MAX / 2]);
    admission.change(Limits { connections_max: 1, ..Limits::default() });
    let (counts, _) = arrivals(&admission, 2, REFUSED_CONNECTIONS_MAX);
    assert_eq!(counts, [0, REFUSED_CONNECTIONS_MAX / 2, REFUSED_CONNECTIONS_MAX / 2]);
    drop(of_one);
    assert!(matches!(admission.arrive(peer(1)), Arrival::Admitted(_)));
    let refused = admission.refused();
    assert_eq!(refused[1], ("connections-per-peer-max", 999), "{refused:?}");
    assert_eq!(metrics.closed_untold.get(), 487 + 512);
}

#[test]
fn places_of_connections_and_streams_are_given_back() {
    let (admission, _) = admission(Limits { connections_max: 1, streams_max: 1, ..Limits::default() });
    let used = || admission.usage().iter().map(|usage| usage.used).collect::<Vec<_>>();
    let arrival = admission.arrive(peer(1));
    let stream = admission.open(peer(1)).unwrap();
    assert_eq!(used(), [1, 1, 1, 1, 0]);
    assert!(admission.open(peer(2)).is_err());
    assert_eq!(admission.busiest(5), [("192.0.2.1".to_owned(), 1, 1)]);
    drop((arrival, stream));
    assert_eq!(used(), [0; 5]);
    assert!(admission.open(peer(2)).is_ok() && admission.busiest(5).is_empty());
}

#[test]
fn connections_end_no_faster_than_they_are_let_in() {
    let (admission, _) = admission(Limits { connections_per_second: 100, ..Limits::default() });
    assert_eq!(admission.spread(1_000), Duration::from_secs(10));
    assert_eq!(admission.spread(1), Duration::from_millis(10));
}

#[test]
fn what_a_client_keeps_is_added_up_over_its_streams() {
    let (admission, _) = admission(Limits { client_bytes_max: 100, ..Limits::default() });
    let (client, other) = (Client::new(admission.clone(), peer(1)), Client::new(admission.clone(), peer(1)));
    let (mut first, mut second, mut elsewhere) = (client.keeps(), client.keeps(), other.keeps());
    first.set(60).unwrap();
    elsewhere.set(100).unwrap();
    let status = second.set(50).unwrap_err();
    assert_eq!(status.code(), Code::ResourceExhausted);
    assert!(status.message().starts_with("110 bytes of names"), "{status}");
    assert!(
        status.message().contains("at most 100 are kept") && status.message().contains("client-bytes-max")
    );
    assert_eq!(admission.kept_bytes(), 160);
    drop((first, second, elsewhere));
    assert_eq!(admission.kept_bytes(), 0);
}
