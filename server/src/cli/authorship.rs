//! Who writes, and why: kept with the revision.

use std::env;

use mainsheet_api::generated::mainsheet::v1 as pb;

/// Who writes, and why.
#[derive(Debug, clap::Args)]
pub(super) struct AuthorArgs {
    /// Who makes the change, for the log [default: $USER@HOST]
    #[arg(long, value_name = "NAME")]
    author: Option<String>,
    /// Why, for the log
    #[arg(short, long, value_name = "TEXT")]
    message: Option<String>,
}

impl AuthorArgs {
    /// As a request says it.
    pub(super) fn authorship(&self) -> pb::Authorship {
        pb::Authorship {
            author: self.author.clone().unwrap_or_else(whoever),
            message: self.message.clone().unwrap_or_default(),
        }
    }
}

/// `ana@laptop`, as far as it can be told.
fn whoever() -> String {
    let user = env::var("USER").or_else(|_| env::var("LOGNAME"));
    let host = rustix::system::uname();
    let host = host.nodename().to_string_lossy();
    match user {
        Ok(user) if !user.is_empty() => format!("{user}@{host}"),
        _ => format!("uid {}@{host}", rustix::process::getuid().as_raw()),
    }
}
