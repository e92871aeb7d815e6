//! A small HTTP/1.1 client: one request a connection.

use anyhow::{Context, Result, ensure};
use bytes::Bytes;
use http_body_util::{BodyExt, Empty};
use hyper::{Request, client::conn::http1};
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::net::TcpStream;

/// What was answered.
#[derive(Debug)]
pub struct Answer {
    /// HTTP status code.
    pub status: u16,
    /// The whole body as text.
    pub body: String,
}

/// GETs `path` from a loopback port, under a `Host` of its own.
pub async fn get(port: u16, host: &str, path: &str) -> Result<Answer> {
    let stream = TcpStream::connect(("127.0.0.1", port)).await?;
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
    let request = Request::get(path).header("host", host).body(Empty::<Bytes>::new())?;
    let exchange = async {
        let response = sender.send_request(request).await?;
        let status = response.status().as_u16();
        let body = response.into_body().collect().await?.to_bytes();
        anyhow::Ok(Answer { status, body: String::from_utf8_lossy(&body).into_owned() })
    };
    tokio::pin!(exchange, connection);
    tokio::select! {
        biased;
        answer = &mut exchange => answer,
        ended = &mut connection => {
            ended?;
            exchange.await
        }
    }
}

/// GETs JSON; anything but 200 is an error.
pub async fn get_json(port: u16, path: &str) -> Result<Value> {
    let answer = get(port, "localhost", path).await?;
    ensure!(answer.status == 200, "GET {path}: {} {}", answer.status, answer.body);
    serde_json::from_str(&answer.body).with_context(|| format!("GET {path}"))
}
