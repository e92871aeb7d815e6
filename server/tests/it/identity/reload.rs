//! Certificates that change while the server runs.

use std::{fs, os::unix::fs::symlink, path::Path, time::Duration};

use mainsheet_api::time::{Clock as _, Timestamp};
use tonic::Code;

use super::{
    authority::{Authority, Pair, Who},
    certificates::until_problem,
    rig::{Rig, assert_cut_off},
    transport::shown_certificate,
};

const ALICE: Who = Who::User("alice", &[]);

/// Waits until new connections are shown this.
async fn until_shown(rig: &Rig, pair: &Pair) {
    for _ in 0..600 {
        if shown_certificate(rig).await == pem_bytes(&pair.cert) {
            return;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("the certificate is not in use");
}

fn pem_bytes(pem: &str) -> Vec<u8> {
    use rustls::pki_types::{CertificateDer, pem::PemObject as _};
    CertificateDer::from_pem_slice(pem.as_bytes()).unwrap().to_vec()
}

fn write(folder: &Path, pair: &Pair) {
    fs::create_dir_all(folder).unwrap();
    fs::write(folder.join("server.crt"), &pair.cert).unwrap();
    fs::write(folder.join("server.key"), &pair.key).unwrap();
}

#[tokio::test]
async fn new_certificate_is_shown_to_new_connections_and_others_go_on() {
    let rig = Rig::start().await;
    let alice = rig.stream(rig.shows(ALICE)).await.unwrap();
    let new = rig.ca.signs(Who::Server);
    write(rig.path("").as_path(), &new);
    until_shown(&rig, &new).await;
    assert!(alice.is_open());
    drop(rig.stream(rig.shows(ALICE)).await.unwrap());
    rig.end().await;
}

#[tokio::test]
async fn certificates_change_as_kubernetes_mounts_them() {
    // A folder with a link to a folder whose name is its time, and links through that to the files.
    let mount = |folder: &Path, version: &str| {
        let link = folder.join("..new");
        symlink(version, &link).unwrap();
        fs::rename(link, folder.join("..data")).unwrap();
    };
    let rig = Rig::with(|settings, folder| {
        let mounted = folder.join("mounted");
        fs::create_dir_all(mounted.join("..1")).unwrap();
        for name in ["server.crt", "server.key"] {
            fs::rename(folder.join(name), mounted.join("..1").join(name)).unwrap();
            symlink(format!("..data/{name}"), mounted.join(name)).unwrap();
        }
        mount(&mounted, "..1");
        settings.tls.cert = Some(mounted.join("server.crt"));
        settings.tls.key = Some(mounted.join("server.key"));
    })
    .await;
    let alice = rig.stream(rig.shows(ALICE)).await.unwrap();
    let (new, mounted) = (rig.ca.signs(Who::Server), rig.path("mounted"));
    write(&mounted.join("..2"), &new);
    mount(&mounted, "..2");
    fs::remove_dir_all(mounted.join("..1")).unwrap();
    until_shown(&rig, &new).await;
    assert!(alice.is_open());
    rig.end().await;
}

#[tokio::test]
async fn certificate_that_can_not_work_is_not_taken_and_told() {
    let rig = Rig::start().await;
    let now = rig.clock.wall();
    let good = shown_certificate(&rig).await;
    let (first, second) = (rig.ca.signs(Who::Server), rig.ca.signs(Who::Server));
    let expired = rig.ca.signs_until(Who::Server, Timestamp(now.0 - 1_000), &[1]);
    let unborn = rig.ca.signs_until(Who::Server, now.after(Duration::from_secs(10 * 24 * 60 * 60)), &[1]);
    let cases = [
        (Pair { cert: first.cert.clone(), key: second.key.clone() }, "do not go together"),
        (expired, "certificate 1 of it expired on"),
        (unborn, "certificate 1 of it holds from"),
        (Pair { cert: "nonsense".into(), key: first.key.clone() }, "no certificate in PEM form"),
        (Pair { cert: first.cert.clone(), key: String::new() }, "no private key in PEM form"),
    ];
    for (pair, problem) in cases {
        write(rig.path("").as_path(), &pair);
        until_problem(&rig, problem).await;
        assert_eq!(shown_certificate(&rig).await, good, "{problem}");
        assert!(rig.metrics().await.contains("mainsheet_credentials_failing{credentials=\"tls\"} 1"));
    }
    fs::remove_file(rig.path("server.key")).unwrap();
    until_problem(&rig, "can't be read").await;
    write(rig.path("").as_path(), &second);
    until_shown(&rig, &second).await;
    until_problem(&rig, "").await;
    rig.end().await;
}

#[tokio::test]
async fn client_ca_that_is_gone_takes_its_clients_along() {
    let rig = Rig::start().await;
    let alice = rig.stream(rig.shows(ALICE)).await.unwrap();
    let (old, new) = (rig.ca.pem(), Authority::new());
    // Both, as in a rotation: nobody notices.
    rig.write("ca.crt", &format!("{old}{}", new.pem()));
    let bob = new.signs(Who::User("bob", &[]));
    let mut opened = rig.stream(rig.shows_pair(&bob)).await;
    for _ in 0..600 {
        if opened.is_ok() {
            break;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
        opened = rig.stream(rig.shows_pair(&bob)).await;
    }
    let bob = opened.unwrap();
    assert!(alice.is_open());
    rig.write("ca.crt", &new.pem());
    let status = alice.ended().await;
    assert_eq!(status.code(), Code::Unauthenticated);
    assert!(status.message().contains("is not believed any more"), "{status}");
    assert!(bob.is_open());
    assert_cut_off(rig.stream(rig.shows(ALICE)).await);
    rig.end().await;
}

#[tokio::test]
async fn metrics_say_when_certificates_expire() {
    let rig = Rig::start().await;
    let metrics = rig.metrics().await;
    let seconds = |purpose: &str| {
        let name = format!("mainsheet_certificate_expiry_timestamp_seconds{{certificate=\"{purpose}\"}} ");
        let line =
            metrics.lines().find_map(|line| line.strip_prefix(&name)).unwrap_or_else(|| panic!("{metrics}"));
        line.parse::<f64>().unwrap()
    };
    let now = rig.clock.wall().0 as f64 / 1_000.0;
    assert!((now + 258_000.0..now + 259_500.0).contains(&seconds("server")));
    assert!(seconds("client-ca") > now);
    rig.clock.on(Duration::from_secs(49 * 60 * 60));
    assert!(rig.problems().await.contains("the certificate `server` expires in 22h"));
    rig.clock.on(Duration::from_secs(24 * 60 * 60));
    assert!(rig.problems().await.contains("the certificate `server` has expired"));
    rig.end().await;
}
