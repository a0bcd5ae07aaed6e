//! `CreateAccount`.

use bailiwick_rpc::{Context, wire::map_of};
use bailiwick_tenancy_core::{
    Title,
    account::create::{self, Command},
};
use bailiwick_types::method::tenancy::CreateAccount;

use crate::grpc::prelude::*;
use crate::grpc::request_key::request_key;

pub(super) async fn handle(
    api: &Api,
    call: Call<CreateAccount, pb::CreateAccountRequest>,
) -> Result<pb::CreateAccountResponse, Status> {
    let (call, message) = call.split();
    let command = parse(&call.context, message)?;
    api.wait_for_product(&call.context, &command.product).await?;
    create::check(&api.tenancy, &command)
        .await
        .map_err(IntoStatus::into_status)?;
    let by = api.guard.authorize(&call, &Target::none()).await?;
    let (account, written) = api
        .write(|tenancy| async move { create::run(&tenancy, &by, command).await })
        .await?;
    Ok(pb::CreateAccountResponse {
        account: Some(answer::account(account)),
        token: token::answer(&written),
    })
}

fn parse(context: &Context, mut message: pb::CreateAccountRequest) -> Result<Command, Status> {
    let mut fields = Fields::new();
    let product = fields.take("product", message.product.parse());
    let title = fields.take("title", Title::try_from(message.title.clone()));
    let owner = match message.owner.as_str() {
        "" => None,
        owner => fields.user_subject("owner", owner),
    };
    let id = std::mem::take(&mut message.request_id);
    let request = request_key(&mut fields, context, &id, &message);
    let settings = message
        .settings
        .map(|values| map_of(values).into_iter().collect());
    let (product, title) = fields.finish(product.zip(title))?;
    Ok(Command {
        product,
        title,
        owner,
        seats: message.seats,
        settings: settings.unwrap_or_default(),
        request,
    })
}
