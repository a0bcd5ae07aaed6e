//! Sets a password with a mailed secret: what `Activate` and `ResetPassword` have in common.

use std::sync::Arc;

use bailiwick_identity_core::{
    Identity,
    user::activate::{Command, Done, Error},
};
use bailiwick_rpc::Fields;
use bailiwick_types::Token;
use tonic::Status;

use super::Api;
use crate::grpc::{new_password, secret};

pub(super) fn command(mailed: String, password: String) -> Result<Command, Status> {
    let mut fields = Fields::new();
    let secret = secret(&mut fields, "secret", mailed);
    let password = new_password(&mut fields, "password", password);
    fields.finish_with(|| {
        Some(Command {
            secret: secret?,
            password: password?,
        })
    })
}

/// Sets the password; the sessions that it ends are refused at once.
pub(super) async fn set<F>(api: &Api, set: impl FnOnce(Arc<Identity>) -> F) -> Result<Token, Status>
where
    F: Future<Output = Result<Done, Error>> + Send + 'static,
{
    let authenticator = Arc::clone(&api.authenticator);
    let work = api.write(|identity| {
        let set = set(identity);
        async move {
            let done = set.await?;
            done.ended
                .iter()
                .for_each(|session| authenticator.forget_session(*session));
            Ok::<_, Error>(done.token)
        }
    });
    work.await
}
