//! What is asked of `mainsheet.v1` here, and whether a write that failed was made.

use std::{net::Ipv4Addr, time::Duration};

use anyhow::{Context, Result};
use mainsheet_api::generated::{
    google::protobuf,
    mainsheet::v1::{
        ApplyRequest, ApplyResponse, DeleteRequest, DeleteResponse, Form, ListRequest, ListResponse,
        Manifest, ResourceKey, StatusRequest, StatusResponse, manifest,
    },
};
use tonic::{Code, Status};

use crate::api;

pub(super) const NAMESPACE: &str = "shop";

/// Larger than all that is written here.
const PAGE_SIZE: u32 = 1000;

#[derive(Clone)]
pub(super) struct Api(api::Api);

/// Why there is no revision.
pub(super) enum NotMade {
    /// It was said that nothing was written.
    Refused(Status),
    /// Nobody knows.
    Unknown(Status),
}

impl Api {
    pub(super) async fn connect(port: u16) -> Result<Self> {
        Ok(Self(api::Api::connect((Ipv4Addr::LOCALHOST, port).into()).await?))
    }

    /// Sets these to lead to a host of this number; for so long, where it is said.
    pub(super) async fn apply(
        &mut self,
        names: &[String],
        number: u64,
        ttl: Option<Duration>,
    ) -> Result<u64, NotMade> {
        let manifest = |name: &String| Manifest {
            form: Some(manifest::Form::Text(route(name, number))),
            ..Manifest::default()
        };
        let ttl = ttl.map(|ttl| protobuf::Duration { seconds: ttl.as_secs().cast_signed(), nanos: 0 });
        let request =
            ApplyRequest { manifests: names.iter().map(manifest).collect(), ttl, ..ApplyRequest::default() };
        let answer: Result<ApplyResponse, Status> = self.0.unary("Apply", request).await;
        answer.map(|answer| answer.revision).map_err(NotMade::of)
    }

    pub(super) async fn delete(&mut self, names: &[String]) -> Result<u64, NotMade> {
        let key = |name: &String| ResourceKey {
            kind: "VirtualService".into(),
            namespace: NAMESPACE.into(),
            name: name.clone(),
            ..ResourceKey::default()
        };
        let request = DeleteRequest { keys: names.iter().map(key).collect(), ..DeleteRequest::default() };
        let answer: Result<DeleteResponse, Status> = self.0.unary("Delete", request).await;
        answer.map(|answer| answer.revision).map_err(NotMade::of)
    }

    /// All that is served, as text.
    pub(super) async fn list(&mut self) -> Result<ListResponse> {
        let request = ListRequest { page_size: PAGE_SIZE, form: Form::Yaml.into(), ..ListRequest::default() };
        self.0.unary("List", request).await.context("list what is served")
    }

    /// The newest.
    pub(super) async fn revision(&mut self) -> Result<u64> {
        let answer: Result<StatusResponse, Status> = self.0.unary("Status", StatusRequest {}).await;
        Ok(answer.context("ask how the server is")?.revision)
    }
}

impl NotMade {
    pub(super) fn why(self) -> anyhow::Error {
        let (Self::Refused(status) | Self::Unknown(status)) = self;
        status.into()
    }

    /// A connection that breaks says nothing.
    fn of(status: Status) -> Self {
        match status.code() {
            Code::InvalidArgument | Code::FailedPrecondition | Code::ResourceExhausted => {
                Self::Refused(status)
            }
            _ => Self::Unknown(status),
        }
    }
}

/// A VirtualService that leads to a host of this number.
pub(super) fn route(name: &str, number: u64) -> String {
    format!(
        "apiVersion: networking.istio.io/v1\nkind: VirtualService\nmetadata:\n  name: {name}\n  namespace: {NAMESPACE}\n\
         spec:\n  hosts: [{name}.example]\n  http:\n  - route:\n    - destination: {{host: number-{number}.example}}\n"
    )
}

/// The number of the host that a route leads to.
pub(super) fn number(text: &str) -> Result<u64> {
    let (_, rest) = text.split_once("number-").context("a route of somebody else")?;
    let digits = rest.split_once('.').context("a host without an end")?.0;
    Ok(digits.parse()?)
}

#[test]
fn route_says_its_number() {
    assert_eq!(number(&route("a", 42)).unwrap(), 42);
}
