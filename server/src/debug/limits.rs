//! /debug/limits: how much there is of what is bounded, what was refused, and who has the most.

use axum::{Json, extract::State, response::IntoResponse};
use serde::Serialize;

use super::Links;
use crate::admission::Limit;

/// Addresses that are shown.
const PEERS_LEN_MAX: usize = 20;

#[derive(Serialize)]
struct Shown {
    limit: &'static str,
    /// How much there is by now, of what is used up.
    #[serde(skip_serializing_if = "Option::is_none")]
    used: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    max: Option<usize>,
    /// How often it was why somebody was refused.
    refused: u64,
    /// The addresses with the most connections, of limits for one address.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    busiest: Vec<Peer>,
}

#[derive(Serialize)]
struct Peer {
    /// An address of IPv4, or a /64 of IPv6.
    address: String,
    connections: usize,
    streams: usize,
}

pub(super) async fn shown(State(links): State<Links>) -> impl IntoResponse {
    let usage = links.admission.usage();
    let peer = |(address, connections, streams)| Peer { address, connections, streams };
    let row = |(limit, refused)| {
        let stands = usage.iter().find(|usage| usage.limit == limit);
        let is_of_peers = limit == Limit::ConnectionsPerPeer.row().name;
        let shown = if is_of_peers { PEERS_LEN_MAX } else { 0 };
        Shown {
            limit,
            used: stands.map(|usage| usage.used),
            max: stands.map(|usage| usage.max),
            refused,
            busiest: links.admission.busiest(shown).into_iter().map(peer).collect(),
        }
    };
    Json(links.admission.refused().into_iter().map(row).collect::<Vec<_>>())
}
