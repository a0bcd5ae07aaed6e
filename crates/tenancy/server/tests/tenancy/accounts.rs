use bailiwick_proto::{
    events::v1::{PlaceState, change::Change},
    tenancy::v1::{
        self as pb, account_service_server::AccountService, workspace_service_server::WorkspaceService,
    },
};
use bailiwick_rpc::token;
use bailiwick_types::{ScopeRoot, Service};
use prost_types::FieldMask;
use serde_json::json;
use tonic::Code;

use super::{
    on_both_engines,
    world::{World, as_user, operator, operator_with, refusal, user, values},
};

on_both_engines! {
    an_account_is_made_read_and_told
    an_account_must_fit_its_product_before_any_right_is_asked
    all_violations_come_at_once
    only_the_operator_makes_accounts
    a_repeated_request_answers_as_the_first_did
    an_update_takes_what_its_mask_names_and_minds_the_etag
    seats_are_the_operator_s_to_set
    what_does_not_exist_and_what_may_not_be_seen_answer_alike
    a_suspended_account_is_reactivated_and_both_are_told
    a_request_waits_for_the_product_that_its_token_names
    a_token_of_a_future_revision_is_not_answered_from_the_past
}

const CREATE: &str = "AccountService/CreateAccount";

fn shop(title: &str) -> pb::CreateAccountRequest {
    pb::CreateAccountRequest {
        product: "shop".to_owned(),
        title: title.to_owned(),
        ..Default::default()
    }
}

async fn an_account_is_made_read_and_told(world: World) {
    let request = pb::CreateAccountRequest {
        product: "club".to_owned(),
        title: "Ünique".to_owned(),
        owner: format!("user:{}", user(7)),
        seats: 5,
        ..Default::default()
    };
    let made = world
        .api
        .create_account(operator(CREATE, request))
        .await
        .unwrap()
        .into_inner();
    let account = made.account.unwrap();
    assert_eq!(
        (account.title.as_str(), account.seats, account.etag.as_str()),
        ("Ünique", 5, "1")
    );
    assert_eq!(account.state, i32::from(pb::PlaceState::Active));
    assert_eq!(account.billing_anchor, account.create_time);
    let get = pb::GetAccountRequest {
        account: account.account.clone(),
    };
    let read = world
        .api
        .get_account(operator("AccountService/GetAccount", get))
        .await
        .unwrap()
        .into_inner();
    assert_eq!(read.account.unwrap(), account);
    let feed = world.feed().await;
    let (root, revision, changes) = &feed[0];
    assert_eq!(
        (feed.len(), root.to_string(), *revision),
        (1, format!("account:{}", account.account), 1)
    );
    let Change::AccountChanged(told) = &changes[0] else {
        panic!("{changes:?}")
    };
    assert_eq!(
        (told.owner.as_str(), told.version, told.seats),
        (format!("user:{}", user(7)).as_str(), 1, 5)
    );
    let written = token::decode(&made.token).unwrap();
    assert_eq!(written.wanted(Service::Tenancy, root).unwrap().1, 1);
}

async fn an_account_must_fit_its_product_before_any_right_is_asked(world: World) {
    let stranger = |request| {
        as_user(
            user(9),
            &bailiwick_types::AccountId::from_uuid(uuid::Uuid::nil()).to_string(),
            CREATE,
            request,
        )
    };
    let unknown = pb::CreateAccountRequest {
        product: "none".to_owned(),
        ..shop("A")
    };
    let (code, _, fields) = refusal(world.api.create_account(stranger(unknown)).await);
    assert_eq!(
        (code, fields),
        (Code::InvalidArgument, vec!["product".to_owned()])
    );
    let ownerless = pb::CreateAccountRequest {
        product: "club".to_owned(),
        ..shop("A")
    };
    let (code, _, fields) = refusal(world.api.create_account(stranger(ownerless)).await);
    assert_eq!((code, fields), (Code::InvalidArgument, vec!["owner".to_owned()]));
    let settings = Some(values(json!({"limit": 11, "other": 1})));
    let misfit = pb::CreateAccountRequest {
        settings,
        ..shop("A")
    };
    let (code, _, fields) = refusal(world.api.create_account(stranger(misfit)).await);
    assert_eq!(
        (code, fields),
        (
            Code::InvalidArgument,
            vec!["settings.limit".to_owned(), "settings.other".to_owned()]
        )
    );
    assert!(world.feed().await.is_empty());
}

async fn all_violations_come_at_once(world: World) {
    let request = pb::CreateAccountRequest {
        product: "No".to_owned(),
        title: "a\u{7}".to_owned(),
        owner: "group:x".to_owned(),
        request_id: "1".to_owned(),
        ..Default::default()
    };
    let (code, reason, fields) = refusal(world.api.create_account(operator(CREATE, request)).await);
    assert_eq!((code, reason.as_str()), (Code::InvalidArgument, "INVALID_FIELD"));
    assert_eq!(fields, ["product", "title", "owner", "request_id"]);
}

async fn only_the_operator_makes_accounts(world: World) {
    let own = world.account("A").await;
    world.allow(user(2), "account.edit", format!("account:{own}"));
    let (code, reason, _) = refusal(
        world
            .api
            .create_account(as_user(user(2), &own, CREATE, shop("B")))
            .await,
    );
    assert_eq!(
        (code, reason.as_str()),
        (Code::PermissionDenied, "PERMISSION_DENIED")
    );
    let mut anonymous = operator(CREATE, shop("B"));
    let method = bailiwick_proto::method("/bailiwick.tenancy.v1.AccountService/CreateAccount").unwrap();
    let nobody = bailiwick_rpc::Context::new(method, bailiwick_types::Caller::anonymous());
    anonymous.extensions_mut().insert(nobody);
    assert_eq!(
        refusal(world.api.create_account(anonymous).await).0,
        Code::Unauthenticated
    );
}

async fn a_repeated_request_answers_as_the_first_did(world: World) {
    let request = pb::CreateAccountRequest {
        request_id: uuid::Uuid::from_u128(5).to_string(),
        ..shop("A")
    };
    let first = world
        .api
        .create_account(operator(CREATE, request.clone()))
        .await
        .unwrap()
        .into_inner();
    let update = pb::UpdateAccountRequest {
        account: first.account.clone().unwrap().account,
        changes: Some(pb::Account {
            title: "B".to_owned(),
            ..Default::default()
        }),
        ..Default::default()
    };
    world
        .api
        .update_account(operator("AccountService/UpdateAccount", update))
        .await
        .unwrap();
    let again = world
        .api
        .create_account(operator(CREATE, request.clone()))
        .await
        .unwrap()
        .into_inner();
    assert_eq!(again, first);
    assert_eq!(world.feed().await.len(), 2);
    let other = pb::CreateAccountRequest {
        title: "C".to_owned(),
        ..request.clone()
    };
    let (code, reason, _) = refusal(world.api.create_account(operator(CREATE, other)).await);
    assert_eq!(
        (code, reason.as_str()),
        (Code::AlreadyExists, "REQUEST_ID_REUSED")
    );
    // At the same time: one of them makes it, the others answer with it.
    let many = (0..8).map(|_| {
        let request = pb::CreateAccountRequest {
            request_id: uuid::Uuid::from_u128(6).to_string(),
            ..shop("D")
        };
        world.api.create_account(operator(CREATE, request))
    });
    let answers = futures_util::future::join_all(many).await;
    let made: std::collections::BTreeSet<String> = answers
        .iter()
        .flatten()
        .map(|answer| answer.get_ref().account.clone().unwrap().account)
        .collect();
    assert_eq!(made.len(), 1);
    assert!(answers.iter().all(Result::is_ok), "{answers:?}");
    assert_eq!(world.feed().await.len(), 3);
}

async fn an_update_takes_what_its_mask_names_and_minds_the_etag(world: World) {
    let account = world.account("A").await;
    let update = |title: &str, paths: &[&str], etag: &str| {
        let request = pb::UpdateAccountRequest {
            account: account.clone(),
            changes: Some(pb::Account {
                title: title.to_owned(),
                seats: 9,
                ..Default::default()
            }),
            update_mask: Some(FieldMask {
                paths: paths.iter().map(|p| (*p).to_owned()).collect(),
            }),
            etag: etag.to_owned(),
        };
        world
            .api
            .update_account(operator("AccountService/UpdateAccount", request))
    };
    let changed = update("B", &["title"], "1")
        .await
        .unwrap()
        .into_inner()
        .account
        .unwrap();
    assert_eq!(
        (changed.title.as_str(), changed.seats, changed.etag.as_str()),
        ("B", 0, "2")
    );
    let (code, reason, _) = refusal(update("C", &["title"], "1").await);
    assert_eq!((code, reason.as_str()), (Code::Aborted, "ETAG_MISMATCH"));
    assert_eq!(refusal(update("", &["title"], "").await).2, ["changes.title"]);
    assert_eq!(refusal(update("C", &["product"], "").await).2, ["update_mask"]);
    let changed = update("C", &["*"], "")
        .await
        .unwrap()
        .into_inner()
        .account
        .unwrap();
    assert_eq!((changed.title.as_str(), changed.seats), ("C", 9));
    let versions: Vec<u64> = world
        .feed()
        .await
        .iter()
        .map(|(_, revision, _)| *revision)
        .collect();
    assert_eq!(versions, [1, 2, 3]);
}

async fn seats_are_the_operator_s_to_set(world: World) {
    let account = world.account("A").await;
    world.allow(user(2), "account.edit", format!("account:{account}"));
    let update = |changes: pb::Account| {
        let request = pb::UpdateAccountRequest {
            account: account.clone(),
            changes: Some(changes),
            ..Default::default()
        };
        world.api.update_account(as_user(
            user(2),
            &account,
            "AccountService/UpdateAccount",
            request,
        ))
    };
    let refused = update(pb::Account {
        seats: 1_000,
        ..Default::default()
    })
    .await;
    assert_eq!(refusal(refused).0, Code::PermissionDenied);
    update(pb::Account {
        title: "B".to_owned(),
        ..Default::default()
    })
    .await
    .unwrap();
}

async fn what_does_not_exist_and_what_may_not_be_seen_answer_alike(world: World) {
    let (own, other) = (world.account("A").await, world.account("B").await);
    let nowhere = bailiwick_types::AccountId::from_uuid(uuid::Uuid::from_u128(99)).to_string();
    world.allow(user(2), "account.view", format!("account:{own}"));
    let get = |account: &str| {
        let request = pb::GetAccountRequest {
            account: account.to_owned(),
        };
        world
            .api
            .get_account(as_user(user(2), &own, "AccountService/GetAccount", request))
    };
    assert!(get(&own).await.is_ok());
    let (unseen, missing) = (get(&other).await.unwrap_err(), get(&nowhere).await.unwrap_err());
    assert_eq!(
        (unseen.code(), unseen.message()),
        (missing.code(), missing.message())
    );
    assert_eq!(unseen.code(), Code::PermissionDenied);
    let request = pb::GetAccountRequest { account: nowhere };
    let operators = world
        .api
        .get_account(operator("AccountService/GetAccount", request))
        .await;
    assert_eq!(refusal(operators).0, Code::NotFound);
}

async fn a_suspended_account_is_reactivated_and_both_are_told(world: World) {
    let account = world.account("A").await;
    let suspend = || {
        let request = pb::SuspendAccountRequest {
            account: account.clone(),
        };
        world
            .api
            .suspend_account(operator("AccountService/SuspendAccount", request))
    };
    let reactivate = || {
        let request = pb::ReactivateAccountRequest {
            account: account.clone(),
        };
        world
            .api
            .reactivate_account(operator("AccountService/ReactivateAccount", request))
    };
    assert_eq!(refusal(reactivate().await).0, Code::FailedPrecondition);
    let suspended = suspend().await.unwrap().into_inner().account.unwrap();
    assert_eq!(
        (suspended.state, suspended.etag.as_str()),
        (pb::PlaceState::Suspended.into(), "2")
    );
    assert_eq!(refusal(suspend().await).1, "NOT_ACTIVE");
    let made = pb::CreateWorkspaceRequest {
        account: account.clone(),
        title: "W".to_owned(),
        ..Default::default()
    };
    let made = world
        .api
        .create_workspace(operator("WorkspaceService/CreateWorkspace", made))
        .await;
    assert_eq!(refusal(made).1, "NOT_ACTIVE");
    let active = reactivate().await.unwrap().into_inner().account.unwrap();
    assert_eq!(
        (active.state, active.etag.as_str()),
        (pb::PlaceState::Active.into(), "3")
    );
    let states: Vec<i32> = world
        .feed()
        .await
        .iter()
        .map(|(_, _, changes)| match &changes[0] {
            Change::AccountChanged(told) => told.state,
            other => panic!("{other:?}"),
        })
        .collect();
    let expected = [PlaceState::Active, PlaceState::Suspended, PlaceState::Active];
    assert_eq!(states, expected.map(i32::from));
    let told = world.told.closed.lock().unwrap();
    assert_eq!(
        (told.len(), told[0].0.version, told[0].0.deletes()),
        (1, 2, false)
    );
}

async fn a_request_waits_for_the_product_that_its_token_names(world: World) {
    let root: ScopeRoot = "product:late".parse().unwrap();
    let seen = bailiwick_types::Token::of(Service::Authorization, "e", root, 1);
    let request = pb::CreateAccountRequest {
        product: "late".to_owned(),
        ..shop("A")
    };
    let refused = world
        .api
        .create_account(operator_with(CREATE, request, seen))
        .await;
    let (code, reason, _) = refusal(refused);
    assert_eq!((code, reason.as_str()), (Code::Unavailable, "NOT_YET_VISIBLE"));
}

async fn a_token_of_a_future_revision_is_not_answered_from_the_past(world: World) {
    let request = shop("A");
    let made = world
        .api
        .create_account(operator(CREATE, request))
        .await
        .unwrap()
        .into_inner();
    let mut seen = token::decode(&made.token).unwrap();
    let account = made.account.unwrap().account;
    let get = || pb::GetAccountRequest {
        account: account.clone(),
    };
    let root: ScopeRoot = format!("account:{account}").parse().unwrap();
    let epoch = seen.epochs[&Service::Tenancy].clone();
    assert!(
        world
            .api
            .get_account(operator_with("AccountService/GetAccount", get(), seen.clone()))
            .await
            .is_ok()
    );
    // What another product's change is at does not matter here.
    seen.raise(Service::Authorization, "e", "product:late".parse().unwrap(), 1);
    assert!(
        world
            .api
            .get_account(operator_with("AccountService/GetAccount", get(), seen.clone()))
            .await
            .is_ok()
    );
    seen.raise(Service::Tenancy, &epoch, root.clone(), 2);
    let refused = world
        .api
        .get_account(operator_with("AccountService/GetAccount", get(), seen.clone()))
        .await;
    assert_eq!(refusal(refused).1, "NOT_YET_VISIBLE");
    seen.raise(Service::Tenancy, "before the restore", root, 7);
    assert!(
        world
            .api
            .get_account(operator_with("AccountService/GetAccount", get(), seen))
            .await
            .is_ok()
    );
}
