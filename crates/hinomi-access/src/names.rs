//! The one way from the name of an account in a log to what somebody is shown of it.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};

use hinomi_model::pseudonym;

use crate::id::UnmaskId;
use crate::unmask::Scope;

/// Shows pseudonyms, and names where a request was approved. Whatever is rendered for somebody goes through it.
#[derive(Debug)]
pub struct Names {
    secret: [u8; 32],
    accounts: BTreeMap<String, UnmaskId>,
    incidents: BTreeMap<String, UnmaskId>,
    used: RefCell<BTreeSet<UnmaskId>>,
}

impl Names {
    /// Pseudonyms only.
    pub fn masked(secret: [u8; 32]) -> Self {
        let (accounts, incidents) = (BTreeMap::new(), BTreeMap::new());
        Self { secret, accounts, incidents, used: RefCell::default() }
    }

    pub(crate) fn open(&mut self, scope: &Scope, id: UnmaskId) {
        match scope {
            Scope::Account { pseudonym } => self.accounts.insert(pseudonym.clone(), id),
            Scope::Incident { incident } => self.incidents.insert(incident.clone(), id),
        };
    }

    /// What is shown of an account of a log, in an incident if it is one.
    pub fn account(&self, name: &str, incident: Option<&str>) -> String {
        if name.is_empty() {
            return String::new();
        }
        let masked = pseudonym(&self.secret, name);
        let grant = incident.and_then(|id| self.incidents.get(id)).or_else(|| self.accounts.get(&masked));
        match grant {
            Some(id) => {
                self.used.borrow_mut().insert(*id);
                name.to_owned()
            }
            None => masked,
        }
    }

    /// Requests because of which names were shown: they are written down before the answer leaves.
    pub fn used(&self) -> BTreeSet<UnmaskId> {
        self.used.borrow().clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_shown_where_that_was_approved_and_nowhere_else() {
        let mut names = Names::masked([7; 32]);
        let masked = names.account("aoki", None);
        assert!(masked.starts_with("account-") && !masked.contains("aoki"));
        assert_eq!(names.account("AOKI", None), masked);
        assert_ne!(Names::masked([8; 32]).account("aoki", None), masked);
        names.open(&Scope::Account { pseudonym: masked.clone() }, UnmaskId::new(1));
        names.open(&Scope::Incident { incident: "i-1".to_owned() }, UnmaskId::new(2));
        assert_eq!(names.account("mori", Some("i-2")), pseudonym(&[7; 32], "mori"));
        assert!(names.used().is_empty());
        assert_eq!(names.account("aoki", None), "aoki");
        assert_eq!(names.account("mori", Some("i-1")), "mori");
        assert_eq!(names.used(), BTreeSet::from([UnmaskId::new(1), UnmaskId::new(2)]));
    }
}
