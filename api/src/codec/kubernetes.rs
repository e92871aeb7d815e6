//! Documents in Kubernetes form, and lists of them.

use std::collections::BTreeMap;

use super::{
    Content, Defaults, TYPE_URL_PREFIX, decoder,
    decoder::{Decoder, Form},
    descriptors,
    document::rejected,
    suggest,
    yaml::{Node, Value},
};
use crate::{
    key::Key,
    kind::{BodyPlace, Family, KINDS, Kind, KindInfo},
    resource::Resource,
    verdict::Finding,
    wire::Any,
};

/// Keys of a document. `status` is written by controllers and read by nobody here.
const TOP: [&str; 5] = ["apiVersion", "kind", "metadata", "spec", "status"];

/// Keys of a document whose body stands beside them.
const AROUND: [&str; 3] = ["apiVersion", "kind", "metadata"];

/// Keys of a list of documents.
const LIST: [&str; 4] = ["apiVersion", "kind", "metadata", "items"];

/// Keys of `metadata` that count.
const METADATA: [&str; 4] = ["name", "namespace", "labels", "annotations"];

/// Keys of `metadata` that an API server sets: what `kubectl get -o yaml` prints must be readable.
const METADATA_IGNORED: [&str; 11] = [
    "creationTimestamp",
    "deletionGracePeriodSeconds",
    "deletionTimestamp",
    "finalizers",
    "generateName",
    "generation",
    "managedFields",
    "ownerReferences",
    "resourceVersion",
    "selfLink",
    "uid",
];

/// What a document says it is.
#[derive(Clone, Copy)]
struct Says<'n> {
    api_version: &'n str,
    kind: &'n str,
}

impl<'n> Says<'n> {
    fn group(self) -> &'n str {
        self.api_version.split_once('/').map_or("", |(group, _)| group)
    }

    fn version(self) -> &'n str {
        self.api_version.split_once('/').map_or(self.api_version, |(_, version)| version)
    }

    fn what(self) -> String {
        format!("{}/{}", self.api_version, self.kind)
    }
}

/// Reads a document, or each item of a list.
pub(super) fn read(node: &Node<'_>, defaults: Defaults<'_>, push: &mut impl FnMut(&Node<'_>, Content)) {
    let says = match says(node, None) {
        Ok(says) => says,
        Err(content) => return push(node, content),
    };
    let Some(item_kind) = says.kind.strip_suffix("List") else {
        return push(node, one(node, says, defaults));
    };
    let known = row(says.group(), item_kind).is_some();
    if !known && says.what() != "v1/List" {
        return push(node, Content::Ignored { what: says.what() });
    }
    let inherited = known.then_some(Says { api_version: says.api_version, kind: item_kind });
    match items(node) {
        Err(findings) => push(node, Content::Rejected { key: None, findings }),
        Ok(items) => items.iter().for_each(|item| match self::says(item, inherited) {
            Ok(says) => push(item, one(item, says, defaults)),
            Err(content) => push(item, content),
        }),
    }
}

/// The items of a list. Of two `items` one would be lost, so the keys around them are looked at as closely as any.
fn items<'n, 't>(node: &'n Node<'t>) -> Result<&'n [Node<'t>], Vec<Finding>> {
    let mut decoder = Decoder::of_list(Form::Kubernetes, node.position);
    let mut items = &[][..];
    decoder.known(node.pairs().unwrap_or_default(), &LIST, |decoder, pair| {
        match (&*pair.key, &pair.value.value) {
            ("items", Value::List(list)) => items = list,
            ("items", _) => decoder.wrong_type("a list", &pair.value, "begin each item with `- `"),
            _ => {}
        }
    });
    if decoder.errors.is_empty() { Ok(items) } else { Err(decoder.errors) }
}

/// `apiVersion` and `kind`; items of a list of one kind may leave them to the list.
fn says<'n>(node: &'n Node<'_>, inherited: Option<Says<'n>>) -> Result<Says<'n>, Content> {
    if node.pairs().is_none() {
        let reason = format!("a document is a map, found {}", node.describe());
        return Err(rejected(None, node.position, ["not-a-document", &reason, ""]));
    }
    let find = |name: &str, inherited: Option<&'n str>| match node.get(name) {
        Some(value) if value.text().is_some_and(|text| !text.is_empty()) => {
            Ok(value.text().unwrap_or_default())
        }
        None if inherited.is_some() => Ok(inherited.unwrap_or_default()),
        found => {
            let position = found.map_or(node.position, |value| value.position);
            let code = if name == "kind" { "missing-kind" } else { "missing-api-version" };
            let reason = format!("the document has no `{name}`");
            let remedy = "every document needs apiVersion, kind and metadata.name";
            Err(rejected(None, position, [code, &reason, remedy]))
        }
    };
    Ok(Says {
        api_version: find("apiVersion", inherited.map(|says| says.api_version))?,
        kind: find("kind", inherited.map(|says| says.kind))?,
    })
}

/// The kind of a group and name, whatever the version.
fn row(group: &str, name: &str) -> Option<Kind> {
    let at =
        KINDS.iter().position(|row| row.family == Family::Istio && row.group == group && row.name == name)?;
    Kind::all().nth(at).filter(|kind| kind.info().from_documents)
}

fn one(node: &Node<'_>, says: Says<'_>, defaults: Defaults<'_>) -> Content {
    let Some(kind) = row(says.group(), says.kind) else { return of_no_kind(node, says) };
    let mut decoder = Decoder::new(Form::Kubernetes, node.position, defaults.unknown_fields);
    let (mut metadata, mut body) = (Metadata::default(), Vec::new());
    check_version(&mut decoder, node, says, kind);
    let pairs = node.pairs().unwrap_or_default().iter();
    let (known, around): (&[&str], Vec<_>) = match kind.info().place {
        BodyPlace::Spec => (&TOP, pairs.collect()),
        BodyPlace::BesideMetadata => {
            let (around, fields): (Vec<_>, Vec<_>) = pairs.partition(|pair| AROUND.contains(&&*pair.key));
            body = decoder.message_fields(descriptors::body(kind), fields);
            (&AROUND, around)
        }
    };
    decoder.known(around, known, |decoder, pair| match &*pair.key {
        "metadata" => metadata.read(decoder, &pair.value),
        "spec" => body = decoder.message(descriptors::body(kind), &pair.value),
        _ => {}
    });
    let key = metadata.key(kind, defaults);
    if key.is_none() && !metadata.name_refused {
        let remedy = "give it a name: it is what updates and deletions go by";
        decoder.refuse("missing-name", "metadata.name is missing", remedy);
    }
    let body = Any { type_url: format!("{TYPE_URL_PREFIX}{}", kind.info().message), value: body.into() };
    decoder.finish(key, |key| Resource {
        key,
        labels: metadata.labels,
        annotations: metadata.annotations,
        body,
        upstream_version: None,
    })
}

/// Of a group that is served, a kind that is not is a slip of the pen: nothing else lives there.
fn of_no_kind(node: &Node<'_>, says: Says<'_>) -> Content {
    let is_of_group =
        |row: &&KindInfo| row.family == Family::Istio && row.from_documents && row.group == says.group();
    let known: Vec<&str> = KINDS.iter().filter(is_of_group).map(|row| row.name).collect();
    if known.is_empty() {
        return Content::Ignored { what: says.what() };
    }
    let pair = node.pairs().and_then(|pairs| pairs.iter().find(|pair| pair.key == "kind"));
    let position = pair.map_or(node.position, |pair| pair.position);
    let reason = format!("`{}` has no kind `{}`", says.group(), says.kind);
    rejected(None, position, ["unknown-kind", &reason, &suggest::remedy(says.kind, known.into_iter())])
}

fn check_version(decoder: &mut Decoder, node: &Node<'_>, says: Says<'_>, kind: Kind) {
    if Kind::of_document(says.group(), says.version(), says.kind).is_some() {
        return;
    }
    let row = kind.info();
    let pair = node.pairs().and_then(|pairs| pairs.iter().find(|pair| pair.key == "apiVersion"));
    decoder.field("apiVersion", pair.map_or(node.position, |pair| pair.position), |decoder| {
        let reason = format!("{} is not served as `{}`", says.kind, says.api_version);
        let versions: Vec<String> =
            row.versions.iter().map(|version| format!("{}/{version}", row.group)).collect();
        decoder.refuse("unknown-version", reason, format!("served: {}", versions.join(", ")));
    });
}

#[derive(Default)]
struct Metadata {
    name: String,
    /// Whether something was already said of the name.
    name_refused: bool,
    namespace: String,
    labels: BTreeMap<String, String>,
    annotations: BTreeMap<String, String>,
}

impl Metadata {
    fn read(&mut self, decoder: &mut Decoder, node: &Node<'_>) {
        let Some(pairs) = node.pairs() else {
            self.name_refused = true;
            return decoder.wrong_type(
                "a map",
                node,
                "give it name, and namespace unless the default will do",
            );
        };
        let names: Vec<&str> = METADATA.into_iter().chain(METADATA_IGNORED).collect();
        decoder.known(pairs, &names, |decoder, pair| match &*pair.key {
            "name" => match decoder.text(&pair.value) {
                Some(name) => name.clone_into(&mut self.name),
                None => self.name_refused = true,
            },
            "namespace" => {
                self.namespace = decoder.text(&pair.value).unwrap_or_default().to_owned();
            }
            "labels" => self.labels = texts(decoder, &pair.value),
            "annotations" => self.annotations = texts(decoder, &pair.value),
            _ => {}
        });
    }

    fn key(&self, kind: Kind, defaults: Defaults<'_>) -> Option<Key> {
        let namespace = if self.namespace.is_empty() { defaults.namespace } else { &self.namespace };
        let key = Key::new(kind, namespace, &*self.name);
        (!self.name.is_empty()).then(|| Key { scope: defaults.scope.into(), ..key })
    }
}

/// Labels, annotations: texts only.
fn texts(decoder: &mut Decoder, node: &Node<'_>) -> BTreeMap<String, String> {
    let mut texts = BTreeMap::new();
    match node.pairs() {
        Some(pairs) => decoder.entries(pairs, |decoder, pair| {
            if let Some(text) = decoder.text(&pair.value) {
                texts.insert(pair.key.to_string(), text.to_owned());
            }
        }),
        None => decoder.wrong_type("a map of texts", node, ""),
    }
    texts
}

impl decoder::Decoder {
    /// A resource, unless something was refused or its key is unknown.
    pub(super) fn finish(self, key: Option<Key>, resource: impl FnOnce(Key) -> Resource) -> Content {
        match key {
            Some(key) if self.errors.is_empty() => {
                let resource = Box::new(resource(key));
                Content::Resource { resource, map: self.map, warnings: self.warnings }
            }
            key => Content::Rejected { key, findings: [self.errors, self.warnings].concat() },
        }
    }
}
