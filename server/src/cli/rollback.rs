//! `mainsheet rollback`.

use std::io::{self, IsTerminal as _};

use mainsheet_api::generated::mainsheet::v1 as pb;

use super::{
    Context, Exit,
    authorship::AuthorArgs,
    block_on,
    client::ServiceArgs,
    diff::{self, Printer},
    error::CliError,
    names,
    output::note,
    selection::SelectionArgs,
    terminal::asks,
};

/// Serve again what was served at a revision, of everything or of some resources
///
/// Shows first what that changes, and asks. What is rolled back is held above all sources: a source that goes on saying what it
/// says now does not undo it. For each resource the hold ends once its source says something new, or by `mainsheet release`.
/// The revisions in between stay in the log.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "Examples:\n  \
    mainsheet rollback --to 41 --dry-run       what it would change\n  \
    mainsheet rollback vs/shop/reviews --to 41\n  \
    mainsheet rollback -n shop --to 41 -y -m 'reviews answers 503'")]
pub(super) struct Args {
    #[command(flatten)]
    which: SelectionArgs,
    /// The revision to go back to; `mainsheet log` lists them
    #[arg(long, value_name = "REVISION", value_parser = clap::value_parser!(u64).range(1..))]
    to: u64,
    /// Show what it would change
    #[arg(long)]
    dry_run: bool,
    /// Do it without being asked
    #[arg(short, long)]
    yes: bool,
    /// How to print what it changes
    #[arg(short, long, value_enum, default_value = "text")]
    output: diff::Format,
    #[command(flatten)]
    author: AuthorArgs,
    #[command(flatten)]
    service: ServiceArgs,
}

pub(super) fn run(args: Args, mut context: Context<'_>) -> anyhow::Result<Exit> {
    if !args.yes && !args.dry_run && !io::stdin().is_terminal() {
        return Err(CliError::usage(
            "nobody is there to be asked: mean it by --yes (-y), or look with --dry-run",
        )
        .into());
    }
    block_on(rollback(&args, &mut context))
}

async fn rollback(args: &Args, context: &mut Context<'_>) -> anyhow::Result<Exit> {
    let look = pb::RollbackRequest {
        to_revision: args.to,
        selection: Some(args.which.selection()?),
        dry_run: true,
        authorship: Some(args.author.authorship()),
        form: args.output.form().into(),
        expected_revision: 0,
    };
    let service = args.service.connect(context).await?;
    let seen = service.answer(service.client().rollback(look.clone())).await?;
    let mut printer = Printer::new(args.output, context.out);
    printer.begin(seen.revision, 0)?;
    seen.changes.iter().try_for_each(|change| printer.change(change))?;
    printer.end()?;
    left_alone(&seen.skipped);
    if seen.changes.is_empty() {
        note(&format!("what is served is what was served at revision {}: nothing is rolled back", args.to));
        return Ok(Exit::Done);
    }
    if args.dry_run {
        return Ok(Exit::Done);
    }
    let question = format!("serve {} again as at revision {}?", resources(seen.changes.len()), args.to);
    if !args.yes && !asks(&question)? {
        note("nothing is rolled back");
        return Ok(Exit::Failed);
    }
    // What was looked at is what is done: what changed since is not rolled back unseen.
    let request = pb::RollbackRequest {
        dry_run: false,
        expected_revision: seen.revision,
        form: pb::Form::None.into(),
        ..look
    };
    let done = service.answer(service.client().rollback(request)).await?;
    note(&held(&done, args.to));
    Ok(Exit::Done)
}

fn left_alone(skipped: &[pb::Skipped]) {
    for one in skipped {
        note(&format!("warning: {} is left as it is: {}", names::of(one.key.as_ref()), one.reason));
    }
}

fn resources(len: usize) -> String {
    if len == 1 { "1 resource".to_owned() } else { format!("{len} resources") }
}

/// What holds, and how it ends.
fn held(done: &pb::RollbackResponse, to: u64) -> String {
    format!(
        "revision {}: {} served as at revision {to}\n\
         each is held until its source says something new of it, or until `mainsheet release`",
        done.revision,
        match done.changes.len() {
            1 => "1 resource is".to_owned(),
            len => format!("{len} resources are"),
        }
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_holds_and_how_it_ends_is_said() {
        let done =
            pb::RollbackResponse { revision: 44, changes: vec![pb::Change::default()], skipped: Vec::new() };
        assert_eq!(
            held(&done, 41),
            "revision 44: 1 resource is served as at revision 41\n\
             each is held until its source says something new of it, or until `mainsheet release`"
        );
        assert_eq!(resources(2), "2 resources");
    }
}
