//! The changes of the service as messages of the feed.

use bailiwick_identity_core::{change::Change, service_account::RoleName, user::UserState};
use bailiwick_proto::events::v1 as pb;
use bailiwick_types::Subject;

/// A change as bytes.
pub(crate) fn encode(change: Change) -> Vec<u8> {
    bailiwick_feed::encode(event(change))
}

/// A change as a message.
pub(crate) fn event(change: Change) -> pb::change::Change {
    match change {
        Change::User(user) => pb::change::Change::UserChanged(pb::UserChanged {
            user: user.id.to_string(),
            version: user.version,
            state: match user.state {
                UserState::Active => pb::UserState::Active,
                UserState::Disabled => pb::UserState::Disabled,
            }
            .into(),
            email: user.email.as_str().to_owned(),
            email_verified: user.email_verified,
            display_name: user.display_name.as_str().to_owned(),
            operator: user.operator,
        }),
        Change::UserDeleted { user, version } => pb::change::Change::UserChanged(pb::UserChanged {
            user: user.to_string(),
            version,
            state: pb::UserState::Deleted.into(),
            ..Default::default()
        }),
        Change::ServiceAccount(account) => {
            pb::change::Change::ServiceAccountChanged(pb::ServiceAccountChanged {
                service_account: account.id.to_string(),
                version: account.version,
                enabled: account.enabled,
                scope: account.scope.to_string(),
                role: account.role.as_ref().map_or("", RoleName::as_str).to_owned(),
                creator: account.creator.as_ref().map_or("", Subject::as_str).to_owned(),
            })
        }
        Change::SessionRevoked { session, user } => pb::change::Change::SessionRevoked(pb::SessionRevoked {
            session: session.to_string(),
            user: user.to_string(),
        }),
        Change::TokenRevoked { token } => {
            pb::change::Change::AccessTokenRevoked(pb::AccessTokenRevoked { token_id: token })
        }
        Change::ApiKeyEnded { key, user } => pb::change::Change::ApiKeyEnded(pb::ApiKeyEnded {
            api_key: key.to_string(),
            user: user.to_string(),
        }),
        Change::Audited {
            actor,
            action,
            target,
            account,
        } => bailiwick_feed::audited(pb::Audited {
            actor,
            action: action.to_owned(),
            target,
            account: account.map(|account| account.to_string()).unwrap_or_default(),
            ..pb::Audited::default()
        }),
    }
}
