//! `mainsheet release`.

use mainsheet_api::generated::mainsheet::v1 as pb;

use super::{
    Context, Exit,
    authorship::AuthorArgs,
    block_on,
    client::ServiceArgs,
    diff::{self, Printer},
    error::CliError,
    output::note,
    selection::SelectionArgs,
};

/// End what a rollback holds: the sources count again
///
/// Shows how what is served changes by it.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "Examples:\n  \
    mainsheet release vs/shop/reviews\n  \
    mainsheet release -n shop --dry-run\n  \
    mainsheet release --all -m 'fixed in git'")]
pub(super) struct Args {
    #[command(flatten)]
    which: SelectionArgs,
    /// Everything that is held
    #[arg(long)]
    all: bool,
    /// Show what it would change
    #[arg(long)]
    dry_run: bool,
    /// How to print what it changes
    #[arg(short, long, value_enum, default_value = "text")]
    output: diff::Format,
    #[command(flatten)]
    author: AuthorArgs,
    #[command(flatten)]
    service: ServiceArgs,
}

pub(super) fn run(args: Args, mut context: Context<'_>) -> anyhow::Result<Exit> {
    match (args.all, args.which.is_everything()) {
        (false, true) => {
            return Err(CliError::usage("say which holds end: KIND, NAME, -n, -l, or --all").into());
        }
        (true, false) => return Err(CliError::usage("--all goes without anything that selects").into()),
        _ => {}
    }
    block_on(release(&args, &mut context))
}

async fn release(args: &Args, context: &mut Context<'_>) -> anyhow::Result<Exit> {
    let request = pb::ReleaseRequest {
        selection: Some(args.which.selection()?),
        dry_run: args.dry_run,
        authorship: Some(args.author.authorship()),
        form: args.output.form().into(),
    };
    let service = args.service.connect(context).await?;
    let answer = service.answer(service.client().release(request)).await?;
    let mut printer = Printer::new(args.output, context.out);
    let (from, to) = if args.dry_run { (answer.revision, 0) } else { (0, answer.revision) };
    printer.begin(from, to)?;
    answer.changes.iter().try_for_each(|change| printer.change(change))?;
    printer.end()?;
    note(&ended(&answer, args.dry_run));
    Ok(Exit::Done)
}

/// What it changed.
fn ended(answer: &pb::ReleaseResponse, is_dry_run: bool) -> String {
    let revision = answer.revision;
    match (answer.changes.len(), is_dry_run) {
        (0, _) => "nothing that is served changes by it".to_owned(),
        (_, true) => "nothing is released (dry run)".to_owned(),
        (1, false) => format!("revision {revision}: 1 resource is its source's again"),
        (len, false) => format!("revision {revision}: {len} resources are their sources' again"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_it_changed_is_said() {
        let answer = |len| pb::ReleaseResponse { revision: 45, changes: vec![pb::Change::default(); len] };
        assert_eq!(ended(&answer(0), false), "nothing that is served changes by it");
        assert_eq!(ended(&answer(1), false), "revision 45: 1 resource is its source's again");
        assert_eq!(ended(&answer(2), false), "revision 45: 2 resources are their sources' again");
        assert_eq!(ended(&answer(2), true), "nothing is released (dry run)");
    }
}
