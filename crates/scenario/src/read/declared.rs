//! The names that a file declares, wherever it does: later reading knows them all.

use crate::{
    model::{Level, Scope},
    parse::fields::Context,
    yaml::{Key, Node, Value},
};

/// Collects the names of users, scopes, groups and requests for approval. Scopes of `given` must have names of their own.
pub(crate) fn collect(context: &mut Context, root: &Node) {
    if let Some(given) = get(root, "given") {
        for (key, _) in entries(get(given, "users")) {
            context.users.insert(key.text.clone());
        }
        let mut named: Vec<&Key> = Vec::new();
        for (account, node) in entries(get(given, "accounts")) {
            declare(context, &mut named, Level::Account, account);
            for (instance, node) in entries(get(node, "instances")) {
                declare(context, &mut named, Level::Instance, instance);
                workspaces(context, &mut named, node);
            }
            workspaces(context, &mut named, node);
        }
    }
    let Some(Value::List(steps)) = get(root, "steps").map(|node| &node.value) else {
        return;
    };
    for step in steps {
        for (verb, arguments) in entries(Some(step)) {
            let text = |name: &str| match get(arguments, name).map(|node| &node.value) {
                Some(Value::Text(text)) => Some(text.clone()),
                _ => None,
            };
            let scope = |level, name: &str| text(name).map(|id| Scope { level, id });
            match verb.text.as_str() {
                "create_instance" => context.scopes.extend(scope(Level::Instance, "id")),
                "create_workspace" => context.scopes.extend(scope(Level::Workspace, "id")),
                "sign_up" => {
                    context.users.extend(text("user"));
                    context.scopes.extend(scope(Level::Account, "account"));
                    context.scopes.extend(scope(Level::Instance, "instance"));
                }
                "create_group" => context.groups.extend(text("group")),
                "request_approval" => context.requests.extend(text("id")),
                _ => {}
            }
        }
    }
}

fn workspaces<'a>(context: &mut Context, named: &mut Vec<&'a Key>, node: &'a Node) {
    for (workspace, _) in entries(get(node, "workspaces")) {
        declare(context, named, Level::Workspace, workspace);
    }
}

fn declare<'a>(context: &mut Context, named: &mut Vec<&'a Key>, level: Level, key: &'a Key) {
    if let Some(first) = named.iter().find(|other| other.text == key.text) {
        let message = format!("`{}` is declared already in line {}", key.text, first.at.line);
        context.faults.add(key.at, message);
    }
    named.push(key);
    context.scopes.insert(Scope {
        level,
        id: key.text.clone(),
    });
}

fn get<'a>(node: &'a Node, name: &str) -> Option<&'a Node> {
    entries(Some(node))
        .iter()
        .find(|(key, _)| key.text == name)
        .map(|(_, node)| node)
}

fn entries(node: Option<&Node>) -> &[(Key, Node)] {
    match node.map(|node| &node.value) {
        Some(Value::Map(entries)) => entries,
        _ => &[],
    }
}
