//! Quotas.

use bailiwick_authorization_core::use_case::set_quota;
use bailiwick_proto::authorization::v1::{self as pb, quota_service_server::QuotaService};
use bailiwick_rpc::{Context, Fields, Target, page as pages};
use bailiwick_types::{AccountId, Subject, UserId};
use tonic::{Request, Response, Status};

use super::{Api, encoded, page, status};

fn quota((account, user): (AccountId, &str), of: &str, limit: Option<u64>, used: u64) -> pb::Quota {
    let small = |n: u64| u32::try_from(n).unwrap_or(u32::MAX);
    pb::Quota {
        account: account.to_string(),
        user: user.to_owned(),
        r#type: of.to_owned(),
        limit: limit.map(small),
        used: small(used),
    }
}

fn named(account: &str, user: &str, of: &str) -> Result<(AccountId, UserId, String), Status> {
    let mut fields = Fields::new();
    let account = fields.account(account);
    let user = fields.take("user", user.parse::<UserId>());
    let of = fields.text("type", of, 63);
    let all = (|| Some((account?, user?, of?)))();
    fields.finish(all)
}

#[tonic::async_trait]
impl QuotaService for Api {
    async fn set_quota(
        &self,
        request: Request<pb::SetQuotaRequest>,
    ) -> Result<Response<pb::SetQuotaResponse>, Status> {
        let context = Context::of(&request)?.clone();
        let request = request.into_inner();
        let (account, user, of) = named(&request.account, &request.user, &request.r#type)?;
        let by = self
            .enter(
                &context,
                account,
                &[&Subject::user(user)],
                Target::account(account),
            )
            .await?;
        let limit = request.limit.map(u64::from);
        let command = set_quota::Command {
            account,
            user,
            of: of.clone(),
            limit,
        };
        let (used, token) = set_quota::execute(&self.ports, &by, command)
            .await
            .map_err(status)?;
        let quota = quota((account, &request.user), &of, limit, used);
        Ok(Response::new(pb::SetQuotaResponse {
            quota: Some(quota),
            token: encoded(&token),
        }))
    }

    async fn get_quota(
        &self,
        request: Request<pb::GetQuotaRequest>,
    ) -> Result<Response<pb::GetQuotaResponse>, Status> {
        let context = Context::of(&request)?.clone();
        let request = request.into_inner();
        let (account, user, of) = named(&request.account, &request.user, &request.r#type)?;
        let by = self
            .enter(&context, account, &[], Target::account(account))
            .await?;
        let read = self.read(&by, account).await?;
        let subject = Subject::user(user);
        let limit = read.quota(&subject, &of).await.map_err(status)?;
        let used = read.owned(&subject, &of).await.map_err(status)?;
        let quota = quota((account, &request.user), &of, limit, used);
        Ok(Response::new(pb::GetQuotaResponse { quota: Some(quota) }))
    }

    async fn list_quotas(
        &self,
        request: Request<pb::ListQuotasRequest>,
    ) -> Result<Response<pb::ListQuotasResponse>, Status> {
        let context = Context::of(&request)?.clone();
        let request = request.into_inner();
        let mut fields = Fields::new();
        let account = fields.account(&request.account);
        let size = fields.page_size(request.page_size);
        let subject = match request.user.as_str() {
            "" => None,
            user => fields.take("user", user.parse::<UserId>()).map(Subject::user),
        };
        let (account, size) = fields.finish(account.zip(size))?;
        let list = ["ListQuotas", &request.account, &request.user];
        let after: Option<(String, String)> = pages::decode(&list, &request.page_token).map_err(status)?;
        let by = self
            .enter(&context, account, &[], Target::account(account))
            .await?;
        let read = self.read(&by, account).await?;
        let rows = read
            .quotas(subject.as_ref(), after.as_ref(), size.get() + 1)
            .await
            .map_err(status)?;
        let (rows, more) = page(rows, size.get());
        let last = rows.last().filter(|_| more);
        let next = last.map(|(subject, of, _)| pages::encode(&list, &(subject.as_str(), of)));
        let mut quotas = Vec::with_capacity(rows.len());
        for (subject, of, limit) in &rows {
            let used = read.owned(subject, of).await.map_err(status)?;
            quotas.push(quota((account, subject.id()), of, Some(*limit), used));
        }
        Ok(Response::new(pb::ListQuotasResponse {
            quotas,
            next_page_token: next.unwrap_or_default(),
        }))
    }
}
