//! What is given in a scenario, set up and left to whoever wants to go on with it.

use bailiwick_client::Client;

use crate::{
    model::{Level, Scope},
    names::Names,
};

/// A suite with what a scenario gives, and the ids that the services gave for the scenario's names.
#[derive(Debug)]
pub struct World {
    pub(crate) client: Client,
    pub(crate) names: Names,
}

impl World {
    /// The operator's client; it carries the token of everything that was set up.
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
        let scope = text.split_once(':').and_then(|(kind, id)| {
            let level = Level::ALL.into_iter().find(|level| level.as_str() == kind)?;
            Some(Scope {
                level,
                id: id.to_owned(),
            })
        });
        scope.map_or_else(|| text.to_owned(), |scope| self.names.scope(&scope))
    }
    /// A text with the scenario's names in place of the ids that the services handed out.
    #[must_use]
    pub fn shorten(&self, text: &str) -> String {
        self.names.shorten(text)
    }
}
