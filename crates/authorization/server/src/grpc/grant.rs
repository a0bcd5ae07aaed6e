//! Grants.

use bailiwick_authorization_core::{
    On,
    grant::{About, AppliesTo, Filter, Grant},
    use_case::{
        create_grant,
        delete_grant::{self, Which},
    },
};
use bailiwick_proto::authorization::v1::{self as pb, grant_service_server::GrantService};
use bailiwick_rpc::{Context, Fields, Target, page as pages};
use bailiwick_types::{AccountId, Level, Scope, Subject};
use tonic::{Request, Response, Status};
use uuid::Uuid;

use super::{Api, convert, page_of, status};

/// The most permissions of one grant.
const PERMISSIONS: usize = 200;

/// A scope or resource of the account.
pub(super) fn on(fields: &mut Fields, field: &str, text: &str, account: Option<AccountId>) -> Option<On> {
    match fields.take(field, text.parse::<On>())? {
        On::Scope(scope) => fields.scope(field, &scope.to_string(), account).map(On::Scope),
        resource @ On::Resource(_) => Some(resource),
    }
}

pub(super) fn about(
    fields: &mut Fields,
    target: Option<&pb::GrantTarget>,
    account: Option<AccountId>,
) -> Option<About> {
    let Some(target) = target else {
        fields.violate("target", "must be given");
        return None;
    };
    if target.r#type.is_empty() {
        if target.applies_to() != pb::AppliesTo::Unspecified {
            fields.violate("target.applies_to", "must not be given without a type");
        }
        return on(fields, "target.target", &target.target, account).map(|on| match on {
            On::Scope(scope) => About::Scope(scope),
            On::Resource(name) => About::Resource(name),
        });
    }
    let scope = fields.scope("target.target", &target.target, account);
    let applies_to = match target.applies_to() {
        pb::AppliesTo::Existing => AppliesTo::Existing,
        pb::AppliesTo::Future => AppliesTo::Future,
        pb::AppliesTo::All => AppliesTo::All,
        pb::AppliesTo::Unspecified => {
            fields.violate("target.applies_to", "must be given with a type");
            return None;
        }
    };
    Some(About::Type {
        of: target.r#type.clone(),
        scope: scope?,
        applies_to,
    })
}

fn permissions(fields: &mut Fields, given: Vec<String>) -> Vec<String> {
    if given.is_empty() || given.len() > PERMISSIONS {
        fields.violate("permissions", format!("must name 1 to {PERMISSIONS} permissions"));
    }
    given
}

/// Where the guard looks: everything below asks the same account.
fn guarded(account: AccountId) -> Target {
    Target::account(account)
}

pub(super) fn grant(of: Grant) -> pb::Grant {
    let target = match of.about {
        About::Resource(name) => pb::GrantTarget {
            target: name.to_string(),
            ..pb::GrantTarget::default()
        },
        About::Scope(scope) => pb::GrantTarget {
            target: scope.to_string(),
            ..pb::GrantTarget::default()
        },
        About::Type {
            of,
            scope,
            applies_to,
        } => {
            let applies_to = match applies_to {
                AppliesTo::Existing => pb::AppliesTo::Existing,
                AppliesTo::Future => pb::AppliesTo::Future,
                AppliesTo::All => pb::AppliesTo::All,
            };
            pb::GrantTarget {
                target: scope.to_string(),
                r#type: of,
                applies_to: applies_to.into(),
            }
        }
    };
    pb::Grant {
        grant: of.id.to_string(),
        account: of.account.to_string(),
        subject: of.subject.to_string(),
        permissions: of.permissions,
        target: Some(target),
        parameters: (!of.parameters.is_empty()).then(|| convert::struct_of(of.parameters)),
        expire_time: of.expires_at.map(convert::timestamp),
        create_time: Some(convert::timestamp(of.created_at)),
    }
}

#[tonic::async_trait]
impl GrantService for Api {
    async fn create_grant(
        &self,
        request: Request<pb::CreateGrantRequest>,
    ) -> Result<Response<pb::CreateGrantResponse>, Status> {
        let context = Context::of(&request)?.clone();
        let request = request.into_inner();
        let mut fields = Fields::new();
        let account = fields.account(&request.account);
        let subject: Option<Subject> = fields.take("subject", request.subject.parse());
        let about = about(&mut fields, request.target.as_ref(), account);
        let permissions = permissions(&mut fields, request.permissions);
        let expires_at = fields.time("expire_time", request.expire_time);
        let parameters = request.parameters.map(convert::map_of).unwrap_or_default();
        let command = (|| {
            Some(create_grant::Command {
                account: account?,
                subject: subject?,
                permissions,
                about: about?,
                parameters,
                expires_at: expires_at?,
            })
        })();
        let command = fields.finish(command)?;
        let by = self
            .enter(
                &context,
                command.account,
                &[&command.subject],
                guarded(command.account),
            )
            .await?;
        let done = self
            .write(
                &by,
                command,
                request.validate_only,
                create_grant::preview,
                create_grant::execute,
            )
            .await?;
        Ok(Response::new(pb::CreateGrantResponse {
            grant: done.made.map(grant),
            token: done.token,
            changes: done.changes,
        }))
    }

    async fn delete_grant(
        &self,
        request: Request<pb::DeleteGrantRequest>,
    ) -> Result<Response<pb::DeleteGrantResponse>, Status> {
        let context = Context::of(&request)?.clone();
        let request = request.into_inner();
        let mut fields = Fields::new();
        let account = fields.account(&request.account);
        let which = if request.grant.is_empty() {
            let subject: Option<Subject> = fields.take("subject", request.subject.parse());
            let about = about(&mut fields, request.target.as_ref(), account);
            let permissions = permissions(&mut fields, request.permissions);
            subject.zip(about).map(|(subject, about)| Which::Of {
                subject,
                permissions,
                about,
            })
        } else {
            fields.take("grant", request.grant.parse()).map(Which::Id)
        };
        let command = (|| {
            Some(delete_grant::Command {
                account: account?,
                which: which?,
            })
        })();
        let command = fields.finish(command)?;
        let by = self
            .enter(&context, command.account, &[], guarded(command.account))
            .await?;
        let done = self
            .write(
                &by,
                command,
                request.validate_only,
                delete_grant::preview,
                delete_grant::execute,
            )
            .await?;
        Ok(Response::new(pb::DeleteGrantResponse {
            token: done.token,
            changes: done.changes,
        }))
    }

    async fn list_grants(
        &self,
        request: Request<pb::ListGrantsRequest>,
    ) -> Result<Response<pb::ListGrantsResponse>, Status> {
        let context = Context::of(&request)?.clone();
        let request = request.into_inner();
        let mut fields = Fields::new();
        let account = fields.account(&request.account);
        let size = fields.page_size(request.page_size);
        let mut filter = Filter::default();
        if !request.subject.is_empty() {
            filter.subject = fields.take("subject", request.subject.parse());
        }
        if !request.target.is_empty() {
            match on(&mut fields, "target", &request.target, account) {
                Some(On::Scope(scope)) => filter.scope = Some(scope),
                Some(On::Resource(name)) => filter.resource = Some(name),
                None => {}
            }
        }
        let (account, size) = fields.finish(account.zip(size))?;
        let list = ["ListGrants", &request.account, &request.subject, &request.target];
        let after: Option<Uuid> = pages::decode(&list, &request.page_token).map_err(status)?;
        let by = self
            .enter(&context, account, &[], Target::account(account))
            .await?;
        let read = self.read(&by, account).await?;
        let rows = read
            .grants(&filter, after, size.get() + 1)
            .await
            .map_err(status)?;
        let (rows, next) = page_of(&list, rows, size.get(), |last| last.id.uuid());
        Ok(Response::new(pb::ListGrantsResponse {
            grants: rows.into_iter().map(grant).collect(),
            next_page_token: next,
        }))
    }
}

/// The level that a text names, where it is one at which roles of an account can be bound.
pub(super) fn level(fields: &mut Fields, field: &str, text: &str) -> Option<Level> {
    let level = [Level::Account, Level::Instance, Level::Workspace]
        .into_iter()
        .find(|level| level.as_str() == text);
    if level.is_none() {
        fields.violate(field, "must be `account`, `instance` or `workspace`");
    }
    level
}

/// The scope of the account itself, as text.
pub(super) fn whole(account: AccountId) -> String {
    Scope::Account(account).to_string()
}
