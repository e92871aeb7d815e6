//! Tokens that are to be refused, each for its own reason.

use jsonwebtoken::{EncodingKey, Header, encode, jwk::Jwk};
use serde_json::{Value, json};

use super::*;

/// A pair of keys of an issuer: what it signs with, and what it publishes.
struct Issuer {
    id: &'static str,
    key: EncodingKey,
    public: Value,
}

impl Issuer {
    fn new(id: &'static str) -> Self {
        let pair = rcgen::KeyPair::generate().unwrap();
        let key = EncodingKey::from_ec_der(&pair.serialize_der());
        let mut jwk = Jwk::from_encoding_key(&key, Algorithm::ES256).unwrap();
        jwk.common.key_id = Some(id.to_owned());
        Self { id, key, public: serde_json::to_value(jwk).unwrap() }
    }

    fn signs(&self, claims: &Value) -> String {
        let header = Header { kid: Some(self.id.to_owned()), ..Header::new(Algorithm::ES256) };
        encode(&header, claims, &self.key).unwrap()
    }
}

const NOW: Timestamp = Timestamp(1_000_000_000);

fn rules() -> Rules {
    Rules {
        issuer: "https://issuer.example".into(),
        audiences: vec!["mainsheet".into(), "also".into()],
        algorithms: Algorithms::default(),
        trust_domain: "cluster.local".into(),
    }
}

fn keys(issuers: &[&Issuer]) -> Keys {
    let keys: Vec<_> = issuers.iter().map(|issuer| &issuer.public).collect();
    Keys::read(&serde_json::to_vec(&json!({ "keys": keys })).unwrap()).unwrap()
}

/// Good claims, with these instead of some of them.
fn claims(other: Value) -> Value {
    let mut claims = json!({
        "iss": "https://issuer.example", "sub": "alice", "aud": ["x", "also"], "exp": 1_000_010, "nbf": 999_990,
    });
    for (name, value) in other.as_object().unwrap() {
        claims[name] = value.clone();
    }
    claims
}

fn verified(token: &str, issuer: &Issuer) -> Result<Verified, Refused> {
    verify(token, &rules(), &keys(&[issuer]), NOW)
}

fn refusal(other: Value) -> String {
    let issuer = Issuer::new("a");
    match verified(&issuer.signs(&claims(other)), &issuer).unwrap_err() {
        Refused::Because(text) => text,
        Refused::UnknownKey => panic!("the key is known"),
    }
}

fn identity_of(other: Value) -> Identity {
    let issuer = Issuer::new("a");
    verified(&issuer.signs(&claims(other)), &issuer).unwrap().identity
}

#[test]
fn good_token_names_its_issuer_and_subject_so_that_no_subject_is_anybody_else() {
    let issuer = Issuer::new("a");
    let token = issuer.signs(&claims(json!({ "groups": ["dev", "system:masters"], "jti": "7" })));
    let expected = Verified {
        identity: Identity::new("https://issuer.example#alice", ["dev", AUTHENTICATED]),
        ends: Timestamp(1_000_010_000),
        id: Some("7".into()),
    };
    assert_eq!(verified(&token, &issuer), Ok(expected));
    assert_eq!(identity_of(json!({ "sub": "system:admin" })).user(), "https://issuer.example#system:admin");
}

#[test]
fn token_of_a_service_account_names_it() {
    let of = |namespace: &str, name: &str, sub: &str| json!({ "sub": sub, "kubernetes.io": { "namespace": namespace, "serviceaccount": { "name": name, "uid": "u" }, "pod": { "name": "p" } } });
    let cart = identity_of(of("shop", "cart", "system:serviceaccount:shop:cart"));
    assert_eq!(cart, Identity::service_account("shop", "cart"));
    assert!(refusal(of("shop", "cart", "system:serviceaccount:bank:cart")).contains("its claims are of"));
    assert!(refusal(of("shop", "", "system:serviceaccount:shop:")).contains("its claims are of"));
    assert!(refusal(of("a:b", "c", "system:serviceaccount:a:b:c")).contains("its claims are of"));
    assert!(
        refusal(json!({ "sub": "system:serviceaccount:shop:cart" })).contains("no claims `kubernetes.io`")
    );
}

#[test]
fn subject_may_be_a_spiffe_id() {
    let cart = identity_of(json!({ "sub": "spiffe://cluster.local/ns/shop/sa/cart" }));
    assert_eq!(cart, Identity::service_account("shop", "cart"));
    assert_eq!(identity_of(json!({ "sub": "spiffe://other/x" })).user(), "spiffe://other/x");
    assert!(refusal(json!({ "sub": "spiffe://Other/x" })).contains("is no SPIFFE id"));
}

#[test]
fn token_of_another_issuer_or_for_somebody_else_is_refused() {
    assert_eq!(
        refusal(json!({ "iss": "https://other.example" })),
        "the token is of issuer `https://other.example`, and those of `https://issuer.example` are taken"
    );
    assert_eq!(
        refusal(json!({ "aud": "istiod" })),
        "the token is for `istiod`, and those for `mainsheet`, `also` are taken"
    );
    assert!(refusal(json!({ "aud": [] })).contains("the token is for ``"));
}

#[test]
fn token_holds_from_its_beginning_until_its_end_and_not_a_moment_longer() {
    assert_eq!(refusal(json!({ "exp": 1_000_000 })), "the token has expired");
    assert_eq!(refusal(json!({ "exp": -1 })), "the token has expired");
    assert_eq!(refusal(json!({ "nbf": 1_000_011 })), "the token does not hold yet");
    identity_of(json!({ "exp": 1_000_000.5, "nbf": 1_000_009 }));
    for (name, wrong) in [
        ("exp", Value::Null),
        ("exp", json!("tomorrow")),
        ("aud", Value::Null),
        ("sub", json!("")),
        ("iss", json!(1)),
    ] {
        let mut other = json!({});
        other[name] = wrong;
        let text = refusal(other);
        assert!(
            text.contains("can't be read") || text.contains("is empty") || text.contains("is for"),
            "{text}"
        );
    }
}

#[test]
fn token_signed_by_somebody_else_is_refused() {
    let (issuer, thief) = (Issuer::new("a"), Issuer::new("a"));
    let because = |text: &str| Err(Refused::Because(text.to_owned()));
    assert_eq!(
        verified(&thief.signs(&claims(json!({}))), &issuer),
        because("the token's signature is wrong")
    );
    // What was signed is all of it.
    let token = issuer.signs(&claims(json!({})));
    let other = issuer.signs(&claims(json!({ "sub": "bob" })));
    let [header, _, signature] = token.split('.').collect::<Vec<_>>()[..] else { panic!() };
    let body = other.split('.').nth(1).unwrap();
    assert_eq!(
        verified(&format!("{header}.{body}.{signature}"), &issuer),
        because("the token's signature is wrong")
    );
    for wrong in ["", "a", "a.b", "..", "a.b.c", &token[..token.len() - 4], &"a".repeat(20_000)] {
        assert!(matches!(verified(wrong, &issuer), Err(Refused::Because(_))), "{wrong:.20}");
    }
}

#[test]
fn token_that_nobody_signed_is_refused() {
    let issuer = Issuer::new("a");
    let token = issuer.signs(&claims(json!({})));
    let body = token.split('.').nth(1).unwrap();
    for header in
        [r#"{"alg":"none"}"#, r#"{"alg":"None","kid":"a"}"#, r#"{"alg":"NONE","kid":"a"}"#, r#"{"kid":"a"}"#]
    {
        let unsigned = format!("{}.{body}.", base64(header));
        assert_eq!(
            verified(&unsigned, &issuer),
            Err(Refused::Because("the token is no JWT, or its algorithm is not taken".to_owned())),
            "{header}"
        );
    }
}

#[test]
fn public_key_is_no_secret_to_sign_with() {
    let issuer = Issuer::new("a");
    let header = Header { kid: Some("a".to_owned()), ..Header::new(Algorithm::HS256) };
    let public = serde_json::to_vec(&issuer.public).unwrap();
    let point = [issuer.public["x"].as_str().unwrap(), issuer.public["y"].as_str().unwrap()].concat();
    for secret in [&public[..], point.as_bytes()] {
        let token = encode(&header, &claims(json!({})), &EncodingKey::from_secret(secret)).unwrap();
        assert_eq!(
            verified(&token, &issuer),
            Err(Refused::Because("the token's algorithm is not taken".to_owned()))
        );
    }
    // Nor is a secret that the issuer publishes.
    let secret = json!({ "keys": [{ "kty": "oct", "k": "c2VjcmV0", "kid": "a", "alg": "HS256" }] });
    assert!(Keys::read(secret.to_string().as_bytes()).unwrap_err().contains("none of its 1 keys"));
}

#[test]
fn token_of_a_key_that_is_not_known_may_be_of_a_newer_one() {
    let (old, new) = (Issuer::new("old"), Issuer::new("new"));
    let token = new.signs(&claims(json!({})));
    assert_eq!(verify(&token, &rules(), &keys(&[&old]), NOW), Err(Refused::UnknownKey));
    assert!(verify(&token, &rules(), &keys(&[&old, &new]), NOW).is_ok());
    let token = old.signs(&claims(json!({})));
    assert!(verify(&token, &rules(), &keys(&[&old, &new]), NOW).is_ok(), "until the old one is gone");
    assert_eq!(verify(&token, &rules(), &keys(&[&new]), NOW), Err(Refused::UnknownKey));
}

#[test]
fn token_without_a_key_id_is_tried_with_all_keys() {
    let (first, second) = (Issuer::new("a"), Issuer::new("b"));
    let token = encode(&Header::new(Algorithm::ES256), &claims(json!({})), &second.key).unwrap();
    assert!(verify(&token, &rules(), &keys(&[&first, &second]), NOW).is_ok());
    assert_eq!(verify(&token, &rules(), &keys(&[&first]), NOW), Err(Refused::UnknownKey));
}

#[test]
fn key_is_for_its_own_algorithm_and_for_signatures_only() {
    let issuer = Issuer::new("a");
    let token = issuer.signs(&claims(json!({})));
    let with = |name: &str, value: &str| {
        let mut public = issuer.public.clone();
        public[name] = json!(value);
        Keys::read(json!({ "keys": [public] }).to_string().as_bytes())
    };
    assert!(verify(&token, &rules(), &with("use", "sig").unwrap(), NOW).is_ok());
    assert!(with("use", "enc").is_err());
    let other = verify(&token, &rules(), &with("alg", "ES384").unwrap(), NOW);
    assert_eq!(other, Err(Refused::Because("the token's key is not for its algorithm".to_owned())));
    let only = Rules { algorithms: "RS256".parse().unwrap(), ..rules() };
    let refused = verify(&token, &only, &keys(&[&issuer]), NOW);
    assert_eq!(refused, Err(Refused::Because("the token's algorithm is not taken".to_owned())));
}

#[test]
fn key_that_is_not_understood_takes_no_other_with_it() {
    let issuer = Issuer::new("a");
    let set = json!({ "keys": [{ "kty": "new" }, 7, issuer.public], "more": 1 });
    assert_eq!(Keys::read(set.to_string().as_bytes()).unwrap().len(), 1);
    for wrong in ["", "[]", "{}", r#"{"keys":[]}"#, r#"{"keys":7}"#] {
        assert!(Keys::read(wrong.as_bytes()).is_err(), "{wrong}");
    }
    let many = json!({ "keys": vec![&issuer.public; 101] });
    assert!(Keys::read(many.to_string().as_bytes()).unwrap_err().contains("at most 100"));
}

fn base64(text: &str) -> String {
    const DIGITS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let bits: String = text.bytes().map(|byte| format!("{byte:08b}")).collect();
    let digit = |six: &[u8]| {
        let six = format!("{:0<6}", std::str::from_utf8(six).unwrap());
        DIGITS[usize::from_str_radix(&six, 2).unwrap()] as char
    };
    bits.as_bytes().chunks(6).map(digit).collect()
}
