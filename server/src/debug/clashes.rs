//! /debug/clashes: what several layers hold, who is served and who is not.

use axum::{Extension, Json, extract::State, response::IntoResponse};
use mainsheet_cache::snapshot::Held;
use serde::Serialize;

use super::Links;
use crate::{
    auth::Sight,
    clashes::{Clash, clashes},
};

#[derive(Serialize)]
struct Shown {
    served: Place,
    /// The strongest first.
    hidden: Vec<Place>,
}

#[derive(Serialize)]
struct Place {
    /// `VirtualService shop/reviews`
    resource: String,
    source: String,
    origin: String,
    line: u32,
}

pub(super) async fn shown(
    State(links): State<Links>,
    Extension(sight): Extension<Sight>,
) -> impl IntoResponse {
    let view = sight.listed();
    let snapshot = links.newest.borrow().clone();
    // A part of a clash would tell that there is more.
    let is_shown =
        |clash: &&Clash| clash.losers.iter().chain([&clash.winner]).all(|held| view.shows(&held.key));
    Json(clashes(&snapshot.0).values().filter(is_shown).map(Shown::of).collect::<Vec<_>>())
}

impl Shown {
    fn of(clash: &Clash) -> Self {
        let hidden = clash.losers.iter().map(|loser| Place::of(loser)).collect();
        Self { served: Place::of(&clash.winner), hidden }
    }
}

impl Place {
    fn of(held: &Held) -> Self {
        Self {
            resource: held.key.to_string(),
            source: held.source.to_string(),
            origin: held.provenance.origin.clone(),
            line: held.provenance.line,
        }
    }
}
