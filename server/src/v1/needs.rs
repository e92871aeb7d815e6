//! What each method of the service needs: the one place that says so. docs/security.md shows it, and a test compares.

use std::fmt;

use crate::{audit::Action, auth::Part};

/// A method, and what its caller needs.
#[derive(Debug)]
pub struct Method {
    /// As the service calls it.
    pub name: &'static str,
    /// What the audit log calls it.
    pub(crate) action: Action,
    /// A part of the server that is asked for as a whole.
    pub part: Option<Part>,
    /// Verbs that are needed for each resource that is shown; what is not granted is not there.
    pub shown: &'static [&'static str],
    /// How it changes resources, each of which needs its verbs.
    pub changes: Changes,
}

/// How a method changes resources.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Changes {
    /// It does not.
    Nothing,
    /// Those of the API's layer.
    Layer,
    /// What is served, whatever layer it comes from.
    Served,
    /// It only says how it would.
    Tried,
}

const fn part(verb: &'static str, resource: &'static str, subresource: &'static str) -> Option<Part> {
    Some(Part { verb, resource, subresource })
}

const fn row(
    name: &'static str,
    action: Action,
    part: Option<Part>,
    shown: &'static [&'static str],
    changes: Changes,
) -> Method {
    Method { name, action, part, shown, changes }
}

pub(super) static APPLY: Method = row("Apply", Action::Apply, None, &[], Changes::Layer);
pub(super) static DELETE: Method = row("Delete", Action::Delete, None, &[], Changes::Layer);
pub(super) static ROLLBACK: Method = row("Rollback", Action::Rollback, None, &["list"], Changes::Served);
pub(super) static RELEASE: Method = row("Release", Action::Release, None, &["list"], Changes::Served);
pub(super) static CONFIRM: Method =
    row("Confirm", Action::Confirm, part("update", "sources", "confirmation"), &[], Changes::Nothing);
pub(super) static RESTORE: Method =
    row("Restore", Action::Restore, part("update", "backups", ""), &[], Changes::Served);
pub(super) static BACKUP: Method =
    row("Backup", Action::Backup, part("get", "backups", ""), &[], Changes::Nothing);
static GET: Method = row("Get", Action::Read, None, &["get"], Changes::Nothing);
static LIST: Method = row("List", Action::Read, None, &["list"], Changes::Nothing);
static WATCH: Method = row("Watch", Action::Read, None, &["list", "watch"], Changes::Nothing);
static HISTORY: Method = row("History", Action::Read, None, &["list"], Changes::Nothing);
pub(super) static DIFF: Method = row("Diff", Action::Read, None, &["list"], Changes::Tried);
static SINKS: Method = row("Sinks", Action::Read, part("list", "sinks", ""), &[], Changes::Nothing);
static STATUS: Method = row("Status", Action::Read, part("get", "statuses", ""), &[], Changes::Nothing);

/// Every method.
pub static METHODS: [&Method; 14] = [
    &APPLY, &DELETE, &ROLLBACK, &RELEASE, &CONFIRM, &RESTORE, &BACKUP, &GET, &LIST, &WATCH, &HISTORY, &DIFF,
    &SINKS, &STATUS,
];

/// As a cell of the documentation's table.
impl fmt::Display for Method {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut needs = Vec::new();
        if let Some(Part { verb, resource, subresource }) = self.part {
            let slash = if subresource.is_empty() { "" } else { "/" };
            needs.push(format!("`{verb}` of `{resource}{slash}{subresource}` in `mainsheet.io`, everywhere"));
        }
        if !self.shown.is_empty() {
            let verbs: Vec<_> = self.shown.iter().map(|verb| format!("`{verb}`")).collect();
            needs.push(format!("{} of what it shows", verbs.join(" and ")));
        }
        let verbs = "`create`, `update` or `patch`, `delete`, for Roles and bindings `escalate`, `bind`";
        needs.extend(match self.changes {
            Changes::Nothing => None,
            Changes::Layer => {
                Some(format!("{verbs}: of what it names and what it changes of the API's layer"))
            }
            Changes::Served => Some(format!("{verbs}: of what it changes of what is served")),
            Changes::Tried => {
                Some("where it shows what an apply would change, what that apply needs".to_owned())
            }
        });
        f.write_str(&needs.join("; "))
    }
}
