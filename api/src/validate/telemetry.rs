//! Telemetry.

use super::{cel, code, percent, report::Report, selector};
use crate::generated::istio::telemetry::v1alpha1::{
    AccessLogging, Metrics, MetricsOverrides, ProviderRef, Telemetry, Tracing,
    metric_selector::MetricMatch,
    metrics_overrides::{TagOverride, tag_override::Operation},
    tracing::{CustomTag, custom_tag},
};

pub(super) fn check(report: &mut Report<'_>, telemetry: &Telemetry) {
    let targets = (telemetry.selector.as_ref(), telemetry.target_ref.as_ref());
    selector::target(report, targets.0, targets.1, &telemetry.target_refs);
    report.flag_at_if(telemetry.tracing.len() > 1, "tracing", &code::TE_TRACING_MANY);
    report.each("tracing", &telemetry.tracing, tracing);
    report.each("metrics", &telemetry.metrics, metrics);
    report.each("accessLogging", &telemetry.access_logging, access_logging);
}

fn providers(report: &mut Report<'_>, providers: &[ProviderRef]) {
    report.each("providers", providers, |report, provider| {
        report.flag_at_if(provider.name.is_empty(), "name", &code::TE_PROVIDER);
    });
}

fn tracing(report: &mut Report<'_>, tracing: &Tracing) {
    report.flag_at_if(tracing.providers.len() > 1, "providers", &code::TE_PROVIDERS_MANY);
    providers(report, &tracing.providers);
    if let Some(sampling) = &tracing.random_sampling_percentage {
        percent::check(report, "randomSamplingPercentage", sampling.value);
    }
    report.entries("customTags", &tracing.custom_tags, |report, name, tag| {
        report.flag_if(name.is_empty() || is_tag_empty(tag), &code::TE_TAG);
    });
}

fn is_tag_empty(tag: &CustomTag) -> bool {
    match &tag.r#type {
        Some(custom_tag::Type::Literal(literal)) => literal.value.is_empty(),
        Some(custom_tag::Type::Header(header)) => header.name.is_empty(),
        Some(custom_tag::Type::Environment(environment)) => environment.name.is_empty(),
        Some(custom_tag::Type::Formatter(_)) | None => false,
    }
}

fn metrics(report: &mut Report<'_>, metrics: &Metrics) {
    providers(report, &metrics.providers);
    report.each("overrides", &metrics.overrides, |report, overrides: &MetricsOverrides| {
        let custom = overrides.r#match.as_ref().and_then(|selector| selector.metric_match.as_ref());
        let unnamed = matches!(custom, Some(MetricMatch::CustomMetric(name)) if name.is_empty());
        report.flag_at_if(unnamed, "match", &code::TE_METRIC);
        report.entries("tagOverrides", &overrides.tag_overrides, |report, name, tag: &TagOverride| {
            report.flag_if(name.is_empty(), &code::TE_TAG_NAME);
            let upsert_without = tag.operation == Operation::Upsert as i32 && tag.value.is_empty();
            let remove_with = tag.operation == Operation::Remove as i32 && !tag.value.is_empty();
            report.flag_if(upsert_without || remove_with, &code::TE_TAG_VALUE);
        });
    });
}

fn access_logging(report: &mut Report<'_>, logging: &AccessLogging) {
    providers(report, &logging.providers);
    report.some("filter", logging.filter.as_ref(), |report, filter| {
        if filter.expression.is_empty() {
            report.flag(&code::TE_FILTER);
        } else {
            report.expect(
                "expression",
                filter.expression.as_str(),
                cel::is_expression,
                &code::TE_FILTER_SYNTAX,
            );
        }
    });
}
