//! WasmPlugin, and what a TrafficExtension's module shares with it.

use super::{code, port, report::Report, selector, url};
use crate::generated::istio::{
    extensions::v1alpha1::{EnvValueSource, VmConfig, WasmPlugin},
    r#type::v1beta1::PortSelector,
};

const SECRET_LEN_MAX: usize = 253;
const NAME_LEN_MAX: usize = 256;
const ENV_NAME_LEN_MAX: usize = 256;

/// What both kinds say of a module.
pub(super) struct Module<'a> {
    pub(super) url: &'a str,
    pub(super) sha256: &'a str,
    pub(super) secret: &'a str,
    pub(super) name: &'a str,
    pub(super) vm: Option<&'a VmConfig>,
}

pub(super) fn check(report: &mut Report<'_>, plugin: &WasmPlugin) {
    let targets = (plugin.selector.as_ref(), plugin.target_ref.as_ref());
    selector::target(report, targets.0, targets.1, &plugin.target_refs);
    let module = Module {
        url: &plugin.url,
        sha256: &plugin.sha256,
        secret: &plugin.image_pull_secret,
        name: &plugin.plugin_name,
        vm: plugin.vm_config.as_ref(),
    };
    self::module(report, &module);
    report.each("match", &plugin.r#match, |report, traffic| ports(report, &traffic.ports));
}

pub(super) fn module(report: &mut Report<'_>, module: &Module<'_>) {
    report.expect("url", module.url, url::is_wasm, &code::WASM_URL);
    let is_digest = |digest: &str| {
        digest.is_empty()
            || (digest.len() == 64 && digest.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f')))
    };
    report.expect("sha256", module.sha256, is_digest, &code::WASM_SHA256);
    report.flag_at_if(module.secret.len() > SECRET_LEN_MAX, "imagePullSecret", &code::WASM_SECRET);
    report.flag_at_if(module.name.len() > NAME_LEN_MAX, "pluginName", &code::WASM_NAME);
    report.some("vmConfig", module.vm, environment);
}

fn environment(report: &mut Report<'_>, vm: &VmConfig) {
    for (index, variable) in vm.env.iter().enumerate() {
        let duplicate = vm.env[..index].iter().any(|earlier| earlier.name == variable.name);
        let named = (1..=ENV_NAME_LEN_MAX).contains(&variable.name.len());
        let valued_elsewhere =
            variable.value_from != EnvValueSource::Inline as i32 && !variable.value.is_empty();
        report.element("env", index, |report| {
            report.flag_if(duplicate || !named || valued_elsewhere, &code::WASM_ENV);
        });
    }
}

/// Ports of the traffic that is matched.
pub(super) fn ports(report: &mut Report<'_>, ports: &[PortSelector]) {
    report.each("ports", ports, |report, selector| port::number(report, "number", selector.number));
}
