//! Clients that show tokens.

use std::{
    net::SocketAddr,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering::Relaxed},
    },
    time::Duration,
};

use jsonwebtoken::{Algorithm, EncodingKey, Header, encode, jwk::Jwk};
use mainsheet_api::{access::Identity, generated::mainsheet::v1 as pb, time::Clock as _};
use mainsheet_server::{config::Settings, generated::mainsheet_client::MainsheetClient, tls::ClientAuth};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpListener,
};
use tonic::Code;

use super::rig::{Ask, Rig, Stream, assert_refused};

const ISSUER: &str = "https://issuer.example";

/// Whoever signs tokens.
struct Issuer {
    id: &'static str,
    key: EncodingKey,
    public: Value,
}

impl Issuer {
    fn new(id: &'static str) -> Self {
        let pair = rcgen::KeyPair::generate().unwrap();
        let key = EncodingKey::from_ec_der(&pair.serialize_der());
        let mut jwk = Jwk::from_encoding_key(&key, Algorithm::ES256).unwrap();
        jwk.common.key_id = Some(id.to_owned());
        Self { id, key, public: serde_json::to_value(jwk).unwrap() }
    }

    fn signs(&self, claims: &Value) -> String {
        let header = Header { kid: Some(self.id.to_owned()), ..Header::new(Algorithm::ES256) };
        encode(&header, claims, &self.key).unwrap()
    }

    /// A token of a service account that holds for an hour.
    fn account(&self, rig: &Rig) -> String {
        self.signs(&json!({
            "iss": ISSUER, "aud": ["mainsheet"], "exp": rig.clock.wall().0 / 1_000 + 3_600,
            "sub": "system:serviceaccount:shop:cart",
            "kubernetes.io": { "namespace": "shop", "serviceaccount": { "name": "cart", "uid": "1" } },
        }))
    }
}

fn jwks(issuers: &[&Issuer]) -> String {
    let keys: Vec<_> = issuers.iter().map(|issuer| &issuer.public).collect();
    json!({ "keys": keys }).to_string()
}

/// Where clients need no certificate.
fn takes_tokens(settings: &mut Settings, keys: &str) {
    settings.tls.client_auth = ClientAuth::Optional;
    settings.auth.tokens.issuer = Some(ISSUER.into());
    settings.auth.tokens.keys = Some(keys.parse().unwrap());
}

async fn with_file(issuer: &Issuer) -> Rig {
    Rig::with(|settings, folder| {
        let path = folder.join("keys.json");
        std::fs::write(&path, jwks(&[issuer])).unwrap();
        takes_tokens(settings, path.to_str().unwrap());
    })
    .await
}

#[tokio::test]
async fn token_says_who_a_client_is_over_tls_and_in_plaintext() {
    let issuer = Issuer::new("a");
    let rig = with_file(&issuer).await;
    let token = issuer.account(&rig);
    let stream = rig.stream_with(&token).await.unwrap();
    assert_eq!(rig.who(), Identity::service_account("shop", "cart"));
    drop(stream);
    crate::mesh::until("its end", || rig.running.sinks().is_empty()).await;
    let token = Some(format!("bearer {token}"));
    let stream = Stream::open(Ask { token, ..Ask::of(rig.running.grpc_addr()) }).await.unwrap();
    assert_eq!(rig.who(), Identity::service_account("shop", "cart"));
    drop(stream);
    rig.end().await;
}

#[tokio::test]
async fn whoever_has_a_wrong_token_is_refused_and_not_nobody() {
    let (issuer, thief) = (Issuer::new("a"), Issuer::new("a"));
    let rig = with_file(&issuer).await;
    let refused = rig.stream_with(&thief.account(&rig)).await;
    assert_refused(refused, Code::Unauthenticated, "the token's signature is wrong");
    assert_refused(rig.stream_with("nonsense").await, Code::Unauthenticated, "no JWT");
    // The ordinary services, too.
    let ask = async |token: Option<&str>| {
        let channel =
            tonic::transport::Endpoint::from_shared(format!("http://{}", rig.running.grpc_addr())).unwrap();
        let mut client = MainsheetClient::new(channel.connect().await.unwrap());
        let mut request = tonic::Request::new(pb::StatusRequest::default());
        if let Some(token) = token {
            request.metadata_mut().insert("authorization", token.parse().unwrap());
        }
        client.status(request).await
    };
    let status = ask(Some("Bearer nonsense")).await.unwrap_err();
    assert_eq!(status.code(), Code::Unauthenticated, "{status}");
    let status = ask(Some("Basic YTpi")).await.unwrap_err();
    assert_eq!(status.code(), Code::Unauthenticated, "{status}");
    assert!(rig.metrics().await.contains("mainsheet_logins_refused_total{reason=\"token\"} 4"));
    rig.end().await;
}

#[tokio::test]
async fn stream_ends_with_its_token() {
    let issuer = Issuer::new("a");
    let rig = with_file(&issuer).await;
    let stream = rig.stream_with(&issuer.account(&rig)).await.unwrap();
    rig.clock.on(Duration::from_secs(3_601));
    let status = stream.ended().await;
    assert_eq!((status.code(), status.message()), (Code::Unauthenticated, "the token has expired"));
    rig.end().await;
}

#[tokio::test]
async fn keys_in_a_file_rotate() {
    let (old, new) = (Issuer::new("old"), Issuer::new("new"));
    let rig = with_file(&old).await;
    assert_refused(
        rig.stream_with(&new.account(&rig)).await,
        Code::Unauthenticated,
        "of no key of the issuer",
    );
    rig.write("keys.json", &jwks(&[&old, &new]));
    let mut opened = rig.stream_with(&new.account(&rig)).await;
    for _ in 0..600 {
        if opened.is_ok() {
            break;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
        opened = rig.stream_with(&new.account(&rig)).await;
    }
    drop(opened.unwrap());
    rig.end().await;
}

/// A web server that has one page, and counts who asks for it.
struct Page {
    at: SocketAddr,
    text: Arc<Mutex<String>>,
    asked: Arc<AtomicUsize>,
}

impl Page {
    async fn of(text: String) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let at = listener.local_addr().unwrap();
        let page = Self { at, text: Arc::new(Mutex::new(text)), asked: Arc::default() };
        let (text, asked) = (Arc::clone(&page.text), Arc::clone(&page.asked));
        tokio_util::task::TaskTracker::new().spawn(async move {
            while let Ok((mut tcp, _)) = listener.accept().await {
                let text = text.lock().unwrap().clone();
                let mut request = [0; 4_096];
                let _ = tcp.read(&mut request).await;
                asked.fetch_add(1, Relaxed);
                let status = if text.is_empty() { "500 Sorry" } else { "200 OK" };
                let answer = format!("HTTP/1.1 {status}\r\ncontent-length: {}\r\n\r\n{text}", text.len());
                let _ = tcp.write_all(answer.as_bytes()).await;
            }
        });
        page
    }

    fn says(&self, text: String) {
        *self.text.lock().unwrap() = text;
    }
}

#[tokio::test]
async fn keys_at_a_url_are_asked_for_again_when_a_token_has_an_unknown_one_but_not_by_everybody() {
    let (old, new, thief) = (Issuer::new("old"), Issuer::new("new"), Issuer::new("x"));
    let page = Page::of(jwks(&[&old])).await;
    let url = format!("http://{}/keys", page.at);
    let rig = Rig::with(|settings, _| takes_tokens(settings, &url)).await;
    drop(rig.stream_with(&old.account(&rig)).await.unwrap());
    let asked = page.asked.load(Relaxed);
    assert!((1..=2).contains(&asked), "{asked}");
    // Soon after the last time, tokens of unknown keys make nobody ask.
    for _ in 0..5 {
        assert_refused(rig.stream_with(&thief.account(&rig)).await, Code::Unauthenticated, "of no key");
    }
    assert_eq!(page.asked.load(Relaxed), asked);
    page.says(jwks(&[&old, &new]));
    let mut opened = rig.stream_with(&new.account(&rig)).await;
    for _ in 0..300 {
        if opened.is_ok() {
            break;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
        opened = rig.stream_with(&new.account(&rig)).await;
    }
    drop(opened.unwrap());
    assert_eq!(page.asked.load(Relaxed), asked + 1);
    rig.end().await;
}

#[tokio::test]
async fn client_is_to_come_back_while_keys_are_not_known() {
    let issuer = Issuer::new("a");
    let page = Page::of(String::new()).await;
    let url = format!("http://{}/keys", page.at);
    let rig = Rig::with(|settings, _| takes_tokens(settings, &url)).await;
    crate::mesh::until("the first attempt", || page.asked.load(Relaxed) > 0).await;
    assert_refused(
        rig.stream_with(&issuer.account(&rig)).await,
        Code::Unavailable,
        "the issuer's keys are not known yet",
    );
    super::certificates::until_problem(&rig, "it answers 500").await;
    rig.end().await;
}
