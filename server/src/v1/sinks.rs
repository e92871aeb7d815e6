//! Who is connected, and how they stand.

use mainsheet_api::{
    generated::mainsheet::v1 as pb, kind::Kind, limits::PAGE_BYTES_MAX, version::Revision, view::View,
    xds::Variant,
};
use prost::Message as _;
use tonic::Status;

use super::{Reads, convert, list::page_len, page::PageToken};
use crate::{
    auth::{Sight, sight},
    sinks::{Sink, Sinks, StreamId, SyncState, TypeState, pins::Pinned},
};

pub(super) async fn sinks(
    reads: &Reads,
    (sight, request): (Sight, pb::SinksRequest),
) -> Result<pb::SinksResponse, Status> {
    sight.pass(sight::SINKS)?;
    let view = sight.view(sight::SINKS);
    let pb::SinksRequest { page_size, page_token, node } = request;
    let identity = format!("sinks {node}");
    let token = PageToken::read(&page_token, &identity)?;
    let after = token.and_then(|token| token.place().first()?.parse().ok()).map_or(StreamId(0), StreamId);
    let mut page = pb::SinksResponse::default();
    let (mut bytes, mut last) = (0, after);
    for sink in reads.links.sinks.all().iter().filter(|sink| sink.id > after) {
        let Some(shown) = shown(&reads.links.sinks, (sink, &view), &node) else { continue };
        bytes += shown.encoded_len();
        if page.sinks.len() == page_len(page_size) || (bytes > PAGE_BYTES_MAX && !page.sinks.is_empty()) {
            page.next_page_token = PageToken::new(&identity, Revision::ZERO, [last.0.to_string()]).text();
            break;
        }
        last = sink.id;
        page.sinks.push(shown);
    }
    Ok(page)
}

/// A stream whose client has said who it is, if that is who is asked for.
fn shown(sinks: &Sinks, (sink, view): (&Sink, &View), asked: &str) -> Option<pb::Sink> {
    let node = sink.node().filter(|node| node.id.contains(asked))?;
    // Before the types: what is said of them is of this state, or a newer one.
    let told = sink.told();
    let pins = sinks.pins_on(sink);
    Some(pb::Sink {
        node_id: node.id.clone(),
        cluster: node.cluster.clone(),
        peer: sink.peer.caller.peer.to_string(),
        variant: match sink.peer.variant {
            Variant::Sotw => "sotw",
            Variant::Delta => "delta",
        }
        .to_owned(),
        connected: Some(convert::timestamp(sink.connected)),
        user_agent: node.user_agent.clone(),
        types: sink
            .types()
            .iter()
            .map(|(type_url, state)| cut(of_type(type_url, state, (told, &pins)), view))
            .collect(),
    })
}

/// `told` is the state of which nothing is left to be said to it.
fn of_type(type_url: &str, state: &TypeState, (told, pins): (Revision, &[Pinned])) -> pb::SinkType {
    let TypeState { sent, acked, nacked, .. } = state;
    let sync = state.sync_state();
    let sent = sent.as_ref().map(|sent| &sent.what);
    // Where the last response was taken, what came later says nothing new of this type, up to what was told.
    let taken = match sync {
        SyncState::NotSent | SyncState::Synced => told,
        SyncState::Stale | SyncState::Error => Revision::ZERO,
    };
    let nacked = nacked.as_ref().filter(|_| sync == SyncState::Error);
    let kind = Kind::of_type_url(type_url);
    let pins: Vec<pb::SinkPin> =
        pins.iter().filter(|pinned| Some(pinned.pin.kind) == kind).map(of_pin).collect();
    pb::SinkType {
        type_url: type_url.to_owned(),
        state: match sync {
            SyncState::Synced if !pins.is_empty() => pb::SinkState::Pinned,
            SyncState::Synced => pb::SinkState::Synced,
            SyncState::NotSent | SyncState::Stale => pb::SinkState::Behind,
            SyncState::Error => pb::SinkState::Refused,
        }
        .into(),
        sent_version: sent.map(|sent| sent.version.clone()).unwrap_or_default(),
        acked_version: acked.as_ref().map(|acked| acked.version.clone()).unwrap_or_default(),
        sent_revision: sent.map_or(told, |sent| sent.revision.max(told)).0,
        acked_revision: acked.as_ref().map_or(taken, |acked| acked.revision.max(taken)).0,
        nack_message: nacked.map(|nacked| nacked.message.clone()).unwrap_or_default(),
        pins,
    }
}

/// Without what would tell of resources that are not all shown to whoever asks: a version changes with any of them, and what
/// a client says names them.
fn cut(shown: pb::SinkType, view: &View) -> pb::SinkType {
    if Kind::of_type_url(&shown.type_url).is_none_or(|kind| view.of_kind(kind).is_everything()) {
        return shown;
    }
    pb::SinkType {
        sent_version: String::new(),
        acked_version: String::new(),
        nack_message: String::new(),
        pins: Vec::new(),
        ..shown
    }
}

fn of_pin(pinned: &Pinned) -> pb::SinkPin {
    let Pinned { pin, message, at } = pinned;
    pb::SinkPin {
        name: pin.name.to_string(),
        refused_version: pin.refused.to_string(),
        refused_revision: pin.revision.0,
        good_version: pin.good.as_ref().map(|good| good.version.to_string()).unwrap_or_default(),
        message: message.to_string(),
        at: Some(convert::timestamp(*at)),
    }
}

/// Whether a client refuses anything that it was sent, or that is served and was not sent again for that.
pub(super) fn is_refusing(sinks: &Sinks, sink: &Sink) -> bool {
    !sinks.pins_on(sink).is_empty()
        || sink.types().values().any(|state| state.sync_state() == SyncState::Error)
}
