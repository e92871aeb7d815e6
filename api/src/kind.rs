//! The kinds of resources, as a table: adding one is a row here, its .proto and a file in `validate/`. Kinds that are not
//! known here get rows of their own when something of them is written or read from a store (`opaque`).

mod opaque;
mod table;

use std::{cmp::Ordering, collections::BTreeMap, fmt, sync::LazyLock};

pub use opaque::{INSPECTION_PREFIX, OPAQUE_GROUP, Refused};
pub use table::KINDS;

/// One row of the table.
#[derive(Debug)]
pub struct KindInfo {
    /// `VirtualService`
    pub name: &'static str,
    /// API group; Envoy's types have one of ours, by which access rules name them.
    pub group: &'static str,
    /// Served versions; the first is the one that istiod asks for. One object, however it was written.
    pub versions: &'static [&'static str],
    /// Full name of the protobuf message of the body.
    pub message: &'static str,
    /// `virtualservices`
    pub plural: &'static str,
    /// What people write for short: as kubectl has it, where it has one; of Envoy's kinds, the xDS service.
    pub short: &'static str,
    /// How it is written and sent.
    pub family: Family,
    /// What a client may conclude from a name's absence in a SotW response.
    pub absence: Absence,
    /// Place in a push that touches several kinds: what is referred to goes before what refers (rule 77).
    pub rank: u8,
    /// Whether documents may hold it. MeshConfig is answered, never taken in.
    pub from_documents: bool,
    /// Whether its resources are in namespaces. Those of other kinds have an empty one, wherever one is said.
    pub namespaced: bool,
    /// Where a document in Kubernetes form has the body.
    pub place: BodyPlace,
}

impl KindInfo {
    /// Whether a text is its group, or one of its versions and its group.
    fn is_at(&self, place: &str) -> bool {
        let is_group = |text: &str| text.eq_ignore_ascii_case(self.group);
        is_group(place)
            || place
                .split_once('.')
                .is_some_and(|(version, group)| self.versions.contains(&version) && is_group(group))
    }
}

/// How the resources of a kind are written and sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Family {
    /// Istio's, and our own: in Kubernetes form, sent inside `istio.mcp.v1alpha1.Resource`, named `namespace/name`, asked
    /// for as `group/version/Kind`.
    Istio,
    /// As Envoy writes it, sent bare, named by its own name field, asked for as `type.googleapis.com/...`.
    Envoy,
    /// Not known here: sent bare and as it was written, named by its bare name, asked for as whoever wrote it said.
    Opaque,
}

/// Where a document in Kubernetes form has the body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BodyPlace {
    /// Under `spec`.
    Spec,
    /// Each field beside `metadata`.
    BesideMetadata,
}

/// What a client concludes when a SotW response lacks a name (rules 42 to 44).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Absence {
    /// That the resource is gone: every response holds the complete set.
    Deletes,
    /// Nothing: a response may hold what changed only.
    SaysNothing,
}

/// A row of [`KINDS`], by its place; behind them, a kind that is not known here.
///
/// Ordered as the table is, then by type URL: the same in every process, whatever turned up first.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Kind(u16);

/// The names: its own, the plural, the short one.
static BY_TYPE_URL: LazyLock<BTreeMap<String, Kind>> = LazyLock::new(|| {
    Kind::all().flat_map(|kind| kind.type_urls().map(move |url| (url, kind)).collect::<Vec<_>>()).collect()
});

/// What every type URL of a protobuf message begins with.
pub const TYPE_URL_PREFIX: &str = "type.googleapis.com/";

impl Kind {
    /// Istio's route table.
    pub const VIRTUAL_SERVICE: Self = Self(8);
    /// Istio's traffic policies.
    pub const DESTINATION_RULE: Self = Self(2);
    /// Istio's services outside the platform's registry.
    pub const SERVICE_ENTRY: Self = Self(6);
    /// Asked for by istiod, always answered empty.
    pub const MESH_CONFIG: Self = Self(15);
    /// Envoy's CDS.
    pub const CLUSTER: Self = Self(16);
    /// Envoy's EDS.
    pub const ENDPOINTS: Self = Self(17);
    /// Envoy's LDS.
    pub const LISTENER: Self = Self(18);
    /// Envoy's RDS.
    pub const ROUTES: Self = Self(19);
    /// Rules of one's own, in CEL.
    pub const VALIDATION_RULE: Self = Self(20);

    /// What may be done in a namespace.
    pub const ROLE: Self = Self(21);
    /// Who may do it.
    pub const ROLE_BINDING: Self = Self(22);
    /// What may be done anywhere.
    pub const CLUSTER_ROLE: Self = Self(23);
    /// Who may do it everywhere.
    pub const CLUSTER_ROLE_BINDING: Self = Self(24);
    /// What grants access, as Kubernetes' RBAC has it.
    pub const OF_ACCESS: [Self; 4] =
        [Self::ROLE, Self::ROLE_BINDING, Self::CLUSTER_ROLE, Self::CLUSTER_ROLE_BINDING];

    /// Every kind that is known here, in the table's order.
    pub fn all() -> impl Iterator<Item = Self> {
        (0u16..).take(KINDS.len()).map(Self)
    }

    /// Its row.
    #[must_use]
    pub fn info(self) -> &'static KindInfo {
        KINDS.get(self.index()).unwrap_or_else(|| opaque::info(self))
    }

    /// Its place in the table, from 0; for arrays of [`KINDS`]' length where it is not [opaque](Self::is_opaque).
    #[must_use]
    pub fn index(self) -> usize {
        usize::from(self.0)
    }

    /// Whether nothing is known of it but how clients ask for it.
    #[must_use]
    pub fn is_opaque(self) -> bool {
        self.index() >= KINDS.len()
    }

    /// Whether its resources grant access.
    #[must_use]
    pub fn is_of_access(self) -> bool {
        Self::OF_ACCESS.contains(&self)
    }

    /// Whether its documents configure the mesh: Istio's kinds and our own, without those that grant access.
    #[must_use]
    pub fn is_of_mesh(self) -> bool {
        let row = self.info();
        row.family == Family::Istio && row.from_documents && !self.is_of_access()
    }

    /// Whether a resource of this kind may name one of the other, which then must not go before it lets go (rule 79).
    #[must_use]
    pub fn may_refer_to(self, other: Self) -> bool {
        // What takes access away never waits.
        if self.is_of_access() || other.is_of_access() {
            return false;
        }
        match (self.info().family, other.info().family) {
            (Family::Istio, Family::Istio) => self.info().rank > other.info().rank,
            _ => matches!(
                (self, other),
                (Self::CLUSTER, Self::ENDPOINTS)
                    | (Self::LISTENER | Self::ROUTES, Self::CLUSTER)
                    | (Self::LISTENER, Self::ROUTES)
            ),
        }
    }

    /// The kind behind what an xDS client asks for, under any of its served versions. Never makes one.
    #[must_use]
    pub fn of_type_url(url: &str) -> Option<Self> {
        BY_TYPE_URL.get(url).copied().or_else(|| opaque::of_type_url(url))
    }

    /// The kind that is written under a type URL which is not known here; made where there is none yet.
    ///
    /// # Errors
    /// Where the text is no such type URL, or there are [`crate::limits::OPAQUE_KINDS_MAX`] kinds.
    pub fn opaque(type_url: &str) -> Result<Self, Refused> {
        opaque::written(type_url)
    }

    /// The kind that would be written under a type URL which is not known here, for finding out what writing it would do: it
    /// takes no place of those that may be written.
    ///
    /// # Errors
    /// Where [`Kind::opaque`] would refuse it, or [`crate::limits::OPAQUE_KINDS_TRIED_MAX`] kinds were only tried.
    pub fn opaque_to_try(type_url: &str) -> Result<Self, Refused> {
        opaque::tried(type_url)
    }

    /// Whether [`Kind::opaque`] would take a type URL, as far as the text goes.
    ///
    /// # Errors
    /// Where the text is no such type URL.
    pub fn check_opaque(type_url: &str) -> Result<(), Refused> {
        opaque::check(type_url)
    }

    /// The kind that a store names: group and name of its row. Made where it is an opaque one that is not there yet.
    #[must_use]
    pub fn of_stored(group: &str, name: &str) -> Option<Self> {
        if group == OPAQUE_GROUP {
            return opaque::stored(name);
        }
        Self::all().find(|kind| kind.info().group == group && kind.info().name == name)
    }

    /// The kind of a Kubernetes document.
    #[must_use]
    pub fn of_document(group: &str, version: &str, kind: &str) -> Option<Self> {
        Self::all().find(|candidate| {
            let row = candidate.info();
            row.group == group && row.name == kind && row.versions.contains(&version)
        })
    }

    /// The kind whose body is this protobuf message.
    #[must_use]
    pub fn of_message(full_name: &str) -> Option<Self> {
        Self::all().find(|kind| kind.info().message == full_name)
    }

    /// As a person writes it on a command line: kind, plural or short name, in any case; where that is not enough, with its
    /// group, or version and group: `vs.networking.istio.io`, `virtualservices.v1.networking.istio.io`. An opaque kind by
    /// its type URL.
    #[must_use]
    pub fn of_argument(text: &str) -> Option<Self> {
        let (name, place) = text.split_once('.').map_or((text, None), |(name, place)| (name, Some(place)));
        let is_called = |kind: &Self| {
            let row = kind.info();
            let is_named = [row.name, row.plural, row.short]
                .iter()
                .any(|known| !known.is_empty() && known.eq_ignore_ascii_case(name));
            is_named && place.is_none_or(|place| row.is_at(place))
        };
        Self::all().find(is_called).or_else(|| opaque::of_type_url(text))
    }

    /// What clients ask for: one for each served version, the preferred one first.
    pub fn type_urls(self) -> impl Iterator<Item = String> {
        let row = self.info();
        row.versions.iter().map(move |version| match row.family {
            Family::Istio => format!("{}/{version}/{}", row.group, row.name),
            Family::Envoy => format!("{TYPE_URL_PREFIX}{}", row.message),
            Family::Opaque => row.name.to_owned(),
        })
    }

    /// The preferred one of [`Kind::type_urls`].
    #[must_use]
    pub fn type_url(self) -> String {
        self.type_urls().next().expect("every row has a version")
    }

    /// `networking.istio.io/v1`, as a document's `apiVersion` says it.
    #[must_use]
    pub fn api_version(self) -> String {
        let row = self.info();
        format!("{}/{}", row.group, row.versions[0])
    }
}

impl Ord for Kind {
    fn cmp(&self, other: &Self) -> Ordering {
        if self != other && self.is_opaque() && other.is_opaque() {
            self.info().name.cmp(other.info().name)
        } else {
            self.0.cmp(&other.0)
        }
    }
}

impl PartialOrd for Kind {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.info().name)
    }
}

impl fmt::Debug for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn constants_name_their_rows() {
        for (kind, name) in [
            (Kind::VIRTUAL_SERVICE, "VirtualService"),
            (Kind::DESTINATION_RULE, "DestinationRule"),
            (Kind::SERVICE_ENTRY, "ServiceEntry"),
            (Kind::MESH_CONFIG, "MeshConfig"),
            (Kind::CLUSTER, "Cluster"),
            (Kind::ENDPOINTS, "ClusterLoadAssignment"),
            (Kind::LISTENER, "Listener"),
            (Kind::ROUTES, "RouteConfiguration"),
            (Kind::VALIDATION_RULE, "ValidationRule"),
            (Kind::ROLE, "Role"),
            (Kind::ROLE_BINDING, "RoleBinding"),
            (Kind::CLUSTER_ROLE, "ClusterRole"),
            (Kind::CLUSTER_ROLE_BINDING, "ClusterRoleBinding"),
        ] {
            assert_eq!(kind.info().name, name);
        }
    }

    /// rule 79: no two kinds wait for each other.
    #[test]
    fn references_go_one_way() {
        let refers = |from: Kind, to: Kind| from.may_refer_to(to);
        assert!(refers(Kind::ROUTES, Kind::CLUSTER) && refers(Kind::LISTENER, Kind::ROUTES));
        assert!(refers(Kind::CLUSTER, Kind::ENDPOINTS));
        assert!(refers(Kind::VIRTUAL_SERVICE, Kind::DESTINATION_RULE));
        for (from, to) in Kind::all().flat_map(|from| Kind::all().map(move |to| (from, to))) {
            assert!(!(refers(from, to) && refers(to, from)), "{from} and {to}");
            let families = (from.info().family, to.info().family);
            assert!(!refers(from, to) || families.0 == families.1, "{from} and {to}");
        }
    }

    #[test]
    fn every_served_version_is_the_same_kind() {
        for version in ["v1", "v1alpha3", "v1beta1"] {
            let url = format!("networking.istio.io/{version}/VirtualService");
            assert_eq!(Kind::of_type_url(&url), Some(Kind::VIRTUAL_SERVICE));
        }
        assert_eq!(Kind::of_type_url("networking.istio.io/v2/VirtualService"), None);
        assert_eq!(
            Kind::of_type_url("type.googleapis.com/envoy.config.cluster.v3.Cluster"),
            Some(Kind::CLUSTER)
        );
    }

    #[test]
    fn arguments_are_kinds_plurals_and_short_names() {
        for text in [
            "vs",
            "VS",
            "VirtualService",
            "virtualservice",
            "virtualservices",
            "vs.networking.istio.io",
            "VirtualServices.Networking.istio.io",
            "virtualservice.v1beta1.networking.istio.io",
        ] {
            assert_eq!(Kind::of_argument(text), Some(Kind::VIRTUAL_SERVICE), "{text}");
        }
        for text in
            ["", ".", "vs.", "vs.security.istio.io", "vs.v9.networking.istio.io", "networking.istio.io"]
        {
            assert_eq!(Kind::of_argument(text), None, "{text}");
        }
    }

    #[test]
    fn no_two_kinds_are_written_alike() {
        let words = |kind: Kind| {
            let row = kind.info();
            // kubectl has no short names for them.
            assert_eq!(row.short.is_empty(), kind.is_of_access(), "{kind}");
            [row.name.to_ascii_lowercase(), row.plural.to_owned(), row.short.to_owned()]
        };
        let all: Vec<String> = Kind::all().flat_map(words).filter(|word| !word.is_empty()).collect();
        let distinct: std::collections::BTreeSet<&String> = all.iter().collect();
        assert_eq!(distinct.len(), all.len());
    }
}
