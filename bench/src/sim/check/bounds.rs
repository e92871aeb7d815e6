//! What clients can make a server keep stays within its limits, and goes with them.

use mainsheet_server::admission::Admission;

/// Whether everything is within its limit right now.
pub(in crate::sim) fn hold(admission: &Admission) -> Result<(), String> {
    let usage = admission.usage();
    if let Some(over) = usage.iter().find(|usage| usage.used > usage.max) {
        return Err(format!("{} is {}, and may be {}", over.limit, over.used, over.max));
    }
    let connections =
        usage.iter().find(|usage| usage.limit == "connections-max").map_or(0, |usage| usage.used);
    let (kept, each) = (admission.kept_bytes(), admission.limits().client_bytes_max);
    if kept > connections * each {
        return Err(format!(
            "{kept} bytes are kept for {connections} connections, each of which may have {each}"
        ));
    }
    Ok(())
}

/// Whether a server, once all is quiet, has no more than these connections, a stream on each, and no request under way.
pub(in crate::sim) fn are_given_back(admission: &Admission, connections: usize) -> Result<(), String> {
    let max = |limit: &str| match limit {
        "requests-bytes-max" => 0,
        _ => connections,
    };
    match admission.usage().iter().find(|usage| usage.used > max(usage.limit)) {
        Some(usage) => {
            let of = admission.busiest(usize::MAX);
            Err(format!(
                "{} is {} although {connections} connections are open: {of:?}",
                usage.limit, usage.used
            ))
        }
        None => Ok(()),
    }
}
