//! What an istiod holds, as its debug port shows it.

use anyhow::Context as _;

use super::http_get;

/// Bytes of an answer. 10,000 VirtualServices of 2 KB are some 40 MB of JSON.
const ANSWER_BYTES_MAX: usize = 1 << 30;

/// What is at an address (`http://HOST:PORT`, of which the page is /debug/configz unless it says another), or in a file, as
/// one document: a list.
///
/// # Errors
/// Where it can't be had.
pub(super) async fn read(from: &str) -> anyhow::Result<String> {
    let text = if from.contains("://") {
        get(from).await.with_context(|| format!("get `{from}`"))?
    } else {
        std::fs::read_to_string(from).with_context(|| format!("read `{from}`"))?
    };
    anyhow::ensure!(
        text.trim_start().starts_with('['),
        "`{from}` is not what /debug/configz shows: a JSON array"
    );
    Ok(format!("{{\"apiVersion\":\"v1\",\"kind\":\"List\",\"items\":{text}}}"))
}

async fn get(url: &str) -> anyhow::Result<String> {
    let page = http_get::get(url, "/debug/configz", ANSWER_BYTES_MAX).await?;
    anyhow::ensure!(page.status.is_success(), "it answered {}", page.status);
    anyhow::ensure!(!page.is_cut, "the answer has more than {ANSWER_BYTES_MAX} bytes");
    String::from_utf8(page.body).context("read the answer")
}
