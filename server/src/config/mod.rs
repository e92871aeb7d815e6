//! What `serve` is set to: one typed struct, from flags, environment and a file, in this order of precedence.
//!
//! Every setting has one name: `--grpc-addr`, `MAINSHEET_GRPC_ADDR` and the key `grpc-addr` are the same
//! ([`table::SETTINGS`]). Four are no row of that table: `config` (where the file is), `paths` (the arguments without
//! a flag, and a list in the file), `upstreams` (the flag `--upstream`, and a list in the file) and `views` (a list, in the
//! file only).
//!
//! All of it is pure: `main` reads the environment and [`parse`] is handed texts. Mistakes come all at once.

mod effective;
mod environment;
mod file;
mod mistake;
mod parse;
mod print;
mod settings;
pub mod table;
mod text;
mod ttl;
pub mod upstream;

pub use effective::{Differences, Effective};
pub use environment::{ENV_PREFIX, env_name};
pub use mistake::{Mistake, Origin};
pub use parse::{Given, GivenFile, parse};
pub use print::print;
pub(crate) use settings::words;
pub use settings::{
    AuditFailure, EmptyList, GoneEndpoints, GuardMode, LogFormat, LogLevel, ServedPath, Settings, StoreKind,
};
pub use upstream::FollowedServer;
