//! TLS, with authorities of the test's own.

use mainsheet_api::xds::client::{Update, Wanted};
use mainsheet_sink::{Client, Disconnected, Reconnect, hook};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use tokio::time::timeout;
use tonic::transport::{Certificate, ClientTlsConfig, Identity, ServerTlsConfig};

use crate::{
    client::{CLUSTER, delta},
    server::{PATIENCE, TestServer},
};

/// An authority.
struct Authority(CertifiedIssuer<'static, KeyPair>);

impl Authority {
    fn new() -> Self {
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        Self(CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap())
    }

    fn certificate(&self) -> Certificate {
        Certificate::from_pem(self.0.pem())
    }

    fn identity(&self, name: &str) -> Identity {
        let key = KeyPair::generate().unwrap();
        let params = CertificateParams::new(vec![name.to_owned()]).unwrap();
        let certificate = params.signed_by(&key, &self.0).unwrap();
        Identity::from_pem(certificate.pem(), key.serialize_pem())
    }
}

/// A client that trusts an authority to name `server.test`.
fn trusting(authority: &Authority) -> ClientTlsConfig {
    ClientTlsConfig::new().ca_certificate(authority.certificate()).domain_name("server.test")
}

/// Runs a client until its first update, or its end.
async fn first_update(
    server: &mut TestServer,
    scheme: &str,
    tls: ClientTlsConfig,
) -> Result<usize, Disconnected> {
    let mut client = Client::builder(format!("{scheme}{}", server.address), "test~1")
        .reconnect(Reconnect::Never)
        .subscribe(CLUSTER, Wanted::Everything)
        .tls(tls)
        .build()
        .unwrap();
    let (seen, mut updates) = tokio::sync::mpsc::unbounded_channel();
    let mut apply = hook(|update: &Update| {
        seen.send(update.changed.len()).unwrap();
        Ok(())
    });
    let serve = async {
        let stream = server.accept().await;
        stream.respond(delta("1", &[("a", 1)], &[])).await;
        updates.recv().await.unwrap()
    };
    let run = client.run(&mut apply, std::future::pending());
    let both = async {
        tokio::select! {
            ended = run => Err(ended.unwrap_err()),
            len = serve => Ok(len),
        }
    };
    timeout(PATIENCE, both).await.unwrap()
}

#[tokio::test]
async fn server_is_believed_that_an_authority_vouches_for() {
    let authority = Authority::new();
    let tls = ServerTlsConfig::new().identity(authority.identity("server.test"));
    let mut server = TestServer::start_with_tls(tls).await;
    for scheme in ["xdss://", "https://", ""] {
        assert_eq!(first_update(&mut server, scheme, trusting(&authority)).await.unwrap(), 1, "{scheme}");
    }
}

#[tokio::test]
async fn server_of_another_authority_or_name_is_not_talked_to() {
    let authority = Authority::new();
    let tls = ServerTlsConfig::new().identity(authority.identity("server.test"));
    let mut server = TestServer::start_with_tls(tls).await;
    let other = trusting(&Authority::new());
    let wrong_name = trusting(&authority).domain_name("other.test");
    for tls in [other, wrong_name] {
        let error = first_update(&mut server, "xdss://", tls).await.unwrap_err();
        let is_told = error.to_string().contains("invalid peer certificate");
        assert!(matches!(error, Disconnected::Connect { .. }) && is_told, "{error}");
    }
}

#[tokio::test]
async fn client_shows_its_certificate_to_a_server_that_wants_one() {
    let (servers, clients) = (Authority::new(), Authority::new());
    let tls = ServerTlsConfig::new()
        .identity(servers.identity("server.test"))
        .client_ca_root(clients.certificate());
    let mut server = TestServer::start_with_tls(tls).await;
    let with = trusting(&servers).identity(clients.identity("client.test"));
    assert_eq!(first_update(&mut server, "xdss://", with).await.unwrap(), 1);
    assert!(first_update(&mut server, "xdss://", trusting(&servers)).await.is_err());
}
