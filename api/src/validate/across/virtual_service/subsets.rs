//! Subsets that are routed to.

use super::{Destination, VirtualService, hosts};
use crate::validate::across::{
    code,
    destination_rule::{self, DestinationRule},
    host,
    look::{Look, Subject, some},
    text::Text,
    topic::Topic,
};

type Rule<'a> = (&'a Subject, &'a DestinationRule);

/// Where a host is looked for.
struct Scope<'a> {
    rules: Vec<Rule<'a>>,
    /// Namespaces that the host may be of; `None` where nobody knows.
    homes: Option<Vec<Text>>,
    root: &'a str,
}

pub(super) fn examine(service: &VirtualService, destination: &Destination, look: &mut Look<'_>) {
    let Destination { place, host, subset, .. } = destination;
    let rules = rules_of(host, look);
    let path = format_args!("{place}.subset");
    let definers: Vec<_> = rules.iter().filter(|(_, rule)| rule.subsets.contains(subset)).collect();
    let Some((definer, _)) = definers.first() else {
        let known = some(rules.iter().map(|(subject, rule)| {
            format!(
                "{} has {}",
                subject.key,
                if rule.subsets.is_empty() { "none".to_owned() } else { some(&rule.subsets) }
            )
        }));
        let known = if known.is_empty() { String::new() } else { format!("; {known}") };
        return look.flag(&code::SUBSET_MISSING, path, format_args!("`{subset}` of `{host}`{known}"));
    };
    let definer = &definer.key;
    // Who includes a delegate, nobody knows here.
    if service.is_delegate() {
        return;
    }
    let homes = homes(host, look);
    let scope = Scope { rules, homes, root: &look.options.root_namespace };
    let own = look.own().namespace();
    let is_seen = |client: &str| scope.defines(client, subset);
    if is_seen(own) || service.gateways.iter().filter_map(|it| it.split_once('/')).any(|(it, _)| is_seen(it))
    {
        return;
    }
    let counting = match scope.counting(own).first() {
        Some((subject, _)) => format!("in namespace {own}, {} counts", subject.key),
        None => format!("in namespace {own}, none counts"),
    };
    look.flag(
        &code::SUBSET_HIDDEN,
        path,
        format_args!("`{subset}` of `{host}` is that of {definer}; {counting}"),
    );
}

/// The rules whose host matches, the nearest first.
fn rules_of<'a>(wanted: &str, look: &mut Look<'a>) -> Vec<Rule<'a>> {
    let mut all = Vec::new();
    for shelf in host::shelves(wanted) {
        let shelf = look.text(&shelf);
        let matches = |(_, rule): &Rule<'_>| host::is_within(wanted, &rule.host);
        all.extend(destination_rule::rules(look.found(Topic::RuleOfHost(shelf))).filter(matches));
    }
    all
}

/// The namespaces of a host: that of its Service, or those of its ServiceEntries.
fn homes(wanted: &str, look: &mut Look<'_>) -> Option<Vec<Text>> {
    if let Some(namespace) = host::namespace_of(wanted, &look.options.domain) {
        return Some(vec![Text::from(namespace)]);
    }
    let entries = hosts::entries_of(wanted, look);
    let namespaces = entries.into_iter().map(|(subject, _)| subject.namespace().clone());
    Some(namespaces.collect()).filter(|namespaces: &Vec<_>| !namespaces.is_empty())
}

impl<'a> Scope<'a> {
    fn defines(&self, client: &str, subset: &Text) -> bool {
        self.counting(client).iter().any(|(_, rule)| rule.subsets.contains(subset))
    }

    /// The rules that count for clients of a namespace: of the first that has any among their own, the host's and the
    /// root namespace, those of the nearest host.
    fn counting(&self, client: &str) -> Vec<Rule<'a>> {
        let of = |namespace: &str| self.nearest(|subject| **subject.namespace() == *namespace, client);
        let own = if *client == *self.root { Vec::new() } else { of(client) };
        if !own.is_empty() {
            return own;
        }
        let at_home = match &self.homes {
            Some(homes) => self.nearest(|subject| homes.contains(subject.namespace()), client),
            None => self.nearest(|_| true, client),
        };
        if at_home.is_empty() { of(self.root) } else { at_home }
    }

    fn nearest(&self, is_of: impl Fn(&Subject) -> bool, client: &str) -> Vec<Rule<'a>> {
        let counts = |(subject, rule): &&Rule<'a>| is_of(subject) && rule.exports.reach(client);
        let rules: Vec<_> = self.rules.iter().filter(counts).copied().collect();
        let nearest = rules.iter().map(|(_, rule)| host::nearness(&rule.host)).max();
        rules.into_iter().filter(|(_, rule)| Some(host::nearness(&rule.host)) == nearest).collect()
    }
}
