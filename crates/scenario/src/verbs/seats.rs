//! `seats`: counts the licences of an account.

use super::prelude::*;

arguments! { pub(super) struct Seats {
    account: AccountName = need("account"),
} }

#[async_trait]
impl Verb for Seats {
    fn expects(&self) -> Expects {
        Expects::Seats
    }
    fn account<'n>(&'n self, _: &'n Names) -> &'n str {
        &self.account
    }
    async fn run(&self, call: &mut Call<'_>) -> Result<Answer, Trouble> {
        let request = authorization::GetSeatsRequest {
            account: call.account_id(),
        };
        let mut members = call.client().await?.authorization().member();
        let seats = members.get_seats(request).await?.into_inner();
        Ok(Answer::Seats {
            limit: seats.limit,
            used: seats.used,
            ending: seats.ending,
        })
    }
}
