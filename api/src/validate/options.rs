//! What the rules weigh that not everybody has.

use std::{fmt, str::FromStr};

/// What may differ from one validation to the next.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Options {
    /// What only the CRD refuses.
    pub crd_rules: CrdRules,
    /// What documents of access mean where they come from.
    pub access: AccessDocuments,
}

/// What documents of access mean where they come from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum AccessDocuments {
    /// They grant what they say.
    #[default]
    Count,
    /// They grant nothing: their source is no authority.
    GrantNothing,
}

/// What a rule weighs that Kubernetes has and istiod has not.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum CrdRules {
    /// A warning: istiod takes it from here.
    #[default]
    Warn,
    /// An error: a Kubernetes API server refuses it, and so shall others.
    Deny,
}

impl fmt::Display for CrdRules {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Warn => "warn",
            Self::Deny => "deny",
        })
    }
}

impl FromStr for CrdRules {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "warn" => Ok(Self::Warn),
            "deny" => Ok(Self::Deny),
            _ => Err("write warn or deny".to_owned()),
        }
    }
}
