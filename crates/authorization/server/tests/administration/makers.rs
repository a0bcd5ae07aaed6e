//! Nobody decides what they, or a key or service account of theirs, asked for.

use bailiwick_authorization_core::{
    On,
    approval::{Approval, State},
    person::{LONGEST, ServiceAccount, behind},
    use_case::{
        approve::{self, Verdict},
        list_waiting, register_resource, request_approval,
    },
};
use bailiwick_types::{
    AccountId, ApprovalId, Authorized, Code, Fault, Scope, ScopeRoot, ServiceAccountId, Subject, UserId,
};
use serde_json::Map;

use crate::world::World;

const ASKS: &str = "sub_user";
const DECIDES: &str = "workflow_manager";

/// An account where Anna and Olga decide what others ask for.
async fn managers(world: &World) -> (AccountId, UserId, UserId) {
    let account = world.account("sogolytics", None, 0).await;
    let anna = world.member("anna@example.com", account).await;
    let olga = world.member("olga@example.com", account).await;
    for user in [anna, olga] {
        let at = (user, DECIDES, &Scope::Account(account));
        world.assign(&world.operator(), account, at).await.unwrap();
    }
    (account, anna, olga)
}

/// Asks for a distribution of an own project.
async fn ask(world: &World, account: AccountId, by: &Authorized) -> ApprovalId {
    let requester = by.subject().cloned().unwrap();
    let name = format!("project:{}", world.ports.ids.uuid());
    let name: bailiwick_authorization_core::resource::Name = name.parse().unwrap();
    let register = register_resource::Command {
        account,
        name: name.clone(),
        scope: Scope::Account(account),
        owner: register_resource::Owner::Is(requester),
        parent: None,
        title: String::new(),
        attributes: Map::new(),
    };
    register_resource::execute(&world.ports, &world.operator(), register)
        .await
        .unwrap();
    let command = request_approval::Command {
        account,
        permission: "project.distribute".to_owned(),
        on: On::Resource(name),
        digest: String::new(),
        attributes: Map::new(),
    };
    let made = request_approval::execute(&world.ports, by, command).await;
    made.unwrap().0.id
}

async fn decide(
    world: &World,
    account: AccountId,
    (by, approval, verdict): (&Authorized, ApprovalId, Verdict),
) -> Result<Approval, approve::Error> {
    let command = approve::Command {
        account,
        approval,
        verdict,
    };
    Ok(approve::execute(&world.ports, by, command).await?.0)
}

async fn waits(world: &World, account: AccountId, by: &Authorized, approval: ApprovalId) -> bool {
    let page = list_waiting::execute(&world.ports, by, account, None, 100).await;
    page.unwrap().0.iter().any(|found| found.id == approval)
}

/// It neither waits for them nor do they get it approved or rejected; and nothing has happened to it.
async fn refused(world: &World, account: AccountId, by: &Authorized, approval: ApprovalId) {
    assert!(!waits(world, account, by, approval).await);
    for verdict in [Verdict::Approve, Verdict::Reject] {
        let error = decide(world, account, (by, approval, verdict)).await.unwrap_err();
        assert_eq!(error.code(), Code::PermissionDenied);
        assert_eq!(error.reason().as_str(), "PERMISSION_DENIED");
    }
    let read = world
        .ports
        .store
        .read(bailiwick_testkit::witness::system().account(account).read())
        .await
        .unwrap();
    let found = read.approval(approval).await.unwrap().unwrap();
    assert_eq!((found.state, found.decider), (State::Pending, None));
}

/// It waits for them, and they get it decided.
async fn decided(world: &World, account: AccountId, by: &Authorized, (id, verdict): (ApprovalId, Verdict)) {
    assert!(waits(world, account, by, id).await);
    let done = decide(world, account, (by, id, verdict)).await.unwrap();
    let state = match verdict {
        Verdict::Approve => State::Approved,
        Verdict::Reject => State::Rejected,
        Verdict::Withdraw => State::Withdrawn,
    };
    assert_eq!((done.state, done.decider), (state, by.subject().cloned()));
}

async fn nobody_decides_what_a_service_account_of_theirs_asked_for(world: World) {
    let (account, anna, olga) = managers(&world).await;
    let robot = world.service(account, ASKS, Some(&Subject::user(anna))).await;
    let by_robot = world.by_service(robot, account);
    let asked = ask(&world, account, &by_robot).await;
    refused(&world, account, &world.by(anna, account), asked).await;
    refused(&world, account, &world.by_other_credentials(anna), asked).await;
    let by_olga = world.by(olga, account);
    decided(&world, account, &by_olga, (asked, Verdict::Approve)).await;
    let asked = ask(&world, account, &by_robot).await;
    decided(&world, account, &by_olga, (asked, Verdict::Reject)).await;
}

async fn a_service_account_does_not_decide_what_its_maker_asked_for(world: World) {
    let (account, anna, olga) = managers(&world).await;
    for user in [anna, olga] {
        let at = (user, ASKS, &Scope::Account(account));
        world.assign(&world.operator(), account, at).await.unwrap();
    }
    let robot = world.service(account, DECIDES, Some(&Subject::user(anna))).await;
    let by_robot = world.by_service(robot, account);
    let of_anna = ask(&world, account, &world.by(anna, account)).await;
    refused(&world, account, &by_robot, of_anna).await;
    let of_olga = ask(&world, account, &world.by(olga, account)).await;
    decided(&world, account, &by_robot, (of_olga, Verdict::Approve)).await;
}

async fn service_accounts_of_one_maker_decide_nothing_of_each_other(world: World) {
    let (account, anna, olga) = managers(&world).await;
    let (anna, olga) = (Subject::user(anna), Subject::user(olga));
    let asks = world.service(account, ASKS, Some(&anna)).await;
    let asked = ask(&world, account, &world.by_service(asks, account)).await;
    let of_anna = world.service(account, DECIDES, Some(&anna)).await;
    refused(&world, account, &world.by_service(of_anna, account), asked).await;
    let of_olga = world.service(account, DECIDES, Some(&olga)).await;
    let by_hers = world.by_service(of_olga, account);
    decided(&world, account, &by_hers, (asked, Verdict::Approve)).await;
}

async fn what_a_service_account_made_is_its_makers_however_far_away(world: World) {
    let (account, anna, olga) = managers(&world).await;
    let mut made = Vec::new();
    let mut maker = Subject::user(anna);
    for _ in 0..=LONGEST {
        let robot = world.service(account, ASKS, Some(&maker)).await;
        maker = Subject::service(robot);
        made.push(robot);
    }
    let (by_anna, by_olga) = (world.by(anna, account), world.by(olga, account));
    // The second; the last whose way is not too long; and the one after it, behind whom nobody is found.
    for robot in [made[1], made[LONGEST - 1], made[LONGEST]] {
        let asked = ask(&world, account, &world.by_service(robot, account)).await;
        refused(&world, account, &by_anna, asked).await;
        if robot == made[LONGEST] {
            refused(&world, account, &by_olga, asked).await;
        } else {
            decided(&world, account, &by_olga, (asked, Verdict::Approve)).await;
        }
    }
    // In between, too.
    let deciding = world
        .service(account, DECIDES, Some(&Subject::service(made[3])))
        .await;
    let asked = ask(&world, account, &world.by_service(made[1], account)).await;
    refused(&world, account, &world.by_service(deciding, account), asked).await;
}

async fn where_nobody_can_say_who_stands_behind_nobody_decides(world: World) {
    let (account, anna, _) = managers(&world).await;
    let told = |id, creator| ServiceAccount {
        id,
        version: 1,
        enabled: true,
        root: ScopeRoot::Account(account),
        role: Some(ASKS.to_owned()),
        creator: Some(Subject::service(creator)),
    };
    let [one, other, never_told, made_by_it] =
        [(); 4].map(|()| ServiceAccountId::generate(&*world.ports.ids));
    world.tell_service(told(one, other)).await;
    world.tell_service(told(other, one)).await;
    world.tell_service(told(made_by_it, never_told)).await;
    for robot in [one, made_by_it] {
        let asked = ask(&world, account, &world.by_service(robot, account)).await;
        refused(&world, account, &world.by(anna, account), asked).await;
    }
    let read = world
        .ports
        .store
        .read(bailiwick_testkit::witness::system().account(account).read())
        .await
        .unwrap();
    let anna = Subject::user(anna);
    assert_eq!(behind(&*read, &anna).await.unwrap(), Some(anna.clone()));
    let never_told = Subject::service(never_told);
    assert_eq!(behind(&*read, &never_told).await.unwrap(), None);
    let elsewhere: Subject = "service:of-another-issuer".parse().unwrap();
    assert_eq!(behind(&*read, &elsewhere).await.unwrap(), Some(elsewhere.clone()));
}

async fn one_whose_maker_was_never_told_stands_for_itself(world: World) {
    let (account, anna, _) = managers(&world).await;
    let robot = world.service(account, ASKS, None).await;
    let by_anna = world.by(anna, account);
    let asked = ask(&world, account, &world.by_service(robot, account)).await;
    decided(&world, account, &by_anna, (asked, Verdict::Approve)).await;
    // What it made is its own.
    let maker = Subject::service(robot);
    let deciding = world.service(account, DECIDES, Some(&maker)).await;
    let asked = ask(&world, account, &world.by_service(robot, account)).await;
    refused(&world, account, &world.by_service(deciding, account), asked).await;
    decided(&world, account, &by_anna, (asked, Verdict::Reject)).await;
}

async fn only_who_asked_takes_it_back(world: World) {
    let (account, anna, _) = managers(&world).await;
    let robot = world.service(account, ASKS, Some(&Subject::user(anna))).await;
    let by_robot = world.by_service(robot, account);
    let asked = ask(&world, account, &by_robot).await;
    let by_anna = world.by(anna, account);
    let error = decide(&world, account, (&by_anna, asked, Verdict::Withdraw)).await;
    assert_eq!(error.unwrap_err().code(), Code::PermissionDenied);
    let done = decide(&world, account, (&by_robot, asked, Verdict::Withdraw)).await;
    assert_eq!(done.unwrap().state, State::Withdrawn);
}

async fn other_credentials_of_who_asked_decide_nothing(world: World) {
    let (account, anna, olga) = managers(&world).await;
    let at = (anna, ASKS, &Scope::Account(account));
    world.assign(&world.operator(), account, at).await.unwrap();
    let (token, other) = (world.by(anna, account), world.by_other_credentials(anna));
    for (asks, decides) in [(&token, &other), (&other, &token)] {
        let asked = ask(&world, account, asks).await;
        refused(&world, account, decides, asked).await;
        decided(
            &world,
            account,
            &world.by(olga, account),
            (asked, Verdict::Approve),
        )
        .await;
    }
}

bailiwick_testkit::on_both_engines!(
    nobody_decides_what_a_service_account_of_theirs_asked_for,
    a_service_account_does_not_decide_what_its_maker_asked_for,
    service_accounts_of_one_maker_decide_nothing_of_each_other,
    what_a_service_account_made_is_its_makers_however_far_away,
    where_nobody_can_say_who_stands_behind_nobody_decides,
    one_whose_maker_was_never_told_stands_for_itself,
    only_who_asked_takes_it_back,
    other_credentials_of_who_asked_decide_nothing,
);
