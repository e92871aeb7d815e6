//! Our own kinds.

use super::codes;

codes! {
    [Mainsheet, &["ValidationRule"]] {
        VR_EXPRESSION "vr-expression" Error "not an expression", "write a condition over `object` in the Common Expression Language";
        VR_MESSAGE "vr-message" Error "there is no message", "say what is wrong and what would be right";
        VR_KIND "vr-kind" Error "not a kind", "name one that is served, such as VirtualService";
        VR_NAMESPACE "vr-namespace" Error "not a namespace, nor the beginning of one", "write `shop` or `team-*`";
    }
}
