//! Which clients understand times to live: those that say so (rule 9), in whichever spelling. No others are sent any,
//! for a resource with one is gone unless heartbeats follow.

use super::Variant;

/// That resources may carry a time to live.
pub const SUPPORTS_TTL: [&str; 2] =
    ["xds.config.supports-resource-ttl", "envoy.config.supports-resource-ttl"];

/// That resources of SotW responses may be wrapped, which is where they carry it (rule 74). Says nothing of times to live:
/// clients of gRPC understand wrappers, and those not.
pub const SUPPORTS_WRAPPERS: [&str; 4] = [
    "xds.config.resource-in-sotw",
    "xds.config.supports-resource-in-sotw",
    "envoy.config.resource-in-sotw",
    "envoy.config.supports-resource-in-sotw",
];

/// Whether a client with these features is sent times to live.
#[must_use]
pub fn understands_ttl(variant: Variant, features: &[String]) -> bool {
    let says = |spellings: &[&str]| features.iter().any(|feature| spellings.contains(&feature.as_str()));
    says(&SUPPORTS_TTL) && (variant == Variant::Delta || says(&SUPPORTS_WRAPPERS))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// rules 9, 74
    #[test]
    fn feature_counts_in_every_spelling() {
        let features = |list: &[&str]| list.iter().map(ToString::to_string).collect::<Vec<_>>();
        for ttl in SUPPORTS_TTL {
            assert!(understands_ttl(Variant::Delta, &features(&["other", ttl])));
            assert!(!understands_ttl(Variant::Sotw, &features(&[ttl])));
            for wrapper in SUPPORTS_WRAPPERS {
                assert!(understands_ttl(Variant::Sotw, &features(&[wrapper, ttl])));
                assert!(!understands_ttl(Variant::Delta, &features(&[wrapper])));
            }
        }
        assert!(!understands_ttl(Variant::Delta, &[]));
    }
}
