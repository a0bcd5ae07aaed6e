//! `seats`: counts the licences of an account.

use super::prelude::*;

arguments! { pub(super) struct Seats in account {
    account: AccountName = need("account"),
} }

#[async_trait]
impl Verb for Seats {
    fn expects(&self) -> Expects {
        Expects::Seats
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
