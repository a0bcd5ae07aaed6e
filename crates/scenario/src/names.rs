//! The names of the file, and the ids that the services gave for them.

use std::collections::HashMap;

use bailiwick_policy::Level;
use prost_types::{ListValue, Struct, Value, value::Kind};

use crate::{
    read::values::{
        AccountName, Declared, GroupName, Holder, Json, Named, RequestName, ResourceName, Scope, Target,
        WorkspaceName,
    },
    scenario::UserKind,
};

/// The suffix of a well-formed id that no service gives: stands for what was never created.
const NEVER_CREATED: &str = "01h2xcejqtf2nbrexx3vqjhp41";

/// What is known of the file's names so far.
#[derive(Debug, Default)]
pub(crate) struct Names {
    users: HashMap<String, User>,
    created: HashMap<(Named, String), Created>,
    /// The scope in which each resource is.
    resources: HashMap<String, Scope>,
    first_account: String,
    /// Name by id.
    by_id: HashMap<String, String>,
}

/// A user, anonymous subject or service account.
#[derive(Debug, Clone)]
pub(crate) struct User {
    pub(crate) kind: UserKind,
    /// The id without its type, as attributes hold it.
    pub(crate) id: String,
    pub(crate) email: String,
    /// Password of a user, secret of a service account.
    pub(crate) secret: String,
    /// The accounts that it is a member of, as far as the scenario shows.
    pub(crate) member_of: Vec<String>,
}

/// A scope, group or request for approval.
#[derive(Debug)]
struct Created {
    id: String,
    /// Name of the account that it is in.
    account: String,
}

/// What is in an account.
pub(crate) trait InAccount {
    /// The name of its account; the scenario's first where that is not known.
    fn account<'n>(&'n self, names: &'n Names) -> &'n str;
}

impl InAccount for AccountName {
    fn account<'n>(&'n self, _: &'n Names) -> &'n str {
        self
    }
}

macro_rules! created {
    ($($type:ty),*) => {$(
        impl InAccount for $type {
            fn account<'n>(&'n self, names: &'n Names) -> &'n str {
                let created = names.created(self);
                created.map_or(&names.first_account, |created| &created.account)
            }
        }
    )*};
}

created!(Scope, GroupName, RequestName, WorkspaceName);

impl<T: InAccount> InAccount for Option<T> {
    fn account<'n>(&'n self, names: &'n Names) -> &'n str {
        self.as_ref()
            .map_or(&names.first_account, |within| within.account(names))
    }
}

/// The account in which it was registered last.
impl InAccount for ResourceName {
    fn account<'n>(&'n self, names: &'n Names) -> &'n str {
        let scope = names.resources.get(&self.0);
        scope.map_or(&names.first_account, |scope| scope.account(names))
    }
}

impl InAccount for Target {
    fn account<'n>(&'n self, names: &'n Names) -> &'n str {
        match self {
            Self::Scope(scope) => scope.account(names),
            Self::Resource(resource) => resource.account(names),
        }
    }
}

impl Names {
    /// Makes names whose default account is the scenario's first.
    pub(crate) fn new(first_account: &str) -> Self {
        Self {
            first_account: first_account.to_owned(),
            ..Self::default()
        }
    }
    pub(crate) fn add_user(&mut self, name: &str, user: User) {
        self.by_id.insert(user.id.clone(), name.to_owned());
        self.users.insert(name.to_owned(), user);
    }
    /// Adds the id of something created in an account.
    pub(crate) fn add(&mut self, name: &impl Declared, id: &str, account: &str) {
        let (named, name) = name.declared();
        self.by_id.insert(id.to_owned(), name.to_owned());
        let created = Created {
            id: id.to_owned(),
            account: account.to_owned(),
        };
        self.created.insert((named, name.to_owned()), created);
    }
    pub(crate) fn add_resource(&mut self, resource: &ResourceName, scope: Scope) {
        self.resources.insert(resource.0.clone(), scope);
    }
    fn created(&self, name: &impl Declared) -> Option<&Created> {
        let (named, name) = name.declared();
        self.created.get(&(named, name.to_owned()))
    }
    /// The id of a scope, group or request for approval, without its type.
    pub(crate) fn id(&self, name: &impl Declared) -> String {
        let prefix = match name.declared().0 {
            Named::Scope(Level::Instance) => "inst",
            Named::Scope(Level::Workspace) => "ws",
            Named::Scope(_) => "acct",
            Named::User => "user",
            Named::Group => "group",
            Named::Request => "appr",
        };
        let created = self.created(name);
        created.map_or_else(
            || format!("{prefix}_{NEVER_CREATED}"),
            |created| created.id.clone(),
        )
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
    /// The id of a user, without its type.
    pub(crate) fn user_id(&self, name: &str) -> String {
        let user = self.users.get(name);
        user.map_or_else(|| format!("user_{NEVER_CREATED}"), |user| user.id.clone())
    }
    /// `TYPE:ID` of a user.
    pub(crate) fn subject(&self, name: &str) -> String {
        let kind = match self.users.get(name).map(|user| user.kind) {
            Some(UserKind::Anonymous) => "anonymous",
            Some(UserKind::Service) => "service",
            Some(UserKind::Agent | UserKind::Customer) | None => "user",
        };
        format!("{kind}:{}", self.user_id(name))
    }
    /// `TYPE:ID` of a user or group.
    pub(crate) fn holder(&self, holder: &Holder) -> String {
        match holder {
            Holder::User(name) => self.subject(name),
            Holder::Group(name) => format!("group:{}", self.id(name)),
        }
    }
    pub(crate) fn account_id(&self, account: &str) -> String {
        self.id(&Scope::account(account))
    }
    /// `LEVEL:ID` of a scope.
    pub(crate) fn scope(&self, scope: &Scope) -> String {
        format!("{}:{}", scope.level, self.id(scope))
    }
    /// `TYPE:ID` of a scope or resource.
    pub(crate) fn target(&self, target: &Target) -> String {
        match target {
            Target::Scope(scope) => self.scope(scope),
            Target::Resource(resource) => resource.0.clone(),
        }
    }
    pub(crate) fn first_account(&self) -> &str {
        &self.first_account
    }
    /// The file's name for what a service calls `TYPE:ID`; the text itself where the file has none.
    pub(crate) fn name(&self, text: &str) -> String {
        let (kind, id) = text.split_once(':').unwrap_or(("", text));
        match (self.by_id.get(id), kind) {
            (None, _) => text.to_owned(),
            (Some(name), "" | "user" | "service" | "anonymous") => name.clone(),
            (Some(name), kind) => format!("{kind}:{name}"),
        }
    }
    /// A text with the file's names in place of all ids in it.
    pub(crate) fn shorten(&self, text: &str) -> String {
        let ids = self.by_id.iter().filter(|(id, name)| id != name);
        ids.fold(text.to_owned(), |text, (id, name)| {
            text.replace(id.as_str(), name)
        })
    }
    /// Values as the services take them, with ids of users in place of their names.
    pub(crate) fn values(&self, json: &Json) -> Struct {
        let field = |(name, value): (&String, &serde_json::Value)| (name.clone(), self.value(value));
        Struct {
            fields: json.iter().map(field).collect(),
        }
    }
    fn value(&self, json: &serde_json::Value) -> Value {
        use serde_json::Value as Json;
        let kind = match json {
            Json::Null => Kind::NullValue(0),
            Json::Bool(value) => Kind::BoolValue(*value),
            Json::Number(value) => Kind::NumberValue(value.as_f64().unwrap_or_default()),
            Json::String(text) => {
                let user = text.strip_prefix("user:").map(|name| self.user_id(name));
                Kind::StringValue(user.unwrap_or_else(|| text.clone()))
            }
            Json::Array(items) => Kind::ListValue(ListValue {
                values: items.iter().map(|item| self.value(item)).collect(),
            }),
            Json::Object(fields) => Kind::StructValue(self.values(fields)),
        };
        Value { kind: Some(kind) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names() -> Names {
        let mut names = Names::new("stores");
        names.add(&Scope::account("stores"), "acct_1", "stores");
        names.add(&Scope::account("other"), "acct_2", "other");
        let workspace = Scope::new(Level::Workspace, "athens");
        names.add(&workspace, "ws_1", "other");
        names.add_resource(&ResourceName("chart:c1".into()), workspace);
        let user = |kind, id: &str| User {
            kind,
            id: id.into(),
            email: String::new(),
            secret: String::new(),
            member_of: Vec::new(),
        };
        names.add_user("amy", user(UserKind::Agent, "user_1"));
        names.add_user("anon", user(UserKind::Anonymous, "anon"));
        names
    }

    #[test]
    fn a_user_in_an_attribute_becomes_its_id() {
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
        assert_eq!(ResourceName("chart:c1".into()).account(&names), "other");
        assert_eq!(ResourceName("chart:nowhere".into()).account(&names), "stores");
    }

    #[test]
    fn answers_of_services_are_shown_in_the_names_of_the_file() {
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
    fn what_was_never_created_has_a_well_formed_id_that_no_service_gave() {
        let never = Scope::new(Level::Instance, "bad");
        assert_eq!(names().scope(&never), format!("instance:inst_{NEVER_CREATED}"));
    }
}
