//! What Kubernetes refuses, and istiod does not.

use super::codes;

codes! {
    [Crd, &[]] {
        CRD_LABEL "crd-label" Warning "Kubernetes refuses the label", "use an optional prefix of lower case and `/`, then up to 63 letters, digits, `-`, `_` and `.`; the value likewise";
        CRD_ANNOTATION "crd-annotation" Warning "Kubernetes refuses the annotation", "use an optional prefix of lower case and `/`, then up to 63 letters, digits, `-`, `_` and `.`; 256 KiB in all";
        CRD_NUMBER "crd-number" Warning "the CRD refuses the number", "keep to its bound";
        CRD_DURATION "crd-duration" Warning "the CRD refuses durations shorter than 1ms", "use 1ms or longer, or leave it out";
        CRD_TEXT "crd-text" Warning "the CRD refuses the text", "write it in the form of its field";
        CRD_TEXT_LENGTH "crd-text-length" Warning "the CRD refuses a text of this length", "keep to its bound";
        CRD_ENUM "crd-enum" Warning "the CRD does not know the value", "use one that it knows";
        CRD_LENGTH "crd-length" Warning "the CRD refuses this many entries", "keep to its bound";
        CRD_REQUIRED "crd-required" Warning "the CRD requires the field", "add it";
        CRD_EXCLUSIVE "crd-exclusive" Warning "the CRD refuses fields together", "keep one of them";
        CRD_COMBINATION "crd-combination" Warning "the CRD refuses the combination", "change one of the fields";
    }
}
