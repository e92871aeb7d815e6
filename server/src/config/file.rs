//! The config file: YAML to texts with positions. Nothing here knows what a value means.

use std::{collections::BTreeSet, fmt};

use mainsheet_api::{codec, verdict::Position};
use serde::{
    Deserialize, Deserializer,
    de::{MapAccess, SeqAccess, Visitor},
};
use serde_saphyr::{Location, Spanned, budget::BudgetBreach};

use super::{
    Mistake, Origin, table,
    upstream::{UPSTREAM_SETTINGS, UpstreamSetting},
};
use crate::views::ViewRule;

/// What a file gives.
#[derive(Debug, Default)]
pub(super) struct FileLayer {
    /// Settings of the table, with where they stand.
    pub(super) settings: Vec<(&'static table::Setting, String, Origin)>,
    /// The key `paths`, if it is there.
    pub(super) paths: Option<(Vec<PathItem>, Origin)>,
    /// The key `upstreams`, if it is there.
    pub(super) upstreams: Option<(Vec<UpstreamItem>, Origin)>,
    /// The key `views`, if it is there.
    pub(super) views: Option<(Vec<ViewRule>, Origin)>,
    /// All that is wrong with the file's form.
    pub(super) mistakes: Vec<Mistake>,
}

/// An item of `paths`.
#[derive(Debug)]
pub(super) struct PathItem {
    pub(super) path: String,
    /// What is set for it alone, with where it stands.
    pub(super) settings: Vec<(&'static table::PathSetting, String, Origin)>,
}

impl PathItem {
    /// One for which nothing is set.
    pub(super) fn of(path: String) -> Self {
        Self { path, settings: Vec::new() }
    }
}

/// An item of `upstreams`.
#[derive(Debug)]
pub(super) struct UpstreamItem {
    /// With commas between them.
    pub(super) addresses: String,
    /// Where it stands.
    pub(super) origin: Origin,
    /// What is set for it alone, with where it stands.
    pub(super) settings: Vec<(&'static UpstreamSetting, String, Origin)>,
}

impl UpstreamItem {
    /// One for which nothing is set.
    pub(super) fn of(addresses: &str, origin: Origin) -> Self {
        Self { addresses: addresses.to_owned(), origin, settings: Vec::new() }
    }
}

/// Reads a file's text.
pub(super) fn read(path: &str, text: &str) -> FileLayer {
    let mut reader = Reader { path, layer: FileLayer::default() };
    match parse(text) {
        Ok(None) => {}
        Ok(Some(Node::Map(fields))) => fields.into_iter().for_each(|(key, value)| reader.field(key, value)),
        Ok(Some(_)) => {
            reader.mistake(Position { line: 1, column: 1 }, "not a mapping", "write `key: value` lines")
        }
        Err(error) => {
            let at = error.location().map(position).unwrap_or_default();
            reader.mistake(at, &one_line(&error), "write YAML, a `key: value` a line");
        }
    }
    reader.layer
}

/// Lists and maps within each other: the deepest that mean something are four. Reading recurses, and must not end a server
/// that is told to read its file again.
const DEPTH_MAX: usize = 8;

fn parse(text: &str) -> Result<Option<Node>, serde_saphyr::Error> {
    let options = serde_saphyr::options! { budget: serde_saphyr::budget! { max_depth: DEPTH_MAX } };
    serde_saphyr::from_str_with_options(text, options)
}

/// The error's own text without the excerpt of the file that follows it, without the place, which is said already, and
/// without its advice for programmers.
fn one_line(error: &serde_saphyr::Error) -> String {
    let error = error.without_snippet();
    if let serde_saphyr::Error::Budget { breach: BudgetBreach::Depth { .. }, .. } = error {
        return format!("nested deeper than {DEPTH_MAX} levels");
    }
    let whole = error.to_string();
    let line = whole.lines().next().unwrap_or_default();
    let line = line.split(" at line ").next().unwrap_or(line);
    line.split(", set DuplicateKeyPolicy").next().unwrap_or(line).to_owned()
}

struct Reader<'a> {
    path: &'a str,
    layer: FileLayer,
}

impl Reader<'_> {
    fn origin(&self, position: Position) -> Origin {
        Origin::File { path: self.path.to_owned(), position }
    }

    fn mistake(&mut self, at: Position, wrong: &str, right: &str) {
        let origin = self.origin(at);
        self.layer.mistakes.push(Mistake { origin, wrong: wrong.to_owned(), right: right.to_owned() });
    }

    fn field(&mut self, key: Spanned<String>, value: Spanned<Node>) {
        let at = position(key.referenced);
        match key.value.as_str() {
            "paths" => {
                let paths = self.paths(value);
                self.layer.paths = Some((paths, self.origin(at)));
            }
            "upstreams" => {
                let items = self.list("upstreams", value, UPSTREAMS_FORM);
                let upstreams = items.into_iter().filter_map(|item| self.upstream(item)).collect();
                self.layer.upstreams = Some((upstreams, self.origin(at)));
            }
            "views" => {
                let views = self.views(value);
                self.layer.views = Some((views, self.origin(at)));
            }
            name => match (table::find(name), value.value) {
                (Some(setting), Node::Scalar(text) | Node::Word(text)) => {
                    let origin = self.origin(position(value.referenced));
                    self.layer.settings.push((setting, text, origin));
                }
                (Some(_), _) => {
                    self.mistake(at, &format!("`{name}` is not a single value"), "write `key: value`")
                }
                (None, _) => {
                    let known = table::SETTINGS.iter().map(|setting| setting.name);
                    let right = codec::suggestion(name, known.chain(["paths", "upstreams", "views"]));
                    self.mistake(at, &format!("unknown key `{name}`"), &right);
                }
            },
        }
    }

    fn paths(&mut self, value: Spanned<Node>) -> Vec<PathItem> {
        let items = self.list("paths", value, PATHS_FORM);
        items.into_iter().filter_map(|item| self.path_item(item)).collect()
    }

    fn path_item(&mut self, item: Spanned<Node>) -> Option<PathItem> {
        let at = position(item.referenced);
        let Node::Map(fields) = item.value else {
            let path = self.text("an item of `paths`", item)?;
            return Some(PathItem::of(path));
        };
        let (mut path, mut settings) = (None, Vec::new());
        for (key, value) in fields {
            let (name, value_at) = (key.value.as_str(), position(value.referenced));
            let setting = table::PATH_SETTINGS.iter().find(|setting| setting.name == name);
            match (setting, value.value) {
                (None, node) if name == "path" => {
                    let value = Spanned::new(node, value.referenced, value.defined);
                    path = Some(self.text("the `path` of a path", value));
                }
                (Some(setting), Node::Scalar(text) | Node::Word(text)) => {
                    settings.push((setting, text, self.origin(value_at)));
                }
                _ => {
                    let wrong = format!("`{name}` of a path is unknown or of the wrong form");
                    self.mistake(position(key.referenced), &wrong, PATHS_FORM);
                }
            }
        }
        if path.is_none() {
            self.mistake(at, "an item of `paths` has no `path`", PATHS_FORM);
        }
        Some(PathItem { path: path??, settings })
    }

    fn upstream(&mut self, item: Spanned<Node>) -> Option<UpstreamItem> {
        let at = position(item.referenced);
        let origin = self.origin(at);
        let Node::Map(fields) = item.value else {
            let addresses = self.text("an item of `upstreams`", item)?;
            return Some(UpstreamItem::of(&addresses, origin));
        };
        let (mut addresses, mut settings) = (None, Vec::new());
        for (key, value) in fields {
            let (name, value_at) = (key.value.as_str(), position(value.referenced));
            let setting = UPSTREAM_SETTINGS.iter().find(|setting| setting.name == name);
            match (setting, texts(value.value)) {
                (None, Some(text)) if name == "address" => addresses = Some(text),
                (Some(setting), Some(text)) => settings.push((setting, text, self.origin(value_at))),
                _ => {
                    let wrong = format!("`{name}` of an upstream is unknown or of the wrong form");
                    self.mistake(position(key.referenced), &wrong, UPSTREAMS_FORM);
                }
            }
        }
        if addresses.is_none() {
            self.mistake(at, "an item of `upstreams` has no `address`", UPSTREAMS_FORM);
        }
        Some(UpstreamItem { addresses: addresses?, origin, settings })
    }

    fn list(&mut self, what: &str, value: Spanned<Node>, form: &str) -> Vec<Spanned<Node>> {
        match value.value {
            Node::List(items) => items,
            _ => {
                self.mistake(position(value.referenced), &format!("`{what}` is not a list"), form);
                Vec::new()
            }
        }
    }

    fn text(&mut self, what: &str, value: Spanned<Node>) -> Option<String> {
        let at = position(value.referenced);
        match value.value {
            Node::Scalar(text) => return Some(text),
            Node::Word(word) => {
                let wrong = format!("{what} is read as `{word}`, not as a text");
                self.mistake(at, &wrong, "put it in quotes");
            }
            _ => self.mistake(at, &format!("{what} is not a text"), "write a text"),
        }
        None
    }

    fn views(&mut self, value: Spanned<Node>) -> Vec<ViewRule> {
        let items = self.list("views", value, RULE_FORM);
        items.into_iter().filter_map(|item| self.view_rule(item)).collect()
    }

    fn view_rule(&mut self, item: Spanned<Node>) -> Option<ViewRule> {
        let at = position(item.referenced);
        let Node::Map(fields) = item.value else {
            self.mistake(at, "an item of `views` is not a mapping", RULE_FORM);
            return None;
        };
        let (mut nodes, mut namespaces) = (None, None);
        for (key, value) in fields {
            match (key.value.as_str(), value.value) {
                ("nodes", Node::Scalar(text)) => nodes = Some(text),
                ("namespaces", list) => {
                    let list = Spanned::new(list, value.referenced, value.defined);
                    let items = self.list("namespaces", list, "write `namespaces: [a, b]`");
                    let names =
                        items.into_iter().filter_map(|item| self.text("an item of `namespaces`", item));
                    namespaces = Some(names.collect::<BTreeSet<_>>());
                }
                (name, _) => {
                    let wrong = format!("`{name}` of a view is unknown or of the wrong form");
                    self.mistake(position(key.referenced), &wrong, RULE_FORM);
                }
            }
        }
        match (nodes, namespaces) {
            (Some(nodes), Some(namespaces)) => return Some(ViewRule { nodes, namespaces }),
            (None, _) => self.mistake(at, "a view has no `nodes`", RULE_FORM),
            (_, None) => self.mistake(at, "a view has no `namespaces`", RULE_FORM),
        }
        None
    }
}

/// A text, or a list of them with commas between.
fn texts(node: Node) -> Option<String> {
    match node {
        Node::Scalar(text) => Some(text),
        Node::List(items) => {
            let texts = items.into_iter().map(|item| match item.value {
                Node::Scalar(text) => Some(text),
                Node::Word(_) | Node::List(_) | Node::Map(_) => None,
            });
            Some(texts.collect::<Option<Vec<_>>>()?.join(","))
        }
        Node::Word(_) | Node::Map(_) => None,
    }
}

const UPSTREAMS_FORM: &str = "write `upstreams: [xds://a:15010, {address: xds://b:15010, variant: sotw}]`";

const PATHS_FORM: &str = "write `paths: [a, {path: b, unknown-fields: warn}]`";

const RULE_FORM: &str = "write `- {nodes: \"sidecar~*\", namespaces: [shop]}`";

/// Whether a text that stands without quotes is read as it is, as an item of a list or after a key. `as_name`: not even as
/// a boolean or a number that happens to be written the same.
pub(super) fn reads_as_itself(text: &str, as_name: bool) -> bool {
    let Ok(Some(Node::Map(fields))) = parse(&format!("key:\n- key: {text}  # comment\n- {text}\n")) else {
        return false;
    };
    let is_same = |node: &Node| match node {
        Node::Scalar(read) => read == text,
        Node::Word(read) => !as_name && read == text,
        Node::List(_) | Node::Map(_) => false,
    };
    let [(_, list)] = &fields[..] else { return false };
    let Node::List(items) = &list.value else { return false };
    let [keyed, item] = &items[..] else { return false };
    let Node::Map(keyed) = &keyed.value else { return false };
    matches!(&keyed[..], [(_, value)] if is_same(&value.value)) && is_same(&item.value)
}

fn position(location: Location) -> Position {
    let narrow = |number: u64| u32::try_from(number).unwrap_or(u32::MAX);
    Position { line: narrow(location.line()), column: narrow(location.column()) }
}

/// Any YAML.
#[derive(Debug)]
enum Node {
    /// A text.
    Scalar(String),
    /// A word that YAML takes for a boolean or a number, in YAML's own spelling: what its author wrote is lost, so it
    /// can't stand where a name is meant.
    Word(String),
    List(Vec<Spanned<Node>>),
    Map(Vec<(Spanned<String>, Spanned<Node>)>),
}

impl<'de> Deserialize<'de> for Node {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(NodeVisitor)
    }
}

struct NodeVisitor;

impl<'de> Visitor<'de> for NodeVisitor {
    type Value = Node;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_bool<E>(self, value: bool) -> Result<Node, E> {
        Ok(Node::Word(value.to_string()))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Node, E> {
        Ok(Node::Word(value.to_string()))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Node, E> {
        Ok(Node::Word(value.to_string()))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Node, E> {
        Ok(Node::Word(value.to_string()))
    }

    fn visit_str<E>(self, value: &str) -> Result<Node, E> {
        Ok(Node::Scalar(value.to_owned()))
    }

    fn visit_unit<E>(self) -> Result<Node, E> {
        Ok(Node::Scalar(String::new()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Node, A::Error> {
        let mut list = Vec::new();
        while let Some(item) = items.next_element()? {
            list.push(item);
        }
        Ok(Node::List(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut fields: A) -> Result<Node, A::Error> {
        let mut map = Vec::new();
        while let Some(field) = fields.next_entry()? {
            map.push(field);
        }
        Ok(Node::Map(map))
    }
}
