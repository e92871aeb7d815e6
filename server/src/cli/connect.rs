//! How commands that ask a server find it, and what they are to it.

use std::{collections::BTreeMap, path::PathBuf};

use mainsheet_sink::{Client, ClientBuilder, CredentialFiles};

use super::{Context, error::CliError};

/// The address that is tried where none is given.
const DEFAULT: &str = "127.0.0.1:15010";

/// Which server to ask, and as whom.
#[derive(Debug, clap::Args)]
pub(super) struct ServerArgs {
    /// Address of the server's gRPC port; xdss://HOST:PORT for TLS [default: 127.0.0.1:15010] [env: MAINSHEET_SERVER]
    #[arg(long, value_name = "ADDR")]
    server: Option<String>,
    #[command(flatten)]
    credentials: CredentialArgs,
}

/// Arguments of [`CredentialArgs`], and the variables for them.
pub(super) const CREDENTIALS: [(&str, &str); 5] = [
    ("ca", "MAINSHEET_CA"),
    ("cert", "MAINSHEET_CERT"),
    ("key", "MAINSHEET_KEY"),
    ("token_file", "MAINSHEET_TOKEN_FILE"),
    ("server_name", "MAINSHEET_SERVER_NAME"),
];

/// What is shown to a server, and whom to believe. With any of it but a token, addresses without a scheme mean TLS.
#[derive(Debug, clap::Args)]
pub(super) struct CredentialArgs {
    /// CAs in PEM form that vouch for the server, instead of those that this machine believes [env: MAINSHEET_CA]
    #[arg(long, value_name = "FILE")]
    ca: Option<PathBuf>,
    /// Certificate to be known by, in PEM form [env: MAINSHEET_CERT]
    #[arg(long, value_name = "FILE")]
    cert: Option<PathBuf>,
    /// Its private key [env: MAINSHEET_KEY]
    #[arg(long, value_name = "FILE")]
    key: Option<PathBuf>,
    /// Bearer token to be known by [env: MAINSHEET_TOKEN_FILE]
    #[arg(long, value_name = "FILE")]
    token_file: Option<PathBuf>,
    /// What the server's certificate has to name, where that is not the host of its address [env: MAINSHEET_SERVER_NAME]
    #[arg(long, value_name = "NAME")]
    server_name: Option<String>,
}

impl CredentialArgs {
    /// By flag or environment.
    ///
    /// # Errors
    /// Where there is a certificate without its key, or a key without its certificate.
    pub(super) fn files(&self, context: &Context<'_>) -> anyhow::Result<CredentialFiles> {
        let given = |path: &Option<PathBuf>| path.as_ref().map(|path| path.display().to_string());
        let given = [
            given(&self.ca),
            given(&self.cert),
            given(&self.key),
            given(&self.token_file),
            self.server_name.clone(),
        ];
        let files = credentials(given, &context.environment);
        match (&files.cert, &files.key) {
            (Some(_), None) => {
                Err(CliError::usage("--cert needs --key, the certificate's private key").into())
            }
            (None, Some(_)) => Err(CliError::usage("--key needs --cert, the key's certificate").into()),
            _ => Ok(files),
        }
    }
}

impl ServerArgs {
    /// By flag, environment or default.
    pub(super) fn address(&self, context: &Context<'_>) -> String {
        address(self.server.clone(), &context.environment)
    }

    /// By flag or environment.
    ///
    /// # Errors
    /// Where they do not go together.
    pub(super) fn credentials(&self, context: &Context<'_>) -> anyhow::Result<CredentialFiles> {
        self.credentials.files(context)
    }
}

/// What was given, in the order of [`CREDENTIALS`], or what the environment has.
pub(super) fn credentials(
    given: [Option<String>; CREDENTIALS.len()],
    environment: &BTreeMap<String, String>,
) -> CredentialFiles {
    let of_environment =
        |(_, name): (&str, &str)| environment.get(name).filter(|text| !text.is_empty()).cloned();
    let mut known =
        given.into_iter().zip(CREDENTIALS).map(|(given, row)| given.or_else(|| of_environment(row)));
    let mut next = || known.next().flatten();
    CredentialFiles {
        ca: next().map(PathBuf::from),
        cert: next().map(PathBuf::from),
        key: next().map(PathBuf::from),
        token: next().map(PathBuf::from),
        server_name: next(),
    }
}

/// The address that was given, or that of the environment, or the default.
pub(super) fn address(given: Option<String>, environment: &BTreeMap<String, String>) -> String {
    let known = given.or_else(|| environment.get("MAINSHEET_SERVER").cloned());
    known.unwrap_or_else(|| DEFAULT.to_owned())
}

/// Which server to ask over ADS, and as whom.
#[derive(Debug, clap::Args)]
pub(super) struct ConnectArgs {
    #[command(flatten)]
    server: ServerArgs,
    /// Node id to be known by, where the server shows nodes different things [default: mainsheet-cli~COMMAND]
    #[arg(long, value_name = "ID")]
    node: Option<String>,
}

impl ConnectArgs {
    /// A client for a command.
    ///
    /// # Errors
    /// Where what it shows does not go together.
    pub(super) fn client(&self, command: &str, context: &Context<'_>) -> anyhow::Result<ClientBuilder> {
        let node = self.node.clone().unwrap_or_else(|| format!("mainsheet-cli~{command}"));
        let credentials = self.server.credentials(context)?;
        Ok(Client::builder(self.address(context), node).credentials(credentials))
    }

    /// By flag, environment or default.
    pub(super) fn address(&self, context: &Context<'_>) -> String {
        self.server.address(context)
    }
}
