//! The production code of a workspace, parsed: what the checks and the size report read.

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result};
use cargo_metadata::{MetadataCommand, TargetKind};
use syn::{Attribute, ImplItem, Item, Meta, punctuated::Punctuated, spanned::Spanned};

/// Generated code: no rule about how code is written holds for it.
const GENERATED: &[&str] = &["crates/proto/src/gen/", "crates/types/src/method/"];

/// The crates of a workspace in the order of their names.
pub(crate) struct Workspace {
    pub(crate) root: PathBuf,
    pub(crate) crates: Vec<Crate>,
}

/// A crate with the files that a build without tests reads.
pub(crate) struct Crate {
    pub(crate) package: String,
    pub(crate) files: Vec<SourceFile>,
}

/// A file of a crate, with its tests apart.
pub(crate) struct SourceFile {
    /// From the root of the workspace, with `/`.
    pub(crate) path: String,
    /// The names of the module from the root of the crate.
    pub(crate) module: Vec<String>,
    pub(crate) text: String,
    pub(crate) attributes: Vec<Attribute>,
    pub(crate) items: Vec<Item>,
    /// Items under `#[cfg(test)]`.
    pub(crate) tests: Vec<Item>,
}

impl Workspace {
    /// Parses the libraries and binaries of the workspace at `root`.
    pub(crate) fn load(root: &Path) -> Result<Self> {
        let root = root.canonicalize()?;
        let metadata = MetadataCommand::new()
            .manifest_path(root.join("Cargo.toml"))
            .no_deps()
            .exec()?;
        let mut crates = Vec::new();
        for package in metadata.workspace_packages() {
            let mut files = Vec::new();
            for target in &package.targets {
                let built = [TargetKind::Lib, TargetKind::Bin, TargetKind::ProcMacro];
                if target.kind.iter().any(|kind| built.contains(kind)) {
                    read(&root, target.src_path.as_std_path(), &[], &mut files)?;
                }
            }
            files.sort_by(|a, b| a.path.cmp(&b.path));
            files.dedup_by(|a, b| a.path == b.path);
            crates.push(Crate {
                package: package.name.to_string(),
                files,
            });
        }
        crates.sort_by(|a, b| a.package.cmp(&b.package));
        Ok(Self { root, crates })
    }
    /// The crate of a package.
    pub(crate) fn package(&self, name: &str) -> Option<&Crate> {
        self.crates.iter().find(|c| c.package == name)
    }
    /// All files that people write.
    pub(crate) fn files(&self) -> impl Iterator<Item = &SourceFile> {
        self.crates
            .iter()
            .flat_map(|c| &c.files)
            .filter(|f| !f.is_generated())
    }
}

impl SourceFile {
    pub(crate) fn is_generated(&self) -> bool {
        is_generated(&self.path)
    }
    pub(crate) fn parse(path: String, module: Vec<String>, text: String) -> Result<Self> {
        let syntax = syn::parse_file(&text).with_context(|| format!("`{path}` cannot be parsed"))?;
        let (mut items, mut tests) = (syntax.items, Vec::new());
        separate(&mut items, &mut tests);
        Ok(Self {
            path,
            module,
            text,
            attributes: syntax.attrs,
            items,
            tests,
        })
    }
    /// The first and last lines of its test code.
    pub(crate) fn test_lines(&self) -> impl Iterator<Item = (usize, usize)> {
        self.tests.iter().map(|item| {
            let span = item.span();
            (span.start().line, span.end().line)
        })
    }
}

/// Whether a path from the root names generated code.
pub(crate) fn is_generated(path: &str) -> bool {
    GENERATED.iter().any(|folder| path.starts_with(folder))
}

/// A path from the root, with `/`.
pub(crate) fn relative(root: &Path, path: &Path) -> String {
    let path = path.strip_prefix(root).unwrap_or(path);
    path.components()
        .map(|part| part.as_os_str().to_string_lossy())
        .collect::<Vec<_>>()
        .join("/")
}

/// Reads a file and those of the modules that it declares.
fn read(root: &Path, path: &Path, module: &[String], files: &mut Vec<SourceFile>) -> Result<()> {
    let text = fs::read_to_string(path).with_context(|| format!("cannot read `{}`", path.display()))?;
    let file = SourceFile::parse(relative(root, path), module.to_vec(), text)?;
    let parent = path.parent().context("a file has a folder")?;
    let stem = path.file_stem().unwrap_or_default();
    let own_folder = module.is_empty() || stem == "mod";
    let folder = if own_folder {
        parent.to_owned()
    } else {
        parent.join(stem)
    };
    declared(root, &file.items, &folder, module, files)?;
    files.push(file);
    Ok(())
}

fn declared(
    root: &Path,
    items: &[Item],
    folder: &Path,
    module: &[String],
    files: &mut Vec<SourceFile>,
) -> Result<()> {
    for item in items {
        let Item::Mod(declaration) = item else { continue };
        let name = declaration.ident.to_string();
        let inner = [module, std::slice::from_ref(&name)].concat();
        if let Some((_, items)) = &declaration.content {
            declared(root, items, &folder.join(&name), &inner, files)?;
            continue;
        }
        let plain = folder.join(format!("{name}.rs"));
        let path = if plain.is_file() {
            plain
        } else {
            folder.join(&name).join("mod.rs")
        };
        read(root, &path, &inner, files)?;
    }
    Ok(())
}

/// Moves what is only compiled for tests from `items` to `tests`.
fn separate(items: &mut Vec<Item>, tests: &mut Vec<Item>) {
    tests.extend(items.extract_if(.., |item| is_test(attributes(item))));
    for item in items {
        match item {
            Item::Mod(module) => {
                if let Some((_, items)) = &mut module.content {
                    separate(items, tests);
                }
            }
            Item::Impl(block) => block.items.retain(|item| match item {
                ImplItem::Fn(function) => !is_test(&function.attrs),
                _ => true,
            }),
            _ => {}
        }
    }
}

fn is_test(attributes: &[Attribute]) -> bool {
    attributes.iter().any(|attribute| {
        attribute.path().is_ident("cfg") && attribute.parse_args().is_ok_and(|meta| needs_test(&meta))
    })
}

/// Whether a condition of `cfg` is never true without `test`.
fn needs_test(condition: &Meta) -> bool {
    let parts = |list: &syn::MetaList| {
        list.parse_args_with(Punctuated::<Meta, syn::Token![,]>::parse_terminated)
            .unwrap_or_default()
    };
    match condition {
        Meta::Path(path) => path.is_ident("test"),
        Meta::List(list) if list.path.is_ident("all") => parts(list).iter().any(needs_test),
        Meta::List(list) if list.path.is_ident("any") => parts(list).iter().all(needs_test),
        _ => false,
    }
}

/// The attributes of an item.
pub(crate) fn attributes(item: &Item) -> &[Attribute] {
    match item {
        Item::Const(i) => &i.attrs,
        Item::Enum(i) => &i.attrs,
        Item::ExternCrate(i) => &i.attrs,
        Item::Fn(i) => &i.attrs,
        Item::ForeignMod(i) => &i.attrs,
        Item::Impl(i) => &i.attrs,
        Item::Macro(i) => &i.attrs,
        Item::Mod(i) => &i.attrs,
        Item::Static(i) => &i.attrs,
        Item::Struct(i) => &i.attrs,
        Item::Trait(i) => &i.attrs,
        Item::TraitAlias(i) => &i.attrs,
        Item::Type(i) => &i.attrs,
        Item::Union(i) => &i.attrs,
        Item::Use(i) => &i.attrs,
        _ => &[],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn test_code_is_kept_apart_from_production_code() {
        let text = "fn a() {}\n\n#[cfg(test)]\nmod tests {\n    fn b() {}\n}\n\
                    #[cfg(all(test, unix))]\nfn c() {}\n#[cfg(any(test, unix))]\nfn d() {}\n#[cfg(not(test))]\nfn e() {}\n";
        let file = SourceFile::parse("x.rs".to_owned(), Vec::new(), text.to_owned()).unwrap();
        let names: Vec<_> = file
            .items
            .iter()
            .filter_map(|item| match item {
                Item::Fn(function) => Some(function.sig.ident.to_string()),
                _ => None,
            })
            .collect();
        assert_eq!(names, ["a", "d", "e"]);
        assert_eq!(file.test_lines().collect::<Vec<_>>(), [(3, 6), (7, 8)]);
    }
}
