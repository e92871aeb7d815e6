//! One page over HTTP/1.1, in plaintext.

use anyhow::Context as _;
use bytes::Bytes;
use http_body_util::{BodyExt as _, Empty};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

/// What was answered.
pub(super) struct Page {
    pub(super) status: http::StatusCode,
    /// As much of it as was asked for.
    pub(super) body: Vec<u8>,
    /// There is more of it.
    pub(super) is_cut: bool,
}

/// The page at a URL, which may be an error's, up to so many bytes; `path` where the URL names none.
///
/// # Errors
/// Where there is no answer, or the URL is none that is spoken here.
pub(super) async fn get(url: &str, path: &str, bytes_max: usize) -> anyhow::Result<Page> {
    let uri: http::Uri = url.parse().context("read the URL")?;
    anyhow::ensure!(
        uri.scheme_str() == Some("http"),
        "only http:// is spoken here; `kubectl port-forward` makes a port of a pod a local one"
    );
    let authority = uri.authority().context("the URL names no host")?.clone();
    let path = match uri.path_and_query().map(http::uri::PathAndQuery::as_str) {
        None | Some("" | "/") => path,
        Some(path) => path,
    };
    let stream = TcpStream::connect((authority.host(), authority.port_u16().unwrap_or(80))).await?;
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await?;
    let request =
        http::Request::get(path).header(http::header::HOST, authority.as_str()).body(Empty::<Bytes>::new())?;
    let asked = async {
        let answer = sender.send_request(request).await?;
        let status = answer.status();
        let (body, is_cut) = read(answer.into_body(), bytes_max).await?;
        Ok(Page { status, body, is_cut })
    };
    tokio::select! {
        biased;
        page = asked => page,
        Err(error) = connection => Err(error.into()),
    }
}

/// The beginning of a body, and whether there is more.
async fn read(mut body: hyper::body::Incoming, bytes_max: usize) -> anyhow::Result<(Vec<u8>, bool)> {
    let mut read = Vec::new();
    while let Some(frame) = body.frame().await {
        let Ok(data) = frame?.into_data() else { continue };
        let room = bytes_max - read.len();
        read.extend_from_slice(&data[..data.len().min(room)]);
        if data.len() > room {
            return Ok((read, true));
        }
    }
    Ok((read, false))
}
