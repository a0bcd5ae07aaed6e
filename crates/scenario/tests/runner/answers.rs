//! How answers are compared and shown.

use std::collections::HashMap;

use bailiwick_proto::{
    authorization::v1::{
        AddGroupMemberRequest, AppliesTo, Approval, ApproveRequestRequest, CheckRequest, CreateGrantRequest,
        CreateGroupResponse, Decision, DecisionReason, EffectiveChange, ExplainResponse, Explanation,
        ExplanationEffect, ExplanationSource, ExplanationStep, Group, HeldScope, ListScopesResponse,
        PreviewRoleChangeRequest, PreviewRoleChangeResponse, RequestApprovalResponse,
    },
    tenancy::v1::{ListWorkspacesRequest, ListWorkspacesResponse, Workspace},
};
use tonic::{Code, Status};
use tonic_types::{ErrorDetails, StatusExt};

use crate::{decision, options, run, support::ok};

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
        "f.yaml:13: check {user: amy, permission: chart.edit, on: chart:c1}: expected deny, got allow (because: amy is \
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
async fn a_failed_write_shows_its_message_and_fields() {
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
async fn a_set_is_compared_without_order_and_shown_in_the_names_of_the_file() {
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
async fn groups_and_requests_are_used_by_the_names_of_the_file() {
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
async fn a_clock_that_cannot_be_moved_fails_the_step() {
    let (report, _) = run("  - {advance: 1m}\n  - {advance: 4h}\n", &options(), |_| None).await;
    assert_eq!((report.held, report.failures.len()), (1, 1));
    assert!(report.failures[0].came.contains("it is live"), "{report}");
}
