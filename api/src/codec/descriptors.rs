//! What messages look like: descriptors of our .proto files, and Envoy's when an Envoy document turns up.

use std::sync::{LazyLock, OnceLock};

use prost_reflect::{DescriptorPool, MessageDescriptor};

use crate::kind::{Family, KINDS, Kind};

static ISTIO: LazyLock<DescriptorPool> = LazyLock::new(|| {
    DescriptorPool::decode(&include_bytes!("../generated/descriptors.bin")[..])
        .expect("checked in, and tested")
});

/// Takes some 70 ms to build: many servers never see an Envoy document.
static ENVOY: LazyLock<DescriptorPool> = LazyLock::new(|| {
    DescriptorPool::decode(&include_bytes!("../generated/envoy.bin")[..]).expect("checked in, and tested")
});

static BODIES: [OnceLock<MessageDescriptor>; KINDS.len()] = [const { OnceLock::new() }; KINDS.len()];

/// The descriptors in which a family's messages are found.
pub(crate) fn pool(family: Family) -> &'static DescriptorPool {
    match family {
        Family::Istio => &ISTIO,
        Family::Envoy => &ENVOY,
        Family::Opaque => unreachable!("nothing describes their messages, so nobody reads them"),
    }
}

/// The message of a kind's body.
pub(crate) fn body(kind: Kind) -> &'static MessageDescriptor {
    let row = kind.info();
    BODIES[kind.index()].get_or_init(|| {
        let message = pool(row.family).get_message_by_name(row.message);
        message.expect("the message of every kind is described, and tested")
    })
}

/// One of Envoy's messages, by its full name.
#[cfg(feature = "validate")]
pub(crate) fn envoy_message(name: &str) -> Option<MessageDescriptor> {
    ENVOY.get_message_by_name(name)
}
