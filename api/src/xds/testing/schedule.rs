//! What happens, in which order.

use proptest::{collection::vec, option, prelude::*};

use super::model::{KINDS_LEN, SLOTS};
use crate::xds::Variant;

/// One thing that happens. Numbers stand for kinds, names, namespaces and values, whatever they are.
#[derive(Clone, Debug)]
pub enum Action {
    /// Resources change: slot, and its new value or none.
    Commit(Vec<(u8, Option<u8>)>),
    /// The client takes one response and answers it.
    Deliver,
    /// The client takes one response, applies it, and its ACK is never sent.
    DeliverUnanswered,
    /// The server takes one request.
    Take,
    /// The transport has room for one response.
    Render,
    /// The client wants these names of a kind, or everything of it.
    Want(u8, Option<u8>),
    /// The client repeats what it wants with a nonce that is not the newest, perhaps as a NACK.
    Repeat {
        /// Which kind.
        kind: u8,
        /// Whether with no nonce at all.
        empty: bool,
        /// Whether with an error.
        error: bool,
    },
    /// The view becomes that of this number.
    See(u8),
    /// The connection is lost with all that is on its way, and made anew.
    Reconnect,
    /// Seconds pass.
    Wait(u8),
}

/// A whole run.
#[derive(Clone, Debug)]
pub struct Schedule {
    /// Of the stream.
    pub variant: Variant,
    /// What the client wants of each kind at first: names, or everything.
    pub wanted: Vec<Option<u8>>,
    /// What happens.
    pub actions: Vec<Action>,
}

/// Any schedule.
pub fn schedules() -> impl Strategy<Value = Schedule> {
    let variant = prop_oneof![Just(Variant::Sotw), Just(Variant::Delta)];
    (variant, vec(option::of(0u8..64), usize::from(KINDS_LEN)), vec(action(), 1..120))
        .prop_map(|(variant, wanted, actions)| Schedule { variant, wanted, actions })
}

/// Any schedule in which the client loses nothing, says everything once, and always wants and sees the same.
pub fn calm_schedules() -> impl Strategy<Value = Schedule> {
    let is_calm = |action: &Action| {
        use Action::{Commit, Deliver, Render, Take, Wait};
        matches!(action, Commit(_) | Deliver | Take | Render | Wait(_))
    };
    schedules().prop_map(move |mut schedule| {
        schedule.actions.retain(is_calm);
        schedule
    })
}

fn action() -> impl Strategy<Value = Action> {
    let edit = (0..SLOTS, option::weighted(0.8, 0u8..8));
    prop_oneof![
        6 => vec(edit, 0..5).prop_map(Action::Commit),
        8 => Just(Action::Deliver),
        1 => Just(Action::DeliverUnanswered),
        8 => Just(Action::Take),
        8 => Just(Action::Render),
        3 => (0..KINDS_LEN, option::weighted(0.7, 0u8..64)).prop_map(|(kind, names)| Action::Want(kind, names)),
        1 => (0..KINDS_LEN, any::<bool>(), any::<bool>())
            .prop_map(|(kind, empty, error)| Action::Repeat { kind, empty, error }),
        2 => (0u8..64).prop_map(Action::See),
        1 => Just(Action::Reconnect),
        1 => (1u8..30).prop_map(Action::Wait),
    ]
}
