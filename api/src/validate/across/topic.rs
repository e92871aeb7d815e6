//! Topics: under what resources are found.

use super::text::Text;

/// What a check looks up, and what a resource is found under.
///
/// Hosts here are shelves ([`super::host::shelf`]): a wildcard stands on that of its whole labels.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Topic {
    /// DestinationRules of hosts of a shelf.
    RuleOfHost(Text),
    /// ServiceEntries of hosts of a shelf.
    EntryOfHost(Text),
    /// One ServiceEntry.
    Entry { namespace: Text, name: Text },
    /// One Gateway.
    Gateway { namespace: Text, name: Text },
    /// Gateways that listen for a host, as written, on a port.
    Server { port: u32, host: Text },
    /// One VirtualService.
    VirtualService { namespace: Text, name: Text },
    /// VirtualServices of a host that are bound to a gateway: `namespace/name` or `mesh`.
    Route { gateway: Text, host: Text },
    /// Sidecars of a namespace that select exactly these labels.
    Sidecar { namespace: Text, labels: Text },
    /// Workloads of a namespace with a label, or in any with an empty namespace.
    Workload { namespace: Text, label: Text },
}
