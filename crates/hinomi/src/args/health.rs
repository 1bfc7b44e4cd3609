//! Arguments about the health of sources.

use std::time::Duration;

use clap::Args;

/// How sources are watched.
#[derive(Clone, Copy, Debug, Args)]
pub struct HealthArgs {
    /// Do not learn how sources usually are, nor name those that fall silent or change. It needs detection
    #[arg(long)]
    pub no_health: bool,
    /// How long a source is watched before it is judged, for example 7d
    #[arg(long, value_name = "TIME", default_value = "7d", value_parser = duration)]
    pub learn: Duration,
    /// The shortest silence that is named, for example 60s
    #[arg(long, value_name = "TIME", default_value = "60s", value_parser = duration)]
    pub silent_after: Duration,
}

/// A number and s, m, h or d.
fn duration(text: &str) -> Result<Duration, String> {
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let seconds = match text.get(digits.len()..) {
        Some("s") => 1,
        Some("m") => 60,
        Some("h") => 3_600,
        Some("d") => 86_400,
        _ => return Err("a number and s, m, h or d, for example 5m".to_owned()),
    };
    // Ten years are longer than anybody watches.
    let number: u32 = digits.parse().map_err(|_| "not a number".to_owned())?;
    let whole = u64::from(number) * seconds;
    if (1..=3_660 * 86_400).contains(&whole) {
        Ok(Duration::from_secs(whole))
    } else {
        Err("1s to 3660d".to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_or_refused() {
        assert_eq!(duration("7d"), Ok(Duration::from_hours(168)));
        assert_eq!(duration("90s"), Ok(Duration::from_secs(90)));
        for bad in ["", "s", "0s", "5", "5w", "-5s", "4000d", "99999999999s", "5 s", "１s"] {
            assert!(duration(bad).is_err(), "{bad}");
        }
    }
}
