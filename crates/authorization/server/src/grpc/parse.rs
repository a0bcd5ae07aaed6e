//! From the words of the protos to those of the domain: all faults of a request at once.

use std::str::FromStr;

use bailiwick_authorization_core::resource::Name;
use bailiwick_rpc::IntoStatus;
use bailiwick_types::{AccountId, Level, PageSize, Scope, Subject, Timestamp, UserId, Violations};
use tonic::Status;

/// Collects what is wrong with a request.
#[derive(Debug, Default)]
pub(super) struct Fields(Violations);

impl Fields {
    pub(super) fn new() -> Self {
        Self::default()
    }
    pub(super) fn bad(&mut self, field: &str, rule: &str) {
        self.0.add(field, rule);
    }
    pub(super) fn take<T: FromStr<Err: std::fmt::Display>>(&mut self, field: &str, text: &str) -> Option<T> {
        self.0.take(field, text.parse())
    }
    pub(super) fn account(&mut self, text: &str) -> Option<AccountId> {
        self.take("account", text)
    }
    pub(super) fn user(&mut self, field: &str, text: &str) -> Option<UserId> {
        self.take(field, text)
    }
    /// `user:ID`.
    pub(super) fn user_subject(&mut self, field: &str, text: &str) -> Option<UserId> {
        let user = text.parse::<Subject>().ok().and_then(|subject| subject.user_id());
        if user.is_none() {
            self.bad(field, "must be `user:ID`");
        }
        user
    }
    /// A scope of the account; the account itself where nothing is written.
    pub(super) fn scope(&mut self, field: &str, text: &str, account: Option<AccountId>) -> Option<Scope> {
        if text.is_empty() {
            return account.map(Scope::Account);
        }
        let scope: Scope = self.take(field, text)?;
        let fits = match &scope {
            Scope::Account(of) => account.is_none_or(|account| *of == account),
            scope => scope.level() > Level::Account,
        };
        if !fits {
            self.bad(field, "must be the account, or an instance or workspace in it");
            return None;
        }
        Some(scope)
    }
    /// A scope, where one is written.
    pub(super) fn some_scope(
        &mut self,
        field: &str,
        text: &str,
        account: Option<AccountId>,
    ) -> Option<Option<Scope>> {
        if text.is_empty() {
            Some(None)
        } else {
            self.scope(field, text, account).map(Some)
        }
    }
    pub(super) fn resource(&mut self, field: &str, text: &str) -> Option<Name> {
        self.take(field, text)
    }
    /// A resource, where one is written.
    pub(super) fn some_resource(&mut self, field: &str, text: &str) -> Option<Option<Name>> {
        if text.is_empty() {
            Some(None)
        } else {
            self.resource(field, text).map(Some)
        }
    }
    /// A text of 1 to `most` characters.
    pub(super) fn text(&mut self, field: &str, text: &str, most: usize) -> Option<String> {
        if text.trim().is_empty() {
            self.bad(field, "must not be empty");
            return None;
        }
        self.short(field, text, most)
    }
    /// A text of at most `most` characters.
    pub(super) fn short(&mut self, field: &str, text: &str, most: usize) -> Option<String> {
        if text.chars().count() > most {
            self.bad(field, &format!("must have at most {most} characters"));
            return None;
        }
        if text.chars().any(char::is_control) {
            self.bad(field, "must not have control characters");
            return None;
        }
        Some(text.to_owned())
    }
    /// An instant, where one is given.
    pub(super) fn time(
        &mut self,
        field: &str,
        at: Option<prost_types::Timestamp>,
    ) -> Option<Option<Timestamp>> {
        let Some(at) = at else { return Some(None) };
        let micros = at
            .seconds
            .checked_mul(1_000_000)
            .filter(|_| (0..1_000_000_000).contains(&at.nanos));
        match micros {
            Some(micros) => Some(Some(Timestamp(
                micros.saturating_add(i64::from(at.nanos / 1_000)),
            ))),
            None => {
                self.bad(field, "must be an instant");
                None
            }
        }
    }
    pub(super) fn page_size(&mut self, requested: i32) -> Option<PageSize> {
        self.0.take("page_size", PageSize::new(requested))
    }
    /// The parsed request, or everything that is wrong with it.
    pub(super) fn with<T>(self, parsed: Option<T>) -> Result<T, Status> {
        self.0.check().map_err(IntoStatus::into_status)?;
        // Whatever is not parsed has left a violation.
        parsed.ok_or_else(|| Violations::of("", "must be readable").into_status())
    }
}

/// An e-mail address: one `@`, something on both sides, no blanks.
pub(super) fn email(fields: &mut Fields, field: &str, text: &str) -> Option<String> {
    let text = text.trim();
    let good = text.len() <= 254
        && text.split_once('@').is_some_and(|(name, domain)| {
            !name.is_empty() && !domain.is_empty() && !domain.contains('@') && !domain.starts_with('.')
        })
        && !text.chars().any(|c| c.is_whitespace() || c.is_control());
    if !good {
        fields.bad(field, "must be an e-mail address");
        return None;
    }
    Some(text.to_owned())
}
