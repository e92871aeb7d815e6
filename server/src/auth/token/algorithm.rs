//! How tokens may be signed.

use std::{fmt, str::FromStr};

use jsonwebtoken::Algorithm;

/// Every algorithm with two keys, by its name in JWS. With one key for both sides, or none, whoever may check a token could
/// make one: neither `HS256` and its kind nor `none` is here.
const KNOWN: &[(&str, Algorithm)] = &[
    ("RS256", Algorithm::RS256),
    ("RS384", Algorithm::RS384),
    ("RS512", Algorithm::RS512),
    ("PS256", Algorithm::PS256),
    ("PS384", Algorithm::PS384),
    ("PS512", Algorithm::PS512),
    ("ES256", Algorithm::ES256),
    ("ES384", Algorithm::ES384),
    ("EdDSA", Algorithm::EdDSA),
];

/// Those that are taken; at least one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Algorithms(Vec<Algorithm>);

impl Algorithms {
    pub(super) fn has(&self, algorithm: Algorithm) -> bool {
        self.0.contains(&algorithm)
    }
}

/// What Kubernetes signs with, and whatever else is common.
impl Default for Algorithms {
    fn default() -> Self {
        Self(vec![Algorithm::RS256, Algorithm::ES256, Algorithm::ES384, Algorithm::EdDSA])
    }
}

/// The error is what would be right.
impl FromStr for Algorithms {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let known = |name: &str| {
            KNOWN.iter().find(|(known, _)| *known == name.trim()).map(|(_, algorithm)| *algorithm)
        };
        let algorithms: Option<Vec<_>> = text.split(',').map(known).collect();
        let names: Vec<_> = KNOWN.iter().map(|(name, _)| *name).collect();
        algorithms
            .map(Self)
            .ok_or_else(|| format!("write some of these with commas between: {}", names.join(", ")))
    }
}

impl fmt::Display for Algorithms {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names = KNOWN.iter().filter(|(_, algorithm)| self.0.contains(algorithm)).map(|(name, _)| *name);
        f.write_str(&names.collect::<Vec<_>>().join(","))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn algorithms_are_read_as_they_are_written() {
        let algorithms = Algorithms::default();
        assert_eq!(algorithms.to_string().parse(), Ok(algorithms.clone()));
        assert_eq!(algorithms.to_string(), "RS256,ES256,ES384,EdDSA");
    }

    #[test]
    fn whoever_may_check_a_token_can_not_make_one() {
        for wrong in ["none", "HS256", "HS384", "HS512", "RS256,none", "", "rs256", "RS256,"] {
            assert!(wrong.parse::<Algorithms>().is_err(), "{wrong}");
        }
    }
}
