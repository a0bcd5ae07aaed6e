//! What the paths in a crate name: `use` trees, `super`, globs and re-exports resolved to paths from the
//! crate's root.

use std::collections::{BTreeMap, BTreeSet};

use proc_macro2::{TokenStream, TokenTree};
use syn::{
    Item, UseTree,
    spanned::Spanned,
    visit::{self, Visit},
};

use crate::source::{Crate, SourceFile};

/// Segments of a path. The first one is `crate` or the name of another crate.
pub(crate) type Segments = Vec<String>;

/// Longest chain of re-exports that is followed.
const HOPS: usize = 12;

/// The names in scope in each module of a crate.
pub(crate) struct Names {
    modules: BTreeMap<Segments, Scope>,
}

#[derive(Default)]
struct Scope {
    items: BTreeSet<String>,
    /// Name -> path as written.
    imports: BTreeMap<String, Segments>,
    globs: Vec<Segments>,
}

/// A path in a file.
pub(crate) struct Reference {
    pub(crate) line: usize,
    /// The module that it is written in, with `crate`.
    pub(crate) module: Segments,
    /// What it names as written, then what that is re-exported from.
    pub(crate) hops: Vec<Segments>,
}

impl Names {
    /// Collects the names of all modules of a crate.
    pub(crate) fn of(krate: &Crate) -> Self {
        let mut names = Self {
            modules: BTreeMap::new(),
        };
        for file in &krate.files {
            names.collect(&from_root(&file.module), &file.items);
        }
        names
    }
    fn collect(&mut self, module: &Segments, items: &[Item]) {
        let mut scope = Scope::default();
        for item in items {
            if let Item::Mod(inner) = item
                && let Some((_, items)) = &inner.content
            {
                self.collect(&joined(module, [inner.ident.to_string()]), items);
            }
            scope.items.extend(defined(item));
        }
        let mut imports = Imports(Vec::new());
        for item in items {
            imports.visit_item(item);
        }
        for import in imports.0 {
            match import.name {
                Some(name) => drop(scope.imports.insert(name, import.path)),
                None => scope.globs.push(import.path),
            }
        }
        let known = self.modules.entry(module.clone()).or_default();
        known.items.extend(scope.items);
        known.imports.extend(scope.imports);
        known.globs.extend(scope.globs);
    }
    /// What a path that is written in `module` names: itself from the root, then what it is re-exported from.
    pub(crate) fn trace(&self, module: &Segments, written: &[String]) -> Vec<Segments> {
        self.trace_within(module, written, HOPS)
    }
    fn trace_within(&self, module: &Segments, written: &[String], hops: usize) -> Vec<Segments> {
        let mut found = Vec::new();
        let mut path = self.absolute(module, written, hops);
        while found.len() < hops && !found.contains(&path) {
            let next = self.behind(&path, hops - found.len() - 1);
            found.push(path);
            match next {
                Some(next) => path = next,
                None => break,
            }
        }
        found
    }
    /// The path from the root, imports not followed.
    fn absolute(&self, module: &Segments, written: &[String], hops: usize) -> Segments {
        let mut at = module.clone();
        let mut rest = written;
        match written.first().map(String::as_str) {
            Some("crate") => written.to_vec(),
            Some("self" | "super") => {
                while let Some((first, more)) = rest.split_first() {
                    match first.as_str() {
                        "self" => {}
                        "super" if at.len() > 1 => drop(at.pop()),
                        _ => break,
                    }
                    rest = more;
                }
                joined(&at, rest.iter().cloned())
            }
            Some(name) if self.has(&at, name, hops) => joined(&at, written.iter().cloned()),
            _ => written.to_vec(),
        }
    }
    /// Whether a module has a name: as an inner module, an item, an import or by a glob.
    fn has(&self, module: &Segments, name: &str, hops: usize) -> bool {
        self.modules.contains_key(&joined(module, [name.to_owned()]))
            || self.modules.get(module).is_some_and(|scope| {
                scope.items.contains(name) || scope.imports.contains_key(name) || {
                    scope
                        .globs
                        .iter()
                        .any(|glob| self.by_glob(module, glob, name, hops).is_some())
                }
            })
    }
    fn by_glob(&self, module: &Segments, glob: &[String], name: &str, hops: usize) -> Option<Segments> {
        let hops = hops.checked_sub(1)?;
        let target = self.trace_within(module, glob, hops).pop()?;
        self.has(&target, name, hops)
            .then(|| joined(&target, [name.to_owned()]))
    }
    /// What the first import on the way along a path stands for.
    fn behind(&self, path: &Segments, hops: usize) -> Option<Segments> {
        let mut module = vec![path.first().filter(|first| *first == "crate")?.clone()];
        for (index, name) in path.iter().enumerate().skip(1) {
            let inner = joined(&module, [name.clone()]);
            if self.modules.contains_key(&inner) {
                module = inner;
                continue;
            }
            let scope = self.modules.get(&module)?;
            if scope.items.contains(name) {
                return None;
            }
            let target = match scope.imports.get(name) {
                // `use x;` names another crate, also where the import itself is called so.
                Some(target) if target.first() == Some(name) => target.clone(),
                Some(target) => self.absolute(&module, target, hops.checked_sub(1)?),
                None => scope
                    .globs
                    .iter()
                    .find_map(|glob| self.by_glob(&module, glob, name, hops))?,
            };
            return Some(joined(&target, path.get(index + 1..)?.iter().cloned()));
        }
        None
    }
    /// All paths of the production code of a file.
    pub(crate) fn references(&self, file: &SourceFile) -> Vec<Reference> {
        let mut paths = Paths {
            module: from_root(&file.module),
            subject: None,
            found: Vec::new(),
        };
        file.items.iter().for_each(|item| paths.visit_item(item));
        paths
            .found
            .into_iter()
            .map(|(line, module, path)| Reference {
                line,
                hops: self.trace(&module, &path),
                module,
            })
            .collect()
    }
}

/// A module's path with `crate`.
pub(crate) fn from_root(module: &[String]) -> Segments {
    joined(&["crate".to_owned()], module.iter().cloned())
}

fn joined(path: &[String], more: impl IntoIterator<Item = String>) -> Segments {
    path.iter().cloned().chain(more).collect()
}

fn defined(item: &Item) -> Option<String> {
    let ident = match item {
        Item::Const(i) => &i.ident,
        Item::Enum(i) => &i.ident,
        Item::Fn(i) => &i.sig.ident,
        Item::Static(i) => &i.ident,
        Item::Struct(i) => &i.ident,
        Item::Trait(i) => &i.ident,
        Item::Type(i) => &i.ident,
        Item::Union(i) => &i.ident,
        _ => return None,
    };
    Some(ident.to_string())
}

/// A leaf of a `use` tree; without a name it is a glob.
struct Import {
    name: Option<String>,
    path: Segments,
    line: usize,
}

/// The imports of a module, those within its functions too, without those of inner modules.
struct Imports(Vec<Import>);

impl Visit<'_> for Imports {
    fn visit_item_mod(&mut self, _: &syn::ItemMod) {}
    fn visit_item_use(&mut self, item: &syn::ItemUse) {
        leaves(&item.tree, &mut Vec::new(), &mut self.0);
    }
}

fn leaves(tree: &UseTree, path: &mut Segments, found: &mut Vec<Import>) {
    let mut leaf = |ident: &syn::Ident, name: Option<String>, path: &Segments| {
        // `use a::{self}` imports `a`.
        let own = ident == "self" && !path.is_empty();
        let full = if own {
            path.clone()
        } else {
            joined(path, [ident.to_string()])
        };
        found.push(Import {
            name: name.or_else(|| full.last().cloned()),
            line: ident.span().start().line,
            path: full,
        });
    };
    match tree {
        UseTree::Path(inner) => {
            path.push(inner.ident.to_string());
            leaves(&inner.tree, path, found);
            path.pop();
        }
        UseTree::Name(name) => leaf(&name.ident, None, path),
        UseTree::Rename(rename) => leaf(&rename.ident, Some(rename.rename.to_string()), path),
        UseTree::Glob(glob) => found.push(Import {
            name: None,
            path: path.clone(),
            line: glob.span().start().line,
        }),
        UseTree::Group(group) => group.items.iter().for_each(|tree| leaves(tree, path, found)),
    }
}

/// Every path of a file with its line and module. In macro calls, what looks like a path.
struct Paths {
    module: Segments,
    /// The type that `Self` stands for.
    subject: Option<Segments>,
    found: Vec<(usize, Segments, Segments)>,
}

impl Paths {
    fn add(&mut self, line: usize, path: Segments) {
        let path = match (&self.subject, path.split_first()) {
            (Some(subject), Some((first, rest))) if first == "Self" => joined(subject, rest.iter().cloned()),
            _ => path,
        };
        self.found.push((line, self.module.clone(), path));
    }
    fn tokens(&mut self, tokens: TokenStream) {
        let (mut path, mut line, mut colons) = (Vec::new(), 0, 0);
        for token in tokens {
            match &token {
                TokenTree::Ident(ident) => {
                    if colons != 2 {
                        self.finish(line, &mut path);
                        line = ident.span().start().line;
                    }
                    path.push(ident.to_string());
                    colons = 0;
                }
                TokenTree::Punct(punct) if punct.as_char() == ':' && !path.is_empty() => colons += 1,
                TokenTree::Group(group) => {
                    self.finish(line, &mut path);
                    self.tokens(group.stream());
                }
                _ => self.finish(line, &mut path),
            }
        }
        self.finish(line, &mut path);
    }
    fn finish(&mut self, line: usize, path: &mut Segments) {
        let path = std::mem::take(path);
        if path.len() > 1 {
            self.add(line, path);
        }
    }
}

impl<'a> Visit<'a> for Paths {
    fn visit_item_mod(&mut self, item: &'a syn::ItemMod) {
        self.module.push(item.ident.to_string());
        visit::visit_item_mod(self, item);
        self.module.pop();
    }
    fn visit_item_use(&mut self, item: &'a syn::ItemUse) {
        let mut found = Vec::new();
        leaves(&item.tree, &mut Vec::new(), &mut found);
        for import in found {
            self.add(import.line, import.path);
        }
    }
    fn visit_item_impl(&mut self, item: &'a syn::ItemImpl) {
        let outer = self.subject.take();
        if let syn::Type::Path(subject) = &*item.self_ty {
            self.subject = Some(segments(&subject.path));
        }
        visit::visit_item_impl(self, item);
        self.subject = outer;
    }
    fn visit_path(&mut self, path: &'a syn::Path) {
        self.add(path.span().start().line, segments(path));
        visit::visit_path(self, path);
    }
    fn visit_macro(&mut self, item: &'a syn::Macro) {
        self.tokens(item.tokens.clone());
        visit::visit_macro(self, item);
    }
    fn visit_attribute(&mut self, _: &'a syn::Attribute) {}
    fn visit_visibility(&mut self, _: &'a syn::Visibility) {}
}

fn segments(path: &syn::Path) -> Segments {
    path.segments
        .iter()
        .map(|segment| segment.ident.to_string())
        .collect()
}
