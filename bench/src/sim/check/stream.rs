//! What must be true of one stream as its sink sees it: one unanswered response a type, nothing twice without cause, and
//! nothing again that was refused.

use std::collections::{BTreeMap, BTreeSet};

use mainsheet_api::{
    limits::ACK_GRACE,
    xds::{client::Response, server::Request},
};

use crate::sim::{dial::Dialer, journal::Checker, model::short, network::Net};

/// What a response may be late beyond what is known of the line, in milliseconds: a window that was full.
const LATE: u64 = 4_500;

/// What is on its way both ways at a time, beyond what is known of the line.
const ROUND_TRIP: u64 = 3_000;

/// The rules of one stream.
pub(in crate::sim) struct StreamRules {
    dialer: Dialer,
    net: Net,
    types: BTreeMap<String, OfType>,
}

/// Names, each with a version.
type Entries = Vec<(String, String)>;

/// What was said of one type.
#[derive(Debug, Default)]
struct OfType {
    /// What was sent last of each name.
    sent: BTreeMap<String, String>,
    /// Names that may be sent again as they are.
    excused: BTreeMap<String, u64>,
    /// Names that were asked for.
    named: BTreeSet<String>,
    /// SotW: those of the last request.
    names: Option<Vec<String>>,
    /// Everything may be, since then.
    all_asked: Option<u64>,
    /// Of those excuses, the ones that were used.
    answered: BTreeSet<String>,
    answered_all: Option<u64>,
    groups: Vec<Group>,
    /// The nonce of the response that is unanswered, what was in it, and when it came.
    unanswered: Option<(String, Entries, u64)>,
    /// The server has stopped to wait for answers.
    is_given_up: bool,
    /// SotW: the version of the set that was sent last.
    version: Option<String>,
    is_refused: bool,
}

/// What one refused response had.
#[derive(Debug)]
struct Group {
    members: BTreeMap<String, String>,
    is_touched: bool,
}

impl StreamRules {
    pub(in crate::sim) fn new(dialer: Dialer, net: Net) -> Self {
        Self { dialer, net, types: BTreeMap::new() }
    }

    /// The sink has sent this.
    pub(in crate::sim) fn sent(&mut self, request: &Request) {
        let now = self.net.timeline.now();
        match request {
            Request::Sotw(request) => {
                let of = self.types.entry(request.type_url.clone()).or_default();
                let is_answer = of.answer(&request.response_nonce, request.error_detail.is_some());
                let is_same = of.names.as_ref() == Some(&request.resource_names);
                if !is_answer || !is_same {
                    of.all_asked = Some(now);
                }
                of.names = Some(request.resource_names.clone());
            }
            Request::Delta(request) => {
                let of = self.types.entry(request.type_url.clone()).or_default();
                of.answer(&request.response_nonce, request.error_detail.is_some());
                for (name, version) in &request.initial_resource_versions {
                    of.sent.insert(name.clone(), version.clone());
                }
                let names =
                    request.resource_names_subscribe.iter().chain(&request.resource_names_unsubscribe);
                // Of what a client has let go it is not told that it is gone; when it comes back, it is news.
                for name in &request.resource_names_unsubscribe {
                    of.sent.retain(|sent, _| name != "*" && sent != name);
                }
                for name in names {
                    of.named.insert(name.clone());
                    if name == "*" {
                        of.all_asked = Some(now);
                    }
                    of.excuse(name, now);
                }
            }
        }
    }

    /// The sink has received this.
    pub(in crate::sim) fn received(&mut self, response: &Response) {
        let (now, lag) = (self.net.timeline.now(), self.net.lag(self.dialer.client));
        let (type_url, nonce) = match response {
            Response::Sotw(response) => (&response.type_url, &response.nonce),
            Response::Delta(response) => (&response.type_url, &response.nonce),
        };
        let of = self.types.entry(type_url.clone()).or_default();
        let mut findings = Vec::new();
        // What was asked for before that was answered, or is not going to be, unless it could not be heard, or had to wait
        // until the server gave up an answer that does not come.
        let then = now.saturating_sub(2 * lag + ROUND_TRIP);
        if self.net.held_back_until(self.dialer.client) < then && of.unanswered.is_none() {
            of.forget_before(then);
        }
        of.expect_room(nonce, (now, lag), &mut findings);
        let entries = match response {
            Response::Sotw(response) => of.set(&response.version_info, &mut findings),
            Response::Delta(response) => {
                let told = response.resources.iter().map(|resource| &resource.name);
                let told =
                    told.chain(response.removed_resources.iter().filter(|name| !of.named.contains(*name)));
                for name in told.filter(|name| !self.dialer.may_see(name)) {
                    findings.push((Checker::Foreign, format!("is told of {name}")));
                }
                let changed = response.resources.iter();
                let changed =
                    changed.map(|resource| (resource.name.clone(), resource.version.clone())).collect();
                of.changes(changed, &response.removed_resources, &mut findings)
            }
        };
        of.unanswered = Some((nonce.clone(), entries, now));
        let kind = type_url.rsplit(['/', '.']).next().unwrap_or_default();
        for (checker, what) in findings {
            self.net.journal.fail(checker, format!("{}: {kind} #{nonce}: {what}", self.dialer.name));
        }
    }
}

impl OfType {
    /// Whether a request answers a response.
    fn answer(&mut self, nonce: &str, is_nack: bool) -> bool {
        let Some((_, entries, _)) = self.unanswered.take_if(|(unanswered, ..)| unanswered == nonce) else {
            return false;
        };
        self.is_given_up = false;
        if is_nack {
            self.is_refused = true;
            let members: BTreeMap<_, _> = entries.into_iter().collect();
            self.groups
                .iter_mut()
                .for_each(|group| group.members.retain(|name, _| !members.contains_key(name)));
            self.groups.push(Group { members, is_touched: false });
        }
        true
    }

    /// A name may be sent again as it is.
    fn excuse(&mut self, name: &str, now: u64) {
        self.excused.insert(name.to_owned(), now);
        for group in self.groups.iter_mut().filter(|group| group.members.contains_key(name)) {
            group.is_touched = true;
        }
    }

    /// Excuses of before then that were used are none any more; a response may have been on its way when they began.
    fn forget_before(&mut self, then: u64) {
        if self.all_asked.is_some_and(|at| at < then) && self.answered_all == self.all_asked {
            self.all_asked = None;
        }
        let Self { excused, answered, .. } = self;
        excused.retain(|name, at| *at >= then || !answered.remove(name));
    }

    fn expect_room(&mut self, nonce: &str, (now, lag): (u64, u64), findings: &mut Vec<(Checker, String)>) {
        let Some((before, _, came)) = &self.unanswered else { return };
        let grace = u64::try_from(ACK_GRACE.as_millis()).unwrap_or(u64::MAX);
        let waited = now - came;
        if waited + lag + LATE < grace && !self.is_given_up {
            findings.push((
                Checker::Queues,
                format!("#{before} is unanswered for {waited} ms, and #{nonce} comes"),
            ));
        }
        self.is_given_up = true;
    }

    /// A complete set.
    fn set(&mut self, version: &str, findings: &mut Vec<(Checker, String)>) -> Entries {
        let is_same = self.version.as_deref() == Some(version);
        if is_same && self.all_asked.is_none() {
            let checker = if self.is_refused { Checker::Refused } else { Checker::Repeats };
            findings.push((checker, format!("the set of version {} again", short(version))));
        }
        self.is_refused = false;
        self.answered_all = self.all_asked;
        self.version = Some(version.to_owned());
        Vec::new()
    }

    fn changes(
        &mut self,
        changed: Entries,
        removed: &[String],
        findings: &mut Vec<(Checker, String)>,
    ) -> Entries {
        for group in &mut self.groups {
            let is_other = |(name, version): &(String, String)| {
                group.members.get(name).is_some_and(|refused| refused != version)
            };
            let is_gone = |name: &String| group.members.get(name).is_some_and(|refused| !refused.is_empty());
            group.is_touched |= changed.iter().any(is_other) || removed.iter().any(is_gone);
        }
        for (name, version) in &changed {
            let is_excused = self.excused.contains_key(name) || self.all_asked.is_some();
            if is_excused {
                self.answered.insert(name.clone());
            }
            let group = self.groups.iter().find(|group| group.members.contains_key(name));
            let is_same = self.sent.get(name) == Some(version);
            match group {
                Some(group)
                    if group.members.get(name) == Some(version) && !group.is_touched && !is_excused =>
                {
                    findings.push((Checker::Refused, format!("{name} at {} was refused", short(version))));
                }
                None if is_same && !is_excused => {
                    findings.push((Checker::Repeats, format!("{name} at {} again", short(version))));
                }
                _ => {}
            }
            self.sent.insert(name.clone(), version.clone());
        }
        for name in removed {
            self.sent.remove(name);
        }
        let sent_again =
            |name: &String| changed.iter().any(|(other, _)| other == name) || removed.contains(name);
        for group in &mut self.groups {
            let before = group.members.len();
            group.members.retain(|name, _| !sent_again(name));
            group.is_touched |= group.members.len() < before;
        }
        self.groups.retain(|group| !group.members.is_empty());
        if !changed.is_empty() || !removed.is_empty() {
            self.answered_all = self.all_asked;
        }
        // A removal can be refused, too; it has no version.
        changed.into_iter().chain(removed.iter().map(|name| (name.clone(), String::new()))).collect()
    }
}
