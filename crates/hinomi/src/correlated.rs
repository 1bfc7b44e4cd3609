//! Base matches to correlations.

use hinomi_detect::Engine;

use crate::report::Correlated;
use crate::scan::Findings;

/// Evaluates the correlations over the matches of a scan.
pub(crate) fn correlate(_engine: &Engine, _findings: &Findings) -> Vec<Correlated> {
    Vec::new()
}
