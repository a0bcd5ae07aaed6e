//! The numbers that a product's permissions, types and roles keep for ever.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::{
    PermissionNo, RoleNo, TypeNo,
    manifest::{Manifest, SUITE_TYPES},
};

/// Numbers by name. They are carried from version to version of a manifest and never reused: a name that
/// comes back has its old number, a name that is gone keeps it.
///
/// What was stored with a name before it went away gives nothing when it comes back: whatever names something
/// is stored with the generation of the names, and a name that came back has a later one.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Numbers {
    permissions: BTreeMap<String, PermissionNo>,
    types: BTreeMap<String, TypeNo>,
    roles: BTreeMap<String, RoleNo>,
    /// What the manifest no longer has, as [`Numbers::returned`] names it.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    gone: BTreeSet<String>,
    /// What came back, with the generation since which it is there.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    returned: BTreeMap<String, u32>,
    /// Counts the manifests in which something came back.
    #[serde(default, skip_serializing_if = "is_zero")]
    generation: u32,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks for a reference")]
fn is_zero(number: &u32) -> bool {
    *number == 0
}

/// There are more names than numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the product has used up the numbers of its {0}")]
pub struct NumbersError(&'static str);

impl Numbers {
    /// The permission's number, also of one that is gone.
    #[must_use]
    pub fn permission(&self, name: &str) -> Option<PermissionNo> {
        self.permissions.get(name).copied()
    }

    /// The type's number, also of one that is gone.
    #[must_use]
    pub fn type_no(&self, name: &str) -> Option<TypeNo> {
        self.types.get(name).copied()
    }

    /// The role's number, also of one that is gone.
    #[must_use]
    pub fn role(&self, name: &str) -> Option<RoleNo> {
        self.roles.get(name).copied()
    }

    /// The name behind a role's number, also of one that is gone.
    #[must_use]
    pub fn role_name(&self, role: RoleNo) -> Option<&str> {
        self.roles
            .iter()
            .find(|(_, no)| **no == role)
            .map(|(name, _)| name.as_str())
    }

    /// The name behind a permission's number, also of one that is gone.
    #[must_use]
    pub fn permission_name(&self, permission: PermissionNo) -> Option<&str> {
        self.permissions
            .iter()
            .find(|(_, no)| **no == permission)
            .map(|(name, _)| name.as_str())
    }

    /// Gives numbers to what has none: the suite's own first and in a fixed order.
    pub(crate) fn extend(&mut self, manifest: &Manifest) -> Result<(), NumbersError> {
        for of in SUITE_TYPES {
            self.add_type(of.name, of.verbs.iter().copied())?;
        }
        for (name, decl) in &manifest.types {
            self.add_type(name, decl.verbs.iter().map(String::as_str))?;
        }
        for name in role_names(manifest) {
            // Numbers are dense: the count is the next one.
            let next = u32::try_from(self.roles.len()).map_err(|_| NumbersError("roles"))?;
            if next >= RoleNo::FIRST_CUSTOM.0 {
                return Err(NumbersError("roles"));
            }
            self.roles.entry(name.to_owned()).or_insert(RoleNo(next));
        }
        self.note_names(manifest);
        Ok(())
    }

    /// Notes which names are gone and which came back.
    fn note_names(&mut self, manifest: &Manifest) {
        let of_type = |name: &str, verbs: &mut dyn Iterator<Item = &str>| -> Vec<String> {
            let verbs = verbs.map(|verb| format!("{name}.{verb}"));
            verbs.chain([format!("{name}.*")]).collect()
        };
        let suite = SUITE_TYPES
            .iter()
            .flat_map(|of| of_type(of.name, &mut of.verbs.iter().copied()));
        let own = manifest
            .types
            .iter()
            .flat_map(|(name, decl)| of_type(name, &mut decl.verbs.iter().map(String::as_str)));
        let roles = role_names(manifest).map(role_key);
        let present: BTreeSet<String> = suite.chain(own).chain(roles).collect();
        let known = self.permissions.keys().cloned();
        let known = known.chain(self.types.keys().map(|name| format!("{name}.*")));
        let known: Vec<String> = known
            .chain(self.roles.keys().map(|name| role_key(name)))
            .collect();
        let next = self.generation.saturating_add(1);
        for name in known {
            if !present.contains(&name) {
                self.gone.insert(name);
            } else if self.gone.remove(&name) {
                self.returned.insert(name, next);
                self.generation = next;
            }
        }
    }

    /// The generation of the names: what is stored with a name is stored with it.
    #[must_use]
    pub fn generation(&self) -> u32 {
        self.generation
    }

    /// What came back, with the generation since which it is there: `TYPE.VERB`, `TYPE.*` and `role NAME`.
    pub(crate) fn returned(&self) -> &BTreeMap<String, u32> {
        &self.returned
    }

    fn add_type<'a>(&mut self, name: &str, verbs: impl Iterator<Item = &'a str>) -> Result<(), NumbersError> {
        let next = u16::try_from(self.types.len()).map_err(|_| NumbersError("types"))?;
        self.types.entry(name.to_owned()).or_insert(TypeNo(next));
        for verb in verbs {
            let next = u16::try_from(self.permissions.len()).map_err(|_| NumbersError("permissions"))?;
            self.permissions
                .entry(format!("{name}.{verb}"))
                .or_insert(PermissionNo(next));
        }
        Ok(())
    }

    pub(crate) fn count_permissions(&self) -> usize {
        self.permissions.len()
    }

    pub(crate) fn count_types(&self) -> usize {
        self.types.len()
    }

    pub(crate) fn count_roles(&self) -> usize {
        self.roles.len()
    }
}

/// The names of all roles: the suite's own, the product's, and those of its services.
fn role_names(manifest: &Manifest) -> impl Iterator<Item = &str> {
    let roles = manifest.roles.keys().chain(manifest.services.keys());
    ["operator", "service"]
        .into_iter()
        .chain(roles.map(String::as_str))
}

/// The key of a role among the names that went away or came back.
pub(crate) fn role_key(name: &str) -> String {
    format!("role {name}")
}
