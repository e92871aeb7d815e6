//! Faults that are planted on purpose, so that the simulation can show that it finds them. Without the feature
//! `planted-faults`, which no product is built with, none is ever there.

#[cfg(feature = "planted-faults")]
use std::cell::Cell;

/// A fault that can be planted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// A stream is not woken by a newer state.
    LostWakeUp,
    /// A removal stays without effect on what is served.
    RemovalForgotten,
    /// A view shows a namespace that it does not have.
    ViewLeak,
    /// What is no longer granted stays in view.
    GrantKept,
    /// What a sink refused is sent again as it is.
    RefusedAgain,
    /// Any nonce answers what is unanswered.
    AnyNonce,
    /// What was sent is not remembered.
    SentForgotten,
    /// No answer is waited for.
    NoAnswerAwaited,
    /// A write is answered although the store failed.
    AnsweredUndone,
    /// A list says an older revision than was told before.
    RevisionBack,
    /// What a client holds on resumption counts as current, whatever its version.
    StaleBase,
    /// A lease ends before its time.
    EarlyEnd,
    /// A lease ends long after its time.
    LateEnd,
    /// Sources win over what is written.
    PrecedenceReversed,
    /// What changed at one instant is taken in piece by piece.
    AtomicInPieces,
    /// An update does not lift a pin.
    PinKept,
    /// The place of a stream that has ended is not given back.
    PlaceKept,
    /// What a client makes the server keep has no limit.
    LimitIgnored,
}

/// What is known of a fault.
#[derive(Clone, Copy, Debug)]
pub struct Planted {
    /// Which.
    pub fault: Fault,
    /// Of which class it is.
    pub class: &'static str,
    /// What is wrong then.
    pub breaks: &'static str,
    /// The checkers one of which is to find it.
    pub found_by: &'static [&'static str],
}

/// A row.
const fn row(
    fault: Fault,
    class: &'static str,
    breaks: &'static str,
    found_by: &'static [&'static str],
) -> Planted {
    Planted { fault, class, breaks, found_by }
}

/// All faults.
pub const TABLE: &[Planted] = &[
    row(Fault::LostWakeUp, "lost wake-up", "news wakes no stream", &["convergence"]),
    row(Fault::RemovalForgotten, "removal forgotten", "what was removed is served", &["convergence"]),
    row(Fault::ViewLeak, "view leak", "a view shows one namespace more", &["foreign", "convergence"]),
    row(
        Fault::GrantKept,
        "grant taken away, not enforced",
        "a stream goes on with the view that it began with",
        &["convergence"],
    ),
    row(Fault::RefusedAgain, "refused content resent", "a NACK changes nothing", &["refused", "repeats"]),
    row(Fault::AnyNonce, "nonce rule broken", "a stale nonce is an ACK", &["queues", "refused", "repeats"]),
    row(Fault::SentForgotten, "resent without cause", "the base is not kept", &["repeats"]),
    row(Fault::NoAnswerAwaited, "unbounded queue", "responses do not wait for answers", &["queues"]),
    row(
        Fault::AnsweredUndone,
        "commit lost on failure",
        "a failed write is answered as made",
        &["revisions"],
    ),
    row(
        Fault::RevisionBack,
        "revision goes back",
        "a list is of a revision before the newest",
        &["revisions"],
    ),
    row(Fault::StaleBase, "stale base after reconnect", "held versions are not compared", &["convergence"]),
    row(Fault::EarlyEnd, "lease ends too early", "deadlines are too near", &["leases"]),
    row(Fault::LateEnd, "lease ends too late", "deadlines are too far", &["leases"]),
    row(Fault::PrecedenceReversed, "layer precedence wrong", "the weakest layer wins", &["convergence"]),
    row(Fault::AtomicInPieces, "partial batch visible", "an atomic batch is debounced", &["intake"]),
    row(Fault::PinKept, "pin held for ever", "an update does not lift a pin", &["convergence"]),
    row(Fault::PlaceKept, "place not given back", "a stream that ends is counted on", &["bounds"]),
    row(Fault::LimitIgnored, "limit ignored", "a client may make the server keep anything", &["bounds"]),
];

#[cfg(feature = "planted-faults")]
thread_local! {
    static PLANTED: Cell<Option<Fault>> = const { Cell::new(None) };
}

/// Plants a fault on this thread, in place of any other.
#[cfg(feature = "planted-faults")]
pub fn plant(fault: Option<Fault>) {
    PLANTED.set(fault);
}

/// Whether a fault is planted on this thread.
#[cfg(feature = "planted-faults")]
#[must_use]
pub fn is(fault: Fault) -> bool {
    PLANTED.get() == Some(fault)
}

/// Whether a fault is planted: never, without the feature.
#[cfg(not(feature = "planted-faults"))]
#[must_use]
#[inline]
pub const fn is(_: Fault) -> bool {
    false
}
