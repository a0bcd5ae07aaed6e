//! `bailiwick preview`.

use anyhow::Result;
use bailiwick_client::Client;
use bailiwick_proto::authorization::v1::{
    AssignRoleRequest, BatchRemoveMembersRequest, EffectiveChange, MoveResourceRequest,
    ReactivateMemberRequest, RemoveMemberRequest, RevokeRoleRequest, SuspendMemberRequest,
    TransferOwnershipRequest, UpdateMemberRequest,
};
use bailiwick_rpc::wire;
use bailiwick_types::Timestamp;
use serde_json::json;

use crate::{
    cli::Output,
    connect::{self, Connection, message},
    output::{
        self,
        changes::{self, Row},
    },
};

/// Changes that can be previewed; for a manifest there is `apply --preview`.
#[derive(clap::Subcommand, Debug)]
pub(crate) enum Change {
    /// Assign a role on a scope.
    Assign(Binding),
    /// Revoke a role on a scope.
    Revoke(Binding),
    /// Suspend a member.
    Suspend(Member),
    /// Reactivate a suspended member.
    Reactivate(Member),
    /// Set or clear the end of a membership.
    Expire {
        #[command(flatten)]
        member: Member,
        /// When the membership ends (RFC 3339); never if absent.
        #[arg(long, value_name = "INSTANT", value_parser = Timestamp::parse)]
        at: Option<Timestamp>,
    },
    /// Remove members, all together, from the account, or from a scope and what is below it.
    Remove {
        /// The users.
        #[arg(required = true)]
        users: Vec<String>,
        /// The scope to remove them from, `instance:ID` or `workspace:ID`; the account if absent.
        #[arg(long, value_name = "SCOPE")]
        from: Option<String>,
        /// The account.
        #[arg(long, short, value_name = "ID")]
        account: String,
        #[command(flatten)]
        connection: Connection,
    },
    /// Transfer the single-holder role of a scope to another member.
    TransferOwnership {
        /// The user who gets the role.
        to: String,
        /// The scope: `account:ID` or `workspace:ID`.
        scope: String,
        #[command(flatten)]
        within: Within,
    },
    /// Move a resource, with what is below it, to another scope.
    MoveResource {
        /// The resource: `TYPE:ID`.
        resource: String,
        /// The new scope: `account:ID`, `instance:ID` or `workspace:ID`.
        scope: String,
        #[command(flatten)]
        within: Within,
    },
}

/// A role binding.
#[derive(clap::Args, Debug)]
pub(crate) struct Binding {
    /// The subject: `user:user_…`, `service:svc_…`, `group:group_…`.
    subject: String,
    /// The name of the role.
    role: String,
    /// The scope: `account:ID`, `instance:ID` or `workspace:ID`.
    scope: String,
    #[command(flatten)]
    within: Within,
}

/// A member of an account.
#[derive(clap::Args, Debug)]
pub(crate) struct Member {
    /// The user.
    user: String,
    /// The account.
    #[arg(long, short, value_name = "ID")]
    account: String,
    #[command(flatten)]
    connection: Connection,
}

/// The account of a change on a scope, and how to reach the suite.
#[derive(clap::Args, Debug)]
pub(crate) struct Within {
    /// The account; not needed if the scope is an account.
    #[arg(long, short, value_name = "ID")]
    account: Option<String>,
    #[command(flatten)]
    connection: Connection,
}

impl Within {
    /// The account and a client.
    fn open(&self, scope: &str) -> Result<(String, Client)> {
        let account = connect::account_of(self.account.as_deref(), scope)?;
        Ok((account, self.connection.client()?))
    }
}

impl Member {
    /// The account, the id of the user, and a client.
    fn open(&self) -> Result<(String, String, Client)> {
        Ok((
            self.account.clone(),
            user_id(&self.user),
            self.connection.client()?,
        ))
    }
}

/// Prints the permissions that would change.
pub(crate) async fn run(change: &Change, output: Output) -> Result<()> {
    let rows: Vec<Row> = ask(change).await?.into_iter().map(Row::from).collect();
    output::print(output, &json!({"changes": rows}), |_| match rows.as_slice() {
        [] => "nobody would gain or lose anything".to_owned(),
        rows => changes::trees(rows, false),
    })
}

async fn ask(change: &Change) -> Result<Vec<EffectiveChange>> {
    let validate_only = true;
    Ok(match change {
        Change::Assign(binding) => {
            let (account, client) = binding.within.open(&binding.scope)?;
            let request = AssignRoleRequest {
                account,
                subject: binding.subject.clone(),
                role: binding.role.clone(),
                scope: binding.scope.clone(),
                validate_only,
                ..AssignRoleRequest::default()
            };
            message(client.authorization().binding().assign_role(request).await)?.changes
        }
        Change::Revoke(binding) => {
            let (account, client) = binding.within.open(&binding.scope)?;
            let request = RevokeRoleRequest {
                account,
                subject: binding.subject.clone(),
                role: binding.role.clone(),
                scope: binding.scope.clone(),
                validate_only,
                ..RevokeRoleRequest::default()
            };
            message(client.authorization().binding().revoke_role(request).await)?.changes
        }
        Change::TransferOwnership { to, scope, within } => {
            let (account, client) = within.open(scope)?;
            let request = TransferOwnershipRequest {
                account,
                scope: scope.clone(),
                to: format!("user:{}", user_id(to)),
                validate_only,
            };
            message(client.authorization().binding().transfer_ownership(request).await)?.changes
        }
        Change::MoveResource {
            resource,
            scope,
            within,
        } => {
            let (account, client) = within.open(scope)?;
            let request = MoveResourceRequest {
                account,
                resource: resource.clone(),
                scope: scope.clone(),
                validate_only,
            };
            message(client.authorization().resource().move_resource(request).await)?.changes
        }
        Change::Suspend(member) => {
            let (account, user, client) = member.open()?;
            let request = SuspendMemberRequest {
                account,
                user,
                validate_only,
            };
            message(client.authorization().member().suspend_member(request).await)?.changes
        }
        Change::Reactivate(member) => {
            let (account, user, client) = member.open()?;
            let request = ReactivateMemberRequest {
                account,
                user,
                validate_only,
            };
            message(client.authorization().member().reactivate_member(request).await)?.changes
        }
        Change::Expire { member, at } => {
            let (account, user, client) = member.open()?;
            let request = UpdateMemberRequest {
                account,
                user,
                expire_time: at.map(wire::timestamp),
                validate_only,
                ..UpdateMemberRequest::default()
            };
            message(client.authorization().member().update_member(request).await)?.changes
        }
        Change::Remove {
            users,
            from,
            account,
            connection,
        } => {
            let client = connection.client()?;
            let users = users.iter().map(|user| user_id(user));
            let mut members = client.authorization().member();
            let Some(scope) = from else {
                let request = BatchRemoveMembersRequest {
                    account: account.clone(),
                    users: users.collect(),
                    validate_only,
                };
                return Ok(message(members.batch_remove_members(request).await)?.changes);
            };
            let mut changes = Vec::new();
            for user in users {
                let request = RemoveMemberRequest {
                    account: account.clone(),
                    user,
                    scope: scope.clone(),
                    validate_only,
                };
                changes.extend(message(members.remove_member(request).await)?.changes);
            }
            changes
        }
    })
}

/// The id of a user, which may be written as a subject.
fn user_id(text: &str) -> String {
    text.strip_prefix("user:").unwrap_or(text).to_owned()
}
