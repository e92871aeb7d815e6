//! Questions about the server itself on a discovery stream. They are answered once each, beside the session: nothing is
//! subscribed to, nothing is pushed, and what asks only them is no sink.

use std::sync::Arc;

use mainsheet_api::{
    limits::NODE_BYTES_MAX,
    wire::{ControlPlane, DeltaDiscoveryResponse, DiscoveryResponse, Frame, Node, Resource, message_frame},
    xds::server::Request,
};
use prost::Message as _;
use tonic::Status;

use crate::auth::Caller;
use crate::inspection::{Answer, Inspector, Question, is_inspection};

/// What nonces of these answers begin with: the session's own are numbers.
const NONCE: &str = "inspection-";

/// The questions of one stream.
pub(super) struct Inspection {
    inspector: Arc<dyn Inspector>,
    caller: Caller,
    answers: u64,
    /// Of the first request, where that was a question: the session has not seen it (rule 4).
    node: Option<Node>,
}

/// What a request is.
#[allow(clippy::large_enum_variant, reason = "made and taken apart at once, as every request is")]
pub(super) enum Asked {
    /// About configuration: for the session.
    Catalog(Request),
    /// About the server: here is the answer, unless the request only acknowledges an earlier one.
    Server(Option<Frame>),
}

impl Inspection {
    pub(super) fn new(inspector: Arc<dyn Inspector>, caller: Caller) -> Self {
        Self { inspector, caller, answers: 0, node: None }
    }

    /// Answers a request if it is for here.
    pub(super) async fn take(&mut self, mut request: Request) -> Result<Asked, Status> {
        let (type_url, nonce, node) = match &mut request {
            Request::Sotw(request) => (&request.type_url, &request.response_nonce, &mut request.node),
            Request::Delta(request) => (&request.type_url, &request.response_nonce, &mut request.node),
        };
        if !is_inspection(type_url) {
            if node.is_none() {
                *node = self.node.take();
            }
            return Ok(Asked::Catalog(request));
        }
        if nonce.starts_with(NONCE) {
            return Ok(Asked::Server(None));
        }
        self.node = self.node.take().or_else(|| node.take());
        if let Some(bytes) = self.node.as_ref().map(Node::encoded_len).filter(|&bytes| bytes > NODE_BYTES_MAX)
        {
            let text = format!("a node of {bytes} bytes: at most {NODE_BYTES_MAX} are kept with a question");
            return Err(Status::resource_exhausted(text));
        }
        self.answer(request).await.map(|frame| Asked::Server(Some(frame)))
    }

    async fn answer(&mut self, request: Request) -> Result<Frame, Status> {
        let (type_url, names, is_delta) = match request {
            Request::Sotw(request) => (request.type_url, request.resource_names, false),
            Request::Delta(request) => (request.type_url, request.resource_names_subscribe, true),
        };
        let question = Question { caller: self.caller.clone(), type_url: type_url.clone(), names };
        let answer = self.inspector.answer(question).await?;
        self.answers += 1;
        let nonce = format!("{NONCE}{}", self.answers);
        Ok(if is_delta { delta(type_url, nonce, answer) } else { sotw(type_url, nonce, answer) })
    }
}

fn sotw(type_url: String, nonce: String, answer: Answer) -> Frame {
    let control_plane = Some(ControlPlane { identifier: answer.identity });
    let resources = answer.resources;
    message_frame(&DiscoveryResponse { type_url, nonce, resources, control_plane, ..Default::default() })
}

fn delta(type_url: String, nonce: String, answer: Answer) -> Frame {
    let control_plane = Some(ControlPlane { identifier: answer.identity });
    let numbered = answer.resources.into_iter().enumerate();
    let resource =
        |(number, any)| Resource { name: format!("{number}"), resource: Some(any), ..Default::default() };
    let resources = numbered.map(resource).collect();
    message_frame(&DeltaDiscoveryResponse { type_url, nonce, resources, control_plane, ..Default::default() })
}
