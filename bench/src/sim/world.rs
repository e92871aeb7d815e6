//! What there is to configure: a few zones, which are namespaces, with resources of three kinds. All that belongs to a zone
//! says so in its name or body, and every body says of which generation it is.

use std::collections::{BTreeMap, BTreeSet};

use mainsheet_api::{
    codec::{self, Defaults, Document, UnknownFields},
    kind::Kind,
};

use super::dice::Dice;

/// The namespaces.
pub(super) const ZONES: [&str; 5] = ["zone-a", "zone-b", "zone-c", "zone-d", "zone-e"];

/// What stands before the rest of a zone's name in every body of it: the mark that is looked for on wires. In names it is
/// not, because a sink is answered by the names that it asks for, whether it may see them or not.
pub(super) const MARK: &[u8] = b".zone-";

/// Names of a zone.
const NAMES: usize = 5;

/// The kinds.
pub(super) fn kinds() -> [Kind; 3] {
    [Kind::VIRTUAL_SERVICE, Kind::DESTINATION_RULE, Kind::CLUSTER]
}

/// A resource of one generation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Item {
    pub(super) kind: Kind,
    pub(super) zone: &'static str,
    pub(super) name: String,
    pub(super) generation: u64,
    /// Whether validation has nothing against it.
    pub(super) is_valid: bool,
}

impl Item {
    /// Any resource.
    pub(super) fn any(dice: &mut Dice, generation: u64) -> Self {
        let kind = *dice.pick(&kinds());
        let zone = *dice.pick(&ZONES);
        let number = dice.index(NAMES);
        let name = if kind == Kind::CLUSTER { format!("{zone}-r{number}") } else { format!("r{number}") };
        Self { kind, zone, name, generation, is_valid: true }
    }

    /// Kind, namespace and name.
    pub(super) fn place(&self) -> Place {
        (self.kind, self.zone.to_owned(), self.name.clone())
    }

    /// As a document.
    pub(super) fn text(&self) -> String {
        let Self { kind, zone, name, generation, is_valid } = self;
        let host = if *is_valid { format!("g{generation}.{zone}.example") } else { String::new() };
        if *kind == Kind::CLUSTER {
            return format!(
                "\"@type\": type.googleapis.com/envoy.config.cluster.v3.Cluster\nmainsheet.io/namespace: {zone}\n\
                 name: \"{name}\"\nalt_stat_name: g{generation}.{zone}\ntype: EDS\nconnect_timeout: 1s\n\
                 eds_cluster_config: {{eds_config: {{ads: {{}}, resource_api_version: V3}}}}\n"
            );
        }
        let head = format!(
            "apiVersion: networking.istio.io/v1\nkind: {}\nmetadata: {{name: {name}, namespace: {zone}}}\n",
            kind.info().name.rsplit('/').next().unwrap_or_default()
        );
        if *kind == Kind::DESTINATION_RULE {
            format!("{head}spec: {{host: \"{host}\"}}\n")
        } else {
            format!(
                "{head}spec: {{hosts: [{name}.{zone}.example], http: [{{route: [{{destination: {{host: \"{host}\"}}}}]}}]}}\n"
            )
        }
    }
}

/// Kind, namespace and name.
pub(super) type Place = (Kind, String, String);

/// Documents as a source reads them.
pub(super) fn read(items: &[Item]) -> Vec<Document> {
    let defaults = Defaults { namespace: "default", scope: "", unknown_fields: UnknownFields::Warn };
    let texts: Vec<String> = items.iter().map(Item::text).collect();
    codec::read(&texts.join("---\n"), defaults)
}

/// The generation that a body says it is of.
pub(super) fn generation_of(body: &[u8]) -> Option<u64> {
    let mark = b".zone-";
    let mut places = body.windows(mark.len()).enumerate().filter(|(_, window)| window == mark);
    places.find_map(|(end, _)| {
        let digits = body[..end].iter().rev().take_while(|byte| byte.is_ascii_digit()).count();
        let start = end - digits;
        let is_generation = digits > 0 && start > 0 && body[start - 1] == b'g';
        is_generation.then(|| std::str::from_utf8(&body[start..end]).ok()?.parse().ok()).flatten()
    })
}

/// What is in the files of a source. No resource is in two of them.
#[derive(Debug, Default)]
pub(super) struct Files {
    pub(super) files: BTreeMap<String, Vec<Item>>,
}

impl Files {
    pub(super) fn places(&self) -> BTreeSet<Place> {
        self.files.values().flatten().map(Item::place).collect()
    }

    /// What is in a file, for people.
    pub(super) fn text_of(&self, name: &str) -> String {
        let items = self.files.get(name).into_iter().flatten();
        let items = items.map(|Item { kind, zone, name, generation, is_valid }| {
            format!("{kind} {zone}/{name} g{generation}{}", if *is_valid { "" } else { " INVALID" })
        });
        items.collect::<Vec<_>>().join(", ")
    }

    /// Writes a file anew, of a generation.
    pub(super) fn write(&mut self, name: &str, generation: u64, dice: &mut Dice) {
        let mut items = self.files.remove(name).unwrap_or_default();
        for item in &mut items {
            item.generation = generation;
            // A cluster that is invalid may have no name, and then nobody knows what its file lacks.
            item.is_valid = item.kind == Kind::CLUSTER || !dice.percent(6);
        }
        if items.len() > 1 && dice.percent(25) {
            items.remove(0);
        }
        if items.len() < 3 && (items.is_empty() || dice.percent(40)) {
            let taken = self.places();
            let item = Item::any(dice, generation);
            if !taken.contains(&item.place()) && !items.iter().any(|other| other.place() == item.place()) {
                items.push(item);
            }
        }
        if !items.is_empty() {
            self.files.insert(name.to_owned(), items);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn documents_are_accepted_and_say_their_generation() {
        for kind in kinds() {
            let name = if kind == Kind::CLUSTER { "zone-a-r1" } else { "r1" };
            let item = Item { kind, zone: "zone-a", name: name.into(), generation: 42, is_valid: true };
            assert_eq!(generation_of(item.text().as_bytes()), Some(42), "{kind}");
            let read = read(&[item]);
            assert!(matches!(read[0].content, codec::Content::Resource { .. }), "{read:?}");
        }
    }
}
