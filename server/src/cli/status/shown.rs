//! How a server's state is shown.

use std::time::Duration;

use mainsheet_api::generated::{google::protobuf, mainsheet::v1 as pb};
use serde_json::{Value, json};

use crate::cli::output::{lines, span, table};

/// For people; with a line for each kind where that is wanted.
pub(super) fn text(status: &pb::StatusResponse, is_wide: bool) -> String {
    let mut text = lines(&facts(status));
    text += &sources(&status.sources);
    if is_wide && !status.kinds.is_empty() {
        let rows = status.kinds.iter().map(|kind| vec![kind.kind.clone(), kind.served.to_string()]);
        text += &format!("\n{}", table(&["KIND", "SERVED"], rows));
    }
    for source in &status.sources {
        for problem in &source.problems {
            text += &format!("\nproblem of {}: {}\n", source.name, problem.replace('\n', "\n  "));
        }
    }
    for problem in &status.problems {
        text += &format!("\nproblem: {problem}\n");
    }
    text + &held(&status.held_removals)
}

/// A name and a value each; what there is none of is left out.
fn facts(status: &pb::StatusResponse) -> Vec<Vec<String>> {
    let served: u32 = status.kinds.iter().map(|kind| kind.served).sum();
    let kinds = status.kinds.iter().filter(|kind| kind.served > 0).count();
    let ready = match &*status.awaited {
        [] => "yes".to_owned(),
        awaited => format!("no, awaiting {}", awaited.join(", ")),
    };
    let refusing = match status.sinks_refusing {
        0 => String::new(),
        count => format!(", {count} refusing something (mainsheet sinks)"),
    };
    let uptime = status.uptime.map(duration).unwrap_or_default();
    let count = |count: u32, hint: &str| (count > 0).then(|| format!("{count} ({hint})"));
    let facts = [
        ("ready", Some(ready)),
        (
            "instance",
            Some(format!("{}, version {}, up for {}", status.instance, status.server_version, span(uptime))),
        ),
        (
            "revision",
            Some(format!("{}, back to {}, in {}", status.revision, status.oldest_revision, status.store)),
        ),
        ("served", Some(format!("{served} resources of {kinds} kinds"))),
        ("sinks", Some(format!("{}{refusing}", status.sinks))),
        ("rejected", count(status.rejected, "not served as written: the log and /debug/verdicts say why")),
        ("clashes", count(status.clashes, "names that several sources have: mainsheet get all -A -o wide")),
        ("leases", count(status.leases, "end unless they are renewed")),
        ("rolled back", count(status.rolled_back, "held until sources change them: mainsheet release")),
    ];
    let named = facts.into_iter().filter_map(|(name, fact)| Some(vec![name.to_owned(), fact?]));
    named.collect()
}

/// The API's layer and that of rollbacks are shown when they have something.
fn sources(sources: &[pb::SourceStatus]) -> String {
    let is_shown =
        |source: &&pb::SourceStatus| source.resources > 0 || !["api", "hold"].contains(&&*source.name);
    let rows: Vec<Vec<String>> = sources
        .iter()
        .filter(is_shown)
        .map(|source| {
            let counts =
                [source.resources.to_string(), source.hidden.to_string(), source.problems.len().to_string()];
            [source.name.clone()].into_iter().chain(counts).collect()
        })
        .collect();
    match rows.is_empty() {
        true => String::new(),
        false => format!("\n{}", table(&["SOURCE", "RESOURCES", "HIDDEN", "PROBLEMS"], rows)),
    }
}

fn held(held: &[pb::HeldRemovals]) -> String {
    let one = |one: &pb::HeldRemovals| {
        let pb::HeldRemovals { source, kind, have, gone, held_for, remaining } = one;
        let since = span(held_for.map(duration).unwrap_or_default());
        let until = remaining
            .map_or("until confirmed".to_owned(), |rest| format!("for {} more", span(duration(rest))));
        format!(
            "\nheld: {source} has lost {gone} of {have} {kind}, which are served on since {since}, {until}\n  \
             if that is meant: mainsheet confirm {source}\n"
        )
    };
    held.iter().map(one).collect()
}

/// As an object.
pub(in crate::cli) fn value(status: &pb::StatusResponse) -> Value {
    let seconds = |span: protobuf::Duration| duration(span).as_secs_f64();
    let source = |source: &pb::SourceStatus| {
        json!({
            "name": source.name,
            "resources": source.resources,
            "hidden": source.hidden,
            "problems": source.problems,
        })
    };
    let held = |held: &pb::HeldRemovals| {
        json!({
            "source": held.source,
            "kind": held.kind,
            "have": held.have,
            "gone": held.gone,
            "heldForSeconds": held.held_for.map(seconds),
            "remainingSeconds": held.remaining.map(seconds),
        })
    };
    let kind = |kind: &pb::KindCount| json!({"kind": kind.kind, "served": kind.served});
    json!({
        "ready": status.awaited.is_empty(),
        "awaited": status.awaited,
        "problems": status.problems,
        "instance": status.instance,
        "version": status.server_version,
        "uptimeSeconds": status.uptime.map(seconds),
        "store": status.store,
        "revision": status.revision,
        "oldestRevision": status.oldest_revision,
        "kinds": status.kinds.iter().map(kind).collect::<Vec<_>>(),
        "sources": status.sources.iter().map(source).collect::<Vec<_>>(),
        "heldRemovals": status.held_removals.iter().map(held).collect::<Vec<_>>(),
        "rejected": status.rejected,
        "clashes": status.clashes,
        "leases": status.leases,
        "rolledBack": status.rolled_back,
        "sinks": status.sinks,
        "sinksRefusing": status.sinks_refusing,
    })
}

fn duration(span: protobuf::Duration) -> Duration {
    let nanos = u32::try_from(span.nanos).unwrap_or_default();
    Duration::new(u64::try_from(span.seconds).unwrap_or_default(), nanos)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn quiet() -> pb::StatusResponse {
        pb::StatusResponse {
            instance: "mainsheet".into(),
            server_version: "0.1.0".into(),
            revision: 41,
            oldest_revision: 12,
            uptime: Some(protobuf::Duration { seconds: 300, nanos: 0 }),
            store: "redb".into(),
            kinds: vec![pb::KindCount { kind: "VirtualService".into(), served: 4 }],
            sources: ["hold", "api", "files:mesh"]
                .map(|name| pb::SourceStatus { name: name.into(), ..pb::SourceStatus::default() })
                .into(),
            ..pb::StatusResponse::default()
        }
    }

    #[test]
    fn quiet_server_is_told_in_a_few_lines() {
        assert_eq!(
            text(&quiet(), false),
            "ready      yes\n\
             instance   mainsheet, version 0.1.0, up for 5m\n\
             revision   41, back to 12, in redb\n\
             served     4 resources of 1 kinds\n\
             sinks      0\n\
             \n\
             SOURCE       RESOURCES   HIDDEN   PROBLEMS\n\
             files:mesh   0           0        0\n"
        );
        let wide = text(&quiet(), true);
        assert!(wide.ends_with("\nKIND             SERVED\nVirtualService   4\n"), "{wide}");
    }

    #[test]
    fn whatever_wants_a_hand_is_told_with_what_to_do() {
        let mut status = quiet();
        status.awaited = vec!["source files:mesh".into(), "store".into()];
        status.problems = vec!["the store can't be written since 3s".into()];
        (status.rejected, status.clashes, status.leases, status.rolled_back) = (1, 2, 3, 4);
        (status.sinks, status.sinks_refusing) = (5, 1);
        status.sources[1].resources = 7;
        status.sources[2].problems = vec!["a.yaml: can't be read".into()];
        status.held_removals = vec![
            pb::HeldRemovals {
                source: "files:mesh".into(),
                kind: "VirtualService".into(),
                have: 42,
                gone: 40,
                held_for: Some(protobuf::Duration { seconds: 12, nanos: 0 }),
                remaining: Some(protobuf::Duration { seconds: 48, nanos: 0 }),
            },
            pb::HeldRemovals {
                source: "files:b".into(),
                kind: "Gateway".into(),
                ..pb::HeldRemovals::default()
            },
        ];
        assert_eq!(
            text(&status, false),
            "ready         no, awaiting source files:mesh, store\n\
             instance      mainsheet, version 0.1.0, up for 5m\n\
             revision      41, back to 12, in redb\n\
             served        4 resources of 1 kinds\n\
             sinks         5, 1 refusing something (mainsheet sinks)\n\
             rejected      1 (not served as written: the log and /debug/verdicts say why)\n\
             clashes       2 (names that several sources have: mainsheet get all -A -o wide)\n\
             leases        3 (end unless they are renewed)\n\
             rolled back   4 (held until sources change them: mainsheet release)\n\
             \n\
             SOURCE       RESOURCES   HIDDEN   PROBLEMS\n\
             api          7           0        0\n\
             files:mesh   0           0        1\n\
             \n\
             problem of files:mesh: a.yaml: can't be read\n\
             \n\
             problem: the store can't be written since 3s\n\
             \n\
             held: files:mesh has lost 40 of 42 VirtualService, which are served on since 12s, for 48s more\n  \
             if that is meant: mainsheet confirm files:mesh\n\
             \n\
             held: files:b has lost 0 of 0 Gateway, which are served on since 0s, until confirmed\n  \
             if that is meant: mainsheet confirm files:b\n"
        );
        let value = value(&status);
        assert_eq!(
            (value["ready"].as_bool(), value["heldRemovals"][0]["remainingSeconds"].as_f64()),
            (Some(false), Some(48.0))
        );
    }
}
