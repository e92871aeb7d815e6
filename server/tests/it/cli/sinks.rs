use serde_json::Value;

use super::rig::{Served, Started, folder, route, run, write};

fn asked(folder: &tempfile::TempDir, served: &Served, args: &[&str]) -> String {
    let ended = run(folder, &[args, &["--server", &served.grpc]].concat());
    assert_eq!(ended.code, 0, "{ended:?}");
    ended.out + &ended.err
}

/// Asks until the answer is what is wanted.
fn until(
    folder: &tempfile::TempDir,
    served: &Served,
    args: &[&str],
    is_wanted: impl Fn(&str) -> bool,
) -> String {
    for _ in 0..1000 {
        let text = asked(folder, served, args);
        if is_wanted(&text) {
            return text;
        }
    }
    panic!("never what is wanted: {}", asked(folder, served, args))
}

#[test]
fn sinks_are_told_with_what_they_hold() {
    let folder = folder(&[("mesh/a.yaml", &route("shop", "reviews", "reviews"))]);
    let served = Served::start(&folder, &[]);
    assert_eq!(asked(&folder, &served, &["sinks"]), "no sinks are connected\n");
    let follow = Started::new(&folder, &["sinks", "-w", "-o", "json", "--server", &served.grpc]);
    let watch = Started::new(&folder, &["watch", "vs", "--node", "some-sink", "--server", &served.grpc]);
    watch.line();

    let is_synced = |text: &str| text.lines().nth(1).is_some_and(|row| row.ends_with("   synced"));
    let table = until(&folder, &served, &["sinks"], is_synced);
    let words: Vec<&str> = table.lines().next().unwrap().split_whitespace().collect();
    assert_eq!(words, ["NODE", "PEER", "PROTOCOL", "AGE", "TYPES", "STATE"]);
    let row: Vec<&str> = table.lines().nth(1).unwrap().split_whitespace().collect();
    assert_eq!((row[0], row[2], row[4], row[5]), ("some-sink", "sotw", "1", "synced"));

    let wide = asked(&folder, &served, &["sinks", "--node", "some", "-o", "wide"]);
    let row: Vec<&str> = wide.lines().nth(1).unwrap().split_whitespace().collect();
    assert_eq!((row[0], row[4], row[5]), ("some-sink", "VirtualService", "synced"));
    assert_eq!(row[6], row[7], "sent and acknowledged");
    assert_eq!(asked(&folder, &served, &["sinks", "--node", "other"]), "no sinks are connected\n");
    let nodes = ["sinks", "-o", "jsonpath={.sinks[*].node}"];
    assert_eq!(asked(&folder, &served, &nodes), "some-sink");

    let event: Value = serde_json::from_str(&follow.line()).unwrap();
    assert_eq!(
        (event["event"].as_str(), event["sink"]["node"].as_str()),
        (Some("connected"), Some("some-sink"))
    );
    assert_eq!(watch.end("-INT").0, 0);
    while serde_json::from_str::<Value>(&follow.line()).unwrap()["event"] != "gone" {}
    assert_eq!(follow.end("-INT").0, 0);
}

#[test]
fn status_tells_what_is_served_and_what_wants_a_hand() {
    let folder = folder(&[("mesh/a.yaml", &route("shop", "reviews", "reviews"))]);
    let served = Served::start(&folder, &[]);
    let status = |args: &[&str]| asked(&folder, &served, &[&["status"], args].concat());
    let text = status(&[]);
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines[0], "ready      yes");
    assert!(lines[1].starts_with("instance   mainsheet, version "), "{text}");
    assert!(lines[2].starts_with("revision   ") && lines[2].ends_with(", in memory"), "{text}");
    assert_eq!(lines[3..5], ["served     1 resources of 1 kinds", "sinks      0"]);
    assert!(
        text.ends_with("\nSOURCE       RESOURCES   HIDDEN   PROBLEMS\nfiles:mesh   1           0        0\n"),
        "{text}"
    );
    let wide = status(&["-o", "wide"]);
    let kinds: Vec<_> = wide.lines().skip_while(|line| !line.starts_with("KIND ")).skip(1).collect();
    let counted = |line: &&str| line.split_whitespace().collect::<Vec<_>>() == ["VirtualService", "1"];
    assert!(kinds.iter().any(counted), "{wide}");
    let json: Value = serde_json::from_str(&status(&["-o", "json"])).unwrap();
    assert_eq!(
        (json["ready"].as_bool(), json["sources"][2]["name"].as_str()),
        (Some(true), Some("files:mesh"))
    );
    assert!(status(&["-o", "yaml"]).contains("ready: true\n"));

    write(
        &folder,
        "mesh/b.yaml",
        "apiVersion: networking.istio.io/v1\nkind: VirtualService\nmetadata: {name: bad}\nspec: {hots: [a]}\n",
    );
    until(&folder, &served, &["status"], |text| text.contains("\nrejected   1 (not served as written"));
}
