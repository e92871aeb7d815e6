//! What can be set of who clients are.

use std::path::PathBuf;

use super::{Algorithms, KeyPlace};

/// How it is known who clients are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuthSettings {
    /// Whether clients on this machine may do everything without a credential.
    pub trust_loopback: bool,
    /// The trust domain whose SPIFFE ids are service accounts.
    pub trust_domain: String,
    /// Whom nobody lets in any more.
    pub deny_list: Option<PathBuf>,
    /// Bearer tokens.
    pub tokens: TokenSettings,
}

impl Default for AuthSettings {
    fn default() -> Self {
        Self {
            trust_loopback: true,
            // Istio's own default.
            trust_domain: "cluster.local".to_owned(),
            deny_list: None,
            tokens: TokenSettings::default(),
        }
    }
}

/// Which bearer tokens are taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TokenSettings {
    /// Whose. Without one no token is taken.
    pub issuer: Option<String>,
    /// For whom; one of them is enough.
    pub audiences: Vec<String>,
    /// Where its keys are.
    pub keys: Option<KeyPlace>,
    /// Whom to believe that it is the host of that URL.
    pub keys_ca: Option<PathBuf>,
    /// What that URL is shown.
    pub keys_token_file: Option<PathBuf>,
    /// How tokens may be signed.
    pub algorithms: Algorithms,
}

impl Default for TokenSettings {
    fn default() -> Self {
        Self {
            issuer: None,
            audiences: vec!["mainsheet".to_owned()],
            keys: None,
            keys_ca: None,
            keys_token_file: None,
            algorithms: Algorithms::default(),
        }
    }
}
