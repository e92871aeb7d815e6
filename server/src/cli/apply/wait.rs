//! Whether the sinks have taken a revision.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use mainsheet_api::{
    generated::mainsheet::v1::{self as pb, SinkState},
    kind::Kind,
};

use crate::cli::{Exit, client::Service, output::note};

/// Between two looks. A sink answers within milliseconds, and a look costs the server little.
const LOOK_INTERVAL: Duration = Duration::from_millis(100);

/// How the sinks stand with a revision.
#[derive(Debug, Default, PartialEq, Eq)]
struct Standing {
    /// How many have taken it.
    taken: usize,
    /// Those that have yet to answer.
    awaited: BTreeSet<String>,
    /// Those that refused it, and why.
    refused: BTreeMap<String, String>,
}

/// Waits until every sink that subscribes any of these kinds has taken this revision, or refused it.
///
/// # Errors
/// Where the server can't be asked.
pub(in crate::cli) async fn until_taken<'k>(
    service: &Service,
    kinds: impl Iterator<Item = &'k str>,
    revision: u64,
    patience: Duration,
) -> anyhow::Result<Exit> {
    let kinds: BTreeSet<&str> = kinds.collect();
    let last = tokio::sync::Mutex::new(Standing::default());
    let looks = async {
        loop {
            let standing = standing(&sinks(service).await?, &kinds, revision);
            let is_over = standing.awaited.is_empty();
            *last.lock().await = standing;
            if is_over {
                return anyhow::Ok(());
            }
            tokio::time::sleep(LOOK_INTERVAL).await;
        }
    };
    // Where time is up, what was seen last is told.
    if let Ok(looked) = tokio::time::timeout(patience, looks).await {
        looked?;
    }
    let standing = last.into_inner();
    note(standing.text(revision).trim_end());
    Ok(standing.exit())
}

async fn sinks(service: &Service) -> anyhow::Result<Vec<pb::Sink>> {
    let mut sinks = Vec::new();
    let mut page_token = String::new();
    loop {
        let request = pb::SinksRequest { page_token, ..pb::SinksRequest::default() };
        let page = service.answer(service.client().sinks(request)).await?;
        sinks.extend(page.sinks);
        page_token = page.next_page_token;
        if page_token.is_empty() {
            return Ok(sinks);
        }
    }
}

/// How sinks stand with a revision of some kinds; those that ask for none of them don't count.
fn standing(sinks: &[pb::Sink], kinds: &BTreeSet<&str>, revision: u64) -> Standing {
    let mut all = Standing::default();
    for sink in sinks {
        let types: Vec<&pb::SinkType> = sink.types.iter().filter(|one| is_of(&one.type_url, kinds)).collect();
        let name = if sink.node_id.is_empty() { &sink.peer } else { &sink.node_id };
        if types.is_empty() {
            continue;
        }
        let refusal = types.iter().find_map(|one| refusal(one, revision));
        if let Some(refusal) = refusal {
            all.refused.insert(name.clone(), refusal.to_owned());
        } else if types.iter().all(|one| has_taken(one, revision)) {
            all.taken += 1;
        } else {
            all.awaited.insert(name.clone());
        }
    }
    all
}

fn is_of(type_url: &str, kinds: &BTreeSet<&str>) -> bool {
    let kind = Kind::of_type_url(type_url).map_or(type_url, |kind| kind.info().name);
    kinds.contains(kind)
}

/// A revision in which nothing concerns a sink counts as taken once it is known that nothing does.
fn has_taken(one: &pb::SinkType, revision: u64) -> bool {
    one.acked_revision >= revision
}

/// What a sink says against it, be it that it took an answer since in which something older stands for what it refused.
fn refusal(one: &pb::SinkType, revision: u64) -> Option<&str> {
    let is_refused = one.state() == SinkState::Refused && one.sent_revision >= revision;
    let pin = || one.pins.iter().find(|pin| pin.refused_revision >= revision);
    is_refused.then_some(&*one.nack_message).or_else(|| Some(&*pin()?.message))
}

impl Standing {
    fn exit(&self) -> Exit {
        match (self.refused.is_empty(), self.awaited.is_empty()) {
            (false, _) => Exit::Failed,
            (true, false) => Exit::NotReached,
            (true, true) => Exit::Done,
        }
    }

    fn text(&self, revision: u64) -> String {
        let sinks = |len: usize| if len == 1 { "1 sink".to_owned() } else { format!("{len} sinks") };
        let refused = self.refused.iter().map(|(sink, why)| format!("error: `{sink}` refused it: {why}\n"));
        let awaited = match &*self.awaited.iter().map(String::as_str).collect::<Vec<_>>() {
            [] => String::new(),
            awaited => {
                format!("error: {} did not answer in time: {}\n", sinks(awaited.len()), awaited.join(", "))
            }
        };
        let taken = match (self.taken, self.refused.len() + self.awaited.len()) {
            (0, 0) => "no sink that is connected subscribes these kinds\n".to_owned(),
            (taken, _) => format!("revision {revision}: taken by {}\n", sinks(taken)),
        };
        refused.collect::<String>() + &awaited + &taken
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const VS: &str = "networking.istio.io/v1/VirtualService";

    fn sink(name: &str, type_url: &str, state: SinkState, [sent, acked]: [u64; 2]) -> pb::Sink {
        let one = pb::SinkType {
            type_url: type_url.into(),
            state: state.into(),
            sent_revision: sent,
            acked_revision: acked,
            nack_message: if state == SinkState::Refused { "no such host".into() } else { String::new() },
            ..pb::SinkType::default()
        };
        pb::Sink { node_id: name.into(), types: vec![one], ..pb::Sink::default() }
    }

    /// Has taken everything but what it refused of this revision.
    fn pinned(name: &str, refused_revision: u64) -> pb::Sink {
        let mut sink = sink(name, VS, SinkState::Pinned, [41, 41]);
        let message = "no route".to_owned();
        sink.types[0].pins = vec![pb::SinkPin { refused_revision, message, ..pb::SinkPin::default() }];
        sink
    }

    fn of(sinks: &[pb::Sink]) -> Standing {
        standing(sinks, &["VirtualService"].into(), 41)
    }

    #[test]
    fn sink_is_done_once_it_has_answered_what_it_was_sent_of_the_revision() {
        let standing = of(&[
            sink("before", VS, SinkState::Synced, [40, 40]),
            sink("synced", VS, SinkState::Synced, [41, 41]),
            sink("acked", VS, SinkState::Behind, [42, 41]),
            sink("sent", VS, SinkState::Behind, [41, 40]),
            sink("elsewhere", "networking.istio.io/v1/Gateway", SinkState::Behind, [0, 0]),
            sink("refused", VS, SinkState::Refused, [41, 40]),
            sink("refused-before", VS, SinkState::Refused, [40, 39]),
            pinned("pinned", 41),
            pinned("pinned-before", 40),
        ]);
        let expected = Standing {
            taken: 3,
            awaited: ["before".into(), "sent".into(), "refused-before".into()].into(),
            refused: [("pinned".into(), "no route".into()), ("refused".into(), "no such host".into())].into(),
        };
        assert_eq!(standing, expected);
        assert_eq!(standing.exit(), Exit::Failed);
        assert_eq!(
            standing.text(41),
            "error: `pinned` refused it: no route\n\
             error: `refused` refused it: no such host\n\
             error: 3 sinks did not answer in time: before, refused-before, sent\n\
             revision 41: taken by 3 sinks\n"
        );
    }

    #[test]
    fn older_names_of_a_kind_count_too() {
        let older = sink("a", "networking.istio.io/v1beta1/VirtualService", SinkState::Behind, [0, 0]);
        assert_eq!(of(&[older]).exit(), Exit::NotReached);
    }

    #[test]
    fn nobody_to_wait_for_is_no_error() {
        assert_eq!(
            (of(&[]).exit(), of(&[]).text(41).as_str()),
            (Exit::Done, "no sink that is connected subscribes these kinds\n")
        );
    }
}
