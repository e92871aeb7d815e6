use mainsheet_api::generated::google::protobuf;

use super::*;
use crate::cli::jsonpath::Template;

fn resource(kind: &str, namespace: &str, name: &str) -> pb::Resource {
    let key = pb::ResourceKey {
        kind: kind.into(),
        namespace: namespace.into(),
        name: name.into(),
        scope: String::new(),
    };
    pb::Resource {
        key: Some(key),
        version: format!("v-{name}"),
        revision: 7,
        created: Some(protobuf::Timestamp { seconds: 40, nanos: 0 }),
        source: "files:mesh".into(),
        origin: "shop/a.yaml".into(),
        line: 3,
        text: format!("{{\n    \"name\": \"{name}\"\n}}\n"),
        ..pb::Resource::default()
    }
}

fn layout(format: Format) -> Layout {
    Layout {
        format,
        with_namespaces: false,
        with_labels: false,
        is_single: false,
        is_mixed: false,
        is_watch: false,
        now: Timestamp(100_000),
    }
}

fn printed(layout: Layout, pages: &[&[pb::Resource]], update: Option<Update>) -> String {
    let mut out = Vec::new();
    let mut printer = Printer::new(layout, &mut out);
    for page in pages {
        printer.print(page, update).unwrap();
    }
    printer.end().unwrap();
    String::from_utf8(out).unwrap()
}

fn vs(name: &str) -> pb::Resource {
    resource("VirtualService", "shop", name)
}

#[test]
fn table_goes_on_from_page_to_page() {
    let layout = Layout { with_namespaces: true, ..layout(Format::Table) };
    assert_eq!(
        printed(layout, &[&[vs("a"), vs("bbbbbb")], &[vs("c")]], None),
        "NAMESPACE   NAME     VERSION    AGE\n\
         shop        a        v-a        60s\n\
         shop        bbbbbb   v-bbbbbb   60s\n\
         shop        c        v-c        60s\n"
    );
}

#[test]
fn each_kind_has_a_table_of_its_own() {
    let layout = Layout { is_mixed: true, ..layout(Format::Table) };
    let gateway = resource("Gateway", "shop", "door");
    assert_eq!(
        printed(layout, &[&[gateway, vs("a")], &[vs("b")]], None),
        "NAME                               VERSION   AGE\n\
         gateway.networking.istio.io/door   v-door    60s\n\
         \n\
         NAME                                   VERSION   AGE\n\
         virtualservice.networking.istio.io/a   v-a       60s\n\
         virtualservice.networking.istio.io/b   v-b       60s\n"
    );
}

#[test]
fn wide_says_where_it_is_from_what_it_hides_and_how_long_it_lives() {
    let warning = |code: &str| pb::Finding { code: code.into(), ..pb::Finding::default() };
    let full = pb::Resource {
        hidden: vec![vs("a"), pb::Resource { source: "files:base".into(), ..vs("a") }],
        lease: Some(pb::Lease { ttl: None, deadline: Some(protobuf::Timestamp { seconds: 130, nanos: 0 }) }),
        warnings: vec![warning("host-short"), warning("ef-internal"), warning("host-short")],
        ..vs("a")
    };
    let bare = pb::Resource {
        revision: 0,
        source: String::new(),
        origin: String::new(),
        created: None,
        version: String::new(),
        ..vs("b")
    };
    let absent = pb::Resource { is_absence: true, source: "hold".into(), line: 0, ..vs("c") };
    assert_eq!(
        printed(layout(Format::Wide), &[&[full, bare, absent]], None),
        "NAME   VERSION     AGE         REVISION    SOURCE       ORIGIN          HIDES                   LEASE      WARNINGS\n\
         a      v-a         60s         7           files:mesh   shop/a.yaml:3   files:base,files:mesh   30s left   ef-internal,host-short\n\
         b      <unknown>   <unknown>   <unknown>   <unknown>    <none>          <none>                  <none>     <none>\n\
         c      <absent>    60s         7           hold         shop/a.yaml     <none>                  <none>     <none>\n"
    );
}

#[test]
fn names_are_as_kubectl_takes_them() {
    let secret = resource("type.googleapis.com/a.Secret", "shop", "s");
    assert_eq!(
        printed(layout(Format::Name), &[&[vs("a"), secret]], None),
        "virtualservice.networking.istio.io/a\ntype.googleapis.com/a.Secret/s\n"
    );
}

#[test]
fn list_is_one_document_however_many_pages_it_comes_in() {
    let text = printed(layout(Format::Json), &[&[vs("a")], &[vs("b")]], None);
    assert_eq!(
        text,
        "{\n    \"apiVersion\": \"v1\",\n    \"kind\": \"List\",\n    \"items\": [\n        {\n            \"name\": \"a\"\n        },\n        \
         {\n            \"name\": \"b\"\n        }\n    ]\n}\n"
    );
    serde_json::from_str::<serde_json::Value>(&text).unwrap();
    let empty = printed(layout(Format::Json), &[], None);
    assert_eq!(serde_json::from_str::<serde_json::Value>(&empty).unwrap()["items"], serde_json::json!([]));
}

#[test]
fn single_object_is_printed_itself() {
    let single = |format| Layout { is_single: true, ..layout(format) };
    assert_eq!(printed(single(Format::Json), &[&[vs("a")]], None), "{\n    \"name\": \"a\"\n}\n");
    let template = Format::JsonPath(Template::parse("{.name}").unwrap());
    assert_eq!(printed(single(template), &[&[vs("a")]], None), "a");
}

#[test]
fn template_sees_the_whole_list() {
    let template = Format::JsonPath(Template::parse("{.kind}: {.items[*].name}").unwrap());
    assert_eq!(printed(layout(template), &[&[vs("a")], &[vs("b")]], None), "List: a b");
}

#[test]
fn documents_are_separated() {
    let text = |text: &str| pb::Resource { text: text.into(), ..vs("a") };
    let pages: &[&[pb::Resource]] = &[&[text("a: 1\n")], &[text("b: 2\n")]];
    assert_eq!(printed(layout(Format::Yaml), pages, None), "a: 1\n---\nb: 2\n");
}

#[test]
fn changes_say_what_became_of_it() {
    let watch = |format| Layout { is_watch: true, ..layout(format) };
    let update = Some(Update { word: "changed", revision: 9 });
    assert_eq!(
        printed(watch(Format::Table), &[&[vs("a")], &[vs("b")]], update),
        "EVENT     NAME   VERSION   AGE\nchanged   a      v-a       60s\nchanged   b      v-b       60s\n"
    );
    let mixed = Layout { is_mixed: true, ..watch(Format::Table) };
    let text = printed(mixed, &[&[vs("a"), resource("Gateway", "shop", "door")]], update);
    assert_eq!(text.matches("EVENT").count(), 1, "{text}");
    assert_eq!(
        printed(watch(Format::Json), &[&[vs("a")]], update),
        "{\"event\":\"changed\",\"object\":{\"name\":\"a\"},\"revision\":9}\n"
    );
    let yaml = pb::Resource { text: "a: 1\n".into(), ..vs("a") };
    assert_eq!(printed(watch(Format::Yaml), &[&[yaml]], update), "# changed, revision 9\na: 1\n");
}

#[test]
fn what_has_no_document_is_an_error_that_says_why() {
    let mut out = Vec::new();
    let mut printer = Printer::new(layout(Format::Yaml), &mut out);
    let absent = pb::Resource { is_absence: true, text: String::new(), ..vs("a") };
    let error = printer.print(&[absent], None).unwrap_err().to_string();
    assert_eq!(
        error,
        "virtualservice.networking.istio.io/a: it says that nothing is served under its name; a table shows it"
    );
}
