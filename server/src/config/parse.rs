//! Flags over environment over file over defaults, and what the values must be together.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::PathBuf,
};

use mainsheet_api::{codec::suggestion, resource::SourceName, verdict::Position};

use super::{
    Effective, FollowedServer, Mistake, Origin, ServedPath, Settings, env_name, environment,
    file::{self, FileLayer, PathItem, UpstreamItem},
    print::own_name,
    table::{self, Setting},
};
use crate::{source::file::source_name, views::Views};

/// Everything that was given, as texts.
#[derive(Clone, Debug, Default)]
pub struct Given {
    /// The config file, where there is one.
    pub file: Option<GivenFile>,
    /// The environment, or those of its variables that begin with [`super::ENV_PREFIX`].
    pub environment: BTreeMap<String, String>,
    /// Settings given by flags, by name.
    pub flags: Vec<(&'static str, String)>,
    /// Arguments without a flag.
    pub paths: Vec<String>,
    /// Flags `--upstream`.
    pub upstreams: Vec<String>,
}

/// A config file.
#[derive(Clone, Debug)]
pub struct GivenFile {
    /// As it was named.
    pub path: String,
    /// Its content, or why it can't be read.
    pub text: Result<String, String>,
}

/// Reads all that was given into settings.
///
/// # Errors
/// With every mistake there is, also in values that a stronger one overrides.
pub fn parse(given: &Given) -> Result<Effective, Vec<Mistake>> {
    let mut layered = Layered::default();
    if let Some(file) = &given.file {
        layered.take_file(file);
    }
    layered.take_environment(&given.environment);
    layered.take_flags(given);
    layered.check();
    if layered.mistakes.is_empty() { Ok(layered.effective) } else { Err(layered.mistakes) }
}

/// Settings as far as they are read, and what is wrong.
#[derive(Default)]
struct Layered {
    effective: Effective,
    mistakes: Vec<Mistake>,
}

impl Layered {
    fn take_file(&mut self, file: &GivenFile) {
        match &file.text {
            Ok(text) => self.take_layer(file::read(&file.path, text)),
            Err(reason) => {
                let origin = Origin::File { path: file.path.clone(), position: Position::default() };
                let wrong = format!("the config file can't be read: {reason}");
                let right = "name a file that can".to_owned();
                self.mistakes.push(Mistake { origin, wrong, right });
            }
        }
    }

    fn take_layer(&mut self, file: FileLayer) {
        self.mistakes.extend(file.mistakes);
        for (setting, text, origin) in file.settings {
            self.take(setting, &text, origin);
        }
        if let Some((paths, origin)) = file.paths {
            self.take_paths(paths, origin);
        }
        if let Some((upstreams, origin)) = file.upstreams {
            self.take_upstreams(upstreams, origin);
        }
        if let Some((rules, origin)) = file.views {
            self.effective.settings.views = Views { rules };
            self.effective.origins.insert("views".to_owned(), origin);
        }
    }

    fn take_environment(&mut self, environment: &BTreeMap<String, String>) {
        for setting in table::SETTINGS {
            let name = env_name(setting.name);
            if let Some(text) = environment.get(&name) {
                self.take(setting, text, Origin::Environment(name));
            }
        }
        let name = env_name("paths");
        if let Some(text) = environment.get(&name) {
            let paths = text.split(':').filter(|path| !path.is_empty()).map(str::to_owned);
            self.take_paths(paths.map(PathItem::of).collect(), Origin::Environment(name));
        }
        let name = env_name("upstreams");
        if let Some(text) = environment.get(&name) {
            let origin = Origin::Environment(name);
            let items = text.split_whitespace().map(|address| UpstreamItem::of(address, origin.clone()));
            self.take_upstreams(items.collect(), origin.clone());
        }
        self.mistakes.extend(environment::mistakes(environment));
    }

    fn take_flags(&mut self, given: &Given) {
        for (name, text) in &given.flags {
            if let Some(setting) = table::find(name) {
                self.take(setting, text, Origin::Flag(format!("--{name}")));
            }
        }
        if !given.paths.is_empty() {
            let paths = given.paths.iter().cloned().map(PathItem::of).collect();
            self.take_paths(paths, Origin::Flag("DIR|FILE".to_owned()));
        }
        if !given.upstreams.is_empty() {
            let origin = Origin::Flag("--upstream".to_owned());
            let items = given.upstreams.iter().map(|address| UpstreamItem::of(address, origin.clone()));
            self.take_upstreams(items.collect(), origin.clone());
        }
    }

    fn take(&mut self, setting: &'static Setting, text: &str, origin: Origin) {
        let read = (setting.set)(&mut self.effective.settings, text);
        self.taken(setting.name.to_owned(), text, origin, read);
    }

    fn taken(&mut self, name: String, text: &str, origin: Origin, read: Result<(), String>) {
        match read {
            Ok(()) => drop(self.effective.origins.insert(name, origin)),
            Err(right) => {
                let wrong = format!("`{text}` is no value for `{name}`");
                self.mistakes.push(Mistake { origin, wrong, right });
            }
        }
    }

    /// Paths take those of a weaker layer away, with all that was set for them.
    fn take_paths(&mut self, items: Vec<PathItem>, origin: Origin) {
        self.effective.origins.retain(|name, _| !name.starts_with("paths["));
        self.effective.origins.insert("paths".to_owned(), origin);
        let mut paths = Vec::new();
        for (index, item) in items.into_iter().enumerate() {
            let mut path = ServedPath::from(PathBuf::from(item.path));
            for (setting, text, origin) in item.settings {
                let read = (setting.set)(&mut path, &text);
                self.taken(own_name(index, setting.name), &text, origin, read);
            }
            paths.push(path);
        }
        self.effective.settings.paths = paths;
    }

    /// Servers to follow take those of a weaker layer away, with all that was set for them.
    fn take_upstreams(&mut self, items: Vec<UpstreamItem>, origin: Origin) {
        self.effective.origins.retain(|name, _| !name.starts_with("upstreams["));
        self.effective.origins.insert("upstreams".to_owned(), origin);
        let mut upstreams = Vec::new();
        for UpstreamItem { addresses, origin, settings } in items {
            let name = |setting: &str| format!("upstreams[{}].{setting}", upstreams.len());
            let mut server = match FollowedServer::at(&addresses) {
                Ok(server) => server,
                Err(right) => {
                    let wrong = format!("`{addresses}` is no address of a server to follow");
                    self.mistakes.push(Mistake { origin: origin.clone(), wrong, right });
                    continue;
                }
            };
            for (setting, text, origin) in settings {
                let read = (setting.set)(&mut server, &text);
                self.taken(name(setting.name), &text, origin, read);
            }
            if let Err((wrong, right)) = server.check() {
                self.mistakes.push(Mistake { origin, wrong, right });
            }
            upstreams.push(server);
        }
        self.effective.settings.upstreams = upstreams;
    }

    /// What values must be together.
    fn check(&mut self) {
        self.check_paths();
        self.check_upstreams();
        self.check_authorities();
        self.check_security();
        let settings = self.effective.settings.clone();
        if settings.debounce_quiet > settings.debounce_max {
            let wrong = "`debounce-quiet` is longer than `debounce-max`".to_owned();
            self.mistake("debounce-quiet", wrong, "write a shorter one, or a longer `debounce-max`".into());
        }
        for (name, addr) in [("grpc-addr", settings.grpc_addr), ("http-addr", settings.http_addr)] {
            if !addr.ip().is_loopback() && !settings.allow_plaintext_beyond_loopback {
                let wrong = format!("`{name}` {addr} is plaintext and can be reached from other machines");
                let right = format!(
                    "write a loopback address such as 127.0.0.1:{}, or set allow-plaintext-beyond-loopback if whoever \
                     can connect may read everything",
                    addr.port()
                );
                self.mistake(name, wrong, right);
            }
        }
        let (grpc, http) = (settings.grpc_addr, settings.http_addr);
        if grpc == http && grpc.port() != 0 {
            self.mistake(
                "http-addr",
                format!("`http-addr` {http} is `grpc-addr` too"),
                "write another port".into(),
            );
        }
    }

    /// What secures ports, and says who clients are, is of several parts that mean something together only.
    fn check_security(&mut self) {
        let Settings { tls, auth, .. } = self.effective.settings.clone();
        let tokens = auth.tokens;
        let needs = [
            ("tls-key", tls.key.is_some(), "tls-cert", tls.cert.is_some()),
            ("tls-cert", tls.cert.is_some(), "tls-key", tls.key.is_some()),
            ("tls-client-ca", tls.client_ca.is_some(), "tls-cert", tls.cert.is_some()),
            ("http-tls-addr", tls.http_addr.is_some(), "tls-cert", tls.cert.is_some()),
            ("jwt-issuer", tokens.issuer.is_some(), "jwt-keys", tokens.keys.is_some()),
            ("jwt-keys", tokens.keys.is_some(), "jwt-issuer", tokens.issuer.is_some()),
            ("jwt-keys-ca", tokens.keys_ca.is_some(), "jwt-keys", tokens.keys.is_some()),
            ("jwt-keys-token-file", tokens.keys_token_file.is_some(), "jwt-keys", tokens.keys.is_some()),
        ];
        for (name, _, needed, _) in
            needs.into_iter().filter(|(_, is_set, _, has_other)| *is_set && !has_other)
        {
            let wrong = format!("`{name}` means nothing without `{needed}`");
            self.mistake(name, wrong, format!("write `{needed}`, too, or leave both out"));
        }
    }

    /// Each path is a source, and sources are told apart by name.
    fn check_paths(&mut self) {
        let paths: Vec<PathBuf> =
            self.effective.settings.paths.iter().map(|served| served.path.clone()).collect();
        if paths.is_empty() && self.effective.settings.upstreams.is_empty() {
            let right = "name at least one directory or file, or a server to follow (--upstream)";
            self.mistake("paths", "nothing to serve".into(), right.into());
        }
        let mut known = BTreeSet::new();
        let is_known = |path: &&PathBuf| !known.insert(source_name(path));
        for path in paths.iter().filter(is_known) {
            let wrong = format!("`{}` is named twice", path.display());
            self.mistake("paths", wrong, "name each directory or file once, the strongest first".into());
        }
    }

    /// Each server is a source, too.
    fn check_upstreams(&mut self) {
        let sources: Vec<_> = self.effective.settings.upstreams.iter().map(FollowedServer::source).collect();
        let mut known = BTreeSet::new();
        for source in sources.iter().filter(|source| !known.insert(*source)) {
            let wrong = format!("`{source}` is followed twice");
            let right = "name each server once, replicas of one as one address with commas";
            self.mistake("upstreams", wrong, right.into());
        }
    }

    /// An authority that is misspelt would grant nothing, and nobody would know why.
    fn check_authorities(&mut self) {
        let settings = &self.effective.settings;
        let paths = settings.paths.iter().map(|served| source_name(&served.path));
        let known: BTreeSet<SourceName> = paths
            .chain(settings.upstreams.iter().map(FollowedServer::source))
            .chain([SourceName::api()])
            .collect();
        for source in settings.authorities.clone().difference(&known) {
            let right = suggestion(&source.0, known.iter().map(|known| &*known.0));
            self.mistake("authorities", format!("`{source}` is no source"), right);
        }
    }

    fn mistake(&mut self, name: &str, wrong: String, right: String) {
        let origin = self.effective.origin(name).clone();
        self.mistakes.push(Mistake { origin, wrong, right });
    }
}

#[cfg(test)]
mod tests;
