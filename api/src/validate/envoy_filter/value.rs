//! What a patch says, read as Envoy's own message: istiod drops the whole resource where one does not decode.

use prost_reflect::{
    DeserializeOptions, DynamicMessage, Kind as FieldKind, MessageDescriptor, ReflectMessage as _,
    Value as Field,
};
use serde_json::{Number, Value, json};

use crate::{
    codec,
    generated::{
        google::protobuf::{Struct, Value as Any, value::Kind},
        istio::networking::v1alpha3::envoy_filter::ApplyTo,
    },
    validate::{code, report::Report},
};

/// The message that a patch is part of, or is.
fn message(applies_to: ApplyTo) -> Option<MessageDescriptor> {
    codec::envoy_message(match applies_to {
        ApplyTo::Cluster => "envoy.config.cluster.v3.Cluster",
        ApplyTo::Listener => "envoy.config.listener.v3.Listener",
        ApplyTo::RouteConfiguration => "envoy.config.route.v3.RouteConfiguration",
        ApplyTo::FilterChain => "envoy.config.listener.v3.FilterChain",
        ApplyTo::HttpFilter => "envoy.extensions.filters.network.http_connection_manager.v3.HttpFilter",
        ApplyTo::NetworkFilter => "envoy.config.listener.v3.Filter",
        ApplyTo::VirtualHost => "envoy.config.route.v3.VirtualHost",
        ApplyTo::HttpRoute => "envoy.config.route.v3.Route",
        ApplyTo::ExtensionConfig => "envoy.config.core.v3.TypedExtensionConfig",
        ApplyTo::Bootstrap => "envoy.config.bootstrap.v3.Bootstrap",
        ApplyTo::ListenerFilter => "envoy.config.listener.v3.ListenerFilter",
        ApplyTo::Invalid => return None,
    })
}

/// Flags a value that does not decode; and remarks fields that Envoy does not know, old types and names without a
/// configuration.
pub(super) fn check(report: &mut Report<'_>, value: &Struct, applies_to: ApplyTo) {
    let Some(descriptor) = message(applies_to) else { return report.flag(&code::EF_VALUE) };
    let json = match object(value) {
        Ok(json) => json,
        Err(wrong) => return report.flag_with(&code::EF_VALUE, wrong),
    };
    if let Some(name) = unknown_enum_name(&descriptor, &json) {
        return report.flag_with(&code::EF_VALUE, format_args!("an enum has no value `{name}`"));
    }
    let decoded = match decode(&descriptor, &json, false) {
        Ok(decoded) => decoded,
        Err(error) => return report.flag_with(&code::EF_VALUE, error),
    };
    if let Err(error) = decode(&descriptor, &json, true) {
        report.flag_with(&code::EF_VALUE_UNKNOWN, error);
    }
    without_config(report, &decoded);
}

fn decode(
    descriptor: &MessageDescriptor,
    json: &Value,
    strict: bool,
) -> Result<DynamicMessage, serde_json::Error> {
    let options = DeserializeOptions::new().deny_unknown_fields(strict);
    DynamicMessage::deserialize_with_options(descriptor.clone(), json, &options)
}

/// The first name that is none of its enum, which the decoder passes over as it does unknown fields, and istiod does not.
fn unknown_enum_name<'j>(descriptor: &MessageDescriptor, json: &'j Value) -> Option<&'j str> {
    let fields = json.as_object()?;
    let of_any = fields.get("@type").and_then(Value::as_str).and_then(|url| url.rsplit('/').next());
    let inner = of_any.and_then(codec::envoy_message);
    let descriptor = inner.as_ref().unwrap_or(descriptor);
    if descriptor.full_name().starts_with("google.protobuf.") {
        return None; // their JSON is not that of messages
    }
    fields.iter().find_map(|(name, value)| {
        let field = descriptor.get_field_by_json_name(name).or_else(|| descriptor.get_field_by_name(name))?;
        let kind = match field.kind() {
            FieldKind::Message(entry) if field.is_map() => entry.map_entry_value_field().kind(),
            kind => kind,
        };
        let values: Vec<&Value> = match value {
            Value::Object(entries) if field.is_map() => entries.values().collect(),
            Value::Array(items) if field.is_list() => items.iter().collect(),
            value => vec![value],
        };
        values.into_iter().find_map(|value| match (&kind, value) {
            (FieldKind::Enum(known), Value::String(name)) => {
                known.get_value_by_name(name).is_none().then_some(name.as_str())
            }
            (FieldKind::Message(message), value) => unknown_enum_name(message, value),
            _ => None,
        })
    })
}

/// Free-form JSON as such, but for types that istiod knows and Envoy's package of types does not, which are cut down to
/// what is known of all types. The error is a type that istiod does not know, or a number that JSON has no text for.
fn object(value: &Struct) -> Result<Value, String> {
    let fields = value.fields.iter().map(|(name, value)| Ok((name.clone(), any(value)?)));
    let fields: Value = fields.collect::<Result<_, String>>().map(Value::Object)?;
    let Some(url) = fields.get("@type").and_then(Value::as_str) else { return Ok(fields) };
    let name = url.rsplit('/').next().unwrap_or_default();
    if UNKNOWN_TO_ISTIOD.lines().any(|unknown| unknown == name) {
        return Err(format!("istiod does not know the type `{name}`"));
    }
    let given = |name: &str| fields.get(name).filter(|value| !value.is_null());
    let is_map = given("value").is_none_or(Value::is_object);
    let is_text = given("type_url").is_none_or(Value::is_string);
    if name.ends_with(".TypedStruct") && !(is_map && is_text) {
        return Err(format!("the type_url of a `{name}` is no text, or its value no map"));
    }
    if KNOWN_ELSEWHERE.lines().any(|known| known == name) {
        return Ok(json!({ "@type": "type.googleapis.com/google.protobuf.Empty", "value": {} }));
    }
    Ok(fields)
}

fn any(value: &Any) -> Result<Value, String> {
    Ok(match &value.kind {
        Some(Kind::StringValue(text)) => Value::from(text.as_str()),
        Some(Kind::BoolValue(value)) => Value::from(*value),
        Some(Kind::NumberValue(value)) => number(*value)?,
        Some(Kind::StructValue(value)) => object(value)?,
        Some(Kind::ListValue(list)) => list.values.iter().map(any).collect::<Result<_, _>>()?,
        Some(Kind::NullValue(_)) => Value::Null,
        None => return Err("a value that is none".to_owned()),
    })
}

/// Whole numbers as such: what is an integer to Envoy may not have a fraction.
fn number(value: f64) -> Result<Value, String> {
    #[allow(clippy::cast_possible_truncation, clippy::cast_precision_loss)] // compared with what it came from
    let whole = value as i64;
    #[allow(clippy::cast_precision_loss, clippy::float_cmp)] // see above
    if whole as f64 == value && whole != i64::MAX {
        return Ok(Value::from(whole));
    }
    Number::from_f64(value).map(Value::Number).ok_or_else(|| value.to_string())
}

/// Types of Istio's own filters, and of Envoy's contributed ones. What they hold is not looked at.
const KNOWN_ELSEWHERE: &str = include_str!("known_elsewhere.txt");

/// Types that came to Envoy after the istiod whose rules these are.
const UNKNOWN_TO_ISTIOD: &str = include_str!("unknown_to_istiod.txt");

/// Names that say what they mean by their name alone, which Envoy will stop to take. Lists are not looked into.
fn without_config(report: &mut Report<'_>, message: &DynamicMessage) {
    let has = |name: &str| {
        let field = message.descriptor().get_field_by_name(name)?;
        Some(message.has_field(&field))
    };
    if has("typed_config") == Some(false) && has("config_discovery") != Some(true) {
        report.flag(&code::EF_NO_TYPED_CONFIG);
    }
    for (field, value) in message.fields() {
        if let Field::Message(inner) = value {
            report.field(field.name(), |report| without_config(report, inner));
        }
    }
}
