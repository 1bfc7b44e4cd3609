//! Three-valued logic: what is not known is neither true nor false.

/// A truth value of Kleene's strong logic.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Truth {
    /// It does not hold.
    False,
    /// Nothing that was observed or stated decides it.
    Unknown,
    /// It holds.
    True,
}

impl Truth {
    /// Both; unknown unless one is false.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        self.min(other)
    }

    /// At least one; unknown unless one is true.
    #[must_use]
    pub fn or(self, other: Self) -> Self {
        self.max(other)
    }

    /// The contrary of what is known.
    #[must_use]
    pub fn negated(self) -> Self {
        match self {
            Self::False => Self::True,
            Self::Unknown => Self::Unknown,
            Self::True => Self::False,
        }
    }
}

impl From<bool> for Truth {
    fn from(value: bool) -> Self {
        if value { Self::True } else { Self::False }
    }
}

#[cfg(test)]
mod tests {
    use super::Truth::{False, True, Unknown};

    #[test]
    fn unknown_decides_nothing_and_is_decided_by_what_is_known() {
        assert_eq!((Unknown.and(True), Unknown.and(False)), (Unknown, False));
        assert_eq!((Unknown.or(True), Unknown.or(False)), (True, Unknown));
        assert_eq!((Unknown.negated(), True.negated(), False.negated()), (Unknown, False, True));
    }
}
