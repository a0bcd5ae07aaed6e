//! What is there before the first step.

use crate::{
    model::{Account, Binding, Given, Kind, Place, Resource, User},
    parse::fields::{Context, Fields},
    yaml::{Key, Node, Value},
};

const KINDS: [(&str, Kind); 4] = [
    ("agent", Kind::Agent),
    ("customer", Kind::Customer),
    ("anonymous", Kind::Anonymous),
    ("service", Kind::Service),
];

pub(crate) fn read(context: &mut Context, node: &Node) -> Given {
    let mut fields = Fields::of(context, "`given`", node);
    let users = fields.node("users");
    let accounts = fields.node("accounts");
    let roles = fields.node("roles");
    let resources = fields.node("resources");
    fields.finish();
    Given {
        users: each(context, "users", users, user),
        accounts: each(context, "accounts", accounts, account),
        roles: roles.map(|node| bindings(context, node)).unwrap_or_default(),
        resources: each(context, "resources", resources, resource),
    }
}

/// Reads each entry of a map.
fn each<T>(
    context: &mut Context,
    name: &str,
    node: Option<&Node>,
    read: impl Fn(&mut Context, &Key, &Node) -> T,
) -> Vec<T> {
    match node.map(|node| (&node.value, node)) {
        None => Vec::new(),
        Some((Value::Map(entries), _)) => entries
            .iter()
            .map(|(key, node)| read(context, key, node))
            .collect(),
        Some((_, node)) => {
            context
                .faults
                .add(node.at, format!("`{name}` must be a map, not {}", node.kind()));
            Vec::new()
        }
    }
}

fn user(context: &mut Context, key: &Key, node: &Node) -> User {
    let mut fields = Fields::of(context, &format!("user `{}`", key.text), node);
    let email = fields
        .text("email")
        .unwrap_or_else(|| format!("{}@example.com", key.text));
    let kind = fields.word("kind", &KINDS).unwrap_or(Kind::Agent);
    let expires = fields.instant("expires");
    let member_of = fields.texts("member_of").unwrap_or_default();
    let at = fields.node("member_of").map_or(node.at, |list| list.at);
    for account in &member_of {
        fields.known_scope(at, &crate::model::Scope::account(account));
    }
    if kind == Kind::Anonymous && !member_of.is_empty() {
        fields.fault(at, "anonymous users are no members".to_owned());
    }
    fields.finish();
    User {
        line: key.at.line,
        id: key.text.clone(),
        email,
        kind,
        member_of,
        expires,
    }
}

fn account(context: &mut Context, key: &Key, node: &Node) -> Account {
    let mut fields = Fields::of(context, &format!("account `{}`", key.text), node);
    let title = fields.need_text("title");
    let seats = fields.number("seats").unwrap_or_default();
    let settings = fields.json("settings").unwrap_or_default();
    let owner = fields.user("owner");
    let instances = fields.node("instances");
    let workspaces = fields.node("workspaces");
    fields.finish();
    Account {
        line: key.at.line,
        id: key.text.clone(),
        title,
        seats,
        settings,
        owner,
        instances: each(context, "instances", instances, instance),
        workspaces: each(context, "workspaces", workspaces, workspace),
    }
}

fn instance(context: &mut Context, key: &Key, node: &Node) -> Place {
    let mut fields = Fields::of(context, &format!("instance `{}`", key.text), node);
    let title = fields.need_text("title");
    let edition = fields.text("edition").unwrap_or_default();
    let workspaces = fields.node("workspaces");
    fields.finish();
    let workspaces = each(context, "workspaces", workspaces, workspace);
    Place {
        line: key.at.line,
        id: key.text.clone(),
        title,
        edition,
        workspaces,
    }
}

fn workspace(context: &mut Context, key: &Key, node: &Node) -> Place {
    let mut fields = Fields::of(context, &format!("workspace `{}`", key.text), node);
    let title = fields.need_text("title");
    fields.finish();
    Place {
        line: key.at.line,
        id: key.text.clone(),
        title,
        edition: String::new(),
        workspaces: Vec::new(),
    }
}

fn bindings(context: &mut Context, node: &Node) -> Vec<(u64, Binding)> {
    let Value::List(items) = &node.value else {
        context
            .faults
            .add(node.at, format!("`roles` must be a list, not {}", node.kind()));
        return Vec::new();
    };
    items
        .iter()
        .map(|item| {
            let mut fields = Fields::of(context, "a role binding", item);
            let holder = fields.need_holder("user");
            let role = fields.need_text("role");
            let on = fields.need_scope("on");
            let with = fields.json("with");
            fields.finish();
            (
                item.at.line,
                Binding {
                    holder,
                    role,
                    on,
                    with,
                    expires: None,
                },
            )
        })
        .collect()
}

fn resource(context: &mut Context, key: &Key, node: &Node) -> (u64, Resource) {
    let mut fields = Fields::of(context, &format!("resource `{}`", key.text), node);
    fields.resource_name("resources", key.at, &key.text);
    let within = fields.need_scope("in");
    let owner = fields.user("owner").unwrap_or_default();
    let parent = fields.text("parent");
    let title = fields.text("title");
    let attributes = fields.json("attributes");
    fields.finish();
    let resource = Resource {
        resource: key.text.clone(),
        within: Some(within),
        owner: Some(owner),
        parent,
        title,
        attributes,
    };
    (key.at.line, resource)
}
