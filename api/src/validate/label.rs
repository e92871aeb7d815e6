//! Labels of workloads: Kubernetes' grammar, upper case in the prefix allowed, values of any length.

use std::collections::BTreeMap;

use super::{code, host, report::Report};

const PREFIX_LEN_MAX: usize = 253;
const NAME_LEN_MAX: usize = 63;

fn is_name(text: &str) -> bool {
    let inner = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
    let ends = [text.bytes().next(), text.bytes().next_back()];
    text.bytes().all(inner) && ends.iter().all(|end| end.is_some_and(|byte| byte.is_ascii_alphanumeric()))
}

fn is_key(key: &str) -> bool {
    let (prefix, name) = match key.split_once('/') {
        Some((prefix, name)) => (Some(prefix), name),
        None => (None, key),
    };
    let prefix_is_right =
        prefix.is_none_or(|prefix| prefix.len() <= PREFIX_LEN_MAX && prefix.split('.').all(host::is_label));
    prefix_is_right && name.len() <= NAME_LEN_MAX && is_name(name)
}

fn is_value(value: &str) -> bool {
    value.is_empty() || is_name(value)
}

/// Flags labels that no workload can have.
pub(super) fn check(report: &mut Report<'_>, name: &str, labels: &BTreeMap<String, String>) {
    report.entries(name, labels, |report, key, value| {
        if !is_key(key) {
            report.flag_value(&code::LABEL_KEY, key);
        }
        if !is_value(value) {
            report.flag_value(&code::LABEL_VALUE, value);
        }
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_have_an_optional_prefix_and_values_any_length() {
        for good in ["a", "a.b_c-d", "Example.com/a", "app.kubernetes.io/name"] {
            assert!(is_key(good), "{good}");
        }
        for bad in ["", "/a", "a/", "a/b/c", "a b", "-a", "a_b/c", &"x".repeat(64)] {
            assert!(!is_key(bad), "{bad}");
        }
        assert!(is_value("") && is_value(&"x".repeat(64)) && !is_value("a b"));
    }
}
