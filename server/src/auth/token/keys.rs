//! An issuer's keys, as a JWKS (RFC 7517) says them.

use jsonwebtoken::{
    AlgorithmFamily, DecodingKey,
    jwk::{Jwk, PublicKeyUse},
};
use mainsheet_api::limits::TOKEN_KEYS_MAX;
use serde::Deserialize;

/// The keys by which signatures are checked.
#[derive(Clone, Debug, Default)]
pub(crate) struct Keys(Vec<Key>);

#[derive(Clone, Debug)]
struct Key {
    id: Option<String>,
    /// The only algorithm that it is for, where it says so.
    algorithm: Option<String>,
    key: DecodingKey,
}

/// Each key is read by itself: one that is not understood takes no other with it.
#[derive(Deserialize)]
struct Set {
    keys: Vec<serde_json::Value>,
}

impl Keys {
    /// Reads a JWKS. Keys that are not for signatures, or of kinds that are not known here, are passed over.
    ///
    /// # Errors
    /// Where it is none, or no key is left.
    pub(crate) fn read(json: &[u8]) -> Result<Self, String> {
        let Set { keys } = serde_json::from_slice(json)
            .map_err(|error| format!("it is no JWKS, `{{\"keys\": [...]}}`: {error}"))?;
        let count = keys.len();
        if count > TOKEN_KEYS_MAX {
            return Err(format!("it has {count} keys; at most {TOKEN_KEYS_MAX} are taken"));
        }
        let keys: Vec<Key> = keys.into_iter().filter_map(Key::read).collect();
        match keys.is_empty() {
            true => {
                Err(format!("none of its {count} keys is a public RSA, EC or Ed25519 key for signatures"))
            }
            false => Ok(Self(keys)),
        }
    }

    /// Those that may have signed a token whose header says this.
    pub(super) fn candidates(
        &self,
        id: Option<&str>,
        (algorithm, family): (&str, AlgorithmFamily),
    ) -> impl Iterator<Item = &DecodingKey> {
        let is_named = move |key: &&Key| id.is_none() || key.id.is_none() || key.id.as_deref() == id;
        let is_for = move |key: &&Key| {
            key.key.family() == family && key.algorithm.as_deref().is_none_or(|own| own == algorithm)
        };
        self.0.iter().filter(is_named).filter(is_for).map(|key| &key.key)
    }

    /// Whether a key of this id is there.
    pub(super) fn has(&self, id: &str) -> bool {
        self.0.iter().any(|key| key.id.as_deref() == Some(id))
    }

    /// How many there are.
    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }
}

impl Key {
    fn read(json: serde_json::Value) -> Option<Self> {
        let jwk: Jwk = serde_json::from_value(json).ok()?;
        let is_for_signatures =
            jwk.common.public_key_use.as_ref().is_none_or(|purpose| *purpose == PublicKeyUse::Signature);
        let key = DecodingKey::from_jwk(&jwk).ok()?;
        // A secret that both sides have is no public key, whoever writes it here.
        if !is_for_signatures || key.family() == AlgorithmFamily::Hmac {
            return None;
        }
        let algorithm = jwk.common.key_algorithm.map(|algorithm| algorithm.to_string());
        Some(Self { id: jwk.common.key_id, algorithm, key })
    }
}
