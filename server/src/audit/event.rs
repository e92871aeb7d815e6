//! What is told in the audit log: who did what, from where, and what became of it. Never bodies, and nothing that looks secret.

use std::net::SocketAddr;

use mainsheet_api::{key::Key, time::Timestamp};
use serde::{Serialize, Serializer};
use tonic::Code;

use super::request::RequestId;
use crate::{auth::Caller, mask::mask_text};

/// What was done, or asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Action {
    Apply,
    Delete,
    Rollback,
    Release,
    Confirm,
    Restore,
    Backup,
    /// A method that only reads.
    Read,
    /// A discovery stream.
    Stream,
    /// A credential was shown.
    Login,
    /// What an identity may see became something else.
    View,
}

impl Action {
    /// What asking for a path is, unless it is a discovery stream.
    pub(crate) fn of_path(path: &str) -> Self {
        match path.rsplit('/').next().unwrap_or_default() {
            "Apply" => Self::Apply,
            "Delete" => Self::Delete,
            "Rollback" => Self::Rollback,
            "Release" => Self::Release,
            "Confirm" => Self::Confirm,
            "Restore" => Self::Restore,
            "Backup" => Self::Backup,
            _ => Self::Read,
        }
    }

    /// Whether it changes what is served.
    pub(crate) fn writes(self) -> bool {
        match self {
            Self::Apply | Self::Delete | Self::Rollback | Self::Release | Self::Confirm | Self::Restore => {
                true
            }
            Self::Backup | Self::Read | Self::Stream | Self::Login | Self::View => false,
        }
    }
}

/// What became of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Verdict {
    /// It is about to be done: this line was written before.
    Asked,
    Done,
    /// The caller may not.
    Forbidden,
    /// It is not known who the caller is.
    Unauthenticated,
    /// It was wrong, or in conflict: nothing was done.
    Refused,
    /// It was done or not: the store failed on the way, or the caller left before it was answered.
    Unknown,
}

/// One resource, and what became of it: `created`, `conflicted`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Touched {
    #[serde(flatten, serialize_with = "key")]
    pub(crate) key: Key,
    #[serde(skip_serializing_if = "str::is_empty")]
    pub(crate) outcome: &'static str,
}

/// Who, and from where.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize)]
pub(crate) struct Who {
    pub(crate) user: String,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) groups: Vec<String>,
    /// How that is known: `loopback`, `certificate 7f03`.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub(crate) via: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) peer: Option<SocketAddr>,
}

impl Who {
    pub(crate) fn of(caller: &Caller) -> Self {
        Self {
            user: caller.identity.user().to_owned(),
            groups: caller.identity.groups().map(str::to_owned).collect(),
            via: caller.via.to_string(),
            peer: Some(caller.peer),
        }
    }
}

/// Something that is to be told.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Event {
    // First: how a file begins and ends is told by it.
    pub(crate) action: Action,
    #[serde(serialize_with = "rfc3339")]
    pub(crate) at: Timestamp,
    pub(crate) verdict: Verdict,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) request: Option<RequestId>,
    #[serde(flatten)]
    pub(crate) who: Who,
    /// In words: `rollback to 41`, `mainsheet.v1.Mainsheet/Get`.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub(crate) what: String,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub(crate) dry_run: bool,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) resources: Vec<Touched>,
    /// Further resources are in the next line of this request.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub(crate) more: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) revision: Option<u64>,
    /// Of gRPC: `PERMISSION_DENIED`.
    #[serde(skip_serializing_if = "str::is_empty")]
    pub(crate) code: &'static str,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub(crate) reason: String,
    /// How many equal ones this line stands for, where it is not one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) times: Option<u64>,
}

impl Event {
    pub(crate) fn new(action: Action, verdict: Verdict, (who, at): (Who, Timestamp)) -> Self {
        Self {
            action,
            at,
            verdict,
            request: None,
            who,
            what: String::new(),
            dry_run: false,
            resources: Vec::new(),
            more: false,
            revision: None,
            code: "",
            reason: String::new(),
            times: None,
        }
    }

    /// As objects of JSON, one a line: as many as its resources need.
    pub(crate) fn bodies(mut self, resources_max: usize) -> Vec<String> {
        self.what = mask_text(&self.what);
        self.reason = mask_text(&self.reason);
        let mut rest = std::mem::take(&mut self.resources).into_iter().peekable();
        let mut bodies = Vec::new();
        loop {
            self.resources = rest.by_ref().take(resources_max).collect();
            self.more = rest.peek().is_some();
            bodies.push(serde_json::to_string(&self).unwrap_or_else(|error| unwritable(&error)));
            if !self.more {
                return bodies;
            }
        }
    }
}

/// Keys are texts, so this is never made; a line that says so is better than none.
fn unwritable(error: &serde_json::Error) -> String {
    serde_json::json!({ "action": "unwritable", "reason": error.to_string() }).to_string()
}

fn key<S: Serializer>(key: &Key, serializer: S) -> Result<S::Ok, S::Error> {
    #[derive(Serialize)]
    struct Written<'a> {
        kind: &'static str,
        #[serde(skip_serializing_if = "str::is_empty")]
        namespace: &'a str,
        name: &'a str,
        #[serde(skip_serializing_if = "str::is_empty")]
        scope: &'a str,
    }
    let Key { kind, namespace, name, scope } = key;
    Written { kind: kind.info().name, namespace, name, scope }.serialize(serializer)
}

/// As the protocol names it: `PERMISSION_DENIED`.
pub(crate) fn code_name(code: Code) -> &'static str {
    match code {
        Code::Ok => "OK",
        Code::Cancelled => "CANCELLED",
        Code::Unknown => "UNKNOWN",
        Code::InvalidArgument => "INVALID_ARGUMENT",
        Code::DeadlineExceeded => "DEADLINE_EXCEEDED",
        Code::NotFound => "NOT_FOUND",
        Code::AlreadyExists => "ALREADY_EXISTS",
        Code::PermissionDenied => "PERMISSION_DENIED",
        Code::ResourceExhausted => "RESOURCE_EXHAUSTED",
        Code::FailedPrecondition => "FAILED_PRECONDITION",
        Code::Aborted => "ABORTED",
        Code::OutOfRange => "OUT_OF_RANGE",
        Code::Unimplemented => "UNIMPLEMENTED",
        Code::Internal => "INTERNAL",
        Code::Unavailable => "UNAVAILABLE",
        Code::DataLoss => "DATA_LOSS",
        Code::Unauthenticated => "UNAUTHENTICATED",
    }
}

fn rfc3339<S: Serializer>(at: &Timestamp, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(&humantime::format_rfc3339_millis(at.to_system_time()))
}

#[cfg(test)]
mod tests {
    use mainsheet_api::kind::Kind;

    use super::*;

    fn event() -> Event {
        let who = Who { user: "ana".into(), peer: Some("192.0.2.1:7".parse().unwrap()), ..Who::default() };
        Event::new(Action::Apply, Verdict::Done, (who, Timestamp(1_700_000_000_123)))
    }

    fn touched(name: &str) -> Touched {
        Touched { key: Key::new(Kind::VIRTUAL_SERVICE, "shop", name), outcome: "created" }
    }

    #[test]
    fn line_has_who_what_and_what_became_of_it() {
        let event = Event { resources: vec![touched("a")], revision: Some(7), ..event() };
        let expected = r#"{"action":"apply","at":"2023-11-14T22:13:20.123Z","verdict":"done","user":"ana","peer":"192.0.2.1:7","resources":[{"kind":"VirtualService","namespace":"shop","name":"a","outcome":"created"}],"revision":7}"#;
        assert_eq!(event.bodies(10), [expected]);
    }

    #[test]
    fn resources_that_do_not_fit_into_a_line_are_in_the_next_one() {
        let resources: Vec<_> = ["a", "b", "c"].map(touched).into();
        let bodies = Event { resources, ..event() }.bodies(2);
        assert_eq!(bodies.len(), 2);
        assert!(bodies[0].contains(r#""name":"b""#) && bodies[0].contains(r#""more":true"#), "{}", bodies[0]);
        assert!(bodies[1].contains(r#""name":"c""#) && !bodies[1].contains("more"), "{}", bodies[1]);
    }

    #[test]
    fn what_looks_secret_is_masked_and_lines_stay_lines() {
        let reason = "token=hunter2\nBearer hunter2".to_owned();
        let body = Event { reason, what: "login password: hunter2".into(), ..event() }.bodies(1).remove(0);
        assert!(!body.contains("hunter2") && !body.contains('\n'), "{body}");
    }
}
