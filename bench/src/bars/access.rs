//! Who may see what, by 5,000 RoleBindings: a view resolved, and a change of one binding. Nothing is started for it.

use std::{fmt, hint::black_box, time::Duration};

use anyhow::{Context, Result, ensure};
use mainsheet_api::{
    access::{Access, Edit, Identity},
    codec::{self, Content, Defaults, UnknownFields},
};
use mainsheet_bench::process::now;

use crate::Measured;

/// Each in a namespace of its own; a user has every hundredth of them, and one has all.
const BINDINGS: usize = 5000;
const USERS: usize = 100;
const RUNS: usize = 5;

const VIEW_BAR: Duration = Duration::from_millis(1);

const ROLE: &str = "apiVersion: rbac.authorization.k8s.io/v1\nkind: ClusterRole\nmetadata: {name: read}\nrules:\n\
                    - {apiGroups: [networking.istio.io], resources: [gateways, virtualservices], verbs: [get, list, watch]}\n";

/// Medians over users and runs.
pub(crate) struct Views {
    /// Of a user who has a hundredth of the bindings.
    view: Duration,
    /// Of a user who has all.
    largest: Duration,
    /// One binding changed, and whom that concerns found.
    change: Duration,
    /// Users who are concerned by it.
    concerned: usize,
    /// All bindings taken in.
    whole: Duration,
}

impl Measured for Views {
    fn is_met(&self) -> bool {
        self.view < VIEW_BAR && self.concerned == 1
    }
}

impl fmt::Display for Views {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { view, largest, change, concerned, whole } = self;
        let of = BINDINGS / USERS;
        writeln!(
            f,
            "{:28} median {view:.1?}  bar {VIEW_BAR:?}  ({of} of {BINDINGS} bindings)",
            "view resolved"
        )?;
        writeln!(f, "{:28} median {largest:.1?}  ({BINDINGS} of {BINDINGS} bindings)", "largest view")?;
        writeln!(
            f,
            "{:28} median {change:.1?}  ({concerned} identity resolved anew)",
            "change of one binding"
        )?;
        write!(f, "{:28} median {whole:.1?}", "all bindings taken in")
    }
}

fn edits(text: &str) -> Result<Vec<Edit>> {
    let defaults = Defaults { namespace: "default", scope: "", unknown_fields: UnknownFields::Strict };
    let edit = |document: codec::Document| match document.content {
        Content::Resource { resource, .. } => Edit::put(&resource)?.context("is no document of access"),
        other => anyhow::bail!("{other:?}"),
    };
    codec::read(text, defaults).into_iter().map(edit).collect()
}

fn binding(number: usize, user: &str) -> String {
    format!(
        "---\napiVersion: rbac.authorization.k8s.io/v1\nkind: RoleBinding\nmetadata: {{name: read, namespace: ns-{number}}}\n\
         roleRef: {{kind: ClusterRole, name: read}}\nsubjects:\n- {{kind: User, name: {user}}}\n- {{kind: User, name: all}}\n"
    )
}

fn user(number: usize) -> String {
    format!("user-{}", number % USERS)
}

pub(crate) fn measure() -> Result<Views> {
    let text: String = (0..BINDINGS).map(|number| binding(number, &user(number))).collect();
    let edits_of_all = edits(&format!("{ROLE}{text}"))?;
    let access = Access::default().edited(edits_of_all.clone()).0;
    ensure!(access.bindings() == BINDINGS, "{} bindings", access.bindings());
    let identities: Vec<_> =
        (0..USERS).map(|number| Identity::new(user(number), ["system:authenticated"])).collect();
    let view = |identity: &Identity| timed(|| drop(black_box(access.view(identity, &["list", "watch"]))));
    let largest = Identity::new("all", ["system:authenticated"]);
    let mut concerned = 0;
    let mut changes = Vec::new();
    for number in 0..USERS {
        let edit = edits(&binding(number, "moved"))?;
        let before = now();
        let (changed, whom) = access.edited(edit);
        changes.push(before.elapsed());
        drop(changed);
        concerned = concerned.max(identities.iter().filter(|identity| whom.covers(identity)).count());
    }
    Ok(Views {
        view: median((0..RUNS).flat_map(|_| identities.iter().map(view)).collect()),
        largest: median((0..RUNS).map(|_| view(&largest)).collect()),
        change: median(changes),
        concerned,
        whole: median(
            (0..RUNS)
                .map(|_| timed(|| drop(black_box(Access::default().edited(edits_of_all.clone())))))
                .collect(),
        ),
    })
}

fn timed(work: impl FnOnce()) -> Duration {
    let before = now();
    work();
    before.elapsed()
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort();
    times[times.len() / 2]
}
