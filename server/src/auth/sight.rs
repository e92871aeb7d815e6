//! What a caller may read: the only way from a request to resources, of whichever service or page.
//!
//! Every door is a row of [`DOORS`]. What a door shows of resources is cut to the caller's view; what it shows of the server
//! needs a grant on a resource of `mainsheet.io`, and a page a grant on its path.

use std::{collections::BTreeSet, sync::Arc};

use axum::{
    extract::{Request, State},
    http::StatusCode,
    middleware::Next,
    response::{IntoResponse, Response},
};
use mainsheet_api::{
    access::{Attributes, Identity},
    key::Key,
    kind::Kind,
    view::{Scope, Shown, View},
};
use tonic::Status;

use super::{Caller, Granted, Grants};

/// The group of what there is to be seen of a server.
pub const GROUP: &str = "mainsheet.io";

/// A way to read something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Door {
    /// A method of a service, or the path of a page.
    pub name: &'static str,
    /// What its caller has to be granted.
    pub needs: Needs,
}

/// What a caller has to be granted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Needs {
    /// Nothing.
    Nothing,
    /// `get` of its path, as a nonResourceURL. Resources are shown as far as the caller may `list` them.
    Path,
    /// These verbs on what is shown: it shows nothing else.
    Shown(&'static [&'static str]),
    /// A verb on a resource of `mainsheet.io`, at the cluster scope. Resources are shown as far as the caller may `list`
    /// them.
    Ours(&'static str, &'static str),
}

const fn door(name: &'static str, needs: Needs) -> Door {
    Door { name, needs }
}

pub(crate) const STREAM: Door = door("discovery streams", Needs::Shown(&["list", "watch"]));
pub(crate) const GET: Door = door("mainsheet.v1.Mainsheet/Get", Needs::Shown(&["get"]));
pub(crate) const LIST: Door = door("mainsheet.v1.Mainsheet/List", Needs::Shown(&["list"]));
pub(crate) const WATCH: Door = door("mainsheet.v1.Mainsheet/Watch", Needs::Shown(&["list", "watch"]));
pub(crate) const HISTORY: Door = door("mainsheet.v1.Mainsheet/History", Needs::Shown(&["list"]));
pub(crate) const DIFF: Door = door("mainsheet.v1.Mainsheet/Diff", Needs::Shown(&["list"]));
pub(crate) const SINKS: Door = door("mainsheet.v1.Mainsheet/Sinks", Needs::Ours("list", "sinks"));
pub(crate) const STATUS: Door = door("mainsheet.v1.Mainsheet/Status", Needs::Ours("get", "statuses"));

/// Every way to read something. The questions of `istio.io/debug` on discovery streams are the pages of the same name.
pub const DOORS: &[Door] = &[
    STREAM,
    GET,
    LIST,
    WATCH,
    HISTORY,
    DIFF,
    SINKS,
    STATUS,
    door("/healthz/live", Needs::Nothing),
    door("/healthz/ready", Needs::Nothing),
    door("/metrics", Needs::Path),
    door("/debug", Needs::Path),
    door("/debug/configz", Needs::Path),
    door("/debug/syncz", Needs::Path),
    door("/debug/sources", Needs::Path),
    door("/debug/verdicts", Needs::Path),
    door("/debug/limits", Needs::Path),
    door("/debug/clashes", Needs::Path),
];

/// What one caller may read, at one moment.
#[derive(Clone, Debug)]
pub struct Sight {
    granted: Granted,
}

impl Sight {
    /// Of a caller, now. A request without one comes from nobody.
    #[must_use]
    pub fn of(grants: &Grants, caller: Option<&Caller>) -> Self {
        let identity = caller.map_or_else(Identity::anonymous, |caller| caller.identity.clone());
        Self { granted: grants.now(&identity) }
    }

    /// Whose it is.
    pub(crate) fn identity(&self) -> &Identity {
        self.granted.identity()
    }

    /// Whether the caller may pass.
    ///
    /// # Errors
    /// PERMISSION_DENIED, in Kubernetes' words.
    pub fn pass(&self, door: Door) -> Result<(), Status> {
        match door.needs {
            Needs::Nothing | Needs::Shown(_) => Ok(()),
            Needs::Path => self.open(door.name).map_err(Status::permission_denied),
            Needs::Ours(verb, resource) => self.check(&ours(verb, resource)),
        }
    }

    /// Whether the caller may open a page; the error says that it may not.
    pub(crate) fn open(&self, path: &str) -> Result<(), String> {
        match self.granted.allows_path("get", path) {
            true => Ok(()),
            false => Err(format!("user {:?} cannot get path {path:?}", self.granted.identity().user())),
        }
    }

    /// Whether the caller may do this.
    pub(crate) fn check(&self, attributes: &Attributes<'_>) -> Result<(), Status> {
        match self.granted.allows(attributes) {
            true => Ok(()),
            false => Err(Status::permission_denied(attributes.refusal(self.granted.identity()))),
        }
    }

    /// What a door shows of resources.
    #[must_use]
    pub fn view(&self, door: Door) -> View {
        match door.needs {
            Needs::Shown(verbs) => self.granted.view_of(verbs),
            Needs::Nothing | Needs::Path | Needs::Ours(..) => self.listed(),
        }
    }

    /// What the caller may list.
    #[must_use]
    pub fn listed(&self) -> View {
        self.granted.view_of(&["list"])
    }

    /// Whether the caller may see who made each revision and why: what is said there may be about any resource.
    #[must_use]
    pub fn sees_causes(&self) -> bool {
        self.granted.allows(&ours("list", "revisions"))
    }

    /// Refuses who asks for kinds or namespaces of which a door shows it nothing. None that are named are all.
    pub(crate) fn check_asked(
        &self,
        door: Door,
        kinds: Option<&BTreeSet<Kind>>,
        namespaces: Option<&BTreeSet<Arc<str>>>,
    ) -> Result<(), Status> {
        let Needs::Shown(verbs) = door.needs else { return Ok(()) };
        let kinds = kinds.map_or_else(|| vec![None], |kinds| kinds.iter().copied().map(Some).collect());
        let namespaces = namespaces
            .map_or_else(|| vec![None], |namespaces| namespaces.iter().map(|name| Some(&**name)).collect());
        for verb in verbs {
            let view = self.granted.view_of(&[verb]);
            for kind in &kinds {
                for namespace in &namespaces {
                    let namespace = namespace.filter(|_| kind.is_none_or(|kind| kind.info().namespaced));
                    if !shows_any(&view, *kind, namespace) {
                        return Err(self.refused(verb, *kind, namespace));
                    }
                }
            }
        }
        Ok(())
    }

    /// The refusal of who may not do this to what has a key, whether there is anything or not.
    pub(crate) fn refused_key(&self, verb: &str, key: &Key) -> Status {
        self.refused(verb, Some(key.kind), Some(&key.namespace))
    }

    fn refused(&self, verb: &str, kind: Option<Kind>, namespace: Option<&str>) -> Status {
        let any = Attributes { verb, group: "*", resource: "*", subresource: "", namespace, name: None };
        let attributes = kind.map_or(any, |kind| Attributes::of_kind(verb, kind, namespace));
        Status::permission_denied(attributes.refusal(self.granted.identity()))
    }
}

impl From<Granted> for Sight {
    fn from(granted: Granted) -> Self {
        Self { granted }
    }
}

fn ours<'a>(verb: &'a str, resource: &'a str) -> Attributes<'a> {
    Attributes { verb, group: GROUP, resource, subresource: "", namespace: None, name: None }
}

fn shows_any(view: &View, kind: Option<Kind>, namespace: Option<&str>) -> bool {
    let is_shown = |scope: &Scope| match namespace {
        Some(namespace) => scope.in_namespace(namespace) != Shown::Nothing,
        None => !scope.is_nothing(),
    };
    kind.map_or_else(|| view.scopes().any(is_shown), |kind| is_shown(view.of_kind(kind)))
}

/// Lets through to pages whom their path is granted, and says to them what their caller may read.
pub(crate) async fn guard(State(grants): State<Grants>, mut request: Request, next: Next) -> Response {
    let sight = Sight::of(&grants, request.extensions().get());
    if let Err(refusal) = sight.open(request.uri().path()) {
        return (StatusCode::FORBIDDEN, refusal + "\n").into_response();
    }
    request.extensions_mut().insert(sight);
    next.run(request).await
}
