use std::{
    collections::BTreeMap,
    fs::{self, File},
    io::{Read, Write},
    net::TcpListener,
    thread,
};

use flate2::read::GzDecoder;
use tempfile::TempDir;

use super::rig::{Ended, Served, folder, route, run};

const PLANTED: &str = "hunter2Zx9";

/// Nobody listens there.
const NOBODY: &str = "127.0.0.1:1";

const OVER_HTTP: [&str; 8] = [
    "debug/clashes.json",
    "debug/limits.json",
    "debug/sources.json",
    "debug/syncz.json",
    "debug/verdicts.json",
    "healthz/live.txt",
    "healthz/ready.txt",
    "metrics.txt",
];

fn files(folder: &TempDir, name: &str) -> BTreeMap<String, String> {
    let mut archive = tar::Archive::new(GzDecoder::new(File::open(folder.path().join(name)).unwrap()));
    let entries = archive.entries().unwrap().map(|entry| {
        let mut entry = entry.unwrap();
        let name = entry.path().unwrap().to_str().unwrap().to_owned();
        let mut text = String::new();
        entry.read_to_string(&mut text).unwrap();
        (name.strip_prefix("mainsheet-support/").unwrap().to_owned(), text)
    });
    entries.collect()
}

fn assert_masked(files: &BTreeMap<String, String>) {
    for (name, text) in files {
        assert!(!text.contains(PLANTED), "{name}: {text}");
    }
}

#[test]
fn bundle_of_a_server_has_all_of_it_and_no_secret() {
    let annotated = route("shop", "a", "b")
        .replace("metadata:\n", &format!("metadata:\n  annotations:\n    example.com/token: {PLANTED}\n"));
    let wrong = route("shop", "wrong", "b").replace("hosts:", &format!("Bearer {PLANTED}: 1\n  hosts:"));
    let config = format!("log-level: warn\npaths:\n- token={PLANTED}\n");
    let folder = folder(&[("mesh/a.yaml", &annotated), ("mesh/wrong.yaml", &wrong), ("c.yaml", &config)]);
    let served = Served::start(&folder, &["--config", "c.yaml"]);
    let (grpc, http) = (served.grpc.clone(), served.http());
    let mut args =
        vec!["support-bundle", "-o", "b.tar.gz", "--server", &grpc, "--http", &http, "--config", "c.yaml"];
    let ended = run(&folder, &args);
    let expected = Ended { code: 0, out: "14 files written to `b.tar.gz`\n".into(), err: String::new() };
    assert_eq!(ended, expected);
    let bundle = files(&folder, "b.tar.gz");
    let mut names = OVER_HTTP.to_vec();
    names.extend([
        "README.txt",
        "history.json",
        "settings.yaml",
        "sinks.json",
        "status.json",
        "versions.json",
    ]);
    names.sort_unstable();
    assert_eq!(bundle.keys().collect::<Vec<_>>(), names);
    assert!(bundle["README.txt"].ends_with("\nMissing:\n- nothing\n"), "{}", bundle["README.txt"]);
    assert!(bundle["settings.yaml"].contains("log-level: warn  # "), "{}", bundle["settings.yaml"]);
    let json = |name: &str| serde_json::from_str::<serde_json::Value>(&bundle[name]).unwrap();
    assert_eq!(json("status.json")["ready"], true);
    assert!(bundle["settings.yaml"].contains("token=***"), "{}", bundle["settings.yaml"]);
    assert_eq!(json("versions.json")["server"]["version"], env!("CARGO_PKG_VERSION"));
    assert_eq!(json("history.json")["revisions"][0]["revision"], json("status.json")["revision"]);
    assert_masked(&bundle);
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let mode = fs::metadata(folder.path().join("b.tar.gz")).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }
    args.push("--with-configuration");
    assert_eq!(run(&folder, &args).out, "15 files written to `b.tar.gz`\n");
    let bundle = files(&folder, "b.tar.gz");
    assert!(bundle["debug/configz.json"].contains("\"example.com/token\": \"***\""), "{:?}", bundle);
    assert_masked(&bundle);
}

/// Answers each request with a secret; where it is.
fn telltale() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let body =
        format!("{{\"said\":\"of a sink\",\"password\":\"{PLANTED}\",\"url\":\"http://a:{PLANTED}@b/\"}}");
    thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let mut request = [0; 4096];
            let _ = stream.read(&mut request).unwrap();
            write!(stream, "HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{body}", body.len()).unwrap();
        }
    });
    address
}

#[test]
fn what_cannot_be_had_is_named_and_the_rest_is_masked_file_by_file() {
    let folder = folder(&[]);
    let http = telltale();
    let ended = run(&folder, &["support-bundle", "-o", "b.tar.gz", "--server", NOBODY, "--http", &http]);
    let lines = ["versions.json", "status.json", "history.json", "sinks.json"]
        .map(|name| format!("{name}: no server at `{NOBODY}`: Connection refused (os error 111)\n"));
    let expected = Ended {
        code: 0,
        out: "9 files written to `b.tar.gz`\n".into(),
        err: lines.iter().map(|line| format!("missing: {line}")).collect(),
    };
    assert_eq!(ended, expected);
    let bundle = files(&folder, "b.tar.gz");
    let missing: String = lines.iter().map(|line| format!("- {line}")).collect();
    assert!(bundle["README.txt"].ends_with(&format!("\nMissing:\n{missing}")), "{}", bundle["README.txt"]);
    for name in OVER_HTTP {
        let expected =
            "{\n  \"password\": \"***\",\n  \"said\": \"of a sink\",\n  \"url\": \"http://***@b/\"\n}\n";
        assert_eq!(bundle[name], expected, "{name}");
    }
}

#[test]
fn nothing_is_written_where_nothing_can_be_had() {
    let folder = folder(&[]);
    let ended = run(&folder, &["support-bundle", "-o", "b.tar.gz", "--server", NOBODY, "--http", NOBODY]);
    assert_eq!((ended.code, ended.out.as_str()), (3, ""));
    let lines: Vec<_> = ended.err.lines().collect();
    assert_eq!(lines.len(), 13, "{lines:?}");
    assert_eq!(
        lines[4],
        format!(
            "missing: healthz/live.txt: no answer from `http://{NOBODY}`: Connection refused (os error 111)"
        )
    );
    assert_eq!(lines[12], "error: nothing could be had, so nothing is written");
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
}
