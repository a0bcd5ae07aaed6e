//! What the caller may view, asked of the guard.

use async_trait::async_trait;
use bailiwick_rpc::{Context, Guard, IntoStatus};
use bailiwick_tenancy_core::listing::{ListError, Viewer};
use bailiwick_types::{AccountId, Scope};
use futures_util::{StreamExt, TryStreamExt, stream};
use tonic::Status;

/// Questions about accounts that are open at a time.
const AT_ONCE: usize = 16;

/// The caller of a list. With an account all scopes are asked in it, without each is an account asked for itself.
pub(super) struct Caller<'a> {
    pub(super) guard: &'a Guard,
    pub(super) context: &'a Context,
    pub(super) account: Option<AccountId>,
}

#[async_trait]
impl Viewer for Caller<'_> {
    type Error = Status;
    async fn may_view(&self, scopes: &[(AccountId, Scope)]) -> Result<Vec<bool>, Status> {
        let scopes: Vec<Scope> = scopes.iter().map(|(_, scope)| scope.clone()).collect();
        if self.account.is_some() {
            return self.guard.filter(self.context, self.account, &scopes).await;
        }
        let size = scopes.len().div_ceil(AT_ONCE).max(1);
        let parts: Vec<Vec<Scope>> = scopes.chunks(size).map(<[Scope]>::to_vec).collect();
        let asked = parts
            .into_iter()
            .map(|part| async move { self.guard.filter(self.context, None, &part).await });
        let answers: Vec<Vec<bool>> = stream::iter(asked).buffered(AT_ONCE).try_collect().await?;
        Ok(answers.concat())
    }
}

/// What a list failed with, as a status.
pub(super) fn list_status(error: ListError<Status>) -> Status {
    match error {
        ListError::Store(error) => error.into_status(),
        ListError::Viewer(status) => status,
    }
}
