//! From messages to commands, with all violations at once, and from what was made to messages.

use bailiwick_identity_core::{
    email::Email,
    password::Password,
    request::RequestId,
    service_account::{RoleName, ServiceAccount, ServiceScope},
    title::{DisplayName, Title},
    use_case::{
        Tokens, batch_get_users, create_service_account, create_user, issue_token, list_users, refresh,
        sign_in,
    },
    user::{User, UserState},
};
use bailiwick_proto::identity::v1 as pb;
use bailiwick_rpc::{IntoStatus, page, wire::timestamp};
use bailiwick_types::{
    AccountId, PageRequest, PageSize, ServiceAccountId, Subject, Token, UserId, Violations,
};
use secrecy::{ExposeSecret, SecretString};
use tonic::Status;

const MISSING: &str = "is required";

/// Reads a field that must be there.
pub(super) fn field<T, E: std::fmt::Display>(
    violations: &mut Violations,
    name: &str,
    text: &str,
    parse: impl FnOnce(&str) -> Result<T, E>,
) -> Option<T> {
    if text.is_empty() {
        violations.add(name, MISSING);
        return None;
    }
    violations.take(name, parse(text))
}

/// Reads a field that may be empty.
fn optional<T, E: std::fmt::Display>(
    violations: &mut Violations,
    name: &str,
    text: &str,
    parse: impl FnOnce(&str) -> Result<T, E>,
) -> Option<T> {
    if text.is_empty() {
        None
    } else {
        violations.take(name, parse(text))
    }
}

/// Reads the one field of a request.
pub(super) fn only<T, E: std::fmt::Display>(
    name: &str,
    text: &str,
    parse: impl FnOnce(&str) -> Result<T, E>,
) -> Result<T, Status> {
    let mut violations = Violations::new();
    let value = field(&mut violations, name, text, parse);
    done(violations, value)
}

/// Reads a password that is tried. It need not be one that could be set now.
pub(super) fn tried_password(violations: &mut Violations, name: &str, text: String) -> Option<SecretString> {
    let secret = SecretString::from(text);
    let long = secret.expose_secret().chars().count() > 256;
    if secret.expose_secret().is_empty() {
        violations.add(name, MISSING);
        None
    } else if long {
        violations.add(name, "must have at most 256 characters");
        None
    } else {
        Some(secret)
    }
}

/// The value, where there was no violation. Whatever is absent has one.
pub(super) fn done<T>(violations: Violations, value: Option<T>) -> Result<T, Status> {
    match value {
        Some(value) if violations.is_empty() => Ok(value),
        _ => Err(violations.into_status()),
    }
}

fn request_id(violations: &mut Violations, text: &str) -> Option<RequestId> {
    optional(violations, "request_id", text, str::parse)
}

pub(super) fn create_user(message: pb::CreateUserRequest) -> Result<create_user::Command, Status> {
    let mut violations = Violations::new();
    let email = field(&mut violations, "email", &message.email, str::parse::<Email>);
    let display_name = violations.take("display_name", DisplayName::parse(&message.display_name));
    let password = SecretString::from(message.password);
    let password = if password.expose_secret().is_empty() {
        None
    } else {
        violations.take("password", Password::parse(password))
    };
    let request_id = request_id(&mut violations, &message.request_id);
    let command = email
        .zip(display_name)
        .map(|(email, display_name)| create_user::Command {
            email,
            display_name,
            password,
            email_verified: message.email_verified,
            request_id,
        });
    done(violations, command)
}

pub(super) fn batch_get_users(message: &pb::BatchGetUsersRequest) -> Result<Vec<UserId>, Status> {
    let mut violations = Violations::new();
    if message.users.is_empty() {
        violations.add("users", "must not be empty");
    }
    if message.users.len() > batch_get_users::MAX {
        violations.add("users", format!("must have at most {} ids", batch_get_users::MAX));
        return done(violations, None);
    }
    let ids: Vec<UserId> = message
        .users
        .iter()
        .enumerate()
        .filter_map(|(n, id)| violations.take(&format!("users[{n}]"), id.parse()))
        .collect();
    done(violations, Some(ids))
}

/// What a list of users is bound to.
pub(super) fn user_list(email: &str) -> [&str; 2] {
    ["ListUsers", email]
}

pub(super) fn list_users(message: &pb::ListUsersRequest) -> Result<list_users::Command, Status> {
    let mut violations = Violations::new();
    let size = violations.take("page_size", PageSize::new(message.page_size));
    let email = optional(&mut violations, "email", &message.email, str::parse::<Email>);
    let command = size.map(|size| list_users::Command {
        size,
        after: None,
        email: email.map(|email| email.key()),
    });
    let command = done(violations, command)?;
    let after = page::decode::<UserId>(&user_list(&message.email), &message.page_token);
    Ok(list_users::Command {
        after: after.map_err(IntoStatus::into_status)?,
        ..command
    })
}

/// What a list of service accounts is bound to.
pub(super) const SERVICE_ACCOUNT_LIST: [&str; 1] = ["ListServiceAccounts"];

pub(super) fn list_service_accounts(
    message: &pb::ListServiceAccountsRequest,
) -> Result<PageRequest<ServiceAccountId>, Status> {
    let mut violations = Violations::new();
    let size = violations.take("page_size", PageSize::new(message.page_size));
    let size = done(violations, size)?;
    let after = page::decode(&SERVICE_ACCOUNT_LIST, &message.page_token);
    Ok(PageRequest {
        size,
        after: after.map_err(IntoStatus::into_status)?,
    })
}

pub(super) fn sign_in(message: pb::SignInRequest, token: Token) -> Result<sign_in::Command, Status> {
    let mut violations = Violations::new();
    let email = field(&mut violations, "email", &message.email, str::parse::<Email>);
    let password = tried_password(&mut violations, "password", message.password);
    let account = optional(
        &mut violations,
        "account",
        &message.account,
        str::parse::<AccountId>,
    );
    let command = email.zip(password).map(|(email, password)| sign_in::Command {
        email,
        password,
        account,
        token,
    });
    done(violations, command)
}

pub(super) fn refresh(message: pb::RefreshRequest, token: Token) -> Result<refresh::Command, Status> {
    let refresh_token = secret("refresh_token", message.refresh_token)?;
    Ok(refresh::Command { refresh_token, token })
}

fn secret(name: &str, text: String) -> Result<SecretString, Status> {
    let mut violations = Violations::new();
    let secret = tried_password(&mut violations, name, text);
    done(violations, secret)
}

pub(super) fn reauthenticate(message: pb::ReauthenticateRequest) -> Result<SecretString, Status> {
    secret("password", message.password)
}

pub(super) fn create_service_account(
    message: &pb::CreateServiceAccountRequest,
) -> Result<create_service_account::Command, Status> {
    let mut violations = Violations::new();
    let title = field(&mut violations, "title", &message.title, Title::parse);
    let scope = field(
        &mut violations,
        "scope",
        &message.scope,
        str::parse::<ServiceScope>,
    );
    let role = optional(&mut violations, "role", &message.role, str::parse::<RoleName>);
    let request_id = request_id(&mut violations, &message.request_id);
    let command = title
        .zip(scope)
        .map(|(title, scope)| create_service_account::Command {
            title,
            scope,
            role,
            request_id,
        });
    done(violations, command)
}

pub(super) fn issue_token(message: pb::IssueTokenRequest) -> Result<issue_token::Command, Status> {
    let mut violations = Violations::new();
    let client_id = field(&mut violations, "client_id", &message.client_id, |id| {
        if id.len() > 256 {
            Err("must have at most 256 characters")
        } else {
            Ok(id.to_owned())
        }
    });
    let client_secret = tried_password(&mut violations, "client_secret", message.client_secret);
    let command = client_id
        .zip(client_secret)
        .map(|(client_id, client_secret)| issue_token::Command {
            client_id,
            client_secret,
        });
    done(violations, command)
}

/// A consistency token as text.
pub(super) fn token(token: &Token) -> String {
    bailiwick_rpc::token::encode(token)
}

/// A user as a message.
pub(super) fn user(user: &User) -> pb::User {
    pb::User {
        user: user.id.to_string(),
        email: user.email.as_str().to_owned(),
        email_verified: user.email_verified,
        display_name: user.display_name.as_str().to_owned(),
        state: match user.state {
            UserState::Active => pb::UserState::Active,
            UserState::Disabled => pb::UserState::Disabled,
        }
        .into(),
        operator: user.operator,
        create_time: Some(timestamp(user.created)),
        version: user.version,
    }
}

/// A service account as a message.
pub(super) fn service_account(account: &ServiceAccount) -> pb::ServiceAccount {
    pb::ServiceAccount {
        service_account: account.id.to_string(),
        title: account.title.as_str().to_owned(),
        scope: account.scope.to_string(),
        role: account.role.as_ref().map_or("", RoleName::as_str).to_owned(),
        enabled: account.enabled,
        create_time: Some(timestamp(account.created)),
        creator: account.creator.as_ref().map_or("", Subject::as_str).to_owned(),
    }
}

/// A pair of tokens as a message.
pub(super) fn tokens(tokens: &Tokens) -> pb::TokenPair {
    pb::TokenPair {
        access_token: tokens.access.text.expose_secret().to_owned(),
        refresh_token: tokens.refresh.expose_secret().to_owned(),
        access_expire_time: Some(timestamp(tokens.access.expires)),
        session_expire_time: Some(timestamp(tokens.session_expires)),
    }
}
