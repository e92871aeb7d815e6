//! How sinks are shown.

use mainsheet_api::{
    generated::{google::protobuf, mainsheet::v1 as pb},
    kind::Kind,
    time::Timestamp,
};
use serde_json::{Value, json};

use crate::cli::output::{self, age, timestamp};

/// Columns of a line for each sink.
pub(super) const HEADER: [&str; 6] = ["NODE", "PEER", "PROTOCOL", "AGE", "TYPES", "STATE"];

/// Columns of a line for each type of each sink.
pub(super) const WIDE_HEADER: [&str; 9] =
    ["NODE", "PEER", "PROTOCOL", "AGE", "TYPE", "STATE", "SENT", "ACKED", "MESSAGE"];

/// A line for each sink.
pub(super) fn table(sinks: &[pb::Sink], now: Timestamp) -> String {
    output::table(&HEADER, sinks.iter().map(|sink| row(sink, now)))
}

/// A line for each type of each sink.
pub(super) fn wide(sinks: &[pb::Sink], now: Timestamp) -> String {
    output::table(&WIDE_HEADER, sinks.iter().flat_map(|sink| wide_rows(sink, now)))
}

pub(super) fn row(sink: &pb::Sink, now: Timestamp) -> Vec<String> {
    let [node, peer, protocol, age] = head(sink, now);
    vec![node, peer, protocol, age, sink.types.len().to_string(), summary(sink)]
}

pub(super) fn wide_rows(sink: &pb::Sink, now: Timestamp) -> Vec<Vec<String>> {
    let revision = |revision: u64| if revision == 0 { "<none>".to_owned() } else { revision.to_string() };
    let of_type = |of_type: &pb::SinkType| {
        let mut row = head(sink, now).to_vec();
        row.extend([
            type_name(&of_type.type_url).to_owned(),
            word(of_type.state()).to_owned(),
            revision(of_type.sent_revision),
            revision(of_type.acked_revision),
            message(of_type),
        ]);
        row
    };
    sink.types.iter().map(of_type).collect()
}

/// What the sink says against the last response, or against what it is kept from since.
fn message(of_type: &pb::SinkType) -> String {
    let pins = of_type.pins.iter().map(|pin| format!("{}: {}", pin.name, pin.message));
    match &*of_type.nack_message {
        "" => pins.collect::<Vec<_>>().join("; "),
        message => message.to_owned(),
    }
}

fn head(sink: &pb::Sink, now: Timestamp) -> [String; 4] {
    let connected = sink.connected.map_or(String::new(), |connected| age(timestamp(connected), now));
    [sink.node_id.clone(), sink.peer.clone(), sink.variant.clone(), connected]
}

/// How a sink stands: as the worst of its types.
fn state(sink: &pb::Sink) -> pb::SinkState {
    let worst = [pb::SinkState::Refused, pb::SinkState::Pinned, pb::SinkState::Behind].into_iter();
    let mut met = worst.filter(|state| sink.types.iter().any(|of_type| of_type.state() == *state));
    met.next().unwrap_or(pb::SinkState::Synced)
}

/// How a sink stands, and with which types.
fn summary(sink: &pb::Sink) -> String {
    let state = state(sink);
    if state == pb::SinkState::Synced {
        return word(state).to_owned();
    }
    let types = sink.types.iter().filter(|of_type| of_type.state() == state);
    let names: Vec<&str> = types.map(|of_type| type_name(&of_type.type_url)).collect();
    format!("{}: {}", word(state), names.join(", "))
}

/// What sinks say of what they refuse.
pub(super) fn refusals(sinks: &[pb::Sink]) -> String {
    let mut text = String::new();
    for sink in sinks {
        for of_type in sink.types.iter().filter(|of_type| of_type.state() == pb::SinkState::Refused) {
            let message = of_type.nack_message.replace('\n', "\n  ");
            let name = type_name(&of_type.type_url);
            text += &format!(
                "\n{} refuses {name} of revision {}:\n  {message}\n",
                sink.node_id, of_type.sent_revision
            );
        }
    }
    text
}

/// What sinks are kept from since they refused it.
pub(super) fn pins(sinks: &[pb::Sink]) -> String {
    let mut text = String::new();
    for sink in sinks {
        for (of_type, pin) in
            sink.types.iter().flat_map(|of_type| of_type.pins.iter().map(move |pin| (of_type, pin)))
        {
            let instead =
                if pin.good_version.is_empty() { "is sent none of it" } else { "keeps the one before" };
            let (name, kind) = (&pin.name, type_name(&of_type.type_url));
            let message = pin.message.trim_end().replace('\n', "\n  ");
            text += &format!(
                "\n{} {instead}: it refused {kind} {name} of revision {}:\n  {message}\n",
                sink.node_id, pin.refused_revision
            );
        }
    }
    text
}

/// A sink as an object.
pub(super) fn value(sink: &pb::Sink) -> Value {
    let types = sink.types.iter().map(|of_type| {
        json!({
            "typeUrl": of_type.type_url,
            "kind": Kind::of_type_url(&of_type.type_url).map(|kind| kind.info().name),
            "state": word(of_type.state()),
            "sentVersion": of_type.sent_version,
            "sentRevision": of_type.sent_revision,
            "ackedVersion": of_type.acked_version,
            "ackedRevision": of_type.acked_revision,
            "message": of_type.nack_message,
            "pins": of_type.pins.iter().map(pin_value).collect::<Vec<_>>(),
        })
    });
    let connected = sink.connected.map(rfc3339);
    json!({
        "node": sink.node_id,
        "cluster": sink.cluster,
        "peer": sink.peer,
        "protocol": sink.variant,
        "connected": connected,
        "userAgent": sink.user_agent,
        "state": word(state(sink)),
        "types": types.collect::<Vec<_>>(),
    })
}

fn pin_value(pin: &pb::SinkPin) -> Value {
    json!({
        "name": pin.name,
        "refusedVersion": pin.refused_version,
        "refusedRevision": pin.refused_revision,
        "goodVersion": pin.good_version,
        "message": pin.message,
        "at": pin.at.map(rfc3339),
    })
}

fn rfc3339(at: protobuf::Timestamp) -> String {
    humantime::format_rfc3339_millis(timestamp(at).to_system_time()).to_string()
}

fn word(state: pb::SinkState) -> &'static str {
    match state {
        pb::SinkState::Synced => "synced",
        pb::SinkState::Behind => "behind",
        pb::SinkState::Refused => "refused",
        pb::SinkState::Pinned => "pinned",
        pb::SinkState::Unspecified => "unknown",
    }
}

/// The kind, where it is known.
fn type_name(type_url: &str) -> &str {
    Kind::of_type_url(type_url).map_or(type_url, |kind| kind.info().name)
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    pub(in crate::cli::sinks) fn sink(node: &str, states: &[(Kind, pb::SinkState)]) -> pb::Sink {
        let of_type = |(kind, state): &(Kind, pb::SinkState)| pb::SinkType {
            type_url: kind.type_url(),
            state: (*state).into(),
            sent_revision: 7,
            acked_revision: if *state == pb::SinkState::Synced { 7 } else { 0 },
            nack_message: if *state == pb::SinkState::Refused { "no\nroute".into() } else { String::new() },
            ..pb::SinkType::default()
        };
        pb::Sink {
            node_id: node.into(),
            peer: "127.0.0.1:4000".into(),
            variant: "sotw".into(),
            connected: Some(protobuf::Timestamp { seconds: 40, nanos: 0 }),
            types: states.iter().map(of_type).collect(),
            ..pb::Sink::default()
        }
    }

    fn three() -> [pb::Sink; 3] {
        let (vs, dr) = (Kind::VIRTUAL_SERVICE, Kind::DESTINATION_RULE);
        [
            sink("a", &[(vs, pb::SinkState::Synced), (dr, pb::SinkState::Synced)]),
            sink("b", &[(vs, pb::SinkState::Behind), (dr, pb::SinkState::Refused)]),
            sink("c", &[(vs, pb::SinkState::Behind), (dr, pb::SinkState::Behind)]),
        ]
    }

    #[test]
    fn sink_is_a_line_that_tells_the_worst_of_it() {
        assert_eq!(
            table(&three(), Timestamp(100_000)),
            "NODE   PEER             PROTOCOL   AGE   TYPES   STATE\n\
             a      127.0.0.1:4000   sotw       60s   2       synced\n\
             b      127.0.0.1:4000   sotw       60s   2       refused: DestinationRule\n\
             c      127.0.0.1:4000   sotw       60s   2       behind: VirtualService, DestinationRule\n"
        );
        assert_eq!(refusals(&three()), "\nb refuses DestinationRule of revision 7:\n  no\n  route\n");
    }

    #[test]
    fn wide_is_a_line_for_each_type() {
        assert_eq!(
            wide(&three()[1..2], Timestamp(100_000)),
            "NODE   PEER             PROTOCOL   AGE   TYPE              STATE     SENT   ACKED    MESSAGE\n\
             b      127.0.0.1:4000   sotw       60s   VirtualService    behind    7      <none>\n\
             b      127.0.0.1:4000   sotw       60s   DestinationRule   refused   7      <none>   no route\n"
        );
    }

    fn pinned() -> pb::Sink {
        let mut sink = sink("p", &[(Kind::LISTENER, pb::SinkState::Pinned)]);
        let pin = |name: &str, good_version: &str| pb::SinkPin {
            name: name.into(),
            refused_version: "2".into(),
            refused_revision: 8,
            good_version: good_version.into(),
            message: "no filter\nchain\n".into(),
            at: Some(protobuf::Timestamp { seconds: 50, nanos: 0 }),
        };
        sink.types[0].pins = vec![pin("http", "1"), pin("https", "")];
        sink
    }

    #[test]
    fn what_stands_for_what_was_refused_is_told() {
        let sinks = [pinned()];
        assert!(table(&sinks, Timestamp(100_000)).ends_with("1       pinned: Listener\n"));
        assert_eq!(
            pins(&sinks),
            "\np keeps the one before: it refused Listener http of revision 8:\n  no filter\n  chain\n\
             \np is sent none of it: it refused Listener https of revision 8:\n  no filter\n  chain\n"
        );
        assert!(wide(&sinks, Timestamp(100_000)).contains("http: no filter"));
        let pin = &value(&sinks[0])["types"][0]["pins"][0];
        assert_eq!(
            (pin["name"].as_str(), pin["at"].as_str()),
            (Some("http"), Some("1970-01-01T00:00:50.000Z"))
        );
    }

    #[test]
    fn object_tells_the_state_of_the_sink_and_of_its_types() {
        let value = value(&three()[1]);
        assert_eq!((value["node"].as_str(), value["state"].as_str()), (Some("b"), Some("refused")));
        assert_eq!(value["connected"], "1970-01-01T00:00:40.000Z");
        assert_eq!(value["types"][0]["kind"], "VirtualService");
        assert_eq!(value["types"][1]["message"], "no\nroute");
    }
}
