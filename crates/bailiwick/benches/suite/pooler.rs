//! The same calls straight to PostgreSQL and through PgBouncer in transaction mode.

use std::time::Instant;

use bailiwick_client::Client;
use bailiwick_proto::{
    authorization::v1::{AssignRoleRequest, CheckRequest, RevokeRoleRequest},
    common::v1::{Consistency, consistency::Requirement},
};

use crate::{
    Times, apply,
    support::{Trio, setup},
};

/// Calls of each kind.
const CALLS: usize = 300;
/// Connections of PgBouncer to each database.
const CONNECTIONS: u32 = 10;
const ROLE: &str = "editor";

/// Calls on one suite.
struct Side {
    client: Client,
    account: String,
    user: String,
    assigns: Times,
    warm: Times,
    fresh: Times,
}

impl Side {
    async fn new(trio: &Trio) -> Self {
        let client = trio.operator();
        apply(&client).await;
        let account = setup::account(&client, "open", "Measured", None).await;
        let user = setup::user(&client, "measured@example.com").await;
        Self {
            client,
            account,
            user,
            assigns: Times::default(),
            warm: Times::default(),
            fresh: Times::default(),
        }
    }
    fn scope(&self) -> String {
        format!("account:{}", self.account)
    }
    async fn check(&self, consistency: Option<Requirement>) {
        let request = CheckRequest {
            account: self.account.clone(),
            subject: format!("user:{}", self.user),
            permission: "note.edit".into(),
            target: self.scope(),
            consistency: consistency.map(|requirement| Consistency {
                requirement: Some(requirement),
            }),
            ..Default::default()
        };
        self.client
            .authorization()
            .decision()
            .check(request)
            .await
            .unwrap();
    }
    async fn round(&mut self) {
        let assign = AssignRoleRequest {
            account: self.account.clone(),
            subject: format!("user:{}", self.user),
            role: ROLE.into(),
            scope: self.scope(),
            ..Default::default()
        };
        let start = Instant::now();
        let authorization = self.client.authorization();
        authorization.binding().assign_role(assign).await.unwrap();
        self.assigns.0.push(start.elapsed());
        let start = Instant::now();
        self.check(Some(Requirement::FullyConsistent(true))).await;
        self.fresh.0.push(start.elapsed());
        self.check(None).await;
        let start = Instant::now();
        self.check(None).await;
        self.warm.0.push(start.elapsed());
        let revoke = RevokeRoleRequest {
            account: self.account.clone(),
            subject: format!("user:{}", self.user),
            role: ROLE.into(),
            scope: self.scope(),
            ..Default::default()
        };
        authorization.binding().revoke_role(revoke).await.unwrap();
    }
    fn print(&self, how: &str) {
        self.assigns.print(&format!("AssignRole, {how}"));
        self.fresh.print(&format!("Check fully_consistent, {how}"));
        self.warm.print(&format!("Check warm, {how}"));
    }
}

pub(crate) async fn run() {
    let (plain, through) = (Trio::start(None).await, Trio::start_pooled(CONNECTIONS).await);
    let (mut direct, mut pooled) = (Side::new(&plain).await, Side::new(&through).await);
    for _ in 0..CALLS {
        direct.round().await;
        pooled.round().await;
    }
    println!("\nOne caller, alternately on both suites:");
    direct.print("direct");
    pooled.print("through PgBouncer");
}
