//! The rules of a use case are tested in its file.

use syn::{ImplItem, Item, Visibility};

use super::tolerate;
use crate::source::{SourceFile, Workspace};

/// Crates whose folders hold use cases, a file each.
pub(super) const CORES: &[&str] = &[
    "bailiwick-authorization-core",
    "bailiwick-identity-core",
    "bailiwick-tenancy-core",
];
/// A file that implements one of these traits holds a use case; so does one with a free `pub async fn`.
const TRAITS: &[&str] = &["Change"];

/// Use cases that have no tests yet.
const TOLERATED: &[&str] = &[
    "crates/authorization/core/src/follow/account.rs",
    "crates/authorization/core/src/follow/person.rs",
    "crates/authorization/core/src/follow/place.rs",
    "crates/authorization/core/src/follow/service_account.rs",
    "crates/authorization/core/src/follow/settings.rs",
    "crates/authorization/core/src/use_case/accept_invitation.rs",
    "crates/authorization/core/src/use_case/apply_product.rs",
    "crates/authorization/core/src/use_case/approve.rs",
    "crates/authorization/core/src/use_case/assign_role.rs",
    "crates/authorization/core/src/use_case/batch_create_invitations.rs",
    "crates/authorization/core/src/use_case/batch_remove_members.rs",
    "crates/authorization/core/src/use_case/change_group.rs",
    "crates/authorization/core/src/use_case/change_role.rs",
    "crates/authorization/core/src/use_case/close_scope.rs",
    "crates/authorization/core/src/use_case/close_user.rs",
    "crates/authorization/core/src/use_case/consume_approval.rs",
    "crates/authorization/core/src/use_case/copy_permissions.rs",
    "crates/authorization/core/src/use_case/create_grant.rs",
    "crates/authorization/core/src/use_case/create_group.rs",
    "crates/authorization/core/src/use_case/create_invitation.rs",
    "crates/authorization/core/src/use_case/create_member.rs",
    "crates/authorization/core/src/use_case/create_role.rs",
    "crates/authorization/core/src/use_case/delete_grant.rs",
    "crates/authorization/core/src/use_case/delete_member.rs",
    "crates/authorization/core/src/use_case/delete_role.rs",
    "crates/authorization/core/src/use_case/list_waiting.rs",
    "crates/authorization/core/src/use_case/look_up_member.rs",
    "crates/authorization/core/src/use_case/move_resource.rs",
    "crates/authorization/core/src/use_case/preview_product.rs",
    "crates/authorization/core/src/use_case/record_export.rs",
    "crates/authorization/core/src/use_case/recover_ownership.rs",
    "crates/authorization/core/src/use_case/register_resource.rs",
    "crates/authorization/core/src/use_case/remove_member.rs",
    "crates/authorization/core/src/use_case/request_approval.rs",
    "crates/authorization/core/src/use_case/resend_invitation.rs",
    "crates/authorization/core/src/use_case/revoke_invitation.rs",
    "crates/authorization/core/src/use_case/revoke_role.rs",
    "crates/authorization/core/src/use_case/set_quota.rs",
    "crates/authorization/core/src/use_case/suspend_member.rs",
    "crates/authorization/core/src/use_case/transfer_ownership.rs",
    "crates/authorization/core/src/use_case/transfer_resource.rs",
    "crates/authorization/core/src/use_case/unregister_resource.rs",
    "crates/authorization/core/src/use_case/update_member.rs",
    "crates/authorization/core/src/use_case/update_resource.rs",
];

/// Finds use cases without a test.
pub(crate) fn faults(workspace: &Workspace) -> Vec<String> {
    let mut found = Vec::new();
    for file in CORES
        .iter()
        .filter_map(|name| workspace.package(name))
        .flat_map(|c| &c.files)
    {
        if is_in_folder(file) && is_use_case(file) && !has_tests(file) {
            let fault = format!(
                "{}: a use case without a test: add `#[cfg(test)] mod tests` with a test of each refusal",
                file.path
            );
            found.push((file.path.clone(), fault));
        }
    }
    tolerate(found, "checks/use_cases.rs TOLERATED", TOLERATED)
}

/// Whether a file lies in a folder of `src`.
pub(super) fn is_in_folder(file: &SourceFile) -> bool {
    file.module.len() > 1 || (file.module.len() == 1 && file.path.ends_with("/mod.rs"))
}

/// Whether a file holds a use case.
pub(super) fn is_use_case(file: &SourceFile) -> bool {
    file.items.iter().any(|item| match item {
        Item::Fn(function) => {
            function.sig.asyncness.is_some() && matches!(function.vis, Visibility::Public(_))
        }
        Item::Impl(block) => block.trait_.as_ref().is_some_and(|(_, path, _)| {
            let name = path.segments.last();
            name.is_some_and(|name| TRAITS.iter().any(|known| name.ident == known))
                && block.items.iter().any(|item| matches!(item, ImplItem::Fn(_)))
        }),
        _ => false,
    })
}

fn has_tests(file: &SourceFile) -> bool {
    file.tests.iter().any(|item| match item {
        Item::Mod(module) => module.content.iter().flat_map(|(_, items)| items).any(|item| {
            matches!(item, Item::Fn(function) if function.attrs.iter().any(|attribute| {
                attribute.path().segments.last().is_some_and(|name| name.ident == "test")
            }))
        }),
        _ => false,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(text: &str) -> SourceFile {
        let module = vec!["role".to_owned(), "assign".to_owned()];
        SourceFile::parse("src/role/assign.rs".to_owned(), module, text.to_owned()).unwrap()
    }

    #[test]
    fn a_use_case_is_a_public_function_or_a_change() {
        assert!(is_use_case(&file("pub async fn execute() {}")));
        assert!(is_use_case(&file(
            "impl crate::work::Change for Command { fn apply(self) {} }"
        )));
        assert!(!is_use_case(&file(
            "pub(crate) async fn helper() {} pub fn plain() {}"
        )));
        assert!(!is_use_case(&file(
            "impl Display for Command { fn fmt(&self) {} }"
        )));
    }

    #[test]
    fn a_module_of_tests_counts_only_with_a_test_in_it() {
        assert!(has_tests(&file(
            "#[cfg(test)] mod tests { #[tokio::test] async fn refuses() {} }"
        )));
        assert!(has_tests(&file(
            "#[cfg(test)] mod tests { #[test] fn refuses() {} }"
        )));
        assert!(!has_tests(&file("#[cfg(test)] mod tests { fn helper() {} }")));
        assert!(!has_tests(&file("mod tests { #[test] fn refuses() {} }")));
    }
}
