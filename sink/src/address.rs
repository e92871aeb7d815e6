//! Where an address leads, in plaintext or over TLS.

use tonic::transport::Endpoint;

use crate::error::BuildError;

/// Where an address leads: `host:port`, after `http://` or `xds://` where it says so.
///
/// # Errors
/// Where it is none, or asks for TLS.
pub fn endpoint(address: &str) -> Result<Endpoint, BuildError> {
    Security::default().endpoint(address)
}

/// How TLS is spoken, where it is.
#[derive(Clone, Debug, Default)]
pub(crate) struct Security {
    #[cfg(feature = "tls")]
    tls: Tls,
}

#[cfg(feature = "tls")]
#[derive(Clone, Debug, Default)]
#[allow(clippy::large_enum_variant, reason = "there is one a client")]
enum Tls {
    #[default]
    Nothing,
    Config(tonic::transport::ClientTlsConfig),
    /// Read anew for each connection.
    Files(crate::CredentialFiles),
}

impl Security {
    /// Of an address. One without a scheme is TLS where that is set up.
    pub(crate) fn endpoint(&self, address: &str) -> Result<Endpoint, BuildError> {
        let (endpoint, is_tls) = self.parse(address)?;
        if is_tls { self.secured(endpoint, address) } else { Ok(endpoint) }
    }

    /// Where it leads, and whether over TLS, which is not set up there.
    pub(crate) fn parse(&self, address: &str) -> Result<(Endpoint, bool), BuildError> {
        let wrong = || BuildError::Address(address.to_owned());
        let (is_tls, authority) = match address.split_once("://") {
            None => (self.is_given(), address),
            Some(("xds" | "http", authority)) => (false, authority),
            Some(("xdss" | "https", authority)) => (true, authority),
            Some(_) => return Err(wrong()),
        };
        let authority: http::uri::Authority = authority.trim_end_matches('/').parse().map_err(|_| wrong())?;
        if authority.port_u16().is_none() || authority.host().is_empty() {
            return Err(wrong());
        }
        let scheme = if is_tls { "https" } else { "http" };
        let endpoint = Endpoint::from_shared(format!("{scheme}://{authority}")).map_err(|_| wrong())?;
        Ok((endpoint, is_tls))
    }
}

#[cfg(feature = "tls")]
impl Security {
    pub(crate) fn of_config(config: tonic::transport::ClientTlsConfig) -> Self {
        Self { tls: Tls::Config(config) }
    }

    pub(crate) fn of_files(files: crate::CredentialFiles) -> Self {
        Self { tls: Tls::Files(files) }
    }

    /// What is read for each connection.
    pub(crate) fn files(&self) -> Option<&crate::CredentialFiles> {
        if let Tls::Files(files) = &self.tls { Some(files) } else { None }
    }

    fn is_given(&self) -> bool {
        match &self.tls {
            Tls::Nothing => false,
            Tls::Config(_) => true,
            Tls::Files(files) => files.is_tls(),
        }
    }

    fn secured(&self, endpoint: Endpoint, address: &str) -> Result<Endpoint, BuildError> {
        let config = match &self.tls {
            Tls::Nothing => return Err(BuildError::Tls(address.to_owned())),
            // Once a connection is made.
            Tls::Files(_) => return Ok(endpoint),
            Tls::Config(config) => config.clone(),
        };
        endpoint.tls_config(config).map_err(|error| BuildError::TlsConfig {
            address: address.to_owned(),
            reason: std::error::Error::source(&error).map_or_else(|| error.to_string(), ToString::to_string),
        })
    }
}

#[cfg(not(feature = "tls"))]
impl Security {
    #[allow(clippy::unused_self, reason = "as where TLS may be set up")]
    fn is_given(&self) -> bool {
        false
    }

    #[allow(clippy::unused_self, reason = "as where TLS may be set up")]
    fn secured(&self, _: Endpoint, address: &str) -> Result<Endpoint, BuildError> {
        Err(BuildError::Tls(address.to_owned()))
    }
}
