//! A token of one service makes another wait for what it says.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod support;

use bailiwick_client::{Client, TokenJar};
use bailiwick_proto::{
    authorization::v1::{
        CheckRequest, CreateInvitationRequest, CreateMemberRequest, ExplainRequest, ListPermissionsRequest,
        ListResourcesInScopeRequest,
    },
    common::v1::{Consistency, consistency::Requirement},
    identity::v1::CreateUserRequest,
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

/// A client cannot read tokens, so it cannot know which of two is the newer one: it sends both, or the
/// newest of a chain of calls.
#[tokio::test(flavor = "multi_thread")]
async fn writes_of_two_services_are_seen_with_both_tokens_and_with_the_newest_of_a_chain() {
    let trio = Trio::start(None).await;
    let bare = Client::lazy(&trio.endpoints()).unwrap();
    let with = |jar: &TokenJar| bare.clone().with_tokens(jar.clone()).with_credentials(operator());
    let [places, people, both] = [TokenJar::default(), TokenJar::default(), TokenJar::default()];
    let (tenancy, identity, authorization) = (with(&places), with(&people), with(&both));
    setup::apply(&tenancy, "one-question").await;
    let user = async |client: &Client, email: String| {
        let request = CreateUserRequest {
            email,
            email_verified: true,
            ..Default::default()
        };
        let made = client.identity().user().create_user(request).await.unwrap();
        made.into_inner().user.unwrap().user
    };
    let join = async |client: &Client, account: &str, user: String| {
        let request = CreateMemberRequest {
            account: account.to_owned(),
            user,
            ..Default::default()
        };
        client
            .authorization()
            .member()
            .create_member(request)
            .await
            .unwrap();
    };
    for n in 0..8 {
        let account = setup::account(&tenancy, "one-question", &format!("Account {n}"), None).await;
        let first = user(&identity, format!("first{n}@example.com")).await;
        for token in places.tokens().iter().chain(&people.tokens()) {
            both.observe(token);
        }
        join(&authorization, &account, first).await;
        assert_eq!(both.tokens().len(), 1, "the answer has them in one");
        let second = user(&authorization, format!("second{n}@example.com")).await;
        join(&authorization, &account, second).await;
    }
}

/// A token that the suite has not written is refused alike, whatever it is about.
#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_told_of_an_account_by_an_invented_token() {
    let suite = Embedded::start().await;
    let client = suite.client();
    setup::apply(&client, "one-question").await;
    let account = setup::account(&client, "one-question", "Acme", None).await;
    let jar = TokenJar::default();
    let other = client.clone().with_tokens(jar.clone());
    let list = async |account: &str| {
        let request = ListResourcesInScopeRequest {
            account: account.to_owned(),
            r#type: "survey".into(),
            ..Default::default()
        };
        other
            .authorization()
            .resource()
            .list_resources_in_scope(request)
            .await
            .map(|page| page.into_inner().resources.len())
            .map_err(|status| status.code())
    };
    let nowhere = "acct_01h455vb4pex5vsknk084sn02q";
    for account in [&*account, nowhere] {
        assert_eq!(list(account).await, Ok(0));
    }
    // A good token with a byte of the revision changed, and one that claims to know.
    let good = client.tokens().tokens().last().unwrap().to_string();
    let mut changed = good.clone();
    let last = changed.pop().unwrap();
    changed.push(if last == 'A' { 'E' } else { 'A' });
    for invented in [changed, "AgAAAAAAAAAA".to_owned(), good[1..].to_owned()] {
        jar.observe(&invented);
        for account in [&*account, nowhere] {
            assert_eq!(list(account).await, Err(Code::InvalidArgument));
        }
    }
}
