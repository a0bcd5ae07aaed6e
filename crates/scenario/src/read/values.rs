//! The types of values in a scenario file.

use std::{fmt, ops::Deref};

use bailiwick_policy::{
    Level,
    manifest::{
        Span,
        yaml::{Kind, Node},
    },
};
use time::{OffsetDateTime, format_description::well_known::Rfc3339};

use crate::read::fields::Context;

/// A type of value that stands under a key.
pub(crate) trait FromNode: Sized {
    /// Reads a value, or adds a fault that names the key.
    fn from_node(context: &mut Context, key: &str, node: &Node) -> Option<Self>;
}

/// Attributes, parameters or settings by name. A text `user:NAME` in them stands for the id of that user.
pub(crate) type Json = serde_json::Map<String, serde_json::Value>;

/// The kinds of thing that a file gives names to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Named {
    User,
    Scope(Level),
    Group,
    Request,
}

impl Named {
    /// A name with its kind, for messages.
    pub(crate) fn text(self, name: &str) -> String {
        match self {
            Self::User => format!("user `{name}`"),
            Self::Scope(level) => format!("scope `{level}:{name}`"),
            Self::Group => format!("group `{name}`"),
            Self::Request => format!("request `{name}`"),
        }
    }
}

/// A name that the file must declare.
pub(crate) trait Declared {
    /// Its kind and itself.
    fn declared(&self) -> (Named, &str);
}

impl Declared for (Named, &str) {
    fn declared(&self) -> (Named, &str) {
        *self
    }
}

macro_rules! names {
    ($($(#[$doc:meta])* $type:ident = $named:expr;)*) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
        pub(crate) struct $type(String);

        impl Declared for $type {
            fn declared(&self) -> (Named, &str) {
                ($named, &self.0)
            }
        }
        impl FromNode for $type {
            fn from_node(context: &mut Context, key: &str, node: &Node) -> Option<Self> {
                let name = Self(FromNode::from_node(context, key, node)?);
                context.must_be_declared(node.at, &name);
                Some(name)
            }
        }
        impl fmt::Display for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
        impl Deref for $type {
            type Target = str;
            fn deref(&self) -> &str {
                &self.0
            }
        }
    )*};
}

names! {
    /// The name of a user, anonymous subject or service account.
    UserName = Named::User;
    /// The name of an account.
    AccountName = Named::Scope(Level::Account);
    /// The name of a workspace.
    WorkspaceName = Named::Scope(Level::Workspace);
    /// The name of a group.
    GroupName = Named::Group;
    /// The name of a request for approval.
    RequestName = Named::Request;
}

/// `LEVEL:NAME` of an account, instance or workspace.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Scope {
    pub(crate) level: Level,
    pub(crate) name: String,
}

impl Scope {
    pub(crate) fn new(level: Level, name: &str) -> Self {
        Self {
            level,
            name: name.to_owned(),
        }
    }
    pub(crate) fn account(name: &str) -> Self {
        Self::new(Level::Account, name)
    }
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let (level, name) = text.split_once(':')?;
        let level = Level::named(level).filter(|level| *level >= Level::Account)?;
        (!name.is_empty()).then(|| Self::new(level, name))
    }
}

impl Default for Scope {
    fn default() -> Self {
        Self::account("")
    }
}

impl Declared for Scope {
    fn declared(&self) -> (Named, &str) {
        (Named::Scope(self.level), &self.name)
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.level, self.name)
    }
}

impl FromNode for Scope {
    fn from_node(context: &mut Context, key: &str, node: &Node) -> Option<Self> {
        let text = String::from_node(context, key, node)?;
        let wanted = "`account:NAME`, `instance:NAME` or `workspace:NAME`";
        let scope = context.some(Self::parse(&text), node, key, wanted)?;
        context.must_be_declared(node.at, &scope);
        Some(scope)
    }
}

/// `TYPE:ID` of a registered resource.
#[derive(Debug, Clone, Default)]
pub(crate) struct ResourceName(pub(crate) String);

impl FromNode for ResourceName {
    fn from_node(context: &mut Context, key: &str, node: &Node) -> Option<Self> {
        let text = String::from_node(context, key, node)?;
        let parts = text.split_once(':');
        let parts = parts.filter(|(kind, id)| !kind.is_empty() && !id.is_empty());
        context.some(parts, node, key, "`TYPE:ID`")?;
        Some(Self(text))
    }
}

/// A scope or a resource.
#[derive(Debug, Clone)]
pub(crate) enum Target {
    Scope(Scope),
    Resource(ResourceName),
}

impl Default for Target {
    fn default() -> Self {
        Self::Scope(Scope::default())
    }
}

impl FromNode for Target {
    fn from_node(context: &mut Context, key: &str, node: &Node) -> Option<Self> {
        match &node.kind {
            Kind::Text(text) if Scope::parse(text).is_some() => {
                Scope::from_node(context, key, node).map(Self::Scope)
            }
            _ => ResourceName::from_node(context, key, node).map(Self::Resource),
        }
    }
}

/// Who holds a role or grant: a user, or a group as `group:NAME`.
#[derive(Debug, Clone)]
pub(crate) enum Holder {
    User(UserName),
    Group(GroupName),
}

impl Default for Holder {
    fn default() -> Self {
        Self::User(UserName::default())
    }
}

impl FromNode for Holder {
    fn from_node(context: &mut Context, key: &str, node: &Node) -> Option<Self> {
        if let Kind::Text(text) = &node.kind
            && let Some(group) = text.strip_prefix("group:")
        {
            let group = GroupName(group.to_owned());
            context.must_be_declared(node.at, &group);
            return Some(Self::Group(group));
        }
        UserName::from_node(context, key, node).map(Self::User)
    }
}

impl FromNode for String {
    fn from_node(context: &mut Context, key: &str, node: &Node) -> Option<Self> {
        match &node.kind {
            Kind::Text(text) => Some(text.clone()),
            _ => {
                context.expected(node, key, "text");
                None
            }
        }
    }
}

impl FromNode for u32 {
    fn from_node(context: &mut Context, key: &str, node: &Node) -> Option<Self> {
        let number = match node.kind {
            Kind::Int(value) => Self::try_from(value).ok(),
            _ => None,
        };
        context.some(number, node, key, "a whole number from 0 up")
    }
}

impl FromNode for bool {
    fn from_node(context: &mut Context, key: &str, node: &Node) -> Option<Self> {
        let truth = match node.kind {
            Kind::Bool(truth) => Some(truth),
            _ => None,
        };
        context.some(truth, node, key, "true or false")
    }
}

impl FromNode for OffsetDateTime {
    fn from_node(context: &mut Context, key: &str, node: &Node) -> Option<Self> {
        let instant = Self::parse(&node.kind.to_string(), &Rfc3339).ok();
        context.some(instant, node, key, "an RFC 3339 instant")
    }
}

impl FromNode for Span {
    fn from_node(context: &mut Context, key: &str, node: &Node) -> Option<Self> {
        let span = node.kind.to_string().parse().ok();
        context.some(span, node, key, "a duration such as `90s`, `1m`, `4h` or `30d`")
    }
}

impl<T: FromNode> FromNode for Vec<T> {
    fn from_node(context: &mut Context, key: &str, node: &Node) -> Option<Self> {
        let Kind::List(items) = &node.kind else {
            context.expected(node, key, "a list");
            return None;
        };
        let read = |item| T::from_node(context, key, item);
        Some(items.iter().filter_map(read).collect())
    }
}

impl FromNode for Json {
    fn from_node(context: &mut Context, key: &str, node: &Node) -> Option<Self> {
        users_in(context, node);
        match node.kind.to_json() {
            serde_json::Value::Object(map) => Some(map),
            _ => {
                context.expected(node, key, "a map");
                None
            }
        }
    }
}

/// Adds a fault for each `user:NAME` in a value that names a user which the file does not declare.
pub(crate) fn users_in(context: &mut Context, node: &Node) {
    match &node.kind {
        Kind::Text(text) => {
            if let Some(user) = text.strip_prefix("user:") {
                context.must_be_declared(node.at, &UserName(user.to_owned()));
            }
        }
        Kind::List(items) => items.iter().for_each(|item| users_in(context, item)),
        Kind::Map(entries) => entries.iter().for_each(|(_, value)| users_in(context, value)),
        _ => {}
    }
}
