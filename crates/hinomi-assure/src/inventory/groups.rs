//! What membership makes of accounts: groups inside of groups, and which of them administer.
//!
//! Groups and members are known by any of their names: identifier, distinguished name, or name.

use std::collections::{HashMap, HashSet};

use super::Entity;
use crate::claim::fits;

/// Most groups that are listed for one account.
const MOST_LISTED: usize = 64;

/// Groups of every list, by all their names.
#[derive(Debug, Default)]
pub(super) struct Groups {
    by_name: HashMap<String, usize>,
    groups: Vec<Group>,
}

#[derive(Debug)]
struct Group {
    title: String,
    names: Vec<String>,
    members: Vec<String>,
}

/// The accounts of which something is said by membership: attributes to add.
pub(super) struct Membership {
    /// Per row: titles of the groups that have it as a direct member.
    pub(super) direct: Vec<Vec<String>>,
    /// Per row: titles of the groups that administer and that it is in, directly or through others.
    pub(super) privileged: Vec<Vec<String>>,
}

impl Groups {
    /// Adds a group, or what another list says of one.
    pub(super) fn add(&mut self, id: String, aliases: Vec<String>, members: Vec<String>) {
        let names: Vec<String> = std::iter::once(&id).chain(&aliases).map(|n| n.to_lowercase()).collect();
        let known = names.iter().find_map(|name| self.by_name.get(name)).copied();
        let at = known.unwrap_or_else(|| {
            self.groups.push(Group { title: id, names: Vec::new(), members: Vec::new() });
            self.groups.len() - 1
        });
        if let Some(group) = self.groups.get_mut(at) {
            group.members.extend(members.into_iter().map(|m| m.to_lowercase()));
            group.names.extend(names.iter().cloned());
        }
        for name in names {
            self.by_name.entry(name).or_insert(at);
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.groups.is_empty()
    }

    /// Follows membership for rows, of which each may itself name groups that it is in.
    pub(super) fn follow(mut self, rows: &[(Entity, Vec<String>)], privileged: &[String]) -> Membership {
        let mut by_name: HashMap<String, Vec<usize>> = HashMap::new();
        for (at, (entity, _)) in rows.iter().enumerate() {
            for name in entity.names() {
                by_name.entry(name.to_lowercase()).or_default().push(at);
            }
        }
        // Groups that only a member names have that name and nothing else.
        for (entity, member_of) in rows {
            for group in member_of {
                self.add(group.clone(), Vec::new(), vec![entity.id.clone()]);
            }
        }
        let none = || vec![Vec::new(); rows.len()];
        let mut membership = Membership { direct: none(), privileged: none() };
        for group in &self.groups {
            for row in group.members.iter().filter_map(|m| by_name.get(m)).flatten() {
                put(&mut membership.direct, *row, &group.title);
            }
        }
        for (at, group) in self.groups.iter().enumerate() {
            if group.names.iter().any(|name| privileged.iter().any(|pattern| fits(pattern, name))) {
                self.reach(at, &by_name, |row| put(&mut membership.privileged, row, &group.title));
            }
        }
        membership
    }

    /// Every row inside of a group, at any depth; circles are walked once.
    fn reach(&self, from: usize, rows: &HashMap<String, Vec<usize>>, mut found: impl FnMut(usize)) {
        let (mut seen, mut next) = (HashSet::from([from]), vec![from]);
        while let Some(group) = next.pop().and_then(|at| self.groups.get(at)) {
            for member in &group.members {
                rows.get(member).into_iter().flatten().for_each(|row| found(*row));
                next.extend(self.by_name.get(member).filter(|inner| seen.insert(**inner)));
            }
        }
    }
}

fn put(lists: &mut [Vec<String>], row: usize, title: &str) {
    if let Some(list) = lists.get_mut(row).filter(|l| l.len() < MOST_LISTED && !l.iter().any(|t| t == title))
    {
        list.push(title.to_owned());
    }
}

#[cfg(test)]
mod tests {
    use super::super::{EntityKind, ListKind, Place};
    use super::*;

    fn row(id: &str, alias: &str, member_of: &[&str]) -> (Entity, Vec<String>) {
        let entity = Entity {
            aliases: vec![alias.to_owned()],
            ..Entity::new(EntityKind::Account, id.to_owned(), Place::default(), ListKind::default())
        };
        (entity, member_of.iter().map(|m| (*m).to_owned()).collect())
    }

    fn owned(list: &[&str]) -> Vec<String> {
        list.iter().map(|s| (*s).to_owned()).collect()
    }

    #[test]
    fn nesting_is_followed_and_circles_end() {
        let mut groups = Groups::default();
        groups.add(
            "Domain Admins".into(),
            owned(&["CN=DA", "S-1-5-21-1-512"]),
            owned(&["cn=helpdesk", "CN=eve"]),
        );
        groups.add("Helpdesk".into(), owned(&["CN=Helpdesk"]), owned(&["CN=mika", "CN=Loop"]));
        groups.add("Loop".into(), owned(&["CN=Loop"]), owned(&["CN=Helpdesk", "CN=yu"]));
        let rows = [
            row("mika", "CN=mika", &[]),
            row("eve", "CN=eve", &[]),
            row("yu", "CN=yu", &["S-1-5-21-1-513"]),
            row("ken", "CN=ken", &["s-1-5-21-1-512"]),
        ];
        let found = groups.follow(&rows, &owned(&["s-1-5-21-*-512", "*-512"]));
        let admins = owned(&["Domain Admins"]);
        assert_eq!(found.privileged, [admins.clone(), admins.clone(), admins.clone(), admins.clone()]);
        assert_eq!(
            found.direct,
            [owned(&["Helpdesk"]), admins.clone(), owned(&["Loop", "S-1-5-21-1-513"]), admins]
        );
    }

    #[test]
    fn a_group_of_nobody_makes_nobody_privileged() {
        let mut groups = Groups::default();
        groups.add("Domain Admins".into(), owned(&["x-512"]), Vec::new());
        let found = groups.follow(&[row("mika", "CN=mika", &["Users"])], &owned(&["*-512"]));
        assert_eq!((found.privileged, found.direct), (vec![Vec::<String>::new()], vec![owned(&["Users"])]));
    }
}
