//! What the runner asks of a suite and makes of its answers, against one that answers from a function.

#![allow(clippy::expect_used)]

#[path = "../../client/tests/support/mod.rs"]
mod support;

use std::{
    collections::HashMap,
    sync::{
        Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use bailiwick_client::{Credentials, Endpoints};
use bailiwick_proto::{
    authorization::v1::{
        AddGroupMemberRequest, AppliesTo, Approval, ApproveRequestRequest, AssignRoleRequest,
        AssignRoleResponse, CheckRequest, CheckResponse, CreateGrantRequest, CreateGroupResponse,
        CreateMemberResponse, Decision, DecisionReason, EffectiveChange, ExplainResponse, Explanation,
        ExplanationEffect, ExplanationSource, ExplanationStep, Group, HeldScope, ListProductsResponse,
        ListScopesResponse, PreviewRoleChangeRequest, PreviewRoleChangeResponse, RegisterResourceRequest,
        RegisterResourceResponse, RequestApprovalResponse,
    },
    identity::v1::{
        CreateUserRequest, CreateUserResponse, ReauthenticateResponse, SignInRequest, SignInResponse,
        TokenPair, User,
    },
    tenancy::v1::{
        Account, CreateAccountResponse, CreateWorkspaceRequest, CreateWorkspaceResponse,
        ListWorkspacesRequest, ListWorkspacesResponse, Workspace,
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
        if by > Duration::from_secs(60) {
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

/// Answers what `given` asks, with ids that begin with `real`.
fn given(call: &Call) -> Answer {
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
            let title = call
                .read::<bailiwick_proto::tenancy::v1::CreateAccountRequest>()
                .title;
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
            "the method `{}` is not part of this version",
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
    let fake = Fake::start(move |call| answer(call).unwrap_or_else(|| given(call))).await;
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

#[tokio::test]
async fn what_is_given_is_made_by_the_operator_in_the_order_of_the_format() {
    let (report, calls) = run("  - {advance: 1m}\n", &options(), |_| None).await;
    assert!(report.passed(), "{report}");
    let methods: Vec<_> = calls.iter().map(Call::method).collect();
    assert_eq!(
        methods,
        [
            "ListProducts",
            "CreateUser",
            "CreateUser",
            "CreateUser",
            "CreateAccount",
            "CreateWorkspace",
            "CreateWorkspace",
            "CreateAccount",
            "CreateMember",
            "CreateMember",
            "AssignRole",
            "RegisterResource",
        ]
    );
    assert!(
        calls
            .iter()
            .all(|call| call.header("authorization") == Some("Bearer operator"))
    );
    let assign: AssignRoleRequest = calls[10].read();
    assert_eq!(
        (assign.account.as_str(), assign.subject.as_str()),
        ("real_Acme", "user:real_amy")
    );
    assert!(format!("{:?}", assign.parameters).contains("\"real_joe\""));
    let register: RegisterResourceRequest = calls[11].read();
    assert_eq!(
        (register.scope.as_str(), register.owner.as_deref()),
        ("workspace:real_Athens", Some(""))
    );
}

#[tokio::test]
async fn a_run_begins_when_authorization_knows_the_operator() {
    let asked = AtomicUsize::new(0);
    let (report, calls) = run("  - {advance: 1m}\n", &options(), move |call| {
        match call.method() {
            "ListProducts" if asked.fetch_add(1, Ordering::SeqCst) < 2 => {
                Some(failed(Code::PermissionDenied, "PERMISSION_DENIED"))
            }
            _ => None,
        }
    })
    .await;
    assert!(report.passed(), "{report}");
    let first: Vec<_> = calls.iter().map(Call::method).take(4).collect();
    assert_eq!(
        first,
        ["ListProducts", "ListProducts", "ListProducts", "CreateUser"]
    );
}

#[tokio::test]
async fn a_run_tags_addresses_where_the_suite_keeps_its_users() {
    let tagged = Options {
        tag: Some("7".into()),
        ..options()
    };
    let (_, calls) = run("  - {advance: 1m}\n", &tagged, |_| None).await;
    let user: CreateUserRequest = calls[1].read();
    assert_eq!(user.email, "olga+7@example.com");
}

#[tokio::test]
async fn a_failed_check_is_one_line_with_its_explanation_in_the_names_of_the_file() {
    let steps = r#"  - {check: {user: amy, permission: chart.edit, on: "chart:c1"}, expect: deny, because: amy is new}"#;
    let (report, calls) = run(steps, &options(), |call| match call.method() {
        "Check" => decision(Decision::Allow),
        "Explain" => Some(ok(ExplainResponse {
            decision: Decision::Allow.into(),
            reason: DecisionReason::Role.into(),
            revision: 4,
            subject: Some(Explanation {
                steps: vec![ExplanationStep {
                    source: ExplanationSource::Role.into(),
                    role: "admin".into(),
                    on: "account:real_Acme".into(),
                    entry: "*".into(),
                    effect: ExplanationEffect::Allows.into(),
                    ..Default::default()
                }],
                ..Default::default()
            }),
            ..Default::default()
        })),
        _ => None,
    })
    .await;
    assert!(!report.passed());
    assert_eq!(
        report.to_string(),
        "f.yaml:13: check {user: amy, permission: chart.edit, on: chart:c1}: expected deny, came allow (because: amy is \
         new) [ALLOW ROLE at revision 4; role admin account:acme *: allows]\nFAILED f.yaml: f.yaml: 0 held, 1 failed"
    );
    let check = calls
        .iter()
        .find(|call| call.method() == "Check")
        .expect("asked")
        .read::<CheckRequest>();
    assert_eq!(
        (check.account.as_str(), check.subject.as_str()),
        ("real_Acme", "user:real_amy")
    );
}

#[tokio::test]
async fn a_failed_write_tells_message_and_fields() {
    let steps = r#"  - {as: amy, create_workspace: {id: w, in: "account:acme", title: ""}, expect: ok}"#;
    let (report, _) = run(steps, &options(), |call| match call.method() {
        "CreateWorkspace" if call.header("authorization") != Some("Bearer operator") => {
            let mut details = ErrorDetails::with_error_info("INVALID_FIELD", "bailiwick", HashMap::new());
            details.add_bad_request_violation("title", "must not be empty");
            Some(Err(Status::with_error_details(
                Code::InvalidArgument,
                "the request is wrong",
                details,
            )))
        }
        _ => None,
    })
    .await;
    assert_eq!(report.failures.len(), 1);
    assert_eq!(
        report.failures[0].came,
        "INVALID_ARGUMENT: the request is wrong; title: must not be empty"
    );
}

#[tokio::test]
async fn a_user_acts_with_a_token_for_the_account_of_the_request_or_another_of_its_own() {
    let steps = r#"
  - {as: amy, list_workspaces: {in: "account:acme"}, expect: []}
  - {as: joe, list_workspaces: {in: "account:acme"}, expect: []}
  - {as: amy, list_workspaces: {in: "account:acme"}, expect: []}
"#;
    let (report, calls) = run(steps, &options(), |call| match call.method() {
        "ListWorkspaces" => Some(ok(ListWorkspacesResponse::default())),
        _ => None,
    })
    .await;
    assert!(report.passed(), "{report}");
    let by: Vec<_> = calls
        .iter()
        .filter(|call| call.method() == "ListWorkspaces")
        .filter_map(|call| call.header("authorization"))
        .collect();
    assert_eq!(
        by,
        [
            "Bearer amy@example.com in real_Acme",
            "Bearer joe@example.com in real_Other",
            "Bearer amy@example.com in real_Acme"
        ]
    );
    assert_eq!(calls.iter().filter(|call| call.method() == "SignIn").count(), 2);
}

#[tokio::test]
async fn a_user_who_cannot_sign_in_for_the_account_acts_without_one() {
    let steps = r#"  - {as: amy, list_workspaces: {in: "account:acme"}, expect: PERMISSION_DENIED}"#;
    let (report, calls) = run(steps, &options(), |call| match call.method() {
        "SignIn" if !call.read::<SignInRequest>().account.is_empty() => {
            Some(failed(Code::PermissionDenied, "NOT_A_MEMBER"))
        }
        "ListWorkspaces" => Some(failed(Code::PermissionDenied, "PERMISSION_DENIED")),
        _ => None,
    })
    .await;
    assert!(report.passed(), "{report}");
    assert_eq!(
        calls.last().and_then(|call| call.header("authorization")),
        Some("Bearer amy@example.com in ")
    );
}

#[tokio::test]
async fn all_pages_of_a_list_are_followed_in_their_order() {
    let steps = r#"
  - {list_workspaces: {in: "account:acme", order_by: title desc, page_size: 1}, expect: [berlin, athens]}
  - {list_workspaces: {in: "account:acme"}, expect: [athens, berlin]}
"#;
    let (report, _) = run(steps, &options(), |call| {
        (call.method() == "ListWorkspaces").then(|| {
            let request: ListWorkspacesRequest = call.read();
            let (title, next_page_token) = match request.page_token.as_str() {
                "" => ("Berlin", "next".to_owned()),
                _ => ("Athens", String::new()),
            };
            let workspace = Workspace {
                workspace: format!("real_{title}"),
                ..Default::default()
            };
            ok(ListWorkspacesResponse {
                workspaces: vec![workspace],
                next_page_token,
            })
        })
    })
    .await;
    assert_eq!(report.held, 1);
    assert_eq!(report.failures[0].came, "[berlin, athens]");
}

#[tokio::test]
async fn a_set_is_compared_without_order_and_says_what_the_file_does_not_know() {
    let steps = r#"
  - {list_scopes: {user: amy}, expect: ["workspace:berlin", "account:acme"]}
  - {list_scopes: {user: amy}, expect: ["account:acme"]}
"#;
    let (report, _) = run(steps, &options(), |call| {
        let held = |scope: &str| HeldScope {
            scope: scope.into(),
            ..Default::default()
        };
        (call.method() == "ListScopes").then(|| {
            let scopes = vec![held("account:real_Acme"), held("workspace:real_Berlin")];
            ok(ListScopesResponse {
                scopes,
                ..Default::default()
            })
        })
    })
    .await;
    assert_eq!(report.held, 1);
    assert_eq!(report.failures[0].came, "[account:acme, workspace:berlin]");
}

#[tokio::test]
async fn the_first_error_of_a_transfer_is_its_result() {
    let steps = r#"
  - {as: olga, transfer_ownership: {scope: "account:acme", to: amy, password: wrong}, expect: UNAUTHENTICATED}
  - {as: olga, transfer_ownership: {scope: "account:acme", to: amy, password: right}, expect: FAILED_PRECONDITION}
"#;
    let (report, calls) = run(steps, &options(), |call| match call.method() {
        "Reauthenticate" => {
            let request: bailiwick_proto::identity::v1::ReauthenticateRequest = call.read();
            (request.password != "a secret of the tests-olga")
                .then(|| failed(Code::Unauthenticated, "CREDENTIALS_INVALID"))
        }
        "TransferOwnership" => Some(failed(Code::FailedPrecondition, "NOT_A_MEMBER")),
        _ => None,
    })
    .await;
    assert!(report.passed(), "{report}");
    assert_eq!(
        calls
            .iter()
            .filter(|call| call.method() == "TransferOwnership")
            .count(),
        1
    );
}

#[tokio::test]
async fn without_tokens_a_step_is_repeated_while_its_answer_differs() {
    let steps = r#"  - {check: {user: amy, permission: chart.edit, on: "chart:c1"}, expect: allow}"#;
    let late = || {
        let asked = AtomicUsize::new(0);
        move |call: &Call| match call.method() {
            "Check" if asked.fetch_add(1, Ordering::SeqCst) < 3 => decision(Decision::Deny),
            "Check" => decision(Decision::Allow),
            _ => None,
        }
    };
    let (report, _) = run(
        steps,
        &Options {
            no_tokens: true,
            ..options()
        },
        late(),
    )
    .await;
    assert!(report.passed(), "{report}");
    let (report, _) = run(steps, &options(), late()).await;
    assert_eq!(report.failures.len(), 1, "with tokens the first answer counts");
}

#[tokio::test]
async fn without_tokens_a_write_that_was_answered_ok_is_not_repeated() {
    let steps = r#"  - {revoke: {user: amy, role: admin, on: "account:acme"}, expect: FAILED_PRECONDITION}"#;
    let (report, calls) = run(
        steps,
        &Options {
            no_tokens: true,
            ..options()
        },
        |call| (call.method() == "RevokeRole").then(|| ok(AssignRoleResponse::default())),
    )
    .await;
    assert_eq!(report.failures[0].came, "ok");
    assert_eq!(
        calls.iter().filter(|call| call.method() == "RevokeRole").count(),
        1
    );
}

const LATER: &str = r#"
  - {check: {user: amy, permission: chart.edit, on: "chart:c1"}, expect: allow}
  - {seats: {account: acme}, expect: {limit: 0, used: 2, ending: 0}}
  - {check: {user: amy, permission: chart.edit, on: "chart:c1"}, expect: allow}
  - {unregister: {resource: "chart:c1"}, expect: ok}
  - {check: {user: amy, permission: chart.edit, on: "chart:c1"}, expect: allow}
"#;

fn allow(call: &Call) -> Option<Answer> {
    (call.method() == "Check")
        .then(|| decision(Decision::Allow))
        .flatten()
}

#[tokio::test]
async fn a_step_that_this_version_has_no_method_for_is_counted_apart() {
    let (report, _) = run(LATER, &options(), allow).await;
    assert_eq!(
        (report.held, report.failures.len(), report.unsupported.len()),
        (3, 0, 2)
    );
    assert!(!report.passed());
    assert!(report.unsupported[0].message.contains("MemberService/GetSeats"));
    assert!(
        report.unsupported[1]
            .message
            .contains("ResourceService/UnregisterResource")
    );
}

#[tokio::test]
async fn a_verb_whose_method_has_no_messages_is_named_without_asking() {
    let steps = r#"  - {move_workspace: {workspace: athens, to: "account:other"}, expect: ok}"#;
    let (report, _) = run(steps, &options(), |_| None).await;
    assert_eq!(
        report.unsupported[0].message,
        "the method `WorkspaceService/MoveWorkspace` is not part of this version"
    );
}

#[tokio::test]
async fn groups_and_requests_are_known_by_the_names_of_the_file() {
    let steps = r#"
  - {create_group: {group: crew, account: acme}, expect: ok}
  - {add_to_group: {group: crew, user: amy}, expect: ok}
  - {grant: {user: "group:crew", permissions: [chart.view], type: chart, in: "workspace:athens", applies_to: future}, expect: ok}
  - {as: amy, request_approval: {id: r1, permission: chart.edit, on: "chart:c1"}, expect: ok}
  - {as: olga, approve: {request: r1}, expect: ok}
"#;
    let (report, calls) = run(steps, &options(), |call| match call.method() {
        "CreateGroup" => {
            let group = Some(Group {
                group: "group_1".into(),
                ..Default::default()
            });
            Some(ok(CreateGroupResponse {
                group,
                ..Default::default()
            }))
        }
        "RequestApproval" => {
            let approval = Some(Approval {
                approval: "appr_1".into(),
                ..Default::default()
            });
            Some(ok(RequestApprovalResponse {
                approval,
                ..Default::default()
            }))
        }
        "AddGroupMember" | "CreateGrant" | "ApproveRequest" => Some(Ok(Vec::new())),
        _ => None,
    })
    .await;
    assert!(report.passed(), "{report}");
    let sent = |method: &str| calls.iter().find(|call| call.method() == method).expect("sent");
    assert_eq!(
        sent("AddGroupMember").read::<AddGroupMemberRequest>().member,
        "user:real_amy"
    );
    assert_eq!(
        sent("ApproveRequest").read::<ApproveRequestRequest>().approval,
        "appr_1"
    );
    let grant: CreateGrantRequest = sent("CreateGrant").read();
    let target = grant.target.expect("a target");
    assert_eq!(grant.subject, "group:group_1");
    assert_eq!(
        (target.target.as_str(), target.r#type.as_str()),
        ("workspace:real_Athens", "chart")
    );
    assert_eq!(target.applies_to(), AppliesTo::Future);
}

#[tokio::test]
async fn the_rows_of_a_preview_are_compared_without_order() {
    let steps = r#"
  - preview_role_change: {account: acme, role: admin, add: [chart.delete, {permission: "chart.*", except: [chart.view]}]}
    expect:
      - {user: joe, on: "account:acme", gains: [chart.delete]}
      - {user: amy, on: "workspace:athens", gains: [chart.edit, chart.delete]}
"#;
    let (report, calls) = run(steps, &options(), |call| {
        let change = |subject: &str, scope: &str, gains: &[&str]| EffectiveChange {
            subject: subject.into(),
            scope: scope.into(),
            gains: gains.iter().map(|&g| g.to_owned()).collect(),
            loses: Vec::new(),
            ..EffectiveChange::default()
        };
        (call.method() == "PreviewRoleChange").then(|| {
            let changes = vec![
                change(
                    "user:real_amy",
                    "workspace:real_Athens",
                    &["chart.delete", "chart.edit"],
                ),
                change("user:real_joe", "account:real_Acme", &["chart.delete"]),
            ];
            ok(PreviewRoleChangeResponse {
                changes,
                ..Default::default()
            })
        })
    })
    .await;
    assert!(report.passed(), "{report}");
    let asked: PreviewRoleChangeRequest = calls.last().expect("asked").read();
    assert_eq!(asked.change.expect("a change").add[1].except, ["chart.view"]);
}

#[tokio::test]
async fn where_unsupported_steps_are_allowed_nothing_runs_after_the_first_that_writes() {
    let (report, _) = run(
        LATER,
        &Options {
            allow_unsupported: true,
            ..options()
        },
        allow,
    )
    .await;
    assert_eq!((report.held, report.unsupported.len()), (2, 2));
    assert_eq!(report.skipped, [18]);
    assert!(report.passed(), "{report}");
}

#[tokio::test]
async fn a_clock_that_cannot_be_moved_fails_the_step() {
    let (report, _) = run("  - {advance: 1m}\n  - {advance: 4h}\n", &options(), |_| None).await;
    assert_eq!((report.held, report.failures.len()), (1, 1));
    assert!(report.failures[0].came.contains("it is live"), "{report}");
}

#[tokio::test]
async fn nothing_runs_where_what_is_given_cannot_be_made() {
    let (report, _) = run("  - {advance: 1m}\n", &options(), |call| match call.method() {
        "AssignRole" => Some(failed(Code::InvalidArgument, "UNKNOWN_ROLE")),
        _ => None,
    })
    .await;
    assert_eq!(report.skipped, [13]);
    assert_eq!(
        (report.failures[0].line, report.failures[0].asked.as_str()),
        (10, "given: role admin on account:acme")
    );
}
