//! From files to what is served.

use std::{fs, sync::atomic::Ordering, time::Duration};

use mainsheet_server::intake::{GuardRule, IntakeOptions};

use crate::rig::{Rig, files, held, names, replace, route, route_key, write};

#[tokio::test]
async fn folder_is_served_and_edits_are_followed() {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), "a.yaml", &format!("{}---\n{}", route("a1", "x"), route("a2", "x")));
    write(folder.path(), "deep/er/b.yml", &route("b", "x"));
    write(folder.path(), "other.yaml", "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: c}\n");
    write(folder.path(), "README.md", &route("no", "x"));
    let rig = Rig::serve(folder.path()).await;
    assert_eq!(rig.readiness.awaited(), ["source files"]);
    rig.ready().await;
    let first = rig.cache.snapshot().0;
    assert_eq!(names(&first), ["a1", "a2", "b"]);
    assert_eq!(rig.intake.stats.ignored.load(Ordering::Relaxed), 1);
    assert_eq!(held(&first, "b").provenance.to_string(), "deep/er/b.yml:1");

    write(folder.path(), "a.yaml", &format!("{}---\n{}", route("a1", "y"), route("a2", "x")));
    let edited = rig.until("the edit", |now| held(now, "a1").version != held(&first, "a1").version).await;
    assert_eq!(held(&edited, "a2"), held(&first, "a2"));
    assert_eq!(held(&edited, "a1").created, held(&first, "a1").created);

    replace(folder.path(), "a.yaml", &route("a2", "x"));
    rig.until_routes(&["a2", "b"]).await;
    write(
        folder.path(),
        "new/c.json",
        r#"{"apiVersion":"networking.istio.io/v1","kind":"VirtualService","metadata":{"name":"c","namespace":"shop"},"spec":{"hosts":["c"],"http":[{"route":[{"destination":{"host":"x"}}]}]}}"#,
    );
    rig.until_routes(&["a2", "b", "c"]).await;
    fs::remove_dir_all(folder.path().join("deep")).unwrap();
    rig.until_routes(&["a2", "c"]).await;
    rig.end().await;
}

#[tokio::test]
async fn rejected_resource_leaves_its_last_good_version_and_the_rest_of_its_file() {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), "a.yaml", &format!("{}---\n{}", route("bad", "x"), route("good", "x")));
    let rig = Rig::serve(folder.path()).await;
    rig.ready().await;
    let before = rig.cache.snapshot().0;
    let broken = route("bad", "x").replace("  hosts:", "  hostes: [a]\n  hosts:");
    write(folder.path(), "a.yaml", &format!("{broken}---\n{}---\n{}", route("good", "y"), route("new", "x")));
    let after = rig.until_routes(&["bad", "good", "new"]).await;
    assert_eq!(held(&after, "bad"), held(&before, "bad"));
    assert_ne!(held(&after, "good").version, held(&before, "good").version);
    rig.until_so("the verdict", || rig.intake.verdicts.len() == 1).await;
    let rejected = rig.intake.verdicts.rejected().remove(0);
    assert_eq!(
        (rejected.key, rejected.origin.as_str(), rejected.line),
        (Some(route_key("bad")), "a.yaml", 1)
    );
    assert_eq!(rejected.findings[0].position.line, 7);

    write(folder.path(), "a.yaml", &route("bad", "z"));
    let mended = rig.until_routes(&["bad"]).await;
    assert_ne!(held(&mended, "bad").version, held(&before, "bad").version);
    rig.until_so("no verdict", || rig.intake.verdicts.is_empty()).await;
    rig.end().await;
}

#[tokio::test]
async fn file_that_is_broken_at_a_restart_keeps_what_the_store_holds_of_it() {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), "a.yaml", &format!("{}---\n{}", route("a1", "x"), route("a2", "x")));
    write(folder.path(), "b.yaml", &route("b", "x"));
    let rig = Rig::serve(folder.path()).await;
    rig.ready().await;
    let before = rig.cache.snapshot().0;
    let store = rig.end().await;

    write(folder.path(), "a.yaml", &format!("{}---\nkind: {{[half", route("a1", "y")));
    fs::remove_file(folder.path().join("b.yaml")).unwrap();
    let rig = Rig::start(&[folder.path()], store, IntakeOptions::default()).await;
    let after = rig.until_routes(&["a1", "a2"]).await;
    assert_eq!(held(&after, "a2"), held(&before, "a2"));
    assert_ne!(held(&after, "a1").version, held(&before, "a1").version);
    rig.end().await;
}

#[tokio::test]
async fn content_that_is_the_same_makes_no_revision() {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), "a.yaml", &route("a", "x"));
    write(folder.path(), "b.yaml", &route("b", "x"));
    let rig = Rig::serve(folder.path()).await;
    rig.ready().await;
    let revision = rig.cache.snapshot().0.revision();
    let judged = rig.intake.stats.accepted.load(Ordering::Relaxed);
    write(folder.path(), "a.yaml", &format!("# moved by a line\n{}", route("a", "x")));
    rig.until_so("the file was judged", || rig.intake.stats.accepted.load(Ordering::Relaxed) > judged).await;
    write(folder.path(), "b.yaml", &route("b", "y"));
    let after = rig.until("the other edit", |now| now.revision() > revision).await;
    assert_eq!(after.revision(), revision.next());
    let store = rig.end().await;

    let rig = Rig::start(&[folder.path()], store, IntakeOptions::default()).await;
    rig.until_so("everything was judged", || rig.intake.stats.accepted.load(Ordering::Relaxed) == 2).await;
    write(folder.path(), "b.yaml", &route("b", "z"));
    rig.until("an edit after it", |now| now.revision() == revision.next().next()).await;
    rig.end().await;
}

#[tokio::test]
async fn key_that_moved_to_another_file_goes_with_that_file() {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), "a.yaml", &route("a", "x"));
    write(folder.path(), "keep.yaml", &route("keep", "x"));
    let rig = Rig::serve(folder.path()).await;
    rig.ready().await;
    let version = held(&rig.cache.snapshot().0, "a").version.clone();
    fs::rename(folder.path().join("a.yaml"), folder.path().join("b.yaml")).unwrap();
    let moved = rig.until("the move", |now| held(now, "a").provenance.origin == "b.yaml").await;
    assert_eq!(held(&moved, "a").version, version);
    fs::remove_file(folder.path().join("b.yaml")).unwrap();
    rig.until_routes(&["keep"]).await;
    rig.end().await;
}

#[tokio::test]
async fn key_that_moved_to_a_file_that_is_rejected_goes_with_that_file() {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), "a.yaml", &route("a", "x"));
    write(folder.path(), "keep.yaml", &route("keep", "x"));
    let rig = Rig::serve(folder.path()).await;
    rig.ready().await;
    let broken = route("a", "x").replace("  hosts:", "  hostes: [a]\n  hosts:");
    write(folder.path(), "b.yaml", &broken);
    rig.until_so("the verdict", || rig.intake.verdicts.len() == 1).await;
    fs::remove_file(folder.path().join("a.yaml")).unwrap();
    write(folder.path(), "keep.yaml", &route("keep", "y"));
    write(folder.path(), "more.yaml", &route("more", "x"));
    rig.until_routes(&["a", "keep", "more"]).await;
    fs::remove_file(folder.path().join("b.yaml")).unwrap();
    rig.until_routes(&["keep", "more"]).await;
    rig.end().await;
}

#[tokio::test]
async fn nothing_is_ready_before_the_folder_is_there_and_a_restart_is_ready_at_once() {
    let parent = tempfile::tempdir().unwrap();
    let folder = parent.path().join("conf");
    let rig = Rig::serve(&folder).await;
    rig.until_so("the complaint", || !rig.health.state().complaints.is_empty()).await;
    assert_eq!(rig.readiness.awaited(), ["source files"]);
    write(&folder, "a.yaml", &route("a", "x"));
    rig.ready().await;
    assert_eq!(names(&rig.cache.snapshot().0), ["a"]);
    let store = rig.end().await;

    fs::remove_dir_all(&folder).unwrap();
    let rig = Rig::start(&[&folder], store, IntakeOptions::default()).await;
    rig.ready().await;
    rig.until_so("the complaint", || !rig.health.state().complaints.is_empty()).await;
    assert_eq!(names(&rig.cache.snapshot().0), ["a"], "what the store holds is served");
    rig.end().await;
}

async fn rig_that_lost_most(options: IntakeOptions) -> (Rig, tempfile::TempDir) {
    let folder = tempfile::tempdir().unwrap();
    for n in 0..20 {
        write(folder.path(), &format!("{n}.yaml"), &route(&format!("r{n:02}"), "x"));
    }
    let rig = Rig::serve(folder.path()).await;
    rig.ready().await;
    let store = rig.end().await;
    for n in 5..20 {
        fs::remove_file(folder.path().join(format!("{n}.yaml"))).unwrap();
    }
    write(folder.path(), "0.yaml", &route("r00", "changed"));
    write(folder.path(), "new.yaml", &route("s", "x"));
    (Rig::start(&[folder.path()], store, options).await, folder)
}

#[tokio::test]
async fn removals_of_most_of_a_kind_are_held_until_they_are_confirmed() {
    let options = IntakeOptions { guard: GuardRule::Stay, ..IntakeOptions::default() };
    let (rig, _folder) = rig_that_lost_most(options).await;
    rig.until("the rest of the batch", |now| names(now).len() == 21).await;
    let mut holds = rig.intake.holds.clone();
    let held = holds.wait_for(|holds| !holds.is_empty()).await.unwrap()[0].clone();
    assert_eq!((held.source, held.have, held.gone.len()), (files(), 20, 15));
    rig.intake.confirm(files()).await.unwrap();
    rig.until_routes(&["r00", "r01", "r02", "r03", "r04", "s"]).await;
    rig.until_so("nothing is held", || rig.intake.holds.borrow().is_empty()).await;
    rig.end().await;
}

#[tokio::test]
async fn removals_that_were_held_for_their_time_are_made() {
    let options = IntakeOptions { guard_hold: Duration::from_millis(50), ..IntakeOptions::default() };
    let (rig, _folder) = rig_that_lost_most(options).await;
    rig.until_routes(&["r00", "r01", "r02", "r03", "r04", "s"]).await;
    rig.end().await;
}

#[tokio::test]
async fn hold_is_noted_for_the_next_run_until_it_ends() {
    let (rig, folder) = rig_that_lost_most(IntakeOptions::default()).await;
    let mut holds = rig.intake.holds.clone();
    holds.wait_for(|holds| !holds.is_empty()).await.unwrap();
    let store = rig.end().await;
    let noted = store.status("hold/").await.unwrap();
    assert_eq!(noted.len(), 1);

    let rig = Rig::start(&[folder.path()], store, IntakeOptions::default()).await;
    rig.until_so("it is held again", || !rig.intake.holds.borrow().is_empty()).await;
    let store = rig.end().await;
    assert_eq!(store.status("hold/").await.unwrap(), noted, "since when is not forgotten");

    let rig = Rig::start(&[folder.path()], store, IntakeOptions::default()).await;
    rig.until_so("it is held again", || !rig.intake.holds.borrow().is_empty()).await;
    rig.intake.confirm(files()).await.unwrap();
    rig.until_routes(&["r00", "r01", "r02", "r03", "r04", "s"]).await;
    let store = rig.end().await;
    assert!(store.status("hold/").await.unwrap().is_empty());
}
