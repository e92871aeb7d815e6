//! `mainsheet diff`, and how changes are shown wherever a command makes some.
//!
//! | module | is |
//! |---|---|
//! | `tree`, `align` | how one document becomes another, field by field: pure |
//! | `unified` | the same, line by line |
//! | `show` | one change, for people and for programs |
//! | `printer` | changes as they come |

mod align;
mod printer;
mod show;
mod tree;
mod unified;

use std::io;

use mainsheet_api::generated::mainsheet::v1::{self as pb, diff_request::To};

pub(super) use self::{
    printer::Printer,
    show::Format,
    tree::{Edit, difference},
};
use super::{
    Context, Exit, block_on,
    client::{Service, ServiceArgs},
    error::CliError,
    manifests::{FileArgs, Manifest},
    outcomes::Outcomes,
    output::note,
    selection::{DEFAULT_NAMESPACE, PlaceArgs},
};

/// Show how what is served differs between two revisions, or would differ were files applied
///
/// Differences are told by field, with what it was and what it is; whose the resource is on each side, and whom that hides.
/// Elements of lists are found again where others come or go before them. Ends with 0 where there are no differences, with 1
/// where there are some, and with 2 or 3 where it can't be told.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "Examples:\n  \
    mainsheet diff -f shop/               what `mainsheet apply -f shop/` would change\n  \
    mainsheet diff 41                     what has changed since revision 41\n  \
    mainsheet diff 41 43 vs/shop/reviews  what became of one resource\n  \
    mainsheet diff 41 43 -n shop -o yaml  the documents of a namespace, line by line")]
pub(super) struct Args {
    /// The revision to begin with, and the one to compare it with [default: the newest]; then, of which resources: KIND, KIND
    /// NAME, KIND/NAME or KIND/NAMESPACE/NAME [default: everything]
    #[arg(value_name = "REVISION|KIND|NAME", required_unless_present = "files")]
    what: Vec<String>,
    #[command(flatten)]
    files: FileArgs,
    #[command(flatten)]
    place: PlaceArgs,
    /// How to print differences
    #[arg(short, long, value_enum, default_value = "text")]
    output: Format,
    #[command(flatten)]
    service: ServiceArgs,
}

pub(super) fn run(args: Args, mut context: Context<'_>) -> anyhow::Result<Exit> {
    block_on(diff(&args, &mut context)).map_err(unlike_an_answer)
}

/// An error must not look like the answer that there are differences. A closed pipe is none.
fn unlike_an_answer(error: anyhow::Error) -> anyhow::Error {
    match error.downcast_ref() {
        Some(CliError::NotReached(_) | CliError::Usage(_)) => error,
        _ if error.is::<io::Error>() => error,
        _ => CliError::Usage(error).into(),
    }
}

async fn diff(args: &Args, context: &mut Context<'_>) -> anyhow::Result<Exit> {
    let request = args.request()?;
    let service = args.service.connect(context).await?;
    let shown = show(&service, request, Printer::new(args.output, context.out)).await?;
    let complaints = shown.outcomes.complaints();
    if !complaints.is_empty() {
        note(complaints.trim_end());
    }
    if !shown.outcomes.is_whole() {
        return Ok(Exit::Usage);
    }
    Ok(if shown.changes == 0 { Exit::Done } else { Exit::Failed })
}

/// What was shown.
pub(super) struct Shown {
    /// How many changes.
    pub(super) changes: usize,
    /// What would become of each document, where some were to be applied.
    pub(super) outcomes: Outcomes,
}

/// Asks for differences, and prints them as they come.
pub(super) async fn show(
    service: &Service,
    request: pb::DiffRequest,
    mut printer: Printer<'_>,
) -> anyhow::Result<Shown> {
    let mut answers = service.answer(service.client().diff(request)).await?;
    let mut results = Vec::new();
    while let Some(answer) = answers.message().await.map_err(|status| service.refused(&status))? {
        printer.begin(answer.from_revision, answer.to_revision)?;
        results.extend(answer.results);
        answer.changes.iter().try_for_each(|change| printer.change(change))?;
    }
    Ok(Shown { changes: printer.end()?, outcomes: Outcomes::new(results) })
}

impl Args {
    fn request(&self) -> anyhow::Result<pb::DiffRequest> {
        let form = self.output.form().into();
        if !self.files.files.is_empty() {
            if !self.what.is_empty() {
                return Err(CliError::usage(
                    "files are compared with what is served: revisions and kinds don't go with -f",
                )
                .into());
            }
            let manifests = self.files.read()?.into_iter().map(Manifest::into_request).collect();
            let namespace = self.place.namespace.clone().unwrap_or_else(|| DEFAULT_NAMESPACE.to_owned());
            let apply = pb::ApplyRequest {
                manifests,
                default_namespace: namespace,
                dry_run: true,
                ..Default::default()
            };
            return Ok(pb::DiffRequest {
                from_revision: 0,
                to: Some(To::Apply(apply)),
                selection: None,
                form,
            });
        }
        let (from, to, named) = revisions(&self.what)?;
        let selection = Some(self.place.selection(named)?);
        Ok(pb::DiffRequest { from_revision: from, to: Some(To::ToRevision(to)), selection, form })
    }
}

/// Up to two numbers in front, and what follows them.
fn revisions(what: &[String]) -> Result<(u64, u64, &[String]), CliError> {
    let number = |at: usize| what.get(at).and_then(|text| text.parse::<u64>().ok());
    match (number(0), number(1)) {
        (None, _) => Err(CliError::usage("say from which revision (`mainsheet log` lists them), or -f FILE")),
        (Some(from), None) => Ok((from, 0, &what[1..])),
        (Some(from), Some(to)) => Ok((from, to, &what[2..])),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_in_front_are_revisions() {
        let what = |texts: &[&str]| texts.iter().map(ToString::to_string).collect::<Vec<_>>();
        assert_eq!(revisions(&what(&["41"])).unwrap(), (41, 0, &[][..]));
        assert_eq!(revisions(&what(&["41", "43"])).unwrap(), (41, 43, &[][..]));
        assert_eq!(revisions(&what(&["41", "vs", "7"])).unwrap(), (41, 0, &what(&["vs", "7"])[..]));
        let mistake = revisions(&what(&["vs"])).unwrap_err();
        assert_eq!(mistake.to_string(), "say from which revision (`mainsheet log` lists them), or -f FILE");
    }
}
