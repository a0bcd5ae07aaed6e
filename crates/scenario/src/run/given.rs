//! Sets up what exists before the first step, as the operator and in a fixed order.

use bailiwick_client::Error;
use bailiwick_proto::{
    authorization::v1::{ApplyProductRequest, CreateMemberRequest, ListProductsRequest, MemberKind},
    identity::v1::{CreateServiceAccountRequest, CreateUserRequest},
    tenancy::v1::CreateAccountRequest,
};
use secrecy::ExposeSecret;
use tokio::time::Instant;
use tonic::Code;

use super::{PAUSE, Run, Trouble, call::timestamp, is_transient, one_line};
use crate::{
    names,
    read::values::Scope,
    report::Failure,
    scenario::{Account, Scenario, Setup, User, UserKind},
};

type Done = Result<(), Box<Failure>>;

impl Run<'_> {
    /// Applies the product, then sets up users, accounts with owners, members, roles and resources.
    pub(super) async fn given(&mut self, scenario: &Scenario) -> Done {
        self.operator_is_replicated().await?;
        self.product(&scenario.product).await?;
        let given = &scenario.given;
        for user in &given.users {
            self.create_user(user).await?;
        }
        for account in &given.accounts {
            self.create_account(&scenario.product, account).await?;
        }
        for user in &given.users {
            if user.kind == UserKind::Service {
                self.create_service_account(user).await?;
            } else {
                self.create_members(user).await?;
            }
        }
        for setup in &given.others {
            self.set_up(setup).await?;
        }
        Ok(())
    }

    /// Waits until the operator is replicated from identity to authorization, which no token covers.
    async fn operator_is_replicated(&mut self) -> Done {
        let until = Instant::now() + self.suite.staleness();
        let mut products = self.actors.operator().authorization().product();
        loop {
            let request = ListProductsRequest {
                page_size: 1,
                page_token: String::new(),
            };
            let Err(status) = products.list_products(request).await else {
                return Ok(());
            };
            let error = Error::from(status);
            let repeat = error.code() == Code::PermissionDenied || is_transient(&error);
            if !repeat || Instant::now() >= until {
                return Err(Failure::given(1, "operator", one_line(&error)));
            }
            tokio::time::sleep(PAUSE).await;
        }
    }

    async fn product(&mut self, product: &str) -> Done {
        let Some(manifest) = self.suite.manifest(product) else {
            return Ok(());
        };
        let request = ApplyProductRequest {
            manifest: manifest.text,
            file_name: manifest.file,
            ..Default::default()
        };
        self.until_done(1, &format!("product {product}"), async |run| {
            let mut products = run.actors.operator().authorization().product();
            products.apply_product(request.clone()).await?;
            Ok(())
        })
        .await
    }

    async fn create_user(&mut self, user: &User) -> Done {
        let mut known = names::User {
            kind: user.kind,
            // A service account gets its id when it is created in an account.
            id: user.name.clone(),
            email: self.options.email(&user.email),
            secret: format!("{}-{}", self.options.secret.expose_secret(), user.name),
            member_of: Vec::new(),
        };
        if matches!(user.kind, UserKind::Agent | UserKind::Customer) {
            let request = CreateUserRequest {
                email: known.email.clone(),
                display_name: user.name.clone(),
                password: known.secret.clone(),
                email_verified: true,
                request_id: String::new(),
            };
            self.until_done(user.line, &format!("user {}", user.name), async |run| {
                let mut users = run.actors.operator().identity().user();
                let answer = users.create_user(request.clone()).await?;
                known.id = answer.into_inner().user.unwrap_or_default().user;
                Ok(())
            })
            .await?;
        }
        self.names.add_user(&user.name, known);
        Ok(())
    }

    async fn create_account(&mut self, product: &str, account: &Account) -> Done {
        let owner = account.owner.as_deref();
        let request = CreateAccountRequest {
            product: product.to_owned(),
            title: account.title.clone(),
            owner: owner.map(|owner| self.names.subject(owner)).unwrap_or_default(),
            seats: account.seats,
            settings: (!account.settings.is_empty()).then(|| self.names.values(&account.settings)),
            request_id: String::new(),
        };
        let what = format!("account {}", account.name);
        self.until_done(account.line, &what, async |run| {
            let mut accounts = run.actors.operator().tenancy().account();
            let answer = accounts.create_account(request.clone()).await?.into_inner();
            let id = answer.account.unwrap_or_default().account;
            run.names.add(&Scope::account(&account.name), &id, &account.name);
            Ok(())
        })
        .await?;
        if let Some(owner) = owner {
            self.names.joined(owner, &account.name);
        }
        for setup in &account.scopes {
            self.set_up(setup).await?;
        }
        Ok(())
    }

    async fn create_members(&mut self, user: &User) -> Done {
        for account in &user.member_of {
            let request = CreateMemberRequest {
                account: self.names.account_id(account),
                user: self.names.user_id(&user.name),
                kind: match user.kind {
                    UserKind::Customer => MemberKind::Customer.into(),
                    _ => MemberKind::Agent.into(),
                },
                expire_time: user.expires.map(timestamp),
                validate_only: false,
            };
            let what = format!("member {} of {account}", user.name);
            self.until_done(user.line, &what, async |run| {
                let mut members = run.actors.operator().authorization().member();
                match members.create_member(request.clone()).await {
                    Err(status) if status.code() == Code::AlreadyExists => Ok(()),
                    answer => answer.map(drop).map_err(Trouble::from),
                }
            })
            .await?;
            self.names.joined(&user.name, account);
        }
        Ok(())
    }

    /// Creates a service account in the first of its accounts.
    async fn create_service_account(&mut self, user: &User) -> Done {
        let account = user
            .member_of
            .first()
            .map_or(self.names.first_account(), |account| account);
        let request = CreateServiceAccountRequest {
            title: user.name.clone(),
            scope: self.names.scope(&Scope::account(account)),
            role: String::new(),
            request_id: String::new(),
        };
        let what = format!("service account {}", user.name);
        self.until_done(user.line, &what, async |run| {
            let mut accounts = run.actors.operator().identity().service_account();
            let answer = accounts
                .create_service_account(request.clone())
                .await?
                .into_inner();
            let known = names::User {
                kind: UserKind::Service,
                id: answer.service_account.unwrap_or_default().service_account,
                email: String::new(),
                secret: answer.secret,
                member_of: Vec::new(),
            };
            run.names.add_user(&user.name, known);
            Ok(())
        })
        .await
    }

    /// Runs a verb of `given` as the operator.
    async fn set_up(&mut self, Setup { line, what, verb }: &Setup) -> Done {
        self.until_done(*line, what, async |run| {
            verb.run(&mut run.call(None, &**verb)).await.map(drop)
        })
        .await
    }

    /// Does what must succeed. Without tokens it is repeated while it fails, until the staleness bound.
    async fn until_done(
        &mut self,
        line: u64,
        what: &str,
        mut act: impl AsyncFnMut(&mut Self) -> Result<(), Trouble>,
    ) -> Done {
        let until = Instant::now() + self.suite.staleness();
        loop {
            let message = match act(self).await {
                Ok(()) => return Ok(()),
                Err(Trouble::Call(error)) => {
                    if (self.options.no_tokens || is_transient(&error)) && Instant::now() < until {
                        tokio::time::sleep(PAUSE).await;
                        continue;
                    }
                    one_line(&error)
                }
                Err(Trouble::Unsupported(message) | Trouble::Suite(message)) => message,
            };
            return Err(Failure::given(line, what, self.names.shorten(&message)));
        }
    }
}
