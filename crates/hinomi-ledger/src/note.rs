//! Signed notes (C2SP signed-note): a text, and lines that say who signed it with what algorithm.
//!
//! # Invariants
//! - A key is a name, an algorithm and public bytes; a signature counts only when name and key id both match a key the
//!   caller trusts. Signatures of unknown keys are ignored, a bad one of a known key rejects the note.
//! - Each algorithm signs under its own rules, so that a signature made in one role never verifies in another: an
//!   Ed25519 note signature covers the text alone, a cosignature begins with its own header line.
//! - Reading is strict: a note has one spelling.
//!
//! # Trust
//! Notes arrive from the network: sizes are bounded before anything is decoded.
//!
//! # Not here
//! What the text says (`checkpoint`), cosignatures' statement (`cosignature`).

use std::fmt;
use std::str::FromStr;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ed25519_dalek::{Signature as Ed25519Signature, Signer as _, SigningKey, VerifyingKey};
use sha2::{Digest as _, Sha256};
use zeroize::Zeroizing;

use crate::cosignature;
use crate::error::LedgerError;

/// Largest note read.
pub const MAX_NOTE_BYTES: usize = 64 * 1024;
/// Most signature lines read.
pub const MAX_SIGNATURES: usize = 64;

fn bad(what: &'static str) -> LedgerError {
    LedgerError::Malformed { kind: "signed note", what }
}

/// The name of a key: not empty, no white space, no plus sign, no control characters.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct KeyName(String);

impl KeyName {
    /// Longest name.
    pub const MAX_BYTES: usize = 255;

    /// Checks a name.
    ///
    /// # Errors
    /// [`LedgerError::Malformed`] when it cannot be a key name.
    pub fn new(name: &str) -> Result<Self, LedgerError> {
        let bad = |what| LedgerError::Malformed { kind: "key name", what };
        if name.is_empty() || name.len() > Self::MAX_BYTES {
            return Err(bad("1 to 255 bytes"));
        }
        if name.chars().any(|c| c.is_whitespace() || c.is_control() || c == '+') {
            return Err(bad("no white space, control characters or plus sign"));
        }
        Ok(Self(name.to_owned()))
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for KeyName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// How a key signs: the signature type byte of C2SP signed-note.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
#[non_exhaustive]
pub enum Algorithm {
    /// Ed25519 over the text.
    Ed25519,
    /// Ed25519 over a header, a time and the text (C2SP tlog-cosignature, version 1).
    CosignatureV1,
}

impl Algorithm {
    fn byte(self) -> u8 {
        match self {
            Self::Ed25519 => 1,
            Self::CosignatureV1 => 4,
        }
    }

    fn of_byte(byte: u8) -> Option<Self> {
        [Self::Ed25519, Self::CosignatureV1].into_iter().find(|a| a.byte() == byte)
    }
}

/// The first four bytes of SHA-256(name, newline, algorithm, public key): tells keys apart, proves nothing.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct KeyId([u8; 4]);

impl KeyId {
    fn of(name: &KeyName, algorithm: Algorithm, public: &[u8]) -> Self {
        let mut sha = Sha256::new();
        sha.update(name.0.as_bytes());
        sha.update([b'\n', algorithm.byte()]);
        sha.update(public);
        let digest: [u8; 32] = sha.finalize().into();
        Self(digest.first_chunk().copied().unwrap_or_default())
    }
}

impl fmt::Display for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:08x}", u32::from_be_bytes(self.0))
    }
}

impl fmt::Debug for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// A public key that someone decided to trust, written as `name+keyid+base64(algorithm, key)`.
#[derive(Clone, PartialEq, Eq)]
pub struct VerifierKey {
    name: KeyName,
    id: KeyId,
    algorithm: Algorithm,
    key: VerifyingKey,
}

impl VerifierKey {
    /// The key with this Ed25519 public key.
    ///
    /// # Errors
    /// [`LedgerError::Malformed`] when the bytes are no point of the curve, or a weak one.
    pub fn new(name: KeyName, algorithm: Algorithm, public: &[u8; 32]) -> Result<Self, LedgerError> {
        let bad = |what| LedgerError::Malformed { kind: "public key", what };
        let key = VerifyingKey::from_bytes(public).map_err(|_| bad("32 bytes of Ed25519"))?;
        if key.is_weak() {
            return Err(bad("a point of small order signs anything"));
        }
        let id = KeyId::of(&name, algorithm, public);
        Ok(Self { name, id, algorithm, key })
    }

    /// Whose key it is.
    pub fn name(&self) -> &KeyName {
        &self.name
    }

    /// Its id.
    pub fn id(&self) -> KeyId {
        self.id
    }

    /// How it signs.
    pub fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// The Ed25519 public key.
    pub fn public(&self) -> &[u8; 32] {
        self.key.as_bytes()
    }

    /// SHA-256 of the public key in hexadecimal: what people compare over the telephone.
    pub fn fingerprint(&self) -> String {
        hinomi_model::Digest::of(self.public()).to_string()
    }

    /// Checks one signature (the bytes after the key id) over `text`.
    fn check(&self, text: &str, signature: &[u8]) -> Option<VerifiedSignature> {
        let (message, time, signature) = match self.algorithm {
            Algorithm::Ed25519 => (text.to_owned(), None, signature),
            Algorithm::CosignatureV1 => {
                let (time, signature) = signature.split_first_chunk::<8>()?;
                let time = u64::from_be_bytes(*time);
                (cosignature::message(text, time)?, Some(time), signature)
            }
        };
        let signature = Ed25519Signature::from_slice(signature).ok()?;
        self.key.verify_strict(message.as_bytes(), &signature).ok()?;
        Some(VerifiedSignature { key: self.clone(), time })
    }
}

impl fmt::Display for VerifierKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let bytes = [&[self.algorithm.byte()][..], self.public()].concat();
        write!(f, "{}+{}+{}", self.name, self.id, STANDARD.encode(bytes))
    }
}

impl fmt::Debug for VerifierKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for VerifierKey {
    type Err = LedgerError;

    fn from_str(text: &str) -> Result<Self, LedgerError> {
        let bad = |what| LedgerError::Malformed { kind: "verifier key", what };
        let mut parts = text.splitn(3, '+');
        let (Some(name), Some(id), Some(key)) = (parts.next(), parts.next(), parts.next()) else {
            return Err(bad("name+keyid+key"));
        };
        let bytes = STANDARD.decode(key).map_err(|_| bad("the key is base64"))?;
        let (algorithm, public) = bytes.split_first().ok_or_else(|| bad("the key is empty"))?;
        let algorithm = Algorithm::of_byte(*algorithm).ok_or_else(|| bad("its algorithm is not known"))?;
        let public = public.try_into().map_err(|_| bad("the key has 32 bytes"))?;
        let key = Self::new(KeyName::new(name)?, algorithm, public)?;
        if key.id.to_string() == id { Ok(key) } else { Err(bad("its id does not belong to its key")) }
    }
}

/// A private Ed25519 key with the name it signs under. Wiped from memory when dropped.
pub struct SignerKey {
    name: KeyName,
    key: SigningKey,
}

impl SignerKey {
    /// The key that grows from 32 random bytes.
    pub fn from_seed(name: KeyName, seed: &[u8; 32]) -> Self {
        Self { name, key: SigningKey::from_bytes(seed) }
    }

    /// The 32 bytes it grew from, for its key file.
    pub fn seed(&self) -> Zeroizing<[u8; 32]> {
        Zeroizing::new(self.key.to_bytes())
    }

    /// The name it signs under.
    pub fn name(&self) -> &KeyName {
        &self.name
    }

    /// Its public half in the role `algorithm`.
    pub fn verifier(&self, algorithm: Algorithm) -> VerifierKey {
        let key = self.key.verifying_key();
        let id = KeyId::of(&self.name, algorithm, key.as_bytes());
        VerifierKey { name: self.name.clone(), id, algorithm, key }
    }

    /// Signs `text` as a note.
    ///
    /// # Errors
    /// [`LedgerError::Malformed`] when `text` cannot be a note's text; [`LedgerError::Refused`] when it begins like
    /// the message of another role.
    pub fn sign(&self, text: &str) -> Result<NoteSignature, LedgerError> {
        check_text(text)?;
        if text.starts_with(cosignature::HEADER) {
            return Err(LedgerError::Refused { why: "a note that begins like a cosignature" });
        }
        Ok(self.signature(Algorithm::Ed25519, &self.key.sign(text.as_bytes()).to_bytes()))
    }

    /// Cosigns `text` as of `time` (seconds since the epoch).
    pub(crate) fn cosign(&self, text: &str, time: u64) -> Result<NoteSignature, LedgerError> {
        check_text(text)?;
        let message = cosignature::message(text, time).ok_or_else(|| bad("a time beyond 2^63"))?;
        let signature = self.key.sign(message.as_bytes()).to_bytes();
        Ok(self.signature(Algorithm::CosignatureV1, &[&time.to_be_bytes()[..], &signature].concat()))
    }

    fn signature(&self, algorithm: Algorithm, bytes: &[u8]) -> NoteSignature {
        let verifier = self.verifier(algorithm);
        NoteSignature { name: verifier.name, id: verifier.id, bytes: bytes.to_vec() }
    }
}

impl fmt::Debug for SignerKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SignerKey({})", self.name)
    }
}

/// One signature line, not verified.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct NoteSignature {
    name: KeyName,
    id: KeyId,
    bytes: Vec<u8>,
}

impl NoteSignature {
    /// Who claims to have signed.
    pub fn name(&self) -> &KeyName {
        &self.name
    }

    /// With which key.
    pub fn id(&self) -> KeyId {
        self.id
    }
}

impl fmt::Display for NoteSignature {
    /// The line, with its line feed.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let bytes = [&self.id.0[..], &self.bytes].concat();
        writeln!(f, "\u{2014} {} {}", self.name, STANDARD.encode(bytes))
    }
}

impl FromStr for NoteSignature {
    type Err = LedgerError;

    /// Reads a line without its line feed.
    fn from_str(line: &str) -> Result<Self, LedgerError> {
        let rest =
            line.strip_prefix("\u{2014} ").ok_or_else(|| bad("a signature line begins with a dash"))?;
        let (name, bytes) = rest.split_once(' ').ok_or_else(|| bad("a signature line has two parts"))?;
        let bytes = STANDARD.decode(bytes).map_err(|_| bad("a signature is base64"))?;
        let (id, bytes) = bytes.split_first_chunk::<4>().ok_or_else(|| bad("a signature has a key id"))?;
        if bytes.is_empty() {
            return Err(bad("a signature is not empty"));
        }
        Ok(Self { name: KeyName::new(name)?, id: KeyId(*id), bytes: bytes.to_vec() })
    }
}

/// A signature that holds. Only [`Note::verify`] makes one.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct VerifiedSignature {
    /// The key that made it.
    pub key: VerifierKey,
    /// When, for a cosignature: seconds since the epoch by the cosigner's clock.
    pub time: Option<u64>,
}

/// A text with signature lines, not verified.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Note {
    text: String,
    signatures: Vec<NoteSignature>,
}

impl Note {
    /// A note of `text` with these signatures.
    ///
    /// # Errors
    /// [`LedgerError::Malformed`] when `text` cannot be a note's text or there is no signature.
    pub fn new(text: &str, signatures: Vec<NoteSignature>) -> Result<Self, LedgerError> {
        check_text(text)?;
        if signatures.is_empty() || signatures.len() > MAX_SIGNATURES {
            return Err(bad("1 to 64 signatures"));
        }
        Ok(Self { text: text.to_owned(), signatures })
    }

    /// Reads a note.
    ///
    /// # Errors
    /// [`LedgerError::Malformed`] when the bytes are not a note; [`LedgerError::TooLarge`] above [`MAX_NOTE_BYTES`].
    pub fn parse(bytes: &[u8]) -> Result<Self, LedgerError> {
        if bytes.len() > MAX_NOTE_BYTES {
            let (found, bound) = (bytes.len() as u64, MAX_NOTE_BYTES as u64);
            return Err(LedgerError::TooLarge { what: "a signed note in bytes", found, bound });
        }
        let all = std::str::from_utf8(bytes).map_err(|_| bad("it is UTF-8"))?;
        let (text, lines) = all.rsplit_once("\n\n").ok_or_else(|| bad("an empty line ends the text"))?;
        let lines = lines.strip_suffix('\n').ok_or_else(|| bad("it ends with a line feed"))?;
        let signatures =
            lines.split('\n').take(MAX_SIGNATURES + 1).map(str::parse).collect::<Result<_, _>>()?;
        Self::new(&format!("{text}\n"), signatures)
    }

    /// The text with its last line feed, *not verified*.
    pub fn unverified_text(&self) -> &str {
        &self.text
    }

    /// The signature lines, not verified.
    pub fn signatures(&self) -> &[NoteSignature] {
        &self.signatures
    }

    /// Adds a signature line, unless it is there.
    ///
    /// # Errors
    /// [`LedgerError::Malformed`] when the note is full.
    pub fn add(&mut self, signature: NoteSignature) -> Result<(), LedgerError> {
        if self.signatures.contains(&signature) {
            return Ok(());
        }
        if self.signatures.len() >= MAX_SIGNATURES {
            return Err(bad("1 to 64 signatures"));
        }
        self.signatures.push(signature);
        Ok(())
    }

    /// Adds a signature line in place of an older one of the same key: cosignatures carry a time, and a log that rests
    /// is cosigned again and again.
    ///
    /// # Errors
    /// [`LedgerError::Malformed`] when the note is full.
    pub fn renew(&mut self, signature: NoteSignature) -> Result<(), LedgerError> {
        let same = |s: &&mut NoteSignature| s.name() == signature.name() && s.id() == signature.id();
        if let Some(older) = self.signatures.iter_mut().find(same) {
            *older = signature;
            return Ok(());
        }
        self.add(signature)
    }

    /// The text and the signatures of `keys` on it, one per key.
    ///
    /// # Errors
    /// [`LedgerError::NotAuthentic`] when a signature of a trusted key does not hold, or none of them signed.
    pub fn verify(&self, keys: &[VerifierKey]) -> Result<(&str, Vec<VerifiedSignature>), LedgerError> {
        let mut verified: Vec<VerifiedSignature> = Vec::new();
        for line in &self.signatures {
            let Some(key) = keys.iter().find(|k| k.name == line.name && k.id == line.id) else { continue };
            let broken = LedgerError::NotAuthentic { what: "a signature of a trusted key" };
            let signature = key.check(&self.text, &line.bytes).ok_or(broken)?;
            if !verified.iter().any(|v| v.key == *key) {
                verified.push(signature);
            }
        }
        if verified.is_empty() {
            return Err(LedgerError::NotAuthentic { what: "a note that no trusted key signed" });
        }
        Ok((&self.text, verified))
    }
}

impl fmt::Display for Note {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.text)?;
        self.signatures.iter().try_for_each(|s| fmt::Display::fmt(s, f))
    }
}

fn check_text(text: &str) -> Result<(), LedgerError> {
    if !text.ends_with('\n') {
        return Err(bad("the text ends with a line feed"));
    }
    if text.bytes().any(|b| b < 0x20 && b != b'\n') {
        return Err(bad("no control characters"));
    }
    if text.len() > MAX_NOTE_BYTES {
        return Err(bad("the text is too long"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn signer(name: &str, seed: u8) -> SignerKey {
        SignerKey::from_seed(KeyName::new(name).unwrap(), &[seed; 32])
    }

    /// Made with the Go package `golang.org/x/mod/sumdb/note` from a seed of 32 bytes 0x42.
    const GO_KEY: &str = "lookout.example/log+2c4ee8f4+ASFS+NGbeR0kRTJC4V8uq2y3z/p7al7TAJeWDgaYgdsS";
    const GO_NOTE: &str = "fire seen\n\nto the north-east\n\n\u{2014} lookout.example/log \
        LE7o9AGuCCHt3k7dnt3buy5wMYrvZiuq+QH+5DUzuDDBrPE1ZU+ENhD1XhAfPRKZjArKiMACdQQroeRv1KHkvDURVwQ=\n";

    #[test]
    fn a_note_made_by_another_implementation_verifies() {
        let key: VerifierKey = GO_KEY.parse().unwrap();
        assert_eq!(key.to_string(), GO_KEY);
        let note = Note::parse(GO_NOTE.as_bytes()).unwrap();
        assert_eq!(note.to_string(), GO_NOTE);
        assert_eq!(note.verify(std::slice::from_ref(&key)).unwrap().1.len(), 1);
        let altered = GO_NOTE.replace("north", "North");
        assert!(Note::parse(altered.as_bytes()).unwrap().verify(&[key]).is_err());
        // Ed25519 is deterministic: the same seed and text give the same note here.
        let signer = signer("lookout.example/log", 0x42);
        assert_eq!(signer.verifier(Algorithm::Ed25519).to_string(), GO_KEY);
        let text = "fire seen\n\nto the north-east\n";
        assert_eq!(Note::new(text, vec![signer.sign(text).unwrap()]).unwrap().to_string(), GO_NOTE);
    }

    #[test]
    fn only_trusted_keys_count() {
        let (log, other) = (signer("example.org/log", 1), signer("example.org/log", 2));
        let text = "a text\n\nwith an empty line\n";
        let mut note = Note::new(text, vec![log.sign(text).unwrap()]).unwrap();
        note.add(other.sign(text).unwrap()).unwrap();
        let note = Note::parse(note.to_string().as_bytes()).unwrap();
        let (log_key, other_key) = (log.verifier(Algorithm::Ed25519), other.verifier(Algorithm::Ed25519));
        assert_eq!(note.verify(std::slice::from_ref(&log_key)).unwrap().0, text);
        assert_eq!(note.verify(&[log_key.clone(), other_key]).unwrap().1.len(), 2);
        assert!(note.verify(&[signer("example.org/log", 3).verifier(Algorithm::Ed25519)]).is_err());
        assert!(note.verify(&[]).is_err());
        // The same key bytes under another name or in another role are another key.
        assert!(note.verify(&[signer("example.org/other", 1).verifier(Algorithm::Ed25519)]).is_err());
        assert!(note.verify(&[log.verifier(Algorithm::CosignatureV1)]).is_err());
        // One good signature does not excuse a bad one of a trusted key.
        let mut forged = note.clone();
        forged.text = text.replace("text", "Text");
        assert!(forged.verify(&[log_key]).is_err());
    }

    #[test]
    fn roles_do_not_mix() {
        let key = signer("example.org/w", 5);
        let text = "origin\n1\nhash\n";
        let note = Note::new(text, vec![key.cosign(text, 77).unwrap()]).unwrap();
        let verified = note.verify(&[key.verifier(Algorithm::CosignatureV1)]).unwrap().1;
        assert_eq!(verified[0].time, Some(77));
        assert!(note.verify(&[key.verifier(Algorithm::Ed25519)]).is_err());
        // A key that signs notes cannot be talked into a cosignature.
        assert!(key.sign(&cosignature::message(text, 77).unwrap()).is_err());
    }

    #[test]
    fn hostile_notes_are_refused() {
        let key = signer("k", 1);
        let line = key.sign("t\n").unwrap().to_string();
        let many = format!("t\n\n{}", line.repeat(MAX_SIGNATURES + 1));
        let long = format!("{}\n\n{line}", "t".repeat(MAX_NOTE_BYTES));
        let cases = [
            "",
            "\n",
            "t\n",
            "t\n\n",
            &format!("t\n{line}"),
            &format!("t\r\n\n{line}"),
            &format!("t\n\n{line}\n"),
            &format!("t\n\n{}", line.trim_end()),
            &format!("t\n\n{}", line.replace('\u{2014}', "-")),
            &format!("t\n\n{}", line.replace(" k ", " k+k ")),
            &format!("t\n\n{}", line.replace(" k ", "  ")),
            &many,
            &long,
            "t\n\n\u{2014} k AAAA\n",
            "t\n\n\u{2014} k AAAAAA==\n",
            "t\u{0}\n\n\u{2014} k AAAAAAAA\n",
        ];
        for case in cases {
            assert!(Note::parse(case.as_bytes()).is_err(), "{:?}", case.get(..60).unwrap_or(case));
        }
        assert!(Note::parse(b"t\xff\n\n").is_err());
        // A verifier key whose id was made to look like another's.
        assert!(GO_KEY.replace("2c4ee8f4", "2c4ee8f5").parse::<VerifierKey>().is_err());
        assert!(GO_KEY.replace("+ASF", "+CSF").parse::<VerifierKey>().is_err());
        let identity = {
            let mut p = [0u8; 32];
            p[0] = 1;
            p
        };
        assert!(VerifierKey::new(KeyName::new("k").unwrap(), Algorithm::Ed25519, &identity).is_err());
    }
}
