//! `bailiwick preview`: who would gain or lose what by a change that is not made.

use anyhow::{Result, bail};
use bailiwick_client::Client;
use bailiwick_proto::authorization::v1::{
    AssignRoleRequest, BatchRemoveMembersRequest, EffectiveChange, MoveResourceRequest,
    ReactivateMemberRequest, RemoveMemberRequest, RevokeRoleRequest, SuspendMemberRequest,
    TransferOwnershipRequest, UpdateMemberRequest,
};
use bailiwick_types::Timestamp;
use serde::Serialize;

use crate::{
    cli::{Of, Output, Preview},
    commands::{
        changes::{self, Row},
        check::account_of,
    },
    connect, output, words,
};

/// What `preview` prints.
#[derive(Serialize)]
struct Told {
    changes: Vec<Row>,
}

/// Asks and prints trees, or one JSON value.
pub(crate) async fn run(change: &Preview, how: Output) -> Result<()> {
    let changes = ask(change).await?;
    let told = Told {
        changes: changes.into_iter().map(Row::from).collect(),
    };
    output::print(how, &told, |told| match told.changes.as_slice() {
        [] => "nobody would gain or lose anything".to_owned(),
        rows => changes::trees(rows, false, output::width()),
    })
}

async fn ask(change: &Preview) -> Result<Vec<EffectiveChange>> {
    match change {
        Preview::Assign(binding) => {
            let (account, client) = on(&binding.of, &binding.scope)?;
            let request = AssignRoleRequest {
                account,
                subject: binding.subject.clone(),
                role: binding.role.clone(),
                scope: binding.scope.clone(),
                validate_only: true,
                ..AssignRoleRequest::default()
            };
            let answer = client.authorization().binding().assign_role(request).await;
            Ok(answer.map_err(words::fault)?.into_inner().changes)
        }
        Preview::Revoke(binding) => {
            let (account, client) = on(&binding.of, &binding.scope)?;
            let request = RevokeRoleRequest {
                account,
                subject: binding.subject.clone(),
                role: binding.role.clone(),
                scope: binding.scope.clone(),
                validate_only: true,
            };
            let answer = client.authorization().binding().revoke_role(request).await;
            Ok(answer.map_err(words::fault)?.into_inner().changes)
        }
        Preview::TransferOwnership { to, scope, of } => {
            let (account, client) = on(of, scope)?;
            let request = TransferOwnershipRequest {
                account,
                scope: scope.clone(),
                to: format!("user:{}", user(to)),
                validate_only: true,
            };
            let answer = client.authorization().binding().transfer_ownership(request).await;
            Ok(answer.map_err(words::fault)?.into_inner().changes)
        }
        Preview::MoveResource { resource, scope, of } => {
            let (account, client) = on(of, scope)?;
            let request = MoveResourceRequest {
                account,
                resource: resource.clone(),
                scope: scope.clone(),
                validate_only: true,
            };
            let answer = client.authorization().resource().move_resource(request).await;
            Ok(answer.map_err(words::fault)?.into_inner().changes)
        }
        Preview::Suspend { user: who, of } => {
            let (account, client) = within(of)?;
            let request = SuspendMemberRequest {
                account,
                user: user(who),
                validate_only: true,
            };
            let answer = client.authorization().member().suspend_member(request).await;
            Ok(answer.map_err(words::fault)?.into_inner().changes)
        }
        Preview::Reactivate { user: who, of } => {
            let (account, client) = within(of)?;
            let request = ReactivateMemberRequest {
                account,
                user: user(who),
                validate_only: true,
            };
            let answer = client.authorization().member().reactivate_member(request).await;
            Ok(answer.map_err(words::fault)?.into_inner().changes)
        }
        Preview::Expire { user: who, at, of } => {
            let (account, client) = within(of)?;
            let request = UpdateMemberRequest {
                account,
                user: user(who),
                expire_time: at.map(timestamp),
                validate_only: true,
            };
            let answer = client.authorization().member().update_member(request).await;
            Ok(answer.map_err(words::fault)?.into_inner().changes)
        }
        Preview::Remove { users, from, of } => remove(users, from.as_deref(), of).await,
    }
}

async fn remove(users: &[String], from: Option<&str>, of: &Of) -> Result<Vec<EffectiveChange>> {
    let (account, client) = within(of)?;
    let mut members = client.authorization().member();
    let Some(scope) = from else {
        let request = BatchRemoveMembersRequest {
            account,
            users: users.iter().map(|who| user(who)).collect(),
            validate_only: true,
        };
        let answer = members.batch_remove_members(request).await;
        return Ok(answer.map_err(words::fault)?.into_inner().changes);
    };
    let mut changes = Vec::new();
    for who in users {
        let request = RemoveMemberRequest {
            account: account.clone(),
            user: user(who),
            scope: scope.to_owned(),
            validate_only: true,
        };
        let answer = members.remove_member(request).await;
        changes.extend(answer.map_err(words::fault)?.into_inner().changes);
    }
    Ok(changes)
}

/// The account of a change on a scope, and the suite.
fn on(of: &Of, scope: &str) -> Result<(String, Client)> {
    let account = account_of(of.account.as_deref(), scope)?;
    Ok((account, connect::client(&of.connection)?))
}

/// The account of a change of members, and the suite.
fn within(of: &Of) -> Result<(String, Client)> {
    let Some(account) = of.account.clone() else {
        bail!("name the account: `--account acct_…`");
    };
    Ok((account, connect::client(&of.connection)?))
}

/// The id of a user, which may be written as a subject.
fn user(text: &str) -> String {
    text.strip_prefix("user:").unwrap_or(text).to_owned()
}

fn timestamp(at: Timestamp) -> prost_types::Timestamp {
    prost_types::Timestamp {
        seconds: at.0.div_euclid(1_000_000),
        nanos: i32::try_from(at.0.rem_euclid(1_000_000) * 1_000).unwrap_or_default(),
    }
}
