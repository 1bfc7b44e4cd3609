//! Names that stand for accounts wherever those are not to be seen.

use crate::Hashing;

/// The same for the same account in any case of letters; without the secret nobody can try names.
pub fn pseudonym(secret: &[u8; 32], account: &str) -> String {
    let mut hashing = Hashing::default();
    hashing.update(b"hinomi pseudonym of an account\n");
    hashing.update(secret);
    hashing.update(account.to_lowercase().as_bytes());
    let digest = hashing.finish();
    let digits: String = digest.as_bytes().iter().take(6).map(|byte| format!("{byte:02x}")).collect();
    format!("account-{digits}")
}
