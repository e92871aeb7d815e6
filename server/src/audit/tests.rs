use std::{fs, path::Path, time::Duration};

use mainsheet_api::{key::Key, kind::Kind};
use tempfile::TempDir;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use super::*;
use crate::clock::SystemClock;

const PATIENCE: Duration = Duration::from_secs(30);

struct Rig {
    folder: TempDir,
    audit: Audit,
    writer: Writer,
}

fn rig(refuses: bool) -> Rig {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("audit.log");
    let options = AuditOptions { path: Some(path), bytes_max: 1 << 20, kept: 3, refuses };
    let opened = Audit::open(&options, Arc::new(SystemClock::new()), Randomness::of_seed(1)).unwrap();
    Rig { folder, audit: opened.0, writer: opened.1.unwrap() }
}

fn event(audit: &Audit, verdict: Verdict, name: &str) -> Event {
    let who = Who { user: "ana".into(), ..Who::default() };
    let touched = Touched { key: Key::new(Kind::VIRTUAL_SERVICE, "shop", name), outcome: "created" };
    Event { resources: vec![touched], ..Event::new(Action::Apply, verdict, (who, audit.now())) }
}

fn lines(folder: &Path) -> Vec<String> {
    let text = fs::read_to_string(folder.join("audit.log")).unwrap();
    text.lines().map(str::to_owned).collect()
}

/// Makes every write of the log fail, or no longer: its file is open for reading only.
fn set_failing(writer: &Writer, folder: &Path, fails: bool) {
    let path = folder.join("audit.log");
    let file = if fails { fs::File::open(path) } else { fs::OpenOptions::new().append(true).open(path) };
    writer.file.lock().unwrap().replace_file(file.unwrap());
}

#[tokio::test]
async fn what_is_asked_is_durable_before_it_is_done_and_the_rest_is_written_at_the_end() {
    let Rig { folder, audit, writer } = rig(true);
    let stop = CancellationToken::new();
    let running = writer.run(stop.clone());
    let telling = async {
        audit.ask(event(&audit, Verdict::Asked, "a")).await.unwrap();
        assert!(lines(folder.path()).last().unwrap().contains(r#""name":"a""#));
        audit.tell(event(&audit, Verdict::Done, "b"));
        (0..3).for_each(|_| audit.tell_once(event(&audit, Verdict::Forbidden, "c")));
        stop.cancel();
    };
    let (ended, ()) = timeout(PATIENCE, async { tokio::join!(running, telling) }).await.unwrap();
    ended.unwrap();
    let lines = lines(folder.path());
    assert_eq!(lines.len(), 5, "{lines:#?}");
    assert!(lines[2].contains(r#""verdict":"done""#) && lines[4].contains(r#""times":2"#), "{lines:#?}");
    assert!(matches!(audit.ask(event(&audit, Verdict::Asked, "d")).await, Err(AuditError::Stopped)));
    let expected = AuditHealth { lines: 4, ..AuditHealth::default() };
    assert_eq!(audit.health(), Some(expected));
}

#[tokio::test]
async fn what_can_not_be_told_is_not_to_be_done_and_nothing_else_is_lost() {
    let Rig { folder, audit, writer } = rig(true);
    set_failing(&writer, folder.path(), true);
    let (stop, file) = (CancellationToken::new(), Arc::clone(&writer.file));
    let running = writer.run(stop.clone());
    let telling = async {
        audit.tell(event(&audit, Verdict::Done, "kept"));
        let refused = audit.ask(event(&audit, Verdict::Asked, "refused")).await;
        assert!(matches!(refused, Err(AuditError::Failed(_))), "{refused:?}");
        assert!(audit.health().unwrap().failing.is_some());
        let path = folder.path().join("audit.log");
        file.lock().unwrap().replace_file(fs::OpenOptions::new().append(true).open(path).unwrap());
        audit.ask(event(&audit, Verdict::Asked, "made")).await.unwrap();
        stop.cancel();
    };
    let (ended, ()) = timeout(PATIENCE, async { tokio::join!(running, telling) }).await.unwrap();
    ended.unwrap();
    let lines = lines(folder.path()).join("\n");
    assert!(lines.contains("kept") && lines.contains("made") && !lines.contains("refused"), "{lines}");
    assert_eq!(audit.health().unwrap().failing, None);
}

#[tokio::test]
async fn what_is_lost_is_counted_and_told_once_there_is_room() {
    let Rig { folder, audit, writer } = rig(false);
    let more = 7;
    for n in 0..AUDIT_WAITING_MAX + more {
        audit.ask(event(&audit, Verdict::Asked, &n.to_string())).await.unwrap();
    }
    assert_eq!(audit.health().unwrap().lost, more as u64);
    let stop = CancellationToken::new();
    stop.cancel();
    timeout(PATIENCE, writer.run(stop)).await.unwrap().unwrap();
    let lines = lines(folder.path());
    assert_eq!(lines.len(), 2 + AUDIT_WAITING_MAX);
    assert!(lines[1].contains(r#""action":"lost""#) && lines[1].contains(r#""times":7"#), "{}", lines[1]);
}

#[test]
fn events_of_many_resources_take_as_much_room_as_they_are_long() {
    let Rig { audit, .. } = rig(false);
    let log = audit.log.clone().unwrap();
    let touched =
        Touched { key: Key::new(Kind::VIRTUAL_SERVICE, "shop", "x".repeat(200)), outcome: "created" };
    let large = Event { resources: vec![touched; 50_000], ..event(&audit, Verdict::Done, "a") };
    (0..20).for_each(|_| log.put(large.clone()));
    assert!(audit.health().unwrap().lost > 10, "{:?}", audit.health());
}
