//! A follower of a product, over restarts of itself and of the servers, and over restored databases: it ends
//! up with what is there, and hears of no other product.

use std::collections::BTreeSet;

use bailiwick_client::{Client, Credentials};
use bailiwick_proto::{
    authorization::v1::{
        ApplyProductRequest, ChangeEvent, ListBindingsRequest, ListResourcesInScopeRequest,
        RegisterResourceRequest, RevokeRoleRequest, UnregisterResourceRequest, WatchRequest,
        change_event::Change, watch_request::Followed,
    },
    identity::v1::CreateServiceAccountRequest,
};
use bailiwick_types::Service;
use rand::{Rng, SeedableRng, rngs::StdRng};
use tonic::{Code, Status};
use tonic_types::StatusExt;

use super::{support::setup, world::World};

/// Steps of a history.
const STEPS: usize = 60;
/// Users with a role, or without.
const USERS: usize = 3;
/// Resources that come and go in an account.
const RESOURCES: usize = 8;

fn manifest(product: &str) -> String {
    format!(
        "product: {product}
levels: {{account: {{title: Account}}}}
types: {{doc: {{verbs: [create, view, edit, delete]}}}}
services: {{follower: {{permissions: [change.watch]}}}}
roles:
  reader: {{levels: {{account: {{permissions: [doc.view]}}}}}}
"
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn a_follower_ends_up_with_what_is_there_on_sqlite() {
    a_follower_ends_up_with_what_is_there(World::files().await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_follower_ends_up_with_what_is_there_on_postgres() {
    a_follower_ends_up_with_what_is_there(World::servers().await).await;
}

/// What a program keeps of its product: what it was told, and the cursor.
#[derive(Default)]
struct Kept {
    cursor: String,
    /// `account:ID doc:ID` and `account:ID user:ID`, as told.
    known: BTreeSet<String>,
    /// What the present state said so far, while it is sent.
    present: Option<BTreeSet<String>>,
    /// Resources that were told of: those of the history that is followed now.
    marks: BTreeSet<String>,
    refused: usize,
}

impl Kept {
    fn take(&mut self, event: &ChangeEvent, own: &[String]) {
        assert!(
            own.contains(&event.root),
            "an event of another product: {event:?}"
        );
        let into = self.present.as_mut().unwrap_or(&mut self.known);
        match event.change.as_ref().unwrap() {
            Change::Resource(of) => {
                self.marks.insert(of.resource.clone());
                into.insert(format!("{} {}", event.root, of.resource));
            }
            Change::Binding(of) if of.removed => {
                into.remove(&format!("{} {}", event.root, of.subject));
            }
            Change::Binding(of) => {
                into.insert(format!("{} {}", event.root, of.subject));
            }
            _ => {}
        }
    }
    /// Follows until it has heard of a resource.
    async fn follow(&mut self, client: &Client, own: &[String], mark: &str) {
        loop {
            match self.read(client, own, mark).await {
                Ok(()) => return,
                Err(status) if status.code() == Code::FailedPrecondition => {
                    let details = status.get_details_error_info().unwrap();
                    assert_eq!(details.reason, "CURSOR_REFUSED");
                    *self = Self {
                        refused: self.refused + 1,
                        ..Self::default()
                    };
                }
                Err(status) => panic!("{status:?}"),
            }
        }
    }
    async fn read(&mut self, client: &Client, own: &[String], mark: &str) -> Result<(), Status> {
        let request = WatchRequest {
            followed: Some(Followed::Product("left".to_owned())),
            cursor: self.cursor.clone(),
            ..Default::default()
        };
        let mut stream = client.authorization().watch().watch(request).await?.into_inner();
        while !(self.present.is_none() && self.marks.contains(mark)) {
            let answer = stream.message().await?.expect("the deadline is not near");
            if answer.snapshot {
                self.present.get_or_insert_default();
            }
            for event in &answer.events {
                self.take(event, own);
            }
            if answer.snapshot_complete {
                self.known = self.present.take().unwrap_or_default();
            }
            self.cursor = answer.cursor;
        }
        Ok(())
    }
}

struct History {
    world: World,
    users: Vec<String>,
    /// Two accounts of the product that is followed, and two of another.
    accounts: Vec<String>,
    random: StdRng,
}

impl History {
    fn any(&mut self, below: usize) -> usize {
        self.random.random_range(0..below)
    }
    /// A write, of whatever kind, in any account.
    async fn write(&mut self, client: &Client) {
        let n = self.any(self.accounts.len());
        let account = self.accounts[n].clone();
        match self.any(4) {
            0 => {
                let n = self.any(USERS);
                setup::assign(client, &account, &self.users[n], "reader").await;
            }
            1 => {
                let n = self.any(USERS);
                let revoke = RevokeRoleRequest {
                    account: account.clone(),
                    subject: format!("user:{}", self.users[n]),
                    role: "reader".into(),
                    scope: format!("account:{account}"),
                    ..Default::default()
                };
                // Whoever does not have it cannot lose it.
                let _ = client.authorization().binding().revoke_role(revoke).await;
            }
            2 => {
                let unregister = UnregisterResourceRequest {
                    account,
                    resource: format!("doc:d{}", self.any(RESOURCES)),
                    ..Default::default()
                };
                let _ = client
                    .authorization()
                    .resource()
                    .unregister_resource(unregister)
                    .await;
            }
            _ => {
                let name = format!("doc:d{}", self.any(RESOURCES));
                let _ = register(client, &account, &name).await;
            }
        }
    }
    /// What there is in the accounts of the product.
    async fn present(&self, client: &Client) -> BTreeSet<String> {
        let mut all = BTreeSet::new();
        for account in &self.accounts[..2] {
            let request = ListResourcesInScopeRequest {
                account: account.clone(),
                r#type: "doc".into(),
                page_size: 1_000,
                ..Default::default()
            };
            let authorization = client.authorization();
            let listed = authorization.resource().list_resources_in_scope(request).await;
            let names = listed.unwrap().into_inner().resources;
            all.extend(
                names
                    .iter()
                    .map(|of| format!("account:{account} {}", of.resource)),
            );
            let request = ListBindingsRequest {
                account: account.clone(),
                page_size: 1_000,
                ..Default::default()
            };
            let listed = authorization.binding().list_bindings(request).await.unwrap();
            let bindings = listed.into_inner().bindings;
            all.extend(
                bindings
                    .iter()
                    .map(|of| format!("account:{account} {}", of.subject)),
            );
        }
        all
    }
}

async fn register(client: &Client, account: &str, name: &str) -> Result<(), Status> {
    let request = RegisterResourceRequest {
        account: account.into(),
        resource: name.into(),
        scope: format!("account:{account}"),
        owner: Some(String::new()),
        ..Default::default()
    };
    let resources = client.authorization();
    resources.resource().register_resource(request).await.map(drop)
}

async fn a_follower_ends_up_with_what_is_there(world: World) {
    let seed = std::env::var("BAILIWICK_SEED")
        .ok()
        .and_then(|text| text.parse().ok());
    let seed: u64 = seed.unwrap_or_else(|| u64::from(std::process::id()) | 1);
    println!("BAILIWICK_SEED={seed} replays it");
    let operator = world.operator();
    for product in ["left", "right"] {
        let apply = ApplyProductRequest {
            manifest: manifest(product),
            ..Default::default()
        };
        operator
            .authorization()
            .product()
            .apply_product(apply)
            .await
            .unwrap();
    }
    let mut accounts = Vec::new();
    for (product, title) in [("left", "A"), ("left", "B"), ("right", "C"), ("right", "D")] {
        accounts.push(setup::account(&operator, product, title, None).await);
    }
    let mut users = Vec::new();
    for n in 0..USERS {
        let user = setup::user(&operator, &format!("user{n}@example.com")).await;
        for account in &accounts {
            setup::join(&operator, account, &user).await;
        }
        users.push(user);
    }
    let create = CreateServiceAccountRequest {
        title: "index".into(),
        scope: "product:left".into(),
        role: "follower".into(),
        ..Default::default()
    };
    let made = operator
        .identity()
        .service_account()
        .create_service_account(create)
        .await;
    let made = made.unwrap().into_inner();
    let (id, secret) = (made.service_account.unwrap().service_account, made.secret);
    let mut own = vec!["product:left".to_owned()];
    own.extend(accounts[..2].iter().map(|account| format!("account:{account}")));
    let mut history = History {
        world,
        users,
        accounts,
        random: StdRng::seed_from_u64(seed),
    };
    let mut kept = Kept::default();
    let mut saved = None;
    for step in 0..STEPS {
        let client = history.world.operator();
        for _ in 0..=history.any(5) {
            history.write(&client).await;
        }
        // The follower is a program that begins anew, with what it has kept.
        if history.any(3) == 0 {
            let mark = format!("doc:mark{step}");
            register(&client, &history.accounts[0].clone(), &mark)
                .await
                .unwrap();
            let backend = client.with_credentials(Credentials::client(id.clone(), secret.clone().into()));
            kept.follow(&backend, &own, &mark).await;
            // What was unregistered is gone for a program that looks it up, as it is told to.
            let present = history.present(&client).await;
            let told: BTreeSet<String> = kept
                .known
                .iter()
                .filter(|of| !of.contains(" doc:"))
                .cloned()
                .collect();
            let bound = present.iter().filter(|of| !of.contains(" doc:")).cloned();
            assert_eq!(told, bound.collect(), "step {step}");
            let missing: Vec<&String> = present.difference(&kept.known).collect();
            assert!(missing.is_empty(), "step {step}: it was not told of {missing:?}");
        }
        match step {
            15 | 35 => {
                history.world.stop();
                history.world.go_on().await;
            }
            20 => saved = Some(history.world.save(Service::Authorization, "saved").await),
            45 => {
                history.world.stop();
                history
                    .world
                    .restore(Service::Authorization, saved.as_ref().unwrap())
                    .await;
                history.world.go_on().await;
                // What it knows is of the history that is lost.
                let client = history.world.operator();
                let mark = "doc:restored";
                register(&client, &history.accounts[0].clone(), mark)
                    .await
                    .unwrap();
                let backend = client.with_credentials(Credentials::client(id.clone(), secret.clone().into()));
                let before = kept.refused;
                kept.follow(&backend, &own, mark).await;
                assert_eq!(kept.refused, before + 1);
            }
            _ => {}
        }
    }
}
