//! Numbers that look random and depend on nothing but their seed.

/// Mixes two words into one (the finaliser of `SplitMix64`, Steele, Lea and Flood 2014).
pub(crate) fn mix(a: u64, b: u64) -> u64 {
    let mut z = a ^ b.wrapping_mul(0x9e37_79b9_7f4a_7c15).wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// A word from a text (FNV-1a, then mixed).
pub(crate) fn word(text: &str) -> u64 {
    let fold = |hash: u64, byte: u8| (hash ^ u64::from(byte)).wrapping_mul(0x100_0000_01b3);
    mix(text.bytes().fold(0xcbf2_9ce4_8422_2325, fold), 0)
}

/// A number below `most` from a random word; zero when `most` is zero.
pub(crate) fn below(word: u64, most: u64) -> u64 {
    ((u128::from(word) * u128::from(most)) >> 64) as u64
}

/// A stream of words.
#[derive(Clone, Debug)]
pub(crate) struct Rng(u64);

impl Rng {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        mix(self.0, 1)
    }

    pub(crate) fn below(&mut self, most: u64) -> u64 {
        below(self.next(), most)
    }

    /// Uniform in `low..=high`.
    pub(crate) fn between(&mut self, low: i64, high: i64) -> i64 {
        let width = high.saturating_sub(low).max(0) as u64;
        low.saturating_add(self.below(width.saturating_add(1)) as i64)
    }

    /// Uniform in [0, 1) with 53 bits.
    fn unit(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1u64 << 53) as f64
    }

    /// A count with the given mean, near enough to Poisson: 32 trials below a mean of eight, a sum of twelve
    /// uniforms above. Only arithmetic that IEEE 754 defines exactly.
    pub(crate) fn count(&mut self, mean: f64) -> u64 {
        const TRIALS: u32 = 32;
        if mean <= 0.0 {
            return 0;
        }
        if mean < 8.0 {
            let chance = mean / f64::from(TRIALS);
            return (0..TRIALS).filter(|_| self.unit() < chance).count() as u64;
        }
        let deviate: f64 = (0..12).map(|_| self.unit()).sum::<f64>() - 6.0;
        (mean + deviate * mean.sqrt() + 0.5).max(0.0) as u64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_have_their_mean() {
        for mean in [0.02, 0.7, 5.0, 40.0, 900.0] {
            let mut rng = Rng::new(7);
            let total: u64 = (0..20_000).map(|_| rng.count(mean)).sum();
            let got = total as f64 / 20_000.0;
            assert!((got - mean).abs() < mean * 0.08 + 0.005, "mean {mean}: {got}");
        }
    }

    #[test]
    fn numbers_stay_in_their_bounds_and_reach_both() {
        let mut rng = Rng::new(3);
        let all: Vec<i64> = (0..2000).map(|_| rng.between(-2, 3)).collect();
        assert_eq!((all.iter().min(), all.iter().max()), (Some(&-2), Some(&3)));
        assert_eq!(below(u64::MAX, 10), 9);
        assert_eq!(below(5, 0), 0);
    }
}
