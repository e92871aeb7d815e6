//! SIGHUP: the config file is read again.

use std::fs;

use super::rig::{Ended, Served, Started, folder, route, run, write};

const TOLD: &str = "the config file was read again";

/// Serves two namespaces with this config file.
struct Reloaded {
    folder: tempfile::TempDir,
    served: Served,
}

impl Reloaded {
    fn start(config: &str) -> Self {
        let folder = folder(&[
            ("mesh/a.yaml", &route("shop", "reviews", "reviews")),
            ("mesh/b.yaml", &route("bank", "ledger", "ledger")),
            ("m.yaml", &format!("log-format: json\n{config}")),
        ]);
        let served = Served::start(&folder, &["--config", "m.yaml"]);
        Self { folder, served }
    }

    /// Another config file.
    fn read_again(&self, config: &str) {
        write(&self.folder, "m.yaml", &format!("log-format: json\n{config}"));
        self.served.process.signal("-HUP");
        self.served.process.logged(TOLD);
    }

    fn get(&self) -> Ended {
        run(&self.folder, &["get", "vs", "-A", "-o", "name", "--server", &self.served.grpc])
    }

    fn watch(&self) -> Started {
        Started::new(&self.folder, &["watch", "vs", "--server", &self.served.grpc])
    }

    fn end(self) {
        assert_eq!(self.served.process.end("-TERM").0, 0);
    }
}

#[test]
fn hangup_changes_the_log_level_and_names_what_needs_a_restart() {
    let config = |level: &str, more: &str| format!("log-level: {level}\nlog-format: json\n{more}");
    let folder =
        folder(&[("mesh/a.yaml", &route("shop", "reviews", "reviews")), ("m.yaml", &config("info", ""))]);
    let served = Served::start(&folder, &["--config", "m.yaml", "--streams-max", "7"]);
    let read_again = |text: &str| {
        write(&folder, "m.yaml", text);
        served.process.signal("-HUP");
    };
    let told = "the config file was read again";
    let ignored = "document of a kind that is not served is ignored";

    read_again(&config("debug", "history-len: 9\nstreams-max: 1\ndata-dir: elsewhere\n"));
    let line = served.process.logged("a setting has changed");
    let word = |name: &str| line[name].as_str();
    assert_eq!((word("setting"), word("value")), (Some("log-level"), Some("debug")));
    assert_eq!((word("origin"), word("takes_effect")), (Some("m.yaml:1:12"), Some("at once")));
    let line = served.process.logged("changed, but needs a restart: data-dir, history-len");
    assert_eq!(line["level"].as_str(), Some("WARN"));
    let changed = served.process.logged(told)["changed"].clone();
    assert_eq!(changed, 1, "the flag is stronger than the file");
    write(&folder, "mesh/b.yaml", "apiVersion: v1\nkind: ConfigMap\n");
    assert_eq!(served.process.logged(ignored)["level"].as_str(), Some("DEBUG"));

    read_again("log-level: loud\nstore: sqlite\n");
    for begin in ["m.yaml:1:12: `loud` is no value", "m.yaml:2:8: `sqlite` is no value"] {
        let (_, line) = served.process.logged_after(|message| message.starts_with(begin));
        assert_eq!(line["level"].as_str(), Some("ERROR"));
    }
    served.process.logged("the config file was read again and has mistakes; nothing changes");
    write(&folder, "mesh/c.yaml", "apiVersion: v1\nkind: ConfigMap\n");
    assert_eq!(served.process.logged(ignored)["origin"].as_str(), Some("c.yaml"));

    read_again(&config("info", ""));
    served.process.logged(told);
    let text = "apiVersion: v1\nkind: ConfigMap\n---\napiVersion: networking.istio.io/v1\nkind: Gatway\n";
    write(&folder, "mesh/d.yaml", text);
    let (before, _) = served.process.logged_after(|message| message.starts_with("d.yaml:5:1: "));
    assert!(!before.iter().any(|message| message == ignored), "{before:?}");
    assert_eq!(served.process.end("-TERM").0, 0);
}

#[test]
fn hangup_without_a_config_file_changes_nothing() {
    let folder = folder(&[("mesh/a.yaml", &route("shop", "reviews", "reviews"))]);
    let served = Served::start(&folder, &["--log-format", "json"]);
    served.process.signal("-HUP");
    served.process.logged("SIGHUP: there is no config file to read again");
    assert_eq!(served.process.end("-TERM").0, 0);
}

#[test]
fn debounce_changes_for_what_waits_already() {
    let server = Reloaded::start("debounce-quiet: 1h\ndebounce-max: 1h\n");
    let watch = server.watch();
    let _ = (watch.line(), watch.line());
    write(&server.folder, "mesh/c.yaml", &route("shop", "ratings", "ratings"));
    server.read_again("debounce-quiet: 1ms\ndebounce-max: 1h\n");
    assert!(watch.line().contains("shop/ratings"));
    server.read_again("debounce-quiet: 1h\ndebounce-max: 1h\n");
    write(&server.folder, "mesh/d.yaml", &route("shop", "details", "details"));
    server.read_again("debounce-quiet: 2ms\ndebounce-max: 2ms\n");
    assert!(watch.line().contains("shop/details"));
    server.end();
}

#[test]
fn guard_changes_for_what_is_held_already() {
    let folder = folder(&[("m.yaml", "log-format: json\nguard-mode: stay\n")]);
    for n in 0..20 {
        write(&folder, &format!("mesh/{n}.yaml"), &route("shop", &format!("r{n}"), "x"));
    }
    let args = ["--config", "m.yaml", "--data-dir", "data"];
    assert_eq!(Served::start(&folder, &args).process.end("-TERM").0, 0);
    for n in 1..20 {
        fs::remove_file(folder.path().join(format!("mesh/{n}.yaml"))).unwrap();
    }
    let served = Served::start(&folder, &args);
    served.process.logged_after(|message| message.starts_with("most of a kind is gone at once"));
    // The mode alone would leave it held for another hour; the time alone does nothing while it is to stay.
    for config in ["guard-mode: proceed\nguard-hold: 1h\n", "guard-mode: stay\nguard-hold: 1ms\n"] {
        write(&folder, "m.yaml", &format!("log-format: json\n{config}"));
        served.process.signal("-HUP");
        let (before, _) = served.process.logged_after(|message| message == TOLD);
        assert!(!before.iter().any(|message| message == "held removals are made now"), "{before:?}");
    }
    write(&folder, "m.yaml", "log-format: json\nguard-mode: proceed\nguard-hold: 1ms\n");
    served.process.signal("-HUP");
    served.process.logged("held removals are made now");
    assert_eq!(served.process.end("-TERM").0, 0);
}

#[test]
fn limits_change_and_leave_what_is_open() {
    let server = Reloaded::start("");
    let watch = server.watch();
    let _ = (watch.line(), watch.line());
    server.read_again("streams-max: 1\n");
    let second = server.watch();
    let refused = second.error();
    assert!(refused.contains("1 streams are open, as many as are allowed"), "{refused}");
    server.read_again("");
    assert!(second.line().starts_with("added"), "it comes back by itself");
    drop(second);
    server.read_again("connections-max: 1\n");
    let refused = server.get();
    assert!(refused.code != 0 && refused.err.contains("connections-max"), "{}", refused.err);
    server.served.process.logged("refused: over a limit");
    server.read_again("");
    assert_eq!(server.get().code, 0);
    write(&server.folder, "mesh/c.yaml", &route("shop", "ratings", "ratings"));
    assert!(watch.line().contains("shop/ratings"), "the stream that was open all the time");
    server.end();
}

#[test]
fn views_change_for_new_streams() {
    let server = Reloaded::start("");
    let watch = server.watch();
    let _ = (watch.line(), watch.line());
    server.read_again("views: [{nodes: '*', namespaces: [bank]}]\n");
    let narrowed = server.watch();
    assert!(narrowed.line().contains("bank/ledger"));
    write(&server.folder, "mesh/c.yaml", &route("shop", "ratings", "ratings"));
    assert!(watch.line().contains("shop/ratings"), "the stream that was open sees what it saw");
    write(&server.folder, "mesh/d.yaml", &route("bank", "vault", "vault"));
    assert!(narrowed.line().contains("bank/vault"), "nothing of the shop before it");
    server.read_again("");
    let widened = server.watch();
    let lines: Vec<_> = (0..4).map(|_| widened.line()).collect();
    assert!(lines.iter().any(|line| line.contains("shop/reviews")), "{lines:?}");
    server.end();
}
