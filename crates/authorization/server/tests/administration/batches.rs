//! Several at once: invitations and members; and invitations that are sent again, approvals that wait.

use std::time::Duration;

use bailiwick_authorization_core::{
    On,
    follow::{SettingsTold, settings_changed},
    use_case::{
        approve::{self, Verdict},
        batch_create_invitations, batch_remove_members, create_invitation, list_waiting,
        register_resource::{self, Owner},
        request_approval, resend_invitation,
    },
};
use bailiwick_types::{AccountId, Authorized, Code, Fault, Scope, ScopeRoot, Subject, UserId};
use serde_json::{Map, json};

use crate::world::World;

async fn batch(
    world: &World,
    by: &Authorized,
    account: AccountId,
    (emails, role, validate_only): (&[&str], &str, bool),
) -> Result<usize, batch_create_invitations::Error> {
    let command = batch_create_invitations::Command {
        account,
        emails: emails.iter().map(|email| (*email).to_owned()).collect(),
        roles: vec![role.to_owned()],
        scope: Scope::Account(account),
        validate_only,
    };
    let (made, _) = batch_create_invitations::execute(&world.ports, by, command).await?;
    Ok(made.len())
}

async fn pending(world: &World, account: AccountId) -> usize {
    let read = world
        .ports
        .store
        .read(bailiwick_testkit::witness::system().account(account).read())
        .await
        .unwrap();
    read.invitations(None, None, 100).await.unwrap().len()
}

async fn sogo(world: &World, seats: u32) -> (AccountId, UserId, UserId) {
    let account = world.account("sogolytics", None, seats).await;
    let at = Scope::Account(account);
    let boss = world.member("boss@example.com", account).await;
    let sam = world.member("sam@example.com", account).await;
    let op = world.operator();
    world
        .assign(&op, account, (boss, "administrator", &at))
        .await
        .unwrap();
    world.assign(&op, account, (sam, "sub_user", &at)).await.unwrap();
    (account, boss, sam)
}

fn fields(error: &impl Fault) -> Vec<&str> {
    error.violations().iter().map(|one| one.field.as_str()).collect()
}

async fn people_are_invited_together_or_not_at_all(world: World) {
    let (account, boss, sam) = sogo(&world, 5).await;
    let (by, by_sam) = (world.by(boss, account), world.by(sam, account));
    let told = SettingsTold {
        account,
        version: 1,
        values: [("allowed_domains".to_owned(), json!(["acme.example"]))].into(),
    };
    let root = ScopeRoot::Account(account);
    let mut unit = world
        .ports
        .store
        .write_all(bailiwick_testkit::witness::system().all_accounts(), &[root])
        .await
        .unwrap();
    unit.select(bailiwick_testkit::witness::system().account(account).read());
    settings_changed(&mut *unit, told).await.unwrap();
    unit.commit().await.unwrap();

    let two = ["a@acme.example", "b@acme.example"];
    let error = batch(&world, &by_sam, account, (&two, "sub_user", false))
        .await
        .unwrap_err();
    assert_eq!(error.code(), Code::PermissionDenied);
    let error = batch(&world, &by, account, (&two, "emperor", false))
        .await
        .unwrap_err();
    assert_eq!(error.reason().as_str(), "UNKNOWN_ROLE");
    let strangers = ["x@other.example", "a@acme.example", "y@other.example"];
    let error = batch(&world, &by, account, (&strangers, "sub_user", false))
        .await
        .unwrap_err();
    assert_eq!(error.reason().as_str(), "DOMAIN_NOT_ALLOWED");
    assert_eq!(fields(&error), ["emails[0]", "emails[2]"]);
    let four = [
        "a@acme.example",
        "b@acme.example",
        "c@acme.example",
        "d@acme.example",
    ];
    let error = batch(&world, &by, account, (&four, "sub_user", true))
        .await
        .unwrap_err();
    assert_eq!(
        (error.code(), fields(&error)),
        (Code::ResourceExhausted, vec!["emails[3]"])
    );
    assert_eq!(
        batch(&world, &by, account, (&two, "sub_user", true))
            .await
            .unwrap(),
        2
    );
    assert_eq!(pending(&world, account).await, 0, "it was only looked at");
    assert_eq!(
        batch(&world, &by, account, (&two, "sub_user", false))
            .await
            .unwrap(),
        2
    );
    let again = ["c@acme.example", "B@acme.example"];
    let error = batch(&world, &by, account, (&again, "sub_user", false))
        .await
        .unwrap_err();
    assert_eq!(
        (error.code(), fields(&error)),
        (Code::AlreadyExists, vec!["emails[1]"])
    );
    assert_eq!(
        pending(&world, account).await,
        2,
        "nobody of a batch that is refused"
    );
}

async fn members_are_removed_together_or_not_at_all_and_never_all_admins(world: World) {
    let (account, boss, sam) = sogo(&world, 0).await;
    let at = Scope::Account(account);
    let ada = world.member("ada@example.com", account).await;
    let op = world.operator();
    world
        .assign(&op, account, (ada, "administrator", &at))
        .await
        .unwrap();
    let remove = async |by: &Authorized, users: &[UserId], validate_only| {
        let command = batch_remove_members::Command {
            account,
            users: users.to_vec(),
        };
        let counts = if validate_only {
            let told = batch_remove_members::preview(&world.ports, by, command).await;
            told.unwrap().0
        } else {
            batch_remove_members::execute(&world.ports, by, command).await?.0
        };
        Ok::<_, batch_remove_members::Error>((counts.members, counts.bindings, counts.grants))
    };
    let stranger = world.person("x@example.com").await;
    let error = remove(&world.by(sam, account), &[ada], false).await.unwrap_err();
    assert_eq!(error.code(), Code::PermissionDenied);
    let error = remove(&op, &[sam, stranger], false).await.unwrap_err();
    assert_eq!((error.code(), fields(&error)), (Code::NotFound, vec!["users[1]"]));
    // One of the two could go, both cannot.
    let error = remove(&op, &[boss, sam, ada], false).await.unwrap_err();
    assert_eq!(error.reason().as_str(), "HOLDER_RULE");
    assert_eq!(remove(&op, &[boss, sam], true).await.unwrap(), (2, 2, 0));
    let read = world
        .ports
        .store
        .read(bailiwick_testkit::witness::system().account(account).read())
        .await
        .unwrap();
    assert!(read.member(sam).await.unwrap().is_some());
    drop(read);
    assert_eq!(remove(&op, &[boss, sam], false).await.unwrap(), (2, 2, 0));
    let read = world
        .ports
        .store
        .read(bailiwick_testkit::witness::system().account(account).read())
        .await
        .unwrap();
    assert_eq!(read.members(None, 10).await.unwrap().len(), 1);
    assert_eq!(read.bindings_of(&Subject::user(sam)).await.unwrap(), []);
}

async fn an_invitation_that_is_sent_again_begins_anew_while_it_is_pending(world: World) {
    let (account, boss, sam) = sogo(&world, 0).await;
    let command = create_invitation::Command {
        account,
        email: "new@example.com".to_owned(),
        roles: vec!["sub_user".to_owned()],
        scope: Scope::Account(account),
        request_id: None,
    };
    let by = world.by(boss, account);
    let (made, _) = create_invitation::execute(&world.ports, &by, command)
        .await
        .unwrap();
    let resend = || resend_invitation::Command {
        account,
        invitation: made.id,
    };
    let error = resend_invitation::execute(&world.ports, &world.by(sam, account), resend())
        .await
        .unwrap_err();
    assert_eq!(error.code(), Code::PermissionDenied);
    world.clock.advance(Duration::from_hours(144));
    let (sent, _) = resend_invitation::execute(&world.ports, &by, resend())
        .await
        .unwrap();
    assert_eq!(sent.version, made.version + 1);
    assert!(sent.expires_at > made.expires_at);
    world.clock.advance(Duration::from_hours(192));
    let error = resend_invitation::execute(&world.ports, &by, resend())
        .await
        .unwrap_err();
    assert_eq!(error.reason().as_str(), "INVITATION_NOT_PENDING");
}

async fn requests_wait_for_those_who_could_approve_them_now_and_not_for_who_asked(world: World) {
    let (account, boss, sam) = sogo(&world, 0).await;
    let at = Scope::Account(account);
    let flow = world.member("flow@example.com", account).await;
    let op = world.operator();
    for role in ["workflow_manager", "sub_user"] {
        world.assign(&op, account, (flow, role, &at)).await.unwrap();
    }
    let mut asked = Vec::new();
    for (n, owner) in [sam, flow, sam, sam].into_iter().enumerate() {
        let name = format!("project:p{n}").parse::<bailiwick_authorization_core::resource::Name>();
        let register = register_resource::Command {
            account,
            name: name.clone().unwrap(),
            scope: at.clone(),
            owner: Owner::Is(Subject::user(owner)),
            parent: None,
            title: String::new(),
            attributes: Map::new(),
        };
        register_resource::execute(&world.ports, &op, register)
            .await
            .unwrap();
        let ask = request_approval::Command {
            account,
            permission: "project.distribute".to_owned(),
            on: On::Resource(name.unwrap()),
            digest: String::new(),
            attributes: Map::new(),
        };
        world.clock.advance(Duration::from_secs(1));
        let by = world.by(owner, account);
        let (made, _) = request_approval::execute(&world.ports, &by, ask).await.unwrap();
        asked.push(made.id);
    }
    let waiting = async |user: UserId, size: usize| {
        let by = world.by(user, account);
        let (mut all, mut after, mut pages) = (Vec::new(), None, 0);
        loop {
            let page = list_waiting::execute(&world.ports, &by, account, after, size).await;
            let (rows, next) = page.unwrap();
            assert!(rows.len() <= size);
            all.extend(rows.into_iter().map(|row| row.id));
            pages += 1;
            after = next;
            if after.is_none() {
                return (all, pages);
            }
        }
    };
    let others: Vec<_> = [3, 2, 0].into_iter().map(|n: usize| asked[n]).collect();
    assert_eq!(waiting(flow, 50).await.0, others);
    assert_eq!(waiting(flow, 1).await.0, others, "page by page nothing is lost");
    assert_eq!(waiting(sam, 50).await.0, []);
    assert_eq!(waiting(boss, 50).await.0.len(), 4);
    let approve = approve::Command {
        account,
        approval: asked[3],
        verdict: Verdict::Approve,
    };
    approve::execute(&world.ports, &world.by(flow, account), approve)
        .await
        .unwrap();
    assert_eq!(waiting(flow, 50).await.0, others[1..]);
    world
        .revoke(&op, account, (flow, "workflow_manager", &at))
        .await
        .unwrap();
    assert_eq!(waiting(flow, 50).await.0, [], "the right is looked at now");
}

bailiwick_testkit::on_both_engines!(
    people_are_invited_together_or_not_at_all,
    members_are_removed_together_or_not_at_all_and_never_all_admins,
    an_invitation_that_is_sent_again_begins_anew_while_it_is_pending,
    requests_wait_for_those_who_could_approve_them_now_and_not_for_who_asked,
);
