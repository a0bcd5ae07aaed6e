//! What a role has from the roles that it includes.

use std::collections::{BTreeMap, BTreeSet};

use bailiwick_types::Level;

use super::{ParameterDecl, RoleDecl, RoleLevelDecl};

/// Finds a role by name.
pub(crate) type Roles<'a, 'r> = &'a dyn Fn(&str) -> Option<&'r RoleDecl>;

/// All roles that the role includes, whatever the number of steps.
pub(crate) fn includes_of<'r>(decl: &'r RoleDecl, role: Roles<'_, 'r>) -> BTreeSet<&'r str> {
    let mut seen = BTreeSet::new();
    let mut open: Vec<&'r str> = decl.includes.iter().map(String::as_str).collect();
    while let Some(name) = open.pop() {
        if seen.insert(name) {
            open.extend(
                role(name)
                    .into_iter()
                    .flat_map(|decl| &decl.includes)
                    .map(String::as_str),
            );
        }
    }
    seen
}

/// The parameters that a role and those that it includes declare; of two declarations, the stricter.
pub(crate) fn parameters_of<'r>(decl: &'r RoleDecl, role: Roles<'_, 'r>) -> BTreeMap<String, ParameterDecl> {
    let mut all = decl.parameters.clone();
    let included = includes_of(decl, role).into_iter().filter_map(role);
    for (name, other) in included.flat_map(|included| &included.parameters) {
        all.entry(name.clone())
            .and_modify(|own| *own = own.and(*other))
            .or_insert(*other);
    }
    all
}

/// The levels at which a role may be bound: its own, or those of what it includes where it names none.
pub(crate) fn levels_of<'r>(decl: &'r RoleDecl, role: Roles<'_, 'r>) -> BTreeSet<Level> {
    fn collect<'r>(
        decl: &'r RoleDecl,
        role: Roles<'_, 'r>,
        seen: &mut BTreeSet<&'r str>,
        levels: &mut BTreeSet<Level>,
    ) {
        levels.extend(decl.levels.keys());
        if !decl.levels.is_empty() {
            return;
        }
        for name in &decl.includes {
            if seen.insert(name)
                && let Some(other) = role(name)
            {
                collect(other, role, seen, levels);
            }
        }
    }
    let mut levels = BTreeSet::new();
    collect(decl, role, &mut BTreeSet::new(), &mut levels);
    levels
}

/// What a role has at a level: its own part, and that of each role it includes which can be bound there
/// itself.
pub(crate) fn parts_of<'r>(decl: &'r RoleDecl, level: Level, role: Roles<'_, 'r>) -> Vec<&'r RoleLevelDecl> {
    let mut parts = Vec::new();
    let mut seen = BTreeSet::new();
    let mut open = vec![decl];
    while let Some(next) = open.pop() {
        match next.levels.get(&level) {
            Some(part) => parts.push(part),
            None if !next.levels.is_empty() => continue,
            None => {}
        }
        let names = next
            .includes
            .iter()
            .rev()
            .filter(|name| seen.insert(name.as_str()));
        open.extend(names.filter_map(|name| role(name)));
    }
    parts
}
