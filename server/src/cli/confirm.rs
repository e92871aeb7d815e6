//! `mainsheet confirm`.

use std::collections::BTreeSet;

use mainsheet_api::generated::mainsheet::v1 as pb;

use super::{
    Context, Exit, block_on,
    client::ServiceArgs,
    output::{note, table},
};

/// Say that removals which the shrink guard holds are meant
///
/// A source that comes back with far fewer resources than it had (a kind of 20 or more that shrinks to nothing, or by more than
/// half) may have lost them by mistake: the server goes on serving them for a while (the setting guard-hold). This shows what
/// is held, and has the server remove it now.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "Examples:\n  mainsheet confirm\n  mainsheet confirm files:mesh")]
pub(super) struct Args {
    /// Only what is held of this source
    source: Option<String>,
    #[command(flatten)]
    service: ServiceArgs,
}

pub(super) fn run(args: Args, context: Context<'_>) -> anyhow::Result<Exit> {
    let (held, confirmed) = block_on(confirm(&args, &context))?;
    if held.is_empty() && confirmed.is_empty() {
        note("nothing is held");
        return Ok(Exit::Done);
    }
    write!(context.out, "{}{}", held_table(&held), confirmed_lines(&confirmed))?;
    Ok(Exit::Done)
}

/// What is held, and what of it was confirmed: time may have made the difference. Nothing is confirmed of sources that came
/// to hold something in between: it was not shown.
async fn confirm(
    args: &Args,
    context: &Context<'_>,
) -> anyhow::Result<(Vec<pb::HeldRemovals>, Vec<pb::HeldRemovals>)> {
    let service = args.service.connect(context).await?;
    let status = service.answer(service.client().status(pb::StatusRequest {})).await?;
    let is_asked = |held: &pb::HeldRemovals| args.source.as_ref().is_none_or(|source| held.source == *source);
    let held: Vec<_> = status.held_removals.into_iter().filter(is_asked).collect();
    // The server says what is wrong with the name of a source that it does not have.
    let is_known = |source: &&String| status.sources.iter().any(|known| known.name == **source);
    let unknown = args.source.iter().filter(|source| !is_known(source));
    let sources: BTreeSet<&String> = held.iter().map(|one| &one.source).chain(unknown).collect();
    let mut confirmed = Vec::new();
    for source in sources {
        let request = pb::ConfirmRequest { source: source.clone() };
        confirmed.extend(service.answer(service.client().confirm(request)).await?.confirmed);
    }
    Ok((held, confirmed))
}

fn held_table(held: &[pb::HeldRemovals]) -> String {
    if held.is_empty() {
        return String::new();
    }
    let rows = held.iter().map(|one| {
        let remaining = one.remaining.as_ref().map_or_else(|| "until confirmed".to_owned(), seconds);
        let held_for = one.held_for.as_ref().map_or_else(String::new, seconds);
        vec![
            one.source.clone(),
            one.kind.clone(),
            one.have.to_string(),
            one.gone.to_string(),
            held_for,
            remaining,
        ]
    });
    table(&["SOURCE", "KIND", "HAVE", "GONE", "HELD", "REMAINING"], rows)
}

fn seconds(span: &mainsheet_api::generated::google::protobuf::Duration) -> String {
    format!("{}s", span.seconds)
}

fn confirmed_lines(confirmed: &[pb::HeldRemovals]) -> String {
    let line = |one: &pb::HeldRemovals| {
        format!("confirmed: {} of {} {} of {} are removed\n", one.gone, one.have, one.kind, one.source)
    };
    confirmed.iter().map(line).collect()
}

#[cfg(test)]
mod tests {
    use mainsheet_api::generated::google::protobuf::Duration;

    use super::*;

    #[test]
    fn what_is_held_is_a_table_and_what_is_confirmed_a_line_each() {
        let span = |seconds| Some(Duration { seconds, nanos: 7 });
        let one = pb::HeldRemovals {
            source: "files:mesh".into(),
            kind: "VirtualService".into(),
            have: 42,
            gone: 40,
            held_for: span(12),
            remaining: span(48),
        };
        let forever = pb::HeldRemovals { remaining: None, ..one.clone() };
        assert_eq!(
            held_table(&[one.clone(), forever]),
            "SOURCE       KIND             HAVE   GONE   HELD   REMAINING\n\
             files:mesh   VirtualService   42     40     12s    48s\n\
             files:mesh   VirtualService   42     40     12s    until confirmed\n"
        );
        assert_eq!(held_table(&[]), "");
        assert_eq!(confirmed_lines(&[one]), "confirmed: 40 of 42 VirtualService of files:mesh are removed\n");
    }
}
