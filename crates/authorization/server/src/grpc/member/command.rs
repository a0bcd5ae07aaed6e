//! From requests about members to commands.

use std::collections::BTreeSet;

use bailiwick_authorization_core::use_case::{
    batch_remove_members, create_member, delete_member, remove_member, update_member,
};
use bailiwick_policy::manifest::MemberKind;
use bailiwick_proto::authorization::v1 as pb;
use bailiwick_rpc::Fields;
use bailiwick_types::{AccountId, UserId};
use tonic::Status;

/// The most members that are removed at once.
const BATCH: usize = 1_000;

pub(in crate::grpc) fn create_command(
    request: &pb::CreateMemberRequest,
) -> Result<create_member::Command, Status> {
    let mut fields = Fields::new();
    let account = fields.account(&request.account);
    let user = fields.take("user", request.user.parse::<UserId>());
    let expires_at = fields.time("expire_time", request.expire_time);
    let kind = match request.kind() {
        pb::MemberKind::Unspecified | pb::MemberKind::Agent => MemberKind::Agent,
        pb::MemberKind::Customer => MemberKind::Customer,
    };
    let command = (|| {
        Some(create_member::Command {
            account: account?,
            user: user?,
            kind,
            expires_at: expires_at?,
        })
    })();
    fields.finish(command)
}

pub(super) fn batch_command(
    request: &pb::BatchRemoveMembersRequest,
) -> Result<batch_remove_members::Command, Status> {
    let mut fields = Fields::new();
    let account = fields.account(&request.account);
    if request.users.is_empty() || request.users.len() > BATCH {
        fields.violate("users", format!("must be 1 to {BATCH} users"));
    }
    let mut users = Vec::with_capacity(request.users.len());
    let mut seen = BTreeSet::new();
    for (n, text) in request.users.iter().enumerate() {
        let field = format!("users[{n}]");
        let user = fields.take(&field, text.parse::<UserId>());
        if user.is_some_and(|user| !seen.insert(user)) {
            fields.violate(&field, "must not be named twice");
        }
        users.extend(user);
    }
    let command = account.map(|account| batch_remove_members::Command { account, users });
    fields.finish(command)
}

pub(super) fn pair(account: &str, user: &str) -> Result<(AccountId, UserId), Status> {
    let mut fields = Fields::new();
    let account = fields.account(account);
    let user = fields.take("user", user.parse::<UserId>());
    fields.finish(account.zip(user))
}

pub(super) fn update_command(request: &pb::UpdateMemberRequest) -> Result<update_member::Command, Status> {
    let mut fields = Fields::new();
    let account = fields.account(&request.account);
    let user = fields.take("user", request.user.parse::<UserId>());
    let expires_at = fields.time("expire_time", request.expire_time);
    let command = (|| {
        Some(update_member::Command {
            account: account?,
            user: user?,
            expires_at: expires_at?,
        })
    })();
    fields.finish(command)
}

pub(super) fn remove_command(request: &pb::RemoveMemberRequest) -> Result<remove_member::Command, Status> {
    let mut fields = Fields::new();
    let account = fields.account(&request.account);
    let user = fields.take("user", request.user.parse::<UserId>());
    let scope = fields.optional_scope("scope", &request.scope, account);
    let command = (|| {
        Some(remove_member::Command {
            account: account?,
            user: user?,
            scope: scope?,
        })
    })();
    fields.finish(command)
}

pub(super) fn delete_command(request: &pb::DeleteMemberRequest) -> Result<delete_member::Command, Status> {
    let mut fields = Fields::new();
    let account = fields.account(&request.account);
    let user = fields.take("user", request.user.parse::<UserId>());
    let seat_ends = match request.mode() {
        pb::DeleteMode::Unspecified => {
            fields.violate("mode", "must be given");
            None
        }
        pb::DeleteMode::Replace => Some(false),
        pb::DeleteMode::Delete => Some(true),
    };
    let command = (|| {
        Some(delete_member::Command {
            account: account?,
            user: user?,
            seat_ends: seat_ends?,
        })
    })();
    fields.finish(command)
}
