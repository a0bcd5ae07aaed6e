//! Reads the fields of one map, and says of each what is wrong with it.

use std::collections::HashSet;

use time::{OffsetDateTime, format_description::well_known::Rfc3339};

use crate::{
    fault::{Faults, Position},
    model::{Holder, Json, Level, Scope, Target},
    yaml::{Key, Node, Value},
};

/// What the file declares, by its own names, and what is wrong with it.
#[derive(Debug, Default)]
pub(crate) struct Context {
    pub(crate) users: HashSet<String>,
    pub(crate) scopes: HashSet<Scope>,
    pub(crate) groups: HashSet<String>,
    pub(crate) requests: HashSet<String>,
    pub(crate) faults: Faults,
}

/// The fields of a map. What is not asked for by the end is unknown.
pub(crate) struct Fields<'a, 'c> {
    pub(crate) context: &'c mut Context,
    what: String,
    at: Position,
    entries: &'a [(Key, Node)],
    asked: Vec<&'static str>,
    /// Whether the node is no map at all: that is said once.
    broken: bool,
}

impl<'a, 'c> Fields<'a, 'c> {
    /// The fields of a node that must be a map; `what` it is, for messages.
    pub(crate) fn of(context: &'c mut Context, what: &str, node: &'a Node) -> Self {
        let (entries, broken): (&[_], bool) = match &node.value {
            Value::Map(entries) => (entries, false),
            Value::Null => (&[], false),
            _ => {
                context
                    .faults
                    .add(node.at, format!("{what} must be a map, not {}", node.kind()));
                (&[], true)
            }
        };
        Self {
            context,
            what: what.to_owned(),
            at: node.at,
            entries,
            asked: Vec::new(),
            broken,
        }
    }
    /// Says that every field that was not asked for is unknown.
    pub(crate) fn finish(self) {
        for (key, _) in self.entries {
            if !self.asked.contains(&key.text.as_str()) {
                let known = self.asked.join("`, `");
                self.context.faults.add(
                    key.at,
                    format!("unknown key `{}` of {}: known are `{known}`", key.text, self.what),
                );
            }
        }
    }
    /// The values of the fields that were not asked for, where any name will do.
    pub(crate) fn rest(mut self) -> Json {
        let rest: Vec<_> = self
            .entries
            .iter()
            .filter(|(key, _)| !self.asked.contains(&key.text.as_str()))
            .collect();
        rest.into_iter()
            .map(|(key, node)| (key.text.clone(), self.as_json(node)))
            .collect()
    }
    /// A field.
    pub(crate) fn node(&mut self, name: &'static str) -> Option<&'a Node> {
        if !self.asked.contains(&name) {
            self.asked.push(name);
        }
        let found = self.entries.iter().find(|(key, _)| key.text == name);
        found
            .map(|(_, node)| node)
            .filter(|node| !matches!(node.value, Value::Null))
    }
    /// A field that must be there.
    pub(crate) fn need(&mut self, name: &'static str) -> Option<&'a Node> {
        let node = self.node(name);
        if node.is_none() && !self.broken {
            self.context
                .faults
                .add(self.at, format!("{} needs `{name}`", self.what));
        }
        node
    }
    pub(crate) fn fault(&mut self, at: Position, message: String) {
        self.context.faults.add(at, message);
    }
    pub(crate) fn text(&mut self, name: &'static str) -> Option<String> {
        let node = self.node(name)?;
        self.as_text(name, node)
    }
    pub(crate) fn need_text(&mut self, name: &'static str) -> String {
        let node = self.need(name);
        node.and_then(|node| self.as_text(name, node)).unwrap_or_default()
    }
    fn as_text(&mut self, name: &str, node: &Node) -> Option<String> {
        match &node.value {
            Value::Text(text) => Some(text.clone()),
            _ => {
                self.fault(node.at, format!("`{name}` must be text, not {}", node.kind()));
                None
            }
        }
    }
    /// A whole number from 0 up.
    pub(crate) fn number(&mut self, name: &'static str) -> Option<u32> {
        let node = self.node(name)?;
        let number = match node.value {
            Value::Int(value) => u32::try_from(value).ok(),
            _ => None,
        };
        if number.is_none() {
            self.fault(
                node.at,
                format!("`{name}` must be a whole number from 0 up, not `{node}`"),
            );
        }
        number
    }
    pub(crate) fn texts(&mut self, name: &'static str) -> Option<Vec<String>> {
        let node = self.node(name)?;
        self.as_texts(name, node)
    }
    pub(crate) fn need_texts(&mut self, name: &'static str) -> Vec<String> {
        let node = self.need(name);
        node.and_then(|node| self.as_texts(name, node))
            .unwrap_or_default()
    }
    fn as_texts(&mut self, name: &str, node: &Node) -> Option<Vec<String>> {
        let Value::List(items) = &node.value else {
            self.fault(node.at, format!("`{name}` must be a list, not {}", node.kind()));
            return None;
        };
        Some(items.iter().filter_map(|item| self.as_text(name, item)).collect())
    }
    /// An RFC 3339 instant.
    pub(crate) fn instant(&mut self, name: &'static str) -> Option<OffsetDateTime> {
        let node = self.node(name)?;
        let text = self.as_text(name, node)?;
        let instant = OffsetDateTime::parse(&text, &Rfc3339);
        if instant.is_err() {
            self.fault(
                node.at,
                format!("`{name}` must be an RFC 3339 instant, not `{text}`"),
            );
        }
        instant.ok()
    }
    /// One of several words.
    pub(crate) fn word<T: Copy>(&mut self, name: &'static str, words: &[(&str, T)]) -> Option<T> {
        let node = self.node(name)?;
        let text = self.as_text(name, node)?;
        let found = words
            .iter()
            .find(|(word, _)| *word == text)
            .map(|(_, value)| *value);
        if found.is_none() {
            let known: Vec<_> = words.iter().map(|(word, _)| *word).collect();
            self.fault(
                node.at,
                format!("`{name}` must be one of `{}`, not `{text}`", known.join("`, `")),
            );
        }
        found
    }
    /// The name of a user that the file declares.
    pub(crate) fn user(&mut self, name: &'static str) -> Option<String> {
        let node = self.node(name)?;
        let text = self.as_text(name, node)?;
        self.known_user(node.at, &text);
        Some(text)
    }
    pub(crate) fn need_user(&mut self, name: &'static str) -> String {
        let node = self.need(name);
        let text = node.and_then(|node| self.as_text(name, node));
        if let (Some(node), Some(text)) = (node, &text) {
            self.known_user(node.at, text);
        }
        text.unwrap_or_default()
    }
    fn known_user(&mut self, at: Position, id: &str) {
        if !self.context.users.contains(id) {
            self.fault(at, format!("user `{id}` is declared nowhere in the file"));
        }
    }
    /// A user, or a group as `group:ID`.
    pub(crate) fn need_holder(&mut self, name: &'static str) -> Holder {
        let node = self.need(name);
        let text = node.and_then(|node| self.as_text(name, node)).unwrap_or_default();
        let at = node.map_or(self.at, |node| node.at);
        match text.strip_prefix("group:") {
            Some(group) => {
                if !self.context.groups.contains(group) {
                    self.fault(at, format!("group `{group}` is declared nowhere in the file"));
                }
                Holder::Group(group.to_owned())
            }
            None => {
                if node.is_some() {
                    self.known_user(at, &text);
                }
                Holder::User(text)
            }
        }
    }
    /// The name of a group that the file makes.
    pub(crate) fn need_group(&mut self, name: &'static str) -> String {
        let node = self.need(name);
        let group = node.and_then(|node| self.as_text(name, node)).unwrap_or_default();
        if let Some(node) = node
            && !self.context.groups.contains(&group)
        {
            self.fault(
                node.at,
                format!("group `{group}` is declared nowhere in the file"),
            );
        }
        group
    }
    /// The name of a request for approval that the file makes.
    pub(crate) fn need_request(&mut self, name: &'static str) -> String {
        let node = self.need(name);
        let request = node.and_then(|node| self.as_text(name, node)).unwrap_or_default();
        if let Some(node) = node
            && !self.context.requests.contains(&request)
        {
            self.fault(
                node.at,
                format!("request `{request}` is declared nowhere in the file"),
            );
        }
        request
    }
    /// The name of an account that the file declares.
    pub(crate) fn need_account(&mut self, name: &'static str) -> String {
        let node = self.need(name);
        let id = node.and_then(|node| self.as_text(name, node)).unwrap_or_default();
        if let Some(node) = node {
            self.known_scope(node.at, &Scope::account(&id));
        }
        id
    }
    pub(crate) fn known_scope(&mut self, at: Position, scope: &Scope) {
        if !self.context.scopes.contains(scope) {
            self.fault(at, format!("scope `{scope}` is declared nowhere in the file"));
        }
    }
    /// A scope `LEVEL:ID` that the file declares.
    pub(crate) fn scope(&mut self, name: &'static str) -> Option<Scope> {
        let node = self.node(name)?;
        let text = self.as_text(name, node)?;
        self.as_scope(name, node.at, &text)
    }
    pub(crate) fn need_scope(&mut self, name: &'static str) -> Scope {
        let node = self.need(name);
        node.and_then(|node| Some((node, self.as_text(name, node)?)))
            .and_then(|(node, text)| self.as_scope(name, node.at, &text))
            .unwrap_or_else(|| Scope::account(""))
    }
    fn as_scope(&mut self, name: &str, at: Position, text: &str) -> Option<Scope> {
        let scope = scope_of(text);
        match &scope {
            Some(scope) => self.known_scope(at, scope),
            None => self.fault(
                at,
                format!("`{name}` must be `account:ID`, `instance:ID` or `workspace:ID`, not `{text}`"),
            ),
        }
        scope
    }
    /// A scope or a resource `TYPE:ID`.
    pub(crate) fn need_target(&mut self, name: &'static str) -> Target {
        let node = self.need(name);
        let text = node.and_then(|node| self.as_text(name, node)).unwrap_or_default();
        let Some(node) = node else {
            return Target::Resource(text);
        };
        if let Some(scope) = scope_of(&text) {
            self.known_scope(node.at, &scope);
            return Target::Scope(scope);
        }
        self.resource_name(name, node.at, &text);
        Target::Resource(text)
    }
    /// A resource `TYPE:ID`.
    pub(crate) fn need_resource(&mut self, name: &'static str) -> String {
        let node = self.need(name);
        let text = node.and_then(|node| self.as_text(name, node)).unwrap_or_default();
        if let Some(node) = node {
            self.resource_name(name, node.at, &text);
        }
        text
    }
    pub(crate) fn resource_name(&mut self, name: &str, at: Position, text: &str) {
        let named = text
            .split_once(':')
            .is_some_and(|(kind, id)| !kind.is_empty() && !id.is_empty());
        if !named {
            self.fault(at, format!("`{name}` must be `TYPE:ID`, not `{text}`"));
        }
    }
    /// A map of values.
    pub(crate) fn json(&mut self, name: &'static str) -> Option<Json> {
        let node = self.node(name)?;
        let Value::Map(entries) = &node.value else {
            self.fault(node.at, format!("`{name}` must be a map, not {}", node.kind()));
            return None;
        };
        Some(
            entries
                .iter()
                .map(|(key, node)| (key.text.clone(), self.as_json(node)))
                .collect(),
        )
    }
    pub(crate) fn as_json(&mut self, node: &Node) -> serde_json::Value {
        use serde_json::Value as Json;
        match &node.value {
            Value::Null => Json::Null,
            Value::Bool(value) => Json::Bool(*value),
            Value::Int(value) => Json::from(*value),
            Value::Float(value) => Json::from(*value),
            Value::Text(text) => {
                if let Some(user) = text.strip_prefix("user:") {
                    self.known_user(node.at, user);
                }
                Json::String(text.clone())
            }
            Value::List(items) => Json::Array(items.iter().map(|item| self.as_json(item)).collect()),
            Value::Map(entries) => Json::Object(
                entries
                    .iter()
                    .map(|(key, node)| (key.text.clone(), self.as_json(node)))
                    .collect(),
            ),
        }
    }
}

/// The scope that a text `LEVEL:ID` names.
pub(crate) fn scope_of(text: &str) -> Option<Scope> {
    let (level, id) = text.split_once(':')?;
    let level = Level::ALL.into_iter().find(|l| l.as_str() == level)?;
    (!id.is_empty()).then(|| Scope {
        level,
        id: id.to_owned(),
    })
}
