//! The rows of the tables.

use bailiwick_identity_core::secret::Digest;
use bailiwick_sql::Error;
use sea_orm::DeriveValueType;

/// A text that is redacted in `Debug` output: the hash of a password, a private key.
#[derive(Clone, PartialEq, Eq, DeriveValueType)]
pub struct Hidden(pub String);

impl std::fmt::Debug for Hidden {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("[redacted]")
    }
}

/// A digest from a column.
pub(super) fn digest(table: &'static str, column: &'static str, bytes: Vec<u8>) -> Result<Digest, Error> {
    let bytes: Result<[u8; 32], _> = bytes.try_into();
    let bytes = bytes.map_err(|_| Error::corrupt(table, column, "?", "is not a SHA-256 digest"))?;
    Ok(Digest::from_bytes(bytes))
}

bailiwick_sql::tables! {
    "user_profile" user_profile (id: Uuid) {
        email: String,
        email_key: String,
        email_verified: bool,
        display_name: String,
        locale: String,
        state: i16,
        operator: bool,
        password: Option<super::Hidden>,
        created_at: i64,
        version: i64,
    }
    "deleted_user" deleted_user (id: Uuid) {
        version: i64,
        deleted_at: i64,
    }
    "ended_session" ended_session (id: Uuid) {
        ended_at: i64,
    }
    "user_closing" user_closing (user_id: Uuid) {
        access: i16,
        version: i64,
        actor: String,
        created_at: i64,
    }
    "session" session (id: Uuid) {
        user_id: Uuid,
        account_id: Option<Uuid>,
        created_at: i64,
        expires_at: i64,
        ended_at: Option<i64>,
        refreshed_at: Option<i64>,
        proof: i16,
        user_agent: String,
        network: String,
    }
    "refresh_token" refresh_token (digest: Vec<u8>) {
        session_id: Uuid,
        created_at: i64,
        expires_at: i64,
        used_at: Option<i64>,
        parent: Option<Vec<u8>>,
        access_token: Option<String>,
    }
    "revoked_token" revoked_token (token: String) {
        expires_at: i64,
    }
    "step_up" step_up (session_id: Uuid, method: String) {
        made_at: Option<i64>,
        consumed_at: Option<i64>,
        request: Option<Vec<u8>>,
    }
    "totp" totp (user_id: Uuid) {
        secret: super::Hidden,
        created_at: i64,
        confirmed_at: Option<i64>,
        last_step: i64,
        failures: i32,
    }
    "recovery_code" recovery_code (digest: Vec<u8>) {
        user_id: Uuid,
    }
    "sign_in_challenge" sign_in_challenge (digest: Vec<u8>) {
        user_id: Uuid,
        password: Vec<u8>,
        account_id: Option<Uuid>,
        user_agent: String,
        network: String,
        device: Option<Vec<u8>>,
        expires_at: i64,
        failures: i32,
    }
    "service_account" service_account (id: Uuid) {
        title: String,
        scope: String,
        role: Option<String>,
        enabled: bool,
        secret: Vec<u8>,
        created_at: i64,
        version: i64,
        creator: Option<String>,
        new_secret: Option<Vec<u8>>,
        old_secret_ends_at: Option<i64>,
        deleted_at: Option<i64>,
    }
    "service_closing" service_closing (service_id: Uuid) {
        version: i64,
        actor: String,
        created_at: i64,
        deletes: bool,
    }
    "api_key" api_key (id: Uuid) {
        user_id: Uuid,
        account_id: Uuid,
        title: String,
        scope: String,
        permissions: String,
        networks: String,
        pepper: String,
        digest: Vec<u8>,
        created_at: i64,
        expires_at: i64,
        revoked_at: Option<i64>,
        last_used_at: Option<i64>,
        renewed_by: Option<Uuid>,
    }
    "signing_key" signing_key (kid: String) {
        public: String,
        private: super::Hidden,
        active_from: i64,
        created_at: i64,
    }
    "answered_request" answered_request (request: Vec<u8>) {
        content: Vec<u8>,
        made: String,
        recorded_at: i64,
    }
    "sign_in_counter" sign_in_counter (counter: Vec<u8>) {
        address: Option<Vec<u8>>,
        taken: i32,
        ends_at: i64,
    }
    "sign_in_address" sign_in_address (address: Vec<u8>) {
        user_id: Option<Uuid>,
        taken: i32,
        ends_at: i64,
        failures: i32,
        locked_at: Option<i64>,
    }
    "known_device" known_device (digest: Vec<u8>) {
        user_id: Uuid,
        returned: bool,
        created_at: i64,
        expires_at: i64,
    }
    "mail" mail (id: Uuid) {
        kind: i16,
        sealed: super::Hidden,
        ready: bool,
        created_at: i64,
        due_at: i64,
        last_try_at: i64,
        attempts: i32,
        recipient: Option<Vec<u8>>,
    }
    "one_time_secret" one_time_secret (digest: Vec<u8>) {
        user_id: Uuid,
        purpose: i16,
        address: String,
        created_at: i64,
        expires_at: i64,
    }
}
