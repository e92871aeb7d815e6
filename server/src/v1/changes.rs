//! How what is served, or held, differs, as messages.

use mainsheet_api::generated::mainsheet::v1 as pb;
use mainsheet_cache::HeldEntry;

use super::{convert, selection::Selected};

/// What became of one name, as a selection sees it: what it no longer selects is removed from it. Mostly one change; two
/// where a name went from one resource to another, none where the content stayed.
pub(super) fn changes(
    (before, after): (Option<&HeldEntry>, Option<&HeldEntry>),
    selected: &Selected,
    form: pb::Form,
) -> Vec<pb::Change> {
    let before = before.filter(|before| selected.has(before));
    let after = after.filter(|after| selected.has(after));
    match (before, after) {
        (Some(before), Some(after)) if before.held.key != after.held.key => {
            vec![change((Some(before), None), form), change((None, Some(after)), form)]
        }
        (Some(before), Some(after)) if before.held.version == after.held.version => Vec::new(),
        (None, None) => Vec::new(),
        sides => vec![change(sides, form)],
    }
}

pub(super) fn change(sides: (Option<&HeldEntry>, Option<&HeldEntry>), form: pb::Form) -> pb::Change {
    let of_type = match sides {
        (None, _) => pb::ChangeType::Added,
        (_, None) => pb::ChangeType::Removed,
        _ => pb::ChangeType::Changed,
    };
    let shown = |side: Option<&HeldEntry>| side.map(|found| convert::resource(found, form));
    pb::Change { r#type: of_type.into(), before: shown(sides.0), after: shown(sides.1) }
}

/// Says what each side, before and after, hides: whose it is, without its content.
pub(super) fn put_hidden(change: &mut pb::Change, hidden: [&[HeldEntry]; 2]) {
    for (side, hidden) in [&mut change.before, &mut change.after].into_iter().zip(hidden) {
        if let Some(resource) = side {
            resource.hidden = hidden.iter().map(|one| convert::resource(one, pb::Form::None)).collect();
        }
    }
}
