//! Which attributes conditions read: whoever writes one of these changes who can do what.

use std::collections::BTreeSet;

use crate::{
    AccountPolicy, PermissionBits, Product, TypeInfo,
    condition::{Condition, Operand},
    product::Role,
};

impl Condition {
    /// Whether it reads an attribute of the resource.
    pub(crate) fn reads_attribute(&self, name: &str) -> bool {
        let mut reads = false;
        self.expr()
            .visit(&mut |operand| reads |= matches!(operand, Operand::Attribute(of) if **of == *name));
        reads
    }
}

impl Condition {
    fn attributes(&self) -> BTreeSet<String> {
        let mut names = BTreeSet::new();
        self.expr().visit(&mut |operand| {
            if let Operand::Attribute(name) = operand {
                names.insert(name.to_string());
            }
        });
        names
    }
}

impl Role {
    fn conditions(&self) -> impl Iterator<Item = &Condition> {
        let entries = self.levels().flat_map(|(_, at)| at.entries());
        entries.filter_map(|entry| entry.condition.as_ref())
    }
}

impl Product {
    fn grant_conditions_of_types(&self) -> impl Iterator<Item = &Condition> {
        self.permissions()
            .filter_map(|info| info.grant_condition.as_ref())
    }
}

impl Product {
    /// What the manifest says that is probably not meant, a line each: attributes that conditions read, so
    /// that they decide who can do what, and for which the manifest does not say whose verb writes them.
    #[must_use]
    pub fn warnings(&self) -> Vec<String> {
        let mut read: BTreeSet<(String, String)> = BTreeSet::new();
        let mut note = |condition: &Condition, asked: &PermissionBits| {
            for of in self.asked_on(asked) {
                let open = |name: &String| of.attribute(name).is_some_and(|found| found.edit.is_none());
                let names = condition.attributes().into_iter().filter(open);
                read.extend(names.map(|name| (of.name.to_string(), name)));
            }
        };
        for role in self.roles() {
            for entry in role.levels().flat_map(|(_, at)| at.entries()) {
                if let Some(condition) = &entry.condition {
                    note(condition, &entry.bits);
                }
            }
        }
        for info in self.permissions() {
            if let Some(condition) = &info.grant_condition {
                note(condition, &info.implies);
            }
        }
        let line = |(of, name): (String, String)| {
            format!(
                "types.{of}.attributes.{name}: conditions read it, and whoever has `{of}.edit` writes it; \
                 `edit: VERB` says whose verb that takes"
            )
        };
        read.into_iter().map(line).collect()
    }

    /// The registered types on which some of these permissions are asked.
    fn asked_on(&self, asked: &PermissionBits) -> impl Iterator<Item = &TypeInfo> {
        let types = self
            .types
            .iter()
            .flatten()
            .filter(|of| of.registered && !of.suite);
        types.filter(|of| asked.iter().any(|no| self.may_be_asked_on(no, of.no)))
    }
}

impl AccountPolicy {
    /// Tells whether some condition of a role or of a grant reads an attribute of this name.
    #[must_use]
    pub fn reads_attribute(&self, name: &str) -> bool {
        let of_roles = self.roles().flat_map(Role::conditions);
        let mut all = of_roles.chain(self.product().grant_conditions_of_types());
        all.any(|condition| condition.reads_attribute(name))
    }
}
