//! Both halves of the protocol against each other, on the smallest catalog.

use mainsheet_api::xds::{
    Variant,
    testing::{TinyWorld, calm_schedules, moves, run, run_moves, run_named, schedules},
};
use proptest::prelude::*;

/// A thousand schedules, or four times PROPTEST_CASES.
fn config() -> ProptestConfig {
    let default = ProptestConfig::default();
    ProptestConfig { cases: 4 * default.cases, ..default }
}

proptest! {
    #![proptest_config(config())]

    /// rules 40, 47, and all others that hold on every wire: see `mainsheet_api::xds::testing`.
    #[test]
    fn client_comes_to_hold_what_it_may_see_and_asked_for(schedule in schedules()) {
        run(TinyWorld::default(), &schedule);
    }

    /// rules 21, 65: with pins a NACK holds up nothing but what it is about.
    #[test]
    fn client_that_names_what_it_refuses_comes_to_hold_the_rest(schedule in calm_schedules()) {
        run_named(TinyWorld::with_history(1000), &schedule);
    }

    /// rules 77, 79: but for the exceptions of docs/protocol.md, one of which is a SotW client that lags behind history.
    #[test]
    fn client_never_holds_a_reference_to_what_it_does_not_hold(moves in moves()) {
        let world = match moves.variant {
            Variant::Delta => TinyWorld::default(),
            Variant::Sotw => TinyWorld::with_history(1000),
        };
        run_moves(world, &moves);
    }
}
