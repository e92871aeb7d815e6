//! `mainsheet delete`.

use mainsheet_api::generated::mainsheet::v1::{self as pb, WriteOutcome, prune::Scope};

use super::{
    Context, Exit,
    authorship::AuthorArgs,
    block_on,
    client::ServiceArgs,
    error::CliError,
    kinds::{NamedKind, Targets},
    manifests::{self, FileArgs},
    names,
    outcomes::Outcomes,
    output::note,
    selection::{DEFAULT_NAMESPACE, PlaceArgs},
};

/// Remove resources from the layer of the API
///
/// What a file, or another source, says of the same name is served again. Resources of files can't be removed here: delete the
/// file, or apply something stronger. All are removed as one revision.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "Examples:\n  \
    mainsheet delete vs reviews ratings -n shop\n  \
    mainsheet delete -f shop/\n  \
    mainsheet delete vs,dr -l app=reviews -n shop\n  \
    mainsheet delete --set shop --dry-run")]
pub(super) struct Args {
    /// KIND NAME..., KIND/NAME..., or with -l or --set the kinds of what is selected
    #[arg(value_name = "KIND|NAME", required_unless_present_any = ["files", "set"])]
    what: Vec<String>,
    #[command(flatten)]
    files: FileArgs,
    #[command(flatten)]
    place: PlaceArgs,
    /// Everything of this set; of all namespaces, unless -n names one
    #[arg(long, value_name = "NAME", conflicts_with_all = ["files", "selector"])]
    set: Option<String>,
    /// What is not there is no error
    #[arg(long)]
    ignore_not_found: bool,
    /// Say what would become of it
    #[arg(long)]
    dry_run: bool,
    #[command(flatten)]
    author: AuthorArgs,
    #[command(flatten)]
    service: ServiceArgs,
}

pub(super) fn run(args: Args, context: Context<'_>) -> anyhow::Result<Exit> {
    let request = args.request()?;
    let answer = block_on(async {
        let service = args.service.connect(&context).await?;
        service.answer(service.client().delete(request)).await
    })?;
    write!(context.out, "{}", lines(&answer.results, args.dry_run))?;
    let kept = answer
        .results
        .into_iter()
        .filter(|one| !(args.ignore_not_found && one.outcome() == WriteOutcome::NotFound));
    let outcomes = Outcomes::new(kept.collect());
    let complaints = outcomes.complaints() + &missing(&outcomes);
    if !complaints.is_empty() {
        note(complaints.trim_end());
    }
    Ok(if outcomes.is_whole() { Exit::Done } else { Exit::Failed })
}

/// `virtualservice.networking.istio.io "reviews" deleted`, and what is served instead.
fn lines(results: &[pb::WriteResult], is_dry_run: bool) -> String {
    let removed = results.iter().filter(|result| result.outcome() == WriteOutcome::Removed);
    let line = |result: &pb::WriteResult| {
        let key = result.key.clone().unwrap_or_default();
        let mark = if is_dry_run { " (server dry run)" } else { "" };
        let instead = match (result.hides.first(), result.is_hidden) {
            (_, true) => "; a rollback holds what is served".to_owned(),
            (Some(source), false) => format!("; that of {source} is served again"),
            (None, false) => String::new(),
        };
        format!("{} \"{}\" deleted{mark}{instead}\n", names::kind_of(&key), key.name)
    };
    removed.map(line).collect()
}

/// What was not there to be removed; where others have it, whoever asked looks for it there.
fn missing(outcomes: &Outcomes) -> String {
    let missing = outcomes.iter().filter(|result| result.outcome() == WriteOutcome::NotFound);
    let line = |result: &pb::WriteResult| {
        let key = result.key.clone().unwrap_or_default();
        let elsewhere = match &*result.hides {
            [] => String::new(),
            sources => format!("; it is of {}: remove it there", sources.join(", ")),
        };
        format!("error: {} \"{}\" not found in the API's layer{elsewhere}\n", names::kind_of(&key), key.name)
    };
    missing.map(line).collect()
}

impl Args {
    fn request(&self) -> anyhow::Result<pb::DeleteRequest> {
        let targets = match &*self.what {
            [] => Targets::Kinds(Vec::new()),
            what => Targets::parse(what).map_err(CliError::usage)?,
        };
        let mut keys = match &targets {
            Targets::Named(named) => named.iter().map(|(kind, name)| self.key(kind, name)).collect(),
            Targets::Kinds(_) => Vec::new(),
        };
        if !self.files.files.is_empty() {
            let manifests = self.files.read()?;
            keys.extend(manifests::keys(&manifests, self.namespace()).iter().map(manifests::key_in_request));
        }
        let selected = match targets {
            Targets::Kinds(kinds) => self.selected(&kinds),
            Targets::Named(_) => None,
        };
        if keys.is_empty() && selected.is_none() {
            return Err(CliError::usage("say which: NAME..., labels (-l), --set NAME or -f FILE").into());
        }
        if !keys.is_empty() && self.place.selector.is_some() {
            return Err(CliError::usage("resources are either named, or selected by labels (-l)").into());
        }
        if self.place.all_namespaces && !keys.is_empty() {
            return Err(
                CliError::usage("a resource that is named is of one namespace (-n), not of all").into()
            );
        }
        Ok(pb::DeleteRequest {
            keys,
            selected,
            default_namespace: self.namespace().to_owned(),
            atomicity: pb::Atomicity::Unspecified.into(),
            dry_run: self.dry_run,
            preconditions: Vec::new(),
            authorship: Some(self.author.authorship()),
        })
    }

    fn namespace(&self) -> &str {
        self.place.namespace.as_deref().unwrap_or(DEFAULT_NAMESPACE)
    }

    fn key(&self, kind: &NamedKind, name: &str) -> pb::ResourceKey {
        pb::ResourceKey {
            kind: kind.in_request(),
            namespace: self.namespace().to_owned(),
            name: name.to_owned(),
            scope: String::new(),
        }
    }

    /// By labels in one namespace, as kubectl does it; by set wherever it is.
    fn selected(&self, kinds: &[NamedKind]) -> Option<pb::Prune> {
        let is_everywhere = self.place.all_namespaces || self.set.is_some() && self.place.namespace.is_none();
        let scope = match (&self.set, &self.place.selector) {
            (Some(set), _) => Scope::Set(set.clone()),
            (None, Some(labels)) => Scope::LabelSelector(labels.clone()),
            (None, None) => return None,
        };
        Some(pb::Prune {
            scope: Some(scope),
            kinds: kinds.iter().map(NamedKind::in_request).collect(),
            namespaces: if is_everywhere { Vec::new() } else { vec![self.namespace().to_owned()] },
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn result(outcome: WriteOutcome, hides: &[&str]) -> pb::WriteResult {
        let key = pb::ResourceKey {
            kind: "VirtualService".into(),
            namespace: "shop".into(),
            name: "reviews".into(),
            scope: String::new(),
        };
        let hides = hides.iter().map(ToString::to_string).collect();
        pb::WriteResult { key: Some(key), outcome: outcome.into(), hides, ..Default::default() }
    }

    #[test]
    fn what_is_served_again_is_said() {
        assert_eq!(
            lines(&[result(WriteOutcome::Removed, &[]), result(WriteOutcome::NotFound, &[])], false),
            "virtualservice.networking.istio.io \"reviews\" deleted\n"
        );
        assert_eq!(
            lines(&[result(WriteOutcome::Removed, &["files:mesh", "files:b"])], true),
            "virtualservice.networking.istio.io \"reviews\" deleted (server dry run); that of files:mesh is served again\n"
        );
        let held = pb::WriteResult { is_hidden: true, ..result(WriteOutcome::Removed, &["files:mesh"]) };
        assert_eq!(
            lines(&[held], false),
            "virtualservice.networking.istio.io \"reviews\" deleted; a rollback holds what is served\n"
        );
    }

    #[test]
    fn what_the_api_does_not_have_is_said_with_who_has_it() {
        let outcomes = Outcomes::new(vec![
            result(WriteOutcome::Removed, &[]),
            result(WriteOutcome::NotFound, &[]),
            result(WriteOutcome::NotFound, &["files:mesh"]),
        ]);
        assert_eq!(
            missing(&outcomes),
            "error: virtualservice.networking.istio.io \"reviews\" not found in the API's layer\n\
             error: virtualservice.networking.istio.io \"reviews\" not found in the API's layer; it is of files:mesh: remove it there\n"
        );
        assert!(!outcomes.is_whole());
    }
}
