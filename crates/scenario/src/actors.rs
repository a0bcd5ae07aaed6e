//! The callers of steps: a session for each user and account.

use std::collections::HashMap;

use bailiwick_client::{Client, Credentials, Error};
use tonic::Code;

use crate::{names::Names, scenario::UserKind};

/// Clients of the operator and of the file's users, over the same connections and tokens.
pub(crate) struct Actors {
    unauthenticated: Client,
    operator: Client,
    sessions: HashMap<(String, Option<String>), Client>,
    /// Sign-ins that were refused since the last change: another one would be refused too, and counts as a
    /// guess at the password.
    refused: HashMap<(String, Option<String>), Error>,
    /// API keys that steps made, by their names.
    keys: HashMap<String, Key>,
}

struct Key {
    id: String,
    client: Client,
}

/// The id of a key that was not made.
const NO_KEY: &str = "key_01h2xcejqtf2nbrexx3vqjhp41";

impl Actors {
    pub(crate) fn new(unauthenticated: Client, operator: Credentials) -> Self {
        Self {
            operator: unauthenticated.with_credentials(operator),
            unauthenticated,
            sessions: HashMap::new(),
            refused: HashMap::new(),
            keys: HashMap::new(),
        }
    }
    /// Lets steps act with an API key, under the name of a user.
    pub(crate) fn add_key(&mut self, name: &str, id: String, secret: String) {
        let credentials = Credentials::Bearer(secret.into());
        let client = self.unauthenticated.with_credentials(credentials);
        self.keys.insert(name.to_owned(), Key { id, client });
    }
    /// The id of an API key.
    pub(crate) fn key_id(&self, name: &str) -> String {
        let key = self.keys.get(name);
        key.map_or(NO_KEY, |key| &key.id).to_owned()
    }
    pub(crate) fn operator(&self) -> Client {
        self.operator.clone()
    }
    /// The client of a user, or of the operator where no user is named. A user has a token for the account
    /// or, where it cannot sign in to that one, for another of its accounts or for none.
    pub(crate) async fn client(
        &mut self,
        names: &Names,
        user: Option<&str>,
        account: &str,
    ) -> Result<Client, Error> {
        let Some(name) = user else {
            return Ok(self.operator());
        };
        if let Some(key) = self.keys.get(name) {
            return Ok(key.client.clone());
        }
        let user = names.user(name);
        let Some(user) = user.filter(|user| user.kind != UserKind::Anonymous) else {
            return Ok(self.unauthenticated.clone());
        };
        if user.kind == UserKind::Service {
            let credentials = Credentials::client(&user.id, user.secret.clone().into());
            let key = (name.to_owned(), None);
            let new = || self.unauthenticated.with_credentials(credentials);
            return Ok(self.sessions.entry(key).or_insert_with(new).clone());
        }
        let here = user.member_of.iter().filter(|a| *a == account);
        let elsewhere = user.member_of.iter().filter(|a| *a != account);
        let mut refused = Ok(self.unauthenticated.clone());
        for choice in here.chain(elsewhere).map(Some).chain([None]) {
            let key = (name.to_owned(), choice.cloned());
            if let Some(client) = self.sessions.get(&key) {
                return Ok(client.clone());
            }
            if let Some(error) = self.refused.get(&key) {
                refused = Err(error.clone());
                continue;
            }
            let account = choice.map(|account| names.account_id(account));
            let client = self.unauthenticated.with_credentials(Credentials::password(
                &user.email,
                user.secret.clone().into(),
                account,
            ));
            match client.sign_in().await {
                Ok(()) => {
                    self.sessions.insert(key, client.clone());
                    return Ok(client);
                }
                Err(error) if is_refused(&error) => {
                    self.refused.insert(key, error.clone());
                    refused = Err(error);
                }
                Err(error) => return Err(error),
            }
        }
        refused
    }
    /// Something was changed: whoever was refused may be let in now.
    pub(crate) fn changed(&mut self) {
        self.refused.clear();
    }
    /// Drops the sessions of a user, so that its next step signs in again.
    pub(crate) fn forget(&mut self, user: &str) {
        self.sessions.retain(|(name, _), _| name != user);
    }
}

fn is_refused(error: &Error) -> bool {
    matches!(
        error.code(),
        Code::Unauthenticated
            | Code::PermissionDenied
            | Code::FailedPrecondition
            | Code::NotFound
            | Code::ResourceExhausted
    )
}
