//! What environment variables mean: those of settings, those of others, and those that mean nothing and were meant to.

use std::collections::BTreeMap;

use mainsheet_api::codec;

use super::{Mistake, Origin, table};

/// What every environment variable that means something here begins with.
pub const ENV_PREFIX: &str = "MAINSHEET_";

/// The environment variable of a setting: `grpc-addr` is `MAINSHEET_GRPC_ADDR`.
#[must_use]
pub fn env_name(setting: &str) -> String {
    format!("{ENV_PREFIX}{}", setting.to_ascii_uppercase().replace('-', "_"))
}

/// Variables that mean something to others than `serve`: where clients connect, where tests find programs, where a test
/// puts its cases.
const OF_OTHERS: [&str; 8] = [
    "MAINSHEET_SERVER",
    "MAINSHEET_SERVER_NAME",
    "MAINSHEET_CA",
    "MAINSHEET_CERT",
    "MAINSHEET_KEY",
    "MAINSHEET_TOKEN_FILE",
    "MAINSHEET_TOOLS",
    "MAINSHEET_CASES",
];

/// Variables that look like settings, and are none.
pub(super) fn mistakes(environment: &BTreeMap<String, String>) -> Vec<Mistake> {
    let own = environment.keys().filter(|name| name.starts_with(ENV_PREFIX));
    let is_none = |name: &&String| {
        !settings().any(|setting| env_name(setting) == **name)
            && !OF_OTHERS.contains(&name.as_str())
            && !is_of_kubernetes(name, environment)
    };
    own.filter(is_none).map(|name| mistake(name)).collect()
}

fn settings() -> impl Iterator<Item = &'static str> {
    table::SETTINGS.iter().map(|setting| setting.name).chain(["paths", "upstreams", "config"])
}

/// In every pod beside a Service called `mainsheet` Kubernetes sets `MAINSHEET_SERVICE_HOST`, `MAINSHEET_SERVICE_PORT_GRPC`,
/// `MAINSHEET_PORT`, `MAINSHEET_PORT_15010_TCP_ADDR` and the like; beside one called `mainsheet-hub`,
/// `MAINSHEET_HUB_SERVICE_HOST` and so on. The host is there for each of them.
fn is_of_kubernetes(name: &str, environment: &BTreeMap<String, String>) -> bool {
    ["_SERVICE_HOST", "_SERVICE_PORT", "_PORT"].iter().any(|part| {
        let services = name.match_indices(part).map(|(at, _)| &name[..at]);
        services.into_iter().any(|service| environment.contains_key(&format!("{service}_SERVICE_HOST")))
    })
}

fn mistake(name: &str) -> Mistake {
    let setting = name[ENV_PREFIX.len()..].to_ascii_lowercase().replace('_', "-");
    let right = match codec::nearest(&setting, settings()) {
        _ if setting == "views" => "write `views` in the config file, the only place for them".to_owned(),
        Some(near) => format!("did you mean `{}`?", env_name(near)),
        None => "unset it; `mainsheet serve --help` lists those that there are".to_owned(),
    };
    let origin = Origin::Environment(name.to_owned());
    Mistake { origin, wrong: "no setting is called so".to_owned(), right }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(names: &[&str]) -> Vec<String> {
        let environment = names.iter().map(|name| ((*name).to_owned(), String::new())).collect();
        mistakes(&environment).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn misspelt_variable_is_a_mistake_with_the_nearest_name() {
        assert_eq!(
            found(&[
                "MAINSHEET_COLOUR",
                "MAINSHEET_GRPC_ADRR",
                "MAINSHEET_LOGLEVEL",
                "MAINSHEET_PATH",
                "MAINSHEET_VIEWS"
            ]),
            [
                "environment variable MAINSHEET_COLOUR: no setting is called so; unset it; `mainsheet serve --help` lists \
                 those that there are",
                "environment variable MAINSHEET_GRPC_ADRR: no setting is called so; did you mean `MAINSHEET_GRPC_ADDR`?",
                "environment variable MAINSHEET_LOGLEVEL: no setting is called so; did you mean `MAINSHEET_LOG_LEVEL`?",
                "environment variable MAINSHEET_PATH: no setting is called so; did you mean `MAINSHEET_PATHS`?",
                "environment variable MAINSHEET_VIEWS: no setting is called so; write `views` in the config file, the only \
                 place for them",
            ]
        );
    }

    #[test]
    fn variables_of_settings_and_of_others_are_none() {
        assert_eq!(
            found(&["MAINSHEET_SERVER", "MAINSHEET_TOOLS", "MAINSHEET_CONFIG", "MAINSHEET_STORE", "HOME"]),
            [""; 0]
        );
    }

    #[test]
    fn variables_that_kubernetes_sets_beside_a_service_are_none() {
        let of_kubernetes = [
            "MAINSHEET_SERVICE_HOST",
            "MAINSHEET_SERVICE_PORT",
            "MAINSHEET_SERVICE_PORT_GRPC",
            "MAINSHEET_PORT",
            "MAINSHEET_PORT_15010_TCP",
            "MAINSHEET_PORT_15010_TCP_ADDR",
            "MAINSHEET_HUB_SERVICE_HOST",
            "MAINSHEET_HUB_PORT_15010_TCP_PORT",
        ];
        assert_eq!(found(&of_kubernetes), [""; 0]);
        // No such Service: the author's own.
        assert_eq!(found(&["MAINSHEET_SERVICE_HOST", "MAINSHEET_GRPC_PORT"]).len(), 1);
    }
}
