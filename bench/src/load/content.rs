//! The resources of a load, as documents and as what a client must hold once they were written. The bodies are encoded
//! here, from Rust types, while the server makes them of documents.

use mainsheet_api::{
    generated::istio::networking::v1alpha3::{
        Destination, Headers, HttpRoute, HttpRouteDestination, VirtualService, headers::HeaderOperations,
    },
    key::Key,
    kind::Kind,
    resource::Resource,
    time::Timestamp,
    wire::{Any, Entry},
};
use prost::Message;
use serde_json::json;

use super::held::Parts;

/// The type that clients ask for.
pub(super) const TYPE_URL: &str = "networking.istio.io/v1/VirtualService";

const BODY_TYPE_URL: &str = "type.googleapis.com/istio.networking.v1alpha3.VirtualService";
const NAMESPACES: usize = 50;
const HEADER: &str = "x-load";

/// VirtualServices of one length. Each is of a number, and of a mark that tells its versions apart.
#[derive(Clone, Copy, Debug)]
pub(super) struct Content {
    /// Bytes of a body that are filled up to.
    pub(super) body_bytes: usize,
}

impl Content {
    /// In the form that `mainsheet apply` and folders take.
    pub(super) fn document(self, number: usize, mark: u64) -> String {
        let (namespace, name) = place(number);
        json!({
            "apiVersion": "networking.istio.io/v1",
            "kind": "VirtualService",
            "metadata": {"name": name, "namespace": namespace},
            "spec": {
                "hosts": [host(number)],
                "http": [{
                    "route": [{"destination": {"host": host(number)}}],
                    "headers": {"request": {"set": {HEADER: self.filling(number, mark)}}},
                }],
            },
        })
        .to_string()
    }

    /// What a client holds of it.
    pub(super) fn digest(self, number: usize, mark: u64) -> u64 {
        let (namespace, name) = place(number);
        let body =
            Any { type_url: BODY_TYPE_URL.into(), value: self.body(number, mark).encode_to_vec().into() };
        let encoded = body.encode_to_vec();
        let resource = Resource {
            key: Key::new(Kind::VIRTUAL_SERVICE, namespace, name),
            labels: [].into(),
            annotations: [].into(),
            body,
            upstream_version: None,
        };
        let entry = Entry::encode(&resource, Timestamp::default());
        Parts::of(&entry.name, entry.version.as_str(), &encoded).digest().all
    }

    fn body(self, number: usize, mark: u64) -> VirtualService {
        let destination = Destination { host: host(number), ..Default::default() };
        let set = [(HEADER.to_owned(), self.filling(number, mark))].into();
        let request = HeaderOperations { set, ..Default::default() };
        let http = HttpRoute {
            route: vec![HttpRouteDestination { destination: Some(destination), ..Default::default() }],
            headers: Some(Headers { request: Some(request), response: None }),
            ..Default::default()
        };
        VirtualService { hosts: vec![host(number)], http: vec![http], ..Default::default() }
    }

    /// The mark, and what makes the body as long as it is to be.
    fn filling(self, number: usize, mark: u64) -> String {
        /// Bytes of a body beside its hosts and this.
        const REST: usize = 32;
        let width = self.body_bytes.saturating_sub(2 * host(number).len() + REST);
        format!("{mark:0>20}").chars().chain("filling ".chars().cycle()).take(width.max(20)).collect()
    }
}

/// Namespace and name.
pub(super) fn place(number: usize) -> (String, String) {
    (format!("load-{}", number % NAMESPACES), format!("route-{number}"))
}

fn host(number: usize) -> String {
    format!("route-{number}.example.com")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bodies_are_as_long_as_they_are_to_be() {
        for number in [0, 9, 12_345] {
            let len = Content { body_bytes: 1024 }.body(number, 7).encoded_len();
            assert!((1020..=1030).contains(&len), "{number}: {len} bytes");
        }
    }

    #[test]
    fn numbers_and_marks_tell_resources_apart() {
        let content = Content { body_bytes: 100 };
        let digests = [(1, 1), (1, 2), (2, 1)].map(|(number, mark)| content.digest(number, mark));
        assert!(digests[0] != digests[1] && digests[0] != digests[2] && digests[1] != digests[2]);
        assert_eq!(content.digest(1, 1), digests[0]);
    }
}
