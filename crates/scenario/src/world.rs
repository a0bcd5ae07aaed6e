//! What a scenario gives, set up for other use than its steps.

use bailiwick_client::Client;

use crate::{names::Names, read::values::Scope};

/// A suite with what a scenario gives, and the ids of the services by the scenario's names.
#[derive(Debug)]
pub struct World {
    pub(crate) client: Client,
    pub(crate) names: Names,
}

impl World {
    /// The operator's client, with the consistency tokens of everything that was set up.
    #[must_use]
    pub fn client(&self) -> &Client {
        &self.client
    }
    /// The id of an account, by the scenario's name for it.
    #[must_use]
    pub fn account(&self, name: &str) -> String {
        self.names.account_id(name)
    }
    /// `TYPE:ID` of a user, by the scenario's name for it.
    #[must_use]
    pub fn subject(&self, name: &str) -> String {
        self.names.subject(name)
    }
    /// A scope with its id, by the scenario's name for it (`instance:sales`); a resource as it is.
    #[must_use]
    pub fn target(&self, text: &str) -> String {
        Scope::parse(text).map_or_else(|| text.to_owned(), |scope| self.names.scope(&scope))
    }
    /// A text with the scenario's names in place of the ids of the services.
    #[must_use]
    pub fn shorten(&self, text: &str) -> String {
        self.names.shorten(text)
    }
}
