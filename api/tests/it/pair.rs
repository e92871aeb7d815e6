//! Both halves of the protocol against each other, on the smallest catalog.

use mainsheet_api::xds::testing::{TinyWorld, run, schedules};
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
}
