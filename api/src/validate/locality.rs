//! Localities of load balancing: `region/zone/subzone`, and which of them overlap.

use std::collections::{BTreeMap, BTreeSet};

use super::{code, report::Report};

/// How much of a locality is said.
enum Locality<'a> {
    Region(&'a str),
    Zone(&'a str, &'a str),
    Subzone(&'a str, &'a str, &'a str),
}

/// One `*` at most, as the end; one to three parts, none empty. Further slashes belong to the subzone.
fn parse(text: &str) -> Option<Locality<'_>> {
    let stars = text.matches('*').count();
    let parts: Vec<&str> = text.splitn(3, '/').collect();
    if stars > 1 || (stars == 1 && !text.ends_with('*')) || parts.iter().any(|part| part.is_empty()) {
        return None;
    }
    match *parts.as_slice() {
        [region] => Some(Locality::Region(region)),
        [region, zone] => Some(Locality::Zone(region, zone)),
        [region, zone, subzone] => Some(Locality::Subzone(region, zone, subzone)),
        _ => None,
    }
}

/// What earlier localities said, by region and zone. `*` is the whole of what it stands in.
#[derive(Default)]
struct Seen<'a>(BTreeMap<&'a str, BTreeMap<&'a str, BTreeSet<&'a str>>>);

impl<'a> Seen<'a> {
    /// Adds one; whether it overlaps with an earlier one as istiod sees it.
    fn overlaps(&mut self, locality: &Locality<'a>) -> bool {
        if self.0.contains_key("*") {
            return true;
        }
        match *locality {
            Locality::Region(region) => {
                let all = BTreeMap::from([("*", BTreeSet::from(["*"]))]);
                self.0.insert(region, all).is_some()
            }
            Locality::Zone(region, zone) => {
                let zones = self.0.entry(region).or_default();
                zones.contains_key("*") || zones.insert(zone, BTreeSet::from(["*"])).is_some()
            }
            Locality::Subzone(region, zone, subzone) => {
                let zones = self.0.entry(region).or_default();
                if zones.contains_key("*") {
                    return true;
                }
                let subzones = zones.entry(zone).or_default();
                subzones.contains("*") || !subzones.insert(subzone)
            }
        }
    }
}

/// Flags the first locality that is none, or that overlaps with an earlier one in the order of the list.
pub(super) fn check<'a>(report: &mut Report<'_>, localities: impl Iterator<Item = &'a str>) {
    let mut seen = Seen::default();
    for text in localities {
        let Some(locality) = parse(text) else { return report.flag_value(&code::LB_LOCALITY, text) };
        if seen.overlaps(&locality) {
            return report.flag_value(&code::LB_LOCALITY_OVERLAP, text);
        }
    }
}

/// As [`check`], of localities without an order: istiod walks over them in any, so what one order refuses is refused.
pub(super) fn check_unordered(report: &mut Report<'_>, localities: &[&str]) {
    for (index, text) in localities.iter().enumerate() {
        let Some(_) = parse(text) else { return report.flag_value(&code::LB_LOCALITY, text) };
        let clash = |other: &&str| overlap(other, text) || overlap(text, other);
        if localities[..index].iter().any(clash) {
            return report.flag_value(&code::LB_LOCALITY_OVERLAP, text);
        }
    }
}

/// Whether the second overlaps with the first before it. What overlaps with a list overlaps with one of it.
fn overlap(first: &str, second: &str) -> bool {
    let mut seen = Seen::default();
    [first, second].iter().filter_map(|text| parse(text)).any(|locality| seen.overlaps(&locality))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn localities_overlap_in_the_order_of_the_list() {
        for bad in [
            &["*", "b"],
            &["a", "a/*"],
            &["a", "a"],
            &["a/b", "a"],
            &["a/*", "a/b"],
            &["a/*", "a/b/c"],
            &["a/b", "a/b/c"],
            &["a/b/*", "a/b/c"],
            &["a/b/c", "a/b/c"],
            &["a/b/c", "a/b"],
        ] {
            assert!(overlap(bad[0], bad[1]), "{bad:?}");
        }
        for good in [
            &["b", "*"],
            &["a/b", "a/*"],
            &["a/b/c", "a/b/*"],
            &["a/b/c", "a/b/d"],
            &["a", "b"],
            &["a/b", "a/c"],
        ] {
            assert!(!overlap(good[0], good[1]), "{good:?}");
        }
    }

    #[test]
    fn a_locality_has_up_to_three_parts_and_one_wildcard_at_its_end() {
        for good in ["*", "a", "a*", "a/*", "a/b/c", "a/b/*", "a/b/c/d"] {
            assert!(parse(good).is_some(), "{good}");
        }
        for bad in ["", "/", "a/", "/b", "a//c", "a/b/", "*/b", "a/*/c", "**"] {
            assert!(parse(bad).is_none(), "{bad}");
        }
    }
}
