//! What is kept of a resource, by kind.

use prost::Message;

use super::{
    AcrossOptions,
    destination_rule::{self, DestinationRule},
    gateway::{self, Gateway},
    look::{Look, Subject},
    policy::{self, Policy},
    service_entry::{self, ServiceEntry},
    sidecar::{self, Sidecar},
    text::Texts,
    topic::Topic,
    virtual_service::{self, VirtualService},
    workload::Workload,
};
use crate::{generated::istio, key::Key, resource::Resource};

/// What is kept of a resource: what others look up, and what it looks up itself.
#[derive(Debug, PartialEq)]
pub(super) enum Facts {
    VirtualService(VirtualService),
    DestinationRule(DestinationRule),
    Gateway(Gateway),
    ServiceEntry(ServiceEntry),
    Sidecar(Sidecar),
    Workload(Workload),
    Policy(Policy),
}

/// What extracting has at hand beside the message.
pub(super) struct Context<'a> {
    pub(super) resource: &'a Resource,
    pub(super) options: &'a AcrossOptions,
    pub(super) texts: &'a mut Texts,
}

impl<'a> Context<'a> {
    pub(super) fn namespace(&self) -> &'a str {
        &self.resource.key.namespace
    }
}

impl Facts {
    /// `None` for kinds that have nothing to do with others, and for bodies that don't decode.
    pub(super) fn of(resource: &Resource, options: &AcrossOptions, texts: &mut Texts) -> Option<Self> {
        use istio::{extensions::v1alpha1, networking::v1alpha3, security::v1beta1, telemetry};
        let mut context = Context { resource, options, texts };
        let context = &mut context;
        match resource.key.kind.info().name {
            "VirtualService" => of(context, Self::VirtualService, VirtualService::of),
            "DestinationRule" => of(context, Self::DestinationRule, DestinationRule::of),
            "Gateway" => of(context, Self::Gateway, Gateway::of),
            "ServiceEntry" => of(context, Self::ServiceEntry, ServiceEntry::of),
            "Sidecar" => of(context, Self::Sidecar, Sidecar::of),
            "WorkloadEntry" => of(context, Self::Workload, Workload::of_entry),
            "WorkloadGroup" => of(context, Self::Workload, Workload::of_group),
            "AuthorizationPolicy" => {
                of(context, Self::Policy, |context, it: &v1beta1::AuthorizationPolicy| {
                    Policy::of(context, it.selector.as_ref(), it.target_ref.as_ref(), &it.target_refs)
                })
            }
            "RequestAuthentication" => {
                of(context, Self::Policy, |context, it: &v1beta1::RequestAuthentication| {
                    Policy::of(context, it.selector.as_ref(), it.target_ref.as_ref(), &it.target_refs)
                })
            }
            "PeerAuthentication" => of(context, Self::Policy, |context, it: &v1beta1::PeerAuthentication| {
                Policy::of(context, it.selector.as_ref(), None, &[])
            }),
            "Telemetry" => of(context, Self::Policy, |context, it: &telemetry::v1alpha1::Telemetry| {
                Policy::of(context, it.selector.as_ref(), it.target_ref.as_ref(), &it.target_refs)
            }),
            "WasmPlugin" => of(context, Self::Policy, |context, it: &v1alpha1::WasmPlugin| {
                Policy::of(context, it.selector.as_ref(), it.target_ref.as_ref(), &it.target_refs)
            }),
            "TrafficExtension" => of(context, Self::Policy, |context, it: &v1alpha1::TrafficExtension| {
                Policy::of(context, it.selector.as_ref(), None, &it.target_refs)
            }),
            "EnvoyFilter" => of(context, Self::Policy, |context, it: &v1alpha3::EnvoyFilter| {
                Policy::of_labels(context, it.workload_selector.as_ref(), &it.target_refs)
            }),
            _ => None,
        }
    }

    /// What a resource is found under.
    pub(super) fn topics<'a>(&'a self, key: &'a Key) -> Box<dyn Iterator<Item = Topic> + 'a> {
        match self {
            Self::VirtualService(it) => Box::new(it.topics(key)),
            Self::DestinationRule(it) => Box::new(it.topics()),
            Self::Gateway(it) => Box::new(it.topics(key)),
            Self::ServiceEntry(it) => Box::new(it.topics(key)),
            Self::Sidecar(it) => Box::new(it.topics(key)),
            Self::Workload(it) => Box::new(it.topics(key)),
            Self::Policy(_) => Box::new(std::iter::empty()),
        }
    }
}

fn of<M: Message + Default, F>(
    context: &mut Context<'_>,
    facts: fn(F) -> Facts,
    extract: fn(&mut Context<'_>, &M) -> F,
) -> Option<Facts> {
    let message = M::decode(context.resource.body.value.clone()).ok()?;
    Some(facts(extract(context, &message)))
}

/// Looks a resource's references up, and who else claims what it claims.
pub(super) fn examine(subject: &Subject, look: &mut Look<'_>) {
    match &subject.facts {
        Facts::VirtualService(it) => virtual_service::examine(it, look),
        Facts::DestinationRule(it) => destination_rule::examine(it, look),
        Facts::Gateway(it) => gateway::examine(it, look),
        Facts::ServiceEntry(it) => service_entry::examine(it, look),
        Facts::Sidecar(it) => sidecar::examine(it, look),
        Facts::Workload(_) => {}
        Facts::Policy(it) => policy::examine(it, look),
    }
}
