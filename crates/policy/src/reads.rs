//! Which attributes conditions read: whoever writes one of these changes who can do what.

use crate::{
    AccountPolicy, Product,
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

impl AccountPolicy {
    /// Tells whether some condition of a role or of a grant reads an attribute of this name.
    #[must_use]
    pub fn reads_attribute(&self, name: &str) -> bool {
        let of_roles = self.roles().flat_map(Role::conditions);
        let mut all = of_roles.chain(self.product().grant_conditions_of_types());
        all.any(|condition| condition.reads_attribute(name))
    }
}
