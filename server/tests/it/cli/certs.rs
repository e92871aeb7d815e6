//! The first run over TLS, as the commands say it themselves.

use std::{fs, os::unix::fs::PermissionsExt as _};

use super::rig::{Served, folder, route, run, run_with};

#[test]
fn first_run_over_tls_takes_one_command() {
    let folder = folder(&[("mesh/a.yaml", &route("shop", "reviews", "v1"))]);
    let made = run(&folder, &["certs", "init"]);
    assert_eq!((made.code, made.err.as_str()), (0, ""));
    let serve = "mainsheet serve DIR --tls-cert certs/server.crt --tls-key certs/server.key --tls-client-ca certs/ca.crt\n";
    assert!(made.out.contains(serve), "{}", made.out);
    for name in ["ca", "server", "admin"] {
        let mode =
            fs::metadata(folder.path().join(format!("certs/{name}.key"))).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{name}");
    }
    let more: Vec<&str> =
        serve.split_whitespace().skip(3).chain(["--grpc-tls-addr", "127.0.0.1:0"]).collect();
    let served = Served::start(&folder, &more);
    let secured = served.announcement.lines().find_map(|line| line.strip_prefix("TLS")).unwrap();
    let secured = secured.split_whitespace().next().unwrap().to_owned();
    let admin = ["--ca", "certs/ca.crt", "--cert", "certs/admin.crt", "--key", "certs/admin.key"];
    let ask = |args: &[&str]| run(&folder, &[args, &["--server", &secured], &admin].concat());
    assert_eq!(ask(&["get", "vs", "-A", "-o", "name"]).out, "virtualservice.networking.istio.io/reviews\n");
    assert_eq!(ask(&["status"]).code, 0);
    // By environment, and over discovery.
    let environment = [
        ("MAINSHEET_SERVER", secured.as_str()),
        ("MAINSHEET_CA", "certs/ca.crt"),
        ("MAINSHEET_CERT", "certs/admin.crt"),
        ("MAINSHEET_KEY", "certs/admin.key"),
    ];
    let got = run_with(&folder, &["get", "vs", "-A", "-o", "name", "--node", "me"], &environment, "");
    assert_eq!(
        (got.code, got.out.as_str()),
        (0, "virtualservice.networking.istio.io/reviews\n"),
        "{}",
        got.err
    );
    // Who shows nothing is told so by its own side of TLS.
    let stranger = run(&folder, &["status", "--server", &secured, "--ca", "certs/ca.crt"]);
    assert_eq!((stranger.code, stranger.out.as_str()), (3, ""), "{}", stranger.err);
    let alone = run(&folder, &["status", "--server", &secured, "--cert", "certs/admin.crt"]);
    assert_eq!((alone.code, alone.err.contains("--cert needs --key")), (2, true), "{}", alone.err);
}

#[test]
fn certificates_are_issued_for_accounts_ids_users_and_servers() {
    let folder = folder(&[]);
    assert_eq!(run(&folder, &["certs", "init", "here"]).code, 0);
    for (args, out) in [
        (
            &["--service-account", "shop/cart"][..],
            "here/shop.cart.crt, here/shop.cart.key: spiffe://cluster.local/ns/shop/sa/cart, for 90 days\n",
        ),
        (
            &["--spiffe", "spiffe://example.org/edge/7", "--days", "1"],
            "here/7.crt, here/7.key: spiffe://example.org/edge/7, for 1 days\n",
        ),
        (
            &["--user", "alice", "--group", "dev", "--group", "ops"],
            "here/alice.crt, here/alice.key: user alice in dev, ops, for 90 days\n",
        ),
        (
            &["--host", "hub.example", "--host", "10.0.0.7", "--name", "hub"],
            "here/hub.crt, here/hub.key: a server, for 90 days\n",
        ),
    ] {
        let issued = run(&folder, &[&["certs", "issue", "here"], args].concat());
        assert!(issued.code == 0 && issued.out.starts_with(out), "{issued:?}");
    }
    for (args, code, error) in [
        (&["init", "here"][..], 1, "is there already"),
        (&["issue", "here", "--user", "alice"], 1, "is there already"),
        (&["issue", "elsewhere", "--user", "alice"], 1, "`mainsheet certs init elsewhere` makes a CA"),
        (&["issue", "here"], 2, "required"),
        (&["issue", "here", "--service-account", "cart"], 2, "write NAMESPACE/NAME"),
        (&["issue", "here", "--service-account", "a/b/c"], 2, "is no name of a file"),
        (&["issue", "here", "--spiffe", "https://a/b"], 2, "is no SPIFFE id"),
        (&["issue", "here", "--user", "../alice"], 2, "is no name of a file"),
        (
            &["issue", "here", "--user", "a", "--group", "b", "--group", "c", "--group", "d"],
            2,
            "at most 2 groups",
        ),
        (&["issue", "here", "--host", "a b"], 2, "neither a name of a host nor an address"),
    ] {
        let refused = run(&folder, &[&["certs"], args].concat());
        assert_eq!((refused.code, refused.out.as_str()), (code, ""), "{args:?}");
        assert!(refused.err.contains(error), "{args:?}: {}", refused.err);
    }
}
