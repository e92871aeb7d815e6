//! What registered identities are granted, kept up while documents of access change.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError},
};

use mainsheet_api::{
    access::{Access, Attributes, Concerned, Edit, Escalation, Identity},
    view::View,
};
use tokio::sync::watch;

/// Grants of whoever is there. Cloning shares them.
#[derive(Clone, Debug, Default)]
pub struct Grants(Arc<Mutex<Inner>>);

#[derive(Debug, Default)]
struct Inner {
    access: Access,
    /// An entry for each identity that somebody holds a receiver of: at most one a stream or request, both of which are
    /// bounded.
    registered: HashMap<Identity, watch::Sender<Granted>>,
    /// How many there may be before those are let go that nobody holds any more.
    sweep_at: usize,
}

/// The fewest entries that are worth looking through.
const SWEEP_LEN_MIN: usize = 64;

/// What one identity is granted. Cloning shares it.
#[derive(Clone, Debug)]
pub struct Granted {
    access: Access,
    identity: Identity,
    /// What it may list and watch, once it was asked for: all streams of an identity share it.
    view: Arc<OnceLock<View>>,
}

impl Grants {
    /// Of an identity, from now on: changes when its grants may be others. Whoever holds it must not call this while it
    /// borrows from it.
    #[must_use]
    pub fn of(&self, identity: &Identity) -> watch::Receiver<Granted> {
        let mut inner = self.lock();
        if let Some(sender) = inner.registered.get(identity) {
            return sender.subscribe();
        }
        if inner.registered.len() >= inner.sweep_at {
            inner.registered.retain(|_, sender| sender.receiver_count() > 0);
            inner.sweep_at = (2 * inner.registered.len()).max(SWEEP_LEN_MIN);
        }
        let (sender, receiver) = watch::channel(Granted::of(&inner.access, identity));
        inner.registered.insert(identity.clone(), sender);
        receiver
    }

    /// Of an identity, now: for a request that is answered at once.
    #[must_use]
    pub fn now(&self, identity: &Identity) -> Granted {
        let inner = self.lock();
        match inner.registered.get(identity) {
            Some(sender) => sender.borrow().clone(),
            None => Granted::of(&inner.access, identity),
        }
    }

    /// These documents count from now on. Wakes whoever is concerned, and says how many identities that is.
    pub(crate) fn change(&self, access: Access, concerned: &Concerned) -> usize {
        let mut inner = self.lock();
        inner.access = access.clone();
        inner.registered.retain(|_, sender| sender.receiver_count() > 0);
        let is_woken = |(identity, sender): (&Identity, &watch::Sender<Granted>)| {
            sender.send_if_modified(|granted| {
                let is_concerned = concerned.covers(identity);
                // Of whoever is not, every decision stays as it is, and so does the view.
                let view = if is_concerned { Arc::default() } else { Arc::clone(&granted.view) };
                *granted = Granted { access: access.clone(), identity: identity.clone(), view };
                is_concerned
            })
        };
        inner.registered.iter().map(is_woken).filter(|is_woken| *is_woken).count()
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Granted {
    fn of(access: &Access, identity: &Identity) -> Self {
        Self { access: access.clone(), identity: identity.clone(), view: Arc::default() }
    }

    /// Whose it is.
    #[must_use]
    pub fn identity(&self) -> &Identity {
        &self.identity
    }

    /// What a stream shows: what may be listed and watched.
    #[must_use]
    pub fn view(&self) -> View {
        self.view.get_or_init(|| self.view_of(&["list", "watch"])).clone()
    }

    /// With what all of these may be done.
    #[must_use]
    pub fn view_of(&self, verbs: &[&str]) -> View {
        self.access.view(&self.identity, verbs)
    }

    /// Whether this may be done.
    #[must_use]
    pub fn allows(&self, wanted: &Attributes<'_>) -> bool {
        self.access.allows(&self.identity, wanted)
    }

    /// Whether this may be done with a path that is no resource.
    #[must_use]
    pub fn allows_path(&self, verb: &str, path: &str) -> bool {
        self.access.allows_path(&self.identity, verb, path)
    }

    /// Whether whoever may write a document of access may write this one.
    ///
    /// # Errors
    /// What it would give away without being held.
    pub fn check_grant(&self, edit: &Edit) -> Result<(), Escalation> {
        self.access.check_grant(&self.identity, edit)
    }
}

#[cfg(test)]
mod tests {
    use mainsheet_api::{
        codec::{self, Content, Defaults, UnknownFields},
        key::Key,
        kind::Kind,
        view::Audience,
    };

    use super::*;

    const DEFAULTS: Defaults<'_> =
        Defaults { namespace: "shop", scope: "", unknown_fields: UnknownFields::Strict };

    fn edit(document: &str) -> Edit {
        let text = format!("{{apiVersion: rbac.authorization.k8s.io/v1, kind: {document}}}");
        match codec::read(&text, DEFAULTS).remove(0).content {
            Content::Resource { resource, .. } => Edit::put(&resource).unwrap().unwrap(),
            other => panic!("{other:?}"),
        }
    }

    fn binding(namespace: &str, user: &str) -> Edit {
        edit(&format!(
            "RoleBinding, metadata: {{name: {user}, namespace: {namespace}}}, roleRef: {{kind: ClusterRole, name: read}}, \
             subjects: [{{kind: User, name: {user}}}]"
        ))
    }

    fn user(name: &str) -> Identity {
        Identity::new(name, ["system:authenticated"])
    }

    fn sees(granted: &Granted, namespace: &str) -> bool {
        granted.view().sees(&Key::new(Kind::VIRTUAL_SERVICE, namespace, "x"), &Audience::everyone())
    }

    const READ: &str = "ClusterRole, metadata: {name: read}, rules: [{verbs: [list, watch], apiGroups: ['*'], resources: ['*']}]";

    #[test]
    fn change_of_one_binding_wakes_whom_it_concerns_and_nobody_else() {
        let grants = Grants::default();
        let bindings = (0..5000).map(|number| binding(&format!("ns-{number}"), &format!("user-{number}")));
        let (access, concerned) = Access::default().edited([edit(READ)].into_iter().chain(bindings));
        grants.change(access.clone(), &concerned);
        let mut receivers: Vec<_> =
            (0..1000).map(|number| grants.of(&user(&format!("user-{number}")))).collect();
        assert!(sees(&receivers[7].borrow(), "ns-7") && !sees(&receivers[7].borrow(), "ns-8"));
        let (access, concerned) = access.edited([binding("more", "user-7")]);
        assert_eq!(grants.change(access, &concerned), 1);
        let woken: Vec<usize> =
            (0..1000).filter(|number| receivers[*number].has_changed().unwrap()).collect();
        assert_eq!(woken, [7]);
        let granted = receivers[7].borrow_and_update().clone();
        assert!(sees(&granted, "more") && sees(&granted, "ns-7"));
    }

    #[test]
    fn who_is_not_concerned_keeps_its_view_and_decides_by_the_newest_documents() {
        let grants = Grants::default();
        let alice = grants.of(&user("alice"));
        let before = Arc::clone(&alice.borrow().view);
        let (access, concerned) = Access::default().edited([edit(READ), binding("shop", "bob")]);
        assert_eq!(grants.change(access, &concerned), 0);
        assert!(!alice.has_changed().unwrap() && Arc::ptr_eq(&before, &alice.borrow().view));
        let missing = alice.borrow().check_grant(&binding("shop", "alice")).unwrap_err();
        assert!(!missing.lacking.is_empty(), "the role is there by now: {missing}");
    }

    #[test]
    fn identities_are_let_go_with_their_last_receiver() {
        let grants = Grants::default();
        let kept = grants.of(&user("kept"));
        for number in 0..10 * SWEEP_LEN_MIN {
            drop(grants.of(&user(&format!("user-{number}"))));
        }
        assert!(grants.lock().registered.len() <= SWEEP_LEN_MIN + 1);
        grants.change(Access::default(), &Concerned::default());
        assert_eq!(grants.lock().registered.len(), 1);
        drop(kept);
        assert!(!grants.now(&user("kept")).allows_path("get", "/metrics"));
        assert!(grants.now(&Identity::local()).allows_path("get", "/metrics"));
    }
}
