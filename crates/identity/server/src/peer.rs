//! The client of authorization.

use async_trait::async_trait;
use bailiwick_identity_core::peer::{
    CloseError, Closer, Members, PeerError, RoleError, ServiceRole, ServiceRoles, UnknownRole,
};
use bailiwick_proto::authorization::v1::{
    CheckServiceRoleRequest, CloseServiceAccountRequest, CloseUserRequest, LookUpMemberRequest,
    access_service_client::AccessServiceClient, member_service_client::MemberServiceClient,
};
use bailiwick_rpc::{Peer, token};
use bailiwick_sql::Db;
use bailiwick_types::{AccountId, Email, Refused, ServiceAccountId, Token, UserId};
use tonic::Status;

/// Authorization as a peer.
#[derive(Debug, Clone)]
pub struct Authorization {
    members: MemberServiceClient<Peer>,
    access: AccessServiceClient<Peer>,
    db: Db,
}

impl Authorization {
    /// The client of this peer, for the identity service with this database.
    #[must_use]
    pub fn new(peer: Peer, db: Db) -> Self {
        Self {
            members: MemberServiceClient::new(peer.clone()),
            access: AccessServiceClient::new(peer),
            db,
        }
    }
}

/// What is taken away from a user.
#[derive(Clone, Copy)]
enum How<'a> {
    /// Everything.
    All,
    /// The operator's role.
    Operator,
    /// Everything, and what names its address.
    Deleted(&'a Email),
}

impl Authorization {
    /// The history that the versions of this service count in.
    async fn epoch(&self) -> Result<String, PeerError> {
        let epoch = self.db.epoch().await.map_err(|error| {
            tracing::warn!(error = error.detail(), "cannot read the epoch of the feed");
            PeerError::Unavailable
        })?;
        Ok(epoch.to_string())
    }
    async fn close(&self, user: UserId, version: u64, how: How<'_>) -> Result<(), CloseError> {
        let request = CloseUserRequest {
            user: user.to_string(),
            version,
            epoch: self.epoch().await?,
            operator_only: matches!(how, How::Operator),
            deleted: matches!(how, How::Deleted(_)),
            email: match how {
                How::Deleted(address) => address.to_string(),
                How::All | How::Operator => String::new(),
            },
        };
        match self.access.clone().close_user(request).await {
            Ok(_) => Ok(()),
            Err(status) if status.code() == tonic::Code::FailedPrecondition => {
                Err(CloseError::Refused(status.message().to_owned()))
            }
            Err(status) => Err(unavailable(&status).into()),
        }
    }
}

#[async_trait]
impl Members for Authorization {
    async fn is_active(&self, account: AccountId, user: UserId, seen: &Token) -> Result<bool, PeerError> {
        let request = LookUpMemberRequest {
            account: account.to_string(),
            user: user.to_string(),
        };
        let request = token::request(request, seen);
        match self.members.clone().look_up_member(request).await {
            Ok(answer) => Ok(answer.into_inner().active),
            // An account that does not exist has no members.
            Err(status) if status.code() == tonic::Code::NotFound => Ok(false),
            Err(status) => Err(unavailable(&status)),
        }
    }
}

#[async_trait]
impl Closer for Authorization {
    async fn close_user(&self, user: UserId, version: u64) -> Result<(), CloseError> {
        self.close(user, version, How::All).await
    }
    async fn close_operator(&self, user: UserId, version: u64) -> Result<(), CloseError> {
        self.close(user, version, How::Operator).await
    }
    async fn delete_user(&self, user: UserId, version: u64, address: &Email) -> Result<(), CloseError> {
        self.close(user, version, How::Deleted(address)).await
    }
    async fn close_service_account(&self, id: ServiceAccountId, version: u64) -> Result<(), PeerError> {
        let request = CloseServiceAccountRequest {
            service_account: id.to_string(),
            version,
            epoch: self.epoch().await?,
        };
        let closed = self.access.clone().close_service_account(request).await;
        closed.map(drop).map_err(|status| unavailable(&status))
    }
}

#[async_trait]
impl ServiceRoles for Authorization {
    async fn ensure(&self, asked: ServiceRole<'_>, token: &Token) -> Result<(), RoleError> {
        let role = asked.role.unwrap_or_default();
        let request = CheckServiceRoleRequest {
            maker: asked.maker.to_string(),
            scope: asked.scope.to_string(),
            role: role.to_owned(),
            operator_allowed: asked.operator_allowed,
        };
        let request = token::request(request, token);
        let answer = self.access.clone().check_service_role(request).await;
        let answer = answer.map_err(|status| match status.code() {
            tonic::Code::PermissionDenied => RoleError::Refused(Refused::Denied),
            tonic::Code::NotFound => RoleError::Refused(Refused::NotFound("scope")),
            tonic::Code::FailedPrecondition => RoleError::NotActive(status.message().to_owned()),
            _ => unavailable(&status).into(),
        })?;
        let answer = answer.into_inner();
        if answer.fits {
            Ok(())
        } else {
            Err(UnknownRole::new(role, asked.scope, &answer.available).into())
        }
    }
}

fn unavailable(status: &Status) -> PeerError {
    let code = status.code();
    // The channel counts and logs what it does not reach.
    tracing::debug!(?code, error = status.message(), "authorization gave no answer");
    PeerError::Unavailable
}
