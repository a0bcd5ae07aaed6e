//! The first tables. Nothing here belongs to an account: users, sessions and service accounts are the
//! deployment's.

use sea_orm::DbBackend;

pub(super) fn statements(backend: DbBackend) -> Vec<String> {
    let postgres = backend == DbBackend::Postgres;
    let (uuid, bytes) = if postgres {
        ("uuid", "bytea")
    } else {
        ("blob", "blob")
    };
    vec![
        format!(
            "CREATE TABLE user_profile (id {uuid} PRIMARY KEY NOT NULL, email text NOT NULL, \
             email_key text NOT NULL, email_verified boolean NOT NULL, display_name text NOT NULL, \
             state smallint NOT NULL, operator boolean NOT NULL, password text, \
             created_at bigint NOT NULL, version bigint NOT NULL)"
        ),
        "CREATE UNIQUE INDEX ux_user_profile__email_key ON user_profile (email_key)".to_owned(),
        "CREATE INDEX ix_user_profile__operator ON user_profile (id) WHERE operator".to_owned(),
        format!(
            "CREATE TABLE user_closing (user_id {uuid} PRIMARY KEY NOT NULL REFERENCES user_profile (id), \
             access smallint NOT NULL, version bigint NOT NULL, actor text NOT NULL, \
             created_at bigint NOT NULL)"
        ),
        format!(
            "CREATE TABLE session (id {uuid} PRIMARY KEY NOT NULL, \
             user_id {uuid} NOT NULL REFERENCES user_profile (id), account_id {uuid}, \
             created_at bigint NOT NULL, expires_at bigint NOT NULL, ended_at bigint, stepped_up_at bigint)"
        ),
        "CREATE INDEX ix_session__user_id__live ON session (user_id) WHERE ended_at IS NULL".to_owned(),
        "CREATE INDEX ix_session__ended_at ON session (ended_at) WHERE ended_at IS NOT NULL".to_owned(),
        "CREATE INDEX ix_session__expires_at ON session (expires_at)".to_owned(),
        format!(
            "CREATE TABLE refresh_token (digest {bytes} PRIMARY KEY NOT NULL, \
             session_id {uuid} NOT NULL REFERENCES session (id) ON DELETE CASCADE, \
             created_at bigint NOT NULL, expires_at bigint NOT NULL, used_at bigint)"
        ),
        "CREATE INDEX ix_refresh_token__session_id ON refresh_token (session_id)".to_owned(),
        format!(
            "CREATE TABLE service_account (id {uuid} PRIMARY KEY NOT NULL, title text NOT NULL, \
             scope text NOT NULL, role text, enabled boolean NOT NULL, \
             secret {bytes} NOT NULL, created_at bigint NOT NULL, version bigint NOT NULL)"
        ),
        format!(
            "CREATE TABLE service_closing (service_id {uuid} PRIMARY KEY NOT NULL REFERENCES service_account (id), \
             version bigint NOT NULL, actor text NOT NULL, created_at bigint NOT NULL)"
        ),
        "CREATE TABLE signing_key (kid text PRIMARY KEY NOT NULL, public text NOT NULL, \
         private text NOT NULL, active_from bigint NOT NULL, created_at bigint NOT NULL)"
            .to_owned(),
        format!(
            "CREATE TABLE answered_request (request {bytes} PRIMARY KEY NOT NULL, content {bytes} NOT NULL, \
             made text NOT NULL, recorded_at bigint NOT NULL)"
        ),
        "CREATE INDEX ix_answered_request__recorded_at ON answered_request (recorded_at)".to_owned(),
        format!(
            "CREATE TABLE sign_in_counter (counter {bytes} PRIMARY KEY NOT NULL, address {bytes}, \
             taken integer NOT NULL, ends_at bigint NOT NULL)"
        ),
        "CREATE INDEX ix_sign_in_counter__address ON sign_in_counter (address) WHERE address IS NOT NULL"
            .to_owned(),
        "CREATE INDEX ix_sign_in_counter__ends_at ON sign_in_counter (ends_at)".to_owned(),
        format!(
            "CREATE TABLE sign_in_address (address {bytes} PRIMARY KEY NOT NULL, \
             user_id {uuid} REFERENCES user_profile (id), taken integer NOT NULL, ends_at bigint NOT NULL, \
             failures integer NOT NULL, locked_at bigint)"
        ),
        // Of those that may be removed.
        "CREATE INDEX ix_sign_in_address__ends_at ON sign_in_address (ends_at) \
         WHERE user_id IS NULL OR failures = 0"
            .to_owned(),
        format!(
            "CREATE TABLE known_device (digest {bytes} PRIMARY KEY NOT NULL, \
             user_id {uuid} NOT NULL REFERENCES user_profile (id), returned boolean NOT NULL, \
             created_at bigint NOT NULL, expires_at bigint NOT NULL)"
        ),
        "CREATE INDEX ix_known_device__user_id ON known_device (user_id)".to_owned(),
        "CREATE INDEX ix_known_device__expires_at ON known_device (expires_at)".to_owned(),
    ]
}
