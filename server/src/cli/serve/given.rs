//! What `serve` is given, so that its config file can be read again while it runs.

use std::collections::BTreeMap;

use super::Args;
use crate::config::{Effective, Given, GivenFile, Mistake, env_name, parse};

/// Everything but the content of the config file.
#[derive(Debug)]
pub(super) struct Givens {
    /// The config file's name, where there is one.
    pub(super) file: Option<String>,
    /// The same at every reading.
    rest: Given,
}

impl Givens {
    pub(super) fn new(args: Args, environment: BTreeMap<String, String>) -> Self {
        let file = args.config.or_else(|| environment.get(&env_name("config")).cloned());
        Self {
            file,
            rest: Given {
                file: None,
                environment,
                flags: args.flags.0,
                paths: args.paths,
                upstreams: args.upstreams,
            },
        }
    }

    /// Reads the config file, and the settings from it and all else.
    ///
    /// # Errors
    /// With every mistake there is.
    pub(super) fn read(&self) -> Result<Effective, Vec<Mistake>> {
        let file = self.file.as_ref().map(|path| GivenFile {
            path: path.clone(),
            text: std::fs::read_to_string(path).map_err(|error| error.to_string()),
        });
        parse(&Given { file, ..self.rest.clone() })
    }
}
