//! One session, driven by hand. Each test cites the rules of docs/protocol.md that it proves.

mod delta;
mod flow;
mod garbage;
mod mbb;
mod names;
mod pins;
mod sotw;
mod stream;
mod ttl;
mod types;

use std::{collections::BTreeMap, time::Duration};

use super::*;
use crate::{
    key::Key,
    kind::Kind,
    limits::ACK_GRACE,
    wire::{Any, DeltaDiscoveryResponse, DiscoveryResponse, Node as WireNode, Status, decode_frame},
    xds::testing::{TinyCatalog, TinyWorld, World, resource},
};

/// A session with its world, and the nonce of the newest response of each type.
struct Stream {
    variant: Variant,
    session: ServerSession<TinyCatalog>,
    world: TinyWorld,
    nonces: BTreeMap<String, String>,
    now: Uptime,
}

/// One response, read.
#[derive(Debug, Default, PartialEq)]
struct Reply {
    url: String,
    nonce: String,
    version: String,
    /// Names and bodies' values.
    resources: Vec<(String, String)>,
    removed: Vec<String>,
    control_plane: String,
}

impl Reply {
    fn is_empty(&self) -> bool {
        self.resources.is_empty() && self.removed.is_empty()
    }

    fn names(&self) -> Vec<&str> {
        self.resources.iter().map(|(name, _)| name.as_str()).collect()
    }
}

fn node() -> Option<WireNode> {
    Some(WireNode { id: "someone".into(), ..WireNode::default() })
}

fn texts(names: &[&str]) -> Vec<String> {
    names.iter().map(ToString::to_string).collect()
}

fn error() -> Option<Status> {
    Some(Status { code: 3, message: "no such thing".into(), ..Status::default() })
}

/// Namespace `a` for everything, and `b` for what only some may see.
fn key(kind: Kind, name: &str) -> Key {
    let (namespace, name) = name.split_once('/').unwrap_or(("a", name));
    Key::new(kind, namespace, name)
}

impl Stream {
    fn new(variant: Variant) -> Self {
        Self::with_view(variant, View::everything())
    }

    fn with_view(variant: Variant, view: View) -> Self {
        Self::of_world(TinyWorld::default(), variant, view)
    }

    fn of_world(mut world: TinyWorld, variant: Variant, view: View) -> Self {
        let session = ServerSession::new(variant, "server-1".into(), world.commit(&[]), view);
        Self { variant, session, world, nonces: BTreeMap::new(), now: Uptime::default() }
    }

    fn with_policy(variant: Variant, policy: &Policy) -> Self {
        let stream = Self::new(variant);
        Self { session: stream.session.with_policy(Arc::new(policy.clone())), ..stream }
    }

    fn sotw() -> Self {
        Self::new(Variant::Sotw)
    }

    fn delta() -> Self {
        Self::new(Variant::Delta)
    }

    /// Another stream to the same server.
    fn again(&mut self) -> Self {
        let mut world = TinyWorld::default();
        std::mem::swap(&mut world, &mut self.world);
        let session =
            ServerSession::new(self.variant, "server-1".into(), world.commit(&[]), View::everything());
        Self { variant: self.variant, session, world, nonces: BTreeMap::new(), now: self.now }
    }

    fn put(&mut self, kind: Kind, names: &[&str], value: &str) {
        let edits: Vec<_> =
            names.iter().map(|name| (key(kind, name), Some(resource(key(kind, name), value)))).collect();
        self.session.on_catalog(self.world.commit(&edits));
    }

    fn remove(&mut self, kind: Kind, names: &[&str]) {
        let edits: Vec<_> = names.iter().map(|name| (key(kind, name), None)).collect();
        self.session.on_catalog(self.world.commit(&edits));
    }

    fn send(&mut self, request: Request) -> Vec<Outcome> {
        self.session.on_request(request, self.now).unwrap()
    }

    /// SotW: these names, with the newest nonce of the type.
    fn ask(&mut self, url: &str, names: &[&str]) -> Vec<Outcome> {
        let response_nonce = self.nonces.get(url).cloned().unwrap_or_default();
        self.ask_with(url, names, DiscoveryRequest { response_nonce, ..Default::default() })
    }

    fn ask_with(&mut self, url: &str, names: &[&str], request: DiscoveryRequest) -> Vec<Outcome> {
        let (type_url, resource_names) = (url.into(), texts(names));
        self.send(Request::Sotw(DiscoveryRequest { node: node(), type_url, resource_names, ..request }))
    }

    fn nack(&mut self, url: &str, names: &[&str]) -> Vec<Outcome> {
        let response_nonce = self.nonces[url].clone();
        match self.variant {
            Variant::Sotw => {
                let error_detail = error();
                self.ask_with(
                    url,
                    names,
                    DiscoveryRequest { response_nonce, error_detail, ..Default::default() },
                )
            }
            Variant::Delta => self.send(Request::Delta(DeltaDiscoveryRequest {
                type_url: url.into(),
                response_nonce,
                error_detail: error(),
                ..Default::default()
            })),
        }
    }

    /// Delta: a change of the subscription, answering nothing.
    fn subscribe(&mut self, url: &str, subscribe: &[&str], unsubscribe: &[&str]) -> Vec<Outcome> {
        self.send(Request::Delta(DeltaDiscoveryRequest {
            node: node(),
            type_url: url.into(),
            resource_names_subscribe: texts(subscribe),
            resource_names_unsubscribe: texts(unsubscribe),
            ..Default::default()
        }))
    }

    /// Delta: the first request of a client that holds these versions.
    fn resume(&mut self, url: &str, subscribe: &[&str], held: &[(&str, &str)]) -> Vec<Outcome> {
        self.send(Request::Delta(DeltaDiscoveryRequest {
            node: node(),
            type_url: url.into(),
            resource_names_subscribe: texts(subscribe),
            initial_resource_versions: held
                .iter()
                .map(|(name, version)| (name.to_string(), version.to_string()))
                .collect(),
            ..Default::default()
        }))
    }

    /// ACKs the newest response of the type, with the subscription as it is.
    fn ack(&mut self, url: &str, names: &[&str]) -> Vec<Outcome> {
        match self.variant {
            Variant::Sotw => self.ask(url, names),
            Variant::Delta => {
                let response_nonce = self.nonces[url].clone();
                self.send(Request::Delta(DeltaDiscoveryRequest {
                    type_url: url.into(),
                    response_nonce,
                    ..Default::default()
                }))
            }
        }
    }

    fn next(&mut self) -> Option<Reply> {
        let push = self.session.render(self.now)?;
        let reply = match self.variant {
            Variant::Sotw => read_sotw(decode_frame(&push.frame).unwrap()),
            Variant::Delta => read_delta(decode_frame(&push.frame).unwrap()),
        };
        assert_eq!((push.sent.resources, push.sent.removed), (reply.resources.len(), reply.removed.len()));
        assert_eq!(
            (push.sent.nonce.0.as_str(), push.sent.version.as_str()),
            (&*reply.nonce, &*reply.version)
        );
        self.nonces.insert(reply.url.clone(), reply.nonce.clone());
        Some(reply)
    }

    fn reply(&mut self) -> Reply {
        self.next().expect("an answer")
    }

    /// The next answer, which is ACKed at once. SotW: for a subscription to these names.
    fn acked(&mut self, names: &[&str]) -> Reply {
        let reply = self.reply();
        self.ack(&reply.url.clone(), names);
        reply
    }

    fn assert_silent(&mut self) {
        assert_eq!(self.next(), None);
    }

    fn wait(&mut self, time: Duration) {
        self.now = self.now.after(time);
    }

    fn version_of(&self, kind: Kind, name: &str) -> String {
        let name = key(kind, name).wire_name();
        self.session.shown.catalog.get(kind, &View::everything(), &name).unwrap().version.to_string()
    }
}

fn read_sotw(response: DiscoveryResponse) -> Reply {
    Reply {
        url: response.type_url,
        nonce: response.nonce,
        version: response.version_info,
        resources: response.resources.iter().map(name_and_value).collect(),
        removed: Vec::new(),
        control_plane: response.control_plane.unwrap_or_default().identifier,
    }
}

fn read_delta(response: DeltaDiscoveryResponse) -> Reply {
    let read = |found: &crate::wire::Resource| {
        (found.name.clone(), name_and_value(found.resource.as_ref().unwrap()).1)
    };
    Reply {
        url: response.type_url,
        nonce: response.nonce,
        version: response.system_version_info,
        resources: response.resources.iter().map(read).collect(),
        removed: response.removed_resources,
        control_plane: response.control_plane.unwrap_or_default().identifier,
    }
}

/// Reads a body as [`resource`] makes it.
fn name_and_value(any: &Any) -> (String, String) {
    use prost::Message;
    #[derive(Clone, PartialEq, Message)]
    struct Body {
        #[prost(string, tag = "1")]
        name: String,
        #[prost(string, tag = "1000")]
        value: String,
    }
    let bytes = if any.type_url.ends_with("istio.mcp.v1alpha1.Resource") {
        let wrapped = crate::generated::istio::mcp::v1alpha1::Resource::decode(&any.value[..]).unwrap();
        wrapped.body.unwrap().value
    } else {
        any.value.clone()
    };
    let body = Body::decode(&bytes[..]).unwrap();
    (body.name, body.value)
}

fn vs() -> String {
    Kind::VIRTUAL_SERVICE.type_url()
}

fn cds() -> String {
    Kind::CLUSTER.type_url()
}

fn eds() -> String {
    Kind::ENDPOINTS.type_url()
}

fn rds() -> String {
    Kind::ROUTES.type_url()
}

fn lds() -> String {
    Kind::LISTENER.type_url()
}
