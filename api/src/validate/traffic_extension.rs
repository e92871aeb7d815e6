//! TrafficExtension: a Wasm module or Lua code.

use super::{
    code,
    report::Report,
    selector,
    wasm_plugin::{self, Module},
};
use crate::generated::istio::extensions::v1alpha1::{
    TrafficExtension, WasmConfig, traffic_extension::FilterConfig,
};

const LUA_LEN_MAX: usize = 65536;

pub(super) fn check(report: &mut Report<'_>, extension: &TrafficExtension) {
    selector::target(report, extension.selector.as_ref(), None, &extension.target_refs);
    match &extension.filter_config {
        None => report.flag(&code::TX_NO_FILTER),
        Some(FilterConfig::Wasm(config)) => report.field("wasm", |report| wasm(report, config)),
        Some(FilterConfig::Lua(lua)) => report.field("lua", |report| {
            let right = (1..=LUA_LEN_MAX).contains(&lua.inline_code.len());
            report.flag_at_if(!right, "inlineCode", &code::TX_LUA);
        }),
    }
    report.each("match", &extension.r#match, |report, traffic| wasm_plugin::ports(report, &traffic.ports));
}

fn wasm(report: &mut Report<'_>, config: &WasmConfig) {
    let module = Module {
        url: &config.url,
        sha256: &config.sha256,
        secret: &config.image_pull_secret,
        name: &config.plugin_name,
        vm: config.vm_config.as_ref(),
    };
    wasm_plugin::module(report, &module);
}
