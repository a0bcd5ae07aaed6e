//! Collects the names that a file declares, before anything is read that uses them.

use bailiwick_policy::{
    Level,
    manifest::yaml::{Key, Kind, Node},
};

use crate::{
    read::{fields::Context, values::Named},
    verbs,
};

/// Collects the names of all kinds. No two scopes of `given` may share a name.
pub(crate) fn collect(context: &mut Context, root: &Node) {
    if let Some(given) = root.kind.get("given") {
        for (key, _) in entries(given, "users") {
            context.declare(Named::User, &key.text);
        }
        let mut first = Vec::new();
        for (account, node) in entries(given, "accounts") {
            declare(context, &mut first, Level::Account, account);
            for (instance, node) in entries(node, "instances") {
                declare(context, &mut first, Level::Instance, instance);
                workspaces(context, &mut first, node);
            }
            workspaces(context, &mut first, node);
        }
    }
    let Some(Kind::List(steps)) = root.kind.get("steps").map(|node| &node.kind) else {
        return;
    };
    for (verb, arguments) in steps.iter().flat_map(|step| step.kind.entries()) {
        let declares = verbs::entry(&verb.text).map_or(&[] as &[_], |entry| (entry.declares)());
        for (key, named) in declares {
            if let Some(Kind::Text(name)) = arguments.kind.get(key).map(|node| &node.kind) {
                context.declare(*named, name);
            }
        }
    }
}

fn workspaces<'n>(context: &mut Context, first: &mut Vec<&'n Key>, node: &'n Node) {
    for (workspace, _) in entries(node, "workspaces") {
        declare(context, first, Level::Workspace, workspace);
    }
}

fn declare<'n>(context: &mut Context, first: &mut Vec<&'n Key>, level: Level, key: &'n Key) {
    if let Some(first) = first.iter().find(|other| other.text == key.text) {
        let message = format!("`{}` is already declared in line {}", key.text, first.at.line);
        context.fault(key.at, message);
    }
    first.push(key);
    context.declare(Named::Scope(level), &key.text);
}

fn entries<'n>(node: &'n Node, name: &str) -> &'n [(Key, Node)] {
    node.kind.get(name).map_or(&[], |node| node.kind.entries())
}
