//! `CreateInstance`.

use bailiwick_rpc::Context;
use bailiwick_tenancy_core::{
    Title,
    place::create_instance::{self, Command},
};
use bailiwick_types::{AccountId, method::tenancy::CreateInstance};

use crate::grpc::prelude::*;
use crate::grpc::request_key::request_key;

pub(super) async fn handle(
    api: &Api,
    call: Call<CreateInstance, pb::CreateInstanceRequest>,
) -> Result<pb::CreateInstanceResponse, Status> {
    let (call, message) = call.split();
    let (account, command) = parse(&call.context, message)?;
    api.check_before_right(&call.context, account, |product| command.check(product))
        .await?;
    let by = api.authorize(&call, &Target::account(account)).await?;
    let (place, written) = api
        .write(|tenancy| async move { create_instance::run(&tenancy, &by, command).await })
        .await?;
    Ok(pb::CreateInstanceResponse {
        instance: Some(answer::instance(place)),
        token: token::answer(&written),
    })
}

fn parse(context: &Context, mut message: pb::CreateInstanceRequest) -> Result<(AccountId, Command), Status> {
    let mut fields = Fields::new();
    let account = fields.account(&message.account);
    let title = fields.take("title", Title::try_from(message.title.clone()));
    let id = std::mem::take(&mut message.request_id);
    let request = request_key(&mut fields, context, &id, &message);
    let (account, title) = fields.finish(account.zip(title))?;
    let edition = message.edition;
    let command = Command {
        title,
        edition,
        request,
    };
    Ok((account, command))
}
