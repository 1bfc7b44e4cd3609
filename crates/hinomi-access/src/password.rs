//! Passwords: which are taken, and how they are kept (Argon2id, RFC 9106, with the parameters OWASP recommends).

use argon2::{Algorithm, Argon2, Params, Version};
use hinomi_model::Entropy;
use zeroize::Zeroizing;

use crate::key::same;
use crate::refusal::Refusal;
use crate::secret::{decode, encode};

/// Characters that a password has at least.
pub const SHORTEST: usize = 12;
/// Longest password, in bytes.
const LONGEST: usize = 1_024;
/// KiB of memory, passes, lanes.
const COST: (u32, u32, u32) = (19_456, 2, 1);
const SALT: usize = 16;

/// What everybody tries first; names of months and teams come with a year.
const COMMON: &str = include_str!("common.txt");

/// Why a password is not taken.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum PasswordFault {
    /// It is short.
    #[error("a password has at least {SHORTEST} characters")]
    Short,
    /// It is endless.
    #[error("a password has at most {LONGEST} bytes")]
    Long,
    /// It is one that everybody tries.
    #[error("this is among the passwords that are tried first")]
    Common,
    /// It holds the name of the account.
    #[error("a password does not hold the name of the account")]
    Name,
}

/// Whether a password may be one. There are no rules about kinds of characters.
pub(crate) fn acceptable(password: &str, name: &str) -> Result<(), PasswordFault> {
    if password.len() > LONGEST {
        return Err(PasswordFault::Long);
    }
    if password.chars().count() < SHORTEST {
        return Err(PasswordFault::Short);
    }
    let plain: String =
        password.to_lowercase().chars().filter(|c| c.is_alphabetic()).map(undisguised).collect();
    let few = password.chars().collect::<std::collections::BTreeSet<_>>().len() < 5;
    let bare = undisguised_text(password);
    // A common one with digits and marks around it is as common.
    let common = COMMON.lines().any(|line| line == plain || line == bare);
    if few || common || is_row(password) {
        return Err(PasswordFault::Common);
    }
    if name.len() >= 4 && password.to_lowercase().contains(name) {
        return Err(PasswordFault::Name);
    }
    Ok(())
}

/// Letters that marks and digits are written for.
fn undisguised(letter: char) -> char {
    match letter {
        '0' => 'o',
        '1' | '!' => 'i',
        '3' => 'e',
        '4' | '@' => 'a',
        '5' | '$' => 's',
        '7' => 't',
        other => other,
    }
}

fn undisguised_text(password: &str) -> String {
    let lower = password.to_lowercase();
    let core = lower.trim_end_matches(|c: char| c.is_ascii_digit() || c.is_ascii_punctuation());
    core.chars().map(undisguised).filter(|c| c.is_alphabetic()).collect()
}

/// Whether each character follows the one before, as in 123456789012.
fn is_row(password: &str) -> bool {
    let letters: Vec<u32> = password.chars().map(u32::from).collect();
    let step = |pair: &[u32]| match pair {
        [a, b] => b.wrapping_sub(*a) == 1 || a.wrapping_sub(*b) == 1 || (*a == 57 && *b == 48),
        _ => false,
    };
    letters.windows(2).filter(|pair| step(pair)).count() * 10 >= (letters.len() - 1) * 9
}

fn hash(password: &str, salt: &[u8], cost: (u32, u32, u32)) -> Option<Zeroizing<[u8; 32]>> {
    let params = Params::new(cost.0, cost.1, cost.2, Some(32)).ok()?;
    let mut out = Zeroizing::new([0; 32]);
    let argon = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
    argon.hash_password_into(password.as_bytes(), salt, &mut *out).ok()?;
    Some(out)
}

/// A password as it is kept: parameters, salt and hash.
pub(crate) fn keep(password: &str, entropy: &dyn Entropy) -> Result<String, Refusal> {
    let mut salt = [0; SALT];
    entropy.fill(&mut salt).map_err(|_| Refusal::NoEntropy)?;
    let hash = hash(password, &salt, COST).ok_or(Refusal::Senseless("password"))?;
    let (memory, passes, lanes) = COST;
    Ok(format!("$argon2id$v=19$m={memory},t={passes},p={lanes}${}${}", encode(&salt), encode(&*hash)))
}

/// Whether a password is the one that was kept. Without one, it takes as long and is none.
pub(crate) fn is_right(password: &str, kept: Option<&str>) -> bool {
    if password.len() > LONGEST {
        return false;
    }
    let parts = kept.and_then(read);
    let known = parts.is_some();
    let (cost, salt, expected) = parts.unwrap_or((COST, vec![0; SALT], vec![0; 32]));
    hash(password, &salt, cost).is_some_and(|hash| same(&*hash, &expected)) && known
}

/// Cost, salt and hash.
type Parts = ((u32, u32, u32), Vec<u8>, Vec<u8>);

fn read(kept: &str) -> Option<Parts> {
    let mut parts = kept.strip_prefix("$argon2id$v=19$")?.split('$');
    let (cost, salt, hash) = (parts.next()?, parts.next()?, parts.next()?);
    let mut numbers = cost.split(',').map(|part| part.get(2..)?.parse::<u32>().ok());
    let cost = (numbers.next()??, numbers.next()??, numbers.next()??);
    Some((cost, decode(salt)?, decode(hash)?))
}

#[cfg(test)]
mod tests {
    use hinomi_testkit::seeded::SeededEntropy;

    use super::*;

    #[test]
    fn a_password_is_known_again_and_no_other_is() {
        let kept = keep("correct horse battery", &SeededEntropy::new(1)).unwrap();
        assert!(is_right("correct horse battery", Some(&kept)));
        assert!(!is_right("correct horse batterx", Some(&kept)));
        assert!(!is_right("correct horse battery", None));
        assert!(!kept.contains("horse"));
        for damaged in ["", "$argon2id$v=19$", "$argon2id$v=19$m=1,t=1,p=1$AA$AA", "plain"] {
            assert!(!is_right("correct horse battery", Some(damaged)));
        }
    }

    #[test]
    fn length_counts_and_what_everybody_tries_does_not() {
        let check = |password: &str| acceptable(password, "aoki");
        for good in ["correct horse battery", "灯台の朝は早くて寒い、窓", "xk4-wz9-pf2-qt7"] {
            assert_eq!(check(good), Ok(()), "{good}");
        }
        let common = [
            "password1234",
            "P@ssw0rd2024!",
            "123456789012",
            "aaaaaaaaaaaaaa",
            "qwertyuiop12",
            "Administrator1!",
        ];
        for bad in common {
            assert_eq!(check(bad), Err(PasswordFault::Common), "{bad}");
        }
        assert_eq!(check("short"), Err(PasswordFault::Short));
        assert_eq!(check(&"x".repeat(2_000)), Err(PasswordFault::Long));
        assert_eq!(check("the-AOKI-lighthouse"), Err(PasswordFault::Name));
    }
}
