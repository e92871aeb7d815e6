//! The VirtualServices that a VirtualService delegates to.

use super::{Delegate, VirtualService};
use crate::{
    generated::istio::networking::v1alpha3 as wire,
    validate::across::{code, facts::Facts, look::Look, text::Texts, topic::Topic},
};

pub(super) fn of(service: &wire::VirtualService, namespace: &str, texts: &mut Texts) -> Box<[Delegate]> {
    let named =
        service.http.iter().enumerate().filter_map(|(route, http)| Some((route, http.delegate.as_ref()?)));
    let delegate = |(route, delegate): (usize, &wire::Delegate)| {
        let of = if delegate.namespace.is_empty() { namespace } else { &delegate.namespace };
        Delegate { route, namespace: texts.keep(of), name: texts.keep(&delegate.name) }
    };
    named.map(delegate).collect()
}

/// Istiod leaves a route out whose delegate it does not find.
pub(super) fn examine(service: &VirtualService, look: &mut Look<'_>) {
    let own = look.own().namespace();
    for Delegate { route, namespace, name } in &service.delegates {
        let topic = Topic::VirtualService { namespace: namespace.clone(), name: name.clone() };
        let found = look.found(topic);
        let code = match found.first().map(|subject| &subject.facts) {
            Some(Facts::VirtualService(target)) if !target.is_delegate() => &code::DELEGATE_HOSTS,
            Some(Facts::VirtualService(target)) if !target.exports.reach(own) => &code::DELEGATE_HIDDEN,
            Some(_) => continue,
            None => &code::DELEGATE_MISSING,
        };
        look.flag(code, format_args!("spec.http[{route}].delegate"), format_args!("`{namespace}/{name}`"));
    }
}
