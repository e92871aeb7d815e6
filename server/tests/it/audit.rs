//! The audit log of a whole server.

use std::{fs, path::PathBuf, process::Command};

use mainsheet_api::generated::mainsheet::v1 as pb;
use mainsheet_server::{
    app::{self, Running},
    config::Settings,
    generated::mainsheet_client::MainsheetClient,
    task::TaskSet,
};
use serde_json::Value;
use tempfile::TempDir;
use tonic::transport::Channel;

use crate::{
    app::{end, ready, settings},
    client::channel,
    rig::route,
};

struct Audited {
    folder: TempDir,
    running: Running,
    tasks: TaskSet,
    client: MainsheetClient<Channel>,
}

impl Audited {
    async fn start(log: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mesh = folder.path().join("mesh");
        fs::create_dir(&mesh).unwrap();
        let audit_log = Some(folder.path().join(log));
        let (running, tasks) = app::start(&Settings { audit_log, ..settings(&[mesh]) }).await.unwrap();
        ready(&running).await;
        let client = MainsheetClient::new(channel(running.grpc_addr()).await);
        Self { folder, running, tasks, client }
    }

    fn path(&self) -> PathBuf {
        self.folder.path().join("audit.log")
    }

    /// Lines once the server has stopped, and what is left of it.
    async fn lines(self) -> (Vec<Value>, TempDir) {
        let path = self.path();
        drop(self.client);
        end((self.running, self.tasks)).await.unwrap();
        let text = fs::read_to_string(path).unwrap();
        (text.lines().map(|line| serde_json::from_str(line).unwrap()).collect(), self.folder)
    }
}

fn apply(text: &str) -> pb::ApplyRequest {
    let form = Some(pb::manifest::Form::Text(text.to_owned()));
    let manifest = pb::Manifest { form, ..pb::Manifest::default() };
    pb::ApplyRequest { manifests: vec![manifest], ..pb::ApplyRequest::default() }
}

#[tokio::test(flavor = "multi_thread")]
async fn each_write_is_told_before_and_after_with_the_name_that_its_answer_has() {
    let mut server = Audited::start("audit.log").await;
    let answered = server.client.apply(apply(&route("reviews", "hunter2"))).await.unwrap();
    let id = answered.metadata().get("x-request-id").unwrap().to_str().unwrap().to_owned();
    let revision = answered.into_inner().revision;
    let refused = server.client.apply(apply("kind: VirtualService\nspec: [")).await.unwrap_err();
    assert!(refused.metadata().get("x-request-id").is_some(), "also where it is refused");
    let dry = pb::ApplyRequest { dry_run: true, ..apply(&route("reviews", "two")) };
    server.client.apply(dry).await.unwrap();
    let (lines, _folder) = server.lines().await;
    let told: Vec<_> = lines.iter().map(|line| [&line["action"], &line["verdict"]]).collect();
    assert_eq!(lines.len(), 5, "{told:?}");
    let (asked, done) = (&lines[1], &lines[2]);
    assert_eq!((&asked["verdict"], &done["verdict"]), (&"asked".into(), &"done".into()));
    for line in [asked, done] {
        assert_eq!(line["request"], id);
        assert_eq!(line["user"], "system:admin");
        assert_eq!(line["via"], "loopback");
        assert_eq!(line["resources"][0]["name"], "reviews");
        assert!(line["peer"].as_str().unwrap().starts_with("127.0.0.1:"), "{line}");
        assert!(!line.to_string().contains("hunter2"), "nothing of the body: {line}");
    }
    assert_eq!((&done["revision"], &done["resources"][0]["outcome"]), (&revision.into(), &"created".into()));
    let (asked, refused) = (&lines[3], &lines[4]);
    assert_eq!((&asked["verdict"], &refused["verdict"]), (&"asked".into(), &"refused".into()));
    assert_eq!(refused["code"], "INVALID_ARGUMENT");
}

/// What `mainsheet audit verify` says of the log in this folder.
fn verify(folder: &TempDir, more: &[&str]) -> (Option<i32>, String) {
    let command = Command::new(env!("CARGO_BIN_EXE_mainsheet"))
        .args(["audit", "verify", "audit.log"])
        .args(more)
        .current_dir(folder.path())
        .output()
        .unwrap();
    (command.status.code(), String::from_utf8(command.stdout).unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn log_of_a_server_is_verified_until_somebody_touches_it() {
    let mut server = Audited::start("audit.log").await;
    for name in ["a", "b", "c"] {
        server.client.apply(apply(&route(name, "one"))).await.unwrap();
    }
    let (lines, folder) = server.lines().await;
    assert_eq!(lines.len(), 7);
    let head = format!("7:{}", lines[6]["hash"].as_str().unwrap());
    let whole = format!("7 lines from 1 on in 1 files: as they were written; head {head}\n");
    assert_eq!(verify(&folder, &["--head", &head]), (Some(0), whole));
    let path = folder.path().join("audit.log");
    let text = fs::read_to_string(&path).unwrap();
    fs::write(&path, text.replacen("system:admin", "system:other", 1)).unwrap();
    let (code, out) = verify(&folder, &[]);
    assert_eq!(code, Some(1));
    assert!(out.starts_with("audit.log:2: was edited"), "{out}");
    let cut: Vec<_> = text.lines().take(6).map(|line| format!("{line}\n")).collect();
    fs::write(&path, cut.concat()).unwrap();
    let (code, out) = verify(&folder, &["--head", &head]);
    assert_eq!(code, Some(1));
    assert!(out.contains("line 7, which is expected, is not there"), "{out}");
}
