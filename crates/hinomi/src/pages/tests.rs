//! What more than one test needs.

use super::Shown;

/// Shows names as they are.
#[derive(Debug)]
pub(super) struct Plain;

impl Shown for Plain {
    fn account(&self, name: &str, _: Option<&str>) -> String {
        name.to_owned()
    }
}
