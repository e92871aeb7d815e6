//! The scenarios: each a claim about mainsheet and a real client.

mod access;
mod chain;
mod descriptors;
mod direct;
mod grpc;
mod idle;
mod istioctl;
mod kubernetes;
mod moves;
mod page;
mod restart;
mod scale;
mod sink;
mod upstream;
mod validation;

use std::{pin::Pin, time::Duration};

use anyhow::Result;

use crate::{
    envoy::{Api, Services},
    tools::Tools,
};

/// What a scenario measured, a line each.
type Notes = Vec<String>;

/// A scenario under way.
type Run<'a> = Pin<Box<dyn Future<Output = Result<Notes>> + 'a>>;

/// One row of the table.
pub(crate) struct Scenario {
    /// A claim.
    pub(crate) name: &'static str,
    /// The tools without which it can't run. Where istiod is one, it runs against each line of it.
    pub(crate) needs: &'static [&'static str],
    /// Whether it mostly waits, and may do so beside the others.
    pub(crate) is_beside: bool,
    /// The proof.
    pub(crate) run: fn(&Tools) -> Run<'_>,
}

/// Every scenario, in the order in which they run.
pub(crate) static ALL: &[Scenario] = &[
    Scenario {
        name: "istio_api_descriptors_are_those_of_its_own_module",
        needs: &["descriptors"],
        is_beside: false,
        run: |tools| Box::pin(descriptors::are_those_of_the_module(tools)),
    },
    Scenario {
        name: "istiod_holds_exactly_what_was_served",
        needs: &["istiod"],
        is_beside: false,
        run: |tools| Box::pin(sink::holds_exactly_what_was_served(tools)),
    },
    Scenario {
        name: "istiod_follows_edits_deletions_and_keeps_the_last_good",
        needs: &["istiod"],
        is_beside: false,
        run: |tools| Box::pin(sink::follows_edits(tools)),
    },
    Scenario {
        name: "istiod_sees_no_event_in_a_server_restart",
        needs: &["istiod"],
        is_beside: false,
        run: |tools| Box::pin(restart::is_no_event(tools)),
    },
    Scenario {
        name: "istiod_changes_only_what_changed_while_the_server_was_away",
        needs: &["istiod"],
        is_beside: false,
        run: |tools| Box::pin(restart::changes_what_changed_meanwhile(tools)),
    },
    Scenario {
        name: "istiod_outlives_a_minute_without_a_server",
        needs: &["istiod"],
        is_beside: true,
        run: |tools| Box::pin(restart::outlives_a_minute_without(tools)),
    },
    Scenario {
        name: "istiod_stays_connected_over_three_idle_minutes",
        needs: &["istiod"],
        is_beside: true,
        run: |tools| Box::pin(idle::stays_connected(tools)),
    },
    Scenario {
        name: "istiod_holds_ten_thousand_resources_when_it_is_ready",
        needs: &["istiod"],
        is_beside: false,
        run: |tools| Box::pin(scale::holds_ten_thousand(tools)),
    },
    Scenario {
        name: "istiod_takes_twenty_megabytes_in_one_response",
        needs: &["istiod"],
        is_beside: false,
        run: |tools| Box::pin(scale::takes_twenty_megabytes(tools)),
    },
    Scenario {
        name: "istiod_exits_without_a_server",
        needs: &["istiod"],
        is_beside: false,
        run: |tools| Box::pin(sink::exits_without_a_server(tools)),
    },
    Scenario {
        name: "istiod_waits_for_a_server_that_is_not_ready",
        needs: &["istiod"],
        is_beside: false,
        run: |tools| Box::pin(sink::waits_for_a_server_that_is_not_ready(tools)),
    },
    Scenario {
        name: "a_virtual_service_answers_live_http_through_istiod_and_envoy",
        needs: &["istiod", "istioctl", "envoy"],
        is_beside: false,
        run: |tools| Box::pin(chain::answers_live_http(tools)),
    },
    Scenario {
        name: "istiod_feeds_another_istiod_through_mainsheet",
        needs: &["istiod"],
        is_beside: false,
        run: |tools| Box::pin(upstream::istiod_feeds_istiod(tools)),
    },
    Scenario {
        name: "chain_of_two_mainsheets_ends_in_istiod_at_the_same_versions",
        needs: &["istiod"],
        is_beside: false,
        run: |tools| Box::pin(upstream::chain_ends_in_istiod(tools)),
    },
    Scenario {
        name: "istiod_does_what_its_page_says",
        needs: &["istiod", "istioctl"],
        is_beside: false,
        run: |tools| Box::pin(page::of_istiod(tools)),
    },
    Scenario {
        name: "what_kubernetes_has_is_imported_as_it_was_applied",
        needs: &["kubernetes"],
        is_beside: false,
        run: |tools| Box::pin(kubernetes::is_imported_as_applied(tools)),
    },
    Scenario {
        name: "who_may_do_what_is_decided_as_an_api_server_decides_it",
        needs: &["kubernetes"],
        is_beside: false,
        run: |_| Box::pin(access::is_decided_alike()),
    },
    Scenario {
        name: "an_istiod_is_compared_with_what_it_would_be_served",
        needs: &["istiod"],
        is_beside: false,
        run: |tools| Box::pin(kubernetes::istiod_is_compared(tools)),
    },
    Scenario {
        name: "istioctl_shows_how_sinks_stand_and_what_the_server_says_of_itself",
        needs: &["istioctl"],
        is_beside: false,
        run: |tools| Box::pin(istioctl::shows_sinks(tools)),
    },
    Scenario {
        name: "validation_says_what_istioctl_says",
        needs: &["istioctl"],
        is_beside: false,
        run: |tools| Box::pin(validation::agrees_on_documents(tools)),
    },
    Scenario {
        name: "validation_finds_in_broken_documents_what_istioctl_finds",
        needs: &["istioctl"],
        is_beside: false,
        run: |tools| Box::pin(validation::finds_what_is_broken(tools)),
    },
    Scenario {
        name: "envoy_follows_routes_over_sotw",
        needs: &["envoy"],
        is_beside: false,
        run: |tools| Box::pin(direct::follows_routes(tools, over("GRPC", Services::Aggregated))),
    },
    Scenario {
        name: "envoy_follows_routes_over_delta",
        needs: &["envoy"],
        is_beside: false,
        run: |tools| Box::pin(direct::follows_routes(tools, over("DELTA_GRPC", Services::Aggregated))),
    },
    Scenario {
        name: "envoy_follows_routes_over_single_type_services_of_sotw",
        needs: &["envoy"],
        is_beside: false,
        run: |tools| Box::pin(direct::follows_routes(tools, over("GRPC", Services::Single))),
    },
    Scenario {
        name: "envoy_follows_routes_over_single_type_services_of_delta",
        needs: &["envoy"],
        is_beside: false,
        run: |tools| Box::pin(direct::follows_routes(tools, over("DELTA_GRPC", Services::Single))),
    },
    Scenario {
        name: "envoy_runs_the_bootstraps_of_its_page",
        needs: &["envoy"],
        is_beside: false,
        run: |tools| Box::pin(page::of_envoy(tools)),
    },
    Scenario {
        name: "envoy_says_what_it_refuses",
        needs: &["envoy"],
        is_beside: false,
        run: |tools| Box::pin(direct::says_what_it_refuses(tools)),
    },
    Scenario {
        name: "grpc_go_resolves_a_service_and_follows_its_endpoints",
        needs: &["grpc-go"],
        is_beside: false,
        run: |tools| Box::pin(grpc::resolves_and_follows(tools)),
    },
    Scenario {
        name: "grpcurl_lists_services_and_reads_clusters_by_reflection",
        needs: &["grpcurl"],
        is_beside: false,
        run: |tools| Box::pin(grpc::grpcurl_reads_by_reflection(tools)),
    },
    Scenario {
        name: "no_request_fails_while_configuration_changes_over_sotw",
        needs: &["envoy"],
        is_beside: false,
        run: |tools| Box::pin(moves::changes_under_traffic(tools, "GRPC")),
    },
    Scenario {
        name: "no_request_fails_while_configuration_changes_over_delta",
        needs: &["envoy"],
        is_beside: false,
        run: |tools| Box::pin(moves::changes_under_traffic(tools, "DELTA_GRPC")),
    },
];

const fn over(variant: &'static str, services: Services) -> Api {
    Api { variant, services }
}

/// `median of 5: 80 ms (72..95)`
fn summary(mut times: Vec<Duration>) -> String {
    times.sort();
    let (median, first, last) = (median(&times), times.first(), times.last());
    let ms = |time: Option<&Duration>| time.map_or(0, Duration::as_millis);
    format!("median of {}: {} ms ({}..{})", times.len(), median.as_millis(), ms(first), ms(last))
}

fn median(sorted: &[Duration]) -> Duration {
    sorted.get(sorted.len() / 2).copied().unwrap_or_default()
}
