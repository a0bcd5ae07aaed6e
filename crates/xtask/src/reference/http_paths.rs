//! `http-paths.md`: every path of the HTTP listener.

use std::collections::BTreeMap;

use anyhow::{Context, Result, bail};
use syn::{
    Attribute, Expr, ExprMethodCall, Item, Lit, Meta,
    visit::{self, Visit},
};

use super::{code, head, table};
use crate::source::{SourceFile, Workspace};

const INTRODUCTION: &str = "\
What the HTTP listener answers. Token, introspection and revocation take the credentials of a client, as their standards \
say; the others take none. Health and metrics have a listener of their own where one is configured.\n\n";

pub(super) fn page(workspace: &Workspace) -> Result<String> {
    let mut rows = Vec::new();
    for krate in &workspace.crates {
        for file in &krate.files {
            rows.extend(routes(file)?);
        }
    }
    rows.sort();
    Ok(head("HTTP paths", "the sources") + INTRODUCTION + &table(["Method", "Path", "Meaning"], rows))
}

/// The routes of a file: a constant each, whose comment says what is answered.
fn routes(file: &SourceFile) -> Result<Vec<[String; 3]>> {
    let mut calls = Calls(Vec::new());
    file.items.iter().for_each(|item| calls.visit_item(item));
    let constants: BTreeMap<String, (String, String)> = file.items.iter().filter_map(constant).collect();
    let mut rows = Vec::new();
    for (method, path) in calls.0 {
        let Some(path) = path else {
            bail!("{}: the path of a route must be a constant", file.path);
        };
        let known = constants.get(&path);
        let (path, meaning) =
            known.with_context(|| format!("{}: `{path}` is no constant of the file", file.path))?;
        if meaning.is_empty() {
            bail!("{}: the constant of `{path}` needs a comment", file.path);
        }
        rows.push([code(&method), code(path), meaning.clone()]);
    }
    Ok(rows)
}

/// The name of a constant, its text and its comment.
fn constant(item: &Item) -> Option<(String, (String, String))> {
    let Item::Const(constant) = item else { return None };
    let Expr::Lit(literal) = &*constant.expr else {
        return None;
    };
    let Lit::Str(text) = &literal.lit else { return None };
    let comment: Vec<String> = constant.attrs.iter().filter_map(comment).collect();
    Some((constant.ident.to_string(), (text.value(), comment.join(" "))))
}

fn comment(attribute: &Attribute) -> Option<String> {
    let Meta::NameValue(pair) = &attribute.meta else {
        return None;
    };
    let Expr::Lit(literal) = &pair.value else {
        return None;
    };
    match &literal.lit {
        Lit::Str(text) if pair.path.is_ident("doc") => Some(text.value().trim().to_owned()),
        _ => None,
    }
}

/// The calls of `route(PATH, get(handler))`: method, and path where it is the name of a constant.
struct Calls(Vec<(String, Option<String>)>);

impl<'a> Visit<'a> for Calls {
    fn visit_expr_method_call(&mut self, call: &'a ExprMethodCall) {
        visit::visit_expr_method_call(self, call);
        let arguments: Vec<&Expr> = call.args.iter().collect();
        let [path, Expr::Call(handler)] = arguments.as_slice() else {
            return;
        };
        let Expr::Path(method) = &*handler.func else {
            return;
        };
        if call.method != "route" {
            return;
        }
        let method = method
            .path
            .segments
            .last()
            .map(|last| last.ident.to_string().to_uppercase());
        let path = match path {
            Expr::Path(path) => path.path.get_ident().map(ToString::to_string),
            _ => None,
        };
        self.0.push((method.unwrap_or_default(), path));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(text: &str) -> Result<Vec<[String; 3]>> {
        routes(&SourceFile::parse("x.rs".to_owned(), Vec::new(), text.to_owned()).unwrap())
    }

    #[test]
    fn a_route_is_told_with_the_comment_of_its_constant() {
        let text = "/// Says hello.\nconst HELLO: &str = \"/hello\";\n\
                    fn a() { Router::new().route(HELLO, get(hello)); }";
        assert_eq!(
            of(text).unwrap(),
            [[
                "`GET`".to_owned(),
                "`/hello`".to_owned(),
                "Says hello.".to_owned()
            ]]
        );
    }

    #[test]
    fn a_route_without_constant_or_comment_is_refused() {
        assert!(of("fn a() { Router::new().route(\"/hello\", get(hello)); }").is_err());
        let bare = "const HELLO: &str = \"/hello\";\nfn a() { Router::new().route(HELLO, get(hello)); }";
        assert!(of(bare).is_err());
    }
}
