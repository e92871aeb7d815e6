//! The rules of istiod, one by one, and which codes say that one is broken: what a page of the documentation and the tests
//! are made of.

/// A row of the list.
#[derive(Debug)]
pub struct Rule {
    /// `VS-09`.
    pub id: &'static str,
    /// What becomes of it here.
    pub kept: Kept,
    /// What it asks.
    pub what: &'static str,
}

/// What becomes of a rule here.
#[derive(Debug, PartialEq, Eq)]
pub enum Kept {
    /// Who breaks it gets one of these codes.
    By(Vec<&'static str>),
    /// There is none: istiod takes what one might think is refused, and so does this server.
    Taken,
    /// It is no rule of one resource by itself.
    Elsewhere,
}

/// Id, codes and text, separated by tabs.
const LIST: &str = include_str!("rules.tsv");

/// All of them, in the order of the list.
pub fn all() -> impl Iterator<Item = Rule> {
    LIST.lines().filter(|line| !line.starts_with('#')).filter_map(|line| {
        let mut cells = line.split('\t');
        let id = cells.next()?;
        let kept = match cells.next()? {
            "taken" => Kept::Taken,
            "elsewhere" => Kept::Elsewhere,
            codes => Kept::By(codes.split(',').collect()),
        };
        Some(Rule { id, kept, what: cells.next()? })
    })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::validate::code;

    #[test]
    fn rules_name_codes_that_exist_and_every_code_has_a_rule() {
        let known: BTreeSet<&str> = code::all().map(|code| code.id).collect();
        let mut named = BTreeSet::new();
        for rule in all() {
            if let Kept::By(codes) = rule.kept {
                assert!(codes.iter().all(|code| known.contains(code)), "{}: {codes:?}", rule.id);
                named.extend(codes);
            }
        }
        let ours = [
            "dr-proxy-version",
            "se-resolution",
            "se-dynamic-location",
            "sc-dynamic-dns",
            "wasm-secret",
            "wasm-name",
            "ttl",
            "xds-ttl",
            "no-authority",
            "sink-selector",
        ];
        let missing: Vec<_> = known
            .difference(&named)
            .filter(|code| !code.starts_with("envoy-") && !code.starts_with("vr-") && !ours.contains(code))
            .filter(|code| !code::all().any(|row| row.id == **code && row.origin == code::Origin::Kubernetes))
            .collect();
        assert_eq!(missing, Vec::<&&str>::new());
    }
}
