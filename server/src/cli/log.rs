//! `mainsheet log`.

use mainsheet_api::generated::mainsheet::v1::{self as pb, ChangeType};
use serde_json::{Value, json};

use super::{
    Context, Exit, block_on,
    client::ServiceArgs,
    names,
    output::{note, table},
    selection::SelectionArgs,
};

/// Revisions that are asked for at once.
const PAGE_LEN: u32 = 100;

/// Show what was changed, by whom and why, the newest first
///
/// With resources, only revisions that touched them. Revisions are kept for as long, and as many, as the server's settings say.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "Examples:\n  \
    mainsheet log -N 10\n  \
    mainsheet log vs/shop/reviews --changes\n  \
    mainsheet log -n shop --author ana@laptop -o json")]
pub(super) struct Args {
    #[command(flatten)]
    which: SelectionArgs,
    /// Only revisions of this author
    #[arg(long, value_name = "NAME")]
    author: Option<String>,
    /// So many at most [default: all]
    #[arg(short = 'N', long = "count", value_name = "COUNT")]
    count: Option<u64>,
    /// With the resources that each of them changed
    #[arg(long)]
    changes: bool,
    /// How to print it
    #[arg(short, long, value_enum, default_value = "table")]
    output: Format,
    #[command(flatten)]
    service: ServiceArgs,
}

/// How revisions are printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Format {
    /// A line each
    Table,
    /// An object a line
    Json,
}

pub(super) fn run(args: Args, mut context: Context<'_>) -> anyhow::Result<Exit> {
    block_on(log(&args, &mut context))
}

async fn log(args: &Args, context: &mut Context<'_>) -> anyhow::Result<Exit> {
    let selection = args.which.selection()?;
    let service = args.service.connect(context).await?;
    let mut left = args.count.unwrap_or(u64::MAX);
    let mut before_revision = 0;
    let mut is_first = true;
    while left > 0 {
        let request = pb::HistoryRequest {
            selection: Some(selection.clone()),
            before_revision,
            page_size: u32::try_from(left).unwrap_or(PAGE_LEN).min(PAGE_LEN),
            author: args.author.clone().unwrap_or_default(),
            with_changes: args.changes,
        };
        let mut page = service.answer(service.client().history(request)).await?;
        page.revisions.truncate(usize::try_from(left).unwrap_or(usize::MAX));
        left = left.saturating_sub(page.revisions.len() as u64);
        // A page on which nothing was found is one all the same: the next may have some.
        if !page.revisions.is_empty() {
            write!(context.out, "{}", args.page(&page.revisions, is_first))?;
            context.out.flush()?;
            is_first = false;
        }
        before_revision = page.next_before_revision;
        if before_revision == 0 {
            break;
        }
    }
    if is_first && args.output == Format::Table {
        note("no revisions found");
    }
    Ok(Exit::Done)
}

impl Args {
    fn page(&self, revisions: &[pb::RevisionInfo], with_header: bool) -> String {
        match self.output {
            Format::Table => lines(revisions, with_header),
            Format::Json => revisions.iter().map(|one| format!("{}\n", json_of(one, self.changes))).collect(),
        }
    }
}

/// A line for each revision, and below it what it changed, where that was asked for.
fn lines(revisions: &[pb::RevisionInfo], with_header: bool) -> String {
    let rows = revisions.iter().map(|one| {
        let authorship = one.authorship.clone().unwrap_or_default();
        vec![
            one.revision.to_string(),
            one.at.as_ref().map_or_else(|| "-".to_owned(), names::moment),
            or_dash(&authorship.author),
            or_dash(&one.sources.join(",")),
            or_dash(&one.cause),
            format!("+{} ~{} -{}", one.added, one.changed, one.removed),
            // What spans lines is cut to its first, as logs of commits are.
            authorship.message.lines().next().unwrap_or_default().to_owned(),
        ]
    });
    let all = table(&["REVISION", "TIME", "AUTHOR", "SOURCES", "CAUSE", "CHANGES", "MESSAGE"], rows);
    let mut lines = all.lines();
    let header = lines.next().filter(|_| with_header).map(|line| format!("{line}\n")).unwrap_or_default();
    let blocks = lines.zip(revisions).map(|(line, one)| format!("{line}\n{}", changes(one)));
    blocks.fold(header, |text, block| text + &block)
}

fn changes(revision: &pb::RevisionInfo) -> String {
    let all = u64::from(revision.added) + u64::from(revision.changed) + u64::from(revision.removed);
    let shown = revision.changes.len() as u64;
    let line = |change: &pb::LayerChange| {
        let sign = match change.r#type() {
            ChangeType::Added => '+',
            ChangeType::Removed => '-',
            ChangeType::Changed | ChangeType::Unspecified => '~',
        };
        format!("  {sign} {} ({})\n", names::of(change.key.as_ref()), change.source)
    };
    let mut text: String = revision.changes.iter().map(line).collect();
    if shown > 0 && shown < all {
        text += &format!("  and {} more\n", all - shown);
    }
    text
}

fn or_dash(text: &str) -> String {
    if text.is_empty() { "-".to_owned() } else { text.to_owned() }
}

/// A revision as an object.
pub(super) fn json_of(revision: &pb::RevisionInfo, with_changes: bool) -> Value {
    let authorship = revision.authorship.clone().unwrap_or_default();
    let mut object = json!({
        "revision": revision.revision,
        "at": revision.at.as_ref().map(names::moment),
        "author": authorship.author, "message": authorship.message,
        "cause": revision.cause, "sources": revision.sources,
        "added": revision.added, "changed": revision.changed, "removed": revision.removed,
    });
    if with_changes {
        object["changes"] = revision.changes.iter().map(change_json).collect();
    }
    object
}

fn change_json(change: &pb::LayerChange) -> Value {
    let key = change.key.clone().unwrap_or_default();
    let word = match change.r#type() {
        ChangeType::Added => "added",
        ChangeType::Removed => "removed",
        ChangeType::Changed | ChangeType::Unspecified => "changed",
    };
    json!({
        "type": word, "kind": key.kind, "namespace": key.namespace, "name": key.name,
        "source": change.source, "version": change.version,
    })
}

#[cfg(test)]
mod tests {
    use mainsheet_api::generated::google::protobuf::Timestamp;

    use super::*;

    fn revision(number: u64, author: &str, message: &str) -> pb::RevisionInfo {
        pb::RevisionInfo {
            revision: number,
            at: Some(Timestamp { seconds: 1_795_273_200, nanos: 0 }),
            cause: "apply".into(),
            authorship: Some(pb::Authorship { author: author.into(), message: message.into() }),
            sources: vec!["api".into()],
            added: 1,
            changed: 2,
            ..Default::default()
        }
    }

    fn with_changes() -> pb::RevisionInfo {
        let key = pb::ResourceKey {
            kind: "VirtualService".into(),
            namespace: "shop".into(),
            name: "reviews".into(),
            scope: String::new(),
        };
        let change = pb::LayerChange {
            r#type: ChangeType::Added.into(),
            key: Some(key),
            source: "api".into(),
            version: "v".into(),
        };
        pb::RevisionInfo { changes: vec![change], ..revision(7, "ana@laptop", "first\nmore") }
    }

    #[test]
    fn revision_is_a_line_with_its_changes_below() {
        assert_eq!(
            lines(&[with_changes(), revision(6, "", "")], true),
            "REVISION   TIME                   AUTHOR       SOURCES   CAUSE   CHANGES    MESSAGE\n\
             7          2026-11-21T15:00:00Z   ana@laptop   api       apply   +1 ~2 -0   first\n  \
             + VirtualService shop/reviews (api)\n  and 2 more\n\
             6          2026-11-21T15:00:00Z   -            api       apply   +1 ~2 -0\n"
        );
        assert!(lines(&[revision(6, "", "")], false).starts_with("6 "));
    }

    #[test]
    fn programs_get_whole_messages() {
        let object = json_of(&with_changes(), true);
        assert_eq!(object["message"], "first\nmore");
        assert_eq!(
            object["changes"],
            json!([{"type": "added", "kind": "VirtualService", "namespace": "shop", "name": "reviews", "source": "api", "version": "v"}])
        );
        assert_eq!(json_of(&with_changes(), false).get("changes"), None);
    }
}
