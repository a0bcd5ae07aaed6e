//! The callers of a scenario's steps: each user with a session per account.

use std::collections::HashMap;

use bailiwick_client::{Client, Credentials, Error};
use tonic::Code;

use crate::{model::Kind, names::Names};

/// Clients of the operator and of the file's users, over the same connections and tokens.
pub(crate) struct Actors {
    anybody: Client,
    operator: Client,
    sessions: HashMap<(String, Option<String>), Client>,
}

impl Actors {
    pub(crate) fn new(anybody: Client, operator: Credentials) -> Self {
        Self {
            operator: anybody.with_credentials(operator),
            anybody,
            sessions: HashMap::new(),
        }
    }
    pub(crate) fn operator(&self) -> Client {
        self.operator.clone()
    }
    /// The client of a user with a token for an account or, where the user is no member there, for another of its
    /// accounts or none; the operator's where nobody is named.
    pub(crate) async fn client(
        &mut self,
        names: &Names,
        user: Option<&str>,
        account: &str,
    ) -> Result<Client, Error> {
        let Some(name) = user else {
            return Ok(self.operator());
        };
        let Some(user) = names.user(name) else {
            return Ok(self.anybody.clone());
        };
        match user.kind {
            Kind::Anonymous => return Ok(self.anybody.clone()),
            Kind::Service => {
                let credentials = Credentials::client(&user.id, user.secret.clone().into());
                let made = || self.anybody.with_credentials(credentials);
                return Ok(self
                    .sessions
                    .entry((name.to_owned(), None))
                    .or_insert_with(made)
                    .clone());
            }
            Kind::Agent | Kind::Customer => {}
        }
        let here = user.member_of.iter().filter(|a| *a == account);
        let elsewhere = user.member_of.iter().filter(|a| *a != account);
        let mut refused = None;
        for choice in here.chain(elsewhere).map(Some).chain([None]) {
            let key = (name.to_owned(), choice.cloned());
            if let Some(client) = self.sessions.get(&key) {
                return Ok(client.clone());
            }
            let account = choice.map(|account| names.account_id(account));
            let client = self.anybody.with_credentials(Credentials::password(
                &user.email,
                user.secret.clone().into(),
                account,
            ));
            match client.sign_in().await {
                Ok(()) => {
                    self.sessions.insert(key, client.clone());
                    return Ok(client);
                }
                Err(error) if may_not_sign_in(&error) => refused = Some(error),
                Err(error) => return Err(error),
            }
        }
        // The last choice was tried: there was an error.
        refused.map_or_else(|| Ok(self.anybody.clone()), Err)
    }
    /// Forgets the sessions of a user, so that the next step signs in again.
    pub(crate) fn forget(&mut self, user: &str) {
        self.sessions.retain(|(name, _), _| name != user);
    }
}

fn may_not_sign_in(error: &Error) -> bool {
    matches!(
        error.code(),
        Code::Unauthenticated | Code::PermissionDenied | Code::FailedPrecondition | Code::NotFound
    )
}
