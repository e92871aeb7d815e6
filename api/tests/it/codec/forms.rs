//! Each form in which a value may be written.

use envoy_types::pb::envoy::config::{
    core::v3::data_source::Specifier,
    route::v3::{RouteConfiguration, route::Action},
};
use mainsheet_api::{
    codec::{Content, Received, decode_entry, write_yaml},
    generated::{
        google::protobuf::{ListValue, Struct, Value, value::Kind as Of},
        istio::networking::v1alpha3::{DestinationRule, EnvoyFilter, load_balancer_settings::LbPolicy},
    },
    kind::Kind,
    wire::{Any, Entry},
};
use prost::Message;

use super::{accepted, lines, rejected, single};

fn destination_rule(spec: &str) -> String {
    format!(
        "apiVersion: networking.istio.io/v1\nkind: DestinationRule\nmetadata: {{name: d}}\nspec: {{host: h, {spec}}}\n"
    )
}

fn decoded(spec: &str) -> DestinationRule {
    DestinationRule::decode(accepted(&destination_rule(spec)).0.body.value).unwrap()
}

fn envoy_filter(value: &str) -> String {
    format!(
        "apiVersion: networking.istio.io/v1alpha3\nkind: EnvoyFilter\nmetadata: {{name: e}}\n\
         spec: {{configPatches: [{{patch: {{value: {value}}}}}]}}\n"
    )
}

#[test]
fn enums_go_by_name_or_number() {
    for mode in ["MUTUAL", "2", "\"MUTUAL\""] {
        let rule = decoded(&format!("trafficPolicy: {{tls: {{mode: {mode}}}}}"));
        assert_eq!(rule.traffic_policy.unwrap().tls.unwrap().mode, 2, "{mode}");
    }
}

#[test]
fn a_wrapper_that_is_zero_differs_from_none() {
    let errors = |spec: String| {
        decoded(&spec).traffic_policy.unwrap().outlier_detection.unwrap().consecutive_5xx_errors
    };
    let spec = "trafficPolicy: {outlierDetection: {consecutive5xxErrors: N}}";
    assert_eq!(errors(spec.replace('N', "0")).map(|errors| errors.value), Some(0));
    assert_eq!(errors(spec.replace('N', "7")).map(|errors| errors.value), Some(7));
    assert_eq!(errors(spec.replace('N', "null")), None);
}

#[test]
fn integers_of_64_bits_may_be_texts() {
    for size in ["1024", "\"1024\"", "1.024e3"] {
        let spec = format!(
            "trafficPolicy: {{loadBalancer: {{consistentHash: {{ringHash: {{minimumRingSize: {size}}}, useSourceIp: true}}}}}}"
        );
        let balancer = decoded(&spec).traffic_policy.unwrap().load_balancer.unwrap();
        let Some(LbPolicy::ConsistentHash(hash)) = balancer.lb_policy else { panic!() };
        assert!(format!("{hash:?}").contains("minimum_ring_size: 1024"), "{hash:?}");
    }
}

#[test]
fn a_struct_holds_whatever_json_can_say() {
    let (resource, map) =
        accepted(&envoy_filter("{n: null, b: false, i: 5, f: 0.5, t: '5', l: [1, {a: b}], m: {}}"));
    let filter = EnvoyFilter::decode(resource.body.value).unwrap();
    let value = filter.config_patches[0].patch.as_ref().unwrap().value.clone().unwrap();
    let of = |kind| Value { kind: Some(kind) };
    let inner = Struct { fields: [("a".to_owned(), of(Of::StringValue("b".into())))].into() };
    let list = ListValue { values: vec![of(Of::NumberValue(1.0)), of(Of::StructValue(inner))] };
    let expected = [
        ("n", Of::NullValue(0)),
        ("b", Of::BoolValue(false)),
        ("i", Of::NumberValue(5.0)),
        ("f", Of::NumberValue(0.5)),
        ("t", Of::StringValue("5".into())),
        ("l", Of::ListValue(list)),
        ("m", Of::StructValue(Struct::default())),
    ];
    assert_eq!(value.fields, expected.map(|(key, kind)| (key.to_owned(), of(kind))).into());
    assert_eq!(map.locate("spec.configPatches[0].patch.value.l[1].a").line, 4);
    let (_, findings) = rejected(&envoy_filter("{a: 1e999}"));
    assert_eq!(
        lines(&findings),
        ["4:41 out-of-range spec.configPatches[0].patch.value.a: 1e999 is too large for a double; "]
    );
}

#[test]
fn a_text_that_others_read_as_something_else_needs_quotes_where_both_may_stand() {
    let (_, findings) = rejected(&envoy_filter("{a: yes, b: 'yes', c: 0x1f}"));
    let remedy = "quote it, or write true, false or a decimal number";
    let line = |at, name, text| {
        format!(
            "4:{at} ambiguous-text spec.configPatches[0].patch.value.{name}: `{text}` is a text here, \
             and a boolean or a number for readers of YAML 1.1; {remedy}"
        )
    };
    assert_eq!(lines(&findings), [line(41, "a", "yes"), line(59, "c", "0x1f")]);
    // Where only a text may stand, nothing else can be meant.
    let rule = decoded("subsets: [{name: on, labels: {v: 012}}]");
    assert_eq!((rule.subsets[0].name.as_str(), rule.subsets[0].labels["v"].as_str()), ("on", "012"));
}

#[test]
fn bytes_are_base64() {
    let document = |bytes: &str| {
        format!(
            "{{\"@type\": type.googleapis.com/envoy.config.route.v3.RouteConfiguration, name: r, virtual_hosts: [{{name: v, \
             domains: ['*'], routes: [{{match: {{prefix: /}}, direct_response: {{status: 200, body: {{inline_bytes: \
             {bytes}}}}}}}]}}]}}"
        )
    };
    let (resource, _) = accepted(&document("aGk="));
    let routes = RouteConfiguration::decode(resource.body.value).unwrap();
    let Some(Action::DirectResponse(response)) = routes.virtual_hosts[0].routes[0].action.clone() else {
        panic!()
    };
    assert_eq!(response.body.unwrap().specifier, Some(Specifier::InlineBytes(b"hi".to_vec())));
    let (_, findings) = rejected(&document("'a b'"));
    assert_eq!((findings[0].code.as_str(), findings.len()), ("bad-base64", 1));
}

#[test]
fn null_is_as_good_as_not_written() {
    let text = destination_rule("trafficPolicy: null, subsets: ~, exportTo: ");
    assert_eq!(DestinationRule::decode(accepted(&text).0.body.value).unwrap().traffic_policy, None);
    let text = "apiVersion: networking.istio.io/v1\nkind: Sidecar\nmetadata: {name: s, labels: null, namespace: null}\nspec:\n";
    assert_eq!(accepted(text).0.key.to_string(), "Sidecar default/s");
}

/// Maps, and lists, so deep.
fn nested(levels: usize, open: &str, close: &str) -> String {
    envoy_filter(&format!("{{a: {}1{}}}", open.repeat(levels), close.repeat(levels)))
}

#[test]
fn what_a_decoder_could_not_read_is_refused_for_its_depth() {
    for (open, close, levels_max) in [("{a: ", "}", 31), ("[", "]", 47)] {
        let (resource, _) = accepted(&nested(levels_max, open, close));
        EnvoyFilter::decode(resource.body.value.clone()).unwrap();
        let entry = Entry::encode(&resource, mainsheet_api::time::Timestamp(0));
        let received = decode_entry(resource.key.kind, &Any::decode(entry.any).unwrap()).unwrap();
        write_yaml(&received).unwrap();
        for levels in [levels_max + 1, 110] {
            let (_, findings) = rejected(&nested(levels, open, close));
            assert_eq!((findings.len(), findings[0].code.as_str()), (1, "too-deep"), "{levels}");
        }
    }
}

#[test]
fn bodies_that_a_peer_nests_without_end_are_an_error_and_no_overflow() {
    // A Struct in a Value in a Struct ...
    let mut value = vec![0x08, 0x00];
    for _ in 0..5000 {
        let field = |tag: u8, bytes: &[u8]| {
            let mut field = vec![tag];
            prost::encode_length_delimiter(bytes.len(), &mut field).unwrap();
            field.extend_from_slice(bytes);
            field
        };
        value = field(0x2a, &field(0x0a, &field(0x12, &value)));
    }
    let wrap = |tag: u8, bytes: Vec<u8>| {
        let mut field = vec![tag];
        prost::encode_length_delimiter(bytes.len(), &mut field).unwrap();
        field.extend(bytes);
        field
    };
    // patch.value within config_patches: the fields' numbers are those of the .proto file.
    let struct_bytes = wrap(0x0a, wrap(0x12, value));
    let body = Any {
        type_url: "type.googleapis.com/istio.networking.v1alpha3.EnvoyFilter".into(),
        value: wrap(0x22, wrap(0x1a, wrap(0x12, struct_bytes))).into(),
    };
    let (resource, _) = accepted(&envoy_filter("{}"));
    let received =
        Received { resource: mainsheet_api::resource::Resource { body, ..resource }, created: None };
    let error = write_yaml(&received).unwrap_err();
    assert_eq!(error.to_string(), "decoding `type.googleapis.com/istio.networking.v1alpha3.EnvoyFilter`");
}

#[test]
fn anys_that_a_peer_nests_without_end_are_shown_as_bytes() {
    // A listener in an Any in the typed_config of a filter of a listener ...
    let url = "type.googleapis.com/envoy.config.listener.v3.Filter";
    let mut filter = envoy_types::pb::envoy::config::listener::v3::Filter::default();
    for _ in 0..1000 {
        use envoy_types::pb::{envoy::config::listener::v3::filter::ConfigType, google::protobuf::Any};
        let any = Any { type_url: url.into(), value: filter.encode_to_vec() };
        filter.config_type = Some(ConfigType::TypedConfig(any));
    }
    let listener = envoy_types::pb::envoy::config::listener::v3::Listener {
        name: "l".into(),
        listener_filters: Vec::new(),
        filter_chains: vec![envoy_types::pb::envoy::config::listener::v3::FilterChain {
            filters: vec![filter],
            ..Default::default()
        }],
        ..Default::default()
    };
    let any = Any { type_url: Kind::LISTENER.type_url(), value: listener.encode_to_vec().into() };
    let yaml = write_yaml(&decode_entry(Kind::LISTENER, &any).unwrap()).unwrap();
    assert!(yaml.contains("value: "), "the innermost stays base64");
}

#[test]
fn of_two_lists_in_one_document_none_is_lost_silently() {
    let item = "[{apiVersion: networking.istio.io/v1, kind: Sidecar, metadata: {name: s}}]";
    let (key, findings) = rejected(&format!("apiVersion: v1\nkind: List\nitems: {item}\nitems: {item}\n"));
    assert_eq!(key, None);
    assert_eq!(
        lines(&findings),
        ["4:1 duplicate-key items: `items` stands twice, first at 3:1; keep one of them"]
    );
    assert!(matches!(single("apiVersion: v1\nkind: PodList\nitems: 5\n"), Content::Ignored { .. }));
}
