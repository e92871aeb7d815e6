//! docs/operations.md, done as it says: every command of its `console` blocks, in order, with a server that `systemctl`
//! starts and stops.

use std::{fs, path::Path};

use crate::console::{Desk, Server, Step, copy, steps};

/// The config file that the document gives, with addresses of our own.
fn settings(document: &str, desk: &Desk) -> String {
    let block = document.split("```yaml\n").nth(1).and_then(|rest| rest.split("```").next()).unwrap();
    format!("{block}grpc-addr: {}\nhttp-addr: {}\n", desk.grpc, desk.http)
}

/// What systemd does.
fn systemctl(desk: &Desk, running: &mut Option<Server>, verb: &str) {
    let config = desk.home.path().join("etc/config.yaml");
    match verb {
        "start" => *running = Some(desk.serve(&["--config", config.to_str().unwrap()])),
        "stop" => running.take().expect("it runs").stop(),
        "reload" => running.as_ref().expect("it runs").signal("-HUP"),
        other => panic!("`systemctl {other} mainsheet`"),
    }
}

#[test]
fn every_command_of_the_operators_works_in_the_order_that_is_given() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let desk = Desk::new();
    let home = desk.home.path().to_str().unwrap();
    // The places of a machine are below this test's folder.
    let places = [("/etc/mainsheet", "etc"), ("/var/lib/mainsheet", "lib"), ("/var/backups", "backups")];
    let document = fs::read_to_string(root.join("docs/operations.md")).unwrap();
    let document =
        places.iter().fold(document, |text, (place, ours)| text.replace(place, &format!("{home}/{ours}")));
    for folder in ["etc", "backups"] {
        fs::create_dir(desk.home.path().join(folder)).unwrap();
    }
    copy(&root.join("manifests/examples"), &desk.home.path().join("etc/mesh"));
    fs::write(desk.home.path().join("etc/config.yaml"), settings(&document, &desk)).unwrap();

    let steps = steps(&document);
    assert!(steps.len() >= 12, "the document has become short");
    let mut running = None;
    for Step { command, lines } in steps {
        match command.strip_prefix("systemctl ").and_then(|rest| rest.strip_suffix(" mainsheet")) {
            Some(verb) => systemctl(&desk, &mut running, verb),
            // Not one that prints nothing because it failed.
            None if lines.is_empty() => {
                desk.follow(&Step { command: format!("{command} && echo done"), lines: vec!["done".into()] })
            }
            None => desk.follow(&Step { command, lines }),
        }
    }
}
