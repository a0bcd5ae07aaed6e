//! Reads definitions of roles, which use the keys of a manifest, and entries of roles.

use bailiwick_policy::manifest::{
    Span,
    yaml::{Key, Kind, Node},
};
use bailiwick_proto::authorization::v1::{ApprovalRule, RoleDefinition, RoleEntry, RoleLevel};

use crate::read::{fields::Context, values::FromNode};

/// The levels of roles.
pub(crate) const LEVELS: [&str; 3] = ["account", "instance", "workspace"];

impl FromNode for RoleDefinition {
    fn from_node(context: &mut Context, _: &str, node: &Node) -> Option<Self> {
        Some(context.map("`role`", node, |fields| {
            // Roles that are included at all levels may stand beside the levels.
            let includes: Vec<String> = fields.get("includes").unwrap_or_default();
            Self {
                name: fields.need("name"),
                title: fields.get("title").unwrap_or_default(),
                holders: match fields.node("holders") {
                    Some(node) => holders(fields.context, node),
                    None => String::new(),
                },
                levels: {
                    fields.need_node("levels");
                    let read = |context: &mut Context, key: &Key, node: &Node| {
                        if !LEVELS.contains(&key.text.as_str()) {
                            let known = LEVELS.join("`, `");
                            let message = format!("unknown level `{}`; expected one of `{known}`", key.text);
                            context.fault(key.at, message);
                        }
                        (key.text.clone(), level(context, &key.text, node, &includes))
                    };
                    fields.each("levels", read).into_iter().collect()
                },
            }
        }))
    }
}

fn level(context: &mut Context, name: &str, node: &Node, includes: &[String]) -> RoleLevel {
    context.map(format!("level `{name}`"), node, |fields| RoleLevel {
        permissions: fields.get("permissions").unwrap_or_default(),
        assigns: fields.get("assigns").unwrap_or_default(),
        includes: {
            let own: Vec<String> = fields.get("includes").unwrap_or_default();
            includes.iter().cloned().chain(own).collect()
        },
    })
}

/// `{exactly: 1}` or `{at_least: 1}`, as the text that `CreateRole` takes.
fn holders(context: &mut Context, node: &Node) -> String {
    context.map("`holders`", node, |fields| {
        match (fields.get::<u32>("exactly"), fields.get::<u32>("at_least")) {
            (Some(count), None) => format!("exactly {count}"),
            (None, Some(count)) => format!("at least {count}"),
            _ => {
                fields.fault(node.at, "`holders` needs either `exactly` or `at_least`");
                String::new()
            }
        }
    })
}

/// A permission or pattern alone, or as a map with its exceptions, condition and approval.
impl FromNode for RoleEntry {
    fn from_node(context: &mut Context, _: &str, node: &Node) -> Option<Self> {
        if let Kind::Text(permission) = &node.kind {
            return Some(Self {
                permission: permission.clone(),
                ..Self::default()
            });
        }
        Some(context.map("an entry", node, |fields| {
            let mut entry = Self {
                permission: fields.need("permission"),
                except: fields.get("except").unwrap_or_default(),
                when: fields.get("when").unwrap_or_default(),
                ..Self::default()
            };
            if let Some(Kind::Map(_)) = fields.node("approval").map(|node| &node.kind) {
                entry.approval_rule = fields.get("approval");
            } else {
                let none = fields.word("approval", &[("none", "none")]);
                entry.approval = none.unwrap_or_default().to_owned();
            }
            entry
        }))
    }
}

impl FromNode for ApprovalRule {
    fn from_node(context: &mut Context, _: &str, node: &Node) -> Option<Self> {
        Some(context.map("`approval`", node, |fields| {
            Self {
                by: fields.need("by"),
                stays: fields
                    .word("serves", &[("once", false), ("stays", true)])
                    .unwrap_or_default(),
                when_setting: fields.get("when_setting").unwrap_or_default(),
                binds: fields.get("binds").unwrap_or_default(),
                lifetime: fields
                    .get::<Span>("expires")
                    .and_then(|span| span.to_duration().try_into().ok()),
            }
        }))
    }
}
