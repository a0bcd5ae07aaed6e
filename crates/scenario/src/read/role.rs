//! Roles of an account's own, in the words of a manifest, and changes of roles.

use std::collections::HashMap;

use bailiwick_proto::authorization::v1::{ApprovalRule, RoleDefinition, RoleEntry, RoleLevel};

use crate::{
    model::{Level, RoleChange},
    parse::{
        fields::{Context, Fields},
        verb::duration,
    },
    yaml::{Node, Value},
};

const LEVELS: [(&str, &str); 3] = [
    ("account", "account"),
    ("instance", "instance"),
    ("workspace", "workspace"),
];

/// Reads the definition of a role. What a role includes at all its levels may stand beside them.
pub(crate) fn definition(context: &mut Context, node: &Node) -> RoleDefinition {
    let mut fields = Fields::of(context, "`role`", node);
    let name = fields.need_text("name");
    let title = fields.text("title").unwrap_or_default();
    let includes = fields.texts("includes").unwrap_or_default();
    let holders = fields.node("holders");
    let levels = fields.need("levels");
    fields.finish();
    let holders = holders.map(|node| rule_about_holders(context, node));
    let levels = match levels.map(|node| (&node.value, node)) {
        None => HashMap::new(),
        Some((Value::Map(entries), _)) => {
            let read = |(key, node): &(crate::yaml::Key, Node)| {
                if Level::ALL.iter().all(|level| level.as_str() != key.text) {
                    context
                        .faults
                        .add(key.at, format!("unknown level `{}` of a role", key.text));
                }
                (key.text.clone(), level(context, &key.text, node, &includes))
            };
            entries.iter().map(read).collect()
        }
        Some((_, node)) => {
            context
                .faults
                .add(node.at, format!("`levels` must be a map, not {}", node.kind()));
            HashMap::new()
        }
    };
    RoleDefinition {
        name,
        title,
        levels,
        holders: holders.unwrap_or_default(),
    }
}

/// `{exactly: 1}` or `{at_least: 1}`, as the method takes it.
fn rule_about_holders(context: &mut Context, node: &Node) -> String {
    let mut fields = Fields::of(context, "`holders`", node);
    let (exactly, at_least) = (fields.number("exactly"), fields.number("at_least"));
    fields.finish();
    match (exactly, at_least) {
        (Some(count), None) => format!("exactly {count}"),
        (None, Some(count)) => format!("at least {count}"),
        _ => {
            let message = "`holders` needs either `exactly` or `at_least`".to_owned();
            context.faults.add(node.at, message);
            String::new()
        }
    }
}

fn level(context: &mut Context, name: &str, node: &Node, includes: &[String]) -> RoleLevel {
    let mut fields = Fields::of(context, &format!("level `{name}`"), node);
    let permissions = entries(&mut fields, "permissions");
    let assigns = fields.texts("assigns").unwrap_or_default();
    let own = fields.texts("includes").unwrap_or_default();
    fields.finish();
    RoleLevel {
        permissions,
        assigns,
        includes: includes.iter().cloned().chain(own).collect(),
    }
}

/// Reads what is added to a role and taken from it.
pub(crate) fn change(fields: &mut Fields<'_, '_>) -> RoleChange {
    RoleChange {
        account: fields.need_account("account"),
        role: fields.need_text("role"),
        level: fields.word("level", &LEVELS).unwrap_or_default().to_owned(),
        add: entries(fields, "add"),
        remove: fields.texts("remove").unwrap_or_default(),
    }
}

/// Entries of a role: a permission or pattern alone, or with what belongs to it.
fn entries(fields: &mut Fields<'_, '_>, name: &'static str) -> Vec<RoleEntry> {
    let Some(node) = fields.node(name) else {
        return Vec::new();
    };
    let Value::List(items) = &node.value else {
        fields.fault(node.at, format!("`{name}` must be a list, not {}", node.kind()));
        return Vec::new();
    };
    items.iter().map(|item| entry(fields.context, item)).collect()
}

fn entry(context: &mut Context, node: &Node) -> RoleEntry {
    if let Value::Text(permission) = &node.value {
        return RoleEntry {
            permission: permission.clone(),
            ..RoleEntry::default()
        };
    }
    let mut fields = Fields::of(context, "an entry", node);
    let permission = fields.need_text("permission");
    let except = fields.texts("except").unwrap_or_default();
    let when = fields.text("when").unwrap_or_default();
    let (mut approval, mut approval_rule) = (String::new(), None);
    match fields.node("approval") {
        Some(node) if matches!(node.value, Value::Map(_)) => approval_rule = Some(rule(fields.context, node)),
        Some(_) => {
            let word = fields.word("approval", &[("none", "none")]);
            approval = word.unwrap_or_default().to_owned();
        }
        None => {}
    }
    fields.finish();
    RoleEntry {
        permission,
        except,
        when,
        approval,
        approval_rule,
    }
}

/// A rule of an entry's own.
fn rule(context: &mut Context, node: &Node) -> ApprovalRule {
    let mut fields = Fields::of(context, "`approval`", node);
    let by = fields.need_text("by");
    let stays = fields
        .word("serves", &[("once", false), ("stays", true)])
        .unwrap_or_default();
    let when_setting = fields.text("when_setting").unwrap_or_default();
    let at = fields.node("expires").map(|node| node.at);
    let lifetime = fields.text("expires").and_then(|text| {
        let seconds = duration(&text).and_then(|length| i64::try_from(length.as_secs()).ok());
        if seconds.is_none() {
            fields.fault(
                at.unwrap_or(node.at),
                format!("`expires` must be a duration as `90s`, `1m`, `4h` or `30d`, not `{text}`"),
            );
        }
        seconds.map(|seconds| prost_types::Duration { seconds, nanos: 0 })
    });
    fields.finish();
    ApprovalRule {
        by,
        stays,
        lifetime,
        when_setting,
    }
}
