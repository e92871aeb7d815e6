//! Nodes out of a parser's events, without recursion: an author's nesting is not our stack's.

use std::{borrow::Cow, collections::HashMap};

use super::{Node, Pair, Problem, Value};
use crate::{
    limits::{ALIAS_BYTES_MAX, ALIAS_NODES_MAX, DOCUMENT_DEPTH_MAX, KEY_BYTES_MAX},
    verdict::Position,
};

const TOO_DEEP: Problem = Problem {
    code: "too-deep",
    reason: "values are nested deeper than 128 levels",
    remedy: "no kind needs more than about 40 levels",
};
const COMPLEX_KEY: Problem = Problem {
    code: "key-not-text",
    reason: "a key is a list, a map or an alias of one",
    remedy: "write the key as text",
};
const MERGE_KEY: Problem = Problem {
    code: "merge-key",
    // One YAML version knows them and the other does not, and what one file says would stand at two places.
    reason: "merge keys (`<<`) are not part of YAML 1.2",
    remedy: "repeat the fields, or alias the whole value",
};
const TAG: Problem = Problem {
    code: "tag",
    reason: "tags (`!!int`, `!name`) are not read",
    remedy: "leave the tag out; quote what shall be a text",
};
const UNKNOWN_ALIAS: Problem = Problem {
    code: "unknown-alias",
    reason: "an alias names an anchor that is not complete before it",
    remedy: "define the anchor (`&name`) earlier in the same document",
};
const TOO_MANY_ALIASES: Problem = Problem {
    code: "too-many-aliases",
    reason: "anchors and aliases expand to more than 100000 values or 4 MiB of text",
    remedy: "repeat less: aliases of aliases grow exponentially",
};
const LONG_KEY: Problem = Problem {
    code: "key-too-long",
    reason: "a key is longer than 8192 bytes",
    remedy: "names of fields, labels and annotations take less than 400",
};
const _: () = assert!(
    DOCUMENT_DEPTH_MAX == 128
        && ALIAS_NODES_MAX == 100_000
        && ALIAS_BYTES_MAX == 4 << 20
        && KEY_BYTES_MAX == 8192,
    "the texts above name the numbers"
);

/// A list or map that is not complete.
#[derive(Debug)]
struct Frame<'t> {
    position: Position,
    anchor: usize,
    tagged: bool,
    size: Size,
    holds: Holds<'t>,
}

#[derive(Debug)]
enum Holds<'t> {
    List(Vec<Node<'t>>),
    Map { pairs: Vec<Pair<'t>>, key: Option<MapKey<'t>> },
}

#[derive(Debug)]
struct MapKey<'t> {
    text: Cow<'t, str>,
    position: Position,
    problem: Option<Problem>,
}

/// What a copy of a node takes.
#[derive(Clone, Copy, Debug, Default)]
struct Size {
    nodes: usize,
    /// Of keys and texts. Those that are borrowed count too: what is made of the tree copies them.
    bytes: usize,
    height: usize,
}

impl Size {
    fn of_scalar(bytes: usize) -> Self {
        Self { nodes: 1, bytes, height: 0 }
    }

    /// Adds what stands within a list or map.
    fn add(&mut self, inner: Self) {
        self.nodes += inner.nodes;
        self.bytes += inner.bytes;
        self.height = self.height.max(inner.height + 1);
    }
}

/// A complete node with its size.
#[derive(Clone, Debug)]
struct Sized<'t> {
    node: Node<'t>,
    size: Size,
}

impl Sized<'_> {
    fn problem(problem: Problem, position: Position) -> Self {
        Self { node: Node { position, value: Value::Problem(problem) }, size: Size::of_scalar(0) }
    }
}

/// What was copied for anchors and aliases.
#[derive(Debug, Default)]
struct Copied {
    nodes: usize,
    bytes: usize,
}

impl Copied {
    /// Counts one more copy; `false`: one too many, not counted.
    fn take(&mut self, size: Size) -> bool {
        let (nodes, bytes) = (self.nodes + size.nodes, self.bytes + size.bytes);
        if nodes > ALIAS_NODES_MAX || bytes > ALIAS_BYTES_MAX {
            return false;
        }
        *self = Self { nodes, bytes };
        true
    }
}

/// Takes the events of one document.
#[derive(Debug, Default)]
pub(super) struct Builder<'t> {
    frames: Vec<Frame<'t>>,
    anchors: HashMap<usize, Sized<'t>>,
    copied: Copied,
    /// Collections that are open and too deep to be kept.
    skipped: usize,
    root: Option<Node<'t>>,
}

/// What stands before a node.
#[derive(Clone, Copy, Debug)]
pub(super) struct Properties {
    pub(super) position: Position,
    /// 0 without one.
    pub(super) anchor: usize,
    pub(super) tagged: bool,
}

impl<'t> Builder<'t> {
    /// The document's tree, once its end was seen. `None`: nothing but comments.
    pub(super) fn finish(self) -> Option<Node<'t>> {
        self.root
    }

    pub(super) fn scalar(&mut self, text: Cow<'t, str>, quoted: bool, properties: Properties) {
        if self.skipped > 0 {
            return;
        }
        let awaits_key = self.awaits_key();
        let size = Size::of_scalar(text.len());
        let value = match (properties.tagged, quoted || awaits_key) {
            (true, _) => Value::Problem(TAG),
            (false, true) => Value::Text(text),
            (false, false) => super::scalar::plain(text),
        };
        let sized = Sized { node: Node { position: properties.position, value }, size };
        self.keep_anchor(properties.anchor, &sized);
        if awaits_key && !quoted && sized.node.text() == Some("<<") {
            self.put_key("<<".into(), properties.position, Some(MERGE_KEY));
        } else {
            self.put(sized);
        }
    }

    pub(super) fn start_list(&mut self, properties: Properties) {
        self.start(properties, Holds::List(Vec::new()));
    }

    pub(super) fn start_map(&mut self, properties: Properties) {
        self.start(properties, Holds::Map { pairs: Vec::new(), key: None });
    }

    fn start(&mut self, properties: Properties, holds: Holds<'t>) {
        if self.skipped > 0 || self.frames.len() >= DOCUMENT_DEPTH_MAX {
            self.skipped += 1;
            return;
        }
        let Properties { position, anchor, tagged } = properties;
        let size = Size { nodes: 1, bytes: 0, height: 1 };
        self.frames.push(Frame { position, anchor, tagged, size, holds });
    }

    /// A list or map ends.
    pub(super) fn end(&mut self, end: Position) {
        if self.skipped > 0 {
            self.skipped -= 1;
            if self.skipped == 0 {
                self.put_problem(TOO_DEEP, end);
            }
            return;
        }
        let Some(Frame { position, anchor, tagged, size, holds }) = self.frames.pop() else {
            return;
        };
        let value = match holds {
            _ if tagged => Value::Problem(TAG),
            Holds::List(items) => Value::List(items),
            Holds::Map { pairs, .. } => Value::Map(pairs),
        };
        let sized = Sized { node: Node { position, value }, size };
        self.keep_anchor(anchor, &sized);
        self.put(sized);
    }

    pub(super) fn alias(&mut self, anchor: usize, position: Position) {
        if self.skipped > 0 {
            return;
        }
        let Some(sized) = self.anchors.get(&anchor) else { return self.put_problem(UNKNOWN_ALIAS, position) };
        if self.frames.len() + sized.size.height > DOCUMENT_DEPTH_MAX {
            return self.put_problem(TOO_DEEP, position);
        }
        if !self.copied.take(sized.size) {
            return self.put_problem(TOO_MANY_ALIASES, position);
        }
        let sized = sized.clone();
        self.put(sized);
    }

    pub(super) fn unknown_alias(&mut self, position: Position) {
        if self.skipped == 0 {
            self.put_problem(UNKNOWN_ALIAS, position);
        }
    }

    fn put_problem(&mut self, problem: Problem, position: Position) {
        self.put(Sized::problem(problem, position));
    }

    /// An anchor too many is not kept: its aliases are then unknown, and counted the same way.
    fn keep_anchor(&mut self, anchor: usize, sized: &Sized<'t>) {
        if anchor == 0 {
            return;
        }
        let kept = if self.copied.take(sized.size) {
            sized.clone()
        } else {
            Sized::problem(TOO_MANY_ALIASES, sized.node.position)
        };
        self.anchors.insert(anchor, kept);
    }

    fn awaits_key(&self) -> bool {
        matches!(self.frames.last(), Some(Frame { holds: Holds::Map { key: None, .. }, .. }))
    }

    fn put(&mut self, sized: Sized<'t>) {
        let Sized { node, size } = sized;
        if self.awaits_key() {
            let (text, problem) = match node.value {
                Value::Text(text) | Value::Ambiguous(text) | Value::Number(text) => (text, None),
                Value::Bool(value) => (Cow::from(value.to_string()), None),
                Value::Problem(problem) => (Cow::from("?"), Some(problem)),
                Value::Null | Value::List(_) | Value::Map(_) => (Cow::from("?"), Some(COMPLEX_KEY)),
            };
            return self.put_key(text, node.position, problem);
        }
        let Some(frame) = self.frames.last_mut() else {
            self.root.get_or_insert(node);
            return;
        };
        frame.size.add(size);
        match &mut frame.holds {
            Holds::List(items) => items.push(node),
            Holds::Map { pairs, key } => {
                let Some(MapKey { text, position, problem }) = key.take() else { return };
                let value = match problem {
                    Some(problem) => Node { position, value: Value::Problem(problem) },
                    None => node,
                };
                pairs.push(Pair { key: text, position, value });
            }
        }
    }

    fn put_key(&mut self, text: Cow<'t, str>, position: Position, problem: Option<Problem>) {
        let (text, problem) =
            if text.len() > KEY_BYTES_MAX { (Cow::from("?"), Some(LONG_KEY)) } else { (text, problem) };
        if let Some(Frame { size, holds: Holds::Map { key, .. }, .. }) = self.frames.last_mut() {
            size.bytes += text.len();
            *key = Some(MapKey { text, position, problem });
        }
    }
}
