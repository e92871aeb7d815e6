use proptest::prelude::*;

use super::*;

const PLANTED: &str = "hunter2Zx9";

#[test]
fn keys_that_sound_secret_are_told_from_others() {
    for key in [
        "token",
        "accessToken",
        "PASSWORD",
        "db_password",
        "client-secret",
        "key",
        "tlsKey",
        "api_key",
        "apikey",
        "Authorization",
        "proxy-authorization",
        "credentials",
        "privateKey",
        "private",
        "passphrase",
        "x.example/token",
    ] {
        assert!(is_secret(key), "{key}");
    }
    for key in [
        "monkey",
        "keyed",
        "kind",
        "AuthorizationPolicy",
        "credentialName",
        "host",
        "secret.example/name",
        "node",
    ] {
        assert!(!is_secret(key), "{key}");
    }
}

#[test]
fn each_form_of_a_secret_is_masked_and_the_rest_stays() {
    let web_token = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJl";
    for (text, expected) in [
        ("password: correct horse battery\nhost: a\n", "password: ***\nhost: a\n"),
        ("password: 'a b' # why\n", "password: '***' # why\n"),
        (r#"cut {"token":"a\"b","host":"a"#, r#"cut {"token":"***","host":"a"#),
        (r#"said {\"token\":\"abc\",\"host\":\"a\"}"#, r#"said {\"token\":***,\"host\":\"a\"}"#),
        ("GET /x?token=abc&host=a", "GET /x?token=***&host=a"),
        ("a=1 secret=abc b=2", "a=1 secret=*** b=2"),
        ("Authorization: Basic YWJj\n", "Authorization: ***\n"),
        ("said Bearer abc.def here", "said Bearer *** here"),
        ("xds://ana:pa@ss@host:15010/x", "xds://***@host:15010/x"),
        ("postgres://ana@host/db", "postgres://***@host/db"),
        ("secret: |\n  one\n\n  two\nhost: a\n", "secret: ***\n  ***\nhost: a\n"),
        ("- tokens:\n  - one\n  - two\n  host: a\n", "- tokens:\n    ***\n  host: a\n"),
        ("a -----BEGIN RSA PRIVATE KEY-----\nabc\n-----END RSA PRIVATE KEY----- b", "a *** b"),
        ("a -----BEGIN PRIVATE KEY-----\\nabc", "a ***"),
        (
            "kind: AuthorizationPolicy\nnode: sidecar~10.0.0.1~a.b~c\n",
            "kind: AuthorizationPolicy\nnode: sidecar~10.0.0.1~a.b~c\n",
        ),
        ("mainsheet_served{kind=\"VirtualService\"} 3\n", "mainsheet_served{kind=\"VirtualService\"} 3\n"),
    ] {
        assert_eq!(mask(text), expected, "{text}");
    }
    assert_eq!(mask(&format!("got `{web_token}`.")), "got `***`.");
}

#[test]
fn json_stays_json_with_secrets_masked_at_any_depth() {
    let inner = r#"{"spec":{"password":"abc","host":"a"}}"#;
    let value = serde_json::json!({
        "items": [{"token": 7, "is_private": true, "credentialName": "tls"}],
        "env": [{"name": "DB_PASSWORD", "value": "abc"}, {"name": "HOST", "value": "a"}],
        "keys": {"a": ["abc", {"b": "abc"}]},
        "applied": inner, "said": "token=abc in a.yaml",
    });
    let masked: Value = serde_json::from_str(&mask(&value.to_string())).unwrap();
    let expected = serde_json::json!({
        "items": [{"token": "***", "is_private": true, "credentialName": "tls"}],
        "env": [{"name": "DB_PASSWORD", "value": "***"}, {"name": "HOST", "value": "a"}],
        "keys": {"a": ["***", {"b": "***"}]},
        "applied": r#"{"spec":{"host":"a","password":"***"}}"#, "said": "token=*** in a.yaml",
    });
    assert_eq!(masked, expected);
}

/// Ways to write a secret down.
fn carriers() -> impl Strategy<Value = String> {
    prop::sample::select(vec![
        "token: @",
        "password=@",
        "\"secret\": \"@\"",
        "{\"apiKey\":\"@\"}",
        "authorization: Bearer @",
        "Bearer @",
        "https://ana:@@host/",
        "-----BEGIN PRIVATE KEY-----\n@\n-----END PRIVATE KEY-----",
        "eyJhbGci.@.x",
        "credentials:\n  @",
        "private: >-\n  @",
        "{\"a\":\"token: @\"}",
        "[{\"name\":\"TOKEN\",\"value\":\"@\"}]",
        "passphrase = '@'",
    ])
    .prop_map(|form| form.replacen('@', PLANTED, 1))
}

proptest! {
    #[test]
    fn planted_secret_never_stays(before in "[a-z {}\\[\\]\"':=,#\\\\\n-]{0,40}", carrier in carriers(), after in "\\PC{0,40}") {
        let masked = mask(&format!("{before}\n{carrier}\n{after}"));
        let is_masked = !masked.contains(PLANTED);
        prop_assert!(is_masked, "{}", masked);
        let nested = serde_json::json!({ "text": [carrier] }).to_string();
        let deeper = serde_json::json!({ "text": nested }).to_string();
        for text in [nested, deeper] {
            let is_masked = !mask(&text).contains(PLANTED);
            prop_assert!(is_masked, "{}", text);
        }
    }

    #[test]
    fn words_without_secrets_stay_as_they_are(text in "([a-j]{1,8}(: | |\n|=|/|\\.)){0,20}") {
        prop_assert_eq!(mask(&text), text);
    }
}
