//! Clients that show certificates.

use std::time::Duration;

use mainsheet_api::{access::Identity, time::Clock as _};
use mainsheet_server::tls::ClientAuth;
use tonic::Code;

use super::{
    authority::{Authority, Who},
    rig::{Ask, Rig, Stream, assert_cut_off, assert_refused},
};
use crate::mesh::until;

const CART: Who = Who::Spiffe("spiffe://cluster.local/ns/shop/sa/cart");
const ALICE: Who = Who::User("alice", &["dev", "ops"]);

#[tokio::test]
async fn certificate_says_who_a_client_is() {
    let rig = Rig::start().await;
    let cases = [
        (CART, Identity::service_account("shop", "cart")),
        (ALICE, Identity::new("alice", ["dev", "ops", "system:authenticated"])),
        (
            Who::User("root", &["system:masters"]),
            Identity::new("root", ["system:masters", "system:authenticated"]),
        ),
        (
            Who::Spiffe("spiffe://elsewhere/x"),
            Identity::new("spiffe://elsewhere/x", ["system:authenticated"]),
        ),
    ];
    for (shown, expected) in cases {
        let stream = rig.stream(rig.shows(shown)).await.unwrap();
        assert_eq!(rig.who(), expected);
        drop(stream);
        until("its end", || rig.running.sinks().is_empty()).await;
    }
    rig.end().await;
}

#[tokio::test]
async fn client_without_a_certificate_of_the_ca_is_cut_off() {
    let rig = Rig::start().await;
    let stranger = rig.ca.client(Some(&Authority::new().signs(ALICE)));
    let server = rig.ca.client(Some(&rig.ca.signs(Who::Server)));
    let day = Duration::from_secs(24 * 60 * 60);
    let now = rig.clock.wall();
    let old = rig.ca.signs_until(ALICE, mainsheet_api::time::Timestamp(now.0 - 1_000), &[1]);
    let young = rig.ca.signs_until(ALICE, now.after(10 * day), &[2]);
    for tls in [rig.shows_nothing(), stranger, server, rig.shows_pair(&old), rig.shows_pair(&young)] {
        assert_cut_off(rig.stream(tls).await);
    }
    assert!(rig.metrics().await.contains("mainsheet_logins_refused_total{reason=\"handshake\"} 5"));
    rig.end().await;
}

#[tokio::test]
async fn client_may_be_nobody_where_no_certificate_is_required() {
    let rig = Rig::with(|settings, _| settings.tls.client_auth = ClientAuth::Optional).await;
    let nobody = rig.stream(rig.shows_nothing()).await.unwrap();
    assert_eq!(rig.who(), Identity::anonymous());
    drop(nobody);
    // But not with a certificate of somebody else.
    assert_cut_off(rig.stream(rig.ca.client(Some(&Authority::new().signs(ALICE)))).await);
    // And in plaintext everybody is nobody, on this machine, too, where that is not trusted.
    until("its end", || rig.running.sinks().is_empty()).await;
    let plain = Stream::open(Ask::of(rig.running.grpc_addr())).await.unwrap();
    assert_eq!(rig.who(), Identity::anonymous());
    drop(plain);
    rig.end().await;
}

#[tokio::test]
async fn certificate_that_names_nobody_is_refused_with_the_reason() {
    let rig = Rig::start().await;
    let refused = rig.stream(rig.shows(Who::User("", &["dev"]))).await;
    assert_refused(refused, Code::Unauthenticated, "neither a SPIFFE id nor a common name");
    let refused = rig.stream(rig.shows(Who::Spiffe("spiffe://Cluster.Local/ns/a/sa/b"))).await;
    assert_refused(refused, Code::Unauthenticated, "is no SPIFFE id");
    rig.end().await;
}

#[tokio::test]
async fn node_that_claims_to_be_somebody_else_is_refused() {
    let rig = Rig::start().await;
    let ask = |node, metadata| Ask { tls: Some(rig.shows(CART)), node, metadata, ..Ask::of(rig.secured()) };
    let refused = Stream::open(ask("n", &[("NAMESPACE", "bank")])).await;
    assert_refused(refused, Code::PermissionDenied, "NAMESPACE is `bank`");
    let refused = Stream::open(ask("sidecar~10.0.0.1~till-1.bank~bank.svc.cluster.local", &[])).await;
    assert_refused(refused, Code::PermissionDenied, "in its id is `bank`");
    let good = ask("sidecar~10.0.0.1~cart-1.shop~shop.svc.cluster.local", &[("NAMESPACE", "shop")]);
    drop(Stream::open(good).await.unwrap());
    rig.end().await;
}

#[tokio::test]
async fn stream_ends_with_its_certificate() {
    let rig = Rig::start().await;
    let end = rig.clock.wall().after(Duration::from_secs(60 * 60));
    let short = rig.shows_pair(&rig.ca.signs_until(CART, end, &[9]));
    let (short, long) = (rig.stream(short).await.unwrap(), rig.stream(rig.shows(ALICE)).await.unwrap());
    rig.clock.on(Duration::from_secs(61 * 60));
    let status = short.ended().await;
    assert_eq!(
        (status.code(), status.message()),
        (Code::Unauthenticated, "the client's certificate has expired")
    );
    assert!(long.is_open());
    rig.end().await;
}

#[tokio::test]
async fn whoever_is_denied_is_thrown_out_and_kept_out() {
    let rig = Rig::with(|settings, folder| {
        std::fs::write(folder.join("deny.yaml"), "").unwrap();
        settings.auth.deny_list = Some(folder.join("deny.yaml"));
    })
    .await;
    let numbered =
        rig.ca.signs_until(ALICE, rig.clock.wall().after(Duration::from_secs(60 * 60)), &[0x3f, 0x0a]);
    let alice = rig.stream(rig.shows_pair(&numbered)).await.unwrap();
    let again = rig.stream(rig.shows(ALICE)).await.unwrap();
    let cart = rig.stream(rig.shows(CART)).await.unwrap();
    rig.write("deny.yaml", "serials: [\"3F:0A\"]\n");
    let status = alice.ended().await;
    assert_eq!(
        (status.code(), status.message()),
        (Code::Unauthenticated, "the certificate 3f0a is on the server's deny list")
    );
    assert!(again.is_open() && cart.is_open());
    rig.write("deny.yaml", "serials: [\"3F:0A\"]\nidentities: [alice]\n");
    assert_eq!(again.ended().await.message(), "`alice` is on the server's deny list");
    assert!(cart.is_open());
    assert_refused(
        rig.stream(rig.shows(ALICE)).await,
        Code::Unauthenticated,
        "`alice` is on the server's deny list",
    );
    // A list that can't be read changes nothing, and is told.
    rig.write("deny.yaml", "identities: alice\n");
    until_problem(&rig, "deny.yaml`: line 1, column 13").await;
    assert_refused(rig.stream(rig.shows(ALICE)).await, Code::Unauthenticated, "deny list");
    rig.write("deny.yaml", "");
    until_problem(&rig, "").await;
    drop(rig.stream(rig.shows(ALICE)).await.unwrap());
    rig.end().await;
}

/// Waits until such a problem is told, or, where it is empty, none.
pub(super) async fn until_problem(rig: &Rig, text: &str) {
    for _ in 0..600 {
        let problems = rig.problems().await;
        if problems.contains("problems") != text.is_empty() && problems.contains(text) {
            return;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("{text}: {}", rig.problems().await);
}
