//! `bailiwick seats`.

use anyhow::Result;
use bailiwick_proto::authorization::v1::GetSeatsRequest;

use crate::{
    cli::Output,
    connect::{Within, message},
    output::answer,
};

/// Shows how many seats an account has, uses, and gets back at the end of the billing cycle.
pub(crate) async fn run(within: &Within, output: Output) -> Result<()> {
    let at = within.open().await?;
    let request = GetSeatsRequest { account: at.account };
    let seats = message(at.client.authorization().member().get_seats(request).await)?;
    answer(output, &seats, "none")
}
