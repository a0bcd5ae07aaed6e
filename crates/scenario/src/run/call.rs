//! What a verb runs with.

use bailiwick_client::{Client, Error};
use prost_types::Timestamp;
use time::OffsetDateTime;
use tonic::{Code, Status};

use crate::{actors::Actors, names::Names, run::Options, suite::Suite};

/// One call of a verb: its actor, its account, and the state of the run.
pub(crate) struct Call<'c> {
    pub(crate) suite: &'c dyn Suite,
    pub(crate) options: &'c Options,
    pub(crate) actors: &'c mut Actors,
    pub(crate) names: &'c mut Names,
    /// The user who acts; the operator where absent.
    pub(crate) actor: Option<&'c str>,
    /// The name of the account that the verb is about.
    pub(crate) account: String,
}

impl Call<'_> {
    /// The client of the actor, signed in to the account where possible.
    pub(crate) async fn client(&mut self) -> Result<Client, Error> {
        self.actors.client(self.names, self.actor, &self.account).await
    }
    /// The id of the account.
    pub(crate) fn account_id(&self) -> String {
        self.names.account_id(&self.account)
    }
}

/// Why a verb gave no answer of its kind.
pub(crate) enum Trouble {
    /// The call failed.
    Call(Error),
    /// This version does not implement the method.
    Unsupported(String),
    /// The suite cannot do it.
    Suite(String),
}

impl Trouble {
    /// A method that is declared, but has no messages to call it with.
    pub(crate) fn not_implemented(method: &str) -> Self {
        Self::Unsupported(format!("method `{method}` is not implemented in this version"))
    }
}

impl From<Error> for Trouble {
    fn from(error: Error) -> Self {
        match error.code() {
            Code::Unimplemented => Self::Unsupported(format!("not implemented: {}", error.message())),
            _ => Self::Call(error),
        }
    }
}

impl From<Status> for Trouble {
    fn from(status: Status) -> Self {
        Self::from(Error::from(status))
    }
}

pub(crate) fn timestamp(at: OffsetDateTime) -> Timestamp {
    Timestamp {
        seconds: at.unix_timestamp(),
        nanos: i32::try_from(at.nanosecond()).unwrap_or_default(),
    }
}
