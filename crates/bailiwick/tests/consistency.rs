//! A token of one service makes another wait for what it says.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod support;

use bailiwick_client::{Client, TokenJar};
use bailiwick_proto::{
    authorization::v1::{CheckRequest, CreateInvitationRequest, ExplainRequest, ListPermissionsRequest},
    common::v1::{Consistency, consistency::Requirement},
    tenancy::v1::UpdateSettingsRequest,
};
use prost_types::{ListValue, Struct, Value, value::Kind};
use support::{Embedded, Trio, operator, setup};
use tonic::Code;

/// Makes accounts and asks about each at once, in every way.
async fn ask_about_new_accounts(client: &Client) {
    setup::apply(client, "one-question").await;
    let fully = Some(Consistency {
        requirement: Some(Requirement::FullyConsistent(true)),
    });
    for n in 0..8 {
        let account = setup::account(client, "one-question", &format!("Account {n}"), None).await;
        let check = CheckRequest {
            subject: "user:user_01h455vb4pex5vsknk084sn02q".into(),
            permission: "survey.send".into(),
            target: format!("account:{account}"),
            consistency: if n % 2 == 0 { None } else { fully.clone() },
            account: account.clone(),
            ..Default::default()
        };
        match n % 4 {
            0 | 1 => drop(client.authorization().decision().check(check).await.unwrap()),
            2 => {
                let explain = ExplainRequest { check: Some(check) };
                drop(client.authorization().decision().explain(explain).await.unwrap());
            }
            _ => {
                let list = ListPermissionsRequest {
                    account,
                    subject: check.subject,
                    target: check.target,
                    consistency: check.consistency,
                };
                drop(
                    client
                        .authorization()
                        .query()
                        .list_permissions(list)
                        .await
                        .unwrap(),
                );
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_account_is_known_to_the_first_question_about_it_in_one_process() {
    let suite = Embedded::start().await;
    ask_about_new_accounts(&suite.client()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_account_is_known_to_the_first_question_about_it_in_three_processes() {
    let trio = Trio::start(None).await;
    let client = Client::lazy(&trio.endpoints())
        .unwrap()
        .with_tokens(TokenJar::default())
        .with_credentials(operator());
    ask_about_new_accounts(&client).await;
}

fn value(kind: Kind) -> Value {
    Value { kind: Some(kind) }
}

/// A setting that decides counts for the next request, also of callers that carry no token.
#[tokio::test(flavor = "multi_thread")]
async fn a_setting_counts_for_the_next_request_without_a_token() {
    let trio = Trio::start(None).await;
    let client = trio.operator();
    setup::apply(&client, "sogolytics").await;
    let account = setup::account(&client, "sogolytics", "Acme", None).await;
    let confine = async |domain: &str| {
        let domains = Kind::ListValue(ListValue {
            values: vec![value(Kind::StringValue(domain.into()))],
        });
        let request = UpdateSettingsRequest {
            account: account.clone(),
            values: Some(Struct {
                fields: [("allowed_domains".to_owned(), value(domains))].into(),
            }),
            ..Default::default()
        };
        client
            .tenancy()
            .settings()
            .update_settings(request)
            .await
            .unwrap();
    };
    let invite = async |email: String| {
        let request = CreateInvitationRequest {
            account: account.clone(),
            email,
            roles: vec!["sub_user".into()],
            scope: format!("account:{account}"),
            ..Default::default()
        };
        let made = client
            .authorization()
            .invitation()
            .create_invitation(request)
            .await;
        made.map(drop).map_err(|status| status.code())
    };
    for n in 0..10 {
        confine("a.example").await;
        assert_eq!(
            invite(format!("p{n}@b.example")).await,
            Err(Code::FailedPrecondition),
            "{n}"
        );
        confine("b.example").await;
        assert_eq!(invite(format!("p{n}@b.example")).await, Ok(()), "{n}");
    }
}
