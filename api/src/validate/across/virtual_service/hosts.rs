//! Hosts that are named: whether they exist, and are seen from here.

use std::fmt::Display;

use crate::validate::{
    across::{
        code, host,
        look::{Look, Subject, some},
        service_entry::{self, ServiceEntry},
        text::Text,
        topic::Topic,
    },
    address,
};

/// Services of Kubernetes are known to Kubernetes only; everything else is a ServiceEntry's.
pub(in crate::validate::across) fn examine(path: &str, wanted: &Text, is_short: bool, look: &mut Look<'_>) {
    if is_short {
        examine_short(path, wanted, look);
    }
    let complete = look.options.complete.hosts;
    let is_service = host::namespace_of(wanted, &look.options.domain).is_some();
    if host::is_wildcard(wanted) || address::is_ip(wanted) || (is_service && !complete) {
        return;
    }
    let entries = entries_of(wanted, look);
    let own = look.own().namespace();
    if entries.iter().any(|(_, entry)| entry.exports.reach(own)) {
        return;
    }
    if !entries.is_empty() {
        let named = some(entries.iter().map(|(subject, _)| &subject.key));
        look.flag(&code::HOST_HIDDEN, path, format_args!("`{wanted}` is that of {named}"));
    } else if complete {
        look.flag(&code::HOST_MISSING, path, format_args!("`{wanted}`"));
    }
}

/// A host that is written without its namespace.
pub(super) fn examine_short(path: impl Display, full: &Text, look: &mut Look<'_>) {
    look.flag(&code::HOST_SHORT, path, format_args!("`{full}`"));
}

/// The entries that have a host, as such or by a wildcard.
pub(super) fn entries_of<'a>(wanted: &str, look: &mut Look<'a>) -> Vec<(&'a Subject, &'a ServiceEntry)> {
    let mut all = Vec::new();
    for shelf in host::shelves(wanted) {
        let shelf = look.text(&shelf);
        let has = |(_, entry): &(&Subject, &ServiceEntry)| {
            entry.hosts.iter().any(|host| host::is_within(wanted, host))
        };
        all.extend(service_entry::entries(look.found(Topic::EntryOfHost(shelf))).filter(has));
    }
    all
}
