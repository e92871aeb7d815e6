//! The config file: YAML to texts with positions. Nothing here knows what a value means.

use std::{collections::BTreeSet, fmt};

use mainsheet_api::verdict::Position;
use serde::{
    Deserialize, Deserializer,
    de::{MapAccess, SeqAccess, Visitor},
};
use serde_saphyr::{Location, Spanned};

use super::{Mistake, Origin, table};
use crate::views::ViewRule;

/// What a file gives.
#[derive(Debug, Default)]
pub(super) struct FileLayer {
    /// Settings of the table, with where they stand.
    pub(super) settings: Vec<(&'static table::Setting, String, Origin)>,
    /// The key `paths`, if it is there.
    pub(super) paths: Option<(Vec<String>, Origin)>,
    /// The key `views`.
    pub(super) views: Vec<ViewRule>,
    /// All that is wrong with the file's form.
    pub(super) mistakes: Vec<Mistake>,
}

/// Reads a file's text.
pub(super) fn read(path: &str, text: &str) -> FileLayer {
    let mut reader = Reader { path, layer: FileLayer::default() };
    match serde_saphyr::from_str::<Option<Node>>(text) {
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

/// The error's own text without the excerpt of the file that follows it, without the place, which is said already, and
/// without its advice for programmers.
fn one_line(error: &serde_saphyr::Error) -> String {
    let whole = error.without_snippet().to_string();
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
                let paths = self.texts("paths", value);
                self.layer.paths = Some((paths, self.origin(at)));
            }
            "views" => self.views(value),
            name => match (table::find(name), value.value) {
                (Some(setting), Node::Scalar(text) | Node::Word(text)) => {
                    let origin = self.origin(position(value.referenced));
                    self.layer.settings.push((setting, text, origin));
                }
                (Some(_), _) => {
                    self.mistake(at, &format!("`{name}` is not a single value"), "write `key: value`")
                }
                (None, _) => self.mistake(at, &format!("unknown key `{name}`"), &known(name)),
            },
        }
    }

    fn texts(&mut self, what: &str, value: Spanned<Node>) -> Vec<String> {
        let at = position(value.referenced);
        let Node::List(items) = value.value else {
            self.mistake(at, &format!("`{what}` is not a list"), &format!("write `{what}: [a, b]`"));
            return Vec::new();
        };
        let mut texts = Vec::new();
        for item in items {
            match item.value {
                Node::Scalar(text) => texts.push(text),
                Node::Word(word) => {
                    let wrong = format!("an item of `{what}` is read as `{word}`, not as a text");
                    self.mistake(position(item.referenced), &wrong, "put it in quotes");
                }
                _ => self.mistake(
                    position(item.referenced),
                    &format!("an item of `{what}` is not a text"),
                    "write a text",
                ),
            }
        }
        texts
    }

    fn views(&mut self, value: Spanned<Node>) {
        let Node::List(items) = value.value else {
            self.mistake(position(value.referenced), "`views` is not a list", RULE_FORM);
            return;
        };
        for item in items {
            self.view_rule(item);
        }
    }

    fn view_rule(&mut self, item: Spanned<Node>) {
        let at = position(item.referenced);
        let Node::Map(fields) = item.value else {
            return self.mistake(at, "an item of `views` is not a mapping", RULE_FORM);
        };
        let (mut nodes, mut namespaces) = (None, None);
        for (key, value) in fields {
            match (key.value.as_str(), value.value) {
                ("nodes", Node::Scalar(text)) => nodes = Some(text),
                ("namespaces", list) => {
                    let list = Spanned::new(list, value.referenced, value.defined);
                    namespaces = Some(self.texts("namespaces", list).into_iter().collect::<BTreeSet<_>>());
                }
                (name, _) => {
                    let wrong = format!("`{name}` of a view is unknown or of the wrong form");
                    self.mistake(position(key.referenced), &wrong, RULE_FORM);
                }
            }
        }
        match (nodes, namespaces) {
            (Some(nodes), Some(namespaces)) => self.layer.views.push(ViewRule { nodes, namespaces }),
            (None, _) => self.mistake(at, "a view has no `nodes`", RULE_FORM),
            (_, None) => self.mistake(at, "a view has no `namespaces`", RULE_FORM),
        }
    }
}

const RULE_FORM: &str = "write `- {nodes: \"sidecar~*\", namespaces: [shop]}`";

/// What to do about an unknown key: the nearest known one, or all of them.
fn known(wrong: &str) -> String {
    let names = || table::SETTINGS.iter().map(|setting| setting.name).chain(["paths", "views"]);
    let squeezed = |name: &str| name.to_ascii_lowercase().replace(['-', '_'], "");
    match names().find(|name| squeezed(name) == squeezed(wrong)) {
        Some(near) => format!("write `{near}`"),
        None => format!("known are: {}", names().collect::<Vec<_>>().join(", ")),
    }
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
