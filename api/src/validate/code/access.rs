//! Roles and bindings.

use super::codes;

codes! {
    [Mainsheet, &["Role", "RoleBinding", "ClusterRole", "ClusterRoleBinding"]] {
        NO_AUTHORITY "no-authority" Warning "it grants nothing, since its source is no authority", "set `authority: true` for its path or upstream, or name its source in `authorities`, if it is to grant something";
    }

    [Kubernetes, &["Role", "RoleBinding", "ClusterRole", "ClusterRoleBinding"]] {
        ACCESS_NAME "access-name" Error "not the name of a role or binding", "use any text but `.` and `..`, without `/`, `%` and control characters, of at most 253 bytes";
    }

    [Kubernetes, &["Role", "ClusterRole"]] {
        RULE_VERBS "rule-verbs" Error "there are no verbs", "name some, such as get, list and watch, or `*` for all";
        RULE_GROUPS "rule-groups" Error "there are no API groups", "name some, such as networking.istio.io, or `*` for all";
        RULE_RESOURCES "rule-resources" Error "there are no resources", "name some by their plurals, such as virtualservices, or `*` for all";
        RULE_BOTH "rule-both" Error "a rule is about resources or about paths, not about both", "make two rules of it";
    }

    [Kubernetes, &["Role"]] {
        RULE_PATHS "rule-paths" Error "paths are of no namespace", "grant them in a ClusterRole";
    }

    [Kubernetes, &["ClusterRole"]] {
        AGGREGATION_EMPTY "aggregation-empty" Error "there is no selector", "add one, or remove aggregationRule";
        AGGREGATION_SELECTOR "aggregation-selector" Error "not a label selector", "use matchLabels, and matchExpressions with In, NotIn, Exists or DoesNotExist";
    }

    [Kubernetes, &["RoleBinding", "ClusterRoleBinding"]] {
        ROLE_REF "role-ref" Error "there is no role", "name the role that is given";
        ROLE_REF_GROUP "role-ref-group" Error "not the API group of roles", "use rbac.authorization.k8s.io";
        SUBJECT_KIND "subject-kind" Error "not a kind of subject", "use User, Group or ServiceAccount";
        SUBJECT_GROUP "subject-group" Error "not the API group of this kind of subject", "use rbac.authorization.k8s.io for a User or Group, and none for a ServiceAccount";
        SUBJECT_NAME "subject-name" Error "the subject has no name", "name it";
        SUBJECT_ACCOUNT "subject-account" Error "not the name of a service account", "use lower case letters, digits, `-` and `.`, at most 253 of them";
    }

    [Kubernetes, &["RoleBinding"]] {
        ROLE_REF_KIND "role-ref-kind" Error "not a kind of role", "use Role or ClusterRole";
    }

    [Kubernetes, &["ClusterRoleBinding"]] {
        CLUSTER_ROLE_REF_KIND "cluster-role-ref-kind" Error "not a kind of role that holds everywhere", "use ClusterRole";
        SUBJECT_NAMESPACE "subject-namespace" Error "the service account has no namespace", "say which one it is of";
    }
}
