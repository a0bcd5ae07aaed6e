//! `error-reasons.md`: the reasons of refusals, with the examples of the proto.

use std::{fs, path::Path};

use anyhow::{Context, Result, bail, ensure};
use proc_macro2::{Delimiter, TokenStream, TokenTree};
use syn::Item;

use super::{code, head, table};

const RUST: &str = "crates/types/src/fault.rs";
const PROTO: &str = "proto/bailiwick/common/v1/error_reason.proto";
const INTRODUCTION: &str = "\
`google.rpc.ErrorInfo.reason` of every failed call, in the domain `bailiwick`. Programs act on the reason and the gRPC code; \
the message is for people and may change. [Errors](../development/errors.md) says how the code declares them.\n\n";

/// A reason with the sentence that says what it means.
#[derive(Debug, PartialEq, Eq)]
struct Reason {
    word: String,
    meaning: String,
}

pub(super) fn page(root: &Path) -> Result<String> {
    let read =
        |path: &str| fs::read_to_string(root.join(path)).with_context(|| format!("cannot read `{path}`"));
    let examples = of_proto(&read(PROTO)?);
    let mut rows = Vec::new();
    for Reason { word, meaning } in of_rust(&read(RUST)?)? {
        let comment = examples
            .iter()
            .find(|reason| reason.word == word)
            .with_context(|| format!("`{word}` of `{RUST}` is not in `{PROTO}`"))?;
        // One sentence in two files: they must not drift apart.
        let Some(example) = comment.meaning.strip_prefix(&format!("{meaning} Example: ")) else {
            bail!(
                "`{PROTO}`: the comment of `{word}` must be `{meaning} Example: ...`, found `{}`",
                comment.meaning
            );
        };
        rows.push([code(&word), meaning, capitalized(example)]);
    }
    ensure!(
        rows.len() == examples.len(),
        "`{PROTO}` has {} reasons, `{RUST}` has {}",
        examples.len(),
        rows.len()
    );
    rows.sort();
    let source = format!("`{RUST}` and `{PROTO}`");
    Ok(head("Error reasons", &source) + INTRODUCTION + &table(["Reason", "Meaning", "Example"], rows))
}

/// The example as a sentence of its own.
fn capitalized(example: &str) -> String {
    let mut rest = example.chars();
    rest.next()
        .map_or_else(String::new, |first| first.to_uppercase().chain(rest).collect())
}

/// The entries of `reasons! { /// Meaning.\n Name "WORD"; }`.
fn of_rust(text: &str) -> Result<Vec<Reason>> {
    let file = syn::parse_file(text).with_context(|| format!("cannot parse `{RUST}`"))?;
    let tokens = file
        .items
        .into_iter()
        .find_map(|item| match item {
            Item::Macro(item) if item.mac.path.is_ident("reasons") => Some(item.mac.tokens),
            _ => None,
        })
        .with_context(|| format!("`{RUST}` has no `reasons!`"))?;
    let (mut reasons, mut lines) = (Vec::new(), Vec::new());
    for token in tokens {
        match token {
            TokenTree::Group(group) if group.delimiter() == Delimiter::Bracket => {
                lines.extend(literal(group.stream()));
            }
            TokenTree::Literal(word) => reasons.push(Reason {
                word: unquoted(&word)?,
                meaning: std::mem::take(&mut lines).join(" "),
            }),
            _ => {}
        }
    }
    Ok(reasons)
}

/// The line of `doc = " A line."`.
fn literal(attribute: TokenStream) -> Option<String> {
    attribute.into_iter().find_map(|token| match token {
        TokenTree::Literal(line) => unquoted(&line).ok().map(|line| line.trim().to_owned()),
        _ => None,
    })
}

fn unquoted(literal: &proc_macro2::Literal) -> Result<String> {
    let text: syn::LitStr = syn::parse_str(&literal.to_string())?;
    Ok(text.value())
}

/// The values of the enum with the comments above them, without that of 0.
fn of_proto(text: &str) -> Vec<Reason> {
    let (mut reasons, mut lines) = (Vec::new(), Vec::new());
    for line in text.lines().map(str::trim) {
        if let Some(comment) = line.strip_prefix("//") {
            lines.push(comment.trim());
            continue;
        }
        let meaning = std::mem::take(&mut lines).join(" ");
        let value = line
            .strip_prefix("ERROR_REASON_")
            .and_then(|rest| rest.split_once(" = "));
        if let Some((word, number)) = value
            && number != "0;"
        {
            reasons.push(Reason {
                word: word.to_owned(),
                meaning,
            });
        }
    }
    reasons
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reason(word: &str, meaning: &str) -> Reason {
        Reason {
            word: word.to_owned(),
            meaning: meaning.to_owned(),
        }
    }

    #[test]
    fn reasons_are_read_from_the_macro_with_their_sentences() {
        let text = "reasons! {\n/// It is `gone`,\n/// or was.\nGone \"GONE\";\n/// Full.\nFull \"FULL\";\n}";
        let expected = [reason("GONE", "It is `gone`, or was."), reason("FULL", "Full.")];
        assert_eq!(of_rust(text).unwrap(), expected);
    }

    #[test]
    fn reasons_are_read_from_the_proto_without_the_unspecified_one() {
        let text = "// Why.\nenum ErrorReason {\n  // None.\n  ERROR_REASON_UNSPECIFIED = 0;\n\
                    // Full.\n  // Example: it.\n  ERROR_REASON_FULL = 1;\n}\n";
        assert_eq!(of_proto(text), [reason("FULL", "Full. Example: it.")]);
    }
}
