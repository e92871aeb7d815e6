//! One request that writes: who asks, what it is called, and what of it is told in the audit log.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use mainsheet_api::{key::Key, version::Revision};
use tonic::{Code, Request, Status};
use tonic_types::StatusExt as _;

use super::{Links, error::because, needs::Method, refused::forbidden};
use crate::{
    audit::{Audit, AuditError, Event, RequestId, Touched, Verdict, Who, code_name},
    auth::{Caller, Denied, Rights, Via},
};

/// A request on its way. Cloning shares it.
#[derive(Clone)]
pub(super) struct Asking(Arc<Inner>);

struct Inner {
    audit: Audit,
    method: &'static Method,
    caller: Caller,
    rights: Rights,
    request: Option<RequestId>,
    told: Mutex<Told>,
}

/// What is told of it.
#[derive(Default)]
struct Told {
    /// That it is about to be done was told.
    is_begun: bool,
    what: String,
    touched: Vec<Touched>,
    revision: Option<Revision>,
}

impl Asking {
    /// A request of this service: by its caller, who was put beside it.
    ///
    /// # Errors
    /// Where nobody was: a mistake of ours, after which nobody is let in.
    pub(super) fn of<T>(
        links: &Links,
        method: &'static Method,
        request: &Request<T>,
    ) -> Result<Self, Status> {
        let caller = request.extensions().get::<Caller>().cloned();
        let caller = caller.ok_or_else(|| Status::internal("a request without a caller"))?;
        let request = request.extensions().get::<RequestId>().copied();
        let (audit, told) = (links.audit.clone(), Mutex::default());
        let rights = Rights::new(caller.identity.clone(), links.grants.clone());
        Ok(Self(Arc::new(Inner { audit, method, caller, rights, request, told })))
    }

    /// What the caller may do.
    pub(super) fn rights(&self) -> &Rights {
        &self.0.rights
    }

    /// Who writes, for the revision: whoever the caller is known to be. Somebody on this machine says it himself.
    pub(super) fn author(&self, claimed: String) -> String {
        match self.0.caller.via {
            Via::Loopback => claimed,
            _ => self.0.rights.identity().user().to_owned(),
        }
    }

    /// Tells, durably, what is about to be done. Once is enough.
    ///
    /// # Errors
    /// Where it can't be told, and so must not be done.
    pub(super) async fn begin(&self, what: &str, named: Vec<Key>) -> Result<(), Status> {
        if std::mem::replace(&mut self.told().is_begun, true) {
            return Ok(());
        }
        what.clone_into(&mut self.told().what);
        let resources = named.into_iter().map(|key| Touched { key, outcome: "" }).collect();
        let asked = Event { resources, ..self.event(Verdict::Asked) };
        self.0.audit.ask(asked).await.map_err(|error| {
            self.told().is_begun = false;
            refusal(&error)
        })
    }

    /// Notes what was done.
    pub(super) fn did(&self, revision: Option<Revision>, touched: Vec<Touched>) {
        let mut told = self.told();
        (told.revision, told.touched) = (revision, touched);
    }

    /// Waits for the answer, if the caller may have one, and tells what became of the request; also where the client does not wait that long.
    pub(super) async fn answered<T>(
        &self,
        answer: impl Future<Output = Result<T, Status>>,
    ) -> Result<T, Status> {
        let left = Left(self);
        let answer = match self.check_part() {
            Ok(()) => answer.await,
            Err(denied) => Err(forbidden("done", vec![denied], 1)),
        };
        std::mem::forget(left);
        self.tell(answer.as_ref().err());
        answer
    }

    fn check_part(&self) -> Result<(), Denied> {
        self.0.method.part.map_or(Ok(()), |part| self.0.rights.now().check_part(part))
    }

    fn tell(&self, refusal: Option<&Status>) {
        let is_begun = self.told().is_begun;
        let Some(status) = refusal else {
            if is_begun {
                self.0.audit.tell(self.event(Verdict::Done));
            }
            return;
        };
        let event = Event {
            code: code_name(status.code()),
            reason: status.message().to_owned(),
            ..self.event(verdict(status))
        };
        if is_begun { self.0.audit.tell(event) } else { self.0.audit.tell_once(event) }
    }

    fn event(&self, verdict: Verdict) -> Event {
        let Inner { audit, method, caller, request, .. } = &*self.0;
        let told = self.told();
        Event {
            request: *request,
            what: told.what.clone(),
            resources: told.touched.clone(),
            revision: told.revision.map(|revision| revision.0),
            ..Event::new(method.action, verdict, (Who::of(caller), audit.now()))
        }
    }

    fn told(&self) -> MutexGuard<'_, Told> {
        self.0.told.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A request whose answer nobody waits for any more.
struct Left<'a>(&'a Asking);

impl Drop for Left<'_> {
    fn drop(&mut self) {
        if self.0.told().is_begun {
            let reason = "the client left before it was answered".to_owned();
            self.0.0.audit.tell(Event { reason, ..self.0.event(Verdict::Unknown) });
        }
    }
}

fn refusal(error: &AuditError) -> Status {
    let reason = match error {
        AuditError::Failed(_) => "AUDIT",
        AuditError::Stopped => "STOPPING",
    };
    because(Code::Unavailable, reason, error.to_string(), [])
}

fn verdict(status: &Status) -> Verdict {
    let is_unknown = || status.get_details_error_info().is_some_and(|info| info.reason == "UNKNOWN");
    match status.code() {
        Code::PermissionDenied => Verdict::Forbidden,
        Code::Unauthenticated => Verdict::Unauthenticated,
        Code::Internal | Code::Unknown | Code::Cancelled => Verdict::Unknown,
        Code::Unavailable if is_unknown() => Verdict::Unknown,
        _ => Verdict::Refused,
    }
}
