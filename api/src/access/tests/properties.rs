use proptest::{collection::vec, prelude::*, sample::select};

use super::{
    model::{Model, ModelBinding, ModelRole},
    *,
};
use crate::{
    access::{Attributes, Concerned, Identity},
    view::{Audience, View},
};

const NAMESPACES: [&str; 3] = ["", "a", "b"];
const NAMES: [&str; 3] = ["x", "y", "z"];
const VERBS: [&str; 5] = ["get", "list", "watch", "bind", "escalate"];
/// Of two groups, one of them ours.
const KINDS: [Kind; 4] =
    [Kind::VIRTUAL_SERVICE, Kind::SERVICE_ENTRY, Kind::VALIDATION_RULE, Kind::CLUSTER_ROLE];

fn identities() -> Vec<Identity> {
    let of_users = ["u", "v"].map(|user| Identity::new(user, ["g"]));
    let accounts = ["a", "b"].map(|namespace| Identity::service_account(namespace, "s"));
    let others = [Identity::new("u", [""; 0]), Identity::new("w", ["g", "h"]), Identity::anonymous()];
    of_users.into_iter().chain(accounts).chain(others).chain([Identity::local()]).collect()
}

fn any_rule() -> impl Strategy<Value = pb::PolicyRule> {
    let of = |texts: &'static [&'static str]| vec(select(texts), 1..3).prop_map(|texts| super::texts(&texts));
    let resources = &[
        "*",
        "*/status",
        "virtualservices",
        "virtualservices/status",
        "validationrules",
        "clusterroles",
        "roles",
        "",
    ];
    let groups = &["*", "networking.istio.io", "mainsheet.io", "rbac.authorization.k8s.io"];
    let names = prop_oneof![3 => Just(Vec::new()), 1 => of(&NAMES)];
    (of(&["*", "get", "list", "watch", "bind", "escalate"]), of(groups), of(resources), names).prop_map(
        |(verbs, api_groups, resources, resource_names)| pb::PolicyRule {
            verbs,
            api_groups,
            resources,
            resource_names,
            non_resource_urls: Vec::new(),
        },
    )
}

fn any_role() -> impl Strategy<Value = ModelRole> {
    let label = || proptest::option::weighted(0.4, select(&["p", "q"]));
    let made_of = proptest::option::weighted(0.3, select(&["p", "q"]));
    (label(), made_of, vec(any_rule(), 0..3)).prop_map(|(label, made_of, rules)| ModelRole {
        label,
        made_of,
        rules,
    })
}

fn any_binding() -> impl Strategy<Value = ModelBinding> {
    let subjects = &[
        "User/u",
        "User/v",
        "Group/g",
        "Group/h",
        "ServiceAccount/a:s",
        "ServiceAccount/:s",
        "Group/system:serviceaccounts:b",
        "Group/system:authenticated",
        "User/system:anonymous",
    ];
    let role = (select(&["Role", "ClusterRole"]), select(&NAMES));
    (role, vec(select(subjects), 0..3)).prop_map(|((kind, name), subjects)| ModelBinding {
        role: format!("{kind}/{name}"),
        subjects: texts(&subjects),
    })
}

#[derive(Clone, Debug)]
enum Step {
    Role(Option<ModelRole>),
    Binding(Option<ModelBinding>),
}

type Steps = Vec<Vec<((&'static str, &'static str), Step)>>;

fn any_step() -> impl Strategy<Value = ((&'static str, &'static str), Step)> {
    let step = prop_oneof![
        4 => any_role().prop_map(|role| Step::Role(Some(role))),
        1 => Just(Step::Role(None)),
        6 => any_binding().prop_map(|binding| Step::Binding(Some(binding))),
        1 => Just(Step::Binding(None)),
    ];
    ((select(&NAMESPACES), select(&NAMES)), step)
}

fn any_steps() -> impl Strategy<Value = Steps> {
    vec(vec(any_step(), 1..4), 1..12)
}

impl Model {
    /// Takes a step, and says it as an edit.
    fn take(&mut self, (namespace, name): (&str, &str), step: Step) -> Edit {
        let place = (namespace.to_owned(), name.to_owned());
        let is_everywhere = namespace.is_empty();
        match step {
            Step::Role(Some(role)) => {
                let document = role.document((namespace, name));
                self.roles.insert(place, role);
                put(&document)
            }
            Step::Binding(Some(binding)) => {
                let document = binding.document((namespace, name));
                self.bindings.insert(place, binding);
                put(&document)
            }
            Step::Role(None) => {
                self.roles.remove(&place);
                let kind = if is_everywhere { Kind::CLUSTER_ROLE } else { Kind::ROLE };
                Edit::remove(&Key::new(kind, namespace, name)).unwrap()
            }
            Step::Binding(None) => {
                self.bindings.remove(&place);
                let kind = if is_everywhere { Kind::CLUSTER_ROLE_BINDING } else { Kind::ROLE_BINDING };
                Edit::remove(&Key::new(kind, namespace, name)).unwrap()
            }
        }
    }
}

/// Whatever could be asked, with names, subresources and namespaces.
fn questions() -> Vec<Attributes<'static>> {
    let mut questions = Vec::new();
    for (kind, verb) in KINDS.iter().flat_map(|kind| VERBS.map(|verb| (kind, verb))) {
        for namespace in [None, Some("a"), Some("b"), Some("c")] {
            let of_kind = Attributes::of_kind(verb, *kind, namespace);
            questions.extend([None, Some("x"), Some("n")].map(|name| Attributes { name, ..of_kind }));
            questions.push(Attributes { subresource: "status", ..of_kind });
        }
    }
    questions
}

/// All that an identity may do, of what can be asked.
fn allowed(access: &Access, identity: &Identity) -> Vec<bool> {
    questions().iter().map(|wanted| access.allows(identity, wanted)).collect()
}

fn check_view(access: &Access, identity: &Identity, verbs: &[&str]) -> Result<(), TestCaseError> {
    let view = access.view(identity, verbs);
    for (kind, name) in KINDS.iter().flat_map(|kind| ["x", "y", "n"].map(|name| (kind, name))) {
        for namespace in ["a", "b", "c"] {
            let key = Key::new(*kind, namespace, name);
            let may = verbs.iter().all(|verb| access.allows(identity, &Attributes::of_key(verb, &key)));
            prop_assert_eq!(view.sees(&key, &Audience::everyone()), may, "{} {}", identity, key);
        }
    }
    prop_assert!(!identity.is_master() || view == View::everything());
    Ok(())
}

proptest! {
    #[test]
    fn decisions_are_those_of_the_model(steps in any_steps()) {
        let mut model = Model::default();
        for (place, step) in steps.into_iter().flatten() {
            model.take(place, step);
        }
        let access = access(&model.documents());
        for identity in identities() {
            for wanted in questions() {
                let expected = model.allows(&identity, &wanted);
                prop_assert_eq!(access.allows(&identity, &wanted), expected, "{} {}", identity, wanted);
            }
        }
    }

    #[test]
    fn edited_is_what_is_built_anew_and_concerns_all_whose_grants_differ(steps in any_steps()) {
        let (mut model, mut access) = (Model::default(), Access::default());
        for edits in steps {
            let edits: Vec<Edit> = edits.into_iter().map(|(place, step)| model.take(place, step)).collect();
            let (next, concerned) = access.edited(edits);
            prop_assert_eq!(&next, &super::access(&model.documents()));
            for identity in identities() {
                if allowed(&access, &identity) != allowed(&next, &identity) {
                    prop_assert!(concerned.covers(&identity), "{}", identity);
                }
            }
            let (same, nobody) = next.edited([]);
            prop_assert!(same == next && nobody == Concerned::default());
            access = next;
        }
    }

    #[test]
    fn views_show_what_all_of_their_verbs_may_be_done_with(steps in any_steps()) {
        let mut model = Model::default();
        for (place, step) in steps.into_iter().flatten() {
            model.take(place, step);
        }
        let access = access(&model.documents());
        for identity in identities() {
            check_view(&access, &identity, &["get"])?;
            check_view(&access, &identity, &["list", "watch"])?;
        }
    }

    #[test]
    fn who_may_not_bind_or_escalate_gets_nothing_by_writing_roles_and_bindings(
        steps in any_steps(),
        writes in vec(any_step(), 1..8),
        writer in select(identities()),
    ) {
        let mut model = Model::default();
        for (place, step) in steps.into_iter().flatten() {
            model.take(place, step);
        }
        for role in model.roles.values_mut() {
            // A role with all verbs has these two as well.
            role.rules.iter_mut().flat_map(|rule| &mut rule.verbs).for_each(|verb| {
                if ["*", "bind", "escalate"].contains(&&**verb) {
                    *verb = "get".to_owned();
                }
            });
        }
        let mut access = access(&model.documents());
        prop_assume!(!writer.is_master());
        let before = allowed(&access, &writer);
        for (place, step) in writes {
            let edit = Model::default().take(place, step);
            if access.check_grant(&writer, &edit).is_ok() {
                access = access.edited([edit]).0;
            }
        }
        let after = allowed(&access, &writer);
        prop_assert!(before.iter().zip(after).all(|(had, has)| *had || !has), "{}", writer);
    }
}
