//! `exportTo`: which namespaces see a resource.

use super::{code, host, report::Report};

/// Whether `~` (nobody) may be said.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Nobody {
    Allowed,
    Refused,
}

/// Each entry is `.`, `*` or a namespace; `*` and `~` stand alone, and no namespace is named twice.
pub(super) fn check(report: &mut Report<'_>, entries: &[String], nobody: Nobody) {
    let is_right = |entry: &str| {
        matches!(entry, "." | "*") || (entry == "~" && nobody == Nobody::Allowed) || host::is_label(entry)
    };
    report.expect_each("exportTo", entries, is_right, &code::EXPORT_TO);
    let all_or_nobody = entries.iter().any(|entry| entry == "*" || entry == "~");
    report.flag_at_if(all_or_nobody && entries.len() > 1, "exportTo", &code::EXPORT_TO_ALONE);
    let own = report.namespace();
    let resolved = |entry: &'_ String| if entry == "." { own.to_owned() } else { entry.clone() };
    for (index, entry) in entries.iter().enumerate() {
        if entries[..index].iter().any(|earlier| resolved(earlier) == resolved(entry)) {
            report.element("exportTo", index, |report| report.flag_value(&code::EXPORT_TO_DUPLICATE, entry));
        }
    }
}

/// A rule for some workloads of its namespace is exported to that namespace only.
pub(super) fn own_namespace_only(report: &mut Report<'_>, entries: &[String]) {
    let own = report.namespace();
    let is_own = |entry: &String| entry == "." || entry == own;
    let right = entries.is_empty() || (entries.len() == 1 && is_own(&entries[0]));
    report.flag_at_if(!right, "exportTo", &code::EXPORT_TO_SELECTOR);
}
