//! Clashes: names that several layers hold, or several resources. One wins and is served, the others are not, which
//! whoever wrote them should learn.
//!
//! Found by comparing snapshots. Nothing is committed for it, and nothing that is served depends on it.

use std::{collections::BTreeMap, fmt, sync::Arc};

use mainsheet_api::{kind::Kind, limits::CLASHES_LOGGED_MAX, resource::SourceName};
use mainsheet_cache::snapshot::{Held, Snapshot, SnapshotCatalog};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

/// One name that is contested.
#[derive(Clone, Debug, PartialEq)]
pub struct Clash {
    /// What is served.
    pub winner: Arc<Held>,
    /// What would be if the winner went, and so on; at least one.
    pub losers: Vec<Arc<Held>>,
}

impl Clash {
    /// Whether it is between the same resources of the same sources, whatever they say and whichever line they moved to.
    fn is_same(&self, other: &Self) -> bool {
        self.members()
            .map(|held| (&held.source, &held.key))
            .eq(other.members().map(|held| (&held.source, &held.key)))
    }

    fn members(&self) -> impl Iterator<Item = &Held> {
        std::iter::once(&*self.winner).chain(self.losers.iter().map(|loser| &**loser))
    }
}

impl fmt::Display for Clash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} is served from {}, not", self.winner.key, Place(&self.winner))?;
        for (index, loser) in self.losers.iter().enumerate() {
            let separator = if index == 0 { " " } else { ", " };
            f.write_str(separator)?;
            if loser.key != self.winner.key {
                write!(f, "{} ", loser.key)?;
            }
            write!(f, "from {}", Place(loser))?;
        }
        Ok(())
    }
}

/// Where something came from, and of which source: origins are paths below it.
struct Place<'a>(&'a Held);

impl fmt::Display for Place<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.0.provenance, self.0.source)
    }
}

/// All clashes, by kind and the name under which clients know them.
pub type Clashes = BTreeMap<(Kind, String), Clash>;

/// The clashes of a snapshot.
#[must_use]
pub fn clashes(snapshot: &Snapshot) -> Clashes {
    let clash = |mut all: Vec<Arc<Held>>| {
        let winner = all.remove(0);
        ((winner.key.kind, winner.key.wire_name()), Clash { winner, losers: all })
    };
    contests(snapshot).map(clash).collect()
}

/// What is held of each name that is contested, the strongest first.
pub fn contests(snapshot: &Snapshot) -> impl Iterator<Item = Vec<Arc<Held>>> {
    snapshot.contests().filter(|all| is_clash(all))
}

/// Whether several hold it whom nobody chose between: what was applied, or rolled back, hides on purpose what sources say of
/// the same resource.
fn is_clash(all: &[Arc<Held>]) -> bool {
    let is_deliberate = |held: &&Arc<Held>| {
        [SourceName::HOLD, SourceName::API].contains(&&*held.source.0)
            && all.iter().all(|other| other.key == held.key)
    };
    all.iter().filter(|held| !is_deliberate(held)).count() > 1
}

/// What is new and what is over between two states. A clash that has another winner or other losers is new.
fn difference<'a>(before: &'a Clashes, after: &'a Clashes) -> (Vec<&'a Clash>, Vec<&'a Clash>) {
    let is_new = |(name, clash): &(&(Kind, String), &Clash)| {
        before.get(*name).is_none_or(|earlier| !earlier.is_same(clash))
    };
    let appeared = after.iter().filter(is_new).map(|(_, clash)| clash).collect();
    let is_over = |(name, _): &(&(Kind, String), &Clash)| !after.contains_key(*name);
    let disappeared = before.iter().filter(is_over).map(|(_, clash)| clash).collect();
    (appeared, disappeared)
}

/// Logs each clash when it appears and when it is over, until the order to end.
///
/// # Errors
/// None: where the cache is gone, its own task says so.
pub async fn run(
    mut newest: watch::Receiver<SnapshotCatalog>,
    stop: CancellationToken,
) -> anyhow::Result<()> {
    let mut seen = newest.borrow_and_update().clone();
    let mut before = clashes(&seen.0);
    tell(&Clashes::new(), &before);
    loop {
        let snapshot = newest.borrow_and_update().clone();
        if !snapshot.0.shares_contests_with(&seen.0) {
            let after = clashes(&snapshot.0);
            tell(&before, &after);
            before = after;
        }
        seen = snapshot;
        tokio::select! {
            biased;
            () = stop.cancelled() => return Ok(()),
            changed = newest.changed() => if changed.is_err() {
                stop.cancelled().await;
                return Ok(());
            },
        }
    }
}

fn tell(before: &Clashes, after: &Clashes) {
    let (appeared, disappeared) = difference(before, after);
    for clash in appeared.iter().take(CLASHES_LOGGED_MAX) {
        tracing::warn!("{clash}");
    }
    for clash in disappeared.iter().take(CLASHES_LOGGED_MAX) {
        tracing::info!("{} clashes no longer", clash.winner.key);
    }
    let more = |clashes: &[&Clash]| clashes.len().saturating_sub(CLASHES_LOGGED_MAX);
    let (appeared, disappeared) = (more(&appeared), more(&disappeared));
    if appeared + disappeared > 0 {
        tracing::warn!(appeared, disappeared, "more clashes appeared or are over; /debug/clashes has all");
    }
}

#[cfg(test)]
mod tests {
    use mainsheet_api::{
        key::Key,
        resource::{Provenance, SourceName, Terms},
        time::Timestamp,
        version::{ResourceVersion, Revision},
        view::Audience,
    };

    use super::*;

    fn held(source: &str, name: &str, origin: &str, line: u32) -> Arc<Held> {
        Arc::new(Held {
            source: SourceName(Arc::from(source)),
            key: Key::new(Kind::VIRTUAL_SERVICE, "shop", name),
            version: ResourceVersion::new(origin),
            created: Timestamp(1),
            provenance: Provenance { origin: origin.to_owned(), line },
            audience: Audience::everyone(),
            warnings: Vec::new(),
            terms: Terms::default(),
            changed: Revision(1),
        })
    }

    fn of<const N: usize>(contests: [Vec<Arc<Held>>; N]) -> Clashes {
        let clash = |mut all: Vec<Arc<Held>>| {
            let winner = all.remove(0);
            ((winner.key.kind, winner.key.wire_name()), Clash { winner, losers: all })
        };
        contests.map(clash).into()
    }

    fn texts(clashes: &[&Clash]) -> Vec<String> {
        clashes.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn clash_names_the_winner_and_every_loser_with_their_places() {
        let contest = vec![
            held("files:mesh", "a", "a.yaml", 1),
            held("files:more", "a", "x.yaml", 12),
            held("files:old", "b", "b.yaml", 3),
        ];
        let (clashes, none) = (of([contest]), Clashes::new());
        let (appeared, disappeared) = (difference(&none, &clashes), difference(&clashes, &none));
        let expected = "VirtualService shop/a is served from a.yaml:1 (files:mesh), not from x.yaml:12 (files:more), \
                        VirtualService shop/b from b.yaml:3 (files:old)";
        assert_eq!((texts(&appeared.0), appeared.1.len()), (vec![expected.to_owned()], 0));
        assert_eq!((disappeared.0.len(), texts(&disappeared.1)), (0, vec![expected.to_owned()]));
    }

    #[test]
    fn what_hides_a_source_on_purpose_is_no_clash() {
        let of = |source: &str, name: &str| held(source, name, "o", 1);
        let (hold, api) = (of(SourceName::HOLD, "a"), of(SourceName::API, "a"));
        let (mesh, more) = (of("files:mesh", "a"), of("files:more", "a"));
        assert!(!is_clash(&[api.clone(), mesh.clone()]));
        assert!(!is_clash(&[hold.clone(), api.clone(), mesh.clone()]));
        assert!(is_clash(&[mesh.clone(), more.clone()]));
        assert!(is_clash(&[hold, mesh, more]), "the sources clash beneath");
        assert!(is_clash(&[api, of("files:mesh", "b")]), "another resource of that name");
    }

    #[test]
    fn edit_and_move_of_a_line_are_no_news() {
        let before = of([vec![held("one", "a", "a.yaml", 1), held("two", "a", "a.yaml", 1)]]);
        let after = of([vec![held("one", "a", "b.yaml", 9), held("two", "a", "a.yaml", 7)]]);
        assert_eq!(difference(&before, &after), (Vec::new(), Vec::new()));
    }

    #[test]
    fn another_winner_or_loser_is_news_and_no_end() {
        let (one, two, three) =
            (held("one", "a", "a.yaml", 1), held("two", "a", "a.yaml", 1), held("three", "a", "a.yaml", 1));
        let before = of([vec![one.clone(), two.clone()]]);
        for after in
            [vec![two.clone(), one.clone()], vec![one.clone(), two.clone(), three.clone()], vec![one, three]]
        {
            let after = of([after]);
            let (appeared, disappeared) = difference(&before, &after);
            assert_eq!((appeared.len(), disappeared.len()), (1, 0), "{after:?}");
        }
    }
}
