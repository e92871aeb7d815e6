//! Logging: text or an object a line, on standard error. Standard output belongs to the commands.

use std::io::{self, IsTerminal};

use tracing_subscriber::{
    Layer, Registry,
    filter::{LevelFilter, Targets},
    fmt,
    layer::SubscriberExt,
    reload,
    util::SubscriberInitExt,
};

use crate::config::{LogFormat, LogLevel};

/// Changes the level of the lines that are written from then on.
#[derive(Clone, Debug)]
pub struct LevelSwitch(reload::Handle<Targets, Registry>);

impl LevelSwitch {
    /// Sets it.
    pub fn set(&self, level: LogLevel) {
        if let Err(error) = self.0.reload(filter(level)) {
            tracing::error!(%error, "the log level can't be changed");
        }
    }
}

/// Sets up logging for the process. Later calls change nothing, and nor do their switches.
pub fn init(format: LogFormat, level: LogLevel) -> LevelSwitch {
    let (filter, switch) = reload::Layer::new(filter(level));
    let layer = fmt::layer().with_writer(io::stderr).with_ansi(io::stderr().is_terminal());
    let layer = match format {
        LogFormat::Text => layer.with_target(false).boxed(),
        LogFormat::Json => layer.json().flatten_event(true).boxed(),
    };
    let result = tracing_subscriber::registry().with(layer.with_filter(filter)).try_init();
    if result.is_err() {
        tracing::debug!("logging is set up already");
    }
    LevelSwitch(switch)
}

/// The level is for what this project says. Libraries are heard from warnings on: what they say of each frame of HTTP/2
/// would drown the rest.
fn filter(level: LogLevel) -> Targets {
    let level = match level {
        LogLevel::Error => LevelFilter::ERROR,
        LogLevel::Warn => LevelFilter::WARN,
        LogLevel::Info => LevelFilter::INFO,
        LogLevel::Debug => LevelFilter::DEBUG,
        LogLevel::Trace => LevelFilter::TRACE,
    };
    Targets::new().with_default(level.min(LevelFilter::WARN)).with_target("mainsheet", level)
}
