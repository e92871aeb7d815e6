//! A token to an identity: pure, at a moment that is passed in.
//!
//! The signature is looked at first. Whoever can't make one is told nothing of what else is expected.

use std::time::Duration;

use jsonwebtoken::{Algorithm, DecodingKey, Validation, decode, decode_header};
use mainsheet_api::{
    access::{
        Identity,
        identity::{AUTHENTICATED, SERVICE_ACCOUNT_PREFIX},
    },
    limits::TOKEN_BYTES_MAX,
    time::Timestamp,
};
use serde::Deserialize;

use super::{Algorithms, Keys};
use crate::auth::spiffe;

/// How far the issuer's clock may be ahead of ours. No token is good for longer than it says.
const SKEW_MAX: Duration = Duration::from_secs(10);

/// What users and groups that Kubernetes itself speaks of begin with. No claim of a token makes anybody one of them but those of
/// a service account.
const RESERVED: &str = "system:";

/// Which tokens are taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Rules {
    pub(crate) issuer: String,
    /// Those of which a token has to name one.
    pub(crate) audiences: Vec<String>,
    pub(crate) algorithms: Algorithms,
    pub(crate) trust_domain: String,
}

/// A token that was taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Verified {
    pub(crate) identity: Identity,
    pub(crate) ends: Timestamp,
    /// Its own id (`jti`), where it has one.
    pub(crate) id: Option<String>,
}

/// A token that was not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Refused {
    /// It is signed with a key that is not known; a newer set may have it.
    UnknownKey,
    /// For this reason.
    Because(String),
}

#[derive(Deserialize)]
struct Claims {
    iss: String,
    sub: String,
    aud: OneOrMany,
    /// Seconds since 1970, also with a fraction, as all times in a token.
    exp: f64,
    nbf: Option<f64>,
    jti: Option<String>,
    #[serde(default)]
    groups: OneOrMany,
    #[serde(rename = "kubernetes.io")]
    kubernetes: Option<KubernetesClaims>,
}

#[derive(Default, Deserialize)]
#[serde(untagged)]
enum OneOrMany {
    One(String),
    Many(Vec<String>),
    #[default]
    Nothing,
}

#[derive(Deserialize)]
struct KubernetesClaims {
    namespace: String,
    serviceaccount: Named,
}

#[derive(Deserialize)]
struct Named {
    name: String,
}

/// Whom a token names.
///
/// # Errors
/// Where it is not to be taken.
pub(crate) fn verify(token: &str, rules: &Rules, keys: &Keys, now: Timestamp) -> Result<Verified, Refused> {
    let claims = signed_claims(token, rules, keys)?;
    check(&claims, rules, now).map_err(Refused::Because)?;
    let identity = identity(&claims, rules).map_err(Refused::Because)?;
    Ok(Verified { identity, ends: millis(claims.exp), id: claims.jti })
}

fn signed_claims(token: &str, rules: &Rules, keys: &Keys) -> Result<Claims, Refused> {
    let because = |text: &str| Refused::Because(text.to_owned());
    if token.len() > TOKEN_BYTES_MAX {
        return Err(Refused::Because(format!("the token is longer than {TOKEN_BYTES_MAX} bytes")));
    }
    // An algorithm that nobody knows, such as `none`, is refused here.
    let header =
        decode_header(token).map_err(|_| because("the token is no JWT, or its algorithm is not taken"))?;
    if !rules.algorithms.has(header.alg) {
        return Err(because("the token's algorithm is not taken"));
    }
    let name = format!("{:?}", header.alg);
    let mut candidates = keys.candidates(header.kid.as_deref(), (&name, header.alg.family())).peekable();
    if candidates.peek().is_none() {
        return Err(match &header.kid {
            Some(kid) if keys.has(kid) => because("the token's key is not for its algorithm"),
            _ => Refused::UnknownKey,
        });
    }
    match candidates.find_map(|key| signed_by(token, key, header.alg)) {
        Some(claims) => claims.map_err(Refused::Because),
        None if header.kid.is_none() => Err(Refused::UnknownKey),
        None => Err(because("the token's signature is wrong")),
    }
}

/// The claims, where this key signed them.
fn signed_by(token: &str, key: &DecodingKey, algorithm: Algorithm) -> Option<Result<Claims, String>> {
    let mut signature_only = Validation::new(algorithm);
    signature_only.required_spec_claims.clear();
    signature_only.validate_exp = false;
    signature_only.validate_aud = false;
    let value: serde_json::Value = decode(token, key, &signature_only).ok()?.claims;
    Some(serde_json::from_value(value).map_err(|error| format!("the token's claims can't be read: {error}")))
}

fn check(claims: &Claims, rules: &Rules, now: Timestamp) -> Result<(), String> {
    if claims.iss != rules.issuer {
        return Err(format!(
            "the token is of issuer `{}`, and those of `{}` are taken",
            claims.iss, rules.issuer
        ));
    }
    if !claims.aud.iter().any(|audience| rules.audiences.contains(audience)) {
        let (named, taken) =
            (claims.aud.iter().cloned().collect::<Vec<_>>().join("`, `"), rules.audiences.join("`, `"));
        return Err(format!("the token is for `{named}`, and those for `{taken}` are taken"));
    }
    if millis(claims.exp) <= now {
        return Err("the token has expired".to_owned());
    }
    if claims.nbf.is_some_and(|nbf| millis(nbf) > now.after(SKEW_MAX)) {
        return Err("the token does not hold yet".to_owned());
    }
    Ok(())
}

/// The service account, or the SPIFFE id, or, as in Kubernetes, ISSUER#SUBJECT, so that no subject is anybody else.
fn identity(claims: &Claims, rules: &Rules) -> Result<Identity, String> {
    let Claims { sub, groups, kubernetes, .. } = claims;
    if let Some(KubernetesClaims { namespace, serviceaccount }) = kubernetes {
        let identity = Identity::service_account(namespace, &serviceaccount.name);
        return match sub == identity.user() && identity.as_service_account().is_some() {
            true => Ok(identity),
            false => Err(format!("the token's subject is `{sub}`, and its claims are of `{identity}`")),
        };
    }
    if sub.starts_with(spiffe::SCHEME) {
        return spiffe::identity(sub, &rules.trust_domain);
    }
    if sub.is_empty() {
        return Err("the token's subject is empty".to_owned());
    }
    if sub.starts_with(SERVICE_ACCOUNT_PREFIX) {
        return Err(format!(
            "the token's subject is `{sub}`, and it has no claims `kubernetes.io` that say so"
        ));
    }
    let groups = groups.iter().filter(|group| !group.starts_with(RESERVED)).map(String::as_str);
    Ok(Identity::new(format!("{}#{sub}", claims.iss), groups.chain([AUTHENTICATED])))
}

impl OneOrMany {
    fn iter(&self) -> std::slice::Iter<'_, String> {
        match self {
            Self::One(text) => std::slice::from_ref(text),
            Self::Many(texts) => texts.as_slice(),
            Self::Nothing => &[],
        }
        .iter()
    }
}

#[allow(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a cast of a float saturates, which is meant"
)]
fn millis(seconds: f64) -> Timestamp {
    Timestamp((seconds * 1_000.0) as u64)
}

#[cfg(test)]
mod tests;
