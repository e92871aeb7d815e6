//! What resources are called in what is printed.

use std::time::{Duration, UNIX_EPOCH};

use mainsheet_api::generated::{google::protobuf::Timestamp, mainsheet::v1 as pb};

use super::kinds::NamedKind;

/// `VirtualService shop/reviews`, as in everything that mainsheet says.
pub(super) fn of(key: Option<&pb::ResourceKey>) -> String {
    let Some(pb::ResourceKey { kind, namespace, name, scope }) = key else { return "a document".to_owned() };
    let scope = if scope.is_empty() { String::new() } else { format!("{scope}:") };
    match &**namespace {
        "" => format!("{kind} {scope}{name}"),
        namespace => format!("{kind} {scope}{namespace}/{name}"),
    }
}

/// `virtualservice.networking.istio.io`, as kubectl has it; a type URL as it is.
pub(super) fn kind_of(key: &pb::ResourceKey) -> String {
    NamedKind::of_answer(&key.kind).qualified()
}

/// `virtualservice.networking.istio.io/reviews`, as kubectl has it.
pub(super) fn qualified(key: &pb::ResourceKey) -> String {
    format!("{}/{}", kind_of(key), key.name)
}

/// `VirtualService/shop/reviews`, `ClusterRole/view`, as a command takes it.
pub(super) fn argument(key: &pb::ResourceKey) -> String {
    match &*key.namespace {
        "" => format!("{}/{}", key.kind, key.name),
        namespace => format!("{}/{namespace}/{}", key.kind, key.name),
    }
}

/// `2026-11-21T15:00:00Z`
pub(super) fn moment(at: &Timestamp) -> String {
    let seconds = Duration::from_secs(u64::try_from(at.seconds).unwrap_or(0));
    humantime::format_rfc3339_seconds(UNIX_EPOCH + seconds).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn resources_are_called_what_people_call_them() {
        let key = |namespace: &str, scope: &str| pb::ResourceKey {
            kind: "VirtualService".into(),
            namespace: namespace.into(),
            name: "reviews".into(),
            scope: scope.into(),
        };
        assert_eq!(of(Some(&key("shop", ""))), "VirtualService shop/reviews");
        assert_eq!(of(Some(&key("shop", "east"))), "VirtualService east:shop/reviews");
        assert_eq!(of(Some(&key("", ""))), "VirtualService reviews");
        assert_eq!(of(None), "a document");
        assert_eq!(qualified(&key("shop", "")), "virtualservice.networking.istio.io/reviews");
        let opaque = pb::ResourceKey { kind: "type.googleapis.com/a.B".into(), ..key("", "") };
        assert_eq!(qualified(&opaque), "type.googleapis.com/a.B/reviews");
        assert_eq!(argument(&key("shop", "")), "VirtualService/shop/reviews");
        let role = pb::ResourceKey { kind: "ClusterRole".into(), ..key("", "") };
        assert_eq!((&*argument(&role), &*of(Some(&role))), ("ClusterRole/reviews", "ClusterRole reviews"));
    }

    #[test]
    fn moments_are_of_whole_seconds() {
        assert_eq!(moment(&Timestamp { seconds: 1_795_273_200, nanos: 7 }), "2026-11-21T15:00:00Z");
        assert_eq!(moment(&Timestamp { seconds: -1, nanos: 0 }), "1970-01-01T00:00:00Z");
    }
}
