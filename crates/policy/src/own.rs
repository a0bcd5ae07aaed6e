//! How large the roles are that an account brings in: what has to be compiled and kept for it alone.

use crate::{AccountPolicy, Condition, Role};

/// The size of what an account defined, and of what it changed about roles of its product. Included roles
/// count in every role that includes them: that is what is compiled.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct OwnSize {
    /// Roles that the account defined.
    pub roles: u64,
    /// Entries, their exceptions and the roles that they assign, at all levels of all these roles.
    pub entries: u64,
    /// Those of the role that has the most.
    pub most_entries: u64,
    /// Operators and operands of all conditions.
    pub nodes: u64,
    /// Those of the role that has the most.
    pub most_nodes: u64,
}

impl AccountPolicy {
    /// How large the account's own roles and changes are.
    #[must_use]
    pub fn own_size(&self) -> OwnSize {
        let mut size = OwnSize::default();
        for role in self.changed_roles() {
            size.roles += u64::from(role.no.is_custom());
            let (entries, nodes) = size_of_role(role);
            size.entries += entries;
            size.most_entries = size.most_entries.max(entries);
            size.nodes += nodes;
            size.most_nodes = size.most_nodes.max(nodes);
        }
        size
    }
}

fn size_of_role(role: &Role) -> (u64, u64) {
    let mut size = (0, 0);
    for (_, at) in role.levels() {
        size.0 += at.assigns().named.len() as u64;
        for entry in at.entries() {
            size.0 += 1 + entry.except.len() as u64;
            size.1 += entry.condition.as_ref().map_or(0, Condition::nodes);
        }
    }
    size
}

#[cfg(test)]
mod tests {
    use std::{collections::BTreeMap, sync::Arc};

    use bailiwick_types::Level;

    use super::*;
    use crate::{
        CustomRole, LevelOverlay, Numbers, Overlay, RoleNo, compile,
        manifest::{self, EntryDecl},
    };

    const MANIFEST: &str = "
product: studio
levels: {account: {}}
types:
  project: {verbs: [view, edit]}
roles:
  viewer: {levels: {account: {permissions: [project.view]}}}
";

    #[test]
    fn an_included_role_counts_in_each_role_that_includes_it() {
        let (product, _) = compile(&manifest::parse(MANIFEST).unwrap(), Numbers::default()).unwrap();
        let generation = product.generation();
        let role = |n: u32, yaml: &str| CustomRole {
            no: RoleNo(RoleNo::FIRST_CUSTOM.0 + n),
            name: format!("own{n}"),
            decl: serde_json::from_str(yaml).unwrap(),
            generation,
        };
        let own = vec![
            role(
                1,
                r#"{"levels": {"account": {"permissions": [
                    {"permission": "project.edit", "when": "resource.owner == subject.id"}]}}}"#,
            ),
            role(2, r#"{"includes": ["own1", "viewer"]}"#),
        ];
        let overlay = Overlay {
            role: product.role_no("viewer").unwrap(),
            levels: BTreeMap::from([(
                Level::Account,
                LevelOverlay {
                    add: vec![EntryDecl::plain("project.edit")],
                    remove: Vec::new(),
                    generation,
                },
            )]),
        };
        let policy = AccountPolicy::compile(Arc::new(product), own, vec![overlay], BTreeMap::new());
        let size = policy.own_size();
        assert_eq!(policy.faults(), []);
        // own1 has 1, own2 its entry and the 2 of the changed viewer, the changed viewer 2.
        assert_eq!((size.roles, size.entries, size.most_entries), (2, 6, 3));
        assert_eq!((size.nodes, size.most_nodes), (2 * size.most_nodes, 3));
    }

    #[test]
    fn a_role_of_the_product_that_the_account_left_alone_is_not_its_own() {
        let (product, _) = compile(&manifest::parse(MANIFEST).unwrap(), Numbers::default()).unwrap();
        let policy = AccountPolicy::compile(Arc::new(product), vec![], vec![], BTreeMap::new());
        assert_eq!(policy.own_size(), OwnSize::default());
    }
}
