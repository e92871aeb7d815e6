//! Load balancers.

use super::{code, duration, locality, report::Report};
use crate::generated::istio::networking::v1alpha3::{
    LoadBalancerSettings, LocalityLoadBalancerSetting, WarmupConfiguration, ZoneAwareLoadBalancerSetting,
    load_balancer_settings::{
        ConsistentHashLb, LbPolicy,
        consistent_hash_lb::{HashAlgorithm, HashKey, HttpCookie},
    },
    locality_load_balancer_setting::Distribute,
};

/// Envoy's own bound of Maglev's table.
const TABLE_SIZE_END: u64 = 5_000_011;

/// More than this can't share a weight of 100, so whatever follows is refused for that.
const LOCALITIES_MAX: usize = 100;

/// Labels by which endpoints are ordered in any case.
const TOPOLOGY: [&str; 3] =
    ["topology.kubernetes.io/region", "topology.kubernetes.io/zone", "topology.istio.io/subzone"];

/// Failover starts once endpoints are found unhealthy, so it needs outlier detection beside it.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Outliers {
    Detected,
    Undetected,
}

pub(super) fn check(report: &mut Report<'_>, settings: &LoadBalancerSettings, outliers: Outliers) {
    if let Some(LbPolicy::ConsistentHash(hash)) = &settings.lb_policy {
        report.field("consistentHash", |report| consistent_hash(report, hash));
    }
    let (locality, zone) = (settings.locality_lb_setting.as_ref(), settings.zone_aware_lb_setting.as_ref());
    report.flag_if(locality.is_some() && zone.is_some(), &code::LB_LOCALITY_TWICE);
    report.some("localityLbSetting", locality, |report, it| by_locality(report, it, outliers));
    report.some("zoneAwareLbSetting", zone, |report, it| zone_aware(report, it, outliers));
    report.some("warmup", settings.warmup.as_ref(), warmup);
}

#[allow(deprecated)] // what is deprecated is still validated
fn consistent_hash(report: &mut Report<'_>, hash: &ConsistentHashLb) {
    if let Some(HashKey::HttpCookie(cookie)) = &hash.hash_key {
        report.field("httpCookie", |report| self::cookie(report, cookie));
    }
    report.flag_at_if(hash.minimum_ring_size != 0, "minimumRingSize", &code::LB_RING_DEPRECATED);
    let ring_twice = hash.minimum_ring_size != 0 && hash.hash_algorithm.is_some();
    report.flag_at_if(ring_twice, "minimumRingSize", &code::LB_RING_TWICE);
    if let Some(HashAlgorithm::Maglev(maglev)) = &hash.hash_algorithm {
        report.field("maglev", |report| {
            let is_right = |size: &u64| *size < TABLE_SIZE_END && is_prime(*size);
            report.expect("tableSize", &maglev.table_size, is_right, &code::LB_TABLE_SIZE);
        });
    }
}

/// As istiod counts: 1 is one. Only asked of numbers below [`TABLE_SIZE_END`].
fn is_prime(number: u64) -> bool {
    number != 0
        && (2..)
            .take_while(|divisor| divisor * divisor <= number)
            .all(|divisor| !number.is_multiple_of(divisor))
}

fn cookie(report: &mut Report<'_>, cookie: &HttpCookie) {
    report.flag_at_if(cookie.name.is_empty(), "name", &code::LB_COOKIE_NAME);
    for (index, attribute) in cookie.attributes.iter().enumerate() {
        let duplicate = cookie.attributes[..index].iter().any(|earlier| earlier.name == attribute.name);
        report.element("attributes", index, |report| {
            report.flag_if(attribute.name.is_empty(), &code::LB_COOKIE_NAME);
            report.flag_if(duplicate, &code::LB_COOKIE_DUPLICATE);
        });
    }
}

fn by_locality(report: &mut Report<'_>, setting: &LocalityLoadBalancerSetting, outliers: Outliers) {
    if !setting.distribute.is_empty() && !setting.failover.is_empty() {
        return report.flag(&code::LB_DISTRIBUTE_AND_FAILOVER);
    }
    if !setting.failover.is_empty() {
        no_topology(report, &setting.failover_priority);
    }
    report.each("distribute", &setting.distribute, distribute);
    report.field("distribute", |report| {
        locality::check(report, setting.distribute.iter().map(|distribute| distribute.from.as_str()));
    });
    let fails_over = !setting.failover.is_empty() || !setting.failover_priority.is_empty();
    report.flag_if(fails_over && outliers == Outliers::Undetected, &code::LB_NO_OUTLIER);
    report.each("failover", &setting.failover, |report, it| failover(report, &it.from, &it.to));
}

fn zone_aware(report: &mut Report<'_>, setting: &ZoneAwareLoadBalancerSetting, outliers: Outliers) {
    no_topology(report, &setting.failover_priority);
    let fails_over = !setting.failover.is_empty() || !setting.failover_priority.is_empty();
    report.flag_if(fails_over && outliers == Outliers::Undetected, &code::LB_NO_OUTLIER);
    report.each("failover", &setting.failover, |report, it| failover(report, &it.from, &it.to));
}

fn no_topology(report: &mut Report<'_>, labels: &[String]) {
    let is_right = |label: &str| !TOPOLOGY.contains(&label);
    report.expect_each("failoverPriority", labels, is_right, &code::LB_FAILOVER_PRIORITY);
}

fn distribute(report: &mut Report<'_>, distribute: &Distribute) {
    let each_is_right = distribute.to.values().all(|weight| (1..=100).contains(weight));
    let sum: u64 = distribute.to.values().map(|weight| u64::from(*weight)).sum();
    report.flag_at_if(!each_is_right || sum != 100, "to", &code::LB_DISTRIBUTE_SUM);
    let localities: Vec<&str> = distribute.to.keys().map(String::as_str).take(LOCALITIES_MAX).collect();
    report.field("to", |report| locality::check_unordered(report, &localities));
}

fn failover(report: &mut Report<'_>, from: &str, to: &str) {
    let is_region = |text: &str| !text.contains(['/', '*']);
    report.flag_if(from == to || !is_region(from) || !is_region(to), &code::LB_FAILOVER);
}

fn warmup(report: &mut Report<'_>, warmup: &WarmupConfiguration) {
    duration::required(report, "duration", warmup.duration.as_ref());
    let over = warmup.minimum_percent.as_ref().is_some_and(|percent| percent.value > 100.0);
    report.flag_at_if(over, "minimumPercent", &code::PERCENT);
    let flat = warmup.aggression.as_ref().is_some_and(|aggression| aggression.value <= 0.0);
    report.flag_at_if(flat, "aggression", &code::LB_AGGRESSION);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn primes_are_as_istiod_counts_them() {
        for prime in [1, 2, 3, 65537, 4_999_999] {
            assert!(is_prime(prime), "{prime}");
        }
        for other in [0, 4, 9, 65536] {
            assert!(!is_prime(other), "{other}");
        }
    }
}
