//! From requests to domain values, with all violations at once.

use bailiwick_rpc::{Context, IntoStatus, page};
use bailiwick_tenancy_core::{
    Title,
    listing::{Key, Order, Query},
    request::RequestKey,
};
use bailiwick_types::{AccountId, InstanceId, PageRequest, PageSize, Scope, Violations, WorkspaceId};
use prost::Message;
use prost_types::FieldMask;
use sha2::{Digest, Sha256};
use tonic::Status;
use uuid::Uuid;

/// Longer texts are not searched for.
const SEARCH_MAX: usize = Title::MAX;

/// Reads a request's fields, and remembers what breaks a rule.
#[derive(Default)]
pub(super) struct Fields(Violations);

impl Fields {
    pub(super) fn new() -> Self {
        Self::default()
    }
    pub(super) fn bad(&mut self, field: &str, rule: impl Into<String>) {
        self.0.add(field, rule);
    }
    pub(super) fn account(&mut self, text: &str) -> Option<AccountId> {
        self.0.take("account", text.parse())
    }
    pub(super) fn instance(&mut self, text: &str) -> Option<InstanceId> {
        self.0.take("instance", text.parse())
    }
    pub(super) fn workspace(&mut self, text: &str) -> Option<WorkspaceId> {
        self.0.take("workspace", text.parse())
    }
    pub(super) fn title(&mut self, field: &str, text: &str) -> Option<Title> {
        self.0.take(field, Title::try_from(text.to_owned()))
    }
    /// A value of any kind.
    pub(super) fn take<T, E: std::fmt::Display>(&mut self, field: &str, parsed: Result<T, E>) -> Option<T> {
        self.0.take(field, parsed)
    }
    /// The scope above a workspace: nothing where the field is empty, none where it is the account itself.
    pub(super) fn parent(&mut self, account: Option<AccountId>, text: &str) -> Option<Option<InstanceId>> {
        if text.is_empty() {
            return None;
        }
        match text.parse() {
            Ok(Scope::Account(named)) if account.is_none_or(|account| account == named) => Some(None),
            Ok(Scope::Instance(id)) => Some(Some(id)),
            _ => {
                self.bad("parent", "must be `account:ID` of the account or `instance:ID`");
                None
            }
        }
    }
    pub(super) fn request_id(&mut self, text: &str) -> Option<Uuid> {
        if text.is_empty() {
            return None;
        }
        self.0
            .take("request_id", Uuid::parse_str(text).map_err(|_| "must be a UUID"))
    }
    /// Which fields a mask names; without one, those that have a value.
    pub(super) fn mask(&mut self, mask: Option<&FieldMask>, known: &[(&str, bool)]) -> Vec<String> {
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
            self.bad("changes", "must have something to change");
        }
        let names: Vec<_> = known.iter().map(|(name, _)| format!("`{name}`")).collect();
        for path in named
            .iter()
            .filter(|path| known.iter().all(|(name, _)| name != path))
        {
            self.bad(
                "update_mask",
                format!("may name {}; `{path}` is none of them", names.join(" and ")),
            );
        }
        named
    }
    /// How a list is sorted, searched and paged; `list` are the other parameters that decide what is on it.
    pub(super) fn listing(
        &mut self,
        list: &[&str],
        (order_by, search, page_size, page_token): (&str, &str, i32, &str),
    ) -> Result<Listing, Status> {
        let order: Option<Order> = self.take("order_by", order_by.parse());
        let size = self.take("page_size", PageSize::new(page_size));
        if search.chars().any(char::is_control) || search.chars().count() > SEARCH_MAX {
            self.bad(
                "search",
                "must have at most 200 characters, none of them a control character",
            );
        }
        let order = order.unwrap_or_default();
        let direction = format!("{:?}{}", order.field, if order.descending { " desc" } else { "" });
        let bound: Vec<String> = list
            .iter()
            .map(|part| (*part).to_owned())
            .chain([direction, search.to_owned()])
            .collect();
        std::mem::take(self).finish()?;
        let parts: Vec<&str> = bound.iter().map(String::as_str).collect();
        let after = page::decode::<Key>(&parts, page_token).map_err(IntoStatus::into_status)?;
        let size = size
            .map_or_else(|| PageSize::new(0), Ok)
            .map_err(|rule| Violations::of("page_size", rule).into_status())?;
        Ok(Listing {
            query: Query {
                search: (!search.is_empty()).then(|| search.to_owned()),
                order,
            },
            page: PageRequest { size, after },
            bound,
        })
    }
    /// All violations, where there are some.
    pub(super) fn finish(self) -> Result<(), Status> {
        self.0.check().map_err(IntoStatus::into_status)
    }
    /// The same where parts of a command are there only when nothing is wrong.
    pub(super) fn with<T>(self, command: Option<T>) -> Result<T, Status> {
        match (self.0.check(), command) {
            (Ok(()), Some(command)) => Ok(command),
            (Err(violations), _) => Err(violations.into_status()),
            (Ok(()), None) => Err(Violations::of("request", "is not complete").into_status()),
        }
    }
}

/// How a list is to be read.
pub(super) struct Listing {
    pub(super) query: Query,
    pub(super) page: PageRequest<Key>,
    bound: Vec<String>,
}

impl Listing {
    /// The token of the next page.
    pub(super) fn next(&self, key: Option<&Key>) -> String {
        let parts: Vec<&str> = self.bound.iter().map(String::as_str).collect();
        key.map(|key| page::encode(&parts, key)).unwrap_or_default()
    }
}

/// The key of a request that may be repeated: `message` is the request without its id.
pub(super) fn request_key(context: &Context, id: Option<Uuid>, message: &impl Message) -> Option<RequestKey> {
    let mut hash = Sha256::new();
    hash.update(context.method.path.as_bytes());
    hash.update(message.encode_to_vec());
    let digest = hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
    RequestKey::of(&context.caller, id, digest)
}
