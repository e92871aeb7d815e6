//! Going back, and forth.

use mainsheet_api::generated::mainsheet::v1 as pb;

use super::{Desk, request};
use crate::rig::{route, route_key};

async fn roll_back(desk: &Desk, to_revision: u64) -> pb::RollbackResponse {
    let request = pb::RollbackRequest { to_revision, ..pb::RollbackRequest::default() };
    desk.client.clone().rollback(request).await.unwrap().into_inner()
}

async fn release(desk: &Desk) -> pb::ReleaseResponse {
    desk.client.clone().release(pb::ReleaseRequest::default()).await.unwrap().into_inner()
}

#[tokio::test(flavor = "multi_thread")]
async fn rollback_holds_until_the_file_says_something_else() {
    let desk = Desk::start(&[("a", "v1"), ("b", "v1")]).await;
    let then = desk.snapshot().revision().0;
    let version = |desk: &Desk, name| desk.served(name).map(|held| held.version.clone());
    let first = version(&desk, "a");
    desk.file("a", "v2");
    desk.until("v2", |desk| version(desk, "a") != first).await;
    let second = version(&desk, "a");

    let dry = pb::RollbackRequest { to_revision: then, dry_run: true, ..pb::RollbackRequest::default() };
    let told = desk.client.clone().rollback(dry).await.unwrap().into_inner();
    assert_eq!((told.changes.len(), version(&desk, "a")), (1, second.clone()));
    let back = roll_back(&desk, then).await;
    assert!(back.revision > then, "numbers never go back");
    let [change] = &back.changes[..] else { panic!("{back:?}") };
    let versions = |of: &Option<pb::Resource>| of.as_ref().map(|resource| resource.version.clone());
    assert_eq!(versions(&change.before), second.as_ref().map(ToString::to_string));
    assert_eq!(versions(&change.after), first.as_ref().map(ToString::to_string));
    assert_eq!((version(&desk, "a"), desk.source("a")), (first.clone(), "hold".to_owned()));

    // The same again, as a restart tells it, ends nothing.
    let desk = desk.again().await;
    assert_eq!(version(&desk, "a"), first);
    desk.file("a", "v3");
    desk.until("v3", |desk| desk.source("a") == "files").await;
    assert!(version(&desk, "a") != first && version(&desk, "a") != second);
    assert_eq!(release(&desk).await.changes.len(), 0, "nothing is held any more");
    desk.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_not_there_is_absent_until_it_is_released() {
    let desk = Desk::start(&[("a", "v1")]).await;
    let then = desk.snapshot().revision().0;
    desk.apply(request([route("new", "v1")])).await.unwrap();
    roll_back(&desk, then).await;
    assert_eq!(desk.served("new"), None);
    let again = desk.apply(request([route("new", "v1")])).await.unwrap();
    assert!(again.results[0].is_hidden, "{again:?}");
    assert_eq!(desk.served("new"), None, "the same again ends nothing");
    let released = release(&desk).await;
    assert_eq!(released.changes.len(), 1);
    assert_eq!(desk.source("new"), "api");
    assert!(desk.snapshot().held(&mainsheet_api::resource::SourceName::hold(), &route_key("new")).is_none());
    desk.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn rollback_is_refused_where_something_changed_unseen() {
    let desk = Desk::start(&[("a", "v1")]).await;
    let then = desk.snapshot().revision().0;
    let seen = desk.apply(request([route("b", "v1")])).await.unwrap().revision;
    desk.apply(request([route("b", "v2")])).await.unwrap();
    let asked =
        pb::RollbackRequest { to_revision: then, expected_revision: seen, ..pb::RollbackRequest::default() };
    let refused = desk.client.clone().rollback(asked).await.unwrap_err();
    assert_eq!(refused.code(), tonic::Code::FailedPrecondition);
    assert!(refused.message().contains("VirtualService shop/b"), "{refused:?}");
    assert_eq!(desk.source("b"), "api");
    desk.unlink("a");
    desk.until("a is gone", |desk| desk.served("a").is_none()).await;
    desk.end().await;
}
