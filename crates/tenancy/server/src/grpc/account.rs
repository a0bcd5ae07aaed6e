//! Accounts.

use bailiwick_proto::tenancy::v1::{self as pb, account_service_server::AccountService};
use bailiwick_rpc::{Context, IntoStatus, Target, later, token, wire::map_of};
use bailiwick_tenancy_core::{
    Etag,
    account::{self, AccountFilter, CreateAccount, DeleteAccount, UpdateAccount},
};
use bailiwick_types::{AccountId, Authorized, CallerKind, Code, Fault, ProductName, Reason, Subject, UserId};
use futures_util::stream::BoxStream;
use tonic::{Request, Response, Status};

use super::{
    Api, answer,
    parse::{Fields, request_key},
    viewer::{Caller, list_status},
};

/// How many seats an account has is the deployment's to say.
#[derive(Debug, thiserror::Error)]
#[error("the caller may not do this here, or it does not exist")]
struct SeatsAreTheOperators;

impl Fault for SeatsAreTheOperators {
    fn code(&self) -> Code {
        Code::PermissionDenied
    }
    fn reason(&self) -> Reason {
        Reason::PermissionDenied
    }
}

fn create_command(context: &Context, mut request: pb::CreateAccountRequest) -> Result<CreateAccount, Status> {
    let mut fields = Fields::new();
    let product: Option<ProductName> = fields.take("product", request.product.parse());
    let title = fields.title("title", &request.title);
    let owner = match owner(&request.owner) {
        Ok(owner) => owner,
        Err(rule) => {
            fields.bad("owner", rule);
            None
        }
    };
    let id = fields.request_id(&std::mem::take(&mut request.request_id));
    let key = request_key(context, id, &request);
    let settings = request
        .settings
        .take()
        .map(|values| map_of(values).into_iter().collect())
        .unwrap_or_default();
    let command = product.zip(title).map(|(product, title)| CreateAccount {
        product,
        title,
        owner,
        seats: request.seats,
        settings,
        request: key,
    });
    fields.with(command)
}

fn owner(text: &str) -> Result<Option<UserId>, &'static str> {
    if text.is_empty() {
        return Ok(None);
    }
    let subject: Option<Subject> = text.parse().ok();
    subject
        .and_then(|subject| subject.user_id())
        .map(Some)
        .ok_or("must be `user:ID`")
}

fn update_command(request: &pb::UpdateAccountRequest) -> Result<UpdateAccount, Status> {
    let mut fields = Fields::new();
    let account = fields.account(&request.account);
    let changes = request.changes.clone().unwrap_or_default();
    let known = [
        ("title", !changes.title.is_empty()),
        ("seats", changes.seats != 0),
    ];
    let mask = fields.mask(request.update_mask.as_ref(), &known);
    let named = |name: &str| mask.iter().any(|path| path == name);
    let title = if named("title") {
        fields.title("changes.title", &changes.title)
    } else {
        None
    };
    let command = account.map(|account| UpdateAccount {
        account,
        title,
        seats: named("seats").then_some(changes.seats),
        etag: Etag::of_request(&request.etag),
    });
    fields.with(command)
}

fn account_of(text: &str) -> Result<AccountId, Status> {
    let mut fields = Fields::new();
    let account = fields.account(text);
    fields.with(account)
}

#[tonic::async_trait]
impl AccountService for Api {
    type ExportAccountStream = BoxStream<'static, Result<pb::ExportAccountResponse, Status>>;

    async fn create_account(
        &self,
        request: Request<pb::CreateAccountRequest>,
    ) -> Result<Response<pb::CreateAccountResponse>, Status> {
        let context = Context::of(&request)?.clone();
        let command = create_command(&context, request.into_inner())?;
        self.products(&context).await?;
        account::fits(&*self.store, &command)
            .await
            .map_err(IntoStatus::into_status)?;
        let authorized = self.guard.authorize_any(&context, Target::none()).await?;
        let api = self.clone();
        let (account, written) = self
            .write(async move {
                let made = account::create(&*api.store, &*api.clock, &*api.ids, &authorized, command).await;
                made.map_err(IntoStatus::into_status)
            })
            .await?;
        Ok(Response::new(pb::CreateAccountResponse {
            account: Some(answer::account(account)),
            token: token::encode(&written),
        }))
    }

    async fn get_account(
        &self,
        request: Request<pb::GetAccountRequest>,
    ) -> Result<Response<pb::GetAccountResponse>, Status> {
        let context = Context::of(&request)?.clone();
        let id = account_of(&request.get_ref().account)?;
        let authorized = self.pass(&context, id, Target::account(id)).await?;
        let account = account::get(&*self.store, &authorized, id)
            .await
            .map_err(IntoStatus::into_status)?;
        Ok(Response::new(pb::GetAccountResponse {
            account: Some(answer::account(account)),
        }))
    }

    async fn list_accounts(
        &self,
        request: Request<pb::ListAccountsRequest>,
    ) -> Result<Response<pb::ListAccountsResponse>, Status> {
        let context = Context::of(&request)?.clone();
        let request = request.into_inner();
        let mut fields = Fields::new();
        let product: Option<ProductName> = if request.product.is_empty() {
            None
        } else {
            fields.take("product", request.product.parse())
        };
        let listing = fields.listing(
            &[context.method.path, &request.product],
            (
                &request.order_by,
                &request.search,
                request.page_size,
                &request.page_token,
            ),
        )?;
        self.guard.authorize_any(&context, Target::none()).await?;
        // A token for an account shows that account alone.
        let own = context
            .caller
            .account()
            .filter(|_| context.caller.kind() == CallerKind::User);
        let filter = AccountFilter {
            product,
            account: own,
        };
        let viewer = Caller {
            guard: &self.guard,
            context: &context,
            account: own,
        };
        let page = account::list(&*self.store, &viewer, &filter, &listing.query, &listing.page).await;
        let page = page.map_err(list_status)?;
        Ok(Response::new(pb::ListAccountsResponse {
            next_page_token: listing.next(page.next.as_ref()),
            accounts: page.rows.into_iter().map(answer::account).collect(),
        }))
    }

    async fn update_account(
        &self,
        request: Request<pb::UpdateAccountRequest>,
    ) -> Result<Response<pb::UpdateAccountResponse>, Status> {
        let context = Context::of(&request)?.clone();
        let command = update_command(request.get_ref())?;
        let authorized = self
            .pass(&context, command.account, Target::account(command.account))
            .await?;
        if command.seats.is_some() && !authorized.is_operator() {
            return Err(SeatsAreTheOperators.into_status());
        }
        let api = self.clone();
        let (account, written) = self
            .write(async move {
                let changed = account::update(&*api.store, &*api.clock, &authorized, command).await;
                changed.map_err(IntoStatus::into_status)
            })
            .await?;
        Ok(Response::new(pb::UpdateAccountResponse {
            account: Some(answer::account(account)),
            token: token::encode(&written),
        }))
    }

    async fn delete_account(
        &self,
        request: Request<pb::DeleteAccountRequest>,
    ) -> Result<Response<pb::DeleteAccountResponse>, Status> {
        let context = Context::of(&request)?.clone();
        let request = request.into_inner();
        let command = DeleteAccount {
            account: account_of(&request.account)?,
            etag: Etag::of_request(&request.etag),
            force: request.force,
        };
        let authorized = self
            .pass(&context, command.account, Target::account(command.account))
            .await?;
        let api = self.clone();
        let written = self
            .write(async move {
                let done = account::delete(
                    &*api.store,
                    &*api.authorization,
                    &*api.clock,
                    &authorized,
                    command,
                )
                .await;
                done.map_err(IntoStatus::into_status)
            })
            .await?;
        Ok(Response::new(pb::DeleteAccountResponse {
            token: token::encode(&written),
        }))
    }

    async fn suspend_account(
        &self,
        request: Request<pb::SuspendAccountRequest>,
    ) -> Result<Response<pb::SuspendAccountResponse>, Status> {
        let context = Context::of(&request)?.clone();
        let id = account_of(&request.get_ref().account)?;
        let authorized: Authorized = self.pass(&context, id, Target::account(id)).await?;
        let api = self.clone();
        let (account, written) = self
            .write(async move {
                let done =
                    account::suspend(&*api.store, &*api.authorization, &*api.clock, &authorized, id).await;
                done.map_err(IntoStatus::into_status)
            })
            .await?;
        Ok(Response::new(pb::SuspendAccountResponse {
            account: Some(answer::account(account)),
            token: token::encode(&written),
        }))
    }

    async fn reactivate_account(
        &self,
        request: Request<pb::ReactivateAccountRequest>,
    ) -> Result<Response<pb::ReactivateAccountResponse>, Status> {
        let context = Context::of(&request)?.clone();
        let id = account_of(&request.get_ref().account)?;
        let authorized = self.pass(&context, id, Target::account(id)).await?;
        let api = self.clone();
        let (account, written) = self
            .write(async move {
                let done = account::reactivate(&*api.store, &*api.clock, &authorized, id).await;
                done.map_err(IntoStatus::into_status)
            })
            .await?;
        Ok(Response::new(pb::ReactivateAccountResponse {
            account: Some(answer::account(account)),
            token: token::encode(&written),
        }))
    }

    async fn export_account(
        &self,
        request: Request<pb::ExportAccountRequest>,
    ) -> Result<Response<Self::ExportAccountStream>, Status> {
        Err(later(&request))
    }
}
