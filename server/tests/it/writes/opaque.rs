//! Kinds that this server does not know.

use mainsheet_api::{
    generated::{
        google::protobuf::Any,
        mainsheet::v1::{self as pb, WriteOutcome},
    },
    kind::Kind,
    limits::OPAQUE_KINDS_TRIED_MAX,
};
use prost::Message as _;
use tonic::Code;
use tonic_types::StatusExt as _;

use super::{Desk, outcomes, request};
use crate::client::{Delta, Sotw};

const WIDGET: &str = "wire.example/v1/Widget";

fn body(value: u8) -> Any {
    Any { type_url: "type.googleapis.com/wire.example.Widget".to_owned(), value: vec![8, value].into() }
}

fn widget(type_url: &str, name: &str, value: u8) -> pb::ApplyRequest {
    let opaque = pb::OpaqueResource {
        type_url: type_url.to_owned(),
        namespace: "shop".to_owned(),
        name: name.to_owned(),
        body: Some(body(value)),
    };
    let form = Some(pb::manifest::Form::Opaque(opaque));
    let manifests = vec![pb::Manifest { form, origin: String::new() }];
    pb::ApplyRequest { manifests, ..request([]) }
}

#[tokio::test(flavor = "multi_thread")]
async fn resource_of_an_unknown_kind_is_served_bare_to_whoever_asks_for_its_type() {
    let desk = Desk::start(&[]).await;
    let server = desk.running.grpc_addr();
    let (mut sotw, nothing) = Sotw::answered(server, WIDGET).await;
    assert_eq!(nothing.resources, []);
    sotw.ack(&nothing).await;

    let answer = desk.apply(widget(WIDGET, "w", 1)).await.unwrap();
    assert_eq!(outcomes(&answer.results), [WriteOutcome::Created]);
    assert_eq!(answer.results[0].key.as_ref().unwrap().kind, WIDGET);
    let sent = sotw.response().await;
    assert_eq!((&*sent.type_url, sent.resources), (WIDGET, vec![body(1)]));

    let again = desk.apply(widget(WIDGET, "w", 1)).await.unwrap();
    assert_eq!(outcomes(&again.results), [WriteOutcome::Unchanged]);

    let mut delta = Delta::delta(server).await;
    delta.subscribe(WIDGET).await;
    let sent = delta.response().await;
    assert_eq!((&*sent.resources[0].name, &sent.resources[0].resource), ("w", &Some(body(1))));
    assert_eq!(sent.resources[0].version, answer.results[0].version);
    drop((sotw, delta));

    let desk = desk.again().await;
    let kind = Kind::of_type_url(WIDGET).unwrap();
    assert_eq!(desk.snapshot().count(kind), 1);
    let key = pb::ResourceKey {
        kind: WIDGET.to_owned(),
        namespace: "shop".to_owned(),
        name: "w".to_owned(),
        scope: String::new(),
    };
    let got = desk.client.clone().get(pb::GetRequest { key: Some(key.clone()), ..Default::default() }).await;
    let got = got.unwrap().into_inner().resource.unwrap();
    assert_eq!(Any::decode(got.any).unwrap(), body(1));
    let delete = pb::DeleteRequest { keys: vec![key], ..Default::default() };
    let gone = desk.client.clone().delete(delete).await.unwrap().into_inner();
    assert_eq!(outcomes(&gone.results), [WriteOutcome::Removed]);
    assert_eq!(desk.snapshot().count(kind), 0);
    desk.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_type_url_or_known_is_refused_with_what_would_be_right() {
    let desk = Desk::start(&[]).await;
    for (type_url, remedy) in
        [("Widget", "example.com/v1/Widget"), ("networking.istio.io/v1/VirtualService", "typed resource")]
    {
        let refused = desk.apply(widget(type_url, "w", 1)).await.unwrap_err();
        assert_eq!(refused.code(), Code::InvalidArgument);
        let details = refused.get_error_details();
        let violations = &details.bad_request().unwrap().field_violations;
        assert!(violations[0].field.starts_with("manifests[0].opaque"), "{violations:?}");
        assert!(violations[0].description.contains(remedy), "{violations:?}");
    }
    desk.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn dry_runs_take_no_place_of_kinds_that_may_be_written() {
    let desk = Desk::start(&[]).await;
    let tried = (0..=OPAQUE_KINDS_TRIED_MAX).map(|number| widget(&format!("tried.example/{number}"), "w", 1));
    let manifests = tried.flat_map(|request| request.manifests).collect();
    let atomicity = pb::Atomicity::BestEffort.into();
    let asked = pb::ApplyRequest { manifests, atomicity, dry_run: true, ..request([]) };
    let told = outcomes(&desk.apply(asked).await.unwrap().results);
    assert_eq!(told.first(), Some(&WriteOutcome::Created));
    assert_eq!(told.last(), Some(&WriteOutcome::Rejected), "one more than dry runs may name");
    // As many as there may be were named, and all of these can be written: one of those, and one that is new.
    for kind in ["tried.example/0", "untried.example/Widget"] {
        let made = desk.apply(widget(kind, "w", 1)).await.unwrap();
        assert_eq!(outcomes(&made.results), [WriteOutcome::Created], "{kind}");
    }
    desk.end().await;
}
