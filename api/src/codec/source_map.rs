//! Where in a text the fields of a document stand.

use crate::verdict::{Finding, Position};

/// Paths and where their values' keys stand (of an item of a list: where the item begins).
///
/// `spec.http[0].route[1].weight`, an entry of a map `metadata.labels[app]`. Fields go by their JSON names whichever
/// way the document spells them; those of Envoy's resources by their .proto names.
///
/// Every accepted document fills one and hardly any is asked, so it is quick to fill and small: each place holds the
/// last step of its path only and knows the place above it, and paths are found by looking through them. With whole
/// paths, long keys around a long list would take the square of the document.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct SourceMap {
    /// The steps of all places, one after the other.
    steps: String,
    /// In the order of the document, so what stands above comes before.
    places: Vec<Place>,
}

/// Where one path stands.
#[derive(Clone, Debug, PartialEq)]
struct Place {
    /// The place above; of the document itself its own.
    above: usize,
    /// Where the last step of its path ends in `steps`; it begins where the one before ends.
    end: usize,
    position: Position,
}

/// The place of the document itself, whose path is empty.
pub(super) const ROOT: usize = 0;

impl SourceMap {
    /// The map of a document of which nothing is read yet.
    pub(super) fn of_document(position: Position) -> Self {
        Self { steps: String::new(), places: vec![Place { above: ROOT, end: 0, position }] }
    }

    /// Notes where a path stands that goes one step on from a place, and returns its own place. Of a path that is noted
    /// twice, the first position counts.
    pub(super) fn note(&mut self, above: usize, step: &[&str], position: Position) -> usize {
        self.steps.extend(step.iter().copied());
        self.places.push(Place { above, end: self.steps.len(), position });
        self.places.len() - 1
    }

    /// The path of a place.
    pub(super) fn path(&self, place: usize) -> String {
        let above = |place: &usize| (*place != ROOT).then(|| self.places[*place].above);
        let mut steps: Vec<&str> =
            std::iter::successors(Some(place), above).map(|place| self.step(place)).collect();
        steps.reverse();
        steps.concat()
    }

    /// Where a path stands, or the nearest path above it that is known.
    #[must_use]
    pub fn locate(&self, path: &str) -> Position {
        let mut path = path;
        loop {
            if let Some(position) = self.get(path) {
                return position;
            }
            let Some(end) = path.rfind(['.', '[']) else { return self.get("").unwrap_or_default() };
            path = &path[..end];
        }
    }

    fn get(&self, path: &str) -> Option<Position> {
        (0..self.places.len()).find(|place| self.is(*place, path)).map(|place| self.places[place].position)
    }

    /// Whether a path is that of a place. Compared from its end, where paths differ most.
    fn is(&self, place: usize, path: &str) -> bool {
        let (mut place, mut path) = (place, path);
        while let Some(rest) = path.strip_suffix(self.step(place)) {
            if place == ROOT {
                return rest.is_empty();
            }
            (place, path) = (self.places[place].above, rest);
        }
        false
    }

    /// The last step of a place's path.
    fn step(&self, place: usize) -> &str {
        let start = place.checked_sub(1).map_or(0, |before| self.places[before].end);
        &self.steps[start..self.places[place].end]
    }

    /// Gives findings that have none their position.
    pub fn place(&self, findings: &mut [Finding]) {
        for finding in findings.iter_mut().filter(|finding| finding.position == Position::default()) {
            finding.position = self.locate(&finding.path);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fmt::Write;

    use super::*;
    use crate::codec::{Content, Defaults, UnknownFields, read};

    fn at(line: u32) -> Position {
        Position { line, column: 1 }
    }

    #[test]
    fn path_is_found_by_all_its_steps() {
        let mut map = SourceMap::of_document(at(1));
        let a = map.note(ROOT, &["a"], at(2));
        let item = map.note(a, &["[", "10", "]"], at(3));
        let entry = map.note(item, &["[", "x.io/b", "]"], at(4));
        let b = map.note(ROOT, &["b"], at(5));
        map.note(b, &["[", "10", "]"], at(6));
        map.note(b, &["[", "10", "]"], at(7));
        assert_eq!(map.path(ROOT), "");
        assert_eq!(map.path(entry), "a[10][x.io/b]");
        for (path, line) in [
            ("", 1),
            ("a", 2),
            ("a[10]", 3),
            ("a[10][x.io/b]", 4),
            ("b[10]", 6),
            // Of what is not known, what stands above.
            ("a[10][x.io/c].d", 3),
            ("b[1]", 5),
            ("[10]", 1),
            ("aa[10]", 1),
        ] {
            assert_eq!(map.locate(path).line, line, "{path}");
        }
        assert_eq!(SourceMap::default().locate("a.b"), Position::default());
    }

    /// An EnvoyFilter whose free-form value nests a list below many keys.
    fn list_below_keys(key: &str, levels: usize, items: usize) -> String {
        let mut text = String::from(
            "apiVersion: networking.istio.io/v1alpha3\nkind: EnvoyFilter\nmetadata:\n  name: x\nspec:\n  configPatches:\n  - applyTo: CLUSTER\n    patch:\n      operation: MERGE\n      value:\n",
        );
        for level in 0..levels {
            writeln!(text, "{:indent$}{key}:", "", indent = 8 + level).unwrap();
        }
        writeln!(text, "{:indent$}[{}]", "", "1,".repeat(items), indent = 8 + levels).unwrap();
        text
    }

    /// The bytes that are noted, and those that are held for them.
    fn bytes(text: &str) -> (usize, usize) {
        let mut documents =
            read(text, Defaults { namespace: "default", scope: "", unknown_fields: UnknownFields::Strict });
        let Content::Resource { map, .. } = documents.remove(0).content else { panic!("not accepted") };
        let of = |steps: usize, places: usize| steps + places * size_of::<Place>();
        (of(map.steps.len(), map.places.len()), of(map.steps.capacity(), map.places.capacity()))
    }

    #[test]
    fn list_below_long_keys_takes_as_little_as_one_below_short_keys() {
        let [short, long] = ["k", &"k".repeat(1000)].map(|key| list_below_keys(key, 25, 20_000));
        let (of_short, _) = bytes(&short);
        let (of_long, held) = bytes(&long);
        assert_eq!(of_long - of_short, long.len() - short.len());
        assert!(held < 2 << 20, "{held}");
    }
}
