//! Nobody decides a request that they, or a key or service account of theirs, made.

use bailiwick_authorization_core::{
    Error, On,
    approval::{
        Approval, State, approve::Approve, list_waiting::list_waiting, reject::Reject, request::Request,
        withdraw::Withdraw,
    },
    person::{LONGEST, ServiceAccount, behind},
    resource::register::{Owner, Register},
};
use bailiwick_types::{
    AccountId, ApprovalId, Code, Fault, Scope, ScopeRoot, ServiceAccountId, Subject, Target, UserId,
};
use serde_json::Map;

use crate::world::{By, World, code, name, register, version_of};

const ASKS: &str = "sub_user";
const DECIDES: &str = "workflow_manager";

/// An account, and who makes and decides requests in it.
struct Office {
    world: World,
    account: AccountId,
    anna: UserId,
    olga: UserId,
}

/// An account where Anna and Olga decide requests of others.
async fn office(world: World) -> Office {
    let account = world.account("sogolytics", None, 0).await;
    Office {
        anna: world.holder("anna@example.com", account, DECIDES).await,
        olga: world.holder("olga@example.com", account, DECIDES).await,
        account,
        world,
    }
}

impl Office {
    async fn assign(&self, user: UserId, role: &str) {
        let at = (user, role, &Scope::Account(self.account));
        let op = self.world.operator();
        self.world.assign(&op, self.account, at).await.unwrap();
    }
    fn by(&self, user: UserId) -> By {
        self.world.by(user, self.account)
    }
    /// A service account and its credentials.
    async fn service(&self, role: &str, creator: Option<&Subject>) -> (ServiceAccountId, By) {
        let robot = self.world.service(self.account, role, creator).await;
        (robot, self.world.by_service(robot))
    }
    /// Requests the distribution of an own project.
    async fn ask(&self, by: &By) -> ApprovalId {
        let (world, account) = (&self.world, self.account);
        let project = format!("project:{}", world.ports.ids.uuid());
        let register = Register {
            owner: Owner::Is(by.subject().clone()),
            ..register(&project, &Scope::Account(account))
        };
        world.run(&world.operator(), account, register).await.unwrap();
        let request = Request {
            permission: "project.distribute".to_owned(),
            on: On::Resource(name(&project)),
            digest: String::new(),
            attributes: Map::new(),
        };
        world.run(by, account, request).await.unwrap().id
    }
    async fn approve(&self, by: &By, approval: ApprovalId) -> Result<Approval, Error> {
        self.world.run(by, self.account, Approve { approval }).await
    }
    async fn reject(&self, by: &By, approval: ApprovalId) -> Result<Approval, Error> {
        self.world.run(by, self.account, Reject { approval }).await
    }
    async fn waits_for(&self, by: &By, approval: ApprovalId) -> bool {
        let by = by.on(&Target::account(self.account));
        let page = list_waiting(&self.world.ports, &by, None, 100).await;
        page.unwrap().0.iter().any(|found| found.id == approval)
    }
    /// The request does not wait for the caller, who cannot decide it.
    async fn refused(&self, by: &By, approval: ApprovalId) {
        assert!(!self.waits_for(by, approval).await);
        self.cannot_decide(by, approval).await;
    }
    /// The caller can neither approve nor reject the request, and changes nothing.
    async fn cannot_decide(&self, by: &By, approval: ApprovalId) {
        for refused in [self.approve(by, approval).await, self.reject(by, approval).await] {
            let error = refused.unwrap_err();
            assert_eq!(error.code(), Code::PermissionDenied);
            assert_eq!(error.reason().as_str(), "PERMISSION_DENIED");
        }
        let read = self.world.read(self.account).await;
        let found = read.approval(approval).await.unwrap().unwrap();
        assert_eq!((found.state, found.decider), (State::Pending, None));
    }
    /// The request waits for the caller, who approves it.
    async fn approved(&self, by: &By, approval: ApprovalId) {
        assert!(self.waits_for(by, approval).await);
        let done = self.approve(by, approval).await.unwrap();
        assert_eq!(
            (done.state, done.decider.as_ref()),
            (State::Approved, Some(by.subject()))
        );
    }
    /// The request waits for the caller, who rejects it.
    async fn rejected(&self, by: &By, approval: ApprovalId) {
        assert!(self.waits_for(by, approval).await);
        let done = self.reject(by, approval).await.unwrap();
        assert_eq!(
            (done.state, done.decider.as_ref()),
            (State::Rejected, Some(by.subject()))
        );
    }
}

async fn nobody_decides_a_request_of_their_service_account(world: World) {
    let office = office(world).await;
    let (_, robot) = office.service(ASKS, Some(&Subject::user(office.anna))).await;
    let asked = office.ask(&robot).await;
    office.refused(&office.by(office.anna), asked).await;
    // The same user as an operator.
    let operator = office.world.operator_as(office.anna);
    office.cannot_decide(&operator, asked).await;
    let by_olga = office.by(office.olga);
    office.approved(&by_olga, asked).await;
    let asked = office.ask(&robot).await;
    office.rejected(&by_olga, asked).await;
}

async fn a_service_account_does_not_decide_a_request_of_its_creator(world: World) {
    let office = office(world).await;
    for user in [office.anna, office.olga] {
        office.assign(user, ASKS).await;
    }
    let (_, robot) = office.service(DECIDES, Some(&Subject::user(office.anna))).await;
    let of_anna = office.ask(&office.by(office.anna)).await;
    office.refused(&robot, of_anna).await;
    let of_olga = office.ask(&office.by(office.olga)).await;
    office.approved(&robot, of_olga).await;
}

async fn service_accounts_of_one_creator_decide_no_requests_of_each_other(world: World) {
    let office = office(world).await;
    let (anna, olga) = (Subject::user(office.anna), Subject::user(office.olga));
    let (_, asks) = office.service(ASKS, Some(&anna)).await;
    let asked = office.ask(&asks).await;
    let (_, of_anna) = office.service(DECIDES, Some(&anna)).await;
    office.refused(&of_anna, asked).await;
    let (_, of_olga) = office.service(DECIDES, Some(&olga)).await;
    office.approved(&of_olga, asked).await;
}

async fn creators_are_followed_over_several_service_accounts(world: World) {
    let office = office(world).await;
    let (mut ids, mut robots) = (Vec::new(), Vec::new());
    let mut creator = Subject::user(office.anna);
    for _ in 0..=LONGEST {
        let (id, robot) = office.service(ASKS, Some(&creator)).await;
        creator = Subject::service(id);
        ids.push(id);
        robots.push(robot);
    }
    let (by_anna, by_olga) = (office.by(office.anna), office.by(office.olga));
    // The second one, the last one that is not too far away, and the next, for which no user is found.
    for n in [1, LONGEST - 1, LONGEST] {
        let asked = office.ask(&robots[n]).await;
        office.refused(&by_anna, asked).await;
        if n == LONGEST {
            office.refused(&by_olga, asked).await;
        } else {
            office.approved(&by_olga, asked).await;
        }
    }
    // A decider that one of them created.
    let (_, deciding) = office.service(DECIDES, Some(&Subject::service(ids[3]))).await;
    let asked = office.ask(&robots[1]).await;
    office.refused(&deciding, asked).await;
}

async fn a_request_without_a_known_creator_behind_it_is_decided_by_nobody(world: World) {
    let office = office(world).await;
    let (world, account) = (&office.world, office.account);
    let told = |id, creator| ServiceAccount {
        id,
        version: version_of(1),
        closed_version: None,
        enabled: true,
        root: ScopeRoot::Account(account),
        role: Some(ASKS.to_owned()),
        creator: Some(Subject::service(creator)),
    };
    let [one, other, unknown, of_unknown] = [(); 4].map(|()| ServiceAccountId::generate(&*world.ports.ids));
    world.tell_service(told(one, other)).await;
    world.tell_service(told(other, one)).await;
    world.tell_service(told(of_unknown, unknown)).await;
    for robot in [one, of_unknown] {
        let asked = office.ask(&world.by_service(robot)).await;
        office.refused(&office.by(office.anna), asked).await;
    }
    let read = world.read(account).await;
    let anna = Subject::user(office.anna);
    assert_eq!(behind(&*read, &anna).await.unwrap(), Some(anna.clone()));
    let unknown = Subject::service(unknown);
    assert_eq!(behind(&*read, &unknown).await.unwrap(), None);
    let elsewhere: Subject = "service:of-another-issuer".parse().unwrap();
    assert_eq!(behind(&*read, &elsewhere).await.unwrap(), Some(elsewhere.clone()));
}

async fn a_service_account_without_a_creator_stands_for_itself(world: World) {
    let office = office(world).await;
    let (id, robot) = office.service(ASKS, None).await;
    let by_anna = office.by(office.anna);
    let asked = office.ask(&robot).await;
    office.approved(&by_anna, asked).await;
    // It is the creator of others.
    let (_, deciding) = office.service(DECIDES, Some(&Subject::service(id))).await;
    let asked = office.ask(&robot).await;
    office.refused(&deciding, asked).await;
    office.rejected(&by_anna, asked).await;
}

async fn only_the_requester_withdraws_a_request(world: World) {
    let office = office(world).await;
    let (_, robot) = office.service(ASKS, Some(&Subject::user(office.anna))).await;
    let approval = office.ask(&robot).await;
    let withdraw = async |by: &By| {
        let withdraw = Withdraw { approval };
        office.world.run(by, office.account, withdraw).await
    };
    let refused = withdraw(&office.by(office.anna)).await;
    assert_eq!(code(refused), Code::PermissionDenied);
    assert_eq!(withdraw(&robot).await.unwrap().state, State::Withdrawn);
}

async fn other_credentials_of_the_requester_decide_nothing(world: World) {
    let office = office(world).await;
    office.assign(office.anna, ASKS).await;
    let (one, other) = (office.by(office.anna), office.by(office.anna));
    for (asks, decides) in [(&one, &other), (&other, &one)] {
        let asked = office.ask(asks).await;
        office.refused(decides, asked).await;
        let operator = office.world.operator_as(office.anna);
        office.cannot_decide(&operator, asked).await;
        office.approved(&office.by(office.olga), asked).await;
    }
}

bailiwick_testkit::on_both_engines!(
    nobody_decides_a_request_of_their_service_account,
    a_service_account_does_not_decide_a_request_of_its_creator,
    service_accounts_of_one_creator_decide_no_requests_of_each_other,
    creators_are_followed_over_several_service_accounts,
    a_request_without_a_known_creator_behind_it_is_decided_by_nobody,
    a_service_account_without_a_creator_stands_for_itself,
    only_the_requester_withdraws_a_request,
    other_credentials_of_the_requester_decide_nothing,
);
