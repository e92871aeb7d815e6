//! One change of what is served, for people and for programs.

use mainsheet_api::generated::mainsheet::v1 as pb;
use serde_json::{Value, json};

use super::{tree::difference, unified};
use crate::cli::{names, terminal::Paint};

/// How changes are printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(in crate::cli) enum Format {
    /// A line each field: its path, what it was and what it is
    Text,
    /// The documents, line by line (a unified diff)
    Yaml,
    /// Fields with what they were and are, for programs
    Json,
}

impl Format {
    /// In which form the server is to write the resources.
    pub(in crate::cli) fn form(self) -> pb::Form {
        match self {
            Self::Yaml => pb::Form::Yaml,
            Self::Text | Self::Json => pb::Form::Json,
        }
    }
}

/// A change for people: what, whose, and field by field.
pub(in crate::cli) fn text(change: &pb::Change, paint: Paint) -> String {
    let mut text = paint.bold(&title(change)) + "\n";
    let (before, after) = (document(change.before.as_ref()), document(change.after.as_ref()));
    for edit in difference(&before, &after).edits() {
        let path = &edit.path;
        text += &match (edit.before, edit.after) {
            (Some(before), Some(after)) => {
                format!("  {} {path}: {before} -> {after}\n", paint.yellow("~"))
            }
            (None, Some(after)) => paint.green(&format!("  + {path}: {after}")) + "\n",
            (Some(before), None) => paint.red(&format!("  - {path}: {before}")) + "\n",
            (None, None) => String::new(),
        };
    }
    text
}

/// A change as a unified diff of the documents.
pub(in crate::cli) fn yaml(change: &pb::Change, paint: Paint) -> String {
    let side = |side: Option<&pb::Resource>| match side {
        Some(resource) => format!("{} ({})", names::of(resource.key.as_ref()), standing(resource)),
        None => "/dev/null".to_owned(),
    };
    let lines =
        |side: Option<&pb::Resource>| side.map_or_else(String::new, |one| unified::content(&one.text));
    let (before, after) = (change.before.as_ref(), change.after.as_ref());
    unified::diff(&[side(before), side(after)], &[lines(before), lines(after)], paint)
}

/// A change for programs.
pub(in crate::cli) fn json(change: &pb::Change) -> Value {
    let side = |side: Option<&pb::Resource>| {
        side.map(|one| {
            let hidden: Vec<_> = one.hidden.iter().map(|hidden| &hidden.source).collect();
            json!({"source": one.source, "version": one.version, "revision": one.revision, "hidden": hidden})
        })
    };
    let key = key(change).cloned().unwrap_or_default();
    let (before, after) = (document(change.before.as_ref()), document(change.after.as_ref()));
    let edits: Vec<_> = difference(&before, &after)
        .edits()
        .into_iter()
        .map(|edit| json!({"path": edit.path, "before": edit.before, "after": edit.after}))
        .collect();
    json!({
        "type": word(change),
        "kind": key.kind, "namespace": key.namespace, "name": key.name,
        "before": side(change.before.as_ref()), "after": side(change.after.as_ref()),
        "edits": edits,
    })
}

/// `changed VirtualService shop/reviews (files:mesh -> api over files:mesh)`
fn title(change: &pb::Change) -> String {
    let sides = [change.before.as_ref().map(standing), change.after.as_ref().map(standing)];
    let standing = match sides {
        [Some(before), Some(after)] if before != after => format!("{before} -> {after}"),
        [Some(one), _] | [None, Some(one)] => one,
        [None, None] => String::new(),
    };
    format!("{} {} ({standing})", word(change), names::of(key(change)))
}

/// Who has it, and whom that hides: `api over files:mesh`.
fn standing(resource: &pb::Resource) -> String {
    let hidden: Vec<_> = resource.hidden.iter().map(|one| &*one.source).collect();
    match &*hidden {
        [] => resource.source.clone(),
        hidden => format!("{} over {}", resource.source, hidden.join(", ")),
    }
}

fn key(change: &pb::Change) -> Option<&pb::ResourceKey> {
    change.after.as_ref().or(change.before.as_ref())?.key.as_ref()
}

/// What happened to it.
fn word(change: &pb::Change) -> &'static str {
    match change.r#type() {
        pb::ChangeType::Added => "added",
        pb::ChangeType::Removed => "removed",
        pb::ChangeType::Changed | pb::ChangeType::Unspecified => "changed",
    }
}

/// What a resource says, as its author wrote it: what the server adds is no difference.
fn document(side: Option<&pb::Resource>) -> Value {
    let Some(resource) = side else { return json!({}) };
    // What is nested too deeply to be read here is compared as text.
    let mut document = serde_json::from_str(&resource.text).unwrap_or_else(|_| Value::from(&*resource.text));
    if let Some(metadata) = document.get_mut("metadata").and_then(Value::as_object_mut) {
        for field in unified::ADDED {
            metadata.remove(field);
        }
    }
    document
}

#[cfg(test)]
mod tests {
    use super::*;

    fn side(source: &str, hidden: &[&str], text: &str) -> pb::Resource {
        let key = pb::ResourceKey {
            kind: "VirtualService".into(),
            namespace: "shop".into(),
            name: "reviews".into(),
            scope: String::new(),
        };
        let hidden =
            hidden.iter().map(|source| pb::Resource { source: (*source).into(), ..Default::default() });
        pb::Resource {
            key: Some(key),
            source: source.into(),
            version: format!("v-{source}"),
            revision: 7,
            hidden: hidden.collect(),
            text: text.into(),
            ..Default::default()
        }
    }

    fn changed(before: pb::Resource, after: pb::Resource) -> pb::Change {
        pb::Change { r#type: pb::ChangeType::Changed.into(), before: Some(before), after: Some(after) }
    }

    fn overridden() -> pb::Change {
        let json = |weight: u32, version: &str| {
            format!(
                r#"{{"kind":"VirtualService","metadata":{{"name":"reviews","resourceVersion":"{version}"}},"spec":{{"http":[{{"weight":{weight}}}]}}}}"#
            )
        };
        changed(side("files:mesh", &[], &json(90, "1")), side("api", &["files:mesh"], &json(10, "2")))
    }

    #[test]
    fn fields_are_listed_below_who_has_it() {
        assert_eq!(
            text(&overridden(), Paint::new(false)),
            "changed VirtualService shop/reviews (files:mesh -> api over files:mesh)\n  ~ spec.http[0].weight: 90 -> 10\n"
        );
    }

    #[test]
    fn resource_that_is_added_or_removed_is_shown_whole() {
        let one = side(
            "api",
            &[],
            r#"{"kind":"VirtualService","metadata":{"name":"reviews"},"spec":{"hosts":["a"]}}"#,
        );
        let added =
            pb::Change { r#type: pb::ChangeType::Added.into(), before: None, after: Some(one.clone()) };
        assert_eq!(
            text(&added, Paint::new(false)),
            "added VirtualService shop/reviews (api)\n  + kind: \"VirtualService\"\n  + metadata: {\"name\":\"reviews\"}\n  + spec: {\"hosts\":[\"a\"]}\n"
        );
        let removed = pb::Change { r#type: pb::ChangeType::Removed.into(), before: Some(one), after: None };
        assert!(
            text(&removed, Paint::new(false))
                .starts_with("removed VirtualService shop/reviews (api)\n  - kind:")
        );
    }

    #[test]
    fn colours_are_only_there_where_they_are_wanted() {
        assert!(!text(&overridden(), Paint::new(false)).contains('\x1b'));
        assert!(text(&overridden(), Paint::new(true)).contains("\x1b[33m~\x1b[0m"));
    }

    #[test]
    fn programs_get_both_sides_and_every_edit() {
        assert_eq!(
            json(&overridden()),
            json!({
                "type": "changed", "kind": "VirtualService", "namespace": "shop", "name": "reviews",
                "before": {"source": "files:mesh", "version": "v-files:mesh", "revision": 7, "hidden": []},
                "after": {"source": "api", "version": "v-api", "revision": 7, "hidden": ["files:mesh"]},
                "edits": [{"path": "spec.http[0].weight", "before": 90, "after": 10}],
            })
        );
    }

    #[test]
    fn documents_are_compared_line_by_line_without_what_the_server_adds() {
        let yaml_of = |weight: u32, version: &str| {
            format!(
                "kind: VirtualService\nmetadata:\n  name: reviews\n  resourceVersion: \"{version}\"\nspec:\n  weight: {weight}\n"
            )
        };
        let change = changed(
            side("files:mesh", &[], &yaml_of(90, "1")),
            side("api", &["files:mesh"], &yaml_of(10, "2")),
        );
        assert_eq!(
            yaml(&change, Paint::new(false)),
            "--- VirtualService shop/reviews (files:mesh)\n\
             +++ VirtualService shop/reviews (api over files:mesh)\n\
             @@ -2,4 +2,4 @@\n metadata:\n   name: reviews\n spec:\n-  weight: 90\n+  weight: 10\n"
        );
    }
}
