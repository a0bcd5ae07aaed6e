//! A scenario that can be run, in the names of its file.

use bailiwick_policy::manifest::yaml::Position;
use time::OffsetDateTime;

use crate::{
    answer::Answer,
    fault::Unusable,
    read::values::{AccountName, Json, UserName},
    verbs::Verb,
};

/// A scenario file.
#[derive(Debug)]
pub struct Scenario {
    pub(crate) file: String,
    pub(crate) title: String,
    pub(crate) product: String,
    pub(crate) product_at: Position,
    pub(crate) clock: Option<OffsetDateTime>,
    pub(crate) given: Given,
    pub(crate) steps: Vec<Step>,
}

impl Scenario {
    /// Name of the file.
    #[must_use]
    pub fn file(&self) -> &str {
        &self.file
    }
    /// Title; the name of the file where it has none.
    #[must_use]
    pub fn title(&self) -> &str {
        &self.title
    }
    /// Name of the product.
    #[must_use]
    pub fn product(&self) -> &str {
        &self.product
    }
    /// The error for a file whose product is unknown.
    #[must_use]
    pub fn unknown_product(&self) -> Unusable {
        Unusable::one(
            &self.file,
            self.product_at,
            format!("there is no product `{}`", self.product),
        )
    }
    /// The number of its steps.
    #[must_use]
    pub fn steps(&self) -> usize {
        self.steps.len()
    }
}

/// What exists before the first step.
#[derive(Debug, Default)]
pub(crate) struct Given {
    pub(crate) users: Vec<User>,
    pub(crate) accounts: Vec<Account>,
    /// The roles, then the resources.
    pub(crate) others: Vec<Setup>,
}

/// A verb that sets up a part of `given`.
#[derive(Debug)]
pub(crate) struct Setup {
    pub(crate) line: u64,
    /// What is set up, for messages.
    pub(crate) what: String,
    pub(crate) verb: Box<dyn Verb>,
}

impl Setup {
    pub(crate) fn new(line: u64, what: String, verb: impl Verb + 'static) -> Self {
        let verb = Box::new(verb);
        Self { line, what, verb }
    }
}

#[derive(Debug)]
pub(crate) struct User {
    pub(crate) line: u64,
    pub(crate) name: String,
    pub(crate) email: String,
    pub(crate) kind: UserKind,
    pub(crate) member_of: Vec<AccountName>,
    pub(crate) expires: Option<OffsetDateTime>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum UserKind {
    #[default]
    Agent,
    Customer,
    Anonymous,
    Service,
}

#[derive(Debug)]
pub(crate) struct Account {
    pub(crate) line: u64,
    pub(crate) name: String,
    pub(crate) title: String,
    pub(crate) seats: u32,
    pub(crate) settings: Json,
    pub(crate) owner: Option<UserName>,
    /// Its instances and workspaces; each comes after the scope that it is in.
    pub(crate) scopes: Vec<Setup>,
}

/// One step.
#[derive(Debug)]
pub(crate) struct Step {
    pub(crate) line: u64,
    pub(crate) actor: Option<UserName>,
    pub(crate) verb: Box<dyn Verb>,
    pub(crate) expect: Answer,
    pub(crate) because: Option<String>,
    /// Actor, verb and arguments, as the file has them.
    pub(crate) text: String,
}
