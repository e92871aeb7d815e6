//! `sinks --watch`: who comes, who goes, and what changes for whom.

use std::{collections::BTreeMap, io::Write, time::Duration};

use mainsheet_api::{
    generated::mainsheet::v1 as pb,
    time::{Clock as _, Timestamp},
};
use serde_json::json;

use super::{Args, all, shown};
use crate::{
    cli::{
        Exit,
        client::Service,
        output::{Columns, Format},
    },
    clock::SystemClock,
    signals::Signals,
};

/// Between two looks.
const PAUSE: Duration = Duration::from_secs(1);

/// Prints all sinks, and then what differs from the look before, until interrupted.
pub(super) async fn follow(
    args: &Args,
    service: &Service,
    out: &mut (dyn Write + Send),
) -> anyhow::Result<Exit> {
    let mut signals = Signals::new()?;
    let looking = async {
        let mut seen = BTreeMap::new();
        let mut columns = Columns::default();
        print_header(args, &mut columns, out)?;
        loop {
            let changes = changes(&mut seen, all(args, service).await?);
            print(args, &changes, &mut columns, out)?;
            tokio::time::sleep(PAUSE).await;
        }
    };
    tokio::select! {
        biased;
        failed = looking => failed,
        _ = signals.next() => Ok(Exit::Done),
    }
}

/// A connection: of one node there may be several.
type Id = (String, String);

/// What became of sinks between two looks.
fn changes(seen: &mut BTreeMap<Id, pb::Sink>, now: Vec<pb::Sink>) -> Vec<(&'static str, pb::Sink)> {
    let mut gone = std::mem::take(seen);
    let mut changes = Vec::new();
    for sink in now {
        let id = (sink.node_id.clone(), sink.peer.clone());
        match gone.remove(&id) {
            None => changes.push(("connected", sink.clone())),
            Some(before) if before != sink => changes.push(("changed", sink.clone())),
            Some(_) => {}
        }
        seen.insert(id, sink);
    }
    changes.extend(gone.into_values().map(|sink| ("gone", sink)));
    changes
}

fn print_header(args: &Args, columns: &mut Columns, out: &mut dyn Write) -> anyhow::Result<()> {
    let header: &[&str] = match args.output {
        Format::Table => &shown::HEADER,
        Format::Wide => &shown::WIDE_HEADER,
        _ => return Ok(()),
    };
    let row = ["EVENT"].iter().chain(header).map(ToString::to_string).collect();
    write!(out, "{}", columns.lines(&[row]))?;
    Ok(())
}

fn print(
    args: &Args,
    changes: &[(&'static str, pb::Sink)],
    columns: &mut Columns,
    out: &mut dyn Write,
) -> anyhow::Result<()> {
    let now = SystemClock::new().wall();
    for (word, sink) in changes {
        if matches!(args.output, Format::Json) {
            writeln!(out, "{}", json!({"event": word, "sink": shown::value(sink)}))?;
        } else {
            write!(out, "{}", columns.lines(&rows(args, word, sink, now)))?;
        }
    }
    out.flush()?;
    Ok(())
}

fn rows(args: &Args, word: &str, sink: &pb::Sink, now: Timestamp) -> Vec<Vec<String>> {
    let rows = match args.output {
        Format::Wide => shown::wide_rows(sink, now),
        _ => vec![shown::row(sink, now)],
    };
    let mut rows: Vec<Vec<String>> = rows;
    rows.iter_mut().for_each(|row| row.insert(0, word.to_owned()));
    rows
}

#[cfg(test)]
mod tests {
    use mainsheet_api::kind::Kind;

    use super::*;

    #[test]
    fn only_what_differs_is_told() {
        let at = |node: &str, state| shown::tests::sink(node, &[(Kind::VIRTUAL_SERVICE, state)]);
        let (synced, behind) = (pb::SinkState::Synced, pb::SinkState::Behind);
        let mut seen = BTreeMap::new();
        let mut words = |now: Vec<pb::Sink>| {
            let changes = changes(&mut seen, now);
            changes.into_iter().map(|(word, sink)| format!("{word} {}", sink.node_id)).collect::<Vec<_>>()
        };
        assert_eq!(words(vec![at("a", behind), at("b", synced)]), ["connected a", "connected b"]);
        assert_eq!(words(vec![at("a", behind), at("b", synced)]), [""; 0]);
        assert_eq!(words(vec![at("a", synced), at("b", synced)]), ["changed a"]);
        assert_eq!(words(vec![at("b", synced)]), ["gone a"]);
    }
}
