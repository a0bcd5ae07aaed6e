//! What the runner asks of a suite and makes of its answers, against a suite that answers from a function.

#![allow(clippy::expect_used, reason = "helpers of tests fail like tests")]

mod answers;
mod callers;
mod given;
mod repeats;
#[path = "../../../client/tests/support/mod.rs"]
mod support;

use std::{collections::HashMap, sync::Mutex, time::Duration};

use bailiwick_client::{Credentials, Endpoints};
use bailiwick_proto::{
    authorization::v1::{
        AssignRoleResponse, CheckResponse, CreateMemberResponse, Decision, ListProductsResponse,
        RegisterResourceResponse,
    },
    identity::v1::{
        CreateUserRequest, CreateUserResponse, ReauthenticateResponse, SignInRequest, SignInResponse,
        TokenPair, User,
    },
    tenancy::v1::{
        Account, CreateAccountRequest, CreateAccountResponse, CreateWorkspaceRequest,
        CreateWorkspaceResponse, Workspace,
    },
};
use bailiwick_scenario::{ClockRefused, Manifest, Options, Report, Runner, Scenario, Suite};
use support::{Answer, Call, Fake, ok};
use time::OffsetDateTime;
use tonic::{Code, Status};
use tonic_types::{ErrorDetails, StatusExt};

struct Served {
    fake: Fake,
    clock: Mutex<Vec<Duration>>,
}

#[async_trait::async_trait]
impl Suite for Served {
    fn endpoints(&self) -> Endpoints {
        Endpoints::one(self.fake.url())
    }
    fn operator(&self) -> Credentials {
        Credentials::Bearer("operator".to_owned().into())
    }
    fn manifest(&self, _: &str) -> Option<Manifest> {
        None
    }
    fn staleness(&self) -> Duration {
        Duration::from_secs(1)
    }
    async fn set_clock(&self, _: OffsetDateTime) -> Result<(), ClockRefused> {
        Ok(())
    }
    async fn advance(&self, by: Duration) -> Result<(), ClockRefused> {
        self.clock.lock().expect("no test panicked").push(by);
        if by > Duration::from_mins(1) {
            Err(ClockRefused("it is live".into()))
        } else {
            Ok(())
        }
    }
}

const GIVEN: &str = r#"product: stores
given:
  accounts:
    acme: {title: Acme, owner: olga, workspaces: {athens: {title: Athens}, berlin: {title: Berlin}}}
    other: {title: Other}
  users:
    olga: {}
    amy: {member_of: [acme]}
    joe: {member_of: [other]}
  roles: [{user: amy, role: admin, on: "account:acme", with: {reviewer: "user:joe"}}]
  resources: {"chart:c1": {in: "workspace:athens"}}
steps:
"#;

/// Answers the calls that set up `given`, with ids that begin with `real`.
fn set_up(call: &Call) -> Answer {
    match call.method() {
        "CreateUser" => {
            let request: CreateUserRequest = call.read();
            let user = Some(User {
                user: format!("real_{}", request.display_name),
                ..Default::default()
            });
            ok(CreateUserResponse {
                user,
                ..Default::default()
            })
        }
        "CreateAccount" => {
            let title = call.read::<CreateAccountRequest>().title;
            let account = Some(Account {
                account: format!("real_{title}"),
                ..Default::default()
            });
            ok(CreateAccountResponse {
                account,
                ..Default::default()
            })
        }
        "CreateWorkspace" => {
            let title = call.read::<CreateWorkspaceRequest>().title;
            let workspace = Some(Workspace {
                workspace: format!("real_{title}"),
                ..Default::default()
            });
            ok(CreateWorkspaceResponse {
                workspace,
                ..Default::default()
            })
        }
        "ListProducts" => ok(ListProductsResponse::default()),
        "CreateMember" => ok(CreateMemberResponse::default()),
        "AssignRole" => ok(AssignRoleResponse::default()),
        "RegisterResource" => ok(RegisterResourceResponse::default()),
        "SignIn" => {
            let request: SignInRequest = call.read();
            let access_token = format!("{} in {}", request.email, request.account);
            ok(SignInResponse {
                tokens: Some(TokenPair {
                    access_token,
                    ..Default::default()
                }),
                ..Default::default()
            })
        }
        "Reauthenticate" => ok(ReauthenticateResponse::default()),
        _ => Err(Status::unimplemented(format!(
            "method `{}` is not implemented",
            call.path
        ))),
    }
}

fn options() -> Options {
    Options {
        no_tokens: false,
        allow_unsupported: false,
        tag: None,
        secret: "a secret of the tests".to_owned().into(),
    }
}

async fn run(
    steps: &str,
    options: &Options,
    answer: impl Fn(&Call) -> Option<Answer> + Send + Sync + 'static,
) -> (Report, Vec<Call>) {
    let fake = Fake::start(move |call| answer(call).unwrap_or_else(|| set_up(call))).await;
    let suite = Served {
        fake,
        clock: Mutex::default(),
    };
    let scenario = Scenario::parse("f.yaml", &format!("{GIVEN}{steps}")).expect("a scenario");
    let report = Runner::new(&suite, options).run(&scenario).await;
    (report, suite.fake.calls())
}

fn decision(decision: Decision) -> Option<Answer> {
    Some(ok(CheckResponse {
        decision: decision.into(),
        ..Default::default()
    }))
}

fn failed(code: Code, reason: &str) -> Answer {
    let details = ErrorDetails::with_error_info(reason, "bailiwick", HashMap::new());
    Err(Status::with_error_details(code, "no", details))
}
