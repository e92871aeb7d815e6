//! `mainsheet apply`.
//!
//! | module | is |
//! |---|---|
//! | `request` | what the server is asked |
//! | `offline` | what can be said of the documents without it |
//! | `wait` | whether the sinks have taken it |

mod offline;
mod request;
pub(super) mod wait;

use std::time::Duration;

use mainsheet_api::generated::mainsheet::v1::{self as pb, diff_request::To};
use tonic::Code;

use super::{
    Context, Exit,
    authorship::AuthorArgs,
    block_on,
    client::{Service, ServiceArgs},
    diff,
    error::CliError,
    manifests::{FileArgs, Manifest},
    outcomes::{self, Outcomes},
    output::note,
    terminal::wants_colour,
    texts::Texts,
};

/// Set resources by files, in the layer of the API: it is stronger than all that `serve` reads
///
/// All of the documents are applied as one revision, or none of them: one that is rejected, or in conflict, keeps the others
/// out, unless --best-effort says otherwise. Once this returns the revision is durable, and sinks are being told.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "Examples:\n  \
    mainsheet apply -f shop/ -m 'shift 10 % to v2'        a directory, as one revision\n  \
    mainsheet apply -f shop/ --server-diff --dry-run      what it would change\n  \
    mainsheet apply -f shop/ --set shop --prune           and what of the set is in no file is removed\n  \
    mainsheet apply -f shop/ --wait=1m                    until every sink has taken it\n  \
    mainsheet get vs/reviews -o yaml | edit | mainsheet apply -f - --expect-revision 41")]
pub(super) struct Args {
    #[command(flatten)]
    files: FileArgs,
    /// Namespace of documents that name none [default: default]; with --prune, only of this one
    #[arg(short, long, value_name = "NAME")]
    namespace: Option<String>,
    /// Remove what the API's layer has of the set, or with these labels, and the files have not
    #[arg(long)]
    prune: bool,
    /// With --prune, what is removed: resources whose labels match
    #[arg(short = 'l', long, value_name = "LABELS", requires = "prune")]
    selector: Option<String>,
    /// The set that the resources become part of: what another set has is a conflict
    #[arg(long, value_name = "NAME")]
    set: Option<String>,
    /// Take resources over from other sets
    #[arg(long)]
    force: bool,
    /// Apply what can be applied, and report the rest; the documents of many files go in several requests
    #[arg(long)]
    best_effort: bool,
    /// Only if each resource was changed last by this revision; 0: only if the API's layer has none of them
    #[arg(long, value_name = "REVISION")]
    expect_revision: Option<u64>,
    /// How long the resources live unless they are applied again, where they don't say so (annotation mainsheet.io/ttl)
    #[arg(long, value_name = "TIME", value_parser = humantime::parse_duration)]
    ttl: Option<Duration>,
    /// Say what would become of it: by the server (the default of the flag), or by what can be said without one
    #[arg(long, value_enum, value_name = "BY", num_args = 0..=1, require_equals = true, default_value = "none", default_missing_value = "server")]
    dry_run: DryRun,
    /// Show first what it makes different of what is served, field by field
    #[arg(long)]
    server_diff: bool,
    /// Wait until every connected sink that subscribes the kinds has taken it, or refused it; ends with 3 when time is up
    /// [default of the flag: 30s]
    #[arg(long, value_name = "TIME", num_args = 0..=1, require_equals = true, default_missing_value = "30s", value_parser = humantime::parse_duration)]
    wait: Option<Duration>,
    /// How to print it [default: a line each, as kubectl does]
    #[arg(short, long, value_enum)]
    output: Option<outcomes::Format>,
    #[command(flatten)]
    author: AuthorArgs,
    #[command(flatten)]
    service: ServiceArgs,
}

/// Whether it is only said what would be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum DryRun {
    /// It is done
    None,
    /// Validate the documents, without a server
    Client,
    /// The server does everything but the commit
    Server,
}

impl DryRun {
    /// As kubectl marks its lines.
    fn mark(self) -> &'static str {
        match self {
            Self::None => "",
            Self::Client => " (client dry run)",
            Self::Server => " (server dry run)",
        }
    }
}

pub(super) fn run(args: Args, mut context: Context<'_>) -> anyhow::Result<Exit> {
    args.check()?;
    let manifests = args.files.read()?;
    let mut texts = Texts::default();
    for manifest in &manifests {
        texts.keep(&manifest.origin, manifest.text.clone());
    }
    block_on(async {
        match args.dry_run {
            DryRun::Client => {
                let outcomes = offline::judged(manifests, args.namespace()).await?;
                args.print(&Applied { outcomes, revision: 0 }, &mut texts, &mut context)
            }
            DryRun::None | DryRun::Server => online(&args, manifests, &mut texts, &mut context).await,
        }
    })
}

/// What became of all requests.
#[derive(Debug, Default)]
struct Applied {
    outcomes: Outcomes,
    /// Of the last of them.
    revision: u64,
}

async fn online(
    args: &Args,
    manifests: Vec<Manifest>,
    texts: &mut Texts,
    context: &mut Context<'_>,
) -> anyhow::Result<Exit> {
    let requests = args.requests(manifests);
    let service = args.service.connect(context).await?;
    if args.server_diff {
        for request in &requests {
            show_difference(&service, request.clone(), context).await?;
        }
    }
    let mut applied = Applied::default();
    for request in requests {
        let answer = match apply(&service, request).await {
            Ok(answer) => answer,
            Err(error) => {
                // What earlier requests made is there, whatever becomes of this one.
                if applied.outcomes.iter().next().is_some() {
                    args.print(&applied, texts, context)?;
                }
                return Err(error);
            }
        };
        applied.revision = answer.revision;
        applied.outcomes.extend(answer.results);
    }
    let exit = args.print(&applied, texts, context)?;
    match (args.wait, args.dry_run) {
        (Some(patience), DryRun::None) => {
            let taken =
                wait::until_taken(&service, applied.outcomes.kinds(), applied.revision, patience).await?;
            Ok(if exit == Exit::Done { taken } else { exit })
        }
        _ => Ok(exit),
    }
}

/// What an apply is answered; where it is refused as a whole, what became of each resource.
async fn apply(service: &Service, request: pb::ApplyRequest) -> anyhow::Result<pb::ApplyResponse> {
    let again = pb::ApplyRequest { dry_run: true, ..request.clone() };
    let refusal = match service.answer_or_status(service.client().apply(request)).await? {
        Ok(answer) => return Ok(answer),
        Err(refusal) => refusal,
    };
    if matches!(refusal.code(), Code::InvalidArgument | Code::FailedPrecondition) {
        // A refusal lists what it has room for, as text; a dry run tells all, with lines.
        let told = service.answer_or_status(service.client().apply(again)).await?;
        if let Ok(told) = told
            && !Outcomes::new(told.results.clone()).is_whole()
        {
            return Ok(told);
        }
    }
    Err(service.refused(&refusal))
}

async fn show_difference(
    service: &Service,
    apply: pb::ApplyRequest,
    context: &mut Context<'_>,
) -> anyhow::Result<()> {
    let format = diff::Format::Text;
    let request = pb::DiffRequest {
        to: Some(To::Apply(pb::ApplyRequest { dry_run: true, ..apply })),
        form: format.form().into(),
        ..pb::DiffRequest::default()
    };
    // What is wrong with the documents is said when they are applied.
    diff::show(service, request, diff::Printer::new(format, context.out)).await?;
    Ok(())
}

impl Args {
    /// What clap can't tell.
    fn check(&self) -> Result<(), CliError> {
        if self.files.files.is_empty() {
            return Err(CliError::usage("say what to apply: -f FILE, -f DIR or -f - for standard input"));
        }
        if self.prune && self.selector.is_none() && self.set.is_none() {
            return Err(CliError::usage("--prune needs to know of what: --set NAME, or labels (-l)"));
        }
        if self.dry_run == DryRun::Client && self.server_diff {
            return Err(CliError::usage("--server-diff asks a server; --dry-run=client does not"));
        }
        Ok(())
    }

    fn print(&self, applied: &Applied, texts: &mut Texts, context: &mut Context<'_>) -> anyhow::Result<Exit> {
        let Applied { outcomes, revision } = applied;
        let complaints = outcomes.complaints_with(texts, wants_colour()) + &outcomes.notes();
        if !complaints.is_empty() {
            note(complaints.trim_end());
        }
        let printed = match self.output {
            None => outcomes.lines(self.dry_run.mark()),
            Some(outcomes::Format::Name) => outcomes.names(),
            Some(outcomes::Format::Json) => {
                serde_json::to_string_pretty(&outcomes.json(*revision, self.dry_run != DryRun::None))? + "\n"
            }
            Some(outcomes::Format::Yaml) => {
                serde_saphyr::to_string(&outcomes.json(*revision, self.dry_run != DryRun::None))?
            }
        };
        write!(context.out, "{printed}")?;
        Ok(match outcomes.shortfall("applied") {
            None => Exit::Done,
            Some(shortfall) => {
                note(&format!("error: {shortfall}"));
                Exit::Failed
            }
        })
    }
}
