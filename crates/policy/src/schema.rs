//! The schema of stored values: the declared types of parameters and attributes, as one number.
//!
//! Stored values are kept as JSON and typed by the schema of the policy that evaluates them. The number tells
//! whether a table of typed values was made under that schema, so that asking costs one comparison.

use crate::{
    index::Fnv,
    product::{Product, Role},
    value::ValueType,
};

/// A stable hash over declared types: equal schemas type stored values alike, in every process.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Schema(u64);

impl Schema {
    /// The schema of what has no stored values: it fits every policy.
    pub(crate) const ANY: Self = Self(0);
    /// The schema of what was decoded and not typed since: it fits no policy.
    pub(crate) const UNTYPED: Self = Self(1);

    /// Tells whether what was typed under this schema may be evaluated under another one.
    #[inline]
    pub(crate) fn fits(self, other: Self) -> bool {
        self == other || self == Self::ANY
    }

    fn finish(hash: Fnv) -> Self {
        Self(hash.finish().max(2))
    }
}

impl Default for Schema {
    fn default() -> Self {
        Self::ANY
    }
}

/// The schema of a product: attributes of its types, parameters of its grants and of its roles.
pub(crate) fn of_product(product: &Product) -> Schema {
    let mut hash = Fnv::default();
    for of in product.types() {
        for attribute in &of.attributes {
            declare(&mut hash, 1, of.no.0.into(), &attribute.name, attribute.kind);
        }
    }
    for permission in product.permissions() {
        let parameters = permission
            .grant_condition
            .iter()
            .flat_map(super::condition::Condition::parameters);
        for (name, kind) in parameters {
            declare(&mut hash, 2, permission.no.0.into(), name, *kind);
        }
    }
    roles(&mut hash, product.roles().map(|role| &**role));
    Schema::finish(hash)
}

/// The schema of an account: that of its product with the parameters of the roles that the account defined or
/// changed.
pub(crate) fn of_account<'r>(product: &Product, changed: impl Iterator<Item = &'r Role>) -> Schema {
    let mut hash = Fnv::default();
    hash.bytes(&product.schema().0.to_le_bytes());
    roles(&mut hash, changed);
    Schema::finish(hash)
}

fn roles<'r>(hash: &mut Fnv, roles: impl Iterator<Item = &'r Role>) {
    for role in roles {
        for (level, at) in role.levels() {
            for (name, decl) in at.parameters() {
                declare(hash, 16 + level.code(), role.no.0, name, decl.kind);
            }
        }
    }
}

fn declare(hash: &mut Fnv, part: u8, number: u32, name: &str, kind: ValueType) {
    hash.bytes(&[part]);
    hash.bytes(&number.to_le_bytes());
    for text in [name, kind.as_str()] {
        hash.bytes(&(text.len() as u64).to_le_bytes());
        hash.bytes(text.as_bytes());
    }
}
