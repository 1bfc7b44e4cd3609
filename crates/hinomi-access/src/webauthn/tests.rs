//! What counts, and every way in which it does not.

use hinomi_testkit::authenticator::Authenticator;
use proptest::prelude::*;

use super::*;

const CHALLENGE: &str = "Y2hhbGxlbmdl";
const HANDLE: &[u8] = b"handle";

fn ceremony() -> Ceremony<'static> {
    Ceremony { origin: "https://hinomi.example.jp", relying_party: "hinomi.example.jp" }
}

fn devices() -> [Authenticator; 2] {
    let Ceremony { origin, relying_party } = ceremony();
    [Authenticator::p256(origin, relying_party), Authenticator::ed25519(origin, relying_party)]
}

fn known(challenge: &[u8]) -> bool {
    challenge == b"challenge"
}

fn make(device: &Authenticator) -> Result<Registered, WebAuthnFault> {
    let made: Attestation = serde_json::from_str(&device.make(CHALLENGE)).unwrap();
    made.check(ceremony(), known)
}

fn asserted(text: &str, made: &Registered, counter: u32) -> Result<Asserted, WebAuthnFault> {
    let assertion: Assertion = serde_json::from_str(text).unwrap();
    assertion.check(ceremony(), (&made.key, counter), HANDLE, known)
}

#[test]
fn a_passkey_is_made_and_used() {
    for mut device in devices() {
        let made = make(&device).unwrap();
        assert_eq!((made.credential.as_slice(), made.counter), (device.id.as_slice(), 1));
        assert_eq!(asserted(&device.sign(CHALLENGE), &made, made.counter).unwrap().counter, 2);
        let kept: PublicKey = serde_json::from_str(&serde_json::to_string(&made.key).unwrap()).unwrap();
        assert_eq!(kept, made.key);
    }
}

/// A change to a device, and the fault that it leads to.
type Lie = (fn(&mut Authenticator), WebAuthnFault);

const LIES: [Lie; 8] = [
    (|device| device.origin = "https://hinomi.example.jp.evil.example".to_owned(), WebAuthnFault::Origin),
    (|device| device.origin = "http://hinomi.example.jp".to_owned(), WebAuthnFault::Origin),
    (|device| device.cross_origin = true, WebAuthnFault::Origin),
    (|device| device.relying_party = "example.jp".to_owned(), WebAuthnFault::RelyingParty),
    (|device| device.flags = 0x04, WebAuthnFault::NotPresent),
    (|device| device.flags = 0x01, WebAuthnFault::NotVerified),
    // Copied elsewhere although it cannot be.
    (|device| device.flags = 0x15, WebAuthnFault::Form("")),
    (|device| device.leftovers = vec![0], WebAuthnFault::Form("")),
];

fn matches_fault(found: WebAuthnFault, expected: WebAuthnFault) -> bool {
    matches!((found, expected), (WebAuthnFault::Form(_), WebAuthnFault::Form(_))) || found == expected
}

#[test]
fn a_device_that_lies_is_not_believed() {
    for (lie, expected) in LIES {
        for mut device in devices() {
            let made = make(&device).unwrap();
            lie(&mut device);
            let found = make(&device).unwrap_err();
            assert!(matches_fault(found, expected), "made: {found} for {expected}");
            let found = asserted(&device.sign(CHALLENGE), &made, 1).unwrap_err();
            assert!(matches_fault(found, expected), "used: {found} for {expected}");
        }
    }
}

#[test]
fn what_was_made_for_something_else_does_not_count() {
    let [mut device, mut other] = devices();
    let (made, others) = (make(&device).unwrap(), make(&other).unwrap());
    let wrong = device.sign_as("create", CHALLENGE);
    assert_eq!(asserted(&wrong, &made, 1).unwrap_err(), WebAuthnFault::Type);
    assert_eq!(asserted(&device.sign("b3RoZXI"), &made, 1).unwrap_err(), WebAuthnFault::Challenge);
    assert_eq!(asserted(&other.sign(CHALLENGE), &made, 1).unwrap_err(), WebAuthnFault::Signature);
    assert_eq!(asserted(&device.sign(CHALLENGE), &others, 1).unwrap_err(), WebAuthnFault::Signature);
    let of_another = device.sign(CHALLENGE).replace("\"userHandle\":null", "\"userHandle\":\"b3RoZXI\"");
    assert_eq!(asserted(&of_another, &made, 1).unwrap_err(), WebAuthnFault::Id);
}

#[test]
fn a_copy_of_a_device_is_noticed_and_one_that_does_not_count_is_let_in() {
    let [mut device, mut silent] = devices();
    let made = make(&device).unwrap();
    let first = device.sign(CHALLENGE);
    assert_eq!(asserted(&first, &made, 1).unwrap().counter, 2);
    assert_eq!(asserted(&first, &made, 2).unwrap_err(), WebAuthnFault::Counter);
    silent.counter = 0;
    let made = make(&silent).unwrap();
    for _ in 0..2 {
        assert_eq!(asserted(&silent.sign(CHALLENGE), &made, 0).unwrap().counter, 0);
    }
    assert_eq!(asserted(&silent.sign(CHALLENGE), &made, 5).unwrap_err(), WebAuthnFault::Counter);
}

/// Each text within a JSON answer, so that its parts can be bent.
fn texts(json: &str) -> Vec<(usize, usize)> {
    let mut found = Vec::new();
    let mut begin = None;
    for (at, letter) in json.char_indices() {
        match (letter, begin) {
            ('"', None) => begin = Some(at + 1),
            ('"', Some(from)) => {
                if at - from > 20 {
                    found.push((from, at));
                }
                begin = None;
            }
            _ => {}
        }
    }
    found
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    /// Whatever letter of what was signed is another one: it counts no more.
    #[test]
    fn no_bent_answer_counts(part in 0_usize..5, place in 0.0_f64..1.0, letter in "[A-Za-z0-9_-]") {
        let [mut device, _] = devices();
        let made = make(&device).unwrap();
        let mut answer = device.sign(CHALLENGE);
        let parts = texts(&answer);
        let (from, to) = parts[part % parts.len()];
        let at = from + ((to - from - 1) as f64 * place) as usize;
        prop_assume!(&answer[at..=at] != letter.as_str());
        // The credential's own id is what the caller finds the key by; `rawId` is not read.
        prop_assume!(answer[..from].contains("response"));
        answer.replace_range(at..=at, &letter);
        prop_assert!(asserted(&answer, &made, 1).is_err());
    }

    /// Whatever stands in the parts: no panic, and no memory beyond what was sent.
    #[test]
    fn rubbish_is_refused(id in "[A-Za-z0-9_-]{0,40}", client in any::<Vec<u8>>(), object in any::<Vec<u8>>()) {
        let (client, object) = (crate::secret::encode(&client), crate::secret::encode(&object));
        let made = format!("{{\"id\":\"{id}\",\"response\":{{\"clientDataJSON\":\"{client}\",\"attestationObject\":\"{object}\"}}}}");
        let made: Attestation = serde_json::from_str(&made).unwrap();
        prop_assert!(made.check(ceremony(), known).is_err());
    }

    /// A real object with bytes changed, cut or doubled.
    #[test]
    fn a_bent_object_never_panics(at in any::<prop::sample::Index>(), byte in any::<u8>(), cut in any::<bool>()) {
        let [device, _] = devices();
        let made: Attestation = serde_json::from_str(&device.make(CHALLENGE)).unwrap();
        let mut object = decode(&made.response.attestation_object).unwrap();
        let at = at.index(object.len());
        if cut { object.truncate(at) } else { object[at] = byte }
        let response = AttestationResponse { attestation_object: crate::secret::encode(&object), ..made.response };
        let _ = Attestation { id: made.id, response }.check(ceremony(), known);
    }
}
