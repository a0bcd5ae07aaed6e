//! Databases that were restored to different moments: `bailiwick reconcile` names what differs and mends it.

use std::collections::BTreeMap;

use bailiwick_client::Client;
use bailiwick_proto::{
    authorization::v1::{
        AddGroupMemberRequest, ApplyProductRequest, CheckRequest, CreateGrantRequest, CreateGroupRequest,
        CreateInvitationRequest, Decision, GrantTarget, SetQuotaRequest,
    },
    common::v1::{Consistency, consistency::Requirement},
    identity::v1::{CreateServiceAccountRequest, CreateUserRequest, DisableUserRequest, EnableUserRequest},
    tenancy::v1::{
        CreateInstanceRequest, CreateWorkspaceRequest, DeleteWorkspaceRequest, SuspendAccountRequest,
        UpdateSettingsRequest,
    },
};
use bailiwick_types::{AccountId, Service, ServiceAccountId, UserId};
use serde_json::Value as Json;

use super::{
    support::{PASSWORD, setup},
    world::World,
};

const MANIFEST: &str = "product: shop
levels: {account: {title: Account}, instance: {title: Department}, workspace: {title: Store}}
types: {doc: {verbs: [create, view, edit, delete], quota: per_member}}
settings: {theme: {type: string}}
roles:
  admin: {title: Admin, holders: {at_least: 1}, levels: {account: {permissions: ['*'], assigns: ['*']}}}
  reader: {title: Reader, levels: {account: {permissions: [doc.view]}}}
";

#[tokio::test(flavor = "multi_thread")]
async fn databases_of_different_moments_are_reconciled_on_sqlite() {
    databases_of_different_moments_are_reconciled(World::files().await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn databases_of_different_moments_are_reconciled_on_postgres() {
    databases_of_different_moments_are_reconciled(World::servers().await).await;
}

/// What was made, by the name that the test gives it.
#[derive(Default)]
struct Made(BTreeMap<&'static str, String>);

impl std::ops::Index<&str> for Made {
    type Output = str;
    fn index(&self, name: &str) -> &str {
        self.0.get(name).unwrap_or_else(|| panic!("no {name}"))
    }
}

impl Made {
    async fn user(&mut self, client: &Client, name: &'static str) {
        let request = CreateUserRequest {
            email: format!("{name}@example.com"),
            email_verified: true,
            password: PASSWORD.to_owned(),
            ..Default::default()
        };
        let made = client.identity().user().create_user(request).await.unwrap();
        self.0.insert(name, made.into_inner().user.unwrap().user);
    }
    async fn account(&mut self, client: &Client, name: &'static str) {
        self.0
            .insert(name, setup::account(client, "shop", name, None).await);
    }
    async fn workspace(&mut self, client: &Client, account: &str, name: &'static str) {
        let request = CreateWorkspaceRequest {
            account: self[account].to_owned(),
            title: name.to_owned(),
            ..Default::default()
        };
        let made = client.tenancy().workspace().create_workspace(request).await;
        let made = made.unwrap().into_inner().workspace.unwrap().workspace;
        self.0.insert(name, made);
    }
    async fn instance(&mut self, client: &Client, account: &str, name: &'static str) {
        let request = CreateInstanceRequest {
            account: self[account].to_owned(),
            title: name.to_owned(),
            ..Default::default()
        };
        let made = client.tenancy().instance().create_instance(request).await;
        let made = made.unwrap().into_inner().instance.unwrap().instance;
        self.0.insert(name, made);
    }
    async fn service(&mut self, client: &Client, name: &'static str) {
        let request = CreateServiceAccountRequest {
            title: name.to_owned(),
            scope: "product:shop".to_owned(),
            role: "service".to_owned(),
            ..Default::default()
        };
        let made = client
            .identity()
            .service_account()
            .create_service_account(request)
            .await;
        let made = made
            .unwrap()
            .into_inner()
            .service_account
            .unwrap()
            .service_account;
        self.0.insert(name, made);
    }
    async fn reader(&self, client: &Client, account: &str, user: &str) {
        setup::member(client, &self[account], &self[user], "reader").await;
    }
}

async fn apply(client: &Client, manifest: &str) {
    let request = ApplyProductRequest {
        manifest: manifest.to_owned(),
        ..Default::default()
    };
    client
        .authorization()
        .product()
        .apply_product(request)
        .await
        .unwrap();
}

async fn theme(client: &Client, account: &str, theme: &str) {
    let value = prost_types::Value {
        kind: Some(prost_types::value::Kind::StringValue(theme.to_owned())),
    };
    let request = UpdateSettingsRequest {
        account: account.to_owned(),
        values: Some(prost_types::Struct {
            fields: [("theme".to_owned(), value)].into(),
        }),
        ..Default::default()
    };
    client
        .tenancy()
        .settings()
        .update_settings(request)
        .await
        .unwrap();
}

async fn disable(client: &Client, user: &str) {
    let request = DisableUserRequest {
        user: user.to_owned(),
    };
    client.identity().user().disable_user(request).await.unwrap();
}

/// Gives a user one of each, by the hand of an administrator of the account; the user invites somebody.
async fn everything(world: &World, made: &Made) {
    let (account, subject) = (made["a"].to_owned(), format!("user:{}", &made["eve"]));
    let ada = world.user("ada@example.com", &account);
    let authorization = ada.authorization();
    let grant = CreateGrantRequest {
        account: account.clone(),
        subject: subject.clone(),
        permissions: vec!["doc.view".to_owned()],
        target: Some(GrantTarget {
            target: format!("account:{account}"),
            ..Default::default()
        }),
        ..Default::default()
    };
    authorization.grant().create_grant(grant).await.unwrap();
    let group = CreateGroupRequest {
        account: account.clone(),
        title: "Group".to_owned(),
        ..Default::default()
    };
    let group = authorization.group().create_group(group).await.unwrap();
    let member = AddGroupMemberRequest {
        account: account.clone(),
        group: group.into_inner().group.unwrap().group,
        member: subject,
        ..Default::default()
    };
    authorization.group().add_group_member(member).await.unwrap();
    let quota = SetQuotaRequest {
        account: account.clone(),
        user: made["eve"].to_owned(),
        r#type: "doc".to_owned(),
        limit: Some(3),
    };
    authorization.quota().set_quota(quota).await.unwrap();
    let invitation = CreateInvitationRequest {
        account: account.clone(),
        email: "guest@example.com".to_owned(),
        roles: vec!["reader".to_owned()],
        scope: format!("account:{account}"),
        ..Default::default()
    };
    let eve = world.user("eve@example.com", &account);
    eve.authorization()
        .invitation()
        .create_invitation(invitation)
        .await
        .unwrap();
}

async fn may_view(client: &Client, made: &Made, user: &str, account: &str, target: &str) -> bool {
    let request = CheckRequest {
        account: made[account].to_owned(),
        subject: format!("user:{}", &made[user]),
        permission: "doc.view".into(),
        target: target.to_owned(),
        consistency: Some(Consistency {
            requirement: Some(Requirement::FullyConsistent(true)),
        }),
        ..Default::default()
    };
    let answer = client.authorization().decision().check(request).await;
    answer.unwrap().into_inner().decision() == Decision::Allow
}

/// The differences that a report names, as `KIND PROBLEM ID`.
fn named(report: &Json) -> Vec<String> {
    let text = |of: &Json, name: &str| of[name].as_str().unwrap_or_default().to_owned();
    let all = report["differences"].as_array();
    let all = all.unwrap_or_else(|| panic!("{report}"));
    all.iter()
        .map(|one| {
            format!(
                "{} {} {}",
                text(one, "kind"),
                text(one, "problem"),
                text(one, "id")
            )
        })
        .collect()
}

#[track_caller]
fn assert_names(report: &Json, expected: &[String]) {
    let named = named(report);
    let missing: Vec<_> = expected
        .iter()
        .filter(|one| !named.iter().any(|name| name.starts_with(*one)))
        .collect();
    assert!(missing.is_empty(), "not named: {missing:?} in {report:#}");
}

#[track_caller]
fn assert_clean(world: &World) {
    let (code, report) = world.reconcile(&["--wait", "20s"]);
    assert_eq!((code, named(&report)), (Some(0), Vec::new()), "{report:#}");
}

async fn databases_of_different_moments_are_reconciled(mut world: World) {
    let mut made = Made::default();
    let empty = world.save(Service::Authorization, "empty").await;

    let client = world.operator();
    apply(&client, MANIFEST).await;
    for name in ["ada", "ann", "bob"] {
        made.user(&client, name).await;
    }
    for name in ["a", "d"] {
        made.account(&client, name).await;
    }
    setup::member(&client, &made["a"], &made["ada"], "admin").await;
    made.reader(&client, "a", "ann").await;
    made.reader(&client, "a", "bob").await;
    made.workspace(&client, "a", "w1").await;
    let early = world.save(Service::Authorization, "early").await;

    let client = world.operator();
    made.workspace(&client, "a", "w2").await;
    made.account(&client, "b").await;
    made.user(&client, "cid").await;
    for account in ["a", "b", "d"] {
        made.reader(&client, account, "cid").await;
    }
    disable(&client, &made["ann"]).await;
    theme(&client, &made["a"], "dark").await;
    let places = world.save(Service::Tenancy, "places").await;

    let client = world.operator();
    apply(
        &client,
        &MANIFEST.replace("{theme:", "{size: {type: string}, theme:"),
    )
    .await;
    let suspend = SuspendAccountRequest {
        account: made["b"].to_owned(),
    };
    client.tenancy().account().suspend_account(suspend).await.unwrap();
    let delete = DeleteWorkspaceRequest {
        account: made["a"].to_owned(),
        workspace: made["w1"].to_owned(),
        ..Default::default()
    };
    client
        .tenancy()
        .workspace()
        .delete_workspace(delete)
        .await
        .unwrap();
    made.account(&client, "c").await;
    made.instance(&client, "a", "i1").await;
    made.service(&client, "s1").await;
    theme(&client, &made["a"], "light").await;
    let people = world.save(Service::Identity, "people").await;

    let client = world.operator();
    let enable = EnableUserRequest {
        user: made["ann"].to_owned(),
    };
    client.identity().user().enable_user(enable).await.unwrap();
    made.user(&client, "eve").await;
    setup::member(&client, &made["a"], &made["eve"], "admin").await;
    everything(&world, &made).await;
    made.service(&client, "s2").await;
    disable(&client, &made["cid"]).await;
    assert_clean(&world);

    // Identity and tenancy of earlier moments than authorization, each in the middle of a change.
    world.stop();
    world.restore(Service::Tenancy, &places).await;
    world.restore(Service::Identity, &people).await;
    interrupt(&world, &made).await;
    let (code, report) = world.reconcile(&["--wait", "0s"]);
    assert_eq!(code, Some(1), "{report:#}");
    let stray = |kind: &str| format!("{kind} unknown user:{}", &made["eve"]);
    let strays = [
        stray("member"),
        stray("binding"),
        stray("grant"),
        stray("group_member"),
        stray("quota"),
        "invitation unknown ".to_owned(),
    ];
    let mut expected = vec![
        "feed behind authorization/tenancy".to_owned(),
        "feed behind authorization/identity".to_owned(),
        "product differs shop".to_owned(),
        format!("account differs {}", &made["b"]),
        format!("account unknown {}", &made["c"]),
        format!("settings differs {}", &made["a"]),
        format!("workspace differs {}", &made["w1"]),
        format!("instance unknown {}", &made["i1"]),
        format!("user differs {}", &made["ann"]),
        format!("user differs {}", &made["cid"]),
        format!("user unknown {}", &made["eve"]),
        format!("service_account unknown {}", &made["s2"]),
        format!("suspension unfinished account:{}", &made["d"]),
        format!("disabling unfinished {}", &made["bob"]),
        format!("disabling unfinished {}", &made["s1"]),
    ];
    expected.extend(strays.iter().cloned());
    assert_names(&report, &expected);
    assert!(
        !named(&report).iter().any(|name| name.contains(&made["w2"])),
        "what is the same is not named: {report:#}"
    );
    let human = world.run(&["reconcile", "--wait", "0s"]);
    let human = String::from_utf8(human.stdout).unwrap();
    assert!(
        human.contains("`active` in tenancy, `suspended` in authorization") && human.contains("`--apply`"),
        "{human}"
    );

    // What accounts have of users that are gone stays until that is asked for.
    let (code, report) = world.reconcile(&["--wait", "0s", "--apply"]);
    assert_eq!(code, Some(1), "{report:#}");
    assert_eq!(report["remaining"], strays.len(), "{report:#}");
    let (code, report) = world.reconcile(&["--wait", "0s"]);
    assert_eq!(
        (code, named(&report).len()),
        (Some(1), strays.len()),
        "{report:#}"
    );
    assert_names(&report, &strays);
    let (code, report) = world.reconcile(&["--wait", "0s", "--apply", "--remove-unknown"]);
    assert_eq!((code, &report["remaining"]), (Some(0), &0.into()), "{report:#}");
    assert_clean(&world);

    world.go_on().await;
    let client = world.operator();
    let a = format!("account:{}", &made["a"]);
    for (user, account, target, expected) in [
        ("cid", "a", a.clone(), true),
        ("cid", "a", format!("workspace:{}", &made["w1"]), true),
        ("cid", "b", format!("account:{}", &made["b"]), true),
        ("cid", "d", format!("account:{}", &made["d"]), false),
        ("ann", "a", a.clone(), false),
        ("bob", "a", a.clone(), false),
        ("eve", "a", a.clone(), false),
        ("ada", "a", a.clone(), true),
    ] {
        let may = may_view(&client, &made, user, account, &target).await;
        assert_eq!(may, expected, "{user} {account} {target}");
    }
    assert_clean(&world);

    // Authorization of an earlier moment than the others.
    world.stop();
    world.restore(Service::Authorization, &early).await;
    let (code, report) = world.reconcile(&["--wait", "0s"]);
    assert_eq!(code, Some(1), "{report:#}");
    assert_names(
        &report,
        &[
            format!("account missing {}", &made["b"]),
            format!("account differs {}", &made["d"]),
            format!("settings differs {}", &made["a"]),
            format!("workspace missing {}", &made["w2"]),
            format!("user missing {}", &made["cid"]),
            format!("user differs {}", &made["ann"]),
            format!("service_account missing {}", &made["s1"]),
        ],
    );
    let (code, report) = world.reconcile(&["--wait", "0s", "--apply"]);
    assert_eq!(code, Some(0), "{report:#}");
    assert_clean(&world);
    world.go_on().await;
    let client = world.operator();
    for (user, account, expected) in [("ada", "a", true), ("cid", "a", false), ("ann", "a", false)] {
        let may = may_view(&client, &made, user, account, &a).await;
        assert_eq!(may, expected, "{user} {account}");
    }

    // Authorization of a moment before the product was there: its accounts cannot come back without it.
    world.stop();
    world.restore(Service::Authorization, &empty).await;
    let (code, report) = world.reconcile(&["--wait", "0s", "--apply"]);
    assert_eq!(code, Some(1), "{report:#}");
    assert_names(
        &report,
        &[
            "product unknown shop".to_owned(),
            format!("account missing {}", &made["a"]),
        ],
    );
    assert!(report.to_string().contains("apply its manifest"), "{report:#}");
    world.go_on().await;
    let client = world.operator();
    apply(&client, MANIFEST).await;
    // Beside running services.
    let (code, report) = world.reconcile(&["--wait", "20s", "--apply"]);
    assert_eq!(code, Some(0), "{report:#}");
    assert_clean(&world);
    setup::member(&client, &made["a"], &made["ada"], "admin").await;
    assert!(may_view(&client, &made, "ada", "a", &a).await);
}

/// Leaves a suspension and a disabling unfinished, as a crash does.
async fn interrupt(world: &World, made: &Made) {
    let account: AccountId = made["d"].parse().unwrap();
    let ids = [("ACCOUNT", account.uuid())];
    let sql = "INSERT INTO closing (account_id, scope_id, scope_level, version, deleted, begun_at) \
               VALUES ({ACCOUNT}, {ACCOUNT}, 2, 2, FALSE, 0)";
    world.sql(Service::Tenancy, sql, &ids).await;
    let sql = "UPDATE account SET closing = TRUE WHERE id = {ACCOUNT}";
    world.sql(Service::Tenancy, sql, &ids).await;
    let user: UserId = made["bob"].parse().unwrap();
    let sql =
        "INSERT INTO user_closing (user_id, access, version, actor, created_at) VALUES ({USER}, 1, 2, '', 0)";
    world.sql(Service::Identity, sql, &[("USER", user.uuid())]).await;
    let service: ServiceAccountId = made["s1"].parse().unwrap();
    let sql = "INSERT INTO service_closing (service_id, version, actor, created_at) VALUES ({ID}, 2, '', 0)";
    world.sql(Service::Identity, sql, &[("ID", service.uuid())]).await;
}

/// Far more places than fit a page come by pages, and are found again by pages.
#[tokio::test(flavor = "multi_thread")]
async fn places_of_many_pages_are_reconciled() {
    const PLACES: usize = 1_100;
    let mut world = World::files().await;
    let mut made = Made::default();
    let client = world.operator();
    apply(&client, MANIFEST).await;
    made.account(&client, "a").await;
    assert_clean(&world);
    world.stop();
    let account: AccountId = made["a"].parse().unwrap();
    let sql = format!(
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {PLACES}) \
         INSERT INTO place (account_id, id, level, parent_id, title, title_key, edition, state, created_at, \
         updated_at, version, closing) \
         SELECT {{ACCOUNT}}, randomblob(16), 4, NULL, 'Store', 'store', NULL, 'active', 0, 0, 1, FALSE FROM n"
    );
    let ids = [("ACCOUNT", account.uuid())];
    world.sql(Service::Tenancy, &sql, &ids).await;
    let (code, report) = world.reconcile(&["--wait", "0s"]);
    assert_eq!((code, &report["remaining"]), (Some(1), &PLACES.into()));
    let (code, report) = world.reconcile(&["--wait", "0s", "--apply"]);
    assert_eq!((code, &report["mended"]), (Some(0), &PLACES.into()));
    assert_clean(&world);
    // And the other way round.
    world.sql(Service::Tenancy, "DELETE FROM place", &[]).await;
    let (_, report) = world.reconcile(&["--wait", "0s"]);
    assert_eq!(report["remaining"], PLACES);
    let (code, _) = world.reconcile(&["--wait", "0s", "--apply"]);
    assert_eq!(code, Some(0));
    assert_clean(&world);
}
