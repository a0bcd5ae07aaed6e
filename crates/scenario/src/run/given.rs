//! What is there before the first step: made by the operator in a fixed order.

use bailiwick_client::{Client, Error};
use bailiwick_proto::{
    authorization::v1::{ApplyProductRequest, CreateMemberRequest, ListProductsRequest, MemberKind},
    identity::v1::{CreateServiceAccountRequest, CreateUserRequest},
    tenancy::v1::CreateAccountRequest,
};
use prost_types::Timestamp;
use secrecy::ExposeSecret;
use time::OffsetDateTime;
use tokio::time::Instant;
use tonic::Code;

use super::{PAUSE, Run, Trouble, one_line};
use crate::{
    model::{Account, Kind, Place, Scenario, Scope, User},
    names,
    report::Failure,
    suite::Suite,
};

type Done = Result<(), Box<Failure>>;

impl<S: Suite + ?Sized> Run<'_, S> {
    /// Applies the product, then `given` in its order: users, accounts with owners, members, roles, resources.
    pub(super) async fn given(&mut self, scenario: &Scenario) -> Done {
        let operator = self.actors.operator();
        self.operator_is_known(&operator).await?;
        self.product(&operator).await?;
        let given = &scenario.given;
        for user in &given.users {
            self.make_user(&operator, user).await?;
        }
        for account in &given.accounts {
            self.make_account(&operator, account).await?;
        }
        for user in &given.users {
            self.make_members(&operator, user).await?;
        }
        for (line, binding) in &given.roles {
            let asked = format!("role {} on {}", binding.role, binding.on);
            self.until_done(*line, asked, async |run| {
                run.assign(&operator, binding).await.map(drop)
            })
            .await?;
        }
        for (line, resource) in &given.resources {
            let asked = format!("resource {}", resource.resource);
            self.until_done(*line, asked, async |run| {
                run.register(&operator, resource).await.map(drop)
            })
            .await?;
        }
        Ok(())
    }

    /// Waits until authorization knows the operator: on a new suite that comes from identity, and no token names it.
    async fn operator_is_known(&mut self, operator: &Client) -> Done {
        let until = Instant::now() + self.suite.staleness();
        loop {
            let request = ListProductsRequest {
                page_size: 1,
                page_token: String::new(),
            };
            match operator
                .authorization()
                .product()
                .list_products(request)
                .await
                .map_err(Error::from)
            {
                Ok(_) => return Ok(()),
                Err(error)
                    if (error.code() == Code::PermissionDenied || passing(&error))
                        && Instant::now() < until =>
                {
                    tokio::time::sleep(PAUSE).await;
                }
                Err(error) => {
                    return Err(Box::new(Failure::given(
                        1,
                        "operator".to_owned(),
                        one_line(&error),
                    )));
                }
            }
        }
    }

    async fn product(&mut self, operator: &Client) -> Done {
        let Some(manifest) = self.suite.manifest(&self.product) else {
            return Ok(());
        };
        let request = ApplyProductRequest {
            manifest: manifest.text,
            file_name: manifest.file,
            ..Default::default()
        };
        self.until_done(1, format!("product {}", self.product), async |_| {
            operator
                .authorization()
                .product()
                .apply_product(request.clone())
                .await?;
            Ok(())
        })
        .await
    }

    async fn make_user(&mut self, operator: &Client, user: &User) -> Done {
        let mut known = names::User {
            kind: user.kind,
            id: user.id.clone(),
            email: self.email(&user.email),
            secret: format!("{}-{}", self.options.secret.expose_secret(), user.id),
            member_of: Vec::new(),
        };
        if matches!(user.kind, Kind::Agent | Kind::Customer) {
            let request = CreateUserRequest {
                email: known.email.clone(),
                display_name: user.id.clone(),
                password: known.secret.clone(),
                email_verified: true,
                request_id: String::new(),
            };
            self.until_done(user.line, format!("user {}", user.id), async |_| {
                let answer = operator.identity().user().create_user(request.clone()).await?;
                known.id = answer.into_inner().user.unwrap_or_default().user;
                Ok(())
            })
            .await?;
        }
        // A service account is made for an account, and gets its id there.
        self.names.add_user(&user.id, known);
        Ok(())
    }

    async fn make_account(&mut self, operator: &Client, account: &Account) -> Done {
        let request = CreateAccountRequest {
            product: self.product.clone(),
            title: account.title.clone(),
            owner: account
                .owner
                .as_ref()
                .map(|owner| self.names.subject(owner))
                .unwrap_or_default(),
            seats: account.seats,
            settings: (!account.settings.is_empty()).then(|| self.names.values(&account.settings)),
            request_id: String::new(),
        };
        self.until_done(account.line, format!("account {}", account.id), async |run| {
            let answer = operator
                .tenancy()
                .account()
                .create_account(request.clone())
                .await?
                .into_inner();
            let made = answer.account.unwrap_or_default().account;
            run.names
                .add_scope(&Scope::account(&account.id), &made, &account.id);
            Ok(())
        })
        .await?;
        if let Some(owner) = &account.owner {
            self.names.joined(owner, &account.id);
        }
        let within = Scope::account(&account.id);
        for instance in &account.instances {
            self.until_done(instance.line, format!("instance {}", instance.id), async |run| {
                run.create_instance(
                    operator,
                    &instance.id,
                    &within,
                    &instance.title,
                    &instance.edition,
                )
                .await
                .map(drop)
            })
            .await?;
            let inside = Scope {
                level: crate::model::Level::Instance,
                id: instance.id.clone(),
            };
            self.make_workspaces(operator, &inside, &instance.workspaces)
                .await?;
        }
        self.make_workspaces(operator, &within, &account.workspaces).await
    }

    async fn make_workspaces(&mut self, operator: &Client, within: &Scope, workspaces: &[Place]) -> Done {
        for workspace in workspaces {
            self.until_done(
                workspace.line,
                format!("workspace {}", workspace.id),
                async |run| {
                    run.create_workspace(operator, &workspace.id, within, &workspace.title)
                        .await
                        .map(drop)
                },
            )
            .await?;
        }
        Ok(())
    }

    async fn make_members(&mut self, operator: &Client, user: &User) -> Done {
        if user.kind == Kind::Service {
            return self.make_service_account(operator, user).await;
        }
        for account in &user.member_of {
            let request = CreateMemberRequest {
                account: self.names.account_id(account),
                user: self.names.user_id(&user.id),
                kind: match user.kind {
                    Kind::Customer => MemberKind::Customer.into(),
                    _ => MemberKind::Agent.into(),
                },
                expire_time: user.expires.map(timestamp),
                validate_only: false,
            };
            self.until_done(
                user.line,
                format!("member {} of {account}", user.id),
                async |_| match operator
                    .authorization()
                    .member()
                    .create_member(request.clone())
                    .await
                {
                    Err(status) if status.code() == Code::AlreadyExists => Ok(()),
                    answer => answer.map(drop).map_err(Trouble::from),
                },
            )
            .await?;
            self.names.joined(&user.id, account);
        }
        Ok(())
    }

    async fn make_service_account(&mut self, operator: &Client, user: &User) -> Done {
        let account = user
            .member_of
            .first()
            .map_or_else(|| self.names.first_account(), String::as_str);
        let request = CreateServiceAccountRequest {
            title: user.id.clone(),
            scope: self.names.scope(&Scope::account(account)),
            role: String::new(),
            request_id: String::new(),
        };
        self.until_done(user.line, format!("service account {}", user.id), async |run| {
            let answer = operator
                .identity()
                .service_account()
                .create_service_account(request.clone())
                .await?;
            let answer = answer.into_inner();
            let known = names::User {
                kind: Kind::Service,
                id: answer.service_account.unwrap_or_default().service_account,
                email: String::new(),
                secret: answer.secret,
                member_of: Vec::new(),
            };
            run.names.add_user(&user.id, known);
            Ok(())
        })
        .await
    }

    /// Does something that must succeed; without tokens again while it does not, until the staleness bound.
    async fn until_done(
        &mut self,
        line: u64,
        asked: String,
        mut act: impl AsyncFnMut(&mut Self) -> Result<(), Trouble>,
    ) -> Done {
        let until = Instant::now() + self.suite.staleness();
        loop {
            let came = match act(self).await {
                Ok(()) => return Ok(()),
                Err(Trouble::Call(error)) => {
                    if (self.options.no_tokens || passing(&error)) && Instant::now() < until {
                        tokio::time::sleep(PAUSE).await;
                        continue;
                    }
                    one_line(&error)
                }
                Err(Trouble::Missing(message) | Trouble::Refused(message)) => message,
            };
            return Err(Box::new(Failure::given(line, asked, self.names.shorten(&came))));
        }
    }
}

fn passing(error: &Error) -> bool {
    error.code() == Code::Unavailable && error.retry_after().is_some()
}

pub(super) fn timestamp(at: OffsetDateTime) -> Timestamp {
    Timestamp {
        seconds: at.unix_timestamp(),
        nanos: i32::try_from(at.nanosecond()).unwrap_or_default(),
    }
}
