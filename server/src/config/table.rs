//! The settings as a table: a row gives a setting its flag, its environment variable, its key and its text form.

macro_rules! row {
    ($when:ident => $name:expr, $form:expr, $($field:ident).+, $read:path, $write:path, $help:literal) => {
        Setting {
            name: $name,
            takes_effect: TakesEffect::$when,
            form: $form,
            help: $help,
            get: |settings| $write(&settings.$($field).+),
            set: |settings, text| {
                settings.$($field).+ = $read(text)?;
                Ok(())
            },
        }
    };
    ($name:expr, $($rest:tt)*) => { row!(Restart => $name, $($rest)*) };
}

mod path;
mod security;
mod setting;

pub use self::{
    path::{PATH_SETTINGS, PathSetting},
    setting::{Form, Setting, TakesEffect},
};
use super::{
    text::*,
    ttl::{read_ttl, write_ttl},
};

use Form::{Switch, Value};

/// Every setting that is one value.
pub static SETTINGS: &[Setting] = &all::<{ GENERAL.len() + security::SETTINGS.len() }>();

const fn all<const LEN: usize>() -> [Setting; LEN] {
    let mut all = [GENERAL[0]; LEN];
    let mut at = 0;
    while at < LEN {
        all[at] = match at < GENERAL.len() {
            true => GENERAL[at],
            false => security::SETTINGS[at - GENERAL.len()],
        };
        at += 1;
    }
    all
}

const GENERAL: &[Setting] = &[
    row!(
        DEFAULT_NAMESPACE,
        Value("NAME"),
        documents.default_namespace,
        read_label,
        ToString::to_string,
        "Namespace of documents that name none"
    ),
    row!(
        UNKNOWN_FIELDS,
        Value("MODE"),
        documents.unknown_fields,
        read_word,
        ToString::to_string,
        "What fields that a kind does not have do: reject the document (strict), give a warning (warn), or nothing (ignore)"
    ),
    row!(
        TTL,
        Value("TIME"),
        documents.ttl,
        read_ttl,
        write_ttl,
        "How long resources live unless their file is written again, where they do not say so themselves (annotation mainsheet.io/ttl): 30s, 10m, 1h30m, 7d, or never for those that stay until they are removed"
    ),
    row!(
        "store",
        Value("KIND"),
        store,
        read_word,
        ToString::to_string,
        "Where commits are kept: redb (a file, durable) or memory"
    ),
    row!("data-dir", Value("DIR"), data_dir, read_path, write_path, "Directory of the redb store"),
    row!(
        "grpc-addr",
        Value("ADDR"),
        grpc_addr,
        read_addr,
        ToString::to_string,
        "Where sinks connect, in plaintext; port 0 takes any free one"
    ),
    row!(
        "http-addr",
        Value("ADDR"),
        http_addr,
        read_addr,
        ToString::to_string,
        "Health, metrics and inspection; port 0 takes any free one"
    ),
    row!(
        "allow-plaintext-beyond-loopback",
        Switch,
        allow_plaintext_beyond_loopback,
        read_bool,
        ToString::to_string,
        "Let other machines reach the plaintext ports: whoever can connect can read everything"
    ),
    row!(
        "allow-api-beyond-loopback",
        Switch,
        allow_api_beyond_loopback,
        read_bool,
        ToString::to_string,
        "Let other machines use the gRPC service mainsheet.v1 in plaintext: whoever can connect can change and roll back everything"
    ),
    row!(
        "instance",
        Value("NAME"),
        instance,
        read_label,
        ToString::to_string,
        "How this server calls itself to its clients (control_plane.identifier)"
    ),
    row!(
        AtOnce => "debounce-quiet",
        Value("TIME"),
        debounce_quiet,
        read_time,
        write_time,
        "A namespace's changes are committed once nothing more came for this long"
    ),
    row!(
        AtOnce => "debounce-max",
        Value("TIME"),
        debounce_max,
        read_time,
        write_time,
        "A namespace's changes are committed after this long in any case"
    ),
    row!(
        AtOnce => "guard-hold",
        Value("TIME"),
        guard_hold,
        read_time,
        write_time,
        "How long a resync is held that would take a kind of 20 or more to zero, or by more than half"
    ),
    row!(
        AtOnce => "guard-mode",
        Value("MODE"),
        guard_mode,
        read_word,
        ToString::to_string,
        "What then happens to it: proceed, or stay held until the source has them again, `mainsheet confirm`, or this is proceed"
    ),
    row!(
        "root-namespace",
        Value("NAME"),
        root_namespace,
        read_label,
        ToString::to_string,
        "Istio's root namespace (meshConfig.rootNamespace), whose rules hold for all of the mesh: ValidationRules, and whatever warnings have to know of it"
    ),
    row!(
        "cluster-domain",
        Value("DOMAIN"),
        cluster_domain,
        read_domain,
        ToString::to_string,
        "What the names of Kubernetes' services end in; for warnings only"
    ),
    row!(
        "complete",
        Value("THINGS"),
        complete,
        read_word,
        ToString::to_string,
        "Of what the sources hold all that there are, so that what is missing among them is warned of: `hosts` (each is a ServiceEntry's), `workloads` (each is a WorkloadEntry or of a WorkloadGroup), `hosts,workloads` or `nothing`"
    ),
    row!(
        "crd-rules",
        Value("WEIGHT"),
        crd_rules,
        read_word,
        ToString::to_string,
        "What only the CRDs refuse, and istiod takes, is a warning (warn) or is not served (deny)"
    ),
    row!(
        "history-len",
        Value("COUNT"),
        history_len_max,
        read_count,
        ToString::to_string,
        "Snapshots kept, so that a client that is behind gets a difference"
    ),
    row!(
        "history-revisions",
        Value("COUNT"),
        retention.commits_kept_max,
        read_count,
        ToString::to_string,
        "Revisions kept at most, to look back at and to go back to; what is served is kept in any case"
    ),
    row!(
        "history-bytes",
        Value("SIZE"),
        retention.commits_bytes_max,
        read_size,
        write_size,
        "Bytes at most of the revisions that are kept"
    ),
    row!(
        "history-age",
        Value("TIME"),
        retention.commits_age_max,
        read_age,
        write_age,
        "How much older than the newest revision those that are kept are at most, which takes two away with each new one; unlimited for any age"
    ),
    row!(
        NewStreams => "xds-resend-held",
        Value("KINDS"),
        resend_held,
        read_kinds,
        write_kinds,
        "Kinds, with commas, that a delta client that comes back is sent when it asks for them by name, although it holds them; or none"
    ),
    row!(
        NewStreams => "xds-empty-list",
        Value("MODE"),
        empty_list,
        read_word,
        ToString::to_string,
        "What a first request without names asks for: everything of kinds that are complete sets (complete-kinds), or of all-kinds"
    ),
    row!(
        NewStreams => "xds-gone-endpoints",
        Value("MODE"),
        gone_endpoints,
        read_word,
        ToString::to_string,
        "How a delta client is told that endpoints are gone: as removed, or, as istiod does it, as an assignment that is empty"
    ),
    row!(
        NewStreams => "write-deadline",
        Value("TIME"),
        write_deadline,
        read_time,
        write_time,
        "A connection on which nothing could be written for this long is closed"
    ),
    row!(
        NewConnections => "keepalive-interval",
        Value("TIME"),
        keepalive_interval,
        read_time,
        write_time,
        "How often a client of the gRPC port that says nothing is pinged"
    ),
    row!(
        NewConnections => "keepalive-timeout",
        Value("TIME"),
        keepalive_timeout,
        read_time,
        write_time,
        "How long it has to answer before its connection is closed"
    ),
    row!(
        NewConnections => "connection-age-max",
        Value("TIME"),
        connection_age_max,
        read_age,
        write_age,
        "How old a connection to the gRPC port becomes, ten percent more or less, before its client is told to connect again; unlimited for any age"
    ),
    row!(
        AtOnce => "connections-max",
        Value("COUNT"),
        limits.connections_max,
        read_count,
        ToString::to_string,
        "Connections at one time; more are told to come back (UNAVAILABLE)"
    ),
    row!(
        AtOnce => "connections-per-peer-max",
        Value("COUNT"),
        limits.connections_per_peer_max,
        read_count,
        ToString::to_string,
        "Of those, from one address (IPv6: from one /64); more are told to come back (RESOURCE_EXHAUSTED)"
    ),
    row!(
        AtOnce => "connections-per-second",
        Value("COUNT"),
        limits.connections_per_second,
        read_count,
        ToString::to_string,
        "New connections a second, after twice as many at once; more are told in how long it is their turn (UNAVAILABLE). When the server stops it ends connections no faster"
    ),
    row!(
        AtOnce => "connections-per-second-per-peer",
        Value("COUNT"),
        limits.connections_per_second_per_peer,
        read_count,
        ToString::to_string,
        "Of those, from one address; more are told in how long it is their turn (RESOURCE_EXHAUSTED)"
    ),
    row!(
        AtOnce => "streams-max",
        Value("COUNT"),
        limits.streams_max,
        read_count,
        ToString::to_string,
        "Streams at one time; more are refused as UNAVAILABLE, so that clients come back"
    ),
    row!(
        AtOnce => "streams-per-peer-max",
        Value("COUNT"),
        limits.streams_per_peer_max,
        read_count,
        ToString::to_string,
        "Of those, from one address; more are refused as RESOURCE_EXHAUSTED"
    ),
    row!(
        AtOnce => "requests-per-second",
        Value("COUNT"),
        limits.requests_per_second,
        read_count,
        ToString::to_string,
        "Requests a second on one stream, after ten times as many at once; more are read no faster, and a stream that goes on so for 30 s is ended (RESOURCE_EXHAUSTED)"
    ),
    row!(
        AtOnce => "client-bytes-max",
        Value("SIZE"),
        limits.client_bytes_max,
        read_size,
        write_size,
        "Bytes that one connection may make the server keep: names, requests under way, answers about the server that it does not read; the stream that goes over it is ended (RESOURCE_EXHAUSTED)"
    ),
    row!(
        AtOnce => "requests-bytes-max",
        Value("SIZE"),
        limits.requests_bytes_max,
        read_size,
        write_size,
        "Bytes of requests that are under way on all connections; more are refused, to be sent again (RESOURCE_EXHAUSTED)"
    ),
    row!(
        "shutdown-grace",
        Value("TIME"),
        shutdown_grace,
        read_time,
        write_time,
        "How long streams have to end when the server stops"
    ),
    row!(
        "log-format",
        Value("FORM"),
        log_format,
        read_word,
        ToString::to_string,
        "Log lines as text or json"
    ),
    row!(
        AtOnce => LOG_LEVEL,
        Value("LEVEL"),
        log_level,
        read_word,
        ToString::to_string,
        "The least important lines that are written: error, warn, info, debug or trace"
    ),
];

const DEFAULT_NAMESPACE: &str = "default-namespace";
const UNKNOWN_FIELDS: &str = "unknown-fields";
const TTL: &str = "ttl";
const LOG_LEVEL: &str = "log-level";

/// The row of this name.
#[must_use]
pub fn find(name: &str) -> Option<&'static Setting> {
    SETTINGS.iter().find(|setting| setting.name == name)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use mainsheet_api::kind::Kind;

    use super::*;
    use crate::config::Settings;

    #[test]
    fn every_default_is_read_back_as_it_is_written() {
        for setting in SETTINGS {
            let mut settings = Settings::default();
            let text = (setting.get)(&settings);
            (setting.set)(&mut settings, &text).unwrap();
            assert_eq!(settings, Settings::default(), "{}", setting.name);
        }
    }

    #[test]
    fn every_setting_refuses_nonsense_and_says_what_is_right() {
        // Nearly every text is a path.
        let is_path = |form: Form| matches!(form, Form::Value("DIR" | "FILE" | "FILE|URL"));
        let is_text = |name: &str| matches!(name, "jwt-issuer" | "jwt-audiences");
        let strict = SETTINGS.iter().filter(|setting| !is_path(setting.form) && !is_text(setting.name));
        for setting in strict {
            let right = (setting.set)(&mut Settings::default(), "Non Sense!").unwrap_err();
            assert!(right.starts_with("write "), "{}: {right}", setting.name);
        }
    }

    #[test]
    fn kinds_are_a_list_or_none() {
        let kinds = read_kinds("cluster, Listener").unwrap();
        assert_eq!(kinds, [Kind::CLUSTER, Kind::LISTENER].into());
        assert_eq!(write_kinds(&kinds), "Cluster,Listener");
        assert_eq!(read_kinds(&write_kinds(&BTreeSet::new())).unwrap(), BTreeSet::new());
        assert!(read_kinds("Cluster,Klister").is_err() && read_kinds("").is_err());
    }

    #[test]
    fn localhost_is_an_address() {
        assert_eq!(read_addr("localhost:1").unwrap(), "127.0.0.1:1".parse().unwrap());
        assert!(read_addr("example.org:1").is_err());
    }
}
