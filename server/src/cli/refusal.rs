//! What a server's refusal says: its message, and the details that come with it, a line each.

use std::collections::BTreeMap;

use tonic::Status;
use tonic_types::{ErrorDetails, StatusExt as _};

/// The message and its details: lines after the first are indented, as those of every error.
pub(super) fn text(status: &Status) -> String {
    let message = match status.message() {
        "" => status.code().description(),
        message => message,
    };
    let details = status.get_error_details();
    let reason = details.error_info().map_or("", |info| &*info.reason);
    let first = if reason.is_empty() { message.to_owned() } else { format!("{message} [{reason}]") };
    // Details are for programs first: what the message says is not told twice.
    let lines = lines(&details).into_iter().filter(|line| !message.contains(&**line));
    let lines = lines.map(|line| line.replace('\n', "\n    "));
    [first].into_iter().chain(lines).collect::<Vec<_>>().join("\n  ")
}

/// Whether the server has answered, and only its store failed.
pub(super) fn is_of_the_store(status: &Status) -> bool {
    let details = status.get_error_details();
    details.error_info().is_some_and(|info| ["STORE", "UNKNOWN"].contains(&&*info.reason))
}

fn lines(details: &ErrorDetails) -> Vec<String> {
    let mut lines = Vec::new();
    let fields = details.bad_request().map(|found| &*found.field_violations).unwrap_or_default();
    lines.extend(fields.iter().map(|field| about(&field.field, &field.description)));
    let unmet = details.precondition_failure().map(|found| &*found.violations).unwrap_or_default();
    lines.extend(unmet.iter().map(|unmet| about(&unmet.subject, &unmet.description)));
    if let Some(resource) = details.resource_info() {
        let what = [&*resource.resource_type, &*resource.resource_name].join(" ");
        let owner = match &*resource.owner {
            "" => String::new(),
            owner => format!(" (held by {owner})"),
        };
        lines.push(about(what.trim(), &resource.description) + &owner);
    }
    if let Some(info) = details.error_info() {
        let metadata: BTreeMap<_, _> = info.metadata.iter().collect();
        lines.extend(metadata.into_iter().map(|(name, value)| about(name, value)));
    }
    lines.into_iter().map(|line| line.trim_end().to_owned()).collect()
}

fn about(what: &str, text: &str) -> String {
    match (what, text) {
        ("", text) => text.to_owned(),
        (what, "") => what.to_owned(),
        (what, text) => format!("{what}: {text}"),
    }
}

#[cfg(test)]
mod tests {
    use tonic::Code;

    use super::*;

    #[test]
    fn what_the_message_says_is_not_told_twice() {
        let mut details = ErrorDetails::with_bad_request_violation("form", "no form has the number 9");
        details.set_error_info("COMPACTED", "mainsheet.io", [("oldest".to_owned(), "41".to_owned())]);
        let status =
            Status::with_error_details(Code::InvalidArgument, "form: no form has the number 9", details);
        assert_eq!(text(&status), "form: no form has the number 9 [COMPACTED]\n  oldest: 41");
    }

    #[test]
    fn details_are_told_a_line_each() {
        let mut details = ErrorDetails::new();
        details
            .add_bad_request_violation("manifests[0]", "line 7: `wieght` is no field")
            .add_bad_request_violation("ttl", "")
            .add_precondition_failure_violation("version", "VirtualService shop/reviews", "is at revision 7")
            .set_resource_info("VirtualService", "shop/reviews", "set shop", "is of another set")
            .set_error_info(
                "SET_CONFLICT",
                "mainsheet.io",
                [("set".to_owned(), "shop".to_owned()), ("revision".to_owned(), "7".to_owned())],
            );
        let status = Status::with_error_details(Code::FailedPrecondition, "2 of 3 conflict", details);
        assert_eq!(
            text(&status),
            "2 of 3 conflict [SET_CONFLICT]\n  \
             manifests[0]: line 7: `wieght` is no field\n  \
             ttl\n  \
             VirtualService shop/reviews: is at revision 7\n  \
             VirtualService shop/reviews: is of another set (held by set shop)\n  \
             revision: 7\n  \
             set: shop"
        );
    }

    #[test]
    fn refusal_without_message_or_details_says_what_its_code_means() {
        assert_eq!(text(&Status::not_found("no such set")), "no such set");
        assert_eq!(text(&Status::new(Code::Aborted, "")), Code::Aborted.description());
    }

    #[test]
    fn detail_of_several_lines_stays_one_block() {
        let mut details = ErrorDetails::new();
        details.add_bad_request_violation("a", "first\nsecond");
        let status = Status::with_error_details(Code::InvalidArgument, "no", details);
        assert_eq!(text(&status), "no\n  a: first\n    second");
    }
}
