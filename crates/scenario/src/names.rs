//! The file's own names, and the ids that the services gave for them.

use std::collections::HashMap;

use prost_types::{ListValue, Struct, Value, value::Kind as Shape};

use crate::model::{Holder, Json, Kind, Level, Scope, Target};

/// A well-formed id that no service gives: for what was never made.
const NOBODY: &str = "01h2xcejqtf2nbrexx3vqjhp41";

/// What is known of the file's names so far.
#[derive(Debug, Default)]
pub(crate) struct Names {
    users: HashMap<String, User>,
    scopes: HashMap<Scope, Place>,
    resources: HashMap<String, Scope>,
    groups: HashMap<String, Place>,
    requests: HashMap<String, Place>,
    first_account: String,
    back: HashMap<String, String>,
}

/// A user, anonymous subject or service account.
#[derive(Debug, Clone)]
pub(crate) struct User {
    pub(crate) kind: Kind,
    /// The id alone, as attributes hold it.
    pub(crate) id: String,
    pub(crate) email: String,
    /// Password of a user, secret of a service account.
    pub(crate) secret: String,
    /// The accounts it is a member of, as far as the scenario has seen.
    pub(crate) member_of: Vec<String>,
}

#[derive(Debug)]
struct Place {
    id: String,
    account: String,
}

impl Names {
    /// Names where what names no account lies in this one.
    pub(crate) fn new(first_account: &str) -> Self {
        Self {
            first_account: first_account.to_owned(),
            ..Self::default()
        }
    }
    pub(crate) fn add_user(&mut self, name: &str, user: User) {
        self.back.insert(user.id.clone(), name.to_owned());
        self.users.insert(name.to_owned(), user);
    }
    pub(crate) fn add_scope(&mut self, scope: &Scope, id: &str, account: &str) {
        self.back.insert(id.to_owned(), scope.id.clone());
        self.scopes.insert(
            scope.clone(),
            Place {
                id: id.to_owned(),
                account: account.to_owned(),
            },
        );
    }
    pub(crate) fn add_resource(&mut self, resource: &str, scope: Scope) {
        self.resources.insert(resource.to_owned(), scope);
    }
    pub(crate) fn add_group(&mut self, group: &str, id: &str, account: &str) {
        self.back.insert(id.to_owned(), group.to_owned());
        self.groups.insert(
            group.to_owned(),
            Place {
                id: id.to_owned(),
                account: account.to_owned(),
            },
        );
    }
    pub(crate) fn add_request(&mut self, request: &str, id: &str, account: &str) {
        self.back.insert(id.to_owned(), request.to_owned());
        self.requests.insert(
            request.to_owned(),
            Place {
                id: id.to_owned(),
                account: account.to_owned(),
            },
        );
    }
    /// The id of a group.
    pub(crate) fn group(&self, group: &str) -> String {
        self.groups
            .get(group)
            .map_or_else(|| format!("group_{NOBODY}"), |place| place.id.clone())
    }
    pub(crate) fn account_of_group(&self, group: &str) -> String {
        self.groups
            .get(group)
            .map_or_else(|| self.first_account.clone(), |place| place.account.clone())
    }
    /// The id of a request for approval.
    pub(crate) fn request(&self, request: &str) -> String {
        self.requests
            .get(request)
            .map_or_else(|| format!("appr_{NOBODY}"), |place| place.id.clone())
    }
    pub(crate) fn account_of_request(&self, request: &str) -> String {
        self.requests
            .get(request)
            .map_or_else(|| self.first_account.clone(), |place| place.account.clone())
    }
    pub(crate) fn user(&self, name: &str) -> Option<&User> {
        self.users.get(name)
    }
    pub(crate) fn joined(&mut self, user: &str, account: &str) {
        if let Some(user) = self.users.get_mut(user)
            && !user.member_of.iter().any(|a| a == account)
        {
            user.member_of.push(account.to_owned());
        }
    }
    pub(crate) fn left(&mut self, user: &str, account: &str) {
        if let Some(user) = self.users.get_mut(user) {
            user.member_of.retain(|a| a != account);
        }
    }
    /// `TYPE:ID` of a user.
    pub(crate) fn subject(&self, name: &str) -> String {
        match self.users.get(name) {
            Some(user) => {
                let kind = match user.kind {
                    Kind::Agent | Kind::Customer => "user",
                    Kind::Anonymous => "anonymous",
                    Kind::Service => "service",
                };
                format!("{kind}:{}", user.id)
            }
            None => format!("user:user_{NOBODY}"),
        }
    }
    /// The id of a user, without its type.
    pub(crate) fn user_id(&self, name: &str) -> String {
        self.users
            .get(name)
            .map_or_else(|| format!("user_{NOBODY}"), |user| user.id.clone())
    }
    /// `TYPE:ID` of a user or group.
    pub(crate) fn holder(&self, holder: &Holder) -> String {
        match holder {
            Holder::User(name) => self.subject(name),
            Holder::Group(name) => format!("group:{}", self.group(name)),
        }
    }
    /// The id of a scope, without its level.
    pub(crate) fn id(&self, scope: &Scope) -> String {
        let prefix = match scope.level {
            Level::Account => "acct",
            Level::Instance => "inst",
            Level::Workspace => "ws",
        };
        self.scopes
            .get(scope)
            .map_or_else(|| format!("{prefix}_{NOBODY}"), |place| place.id.clone())
    }
    /// `LEVEL:ID` of a scope.
    pub(crate) fn scope(&self, scope: &Scope) -> String {
        format!("{}:{}", scope.level.as_str(), self.id(scope))
    }
    /// `TYPE:ID` of a scope or resource.
    pub(crate) fn target(&self, target: &Target) -> String {
        match target {
            Target::Scope(scope) => self.scope(scope),
            Target::Resource(resource) => resource.clone(),
        }
    }
    /// The file's name of the account in which a scope lies.
    pub(crate) fn account_of(&self, scope: &Scope) -> String {
        match self.scopes.get(scope) {
            Some(place) => place.account.clone(),
            None => self.first_account.clone(),
        }
    }
    /// The file's name of the account in which a resource was registered last.
    pub(crate) fn account_of_resource(&self, resource: &str) -> String {
        match self.resources.get(resource) {
            Some(scope) => self.account_of(scope),
            None => self.first_account.clone(),
        }
    }
    pub(crate) fn account_of_target(&self, target: &Target) -> String {
        match target {
            Target::Scope(scope) => self.account_of(scope),
            Target::Resource(resource) => self.account_of_resource(resource),
        }
    }
    pub(crate) fn first_account(&self) -> &str {
        &self.first_account
    }
    pub(crate) fn account_id(&self, account: &str) -> String {
        self.id(&Scope::account(account))
    }
    /// The file's name for what a service calls `TYPE:ID`; as it is where the file has none.
    pub(crate) fn name(&self, text: &str) -> String {
        match text.split_once(':') {
            Some((kind, id)) => match self.back.get(id) {
                Some(name) if matches!(kind, "user" | "service" | "anonymous") => name.clone(),
                Some(name) => format!("{kind}:{name}"),
                None => text.to_owned(),
            },
            None => self.back.get(text).cloned().unwrap_or_else(|| text.to_owned()),
        }
    }
    /// A text with the file's names for all ids in it.
    pub(crate) fn shorten(&self, text: &str) -> String {
        self.back
            .iter()
            .fold(text.to_owned(), |text, (id, name)| match id == name {
                true => text,
                false => text.replace(id.as_str(), name),
            })
    }
    /// Values as the services take them: `user:ID` is the id of that user.
    pub(crate) fn values(&self, json: &Json) -> Struct {
        Struct {
            fields: json
                .iter()
                .map(|(name, value)| (name.clone(), self.value(value)))
                .collect(),
        }
    }
    fn value(&self, json: &serde_json::Value) -> Value {
        use serde_json::Value as Json;
        let shape = match json {
            Json::Null => Shape::NullValue(0),
            Json::Bool(value) => Shape::BoolValue(*value),
            Json::Number(value) => Shape::NumberValue(value.as_f64().unwrap_or_default()),
            Json::String(text) => Shape::StringValue(match text.strip_prefix("user:") {
                Some(name) => self.user_id(name),
                None => text.clone(),
            }),
            Json::Array(items) => Shape::ListValue(ListValue {
                values: items.iter().map(|item| self.value(item)).collect(),
            }),
            Json::Object(fields) => Shape::StructValue(self.values(fields)),
        };
        Value { kind: Some(shape) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names() -> Names {
        let mut names = Names::new("stores");
        names.add_scope(&Scope::account("stores"), "acct_1", "stores");
        names.add_scope(&Scope::account("other"), "acct_2", "other");
        let workspace = Scope {
            level: Level::Workspace,
            id: "athens".into(),
        };
        names.add_scope(&workspace, "ws_1", "other");
        names.add_resource("chart:c1", workspace);
        let user = |kind, id: &str| User {
            kind,
            id: id.into(),
            email: String::new(),
            secret: String::new(),
            member_of: Vec::new(),
        };
        names.add_user("amy", user(Kind::Agent, "user_1"));
        names.add_user("anon", user(Kind::Anonymous, "anon"));
        names
    }

    #[test]
    fn a_user_in_an_attribute_stands_for_its_id() {
        let json = serde_json::json!({"contact": "user:amy", "any": ["user:anon", "someone-else"]});
        let values = names().values(json.as_object().expect("a map"));
        let text = format!("{values:?}");
        assert!(
            text.contains("\"user_1\"") && text.contains("\"anon\"") && text.contains("someone-else"),
            "{text}"
        );
    }

    #[test]
    fn the_account_of_a_resource_is_that_of_the_scope_it_was_registered_in() {
        let names = names();
        assert_eq!(names.account_of_resource("chart:c1"), "other");
        assert_eq!(names.account_of_resource("chart:nowhere"), "stores");
    }

    #[test]
    fn what_services_say_reads_in_the_names_of_the_file() {
        let names = names();
        assert_eq!(names.name("workspace:ws_1"), "workspace:athens");
        assert_eq!(names.name("user:user_1"), "amy");
        assert_eq!(names.name("workspace:ws_9"), "workspace:ws_9");
        assert_eq!(
            names.shorten("role of user_1 on workspace:ws_1"),
            "role of amy on workspace:athens"
        );
    }

    #[test]
    fn what_was_never_made_has_a_well_formed_id_of_nobody() {
        let gone = Scope {
            level: Level::Instance,
            id: "bad".into(),
        };
        assert_eq!(names().scope(&gone), format!("instance:inst_{NOBODY}"));
    }
}
