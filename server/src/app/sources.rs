//! The sources: what the settings name, and what is given beside it.

use std::sync::Arc;

use mainsheet_api::{resource::SourceName, validate};
use mainsheet_cache::Cache;
use tokio_util::sync::CancellationToken;

use super::Shared;
use crate::{
    config::{FollowedServer, ServedPath, Settings},
    intake::IntakeHandle,
    source::{
        self, DocumentOptions, SourceParts,
        file::{self, FileSourceOptions},
        upstream::{UpstreamSourceOptions, UpstreamSourceParts},
    },
    source_health::SourceHealth,
    surroundings::GivenSource,
    task::TaskSet,
};

/// The sources, the strongest first: those that are given, one for each path, one for each upstream.
pub(super) fn names(settings: &Settings, given: &[GivenSource]) -> Vec<SourceName> {
    let paths = settings.paths.iter().map(|path| file::source_name(&path.path));
    let given = given.iter().map(|source| source.name.clone());
    given.chain(paths).chain(settings.upstreams.iter().map(FollowedServer::source)).collect()
}

/// How each of them gets on, in the same order.
pub(super) fn health(settings: &Settings, given: &[GivenSource]) -> Arc<[SourceHealth]> {
    let given = given.iter().map(|source| SourceHealth::new(source.name.clone(), &source.name.0));
    let reads =
        |given: &ServedPath| SourceHealth::new(file::source_name(&given.path), &given.path.to_string_lossy());
    let follows = |server: &FollowedServer| SourceHealth::new(server.source(), &server.addresses.join(","));
    given.chain(settings.paths.iter().map(reads)).chain(settings.upstreams.iter().map(follows)).collect()
}

fn source_parts(health: &SourceHealth, intake: &IntakeHandle, shared: &Shared) -> SourceParts {
    SourceParts {
        batches: intake.batches.clone(),
        retell: intake.retell.clone(),
        health: health.clone(),
        clock: Arc::clone(&shared.clock),
    }
}

fn upstream_parts(
    health: &SourceHealth,
    (cache, intake): (&Cache, &IntakeHandle),
    shared: &Shared,
) -> UpstreamSourceParts {
    let layer = cache.snapshot().0.layer(health.source());
    let held = layer.iter().map(|held| (held.key.kind, held.key.wire_name().into(), held.version.clone()));
    UpstreamSourceParts {
        batches: intake.batches.clone(),
        retell: intake.retell.clone(),
        health: health.clone(),
        clock: Arc::clone(&shared.clock),
        chain: shared.chain.clone(),
        held: held.collect(),
        network: Arc::clone(&shared.network),
        randomness: shared.randomness.fork(),
    }
}

/// Starts the task of each.
pub(super) fn spawn(
    settings: &Settings,
    (given, sources): (Vec<GivenSource>, &[SourceHealth]),
    (cache, intake, shared): (&Cache, &IntakeHandle, &Shared),
    tasks: &mut TaskSet,
) {
    let stop = tasks.stop();
    let (of_given, of_settings) = sources.split_at(given.len());
    for (server, health) in settings.upstreams.iter().zip(&of_settings[settings.paths.len()..]) {
        let parts = upstream_parts(health, (cache, intake), shared);
        let follow = upstream(server, settings, parts, stop.clone());
        tasks.spawn(format!("source/{}", health.source()), follow);
    }
    for (source, health) in given.into_iter().zip(of_given) {
        let run = (source.run)(source_parts(health, intake, shared), stop.clone());
        tasks.spawn(format!("source/{}", health.source()), run);
    }
    for (path, health) in settings.paths.iter().zip(of_settings) {
        let parts = source_parts(health, intake, shared);
        tasks.spawn(format!("source/{}", health.source()), files(path, settings, parts, stop.clone()));
    }
}

fn files(
    path: &ServedPath,
    settings: &Settings,
    parts: SourceParts,
    stop: CancellationToken,
) -> impl Future<Output = anyhow::Result<()>> + use<> {
    let options = FileSourceOptions {
        name: parts.health.source().clone(),
        roots: vec![path.path.clone()],
        documents: path.documents(&settings.documents),
    };
    file::run(options, parts, stop)
}

fn upstream(
    server: &FollowedServer,
    settings: &Settings,
    parts: UpstreamSourceParts,
    stop: CancellationToken,
) -> impl Future<Output = anyhow::Result<()>> + use<> {
    let namespace = server.default_namespace.as_ref().unwrap_or(&settings.documents.default_namespace);
    let options = UpstreamSourceOptions {
        name: parts.health.source().clone(),
        addresses: server.addresses.clone(),
        node_id: server.node_id(&settings.instance),
        credentials: server.credentials.clone(),
        variant: server.variant,
        kinds: server.kinds(),
        documents: DocumentOptions { default_namespace: namespace.clone(), ..settings.documents.clone() },
        validation: validate::Options { crd_rules: settings.crd_rules, ..validate::Options::default() },
    };
    source::upstream::run(options, parts, stop)
}
