//! Where the two judges differ, and why that is right. Whatever else differs fails the comparison, and so does a row
//! that is no longer needed.

/// What differs, in two words, and why.
pub(crate) type Reason = (&'static str, &'static str, &'static str);

/// Documents of the corpus, by kind and name.
pub(crate) const OF_DOCUMENTS: &[Reason] = &[
    ("PeerAuthentication", "no-ports-in-an-empty-map", EMPTY_MAP),
    (
        "VirtualService",
        "Name-In-Upper-Case",
        "istioctl does not look at names; `namespace/name` stays two parts only while they are Kubernetes' own",
    ),
    ("VirtualService", "two-members-of-a-choice", TWO_OF_A_ONEOF),
    ("WorkloadGroup", "two-sorts-of-probe", TWO_OF_A_ONEOF),
];

/// Why a broken document is accepted that istioctl rejects: by kind and break.
pub(crate) const LOOSER: &[Reason] = &[("PeerAuthentication", "emptied", EMPTY_MAP)];

/// Why a broken document is rejected that istioctl takes: by code and break.
pub(crate) const STRICTER: &[Reason] = &[
    ("two-of-a-oneof", "fields that exclude each other", TWO_OF_A_ONEOF),
    (
        "ef-value",
        "fields that exclude each other",
        "Envoy gets only one of the two, which istioctl keeps silently",
    ),
    (
        "unknown-enum-value",
        "number for a text",
        "a number without a name: istioctl takes any, Kubernetes none",
    ),
    ("wrong-type", "null entry", NULL_ENTRY),
    ("ef-value", "null entry", "istioctl reads null as an empty text, which the author did not write"),
    ("ra-jwks", "dot after", TEXT_AFTER),
    ("ra-jwks", "number after a dot", TEXT_AFTER),
    ("ra-jwks", "percent after", TEXT_AFTER),
    ("ra-jwks", "slash after", TEXT_AFTER),
    ("ra-jwks", "space within", TEXT_AFTER),
    ("ra-jwks", "wildcard after", TEXT_AFTER),
];

const EMPTY_MAP: &str =
    "protobuf can't tell an empty map from none: istiod, which gets that, takes it; istioctl sees the YAML";

const TWO_OF_A_ONEOF: &str =
    "only one of the two can be sent: istioctl keeps the last one silently, Kubernetes refuses both";

const NULL_ENTRY: &str = "istioctl reads null as an empty entry; Kubernetes refuses it";

const TEXT_AFTER: &str = "text after the keys, which istiod passes on to proxies without a look at it";
