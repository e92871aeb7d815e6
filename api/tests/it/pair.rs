//! Both halves of the protocol against each other, on the smallest catalog.

use mainsheet_api::xds::testing::{TinyWorld, run, schedules};
use proptest::prelude::*;

proptest! {
    #![proptest_config(ProptestConfig { cases: 1000, ..ProptestConfig::default() })]

    /// rules 40, 47, and all others that hold on every wire: see `mainsheet_api::xds::testing`.
    #[test]
    fn client_comes_to_hold_what_it_may_see_and_asked_for(schedule in schedules()) {
        run(TinyWorld::default(), &schedule);
    }
}
