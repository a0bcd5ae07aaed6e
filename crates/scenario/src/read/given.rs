//! Reads what exists before the first step.

use bailiwick_policy::{
    Level,
    manifest::yaml::{Key, Kind, Node},
};

use crate::{
    read::{
        fields::{Context, Fields},
        values::{FromNode, ResourceName, Scope},
    },
    scenario::{Account, Given, Setup, User, UserKind},
    verbs::{Assign, Binding, CreateInstance, CreateWorkspace, Register, Resource},
};

const KINDS: [(&str, UserKind); 4] = [
    ("agent", UserKind::Agent),
    ("customer", UserKind::Customer),
    ("anonymous", UserKind::Anonymous),
    ("service", UserKind::Service),
];

impl FromNode for Given {
    fn from_node(context: &mut Context, _: &str, node: &Node) -> Option<Self> {
        Some(context.map("`given`", node, |fields| Self {
            users: fields.each("users", user),
            accounts: fields.each("accounts", account),
            others: {
                let mut others: Vec<_> = fields.get("roles").unwrap_or_default();
                others.extend(fields.each("resources", resource));
                others
            },
        }))
    }
}

fn user(context: &mut Context, key: &Key, node: &Node) -> User {
    context.map(format!("user `{}`", key.text), node, |fields| {
        let user = User {
            line: key.at.line,
            name: key.text.clone(),
            email: fields
                .get("email")
                .unwrap_or_else(|| format!("{}@example.com", key.text)),
            member_of: fields.get("member_of").unwrap_or_default(),
            kind: fields.word("kind", &KINDS).unwrap_or_default(),
            expires: fields.get("expires"),
        };
        if user.kind == UserKind::Anonymous && !user.member_of.is_empty() {
            let at = fields.at_key("member_of");
            fields.fault(at, "an anonymous user cannot be a member: remove `member_of`");
        }
        user
    })
}

fn account(context: &mut Context, key: &Key, node: &Node) -> Account {
    context.map(format!("account `{}`", key.text), node, |fields| {
        let mut account = Account {
            line: key.at.line,
            name: key.text.clone(),
            title: fields.need("title"),
            seats: fields.get("seats").unwrap_or_default(),
            settings: fields.get("settings").unwrap_or_default(),
            owner: fields.get("owner"),
            scopes: Vec::new(),
        };
        let scopes = &mut account.scopes;
        fields.each("instances", |context, key, node| {
            context.map(format!("instance `{}`", key.text), node, |fields| {
                let verb = CreateInstance {
                    id: key.text.clone(),
                    within: Scope::account(&account.name),
                    title: fields.need("title"),
                    edition: fields.get("edition").unwrap_or_default(),
                };
                scopes.push(Setup::new(key.at.line, format!("instance {}", key.text), verb));
                workspaces(fields, &Scope::new(Level::Instance, &key.text), scopes);
            });
        });
        workspaces(fields, &Scope::account(&account.name), scopes);
        account
    })
}

fn workspaces(fields: &mut Fields<'_, '_>, within: &Scope, scopes: &mut Vec<Setup>) {
    scopes.extend(fields.each("workspaces", |context, key, node| {
        let what = format!("workspace `{}`", key.text);
        let verb = context.map(what, node, |fields| CreateWorkspace {
            id: key.text.clone(),
            within: within.clone(),
            title: fields.need("title"),
        });
        Setup::new(key.at.line, format!("workspace {}", key.text), verb)
    }));
}

/// A role binding.
impl FromNode for Setup {
    fn from_node(context: &mut Context, _: &str, node: &Node) -> Option<Self> {
        Some(context.map("a role binding", node, |fields| {
            let binding = Binding {
                holder: fields.need("user"),
                role: fields.need("role"),
                on: fields.need("on"),
                with: fields.get("with"),
                expires: None,
                key: None,
                replace: None,
            };
            let what = format!("role {} on {}", binding.role, binding.on);
            Self::new(node.at.line, what, Assign(binding))
        }))
    }
}

fn resource(context: &mut Context, key: &Key, node: &Node) -> Setup {
    let name = Node {
        at: key.at,
        kind: Kind::Text(key.text.clone()),
    };
    let name = ResourceName::from_node(context, "resources", &name).unwrap_or_default();
    let resource = context.map(format!("resource `{}`", key.text), node, |fields| Resource {
        resource: name,
        within: Some(fields.need("in")),
        // Without an owner in the file nobody owns it, not even the operator who registers it.
        owner: Some(fields.get("owner").unwrap_or_default()),
        parent: fields.get("parent"),
        title: fields.get("title"),
        attributes: fields.get("attributes"),
    });
    Setup::new(key.at.line, format!("resource {}", key.text), Register(resource))
}
