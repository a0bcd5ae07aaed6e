//! The rules of a use case are tested in its file.

use syn::{ImplItem, Item, Visibility};

use crate::source::{SourceFile, Workspace};

/// Crates whose folders hold use cases, a file each.
pub(super) const CORES: &[&str] = &[
    "bailiwick-authorization-core",
    "bailiwick-identity-core",
    "bailiwick-tenancy-core",
];
/// A file that implements one of these traits holds a use case; so does one with a free `pub async fn`.
const TRAITS: &[&str] = &["Operation"];

/// Finds use cases without a test.
pub(crate) fn faults(workspace: &Workspace) -> Vec<String> {
    let cores = CORES.iter().filter_map(|name| workspace.package(name));
    let untested = cores
        .flat_map(|core| &core.files)
        .filter(|file| is_in_folder(file) && is_use_case(file) && !has_tests(file));
    let fault = |file: &SourceFile| {
        format!(
            "{}: a use case without a test: add `#[cfg(test)] mod tests` with a test of each refusal",
            file.path
        )
    };
    untested.map(fault).collect()
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
    fn a_use_case_is_a_public_function_or_an_operation() {
        assert!(is_use_case(&file("pub async fn execute() {}")));
        assert!(is_use_case(&file(
            "impl crate::operation::Operation for Assign { fn apply(self) {} }"
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
