//! Pacing: one unanswered response a type, and nobody waited for without end.

use super::*;

/// rule 84
#[test]
fn newer_states_wait_for_the_ack_and_the_newest_wins() {
    for variant in [Variant::Sotw, Variant::Delta] {
        let mut stream = Stream::new(variant);
        match variant {
            Variant::Sotw => stream.ask(&cds(), &[]),
            Variant::Delta => stream.subscribe(&cds(), &[], &[]),
        };
        stream.reply();
        for value in ["1", "2", "3"] {
            stream.put(Kind::CLUSTER, &["x"], value);
            stream.assert_silent();
        }
        stream.ack(&cds(), &[]);
        assert_eq!(stream.reply().resources, [("x".into(), "3".into())]);
    }
}

/// rule 84: the wait has an end, which is told; a client that let it pass is not waited for again.
#[test]
fn client_that_never_answers_is_waited_for_once() {
    let mut stream = Stream::sotw();
    stream.ask(&cds(), &[]);
    stream.reply();
    assert_eq!(stream.session.next_deadline(), None, "nothing to say, nothing to wake up for");
    stream.put(Kind::CLUSTER, &["x"], "1");
    stream.assert_silent();
    let mut deadline = stream.session.next_deadline();
    while let Some(later) = deadline {
        stream.now = later;
        if stream.session.render(later).is_some() {
            break;
        }
        deadline = stream.session.next_deadline();
    }
    assert_eq!(stream.now, Uptime::default().after(ACK_GRACE));
    stream.put(Kind::CLUSTER, &["x"], "2");
    assert_eq!(stream.reply().resources, [("x".into(), "2".into())]);
}

/// rule 84: ... until it answers after all.
#[test]
fn client_that_answers_late_is_waited_for_again() {
    let mut stream = Stream::sotw();
    stream.ask(&cds(), &[]);
    stream.reply();
    stream.wait(ACK_GRACE);
    stream.put(Kind::CLUSTER, &["x"], "1");
    stream.reply();
    stream.ack(&cds(), &[]);
    stream.put(Kind::CLUSTER, &["x"], "2");
    stream.reply();
    stream.put(Kind::CLUSTER, &["x"], "3");
    stream.assert_silent();
}

/// rules 2, 84: a type that waits holds up no other of its rank.
#[test]
fn type_that_waits_does_not_hold_up_others() {
    let mut stream = Stream::sotw();
    let dr = Kind::DESTINATION_RULE.type_url();
    let telemetry = "telemetry.istio.io/v1/Telemetry";
    stream.ask(&dr, &[]);
    stream.reply();
    stream.put(Kind::DESTINATION_RULE, &["x"], "1");
    stream.ask(telemetry, &[]);
    assert_eq!(stream.acked(&[]).url, telemetry);
    stream.put(Kind::of_type_url(telemetry).unwrap(), &["x"], "1");
    assert_eq!(stream.reply().url, telemetry);
}

/// The pages of one step are one answer: the client need not answer each before it gets the next.
#[test]
fn pages_do_not_wait_for_each_other() {
    let mut stream = Stream::delta();
    let names: Vec<String> = (0..20).map(|number| number.to_string()).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    stream.put(Kind::CLUSTER, &names, "1");
    stream.subscribe(&cds(), &[], &[]);
    let pages: Vec<Reply> = std::iter::from_fn(|| stream.next()).collect();
    assert!(pages.len() > 2);
    assert_eq!(pages.iter().map(|page| page.resources.len()).sum::<usize>(), 20);
    stream.put(Kind::CLUSTER, &["0"], "2");
    stream.assert_silent();
    for page in &pages {
        let response_nonce = page.nonce.clone();
        let ack = DeltaDiscoveryRequest { type_url: cds(), response_nonce, ..Default::default() };
        let outcomes = stream.send(Request::Delta(ack));
        assert!(matches!(&outcomes[..], [Outcome::Acked { nonce, .. }] if nonce.0 == page.nonce));
    }
    assert_eq!(stream.reply().names(), ["0"]);
}

/// rule 24: a NACK that comes after its response was superseded still says what the client may lack.
#[test]
fn late_nack_brings_back_what_was_refused_with_it() {
    let mut stream = Stream::delta();
    stream.put(Kind::CLUSTER, &["bad", "good"], "1");
    stream.subscribe(&cds(), &[], &[]);
    let response_nonce = stream.reply().nonce;
    stream.put(Kind::CLUSTER, &["bad"], "2");
    stream.wait(ACK_GRACE);
    assert_eq!(stream.reply().names(), ["bad"]);
    let error_detail = error();
    let late = DeltaDiscoveryRequest { type_url: cds(), response_nonce, error_detail, ..Default::default() };
    assert!(matches!(stream.send(Request::Delta(late))[..], [Outcome::Nacked { .. }]));
    stream.ack(&cds(), &[]);
    assert_eq!(stream.reply().names(), ["good"]);
}

/// Bytes that streams have in common are the same bytes.
#[test]
fn first_answers_share_the_catalogs_bytes() {
    let mut one = Stream::delta();
    one.put(Kind::CLUSTER, &["x"], "1");
    one.subscribe(&cds(), &[], &[]);
    let entry = one.session.shown.catalog.get(Kind::CLUSTER, &View::everything(), "x").unwrap();
    let push = one.session.render(one.now).unwrap();
    assert!(push.frame.pieces.iter().any(|piece| piece.as_ptr() == entry.any.as_ptr()));
}
