//! TLS itself.

use std::sync::Arc;

use mainsheet_server::tls::TlsVersion;
use rustls::{
    ClientConfig, RootCertStore, SupportedProtocolVersion,
    crypto::aws_lc_rs,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject as _},
    version::{TLS12, TLS13},
};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};
use tokio_rustls::{TlsConnector, client::TlsStream};

use super::{
    authority::Who,
    rig::{Rig, SERVER},
};

/// A connection of a client that speaks this version and shows this, or nothing.
async fn connect(
    rig: &Rig,
    to: std::net::SocketAddr,
    version: &'static SupportedProtocolVersion,
    who: Option<Who>,
) -> std::io::Result<TlsStream<TcpStream>> {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_slice(rig.ca.pem().as_bytes()).unwrap()).unwrap();
    let builder = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_protocol_versions(&[version])
        .unwrap()
        .with_root_certificates(roots);
    let config = match who.map(|who| rig.ca.signs(who)) {
        Some(pair) => {
            let chain = vec![CertificateDer::from_pem_slice(pair.cert.as_bytes()).unwrap()];
            let key = PrivateKeyDer::from_pem_slice(pair.key.as_bytes()).unwrap();
            builder.with_client_auth_cert(chain, key).unwrap()
        }
        None => builder.with_no_client_auth(),
    };
    let tcp = TcpStream::connect(to).await?;
    TlsConnector::from(Arc::new(config)).connect(SERVER.try_into().unwrap(), tcp).await
}

const ALICE: Option<Who> = Some(Who::User("alice", &[]));

/// What a new connection is shown.
pub(super) async fn shown_certificate(rig: &Rig) -> Vec<u8> {
    let stream = connect(rig, rig.secured(), &TLS13, ALICE).await.unwrap();
    stream.get_ref().1.peer_certificates().unwrap()[0].to_vec()
}

#[tokio::test]
async fn tls_1_2_is_spoken_only_where_it_is_set() {
    let rig = Rig::start().await;
    let error = connect(&rig, rig.secured(), &TLS12, ALICE).await.unwrap_err();
    assert!(error.to_string().contains("ProtocolVersion"), "{error}");
    connect(&rig, rig.secured(), &TLS13, ALICE).await.unwrap();
    rig.end().await;
    let rig = Rig::with(|settings, _| settings.tls.min_version = TlsVersion::V12).await;
    for version in [&TLS12, &TLS13] {
        connect(&rig, rig.secured(), version, ALICE).await.unwrap();
    }
    rig.end().await;
}

#[tokio::test]
async fn client_that_is_slow_with_its_handshake_keeps_nobody_waiting() {
    let rig = Rig::start().await;
    let mut silent = Vec::new();
    for _ in 0..50 {
        silent.push(TcpStream::connect(rig.secured()).await.unwrap());
    }
    drop(rig.stream(rig.shows(Who::User("alice", &[]))).await.unwrap());
    drop(silent);
    rig.end().await;
}

/// A GET over TLS: the whole answer.
async fn get(rig: &Rig, path: &str, header: &str, who: Option<Who>) -> String {
    let to = rig.running.http_tls_addr().unwrap();
    let mut stream = connect(rig, to, &TLS13, who).await.unwrap();
    let request = format!("GET {path} HTTP/1.1\r\nhost: {SERVER}\r\nconnection: close\r\n{header}\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    // Who closes without a word of TLS says nothing less.
    let _ = stream.read_to_end(&mut answer).await;
    String::from_utf8(answer).unwrap()
}

#[tokio::test]
async fn probes_need_no_certificate_and_wrong_tokens_are_refused() {
    let rig = Rig::start().await;
    for who in [None, ALICE] {
        assert!(get(&rig, "/healthz/live", "", who).await.starts_with("HTTP/1.1 200"), "{}", who.is_some());
    }
    let answer = get(&rig, "/healthz/live", "authorization: Bearer a.b.c\r\n", None).await;
    assert!(answer.starts_with("HTTP/1.1 401") && answer.contains("takes no tokens"), "{answer}");
    let answer = get(&rig, "/healthz/live", "authorization: Basic YTpi\r\n", None).await;
    assert!(answer.starts_with("HTTP/1.1 401") && answer.contains("Bearer TOKEN"), "{answer}");
    // A certificate wins over whatever a token says.
    assert!(
        get(&rig, "/healthz/live", "authorization: Bearer x\r\n", ALICE).await.starts_with("HTTP/1.1 200")
    );
    rig.end().await;
}
