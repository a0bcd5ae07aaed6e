use bailiwick_proto::{
    events::v1::change::Change,
    tenancy::v1::{
        self as pb, account_service_server::AccountService, settings_service_server::SettingsService,
    },
};
use serde_json::json;
use tonic::Code;

use super::{
    on_both_engines,
    world::{World, as_user, operator, refusal, user, values},
};

on_both_engines! {
    settings_have_the_product_s_defaults_until_they_are_set
    values_that_do_not_fit_are_named_and_nothing_is_set
    settings_given_at_creation_are_told_with_the_account
    settings_are_set_with_the_etag_that_was_read
    a_change_is_answered_when_authorization_was_asked_to_see_it
}

async fn a_change_is_answered_when_authorization_was_asked_to_see_it(world: World) {
    let account = world.account("A").await;
    let limit = update(&account, json!({"limit": 3}), "");
    let set = world.api.update_settings(operator(UPDATE, limit)).await.unwrap();
    let written = bailiwick_rpc::token::decode(&set.into_inner().token).unwrap();
    let asked = world.rights.carried.lock().unwrap().clone().unwrap();
    let mut both = asked.clone();
    both.merge(&written);
    assert_eq!(both, asked, "the last question carries what was written");
}

async fn read(world: &World, account: &str) -> (prost_types::Struct, String) {
    let request = pb::GetSettingsRequest {
        account: account.to_owned(),
    };
    let got = world
        .api
        .get_settings(operator("SettingsService/GetSettings", request))
        .await
        .unwrap()
        .into_inner();
    (got.values.unwrap(), got.etag)
}

fn update(account: &str, new: serde_json::Value, etag: &str) -> pb::UpdateSettingsRequest {
    pb::UpdateSettingsRequest {
        account: account.to_owned(),
        values: Some(values(new)),
        etag: etag.to_owned(),
    }
}

const UPDATE: &str = "SettingsService/UpdateSettings";

async fn settings_have_the_product_s_defaults_until_they_are_set(world: World) {
    let account = world.account("A").await;
    assert_eq!(
        read(&world, &account).await,
        (values(json!({"strict": true})), "0".to_owned())
    );
    let new = json!({"strict": false, "limit": 3});
    let set = world
        .api
        .update_settings(operator(UPDATE, update(&account, new.clone(), "")))
        .await
        .unwrap()
        .into_inner();
    assert_eq!(
        (set.values.unwrap(), set.etag.as_str()),
        (values(new.clone()), "1")
    );
    let back = update(&account, json!({"strict": null}), "");
    world.api.update_settings(operator(UPDATE, back)).await.unwrap();
    assert_eq!(
        read(&world, &account).await.0,
        values(json!({"strict": true, "limit": 3}))
    );
    let feed = world.feed().await;
    let Change::SettingsChanged(told) = &feed.last().unwrap().2[0] else {
        panic!("{feed:?}")
    };
    assert_eq!(
        (told.version, told.values.clone().unwrap()),
        (2, values(json!({"limit": 3})))
    );
}

async fn values_that_do_not_fit_are_named_and_nothing_is_set(world: World) {
    let account = world.account("A").await;
    world.allow(user(2), "settings.edit", format!("account:{account}"));
    let new = json!({"allowed_domains": ["a.example", "b.example", "c.example"], "strict": "yes", "what": 1, "limit": 1});
    // Whoever's token is for the account hears of it before the right is asked.
    for who in [user(2), user(3)] {
        let refused = world
            .api
            .update_settings(as_user(who, &account, UPDATE, update(&account, new.clone(), "")))
            .await;
        let (code, _, fields) = refusal(refused);
        assert_eq!(code, Code::InvalidArgument);
        assert_eq!(fields, ["values.allowed_domains", "values.strict", "values.what"]);
    }
    let good = update(&account, json!({"allowed_domains": ["a.example"]}), "");
    let refused = world
        .api
        .update_settings(as_user(user(3), &account, UPDATE, good.clone()))
        .await;
    assert_eq!(refusal(refused).0, Code::PermissionDenied);
    world
        .api
        .update_settings(as_user(user(2), &account, UPDATE, good))
        .await
        .unwrap();
    assert_eq!(
        read(&world, &account).await.0,
        values(json!({"strict": true, "allowed_domains": ["a.example"]}))
    );
    let empty = pb::UpdateSettingsRequest {
        account,
        ..Default::default()
    };
    assert_eq!(
        refusal(world.api.update_settings(operator(UPDATE, empty)).await).2,
        ["values"]
    );
}

async fn settings_given_at_creation_are_told_with_the_account(world: World) {
    let request = pb::CreateAccountRequest {
        product: "shop".to_owned(),
        title: "A".to_owned(),
        settings: Some(values(json!({"allowed_domains": ["acme.example"]}))),
        ..Default::default()
    };
    let made = world
        .api
        .create_account(operator("AccountService/CreateAccount", request))
        .await
        .unwrap()
        .into_inner();
    let feed = world.feed().await;
    assert_eq!((feed.len(), feed[0].1, feed[0].2.len()), (1, 1, 2));
    assert!(matches!(feed[0].2[1], Change::SettingsChanged(_)));
    let account = made.account.unwrap().account;
    assert_eq!(read(&world, &account).await.1, "1");
}

async fn settings_are_set_with_the_etag_that_was_read(world: World) {
    let account = world.account("A").await;
    world
        .api
        .update_settings(operator(UPDATE, update(&account, json!({"limit": 1}), "0")))
        .await
        .unwrap();
    let refused = world
        .api
        .update_settings(operator(UPDATE, update(&account, json!({"limit": 2}), "0")))
        .await;
    assert_eq!(refusal(refused).1, "ETAG_MISMATCH");
}
