//! `/metrics` of a process, in Prometheus' text format.

use anyhow::Result;

use crate::http;

/// The sum of all series that begin so: `acks_total` of all labels, or `acks_total{kind="Gateway"}`. A series appears with
/// its first value, so none is 0.
pub async fn metric(port: u16, series: &str) -> Result<f64> {
    let page = http::get(port, "localhost", "/metrics").await?.body;
    let values = page.lines().filter_map(|line| {
        let rest = line.strip_prefix(series)?;
        rest.starts_with([' ', '{']).then(|| rest.rsplit(' ').next())?
    });
    Ok(values.map(str::parse::<f64>).sum::<Result<_, _>>()?)
}
