//! Injected faults.

use crate::{
    generated::istio::networking::v1alpha3::{
        HttpFaultInjection, Percent,
        http_fault_injection::{Abort, Delay, abort::ErrorType, delay::HttpDelayType},
    },
    validate::{code, duration, percent, report::Report},
};

const GRPC_STATUSES: [&str; 17] = [
    "OK",
    "CANCELLED",
    "UNKNOWN",
    "INVALID_ARGUMENT",
    "DEADLINE_EXCEEDED",
    "NOT_FOUND",
    "ALREADY_EXISTS",
    "PERMISSION_DENIED",
    "RESOURCE_EXHAUSTED",
    "FAILED_PRECONDITION",
    "ABORTED",
    "OUT_OF_RANGE",
    "UNIMPLEMENTED",
    "INTERNAL",
    "UNAVAILABLE",
    "DATA_LOSS",
    "UNAUTHENTICATED",
];

pub(super) fn check(report: &mut Report<'_>, fault: &HttpFaultInjection) {
    report.flag_if(fault.abort.is_none() && fault.delay.is_none(), &code::VS_FAULT_EMPTY);
    report.some("abort", fault.abort.as_ref(), abort);
    report.some("delay", fault.delay.as_ref(), delay);
}

fn abort(report: &mut Report<'_>, abort: &Abort) {
    report.some("percentage", abort.percentage.as_ref(), fraction);
    match &abort.error_type {
        Some(ErrorType::HttpStatus(status)) => {
            report.expect("httpStatus", status, |status| (200..=600).contains(status), &code::VS_HTTP_STATUS);
        }
        Some(ErrorType::GrpcStatus(status)) => {
            let known = |status: &str| GRPC_STATUSES.contains(&status);
            report.expect("grpcStatus", status.as_str(), known, &code::VS_FAULT_GRPC_STATUS);
        }
        Some(ErrorType::Http2Error(_)) => report.flag_at("http2Error", &code::VS_FAULT_UNSUPPORTED),
        None => {}
    }
}

fn delay(report: &mut Report<'_>, delay: &Delay) {
    report.some("percentage", delay.percentage.as_ref(), fraction);
    match &delay.http_delay_type {
        Some(HttpDelayType::FixedDelay(fixed)) => {
            report.field("fixedDelay", |report| duration::check(report, fixed))
        }
        Some(HttpDelayType::ExponentialDelay(_)) => {
            report.flag_at("exponentialDelay", &code::VS_FAULT_UNSUPPORTED)
        }
        None => {}
    }
}

fn fraction(report: &mut Report<'_>, percent: &Percent) {
    percent::check_fraction(report, "value", percent.value);
}
