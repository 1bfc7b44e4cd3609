//! Numbers of things, one type each. A number is given once.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// Text that is no id.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("an id is a letter and digits")]
pub struct IdError;

fn number(text: &str, letter: char) -> Result<u64, IdError> {
    let digits = text.strip_prefix(letter).ok_or(IdError)?;
    let plain = (1..=18).contains(&digits.len()) && digits.bytes().all(|b| b.is_ascii_digit());
    if plain { digits.parse().map_err(|_| IdError) } else { Err(IdError) }
}

macro_rules! id {
    ($(#[$doc:meta])* $name:ident, $letter:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
        #[serde(into = "String", try_from = "String")]
        pub struct $name(u64);

        impl $name {
            pub(crate) const fn new(number: u64) -> Self {
                Self(number)
            }

            /// The number, for cursors.
            pub const fn number(self) -> u64 {
                self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!($letter, "{}"), self.0)
            }
        }

        impl FromStr for $name {
            type Err = IdError;

            fn from_str(text: &str) -> Result<Self, IdError> {
                number(text, $letter).map(Self)
            }
        }

        impl From<$name> for String {
            fn from(id: $name) -> Self {
                id.to_string()
            }
        }

        impl TryFrom<String> for $name {
            type Error = IdError;

            fn try_from(text: String) -> Result<Self, IdError> {
                text.parse()
            }
        }
    };
}

id! {
    /// An account.
    AccountId, 'a'
}
id! {
    /// A factor of an account.
    FactorId, 'f'
}
id! {
    /// A token for programs.
    TokenId, 't'
}
id! {
    /// A request to see names.
    UnmaskId, 'u'
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_read_as_they_are_written_and_nothing_else_is() {
        assert_eq!("a12".parse(), Ok(AccountId(12)));
        assert_eq!(AccountId(12).to_string(), "a12");
        for bad in ["", "a", "f1", "a-1", "a+1", "a 1", "A1", "a1234567890123456789", "a１"] {
            assert_eq!(bad.parse::<AccountId>(), Err(IdError), "{bad:?}");
        }
    }
}
