//! From rows to what they mean. A row that no code of ours can have written is named in the error.

use bailiwick_identity_core::{
    email::Email,
    password::PasswordHash,
    port::StoreError,
    secret::Digest,
    service_account::ServiceAccount,
    session::{RefreshToken, Session},
    signing::StoredKey,
    title::{DisplayName, Title},
    user::{Closing, User, UserState},
};
use bailiwick_types::{AccountId, ServiceAccountId, SessionId, Timestamp, UserId};
use secrecy::{ExposeSecret, SecretString};

use super::entity::{
    Hidden, refresh_token, service_account, session, signing_key, user_closing, user_profile,
};

const ACTIVE: i16 = 1;
const DISABLED: i16 = 2;

pub(super) fn state_code(state: UserState) -> i16 {
    match state {
        UserState::Active => ACTIVE,
        UserState::Disabled => DISABLED,
    }
}

pub(super) fn stored(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

fn count(
    table: &'static str,
    column: &'static str,
    row: impl std::fmt::Display,
    value: i64,
) -> Result<u64, StoreError> {
    u64::try_from(value).map_err(|_| corrupt(table, column, row, "it is negative"))
}

fn corrupt(
    table: &'static str,
    column: &'static str,
    row: impl std::fmt::Display,
    problem: impl std::fmt::Display,
) -> StoreError {
    StoreError::Internal(format!("`{table}.{column}` of `{row}`: {problem}"))
}

pub(super) fn digest(
    table: &'static str,
    column: &'static str,
    bytes: Vec<u8>,
) -> Result<Digest, StoreError> {
    let bytes: [u8; 32] = bytes
        .try_into()
        .map_err(|_| corrupt(table, column, "?", "it is no SHA-256"))?;
    Ok(Digest::from_bytes(bytes))
}

impl TryFrom<user_profile::Model> for User {
    type Error = StoreError;
    fn try_from(row: user_profile::Model) -> Result<Self, StoreError> {
        const TABLE: &str = "user_profile";
        let id = UserId::from_uuid(row.id);
        Ok(Self {
            id,
            email: row
                .email
                .parse::<Email>()
                .map_err(|e| corrupt(TABLE, "email", id, e))?,
            email_verified: row.email_verified,
            display_name: DisplayName::parse(&row.display_name)
                .map_err(|e| corrupt(TABLE, "display_name", id, e))?,
            state: match row.state {
                ACTIVE => UserState::Active,
                DISABLED => UserState::Disabled,
                other => return Err(corrupt(TABLE, "state", id, other)),
            },
            operator: row.operator,
            created: Timestamp(row.created_at),
            version: count(TABLE, "version", id, row.version)?,
        })
    }
}

pub(super) fn password(row: &user_profile::Model) -> Option<PasswordHash> {
    row.password
        .as_ref()
        .map(|hash| PasswordHash::from_stored(hash.0.clone()))
}

pub(super) fn user_row(user: &User, password: Option<&PasswordHash>) -> user_profile::Model {
    user_profile::Model {
        id: user.id.uuid(),
        email: user.email.as_str().to_owned(),
        email_key: user.email.key().as_str().to_owned(),
        email_verified: user.email_verified,
        display_name: user.display_name.as_str().to_owned(),
        state: state_code(user.state),
        operator: user.operator,
        password: password.map(|hash| Hidden(hash.expose().to_owned())),
        created_at: user.created.0,
        version: stored(user.version),
    }
}

impl TryFrom<user_closing::Model> for Closing {
    type Error = StoreError;
    fn try_from(row: user_closing::Model) -> Result<Self, StoreError> {
        let user = UserId::from_uuid(row.user_id);
        Ok(Self {
            user,
            version: count("user_closing", "version", user, row.version)?,
            actor: row.actor,
            created: Timestamp(row.created_at),
        })
    }
}

impl From<session::Model> for Session {
    fn from(row: session::Model) -> Self {
        Self {
            id: SessionId::from_uuid(row.id),
            user: UserId::from_uuid(row.user_id),
            account: row.account_id.map(AccountId::from_uuid),
            created: Timestamp(row.created_at),
            expires: Timestamp(row.expires_at),
            ended: row.ended_at.map(Timestamp),
            stepped_up: row.stepped_up_at.map(Timestamp),
        }
    }
}

pub(super) fn session_row(session: &Session) -> session::Model {
    session::Model {
        id: session.id.uuid(),
        user_id: session.user.uuid(),
        account_id: session.account.map(AccountId::uuid),
        created_at: session.created.0,
        expires_at: session.expires.0,
        ended_at: session.ended.map(|at| at.0),
        stepped_up_at: session.stepped_up.map(|at| at.0),
    }
}

impl TryFrom<refresh_token::Model> for RefreshToken {
    type Error = StoreError;
    fn try_from(row: refresh_token::Model) -> Result<Self, StoreError> {
        Ok(Self {
            digest: digest("refresh_token", "digest", row.digest)?,
            session: SessionId::from_uuid(row.session_id),
            created: Timestamp(row.created_at),
            expires: Timestamp(row.expires_at),
            used: row.used_at.map(Timestamp),
        })
    }
}

impl TryFrom<service_account::Model> for ServiceAccount {
    type Error = StoreError;
    fn try_from(row: service_account::Model) -> Result<Self, StoreError> {
        const TABLE: &str = "service_account";
        let id = ServiceAccountId::from_uuid(row.id);
        Ok(Self {
            id,
            title: Title::parse(&row.title).map_err(|e| corrupt(TABLE, "title", id, e))?,
            scope: row.scope.parse().map_err(|e| corrupt(TABLE, "scope", id, e))?,
            role: match row.role {
                Some(role) => Some(role.parse().map_err(|e| corrupt(TABLE, "role", id, e))?),
                None => None,
            },
            enabled: row.enabled,
            created: Timestamp(row.created_at),
            creator: match row.creator {
                Some(creator) => Some(creator.parse().map_err(|e| corrupt(TABLE, "creator", id, e))?),
                None => None,
            },
            version: count(TABLE, "version", id, row.version)?,
        })
    }
}

pub(super) fn service_account_row(account: &ServiceAccount, secret: &Digest) -> service_account::Model {
    service_account::Model {
        id: account.id.uuid(),
        title: account.title.as_str().to_owned(),
        scope: account.scope.to_string(),
        role: account.role.as_ref().map(|role| role.as_str().to_owned()),
        enabled: account.enabled,
        secret: secret.as_bytes().to_vec(),
        created_at: account.created.0,
        version: stored(account.version),
        creator: account.creator.as_ref().map(ToString::to_string),
    }
}

impl From<signing_key::Model> for StoredKey {
    fn from(row: signing_key::Model) -> Self {
        Self {
            kid: row.kid,
            public: row.public,
            private: SecretString::from(row.private.0),
            active_from: Timestamp(row.active_from),
            created: Timestamp(row.created_at),
        }
    }
}

pub(super) fn signing_key_row(key: &StoredKey) -> signing_key::Model {
    signing_key::Model {
        kid: key.kid.clone(),
        public: key.public.clone(),
        private: Hidden(key.private.expose_secret().to_owned()),
        active_from: key.active_from.0,
        created_at: key.created.0,
    }
}
