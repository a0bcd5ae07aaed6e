//! Every field of every request is read by whoever serves the method: a field that is declared and not looked
//! at promises what does not happen.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
};

use anyhow::{Context, Result};
use prost::Message;
use prost_types::{DescriptorProto, FileDescriptorSet, field_descriptor_proto::Type};
use syn::{
    Member,
    visit::{self, Visit},
};

use crate::{
    codegen::snake,
    source::{SourceFile, Workspace},
};

const DESCRIPTORS: &str = "crates/proto/src/gen/descriptor.bin";
/// Methods that are declared and not served yet.
const LATER: &str = "tests/golden/unimplemented.txt";
/// Services that only builds for tests have.
const TESTING: &str = "bailiwick.testing";

/// Finds fields of requests that no handler reads.
pub(crate) fn faults(workspace: &Workspace) -> Result<Vec<String>> {
    let bytes = fs::read(workspace.root.join(DESCRIPTORS)).context(DESCRIPTORS)?;
    let set = FileDescriptorSet::decode(&*bytes)?;
    let later = fs::read_to_string(workspace.root.join(LATER)).context(LATER)?;
    let later: BTreeSet<&str> = later.lines().collect();
    let messages = messages(&set);
    let mut faults = Vec::new();
    for file in &set.file {
        let package = file.package();
        if !package.starts_with("bailiwick.") || package.starts_with(TESTING) {
            continue;
        }
        for service in &file.service {
            for method in &service.method {
                let path = format!("/{package}.{}/{}", service.name(), method.name());
                if later.contains(&*path) {
                    continue;
                }
                let read = read_by(workspace, package, &snake(method.name()));
                if read.handler.is_empty() {
                    faults.push(format!("{path}: no file serves this method"));
                    continue;
                }
                for unread in unread(&messages, method.input_type(), &read) {
                    faults.push(format!("{path}: nobody reads `{unread}` of the request"));
                }
            }
        }
    }
    Ok(faults)
}

/// The names of fields that are read.
#[derive(Default)]
struct Read {
    /// Where the method is served.
    handler: BTreeSet<String>,
    /// In all handlers of the service: what is in a part of a request is read by functions that methods
    /// share.
    shared: BTreeSet<String>,
    /// The variants that are named anywhere in the service: a `oneof` is read by matching them.
    variants: BTreeSet<String>,
}

fn read_by(workspace: &Workspace, package: &str, method: &str) -> Read {
    let name = package.split('.').nth(1).unwrap_or_default();
    let root = match name {
        "events" => "crates/feed/src/".to_owned(),
        name => format!("crates/{name}/server/src/grpc/"),
    };
    let files: Vec<&SourceFile> = workspace
        .files()
        .filter(|file| file.path.starts_with(&root))
        .collect();
    let mut read = Read::default();
    for file in &files {
        let found = Fields::of(file);
        read.shared.extend(found.names);
        read.variants.extend(found.variants);
    }
    // A file a method, with what it shares in its folder; or a file that implements the service itself.
    let own = format!("/{method}.rs");
    let function = format!("fn {method}(");
    let named = files.iter().find(|file| file.path.ends_with(&own));
    let served = named.or_else(|| files.iter().find(|file| file.text.contains(&function)));
    let Some(served) = served else { return read };
    let folder = served.path.rsplit_once('/').map_or("", |(folder, _)| folder);
    let beside = format!("{folder}/mod.rs");
    let handler = files
        .iter()
        .filter(|file| file.path == served.path || (named.is_some() && file.path == beside));
    for file in handler {
        read.handler.extend(Fields::of(file).names);
    }
    read
}

/// What the code of a file reads and matches.
#[derive(Default)]
struct Fields {
    names: BTreeSet<String>,
    variants: BTreeSet<String>,
}

impl Fields {
    fn of(file: &SourceFile) -> Self {
        let mut found = Self::default();
        file.items.iter().for_each(|item| found.visit_item(item));
        found
    }
    fn add(&mut self, name: &syn::Ident) {
        let name = name.to_string();
        self.names.insert(name.trim_start_matches("r#").to_owned());
    }
}

impl<'a> Visit<'a> for Fields {
    fn visit_expr_field(&mut self, field: &'a syn::ExprField) {
        if let Member::Named(name) = &field.member {
            self.add(name);
        }
        visit::visit_expr_field(self, field);
    }
    // The name of an enumeration's field is also that of the method which reads it, without arguments.
    fn visit_expr_method_call(&mut self, call: &'a syn::ExprMethodCall) {
        if call.args.is_empty() {
            self.add(&call.method);
        }
        visit::visit_expr_method_call(self, call);
    }
    fn visit_field_pat(&mut self, field: &'a syn::FieldPat) {
        if let Member::Named(name) = &field.member {
            self.add(name);
        }
        visit::visit_field_pat(self, field);
    }
    fn visit_path(&mut self, path: &'a syn::Path) {
        if let Some(last) = path.segments.last() {
            self.variants.insert(snake(&last.ident.to_string()));
        }
        visit::visit_path(self, path);
    }
    fn visit_macro(&mut self, called: &'a syn::Macro) {
        use syn::{Expr, Token, punctuated::Punctuated};
        let parse = Punctuated::<Expr, Token![,]>::parse_terminated;
        if let Ok(arguments) = called.parse_body_with(parse) {
            for argument in &arguments {
                // The expressions of a macro live as long as this call.
                let mut inner = Fields::default();
                Visit::visit_expr(&mut inner, argument);
                self.names.append(&mut inner.names);
                self.variants.append(&mut inner.variants);
            }
        }
    }
}

/// All messages by their full names, with a dot before them.
fn messages(set: &FileDescriptorSet) -> BTreeMap<String, &DescriptorProto> {
    let mut all = BTreeMap::new();
    for file in &set.file {
        for message in &file.message_type {
            let path = format!(".{}.{}", file.package(), message.name());
            for nested in &message.nested_type {
                all.insert(format!("{path}.{}", nested.name()), nested);
            }
            all.insert(path, message);
        }
    }
    all
}

/// The fields that are not read, those of messages in the request by their paths.
fn unread(messages: &BTreeMap<String, &DescriptorProto>, request: &str, read: &Read) -> Vec<String> {
    let mut unread = Vec::new();
    let mut seen = BTreeSet::new();
    let mut open = vec![(String::new(), request.to_owned())];
    while let Some((path, name)) = open.pop() {
        let Some(message) = messages.get(&name).filter(|_| seen.insert(name.clone())) else {
            continue;
        };
        // The entries of a map are read with the map.
        let is_entry = message
            .options
            .as_ref()
            .is_some_and(prost_types::MessageOptions::map_entry);
        let by = if path.is_empty() {
            &read.handler
        } else {
            &read.shared
        };
        for field in &message.field {
            let at = format!("{path}{}", field.name());
            let in_oneof = field.oneof_index.is_some() && !field.proto3_optional();
            let is_matched = in_oneof && read.variants.contains(field.name());
            if !is_entry && !is_matched && !by.contains(field.name()) {
                unread.push(at.clone());
            }
            // What an update mask names is read by its name.
            let is_masked = message.field.iter().any(|other| other.name() == "update_mask");
            let of_bailiwick = !is_masked && field.type_name().starts_with(".bailiwick.");
            if of_bailiwick && field.r#type() == Type::Message {
                open.push((format!("{at}."), field.type_name().to_owned()));
            }
        }
    }
    unread
}

#[cfg(test)]
mod tests {
    use prost_types::FieldDescriptorProto;

    use super::*;

    #[test]
    fn a_field_that_nobody_reads_is_found_and_so_is_one_inside_another() {
        let field = |name: &str, of: Option<&str>| FieldDescriptorProto {
            name: Some(name.to_owned()),
            r#type: of.map(|_| Type::Message.into()),
            type_name: of.map(str::to_owned),
            ..FieldDescriptorProto::default()
        };
        let message = |fields: Vec<FieldDescriptorProto>| DescriptorProto {
            field: fields,
            ..DescriptorProto::default()
        };
        let outer = message(vec![
            field("account", None),
            field("request_id", None),
            field("target", Some(".bailiwick.Inner")),
        ]);
        let inner = message(vec![field("reach", None), field("kind", None)]);
        let messages = BTreeMap::from([
            (".bailiwick.Outer".to_owned(), &outer),
            (".bailiwick.Inner".to_owned(), &inner),
        ]);
        let file: syn::File = syn::parse_str(
            "fn read(message: Outer) { fields.account(&message.account); of(message.target); }
             fn of(target: Inner) { match target.kind() { Kind::A { reached, .. } => {} } }",
        )
        .unwrap();
        let mut found = Fields::default();
        found.visit_file(&file);
        let read = Read {
            handler: found.names.clone(),
            shared: found.names,
            variants: found.variants,
        };
        assert_eq!(
            unread(&messages, ".bailiwick.Outer", &read),
            ["request_id", "target.reach"]
        );
    }
}
