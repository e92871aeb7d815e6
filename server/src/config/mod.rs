//! What `serve` is set to: one typed struct, from flags, environment and a file, in this order of precedence.
//!
//! Every setting has one name: `--grpc-addr`, `MAINSHEET_GRPC_ADDR` and the key `grpc-addr` are the same
//! ([`table::SETTINGS`]). Three are no row of that table: `config` (where the file is), `paths` (the arguments without
//! a flag) and `views` (a list, in the file only).
//!
//! All of it is pure: `main` reads the environment and [`parse`] is handed texts. Mistakes come all at once.

mod file;
mod mistake;
mod parse;
mod settings;
pub mod table;

pub use mistake::{Mistake, Origin};
pub use parse::{Given, parse};
pub use settings::{GuardMode, LogFormat, LogLevel, Settings, StoreKind};

/// What every environment variable that means something here begins with.
///
/// Others that begin so are left alone: Kubernetes sets `MAINSHEET_SERVICE_HOST`, `MAINSHEET_PORT` and the like in every
/// pod beside a Service that is called `mainsheet`.
pub const ENV_PREFIX: &str = "MAINSHEET_";

/// The environment variable of a setting: `grpc-addr` is `MAINSHEET_GRPC_ADDR`.
#[must_use]
pub fn env_name(setting: &str) -> String {
    format!("{ENV_PREFIX}{}", setting.to_ascii_uppercase().replace('-', "_"))
}
