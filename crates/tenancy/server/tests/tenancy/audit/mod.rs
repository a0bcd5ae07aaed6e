//! The audit log: what reaches it, who reads it, and what is found when it was changed.

mod tampering;

use std::{collections::BTreeMap, sync::Arc};

use bailiwick_proto::{
    METHODS,
    events::v1::{self as events, change::Change},
    tenancy::v1::{
        self as pb, account_service_server::AccountService, audit_log_service_server::AuditLogService,
        instance_service_server::InstanceService, settings_service_server::SettingsService,
        workspace_service_server::WorkspaceService,
    },
};
use bailiwick_rpc::wire::map_of;
use bailiwick_sql::{execute, follow::FeedSource as _, query};
use bailiwick_tenancy_core::audit::{Filter, Range, chain::Fault, file};
use bailiwick_tenancy_server::AuditStore;
use bailiwick_types::{Idempotency, ScopeRoot, Service, Subject, SystemRng};
use futures_util::StreamExt;
use sea_orm::DbBackend;
use serde_json::json;

use crate::{
    on_both_engines,
    world::{World, as_user, operator, refusal, secrets, user, values},
};

on_both_engines! {
    every_write_adds_one_entry,
    an_update_is_told_with_what_was_before_and_after,
    entries_are_read_by_who_may_and_found_by_actor_target_action_and_time,
    an_event_that_comes_again_adds_nothing,
    personal_values_end_with_the_person_and_the_chain_verifies,
    a_restored_key_is_destroyed_again_when_deletions_are_replayed,
    what_is_missing_in_a_feed_is_told_and_nothing_is_added_twice,
    a_rotation_of_the_secret_leaves_everything_readable,
    a_secret_that_is_lost_loses_values_and_stops_nothing,
    an_export_verifies_and_has_no_formulas,
}

impl World {
    /// Brings the audit log up to date.
    async fn audit(&self) {
        for follower in self.service.audit_followers() {
            follower.catch_up().await.unwrap();
        }
    }
    async fn count(&self, table: &str) -> i64 {
        let sql = format!("SELECT COUNT(*) AS n FROM {table}");
        let tx = self.db.begin_read_across().await.unwrap();
        query(tx.conn(), sql, vec![]).await.unwrap()[0]
            .try_get("", "n")
            .unwrap()
    }
    /// Runs a statement as somebody who owns the database, whatever the triggers say.
    async fn tamper(&self, sql: &str) {
        let tx = self.db.begin_write_across(&[]).await.unwrap();
        let off: &[&str] = if self.db.backend() == DbBackend::Postgres {
            &["ALTER TABLE audit_entry DISABLE TRIGGER tg_append_only"]
        } else {
            &[
                "DROP TRIGGER IF EXISTS tg_append_only_audit_entry__update",
                "DROP TRIGGER IF EXISTS tg_append_only_audit_entry__delete",
            ]
        };
        for statement in off.iter().copied().chain([sql]) {
            execute(tx.conn(), statement, vec![]).await.unwrap();
        }
        tx.commit().await.unwrap();
    }
    /// What is wrong, by chain.
    async fn faults(&self) -> BTreeMap<String, Fault> {
        let verified = self.service.audit().verify(None).await.unwrap();
        let faults = verified
            .into_iter()
            .filter_map(|one| Some((one.chain, one.fault?)));
        faults.collect()
    }
    async fn listed(&self, request: pb::ListAuditEntriesRequest) -> Vec<pb::AuditEntry> {
        let request = operator("AuditLogService/ListAuditEntries", request);
        let answer = self.api.list_audit_entries(request).await.unwrap();
        answer.into_inner().entries
    }
    async fn entries(&self, account: &str) -> Vec<pb::AuditEntry> {
        self.listed(of(account)).await
    }
}

fn of(account: &str) -> pb::ListAuditEntriesRequest {
    pb::ListAuditEntriesRequest {
        account: account.to_owned(),
        ..Default::default()
    }
}

fn chain(account: &str) -> String {
    format!("account:{account}")
}

/// Something that identity tells about a user.
fn told(actor: &str, target: &str, account: &str) -> Change {
    Change::Audited(events::Audited {
        actor: actor.to_owned(),
        action: "test.act".to_owned(),
        target: target.to_owned(),
        account: account.to_owned(),
        network: "192.0.2.7".to_owned(),
        device: "a browser".to_owned(),
        before: Some(values(json!({"email": "old@example.com"}))),
        after: Some(values(json!({"email": "new@example.com"}))),
        ..events::Audited::default()
    })
}

fn deleted(n: u128) -> Change {
    Change::UserChanged(events::UserChanged {
        user: user(n).to_string(),
        version: 9,
        state: events::UserState::Deleted.into(),
        ..events::UserChanged::default()
    })
}

async fn rename(world: &World, account: &str, title: &str) {
    let request = pb::UpdateAccountRequest {
        account: account.to_owned(),
        changes: Some(pb::Account {
            title: title.to_owned(),
            ..Default::default()
        }),
        ..Default::default()
    };
    let request = operator("AccountService/UpdateAccount", request);
    world.api.update_account(request).await.unwrap();
}

/// Methods that write nothing although they are not declared to have no side effects, or are not there yet.
const WITHOUT: [&str; 3] = [
    "SignUpService/SignUp",
    "AuditLogService/ExportAuditEntries",
    "AccountService/ExportAccount",
];

async fn every_write_adds_one_entry(world: World) {
    let account = &world.account("A").await;
    let instance = &world.instance(account, "I").await;
    let workspace = &world.workspace(account, &chain(account), "W").await;
    let api = &world.api;
    let named = |account: &str| account.to_owned();
    rename(&world, account, "B").await;
    let update = pb::UpdateInstanceRequest {
        account: named(account),
        instance: named(instance),
        changes: Some(pb::Instance {
            title: "J".to_owned(),
            ..Default::default()
        }),
        ..Default::default()
    };
    let update = operator("InstanceService/UpdateInstance", update);
    api.update_instance(update).await.unwrap();
    let update = pb::UpdateWorkspaceRequest {
        account: named(account),
        workspace: named(workspace),
        changes: Some(pb::Workspace {
            title: "V".to_owned(),
            ..Default::default()
        }),
        ..Default::default()
    };
    let update = operator("WorkspaceService/UpdateWorkspace", update);
    api.update_workspace(update).await.unwrap();
    let update = pb::UpdateSettingsRequest {
        account: named(account),
        values: Some(values(json!({"limit": 3}))),
        ..Default::default()
    };
    let update = operator("SettingsService/UpdateSettings", update);
    api.update_settings(update).await.unwrap();
    let request = pb::MoveWorkspaceRequest {
        account: named(account),
        workspace: named(workspace),
        target_account: named(account),
        parent: format!("instance:{instance}"),
        ..Default::default()
    };
    let request = operator("WorkspaceService/MoveWorkspace", request);
    api.move_workspace(request).await.unwrap();
    let request = pb::DeleteWorkspaceRequest {
        account: named(account),
        workspace: named(workspace),
        ..Default::default()
    };
    let request = operator("WorkspaceService/DeleteWorkspace", request);
    api.delete_workspace(request).await.unwrap();
    let request = pb::DeleteInstanceRequest {
        account: named(account),
        instance: named(instance),
        ..Default::default()
    };
    let request = operator("InstanceService/DeleteInstance", request);
    api.delete_instance(request).await.unwrap();
    let request = pb::RestrictAccountRequest {
        account: named(account),
    };
    let request = operator("AccountService/RestrictAccount", request);
    api.restrict_account(request).await.unwrap();
    let request = pb::ReactivateAccountRequest {
        account: named(account),
    };
    let request = operator("AccountService/ReactivateAccount", request);
    api.reactivate_account(request).await.unwrap();
    let request = pb::SuspendAccountRequest {
        account: named(account),
    };
    let request = operator("AccountService/SuspendAccount", request);
    api.suspend_account(request).await.unwrap();
    let request = pb::DeleteAccountRequest {
        account: named(account),
        ..Default::default()
    };
    let request = operator("AccountService/DeleteAccount", request);
    api.delete_account(request).await.unwrap();

    world.audit().await;
    let root: ScopeRoot = chain(account).parse().unwrap();
    let range = Range::Oldest {
        after: 0,
        upto: 1_000,
    };
    let store = world.service.audit();
    let entries = store.entries_of(&root, &Filter::default(), range, 100).await;
    let mut found: BTreeMap<String, usize> = BTreeMap::new();
    for one in entries.unwrap() {
        assert_eq!(one.entry.actor, Subject::user(user(1)).to_string());
        *found.entry(one.entry.action).or_default() += 1;
    }
    let writes = METHODS.iter().filter(|method| {
        method.service() == Some(Service::Tenancy)
            && method.idempotency != Idempotency::NoSideEffects
            && method.is_public()
            && !WITHOUT.iter().any(|without| method.path.ends_with(without))
    });
    let expected: BTreeMap<String, usize> = writes.map(|method| (method.name().to_owned(), 1)).collect();
    assert_eq!(found, expected);
    assert_eq!(world.faults().await, BTreeMap::new());
}

async fn an_update_is_told_with_what_was_before_and_after(world: World) {
    let account = &world.account("A").await;
    rename(&world, account, "B").await;
    let request = pb::UpdateSettingsRequest {
        account: account.clone(),
        values: Some(values(json!({"limit": 3}))),
        ..Default::default()
    };
    let request = operator("SettingsService/UpdateSettings", request);
    world.api.update_settings(request).await.unwrap();
    world.audit().await;
    let entries = world.entries(account).await;
    let fields = |values: &Option<prost_types::Struct>| json!(map_of(values.clone().unwrap()));
    assert_eq!(fields(&entries[1].before), json!({"title": "A"}));
    assert_eq!(fields(&entries[1].after), json!({"title": "B"}));
    assert_eq!(fields(&entries[0].before), json!({"limit": null}));
    assert_eq!(fields(&entries[0].after), json!({"limit": 3}));
    assert_eq!(entries[2].details["product"], "shop");
}

async fn entries_are_read_by_who_may_and_found_by_actor_target_action_and_time(world: World) {
    let account = &world.account("A").await;
    let other = &world.account("O").await;
    for title in ["B", "C", "D", "E"] {
        rename(&world, account, title).await;
    }
    let ada = Subject::user(user(7)).to_string();
    world.identity.tell(vec![told(&ada, "session:s", account)]);
    world.audit().await;
    let all = world.entries(account).await;
    assert_eq!(all.len(), 6);
    assert!(
        all.windows(2)
            .all(|pair| pair[0].sequence == pair[1].sequence + 1)
    );
    assert_eq!(all[0].network, "192.0.2.7");
    // In pages, and while entries are added.
    let mut paged = Vec::new();
    let mut token = String::new();
    loop {
        let request = pb::ListAuditEntriesRequest {
            page_size: 2,
            page_token: token,
            ..of(account)
        };
        let request = operator("AuditLogService/ListAuditEntries", request);
        let page = world.api.list_audit_entries(request).await.unwrap().into_inner();
        paged.extend(page.entries);
        rename(&world, account, "more").await;
        world.audit().await;
        token = page.next_page_token;
        if token.is_empty() {
            break;
        }
    }
    assert_eq!(paged, all);
    let by_actor = pb::ListAuditEntriesRequest {
        actor: ada.clone(),
        ..of(account)
    };
    assert_eq!(world.listed(by_actor).await.len(), 1);
    let by_target = pb::ListAuditEntriesRequest {
        target: "session:s".to_owned(),
        ..of(account)
    };
    assert_eq!(world.listed(by_target).await.len(), 1);
    let by_action = pb::ListAuditEntriesRequest {
        action: "bailiwick.tenancy.v1.AccountService/CreateAccount".to_owned(),
        ..of(account)
    };
    assert_eq!(world.listed(by_action).await.len(), 1);
    let by_time = pb::ListAuditEntriesRequest {
        end_time: Some(bailiwick_rpc::wire::timestamp(bailiwick_types::Timestamp(2))),
        ..of(account)
    };
    assert_eq!(world.listed(by_time).await.len(), 1);
    // Another account sees nothing of it, and nobody without the right.
    assert_eq!(world.entries(other).await.len(), 1);
    let request = as_user(user(7), account, "AuditLogService/ListAuditEntries", of(account));
    let refused = world.api.list_audit_entries(request).await;
    assert_eq!(refusal(refused).0, tonic::Code::PermissionDenied);
    world.allow(user(7), "audit_log.view", chain(account));
    let request = as_user(user(7), account, "AuditLogService/ListAuditEntries", of(account));
    assert!(world.api.list_audit_entries(request).await.is_ok());
    let request = as_user(user(7), account, "AuditLogService/ListAuditEntries", of(other));
    assert!(world.api.list_audit_entries(request).await.is_err());
    // What was wrong with a request is told at once.
    let wrong = pb::ListAuditEntriesRequest {
        actor: "x".repeat(1_000),
        start_time: Some(bailiwick_rpc::wire::timestamp(bailiwick_types::Timestamp(
            2_000_000,
        ))),
        end_time: Some(bailiwick_rpc::wire::timestamp(bailiwick_types::Timestamp(
            1_000_000,
        ))),
        page_size: -1,
        ..pb::ListAuditEntriesRequest::default()
    };
    let request = operator("AuditLogService/ListAuditEntries", wrong);
    let (_, _, mut fields) = refusal(world.api.list_audit_entries(request).await);
    fields.sort();
    assert_eq!(fields, ["account", "actor", "end_time", "page_size"]);
}

async fn an_event_that_comes_again_adds_nothing(world: World) {
    let account = &world.account("A").await;
    rename(&world, account, "B").await;
    world.audit().await;
    let before = world.entries(account).await;
    world.tamper("UPDATE audit_cursor SET position = 0").await;
    world.audit().await;
    assert_eq!(world.entries(account).await, before);
    // Two replicas at the same event: one of them appends.
    rename(&world, account, "C").await;
    let followers = world.service.audit_followers();
    let own = &followers[0];
    let (one, two) = tokio::join!(own.catch_up(), own.catch_up());
    one.unwrap();
    two.unwrap();
    assert_eq!(world.entries(account).await.len(), before.len() + 1);
    assert_eq!(world.faults().await, BTreeMap::new());
}

/// A chain of some entries.
async fn filled(world: &World) -> String {
    let account = world.account("A").await;
    for title in ["B", "C", "D", "E"] {
        rename(world, &account, title).await;
    }
    let ada = Subject::user(user(7)).to_string();
    world.identity.tell(vec![told(&ada, &ada, &account)]);
    world.audit().await;
    assert_eq!(world.faults().await, BTreeMap::new());
    account
}

async fn personal_values_end_with_the_person_and_the_chain_verifies(world: World) {
    let account = &world.account("A").await;
    let ada = Subject::user(user(7)).to_string();
    let ben = Subject::user(user(8)).to_string();
    world.identity.tell(vec![told(&ada, &ben, account)]);
    world.identity.tell(vec![told(&ben, &ada, account)]);
    world.audit().await;
    let newest = &world.entries(account).await[0];
    assert_eq!((&*newest.network, newest.erased), ("192.0.2.7", false));
    assert!(newest.before.is_some());
    // Deleted, and told about afterwards, in one event and in another.
    world.identity.tell(vec![deleted(7), told(&ben, &ada, account)]);
    world.identity.tell(vec![told(&ada, &ada, account)]);
    world.audit().await;
    let entries = world.entries(account).await;
    let seen: Vec<(bool, bool, bool)> = entries[..4]
        .iter()
        .map(|one| (!one.network.is_empty(), one.before.is_some(), one.erased))
        .collect();
    assert_eq!(
        seen,
        [
            (false, false, true),
            (true, false, true),
            (true, false, true),
            (false, true, true)
        ]
    );
    assert_eq!(world.faults().await, BTreeMap::new());
    let kept = format!("audit_key WHERE owner = '{ada}' AND sealed IS NOT NULL");
    assert_eq!(world.count(&kept).await, 0);
}

async fn a_restored_key_is_destroyed_again_when_deletions_are_replayed(world: World) {
    let account = &world.account("A").await;
    let ada = Subject::user(user(7)).to_string();
    world.identity.tell(vec![told(&ada, &ada, account)]);
    world.audit().await;
    // Restored: identity has deleted her, in an event that is not there any more.
    world.identity.0.lock().unwrap().snapshot = vec![deleted(7)];
    let followers = world.service.audit_followers();
    let mut destroyed = 0;
    for follower in &followers {
        destroyed += follower.replay_deletions().await.unwrap();
    }
    assert_eq!(destroyed, 1);
    assert!(world.entries(account).await[0].erased);
    assert_eq!(world.faults().await, BTreeMap::new());
}

async fn what_is_missing_in_a_feed_is_told_and_nothing_is_added_twice(world: World) {
    let account = &world.account("A").await;
    let ada = &Subject::user(user(7)).to_string();
    let tell = |n: usize| {
        for _ in 0..n {
            world.identity.tell(vec![told(ada, "session:s", account)]);
        }
    };
    let gaps = async || {
        let filter = Filter {
            action: Some("audit.gap".to_owned()),
            ..Filter::default()
        };
        let range = Range::Oldest {
            after: 0,
            upto: 1_000,
        };
        let store = world.service.audit();
        let found = store
            .entries_of(&ScopeRoot::Deployment, &filter, range, 100)
            .await;
        let found = found.unwrap().into_iter();
        found
            .map(|one| (one.entry.details["from"].clone(), one.entry.details["to"].clone()))
            .collect::<Vec<_>>()
    };
    tell(10);
    world.audit().await;
    assert_eq!(gaps().await, []);
    assert_eq!(world.entries(account).await.len(), 11);
    // Pruned while the log was away.
    tell(10);
    world.identity.0.lock().unwrap().pruned = 17;
    world.audit().await;
    assert_eq!(gaps().await, [("10".to_owned(), "17".to_owned())]);
    assert_eq!(world.entries(account).await.len(), 14);
    // Restored: a new history with the same beginning.
    world.identity.0.lock().unwrap().epoch = "i2";
    tell(1);
    world.audit().await;
    assert_eq!(gaps().await.len(), 2);
    assert_eq!(world.entries(account).await.len(), 15);
    assert_eq!(world.faults().await, BTreeMap::new());
}

async fn a_rotation_of_the_secret_leaves_everything_readable(world: World) {
    let account = filled(&world).await;
    let own = chain(&account);
    // Under the new secret alone, the signatures are of an unknown key.
    let alone = AuditStore::new(world.db.clone(), secrets("b"), Arc::new(SystemRng));
    let verified = alone.verify(None).await.unwrap();
    assert!(verified.iter().all(|one| one.fault == Some(Fault::UnknownKey)));
    let both = crate::world::rotated("b", "a");
    AuditStore::new(world.db.clone(), both, Arc::new(SystemRng))
        .renew()
        .await
        .unwrap();
    let verified = alone.verify(None).await.unwrap();
    assert!(verified.iter().all(|one| one.fault.is_none()), "{verified:?}");
    let root: ScopeRoot = own.parse().unwrap();
    let range = Range::Newest { before: None };
    let read = alone
        .entries_of(&root, &Filter::default(), range, 1)
        .await
        .unwrap();
    assert_eq!(read[0].personal.network, "192.0.2.7");
}

async fn a_secret_that_is_lost_loses_values_and_stops_nothing(world: World) {
    let account = filled(&world).await;
    let root: ScopeRoot = chain(&account).parse().unwrap();
    let other = AuditStore::new(world.db.clone(), secrets("b"), Arc::new(SystemRng));
    let newest = async |store: &AuditStore| {
        let range = Range::Newest { before: None };
        let read = store.entries_of(&root, &Filter::default(), range, 2).await;
        let read = read.unwrap().into_iter();
        read.map(|one| (one.personal.network, one.erased))
            .collect::<Vec<_>>()
    };
    assert_eq!(newest(&other).await[0], (String::new(), true));
    // What is added under another secret is readable, and so is all of it once both are configured.
    let ada = Subject::user(user(7)).to_string();
    world.identity.tell(vec![told(&ada, &ada, &account)]);
    let at = other.cursor(Service::Identity).await.unwrap().unwrap();
    let read = world.identity.read(&at, 1, std::time::Duration::ZERO).await;
    let steps = bailiwick_tenancy_server::audit_steps(Service::Identity, &read.unwrap().events[0]);
    let mut to = at.clone();
    to.position += 1;
    let added = other.append(Service::Identity, Some(&at), &to, steps).await;
    assert_eq!(added.unwrap(), Some(1));
    let known = ("192.0.2.7".to_owned(), false);
    assert_eq!(newest(&other).await, [known.clone(), (String::new(), true)]);
    let both = AuditStore::new(
        world.db.clone(),
        crate::world::rotated("b", "a"),
        Arc::new(SystemRng),
    );
    both.renew().await.unwrap();
    assert_eq!(newest(&both).await, [known.clone(), known]);
    // Its head was signed by nobody known then: that is told for good.
    let verified = both.verify(Some(&root)).await.unwrap();
    assert_eq!(verified[0].fault, Some(Fault::Suspect));
}

async fn an_export_verifies_and_has_no_formulas(world: World) {
    let account = &filled(&world).await;
    rename(&world, account, "=cmd|' /C calc'!A0").await;
    let ada = Subject::user(user(7)).to_string();
    world.identity.tell(vec![told(&ada, "=1+1", account)]);
    world.audit().await;
    let export = async |format: pb::AuditExportFormat, actor: &str| {
        let request = pb::ExportAuditEntriesRequest {
            account: account.clone(),
            format: format.into(),
            actor: actor.to_owned(),
            ..Default::default()
        };
        let request = operator("AuditLogService/ExportAuditEntries", request);
        let stream = world.api.export_audit_entries(request).await.unwrap();
        let mut parts = stream.into_inner();
        let (mut content, mut done) = (Vec::new(), None);
        while let Some(part) = parts.next().await {
            let part = part.unwrap();
            content.extend(part.content);
            done = part.last.then_some(part.entries_done);
        }
        (content, done.unwrap())
    };
    let keys = secrets("a").keys;
    let check = |message: &[u8], (key, code): &file::Code| match keys.verify(key, &[message], code) {
        bailiwick_rpc::integrity::Verdict::Authentic => Ok(()),
        _ => Err(Fault::Forged),
    };
    let (lines, done) = export(pb::AuditExportFormat::JsonLines, "").await;
    let verified = file::verify(&lines[..], Some(&check)).unwrap();
    assert_eq!((verified.entries, verified.whole, done), (8, true, 8));
    let text = String::from_utf8(lines).unwrap();
    assert!(
        text.contains("new@example.com") && text.contains("192.0.2.7"),
        "{text}"
    );
    let changed = text.replacen("192.0.2.7", "192.0.2.8", 1);
    assert!(file::verify(changed.as_bytes(), Some(&check)).is_err());
    let (lines, done) = export(pb::AuditExportFormat::JsonLines, &ada).await;
    let verified = file::verify(&lines[..], Some(&check)).unwrap();
    assert_eq!((verified.entries, verified.whole, done), (2, false, 2));
    let (csv, done) = export(pb::AuditExportFormat::Csv, "").await;
    let csv = String::from_utf8(csv).unwrap();
    assert!(
        csv.starts_with("Number,Time,Service,Actor,") && csv.contains(",'=1+1,"),
        "{csv}"
    );
    assert_eq!((csv.lines().count(), done), (9, 8));
    let (xlsx, done) = export(pb::AuditExportFormat::Xlsx, "").await;
    assert!(xlsx.starts_with(b"PK") && done == 8);
}
