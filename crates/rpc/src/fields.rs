//! The one parser of requests: every violation of a request at once.

use std::{fmt, str::FromStr};

use bailiwick_types::{
    AccountId, Level, PageRequest, PageSize, Scope, Subject, Timestamp, UserId, Violations,
};
use prost_types::FieldMask;
use serde::{Serialize, de::DeserializeOwned};
use tonic::Status;

use crate::{IntoStatus, page};

/// The rule for a field that must have a value.
const REQUIRED: &str = "must not be empty";

/// Reads the fields of a request and collects what breaks a rule.
///
/// ```
/// # use bailiwick_rpc::Fields;
/// # use bailiwick_types::AccountId;
/// let mut fields = Fields::new();
/// let account = fields.account("no account");
/// let title = fields.text("title", "", 200);
/// let status = fields.finish(account.zip(title)).unwrap_err();
/// assert_eq!(status.code(), tonic::Code::InvalidArgument);
/// ```
#[derive(Debug, Default)]
pub struct Fields(Violations);

impl Fields {
    /// Starts without violations.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }
    /// Notes that a field breaks a rule.
    pub fn violate(&mut self, field: &str, rule: impl Into<String>) {
        self.0.add(field, rule);
    }
    /// Keeps the value of a parse, or notes its error for the field.
    pub fn take<T, E: fmt::Display>(&mut self, field: &str, parsed: Result<T, E>) -> Option<T> {
        self.0.take(field, parsed)
    }
    /// Reads a field that must have a value.
    pub fn required<T: FromStr<Err: fmt::Display>>(&mut self, field: &str, text: &str) -> Option<T> {
        if text.is_empty() {
            self.violate(field, REQUIRED);
            return None;
        }
        self.take(field, text.parse())
    }
    /// Reads a field that may be empty: the inner option is empty where the field is.
    pub fn optional<T: FromStr<Err: fmt::Display>>(&mut self, field: &str, text: &str) -> Option<Option<T>> {
        if text.is_empty() {
            Some(None)
        } else {
            self.take(field, text.parse()).map(Some)
        }
    }
    /// Reads the field `account`.
    pub fn account(&mut self, text: &str) -> Option<AccountId> {
        self.take("account", text.parse())
    }
    /// Reads `user:ID`.
    pub fn user_subject(&mut self, field: &str, text: &str) -> Option<UserId> {
        let user = text.parse::<Subject>().ok().and_then(|subject| subject.user_id());
        if user.is_none() {
            self.violate(field, "must be `user:ID`");
        }
        user
    }
    /// Reads a scope of the account; an empty field is the account itself.
    pub fn scope(&mut self, field: &str, text: &str, account: Option<AccountId>) -> Option<Scope> {
        if text.is_empty() {
            return account.map(Scope::Account);
        }
        let scope: Scope = self.take(field, text.parse())?;
        let fits = match &scope {
            Scope::Account(named) => account.is_none_or(|account| *named == account),
            scope => scope.level() > Level::Account,
        };
        if !fits {
            self.violate(field, "must be the account, or an instance or workspace in it");
            return None;
        }
        Some(scope)
    }
    /// Reads a scope of the account that may be absent.
    pub fn optional_scope(
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
    /// Reads a text of 1 to `most` characters.
    pub fn text(&mut self, field: &str, text: &str, most: usize) -> Option<String> {
        if text.trim().is_empty() {
            self.violate(field, REQUIRED);
            return None;
        }
        self.short(field, text, most)
    }
    /// Reads a text of at most `most` characters.
    pub fn short(&mut self, field: &str, text: &str, most: usize) -> Option<String> {
        if text.chars().count() > most {
            self.violate(field, format!("must have at most {most} characters"));
            return None;
        }
        if text.chars().any(char::is_control) {
            self.violate(field, "must not have control characters");
            return None;
        }
        Some(text.to_owned())
    }
    /// Reads an instant that may be absent.
    pub fn time(&mut self, field: &str, at: Option<prost_types::Timestamp>) -> Option<Option<Timestamp>> {
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
                self.violate(field, "must be an instant");
                None
            }
        }
    }
    /// Reads the size of a page.
    pub fn page_size(&mut self, requested: i32) -> Option<PageSize> {
        self.take("page_size", PageSize::new(requested))
    }
    /// Reads which fields a mask names; without one, those that have a value. `known` are the fields that may
    /// change, each with whether it has a value.
    pub fn mask(&mut self, mask: Option<&FieldMask>, known: &[(&str, bool)]) -> Vec<String> {
        let own = |(name, _): &(&str, bool)| (*name).to_owned();
        let paths = mask.map(|mask| mask.paths.as_slice()).unwrap_or_default();
        let named: Vec<String> = if paths.is_empty() {
            known.iter().filter(|(_, set)| *set).map(own).collect()
        } else if paths == ["*"] {
            known.iter().map(own).collect()
        } else {
            paths.to_vec()
        };
        if named.is_empty() {
            self.violate("changes", "must have something to change");
        }
        let names: Vec<_> = known.iter().map(|(name, _)| format!("`{name}`")).collect();
        let unknown = |path: &&String| known.iter().all(|(name, _)| name != path);
        for path in named.iter().filter(unknown) {
            let rule = format!("may name {}; `{path}` is none of them", names.join(" and "));
            self.violate("update_mask", rule);
        }
        named
    }
    /// Reads a message inside of the request: the names of its fields begin with `prefix`.
    pub fn within<T>(&mut self, prefix: impl fmt::Display, read: impl FnOnce(&mut Self) -> T) -> T {
        let mut inner = Self::new();
        let value = read(&mut inner);
        for violation in inner.0.as_slice() {
            self.violate(&format!("{prefix}{}", violation.field), &*violation.rule);
        }
        value
    }
    /// Finishes with what `read` makes of the values; it makes nothing where one is missing.
    ///
    /// # Errors
    /// As [`Fields::finish`].
    pub fn finish_with<T>(self, read: impl FnOnce() -> Option<T>) -> Result<T, Status> {
        self.finish(read())
    }
    /// The parsed request, or everything that is wrong with it. What could not be parsed has left a
    /// violation.
    ///
    /// # Errors
    /// `INVALID_ARGUMENT` with all violations.
    pub fn finish<T>(self, parsed: Option<T>) -> Result<T, Status> {
        self.0.check().map_err(IntoStatus::into_status)?;
        parsed.ok_or_else(|| Violations::of("request", "is incomplete").into_status())
    }
}

/// How a list is paged, and how its next page is named.
#[derive(Debug)]
pub struct Paging<K> {
    /// Size of the page and the key of the last row before it.
    pub page: PageRequest<K>,
    list: Vec<String>,
}

impl<K: Serialize + DeserializeOwned> Paging<K> {
    /// Reads the page token of a list. `list` names it with the parameters that decide what is in it: a token
    /// of another list is refused.
    ///
    /// # Errors
    /// `INVALID_ARGUMENT` where the token is not one of this list.
    pub fn new(list: &[&str], size: PageSize, token: &str) -> Result<Self, Status> {
        let after = page::decode::<K>(list, token).map_err(IntoStatus::into_status)?;
        Ok(Self {
            page: PageRequest { size, after },
            list: list.iter().map(|part| (*part).to_owned()).collect(),
        })
    }
    /// The token of the page after the row with this key; empty where there is none.
    #[must_use]
    pub fn next_token(&self, last: Option<&K>) -> String {
        let list: Vec<&str> = self.list.iter().map(String::as_str).collect();
        last.map(|key| page::encode(&list, key)).unwrap_or_default()
    }
    /// The rows of the page out of `rows`, which were read one row too far, and the token of the next page.
    pub fn cut<T>(&self, mut rows: Vec<T>, key: impl FnOnce(&T) -> K) -> (Vec<T>, String) {
        let size = self.page.size.rows();
        let more = rows.len() > size;
        rows.truncate(size);
        let last = rows.last().filter(|_| more).map(key);
        let token = self.next_token(last.as_ref());
        (rows, token)
    }
    /// How many rows to read: one more than the page has.
    #[must_use]
    pub fn limit(&self) -> u64 {
        self.page.size.get() + 1
    }
}
