//! What a client that is granted something sees of a server, and of what belongs to others: not a byte, on any road.
//!
//! Clients here are on this machine, which is not trusted: each is nobody, to whom documents of access grant what they say.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    fmt::Write as _,
    path::Path,
};

use mainsheet_api::{
    generated::mainsheet::v1 as pb,
    wire::{DeltaDiscoveryRequest, DeltaDiscoveryResponse, DiscoveryRequest, DiscoveryResponse},
};
use mainsheet_server::{
    app::{Running, start},
    config::{ServedPath, Settings},
    generated::mainsheet_client::MainsheetClient,
    task::TaskSet,
};
use prost::Message as _;
use rand::{Rng as _, SeedableRng as _, rngs::StdRng};
use tempfile::TempDir;
use tonic::Code;

use crate::{
    app::{end, ready, settings},
    client::{Delta, Sotw, channel, names, node},
    http::get,
    mesh::{VIRTUAL_SERVICE, in_time},
    rig::replace,
};

const NAMESPACES: [&str; 3] = ["tenant-a", "tenant-b", "tenant-c"];

/// What is granted of a namespace.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Granted {
    Nothing,
    Names(BTreeSet<u8>),
    Everything,
}

/// What there is of a namespace: a content for each number.
type Services = BTreeMap<u8, u32>;

/// A server whose folder is an authority.
struct Tenants {
    folder: TempDir,
    running: Running,
    tasks: TaskSet,
}

impl Tenants {
    async fn start(written: impl FnOnce(&Path)) -> Self {
        let folder = tempfile::tempdir().unwrap();
        written(folder.path());
        let path = ServedPath { authority: true, ..ServedPath::from(folder.path().to_owned()) };
        let mut settings = Settings { paths: vec![path], ..settings(&[]) };
        settings.auth.trust_loopback = false;
        let (running, tasks) = start(&settings).await.unwrap();
        ready(&running).await;
        Self { folder, running, tasks }
    }

    async fn end(self) {
        end((self.running, self.tasks)).await.unwrap();
    }

    fn services(&self, namespace: &str, services: &Services) {
        write_services(self.folder.path(), namespace, services);
    }

    fn grant(&self, namespace: &str, granted: &Granted) {
        write_grant(self.folder.path(), namespace, granted);
    }
}

fn write_services(folder: &Path, namespace: &str, services: &Services) {
    let mut text = String::new();
    for (number, content) in services {
        write!(
            text,
            "apiVersion: networking.istio.io/v1\nkind: VirtualService\nmetadata: {{name: r{number}, namespace: \
             {namespace}}}\nspec: {{hosts: [g{content}.{namespace}.example], http: [{{route: [{{destination: {{host: \
             x}}}}]}}]}}\n---\n"
        )
        .unwrap();
    }
    replace(folder, &format!("{namespace}.yaml"), &text);
}

fn write_grant(folder: &Path, namespace: &str, granted: &Granted) {
    let names = match granted {
        Granted::Nothing => return replace(folder, &format!("access-{namespace}.yaml"), ""),
        Granted::Names(numbers) => {
            let names: Vec<_> = numbers.iter().map(|number| format!("r{number}")).collect();
            // No names at all would be any name.
            format!("resourceNames: [nobody, {}]", names.join(", "))
        }
        Granted::Everything => "resourceNames: []".to_owned(),
    };
    let text = format!(
        "apiVersion: rbac.authorization.k8s.io/v1\nkind: Role\nmetadata: {{name: read, namespace: {namespace}}}\nrules:\n\
         - apiGroups: [networking.istio.io]\n  resources: [virtualservices]\n  verbs: [get, list, watch]\n  {names}\n---\n\
         apiVersion: rbac.authorization.k8s.io/v1\nkind: RoleBinding\nmetadata: {{name: read, namespace: {namespace}}}\n\
         roleRef: {{apiGroup: rbac.authorization.k8s.io, kind: Role, name: read}}\n\
         subjects: [{{apiGroup: rbac.authorization.k8s.io, kind: Group, name: 'system:unauthenticated'}}]\n"
    );
    replace(folder, &format!("access-{namespace}.yaml"), &text);
}

/// Whether bytes say a namespace of which nothing is granted.
fn foreign(bytes: &[u8], known: impl Fn(&str) -> bool) -> Option<&'static str> {
    let says = |namespace: &&str| bytes.windows(namespace.len()).any(|window| window == namespace.as_bytes());
    NAMESPACES.into_iter().find(|namespace| says(namespace) && !known(namespace))
}

fn of(numbers: &[u8]) -> Services {
    numbers.iter().map(|number| (*number, 0)).collect()
}

#[tokio::test]
async fn live_streams_follow_what_is_granted() {
    let tenants = Tenants::start(|folder| {
        write_services(folder, "tenant-a", &of(&[1, 2]));
        write_services(folder, "tenant-b", &of(&[1, 2]));
        write_grant(folder, "tenant-a", &Granted::Everything);
    })
    .await;
    let server = tenants.running.grpc_addr();
    let (mut sotw, mut delta) = (Sotw::sotw(server).await, Delta::delta(server).await);
    sotw.subscribe(VIRTUAL_SERVICE).await;
    delta.subscribe(VIRTUAL_SERVICE).await;
    let (first, other) = (sotw.response().await, delta.response().await);
    assert_eq!(names(&first), ["tenant-a/r1", "tenant-a/r2"]);
    assert_eq!(other.resources.len(), 2);
    sotw.ack(&first).await;
    delta.ack(&other).await;
    // What is granted anew is added, a name alone as well as all.
    tenants.grant("tenant-b", &Granted::Names([2].into()));
    let (grown, other) = (sotw.response().await, delta.response().await);
    assert_eq!(names(&grown), ["tenant-a/r1", "tenant-a/r2", "tenant-b/r2"]);
    assert_eq!(other.resources.iter().map(|it| &*it.name).collect::<Vec<_>>(), ["tenant-b/r2"]);
    sotw.ack(&grown).await;
    delta.ack(&other).await;
    // What is taken away is removed.
    tenants.grant("tenant-b", &Granted::Nothing);
    let (shrunk, other) = (sotw.response().await, delta.response().await);
    assert_eq!(names(&shrunk), names(&first));
    assert_eq!(shrunk.version_info, first.version_info);
    assert_eq!((other.resources.len(), &*other.removed_resources), (0, &["tenant-b/r2".to_owned()][..]));
    sotw.ack(&shrunk).await;
    delta.ack(&other).await;
    // What changes beyond the view is nothing: the next that is told is of what comes after.
    tenants.services("tenant-b", &of(&[1, 2, 3]));
    tenants.services("tenant-a", &of(&[1]));
    let (next, other) = (sotw.response().await, delta.response().await);
    assert_eq!(names(&next), ["tenant-a/r1"]);
    assert_eq!((other.resources.len(), &*other.removed_resources), (0, &["tenant-a/r2".to_owned()][..]));
    tenants.end().await;
}

/// What a delta stream says of one name, asked for alone.
async fn asked(tenants: &Tenants, name: &str) -> DeltaDiscoveryResponse {
    let mut stream = Delta::delta(tenants.running.grpc_addr()).await;
    let request = DeltaDiscoveryRequest {
        node: Some(node("test-1")),
        type_url: VIRTUAL_SERVICE.into(),
        resource_names_subscribe: vec![name.into()],
        ..Default::default()
    };
    stream.send(request).await;
    stream.response().await
}

#[tokio::test]
async fn name_that_may_not_be_seen_is_answered_as_one_that_does_not_exist() {
    let tenants = Tenants::start(|folder| {
        write_services(folder, "tenant-a", &of(&[1]));
        write_services(folder, "tenant-b", &of(&[1]));
        write_grant(folder, "tenant-a", &Granted::Everything);
    })
    .await;
    let (hidden, missing) = (asked(&tenants, "tenant-b/r1").await, asked(&tenants, "tenant-b/r9").await);
    assert_eq!(hidden.removed_resources, ["tenant-b/r1"]);
    assert_eq!(
        DeltaDiscoveryResponse { removed_resources: missing.removed_resources.clone(), ..hidden },
        missing
    );
    tenants.end().await;
}

/// What the two clients of a run hold, and were ever allowed to be told.
struct Clients {
    sotw: Sotw,
    delta: Delta,
    held: [BTreeMap<String, Vec<u8>>; 2],
    versions: HashMap<Vec<(String, Vec<u8>)>, String>,
}

impl Clients {
    async fn connect(tenants: &Tenants) -> Self {
        let server = tenants.running.grpc_addr();
        let (sotw, delta) = (Sotw::sotw(server).await, Delta::delta(server).await);
        sotw.subscribe(VIRTUAL_SERVICE).await;
        delta.subscribe(VIRTUAL_SERVICE).await;
        Self { sotw, delta, held: Default::default(), versions: HashMap::new() }
    }

    fn on_sotw(&mut self, response: &DiscoveryResponse) {
        let bodies = response.resources.iter().map(|any| any.value.to_vec());
        self.held[0] = names(response).into_iter().zip(bodies).collect();
        let all: Vec<_> = self.held[0].clone().into_iter().collect();
        let version = self.versions.entry(all).or_insert_with(|| response.version_info.clone());
        assert_eq!(*version, response.version_info, "what is not seen changes no version");
    }

    fn on_delta(&mut self, response: &DeltaDiscoveryResponse) {
        for name in &response.removed_resources {
            assert!(self.held[1].remove(name).is_some(), "{name} was never told, and is said to be gone");
        }
        for resource in &response.resources {
            let body = resource.resource.as_ref().unwrap().value.to_vec();
            self.held[1].insert(resource.name.clone(), body);
        }
    }

    /// Takes what comes until both hold what they should. What comes meanwhile must be of what was granted before or is now.
    async fn settle(
        &mut self,
        wanted: &BTreeSet<String>,
        hosts: &[String],
        known: impl Fn(&str) -> bool + Copy,
    ) {
        let is_there = |held: &BTreeMap<String, Vec<u8>>| {
            held.keys().eq(wanted.iter())
                && hosts.iter().all(|host| {
                    held.values().any(|body| body.windows(host.len()).any(|window| window == host.as_bytes()))
                })
        };
        while !self.held.iter().all(is_there) {
            tokio::select! {
                response = self.sotw.responses.message() => {
                    let response = response.unwrap().expect("the stream goes on");
                    assert_eq!(foreign(&response.encode_to_vec(), known), None);
                    self.on_sotw(&response);
                    self.sotw.ack(&response).await;
                }
                response = self.delta.responses.message() => {
                    let response = response.unwrap().expect("the stream goes on");
                    assert_eq!(foreign(&response.encode_to_vec(), known), None);
                    self.on_delta(&response);
                    self.delta.ack(&response).await;
                }
            }
        }
    }
}

#[tokio::test]
async fn no_foreign_byte_is_told_whatever_is_granted_and_changed() {
    let mut dice = StdRng::seed_from_u64(7);
    let tenants = Tenants::start(|_| {}).await;
    let mut clients = Clients::connect(&tenants).await;
    let mut grants: BTreeMap<&str, Granted> =
        NAMESPACES.map(|namespace| (namespace, Granted::Nothing)).into();
    let mut services: BTreeMap<&str, Services> =
        NAMESPACES.map(|namespace| (namespace, Services::new())).into();
    for step in 1..=40 {
        let before = grants.clone();
        for namespace in NAMESPACES {
            if dice.random_ratio(1, 2) {
                let there = (0..4).filter(|_| dice.random_ratio(2, 3)).map(|number| (number, step));
                let there: Services = there.collect();
                tenants.services(namespace, &there);
                services.insert(namespace, there);
            }
        }
        let namespace = NAMESPACES[dice.random_range(0..NAMESPACES.len())];
        let granted = match dice.random_range(0..4) {
            0 => Granted::Nothing,
            1 => Granted::Everything,
            _ => Granted::Names((0..4).filter(|_| dice.random_ratio(1, 2)).collect()),
        };
        tenants.grant(namespace, &granted);
        grants.insert(namespace, granted);
        let sees = |namespace: &str, number: u8| match &grants[namespace] {
            Granted::Nothing => false,
            Granted::Names(numbers) => numbers.contains(&number),
            Granted::Everything => true,
        };
        let seen = services.iter().flat_map(|(namespace, there)| {
            there.iter().map(move |(number, content)| (*namespace, *number, *content))
        });
        let seen: Vec<_> = seen.filter(|(namespace, number, _)| sees(namespace, *number)).collect();
        let wanted = seen.iter().map(|(namespace, number, _)| format!("{namespace}/r{number}")).collect();
        let hosts: Vec<_> =
            seen.iter().map(|(namespace, _, content)| format!("g{content}.{namespace}.example")).collect();
        let known =
            |namespace: &str| [&before, &grants].iter().any(|grants| grants[namespace] != Granted::Nothing);
        in_time(&format!("step {step}"), clients.settle(&wanted, &hosts, known)).await;
    }
    tenants.end().await;
}

#[tokio::test]
async fn reading_methods_show_what_is_granted_and_refuse_the_rest_in_the_words_of_kubernetes() {
    let tenants = Tenants::start(|folder| {
        write_services(folder, "tenant-a", &of(&[1, 2]));
        write_services(folder, "tenant-b", &of(&[1]));
        write_grant(folder, "tenant-a", &Granted::Names([1].into()));
    })
    .await;
    let mut client = MainsheetClient::new(channel(tenants.running.grpc_addr()).await);
    let key = |namespace: &str, name: &str| {
        let (kind, namespace, name) = ("VirtualService".into(), namespace.into(), name.into());
        Some(pb::ResourceKey { kind, namespace, name, scope: String::new() })
    };
    let request = |key| pb::GetRequest { key, ..Default::default() };
    let found = client.get(request(key("tenant-a", "r1"))).await.unwrap().into_inner();
    assert_eq!(found.resource.unwrap().key.unwrap().name, "r1");
    for (namespace, name) in [("tenant-a", "r2"), ("tenant-a", "r9"), ("tenant-b", "r1"), ("tenant-b", "r9")]
    {
        let refused = client.get(request(key(namespace, name))).await.unwrap_err();
        assert_eq!(refused.code(), Code::PermissionDenied);
        assert_eq!(
            refused.message(),
            format!(
                "user \"system:anonymous\" cannot get resource \"virtualservices\" in API group \
                 \"networking.istio.io\" in the namespace \"{namespace}\""
            )
        );
    }
    let listed = client.list(pb::ListRequest::default()).await.unwrap().into_inner();
    assert_eq!(listed.resources.len(), 1);
    assert_eq!(foreign(&listed.encode_to_vec(), |namespace| namespace == "tenant-a"), None);
    let of_b = pb::Selection { namespaces: vec!["tenant-b".into()], ..Default::default() };
    let refused =
        client.list(pb::ListRequest { selection: Some(of_b), ..Default::default() }).await.unwrap_err();
    assert_eq!(refused.code(), Code::PermissionDenied);
    let history = pb::HistoryRequest { with_changes: true, ..Default::default() };
    let history = client.history(history).await.unwrap().into_inner();
    assert_eq!(foreign(&history.encode_to_vec(), |namespace| namespace == "tenant-a"), None);
    let changes: Vec<_> = history.revisions.iter().flat_map(|one| &one.changes).collect();
    assert!(changes.iter().all(|change| change.key.as_ref().unwrap().name == "r1") && !changes.is_empty());
    assert!(history.revisions.iter().all(|one| one.added + one.changed + one.removed == 1));
    for refused in [
        client.sinks(pb::SinksRequest::default()).await.unwrap_err(),
        client.status(pb::StatusRequest::default()).await.unwrap_err(),
    ] {
        assert_eq!(refused.code(), Code::PermissionDenied, "{}", refused.message());
    }
    // A watch ends when what is shown is another set.
    let mut watch = client.watch(pb::WatchRequest::default()).await.unwrap().into_inner();
    in_time("the beginning", watch.message()).await.unwrap();
    tenants.grant("tenant-a", &Granted::Everything);
    let ended = in_time("the end", async {
        loop {
            if let Err(status) = watch.message().await {
                return status;
            }
        }
    })
    .await;
    assert_eq!(ended.code(), Code::Aborted, "{}", ended.message());
    tenants.end().await;
}

#[tokio::test]
async fn pages_are_closed_to_whom_their_path_is_not_granted() {
    let tenants = Tenants::start(|folder| write_services(folder, "tenant-b", &of(&[1]))).await;
    let http = tenants.running.http_addr();
    for path in ["/metrics", "/debug", "/debug/configz", "/debug/syncz", "/debug/sources"] {
        let refused = format!("user \"system:anonymous\" cannot get path \"{path}\"\n");
        assert_eq!(get(http, path).await, (403, refused));
    }
    assert_eq!(get(http, "/healthz/live").await.0, 200);
    let mut stream = Sotw::sotw(tenants.running.grpc_addr()).await;
    let question = DiscoveryRequest {
        node: Some(node("test-1")),
        type_url: "istio.io/debug/syncz".into(),
        ..Default::default()
    };
    stream.send(question).await;
    assert_eq!(stream.end().await.unwrap_err().code(), Code::PermissionDenied);
    tenants.end().await;
}
