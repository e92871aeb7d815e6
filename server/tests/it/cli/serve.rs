use std::{
    io::Read,
    net::{TcpListener, TcpStream},
};

use super::rig::{Ended, Served, Started, folder, route, run, run_with, write};

#[test]
fn what_is_served_and_where_is_announced() {
    let folder = folder(&[
        ("mesh/a.yaml", &route("shop", "reviews", "reviews")),
        ("mesh/b.yaml", &route("shop", "ratings", "ratings")),
        (
            "mesh/bad.yaml",
            "apiVersion: networking.istio.io/v1\nkind: Gateway\nmetadata: {name: g}\nspec: {sevrers: []}\n",
        ),
    ]);
    let served = Served::start(&folder, &[]);
    let grpc = &served.grpc;
    assert!(!grpc.ends_with(":0"), "the port that was really taken: {grpc}");
    let http = served.announcement.lines().find_map(|line| line.strip_prefix("HTTP  ")).unwrap();
    let http = http.split(' ').next().unwrap();
    let expected = format!(
        "\
serving mesh (revision 1, kept in memory)

KIND             COUNT
VirtualService   2

1 rejected; `mainsheet validate mesh` says why

gRPC  {grpc}  ADS, state of the world and delta
HTTP  {http}  /healthz/ready, /metrics, /debug/configz, /debug/syncz

into istiod's mesh config:

configSources:
- address: xds://{grpc}

to look at it:

mainsheet get virtualservices -A --server {grpc}
mainsheet watch --server {grpc}
"
    );
    assert_eq!(served.announcement, expected);
    assert_eq!(served.process.end("-TERM"), (0, Vec::new()));
}

#[test]
fn restart_serves_what_the_store_holds_at_the_same_revision() {
    let folder = folder(&[("mesh/a.yaml", &route("shop", "reviews", "reviews"))]);
    let first = Served::start(&folder, &["--data-dir", "data"]);
    let head = "serving mesh (revision 1, kept in `data`)";
    assert_eq!(first.announcement.lines().next().unwrap(), head);
    assert_eq!(first.process.end("-INT").0, 0);
    let second = Served::start(&folder, &["--data-dir", "data"]);
    assert_eq!(second.announcement.lines().next().unwrap(), head);
    assert!(second.announcement.contains("VirtualService   1"), "{}", second.announcement);
}

#[test]
fn path_that_is_no_longer_given_is_told_with_what_goes() {
    let folder = folder(&[
        ("mesh/a.yaml", &route("shop", "reviews", "reviews")),
        ("more/b.yaml", &route("shop", "ratings", "ratings")),
    ]);
    let first = Served::start(&folder, &["more/", "--data-dir", "data"]);
    assert!(first.announcement.starts_with("serving mesh more/ (revision 2, "), "{}", first.announcement);
    assert_eq!(first.process.end("-INT").0, 0);
    let second = Served::start(&folder, &["--data-dir", "data", "--log-format", "json"]);
    let found = second.process.logged(
        "source is no longer configured; what it holds is removed once all others have told everything",
    );
    assert_eq!((found["source"].as_str(), found["resources"].as_u64()), (Some("files:more"), Some(1)));
    let removed = second.process.logged("what a source held that is no longer configured is removed");
    assert_eq!((removed["source"].as_str(), removed["removed"].as_u64()), (Some("files:more"), Some(1)));
    assert_eq!((removed["held"].as_u64(), second.process.end("-INT").0), (Some(0), 0));
}

#[test]
fn clash_of_two_paths_is_told_when_it_appears_and_when_it_is_over() {
    let folder = folder(&[
        ("mesh/a.yaml", &route("shop", "reviews", "reviews")),
        ("more/b.yaml", &format!("---\n{}", route("shop", "reviews", "others"))),
    ]);
    let served = Served::start(&folder, &["more", "--log-format", "json"]);
    let text =
        "VirtualService shop/reviews is served from a.yaml:1 (files:mesh), not from b.yaml:2 (files:more)";
    assert_eq!(served.process.logged(text)["level"].as_str(), Some("WARN"));
    std::fs::remove_file(folder.path().join("more/b.yaml")).unwrap();
    let over = served.process.logged("VirtualService shop/reviews clashes no longer");
    assert_eq!((over["level"].as_str(), served.process.end("-INT").0), (Some("INFO"), 0));
}

#[test]
fn second_signal_does_not_wait_for_what_is_under_way() {
    let folder = folder(&[("mesh/a.yaml", &route("shop", "reviews", "reviews"))]);
    let served = Served::start(&folder, &["--shutdown-grace", "1h"]);
    // Keeps a server that stops waiting for the whole grace time: it may still turn out to speak HTTP/2.
    let mut mute = TcpStream::connect(&served.grpc).unwrap();
    mute.read_exact(&mut [0]).expect("the server's first byte: it has accepted the connection");
    let wait_for = |text: &str| while !served.process.error().contains(text) {};
    wait_for("has told everything");
    served.process.signal("-TERM");
    wait_for("stopping; again to stop at once");
    served.process.signal("-TERM");
    wait_for("error: SIGTERM while stopping: what was under way is given up");
    assert_eq!(served.process.wait(), 1);
}

#[test]
fn server_goes_on_when_nobody_reads_what_it_prints() {
    let folder = folder(&[("mesh/a.yaml", &route("shop", "reviews", "reviews"))]);
    let args =
        ["serve", "mesh", "--store", "memory", "--grpc-addr", "127.0.0.1:0", "--http-addr", "127.0.0.1:0"];
    let deaf = Started::without_output(&folder, &args);
    while !deaf.error().contains("standard output is closed") {}
    assert_eq!(deaf.end("-INT").0, 0);
}

#[test]
fn connections_that_open_files_do_not_allow_are_told() {
    let folder = folder(&[("mesh/a.yaml", &route("shop", "reviews", "reviews"))]);
    let ports = ["--grpc-addr", "127.0.0.1:0", "--http-addr", "127.0.0.1:0", "--log-format", "json"];
    let args = [&["serve", "mesh", "--store", "memory"], &ports[..]].concat();
    let served = Started::limited(&folder, "-n 1424", &args);
    let line = served.logged(
        "`connections-max` is more than open files allow: raise the hard limit (`ulimit -n`, LimitNOFILE=), or write less",
    );
    let numbers = ["connections_max", "open_files_max", "fits"].map(|name| line[name].as_u64().unwrap());
    assert_eq!((line["level"].as_str(), numbers), (Some("WARN"), [10_000, 1424, 16]));
    // Before that, the signal may come before anybody listens for it.
    served.logged("listening");
    assert_eq!(served.end("-INT").0, 0);
}

#[cfg(target_os = "linux")]
#[test]
fn soft_limit_of_open_files_is_raised_to_the_hard_one() {
    let folder = folder(&[("mesh/a.yaml", &route("shop", "reviews", "reviews"))]);
    let ports = ["--grpc-addr", "127.0.0.1:0", "--http-addr", "127.0.0.1:0", "--log-format", "json"];
    let args = [&["serve", "mesh", "--store", "memory", "--connections-max", "100"], &ports[..]].concat();
    let served = Started::limited(&folder, "-Sn 400 && ulimit -Hn 1600", &args);
    // The first line: nothing is to be warned of.
    let first: serde_json::Value = serde_json::from_str(&served.error()).unwrap();
    assert_eq!((first["message"].as_str(), served.open_files_max().as_str()), (Some("listening"), "1600"));
    assert_eq!(served.end("-INT").0, 0);
}

#[test]
fn store_that_another_process_has_open_is_refused() {
    let folder = folder(&[("mesh/a.yaml", &route("shop", "reviews", "reviews"))]);
    let _first = Served::start(&folder, &["--data-dir", "data"]);
    let args =
        ["serve", "mesh", "--data-dir", "data", "--grpc-addr", "127.0.0.1:0", "--http-addr", "127.0.0.1:0"];
    let ended = run(&folder, &args);
    assert_eq!((ended.code, ended.out.as_str()), (1, ""));
    assert!(ended.err.contains("another process has it open; stop that one"), "{}", ended.err);
}

#[test]
fn port_that_is_taken_is_named_with_what_to_do() {
    let folder = folder(&[("mesh/a.yaml", &route("shop", "reviews", "reviews"))]);
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    for (flag, whom, other) in
        [("--grpc-addr", "sinks", "--http-addr"), ("--http-addr", "HTTP", "--grpc-addr")]
    {
        let ended =
            run(&folder, &["serve", "mesh", "--store", "memory", flag, &address, other, "127.0.0.1:0"]);
        let setting = flag.trim_start_matches('-');
        let err = format!(
            "error: listen for {whom} on {address}: stop what has this address, or set `{setting}` to another one\n\
             \u{20} caused by: Address already in use (os error 98)\n"
        );
        assert_eq!(ended, Ended { code: 1, out: String::new(), err });
    }
}

#[test]
fn every_mistake_in_the_settings_is_told_at_once() {
    let folder = folder(&[("m.yaml", "store: sqlite\nlog-levle: info\n")]);
    let args = ["serve", "--config", "m.yaml", "--debounce-max", "soon", "--grpc-addr", "0.0.0.0:1"];
    let ended = run_with(&folder, &args, &[("MAINSHEET_HISTORY_LEN", "many"), ("MAINSHEET_PROT", "1")], "");
    assert_eq!((ended.code, ended.out.as_str()), (2, ""));
    let lines: Vec<&str> = ended.err.lines().collect();
    assert_eq!(lines[0], "error: 7 mistakes in the settings");
    let begins = [
        "  m.yaml:2:1: unknown key `log-levle`; did you mean `log-level`?",
        "  m.yaml:1:8: `sqlite` is no value for `store`; write one of: redb, memory",
        "  environment variable MAINSHEET_HISTORY_LEN: `many` is no value for `history-len`; ",
        "  environment variable MAINSHEET_PROT: no setting is called so; ",
        "  flag --debounce-max: `soon` is no value for `debounce-max`; write a time ",
        "  default: nothing to serve; name at least one directory or file, or a server to follow (--upstream)",
        "  flag --grpc-addr: `grpc-addr` 0.0.0.0:1 is plaintext and can be reached from other machines; ",
    ];
    assert_eq!(lines.len(), 1 + begins.len());
    for (line, begin) in lines[1..].iter().zip(begins) {
        assert!(line.starts_with(begin), "{line}");
    }
}

#[test]
fn config_file_that_is_not_there_is_an_error() {
    let ended = run_with(&folder(&[]), &["serve", "mesh"], &[("MAINSHEET_CONFIG", "nowhere.yaml")], "");
    let err = "error: a mistake in the settings\n  nowhere.yaml: the config file can't be read: No such file or directory (os \
               error 2); name a file that can\n";
    assert_eq!(ended, Ended { code: 2, out: String::new(), err: err.into() });
}

#[test]
fn logs_are_objects_where_json_is_asked_for() {
    let folder = folder(&[("mesh/a.yaml", &route("shop", "reviews", "reviews"))]);
    let served = Served::start(&folder, &["--log-format", "json"]);
    let line = served.process.logged("listening");
    assert_eq!((line["level"].as_str(), line["grpc"].as_str()), (Some("INFO"), Some(served.grpc.as_str())));
}

/// Byte `at` of the store is another one.
fn damage(folder: &tempfile::TempDir, sound: &[u8], at: usize) {
    let mut content = sound.to_owned();
    content[at] ^= 0xff;
    std::fs::write(folder.path().join("data/mainsheet.redb"), content).unwrap();
}

#[test]
fn damaged_store_is_told_in_two_lines_whatever_reading_it_does() {
    let folder = folder(&[("mesh/a.yaml", &route("shop", "reviews", "reviews"))]);
    assert_eq!(Served::start(&folder, &["--data-dir", "data"]).process.end("-INT").0, 0);
    let sound = std::fs::read(folder.path().join("data/mainsheet.redb")).unwrap();
    let args =
        ["serve", "mesh", "--data-dir", "data", "--grpc-addr", "127.0.0.1:0", "--http-addr", "127.0.0.1:0"];
    let mut panics = 0;
    // The magic number; the first byte of two pages, which says what they are and makes the database panic.
    for at in [0, 4096, 3 * 4096] {
        damage(&folder, &sound, at);
        let ended = run(&folder, &args);
        let lines: Vec<&str> = ended.err.lines().collect();
        let [error, cause] = lines[..] else { panic!("byte {at}: {}", ended.err) };
        assert_eq!((ended.code, ended.out.as_str()), (1, ""));
        assert!(
            error.starts_with("error: open store `data/mainsheet.redb`: the file is damaged; "),
            "{error}"
        );
        panics += usize::from(cause.starts_with("  caused by: reading it failed: "));
    }
    assert!(panics > 0, "no byte of these makes the database panic any more: look for another");
}

#[test]
fn printed_config_gives_the_same_when_it_is_fed_back() {
    let folder = folder(&[("m.yaml", "log-level: debug\npaths: [{path: mesh, unknown-fields: warn}]\n")]);
    let printed = run_with(
        &folder,
        &["serve", "--config", "m.yaml", "--print-config", "--debounce-max", "2s"],
        &[("MAINSHEET_INSTANCE", "here")],
        "",
    );
    assert_eq!((printed.code, printed.err.as_str()), (0, ""));
    for line in [
        "- path: mesh",
        "  unknown-fields: warn  # m.yaml:2:38",
        "instance: here  # environment variable MAINSHEET_INSTANCE",
        "debounce-max: 2s  # flag --debounce-max",
        "log-level: debug  # m.yaml:1:12",
        "store: redb  # default",
    ] {
        assert!(printed.out.lines().any(|other| other == line), "{line}\n{}", printed.out);
    }
    write(&folder, "again.yaml", &printed.out);
    let again = run(&folder, &["serve", "--config", "again.yaml", "--print-config"]);
    let values = |text: &str| {
        text.lines().map(|line| line.split("  # ").next().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!((again.code, values(&again.out)), (0, values(&printed.out)));
    write(&folder, "again.yaml", &again.out);
    assert_eq!(run(&folder, &["serve", "--config", "again.yaml", "--print-config"]), again);
    let wrong = run(&folder, &["serve", "--print-config", "--store", "sqlite"]);
    assert_eq!((wrong.code, wrong.out.as_str()), (2, ""));
    assert!(wrong.err.starts_with("error: 2 mistakes in the settings\n"), "{}", wrong.err);
}
