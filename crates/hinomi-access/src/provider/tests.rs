//! Tokens that are good, and each way in which one is not.

use hinomi_testkit::token_signer::{TokenSigner, token_with_secret};
use serde_json::{Value, json};

use super::ProviderFault::{Audience, Form, Issuer, Nonce, Time};
use super::*;
use crate::moment::Moment;

const ISSUER: &str = "https://id.example.jp";
const NOW: i64 = 1_800_000_000;

fn good() -> Value {
    json!({
        "iss": ISSUER, "sub": "248289761001", "aud": "hinomi", "exp": NOW + 300, "iat": NOW - 2,
        "nonce": "n-0S6_WzA2Mj", "auth_time": NOW - 30, "amr": ["pwd", "otp"], "acr": "2"
    })
}

fn keys(signers: &[&TokenSigner]) -> ProviderKeys {
    let all: Vec<String> = signers.iter().map(|signer| signer.public()).collect();
    ProviderKeys::parse(format!("{{\"keys\":[{}]}}", all.join(",")).as_bytes()).unwrap()
}

fn check_with(token: &str, keys: &ProviderKeys, anew: Option<i64>) -> Result<Verified, ProviderFault> {
    let expected = Expected {
        issuer: ISSUER,
        client: "hinomi",
        nonce: "n-0S6_WzA2Mj",
        second_factor: &SecondFactor::default(),
        anew: anew.map(Moment::from_seconds),
        now: Moment::from_seconds(NOW),
    };
    Verified::check(token, keys, &expected)
}

fn check(token: &str, keys: &ProviderKeys) -> Result<Verified, ProviderFault> {
    check_with(token, keys, None)
}

#[test]
fn a_good_token_counts_with_both_kinds_of_signature() {
    for signer in [TokenSigner::p256("a"), TokenSigner::rsa("b")] {
        let verified = check(&signer.token(&good().to_string()), &keys(&[&signer])).unwrap();
        assert_eq!((verified.identity.issuer(), verified.identity.subject()), (ISSUER, "248289761001"));
        assert_eq!(verified.evidence.unwrap().to_string(), "amr otp+pwd");
        assert_eq!(verified.asked, Some(Moment::from_seconds(NOW - 30)));
    }
}

/// What is changed about the payload, and what is wrong then.
#[test]
fn each_claim_that_is_wrong_is_refused() {
    let signer = TokenSigner::p256("a");
    let keys = keys(&[&signer]);
    let cases: Vec<(&str, Value, ProviderFault)> = vec![
        ("iss", json!("https://id.example.jp/"), Issuer),
        ("iss", json!("https://evil.example"), Issuer),
        ("iss", Value::Null, Form),
        ("sub", json!(""), Form),
        ("sub", json!("x".repeat(256)), Form),
        ("sub", json!("two\nlines"), Form),
        ("sub", json!(7), Form),
        ("aud", json!("other"), Audience),
        ("aud", json!(["other", "another"]), Audience),
        ("aud", json!([]), Audience),
        // For others, too: then it has to say that this server asked.
        ("aud", json!(["hinomi", "other"]), Audience),
        ("azp", json!("other"), Audience),
        ("nonce", json!("n-0S6_WzA2Mk"), Nonce),
        ("nonce", Value::Null, Nonce),
        ("exp", json!(NOW - 61), Time),
        ("exp", json!("soon"), Form),
        ("exp", json!(-1), Form),
        ("exp", json!(1e300), Form),
        ("iat", json!(NOW + 61), Time),
        ("iat", json!(NOW - 601), Time),
        ("iat", Value::Null, Form),
        ("nbf", json!(NOW + 61), Time),
        ("auth_time", json!(NOW + 61), Time),
        ("amr", json!("mfa"), Form),
        ("amr", json!(vec!["x"; 33]), Form),
    ];
    for (claim, value, fault) in cases {
        let mut payload = good();
        payload[claim] = value.clone();
        assert_eq!(check(&signer.token(&payload.to_string()), &keys), Err(fault), "{claim} {value}");
    }
    let twice = good().to_string().replacen('{', "{\"nonce\":\"n-0S6_WzA2Mj\",", 1);
    assert_eq!(check(&signer.token(&twice), &keys), Err(Form));
    for (claim, value) in [
        ("aud", json!(["hinomi"])),
        ("azp", json!("hinomi")),
        ("exp", json!(NOW - 59)),
        ("iat", json!(NOW + 59)),
        ("exp", json!(f64::from(i32::MAX) + 0.5)),
    ] {
        let mut payload = good();
        payload[claim] = value.clone();
        assert!(check(&signer.token(&payload.to_string()), &keys).is_ok(), "{claim} {value}");
    }
}

/// `none`, a secret that is the public key, a kind that does not fit the key, a key in the token itself.
#[test]
fn a_token_does_not_choose_how_it_is_checked() {
    let (one, other, rsa) = (TokenSigner::p256("a"), TokenSigner::p256("a"), TokenSigner::rsa("r"));
    let keys = keys(&[&one, &rsa]);
    let payload = good().to_string();
    let none = one.token_with("{\"alg\":\"none\"}", &payload);
    let unsigned = format!("{}.", none.rsplit_once('.').unwrap().0);
    for token in [&none, &unsigned] {
        assert_eq!(check(token, &keys), Err(ProviderFault::Algorithm));
    }
    for alg in ["None", "NONE", "HS256", "RS512", "PS256", "ES384", "EdDSA", ""] {
        let header = json!({ "alg": alg, "kid": "a" }).to_string();
        for secret in [one.public(), rsa.public(), String::new()] {
            let token = token_with_secret(&header, &payload, secret.as_bytes());
            assert_eq!(check(&token, &keys), Err(ProviderFault::Algorithm), "{alg}");
        }
    }
    // The signature of one kind under the name of the other.
    for (signer, alg) in [(&one, "RS256"), (&rsa, "ES256")] {
        let header = json!({ "alg": alg, "kid": signer.id }).to_string();
        assert_eq!(check(&signer.token_with(&header, &payload), &keys), Err(ProviderFault::Key));
    }
    assert_eq!(check(&other.token(&payload), &keys), Err(ProviderFault::Signature));
    let own: Value = serde_json::from_str(&other.public()).unwrap();
    for part in [
        json!({ "jwk": own }),
        json!({ "jku": "https://evil.example/keys" }),
        json!({ "x5u": "https://evil.example" }),
    ] {
        let mut header = json!({ "alg": "ES256", "kid": "a" });
        header.as_object_mut().unwrap().extend(part.as_object().unwrap().clone());
        assert_eq!(
            check(&other.token_with(&header.to_string(), &payload), &keys),
            Err(ProviderFault::Signature)
        );
    }
    for header in [
        json!({ "alg": "ES256", "kid": "a", "crit": ["b64"] }),
        json!({ "alg": "ES256", "kid": "a", "typ": "at+jwt" }),
        json!({ "alg": ["ES256"] }),
        json!({}),
    ] {
        assert_eq!(check(&one.token_with(&header.to_string(), &payload), &keys), Err(ProviderFault::Form));
    }
    let unknown = TokenSigner::p256("b");
    assert_eq!(check(&unknown.token(&payload), &keys), Err(ProviderFault::Key));
}

#[test]
fn a_token_without_the_name_of_a_key_counts_only_when_there_is_no_choice() {
    let (one, other, rsa) = (TokenSigner::p256("a"), TokenSigner::p256("b"), TokenSigner::rsa("r"));
    let token = one.token_with("{\"alg\":\"ES256\"}", &good().to_string());
    assert!(check(&token, &keys(&[&one, &rsa])).is_ok());
    assert_eq!(check(&token, &keys(&[&one, &other])), Err(ProviderFault::Key));
}

#[test]
fn keys_of_other_kinds_or_ends_are_left_out_and_endless_sets_refused() {
    let signer = TokenSigner::p256("a");
    let token = signer.token(&good().to_string());
    let key: Value = serde_json::from_str(&signer.public()).unwrap();
    let with = |name: &str, value: Value| {
        let mut key = key.clone();
        key[name] = value;
        let others =
            [json!({ "kty": "oct", "k": "AAAA", "kid": "a" }), json!(7), json!({ "kty": "OKP", "kid": "a" })];
        let keys: Vec<Value> = others.into_iter().chain([key]).collect();
        check(&token, &ProviderKeys::parse(json!({ "keys": keys }).to_string().as_bytes()).unwrap())
    };
    assert!(with("other", json!(1)).is_ok());
    for (name, value) in [
        ("use", json!("enc")),
        ("alg", json!("ES384")),
        ("alg", json!("HS256")),
        ("key_ops", json!(["sign"])),
        ("crv", json!("P-384")),
        ("x", json!("AAAA")),
        ("x", json!("not base64url!")),
        ("kty", json!("RSA")),
    ] {
        assert_eq!(with(name, value.clone()), Err(ProviderFault::Key), "{name} {value}");
    }
    for bad in [json!([]), json!({ "keys": {} }), json!({}), json!({ "keys": vec![key.clone(); 65] })] {
        assert_eq!(ProviderKeys::parse(bad.to_string().as_bytes()), Err(ProviderFault::Description));
    }
    // A small modulus is none: its owner is whoever has a computer.
    let small =
        json!({ "keys": [{ "kty": "RSA", "kid": "a", "n": "u".repeat(171), "e": "AQAB" }] }).to_string();
    assert_eq!(ProviderKeys::parse(small.as_bytes()), Ok(ProviderKeys::default()));
}

#[test]
fn no_bent_token_counts() {
    let signer = TokenSigner::rsa("r");
    let keys = keys(&[&signer]);
    let token = signer.token(&good().to_string());
    let letters = token.as_bytes();
    for at in 0..letters.len() {
        let mut bent = letters.to_vec();
        bent[at] = if bent[at] == b'A' { b'B' } else { b'A' };
        let bent = String::from_utf8(bent).unwrap();
        assert!(check(&bent, &keys).is_err(), "letter {at}");
        assert!(check(&token[..at], &keys).is_err(), "cut at {at}");
    }
    for rubbish in ["", ".", "..", "...", "a.b.c", "\u{706b}.\u{706b}.\u{706b}", &"a".repeat(20_000)] {
        assert!(matches!(check(rubbish, &keys), Err(ProviderFault::Form)), "{rubbish:.20}");
    }
}

#[test]
fn two_factors_are_what_is_configured_and_nothing_else() {
    let usual = SecondFactor::default();
    let amr = |values: &[&str]| values.iter().map(|value| (*value).to_owned()).collect::<Vec<_>>();
    for shown in [&["mfa"][..], &["otp", "pwd"], &["pwd", "hwk", "user"], &["pin", "sc"], &["pwd", "mfa"]] {
        assert!(usual.shown(&amr(shown), None).is_some(), "{shown:?}");
    }
    for not in [
        &[][..],
        &["pwd"],
        &["otp"],
        &["hwk"],
        &["pwd", "pin"],
        &["pwd", "sms"],
        &["MFA"],
        &["pwd+otp"],
        &["user", "pwd"],
    ] {
        assert!(usual.shown(&amr(not), Some("2")).is_none(), "{not:?}");
    }
    let own = SecondFactor::parse(&amr(&["pwd+sms"]), &amr(&["urn:example:2"])).unwrap();
    assert!(own.shown(&amr(&["mfa"]), None).is_none());
    assert!(own.shown(&amr(&["sms", "pwd"]), None).is_some());
    assert_eq!(own.shown(&[], Some("urn:example:2")).unwrap().to_string(), "acr urn:example:2");
    assert!(own.shown(&[], Some("urn:example:1")).is_none());
    for bad in ["", "pwd+", "a b", "\u{706b}"] {
        assert!(SecondFactor::parse(&amr(&[bad]), &[]).is_err(), "{bad}");
    }
}

#[test]
fn whoever_was_to_be_asked_anew_was() {
    let signer = TokenSigner::p256("a");
    let keys = keys(&[&signer]);
    let at = |time: Value| {
        let mut payload = good();
        payload["auth_time"] = time;
        check_with(&signer.token(&payload.to_string()), &keys, Some(NOW - 100)).map(drop)
    };
    assert_eq!(at(json!(NOW - 90)), Ok(()));
    assert_eq!(at(json!(NOW - 3_600)), Err(ProviderFault::NotAnew));
    assert_eq!(at(Value::Null), Err(ProviderFault::NotAnew));
}
