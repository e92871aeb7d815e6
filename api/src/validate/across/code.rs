//! Every finding about more than one resource: its stable code, what is wrong and what would be right.

use crate::{
    validate::code::{Code, Origin},
    verdict::Severity,
};

macro_rules! codes {
    ($($name:ident $id:literal $reason:literal, $remedy:literal;)*) => {
        $(pub(super) static $name: Code =
            Code {
                id: $id,
                severity: Severity::Warning,
                origin: Origin::Mainsheet,
                kinds: &[],
                reason: $reason,
                remedy: $remedy,
            };)*

        /// All of them, by subject.
        pub static CODES: &[&Code] = &[$(&$name),*];
    };
}

codes! {
    MORE "across-more" "there are more findings than are listed", "mend these first";

    // What is not there, or is not seen.
    SUBSET_MISSING "subset-missing" "no DestinationRule of this host defines the subset", "define it there, or name one that is defined";
    SUBSET_HIDDEN "subset-hidden" "the DestinationRule that defines the subset does not count here", "define it in the rule that does, or export that one";
    GATEWAY_MISSING "gateway-missing" "there is no such Gateway", "write `namespace/name`; a bare name is one of the own namespace";
    GATEWAY_HOST "gateway-host" "the Gateway listens for none of these hosts", "add a host to one of its servers, or take the Gateway out";
    DELEGATE_MISSING "delegate-missing" "there is no such VirtualService", "add it, without hosts, or take the delegate out";
    DELEGATE_HOSTS "delegate-hosts" "this VirtualService has hosts, so nobody can delegate to it", "take its hosts out, or delegate to another one";
    DELEGATE_HIDDEN "delegate-hidden" "the delegate is not exported to this namespace", "export it";
    HOST_SHORT "host-short" "istiod does not take a host without dots for a Service where it comes from a config source", "write it out";
    HOST_MISSING "host-missing" "no ServiceEntry has this host", "add one, or mend the name";
    HOST_HIDDEN "host-hidden" "the ServiceEntry of this host is not exported to this namespace", "export it";
    TARGET_MISSING "target-missing" "there is no such ServiceEntry", "name one of the own namespace";
    WORKLOAD_MISSING "workload-missing" "no WorkloadEntry or WorkloadGroup has these labels", "mend the labels";

    // What several claim.
    ROUTE_TAKEN "route-taken" "another VirtualService routes this host already", "route a host of the mesh in one VirtualService, or delegate";
    CATCH_ALL_TAKEN "catch-all-taken" "another VirtualService catches all of this host already", "have one route without a match for each host";
    SERVER_TAKEN "server-taken" "another server has this host and port already, so istiod leaves this server out", "serve each host in one place";
    SERVER_SHARED "server-shared" "another server has this host and port, too: both take the routes of both", "serve each host in one place";
    RULE_SUBSET_TAKEN "rule-subset-taken" "another DestinationRule of this host defines the subset already", "define each subset once";
    RULE_POLICY_TAKEN "rule-policy-taken" "another DestinationRule of this host has a policy already, so istiod drops this one", "put both policies in one rule";
    RULE_TAKEN "rule-taken" "another DestinationRule of this host has other exports: where both are seen, only one of them counts", "put them in one rule, or give them the same exportTo";
    SIDECAR_TAKEN "sidecar-taken" "another Sidecar selects the same workloads already", "have one Sidecar for each workload";
    ENTRY_RESOLUTION "entry-resolution" "another ServiceEntry resolves this host otherwise", "give them the same resolution, or put them in one entry";
    ENTRY_PROTOCOL "entry-protocol" "another ServiceEntry has another protocol for this port of the host", "give them the same protocol";
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::validate::code;

    #[test]
    fn codes_are_unique_among_all_of_validation() {
        for (index, code) in CODES.iter().enumerate() {
            let others = CODES[..index].iter().copied().chain(code::all());
            assert!(others.map(|other| other.id).all(|other| other != code.id), "{} twice", code.id);
            assert!(code.id.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'-'));
            assert!(!code.reason.ends_with('.') && !code.remedy.is_empty(), "{}", code.id);
        }
    }
}
