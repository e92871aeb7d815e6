//! Large meshes: what istiod holds of 10,000 resources, and of a response of 20 MB.

use std::fmt::Write;

use anyhow::{Result, ensure};
use mainsheet_bench::metrics::metric;

use super::{
    Notes,
    sink::{direct_response, wait_held_status},
};
use crate::{pair::Pair, tools::Tools};

const MANY: usize = 10_000;
const FILES: usize = 100;

/// 20 MB in resources of 20 kB.
const LARGE: usize = 1025;
const BODY_LEN: usize = 20_000;

/// One of the files among which they are spread, and the status of its first resource.
fn file(file: usize, status: u16) -> String {
    let mut text = String::new();
    for number in (file..MANY).step_by(FILES) {
        let status = if number == file { status } else { 200 };
        let host = format!("vs-{number}.example.com");
        text += "---\n";
        text += &direct_response(&format!("vs-{number}"), &host, status, "ok");
    }
    text
}

pub(crate) async fn holds_ten_thousand(tools: &Tools) -> Result<Notes> {
    let pair = Pair::start(tools, |mainsheet| {
        (0..FILES).try_for_each(|number| mainsheet.write(&format!("{number}.yaml"), &file(number, 200)))
    })
    .await?;
    // Whoever is ready holds everything: no look before this one was needed.
    let held = pair.expect_same().await?;
    ensure!(held.len() == MANY, "{} instead of {MANY}", held.len());
    let received = pair.istiod.received();
    pair.mainsheet.write("7.yaml", &file(7, 418))?;
    let took = wait_held_status(&pair.istiod, "vs-7", Some(418)).await?;
    pair.wait_same().await?;
    pair.expect_nothing_dropped()?;
    let responses = pair.istiod.received() - received;
    ensure!(responses == 1, "{responses} responses for one edit");
    Ok(vec![
        format!("{MANY} VirtualServices, istiod ready after {} ms", pair.ready.as_millis()),
        format!("edit of a file of {} among them, {} ms", MANY / FILES, took.as_millis()),
    ])
}

pub(crate) async fn takes_twenty_megabytes(tools: &Tools) -> Result<Notes> {
    let pair = Pair::of_examples(tools).await?;
    pair.wait_same().await?;
    let bytes = async || metric(pair.mainsheet.http_port, "mainsheet_push_bytes_total").await;
    let (sent, received) = (bytes().await?, pair.istiod.received());
    let mut text = String::new();
    for number in 0..LARGE {
        let body = format!("{number} ").repeat(BODY_LEN / (number.to_string().len() + 1));
        let document =
            direct_response(&format!("large-{number}"), &format!("l{number}.example.com"), 200, body.trim());
        write!(text, "---\n{document}")?;
    }
    pair.mainsheet.write("large.yaml", &text)?;
    let took = wait_held_status(&pair.istiod, &format!("large-{}", LARGE - 1), Some(200)).await?;
    pair.wait_same().await?;
    pair.expect_nothing_dropped()?;
    let (sent, responses) = (bytes().await? - sent, pair.istiod.received() - received);
    ensure!(sent > 20e6, "{sent} bytes were sent");
    ensure!(responses == 1, "{responses} responses instead of one");
    Ok(vec![format!(
        "{LARGE} VirtualServices, {:.1} MB in one response, in configz after {} ms",
        sent / 1e6,
        took.as_millis()
    )])
}
