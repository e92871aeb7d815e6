//! The server ends and comes back: what istiod does meanwhile, and afterwards.

use std::time::Duration;

use anyhow::{Result, ensure};
use mainsheet_bench::{
    configz::Configz,
    metrics::metric,
    process::{now, stays, wait_for},
};

use super::{
    Notes,
    sink::{direct_response, held_status},
};
use crate::{istiod::Istiod, pair::Pair, tools::Tools};

/// istiod waits up to 90 s before it tries again, and gRPC up to 144 s beside it.
const RECONNECT_MAX: Duration = Duration::from_secs(240);

/// What istiod says of itself, to be compared.
#[derive(Debug, PartialEq)]
struct Standing {
    held: Configz,
    config_updates: f64,
    pushes: usize,
}

async fn standing(istiod: &Istiod) -> Result<Standing> {
    let (held, config_updates) = (istiod.held().await?, istiod.config_updates().await?);
    Ok(Standing { held, config_updates, pushes: istiod.pushes() })
}

/// Waits until istiod has pushed all that it took: nothing changed for much longer than it debounces.
async fn settled(istiod: &Istiod) -> Result<Standing> {
    let mut last = (standing(istiod).await?, now());
    let settled = wait_for("istiod to come to rest", Duration::from_secs(60), async || {
        let standing = standing(istiod).await?;
        if standing != last.0 {
            last = (standing, now());
        } else if last.1.elapsed() > Duration::from_secs(1) {
            return Ok(Some(standing));
        }
        Ok(None)
    });
    Ok(settled.await?.0)
}

/// Waits until a server that was just started has heard istiod take `responses` responses.
async fn wait_taken(
    pair: &Pair,
    responses: f64,
    mut look: impl AsyncFnMut() -> Result<()>,
) -> Result<Duration> {
    let port = pair.mainsheet.http_port;
    let taken = wait_for("istiod to take all types again", RECONNECT_MAX, async || {
        look().await?;
        Ok((metric(port, "mainsheet_acks_total").await? == responses).then_some(()))
    });
    Ok(taken.await?.1)
}

/// With a store, and with one that has to be filled from the files again: versions are content.
pub(crate) async fn is_no_event(tools: &Tools) -> Result<Notes> {
    let mut pair = Pair::of_examples(tools).await?;
    pair.wait_same().await?;
    let types = pair.wait_taken().await?;
    let before = settled(&pair.istiod).await?;
    ensure!(before.pushes > 0 && before.config_updates > 0.0, "what is compared is not counted: {before:?}");
    let mut notes = Vec::new();
    for store in ["kept", "lost"] {
        pair.mainsheet.kill();
        if store == "lost" {
            pair.mainsheet.forget()?;
        }
        pair.mainsheet.start()?;
        pair.mainsheet.wait_ready().await?;
        let took = wait_taken(&pair, types, async || {
            ensure!(pair.istiod.held().await? == before.held, "istiod's contents changed on the way");
            Ok(())
        })
        .await?;
        // Longer than istiod's debounce.
        stays("a restart is no event", Duration::from_millis(500), async || {
            let now = standing(&pair.istiod).await?;
            ensure!(now == before, "{} config updates, {} pushes", now.config_updates, now.pushes);
            Ok(true)
        })
        .await?;
        notes.push(format!(
            "store {store}: {types} types taken again {} ms after the server was ready",
            took.as_millis()
        ));
    }
    Ok(notes)
}

pub(crate) async fn changes_what_changed_meanwhile(tools: &Tools) -> Result<Notes> {
    let mut pair = Pair::of_examples(tools).await?;
    pair.wait_same().await?;
    let before = settled(&pair.istiod).await?;
    pair.mainsheet.kill();
    stays("istiod holds everything while the server is away", Duration::from_secs(1), async || {
        Ok(pair.istiod.is_ready().await && pair.istiod.held().await? == before.held)
    })
    .await?;
    // While nobody watches.
    pair.mainsheet.write("while-away.yaml", &direct_response("away", "away.example.com", 200, "back"))?;
    pair.mainsheet.start()?;
    pair.mainsheet.wait_ready().await?;
    let took = comes_back(&pair, &before.held).await?;
    let updates = pair.istiod.config_updates().await? - before.config_updates;
    ensure!(updates == 1.0, "{updates} resources changed, not one");
    Ok(vec![format!("one resource changed {} ms after the server was ready", took.as_millis())])
}

/// A minute with the port refused: istiod's own wait grows, and what it holds stays.
pub(crate) async fn outlives_a_minute_without(tools: &Tools) -> Result<Notes> {
    let mut pair = Pair::of_examples(tools).await?;
    pair.wait_same().await?;
    let before = pair.istiod.held().await?;
    pair.mainsheet.kill();
    stays("istiod is ready and holds everything", Duration::from_secs(60), async || {
        tokio::time::sleep(Duration::from_secs(1)).await;
        Ok(pair.istiod.is_ready().await && pair.istiod.held().await? == before)
    })
    .await?;
    pair.mainsheet.write("while-away.yaml", &direct_response("away", "away.example.com", 200, "back"))?;
    pair.mainsheet.start()?;
    pair.mainsheet.wait_ready().await?;
    let took = comes_back(&pair, &before).await?;
    Ok(vec![format!("back {:.1} s after the server", took.as_secs_f32())])
}

/// Waits for `shop/away`, and fails where anything else that istiod held is missing or of another version at any look.
async fn comes_back(pair: &Pair, before: &Configz) -> Result<Duration> {
    let (_, took) = wait_for("istiod to hold the edit", RECONNECT_MAX, async || {
        let held = pair.istiod.held().await?;
        let lost = before.iter().find(|(key, value)| held.get(*key) != Some(value));
        ensure!(
            lost.is_none(),
            "{:?} did not change, and was lost or versioned anew",
            lost.map(|(key, _)| key)
        );
        held_status(&pair.istiod, "away").await
    })
    .await?;
    pair.expect_same().await?;
    Ok(took)
}
