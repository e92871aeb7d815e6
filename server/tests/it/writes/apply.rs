//! Applying and deleting.

use mainsheet_api::{
    generated::{
        google::protobuf,
        mainsheet::v1::{self as pb, WriteOutcome},
    },
    kind::Kind,
    xds::catalog::Catalog as _,
};
use prost::Message as _;
use tonic::Code;
use tonic_types::StatusExt as _;

use super::{Desk, key, outcomes, request};
use crate::rig::{route, route_key};

#[tokio::test(flavor = "multi_thread")]
async fn override_hides_the_file_and_deleting_it_brings_the_file_back_also_after_a_restart() {
    let desk = Desk::start(&[("reviews", "v1")]).await;
    let before = desk.served("reviews").unwrap();
    let answer = desk.apply(request([route("reviews", "v2")])).await.unwrap();
    let [result] = &answer.results[..] else { panic!("{answer:?}") };
    assert_eq!(result.outcome(), WriteOutcome::Created);
    assert!(result.hides[0].starts_with("files:"), "{result:?}");
    // What is answered is served here.
    let served = desk.served("reviews").unwrap();
    assert_eq!((served.version.as_str(), served.changed.0), (&*result.version, answer.revision));
    assert_eq!(&*served.provenance.origin, "ann");

    let desk = desk.again().await;
    assert_eq!(desk.source("reviews"), "api", "it is no source that nobody configures");
    let again = desk.apply(request([route("reviews", "v2")])).await.unwrap();
    assert_eq!(outcomes(&again.results), [WriteOutcome::Unchanged]);
    assert_eq!(again.revision, answer.revision, "what is the same makes no revision");

    let gone = desk.delete(&["reviews", "nobody"]).await;
    assert_eq!(outcomes(&gone.results), [WriteOutcome::Removed, WriteOutcome::NotFound]);
    assert_eq!(desk.served("reviews").unwrap().version, before.version);
    assert_eq!(desk.source("reviews"), "files");
    desk.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn refused_request_changes_nothing_and_says_which_field_of_which_manifest_is_wrong() {
    let desk = Desk::start(&[]).await;
    let before = desk.snapshot().revision();
    let wrong = route("bad", "v1").replace("hosts", "host");
    let asked = || request([route("a", "v1"), format!("# two\n---\n{wrong}")]);
    let refused = desk.apply(asked()).await.unwrap_err();
    assert_eq!(refused.code(), Code::InvalidArgument);
    let details = refused.get_error_details();
    let violations = &details.bad_request().unwrap().field_violations;
    assert!(violations[0].field.starts_with("manifests[1].text:9:3 spec.host"), "{violations:?}");
    assert!(violations[0].description.contains("hosts"), "{violations:?}");
    let info = details.error_info().unwrap();
    assert_eq!((&*info.reason, &*info.domain), ("REJECTED", "mainsheet.io"));
    assert_eq!(desk.snapshot().revision(), before);

    let told = desk.apply(pb::ApplyRequest { dry_run: true, ..asked() }).await.unwrap();
    assert_eq!(outcomes(&told.results), [WriteOutcome::NotMade, WriteOutcome::Rejected]);
    let atomicity = pb::Atomicity::BestEffort.into();
    let made = desk.apply(pb::ApplyRequest { atomicity, ..asked() }).await.unwrap();
    assert_eq!(outcomes(&made.results), [WriteOutcome::Created, WriteOutcome::Rejected]);
    assert_eq!(desk.source("a"), "api");
    desk.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn conflict_names_who_has_it() {
    let desk = Desk::start(&[]).await;
    let of = |set: &str| pb::ApplyRequest { set: set.to_owned(), ..request([route("a", "v1")]) };
    desk.apply(of("shop")).await.unwrap();
    let refused = desk.apply(of("till")).await.unwrap_err();
    assert_eq!(refused.code(), Code::FailedPrecondition);
    let details = refused.get_error_details();
    let violation = &details.precondition_failure().unwrap().violations[0];
    assert_eq!((&*violation.r#type, &*violation.subject), ("SET", "VirtualService shop/a"));
    assert!(violation.description.contains("`shop`"), "{violation:?}");
    assert_eq!(details.resource_info().unwrap().owner, "ann");
    assert_eq!(details.error_info().unwrap().reason, "CONFLICT");

    let told = desk.apply(pb::ApplyRequest { dry_run: true, ..of("till") }).await.unwrap();
    let conflict = told.results[0].conflict.clone().unwrap();
    let history = desk.client.clone().history(pb::HistoryRequest::default()).await.unwrap().into_inner();
    let made = history.revisions.iter().find(|made| made.revision == conflict.revision).unwrap();
    assert!(made.at.is_some());
    assert_eq!(conflict.at, made.at, "when what is in the way was written");
    desk.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn message_is_applied_as_its_document_is() {
    let desk = Desk::start(&[("a", "v1")]).await;
    let catalog = desk.running.snapshot();
    let any = mainsheet_api::view::View::everything();
    let entry = catalog.get(Kind::VIRTUAL_SERVICE, &any, &route_key("a").wire_name()).unwrap();
    let wrapped = protobuf::Any::decode(entry.any).unwrap();
    let resource = mainsheet_api::generated::istio::mcp::v1alpha1::Resource::decode(wrapped.value).unwrap();
    let body = resource.body.unwrap();
    let typed = |value| pb::TypedResource {
        namespace: "shop".to_owned(),
        name: "a".to_owned(),
        body: Some(protobuf::Any { type_url: body.type_url.clone(), value }),
        ..pb::TypedResource::default()
    };
    let of = |typed| pb::ApplyRequest {
        manifests: vec![pb::Manifest { form: Some(pb::manifest::Form::Typed(typed)), origin: String::new() }],
        ..pb::ApplyRequest::default()
    };
    let answer = desk.apply(of(typed(body.value.clone()))).await.unwrap();
    assert_eq!(answer.results[0].version, entry.version.to_string());
    let refused = desk.apply(of(typed(vec![0xff].into()))).await.unwrap_err();
    let violations = refused.get_error_details().bad_request().unwrap().field_violations.clone();
    assert_eq!(violations[0].field, "manifests[0].typed body", "{violations:?}");
    desk.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn rule_that_is_applied_counts_for_what_is_applied_after_it() {
    let desk = Desk::start(&[]).await;
    let rule = "apiVersion: mainsheet.io/v1\nkind: ValidationRule\nmetadata: {name: no, namespace: istio-system}\n\
                spec:\n  kinds: [VirtualService]\n  expression: object.metadata.name != \"no\"\n  message: this name is taken\n";
    desk.apply(request([rule.to_owned()])).await.unwrap();
    let refused = desk.apply(request([route("no", "v1")])).await.unwrap_err();
    let violations = refused.get_error_details().bad_request().unwrap().field_violations.clone();
    assert!(violations[0].description.contains("this name is taken"), "{violations:?}");
    desk.apply(request([route("yes", "v1")])).await.unwrap();
    desk.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn request_that_is_wrong_itself_says_what_would_be_right() {
    let desk = Desk::start(&[]).await;
    let empty = pb::Manifest { form: None, origin: String::new() };
    let cases = [
        (pb::ApplyRequest { manifests: vec![empty], ..request([]) }, "manifests[0]: give one of"),
        (pb::ApplyRequest { set: "x".repeat(300), ..request([]) }, "set: has 300 bytes, of 253 at most"),
        (pb::ApplyRequest { prune: Some(pb::Prune::default()), ..request([]) }, "prune.scope: give one of"),
        (
            pb::ApplyRequest {
                preconditions: vec![pb::Precondition { key: Some(key("a")), expected: None }],
                ..request([])
            },
            "preconditions[0].expected: says nothing; give one of",
        ),
    ];
    for (asked, expected) in cases {
        let refused = desk.apply(asked).await.unwrap_err();
        assert_eq!(refused.code(), Code::InvalidArgument);
        assert!(refused.message().starts_with(expected), "{}", refused.message());
    }
    desk.end().await;
}
