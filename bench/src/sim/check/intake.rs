//! What a source told is what its layer holds, and what was told as one is never seen in part.

use std::collections::{BTreeMap, BTreeSet};

use mainsheet_api::change::Committed;

use crate::sim::{
    model::Model,
    source::{DiskState, name},
    world::{Place, generation_of},
};

/// The generations in the source's layer.
fn layer(model: &Model) -> BTreeMap<Place, u64> {
    let of_source = model.records.iter().filter(|((source, _), _)| *source == name());
    of_source
        .map(|((_, key), record)| {
            let place = (key.kind, key.namespace.to_string(), key.name.to_string());
            (place, generation_of(&record.entry.any).unwrap_or(0))
        })
        .collect()
}

/// Whether the layer holds what is in the files; of what is invalid, something older or nothing.
pub(in crate::sim) fn is_taken_in(disk: &DiskState, model: &Model) -> Result<(), String> {
    let mut held = layer(model);
    for item in disk.files.files.values().flatten() {
        let (_, zone, name) = item.place();
        match held.remove(&item.place()) {
            Some(generation) if item.is_valid && generation != item.generation => {
                return Err(format!(
                    "{} {zone}/{name} is of g{generation}, not g{}",
                    item.kind, item.generation
                ));
            }
            None if item.is_valid => return Err(format!("{} {zone}/{name} is not there", item.kind)),
            Some(generation) if generation > item.generation => {
                return Err(format!("{} {zone}/{name} is of g{generation}, which is to come", item.kind));
            }
            _ => {}
        }
    }
    match held.into_iter().next() {
        Some(((kind, zone, name), _)) => Err(format!("{kind} {zone}/{name} is in no file any more")),
        None => Ok(()),
    }
}

/// Whether every atomic batch became visible at one revision: where one of its files is of that generation, none of what it
/// had in the other files is missing or older.
pub(in crate::sim) fn is_atomic(
    batches: &[(u64, BTreeMap<Place, u64>)],
    commits: &[(u64, Committed)],
) -> Result<(), String> {
    let mut model = Model::default();
    for (_, committed) in commits {
        model.apply(committed);
        let of_source = committed.changes.iter().filter(|change| *change.source() == name());
        let generations: BTreeSet<u64> = of_source
            .filter_map(|change| match change {
                mainsheet_api::change::Change::Put(record) => generation_of(&record.entry.any),
                mainsheet_api::change::Change::Remove { .. } => None,
            })
            .collect();
        let layer = layer(&model);
        for (generation, places) in batches.iter().filter(|(generation, _)| generations.contains(generation))
        {
            for (place, of) in places {
                let is_there = layer.get(place).is_none_or(|held| held >= of);
                if !is_there {
                    let revision = committed.revision;
                    return Err(format!(
                        "g{generation} is visible in part at revision {revision}: not {place:?}"
                    ));
                }
            }
        }
    }
    Ok(())
}
