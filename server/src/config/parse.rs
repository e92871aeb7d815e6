//! Flags over environment over file over defaults, and what the values must be together.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::PathBuf,
};

use super::{
    Mistake, Origin, Settings, env_name,
    file::{self, FileLayer},
    table::{self, Setting},
};
use crate::{source::file::source_name, views::Views};

/// Everything that was given, as texts.
#[derive(Clone, Debug, Default)]
pub struct Given {
    /// The config file's name and content, where there is one.
    pub file: Option<(String, String)>,
    /// The environment, or those of its variables that begin with [`super::ENV_PREFIX`].
    pub environment: BTreeMap<String, String>,
    /// Settings given by flags, by name.
    pub flags: Vec<(&'static str, String)>,
    /// Arguments without a flag.
    pub paths: Vec<String>,
}

/// Reads all that was given into settings.
///
/// # Errors
/// With every mistake there is, also in values that a stronger one overrides.
pub fn parse(given: &Given) -> Result<Settings, Vec<Mistake>> {
    let mut layered = Layered::default();
    let file = given.file.as_ref().map(|(path, text)| file::read(path, text)).unwrap_or_default();
    layered.take_file(file);
    layered.take_environment(&given.environment);
    layered.take_flags(given);
    layered.check();
    if layered.mistakes.is_empty() { Ok(layered.settings) } else { Err(layered.mistakes) }
}

/// Settings as far as they are read, and where each came from.
#[derive(Default)]
struct Layered {
    settings: Settings,
    origins: BTreeMap<&'static str, Origin>,
    mistakes: Vec<Mistake>,
}

impl Layered {
    fn take_file(&mut self, file: FileLayer) {
        self.mistakes.extend(file.mistakes);
        for (setting, text, origin) in file.settings {
            self.take(setting, &text, origin);
        }
        if let Some((paths, origin)) = file.paths {
            self.take_paths(paths, origin);
        }
        self.settings.views = Views { rules: file.views };
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
            let paths = text.split(':').filter(|path| !path.is_empty()).map(str::to_owned).collect();
            self.take_paths(paths, Origin::Environment(name));
        }
    }

    fn take_flags(&mut self, given: &Given) {
        for (name, text) in &given.flags {
            if let Some(setting) = table::find(name) {
                self.take(setting, text, Origin::Flag(format!("--{name}")));
            }
        }
        if !given.paths.is_empty() {
            self.take_paths(given.paths.clone(), Origin::Flag("DIR|FILE".to_owned()));
        }
    }

    fn take(&mut self, setting: &'static Setting, text: &str, origin: Origin) {
        match (setting.set)(&mut self.settings, text) {
            Ok(()) => drop(self.origins.insert(setting.name, origin)),
            Err(right) => {
                let wrong = format!("`{text}` is no value for `{}`", setting.name);
                self.mistakes.push(Mistake { origin, wrong, right });
            }
        }
    }

    fn take_paths(&mut self, paths: Vec<String>, origin: Origin) {
        self.settings.paths = paths.into_iter().map(PathBuf::from).collect();
        self.origins.insert("paths", origin);
    }

    /// What values must be together.
    fn check(&mut self) {
        self.check_paths();
        if self.settings.debounce_quiet > self.settings.debounce_max {
            let wrong = "`debounce-quiet` is longer than `debounce-max`".to_owned();
            self.mistake("debounce-quiet", wrong, "write a shorter one, or a longer `debounce-max`".into());
        }
        for (name, addr) in [("grpc-addr", self.settings.grpc_addr), ("http-addr", self.settings.http_addr)] {
            if !addr.ip().is_loopback() && !self.settings.allow_plaintext_beyond_loopback {
                let wrong = format!("`{name}` {addr} is plaintext and can be reached from other machines");
                let right = format!(
                    "write a loopback address such as 127.0.0.1:{}, or set allow-plaintext-beyond-loopback if whoever \
                     can connect may read everything",
                    addr.port()
                );
                self.mistake(name, wrong, right);
            }
        }
        let (grpc, http) = (self.settings.grpc_addr, self.settings.http_addr);
        if grpc == http && grpc.port() != 0 {
            self.mistake(
                "http-addr",
                format!("`http-addr` {http} is `grpc-addr` too"),
                "write another port".into(),
            );
        }
    }

    /// Each path is a source, and sources are told apart by name.
    fn check_paths(&mut self) {
        if self.settings.paths.is_empty() {
            self.mistake("paths", "nothing to serve".into(), "name at least one directory or file".into());
        }
        let mut known = BTreeSet::new();
        let is_known = |path: &&PathBuf| !known.insert(source_name(path));
        let again: Vec<PathBuf> = self.settings.paths.iter().filter(is_known).cloned().collect();
        for path in again {
            let wrong = format!("`{}` is named twice", path.display());
            self.mistake("paths", wrong, "name each directory or file once, the strongest first".into());
        }
    }

    fn mistake(&mut self, name: &str, wrong: String, right: String) {
        let origin = self.origins.get(name).cloned().unwrap_or(Origin::Default);
        self.mistakes.push(Mistake { origin, wrong, right });
    }
}

#[cfg(test)]
mod tests;
