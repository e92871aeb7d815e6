//! What an istiod holds, as its debug port shows it.

use anyhow::Context as _;
use bytes::Bytes;
use http_body_util::{BodyExt as _, Empty, Limited};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

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
    let uri: http::Uri = url.parse().context("read the URL")?;
    anyhow::ensure!(
        uri.scheme_str() == Some("http"),
        "only http:// is spoken here; `kubectl port-forward` makes an istiod's port 15014 a local one"
    );
    let authority = uri.authority().context("the URL names no host")?.clone();
    let path = match uri.path_and_query().map(http::uri::PathAndQuery::as_str) {
        None | Some("" | "/") => "/debug/configz",
        Some(path) => path,
    };
    let stream = TcpStream::connect((authority.host(), authority.port_u16().unwrap_or(80))).await?;
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await?;
    let request =
        http::Request::get(path).header(http::header::HOST, authority.as_str()).body(Empty::<Bytes>::new())?;
    let asked = async {
        let answer = sender.send_request(request).await?;
        anyhow::ensure!(answer.status().is_success(), "it answered {}", answer.status());
        let body = Limited::new(answer.into_body(), ANSWER_BYTES_MAX).collect().await;
        Ok(body.map_err(|error| anyhow::anyhow!(error))?.to_bytes())
    };
    let body = tokio::select! {
        body = asked => body?,
        Err(error) = connection => return Err(error.into()),
    };
    String::from_utf8(body.into()).context("read the answer")
}
