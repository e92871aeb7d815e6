//! Files that say who a client is, and whom it believes.

use std::{
    io,
    path::{Path, PathBuf},
};

use tonic::{
    metadata::{AsciiMetadataValue, MetadataMap},
    transport::{Certificate, ClientTlsConfig, Endpoint, Identity},
};

use crate::{address::Security, error::BuildError};

/// What a client shows, and whom it believes, as files. They are read anew for each connection, so that what is written to them
/// meanwhile is shown from the next one on: certificates and tokens of a cluster live for hours.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CredentialFiles {
    /// CAs in PEM form that vouch for the server, instead of those that the machine believes.
    pub ca: Option<PathBuf>,
    /// The client's certificate in PEM form, and those between it and its CA.
    pub cert: Option<PathBuf>,
    /// Its key.
    pub key: Option<PathBuf>,
    /// A bearer token.
    pub token: Option<PathBuf>,
    /// What the server's certificate has to name, where that is not the host of its address.
    pub server_name: Option<String>,
}

impl CredentialFiles {
    /// Whether an address without a scheme means TLS: something is set that only means anything there.
    #[must_use]
    pub fn is_tls(&self) -> bool {
        self.ca.is_some() || self.cert.is_some() || self.server_name.is_some()
    }

    /// Where an address leads, with TLS as these files say it now.
    ///
    /// # Errors
    /// Where it is no address, or a file can't be used.
    pub async fn endpoint(&self, address: &str) -> Result<Endpoint, BuildError> {
        let (endpoint, is_tls) = Security::of_files(self.clone()).parse(address)?;
        if !is_tls {
            return Ok(endpoint);
        }
        self.secure(endpoint)
            .await
            .map_err(|reason| BuildError::TlsConfig { address: address.to_owned(), reason })
    }

    /// Metadata with the token of now.
    ///
    /// # Errors
    /// Where it can't be read.
    pub async fn authorize(&self, metadata: &mut MetadataMap) -> io::Result<()> {
        let Some(path) = &self.token else { return Ok(()) };
        let token = read(path).await.map_err(io::Error::other)?;
        let token = String::from_utf8_lossy(&token);
        let value = AsciiMetadataValue::try_from(format!("Bearer {}", token.trim()));
        let mut value = value.map_err(|_| io::Error::other(format!("`{}` is no token", path.display())))?;
        value.set_sensitive(true);
        metadata.insert("authorization", value);
        Ok(())
    }

    pub(crate) async fn secure(&self, endpoint: Endpoint) -> Result<Endpoint, String> {
        let mut tls = ClientTlsConfig::new();
        tls = match &self.ca {
            Some(ca) => tls.ca_certificate(Certificate::from_pem(read(ca).await?)),
            None => tls.with_enabled_roots(),
        };
        if let (Some(cert), Some(key)) = (&self.cert, &self.key) {
            tls = tls.identity(Identity::from_pem(read(cert).await?, read(key).await?));
        }
        if let Some(name) = &self.server_name {
            tls = tls.domain_name(name);
        }
        endpoint.tls_config(tls).map_err(|error| {
            std::error::Error::source(&error).map_or_else(|| error.to_string(), ToString::to_string)
        })
    }
}

async fn read(path: &Path) -> Result<Vec<u8>, String> {
    tokio::fs::read(path).await.map_err(|error| format!("`{}`: {error}", path.display()))
}
