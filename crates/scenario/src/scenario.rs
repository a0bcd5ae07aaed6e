//! A scenario that can be run: names are the file's own.

use std::{collections::BTreeSet, fmt, time::Duration};

use bailiwick_proto::authorization::v1::{AppliesTo, DeleteMode, RoleDefinition, RoleEntry};
use time::OffsetDateTime;
use tonic::Code;

use crate::fault::{Fault, Position, Unusable};

/// A scenario file.
#[derive(Debug, Clone)]
pub struct Scenario {
    pub(crate) file: String,
    pub(crate) title: String,
    pub(crate) product: String,
    pub(crate) product_at: Position,
    pub(crate) clock: Option<OffsetDateTime>,
    pub(crate) given: Given,
    pub(crate) steps: Vec<Step>,
}

impl Scenario {
    /// Name of the file.
    #[must_use]
    pub fn file(&self) -> &str {
        &self.file
    }
    /// Title; the name of the file where it has none.
    #[must_use]
    pub fn title(&self) -> &str {
        &self.title
    }
    /// Name of the product.
    #[must_use]
    pub fn product(&self) -> &str {
        &self.product
    }
    /// The file is unusable because nobody knows its product.
    #[must_use]
    pub fn unknown_product(&self) -> Unusable {
        Unusable(vec![Fault {
            file: self.file.clone(),
            at: self.product_at,
            message: format!("there is no product `{}`", self.product),
        }])
    }
    /// How many steps it has.
    #[must_use]
    pub fn steps(&self) -> usize {
        self.steps.len()
    }
}

/// What is there before the first step.
#[derive(Debug, Clone, Default)]
pub(crate) struct Given {
    pub(crate) users: Vec<User>,
    pub(crate) accounts: Vec<Account>,
    pub(crate) roles: Vec<(u64, Binding)>,
    pub(crate) resources: Vec<(u64, Resource)>,
}

#[derive(Debug, Clone)]
pub(crate) struct User {
    pub(crate) line: u64,
    pub(crate) id: String,
    pub(crate) email: String,
    pub(crate) kind: Kind,
    pub(crate) member_of: Vec<String>,
    pub(crate) expires: Option<OffsetDateTime>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Agent,
    Customer,
    Anonymous,
    Service,
}

#[derive(Debug, Clone)]
pub(crate) struct Account {
    pub(crate) line: u64,
    pub(crate) id: String,
    pub(crate) title: String,
    pub(crate) seats: u32,
    pub(crate) settings: Json,
    pub(crate) owner: Option<String>,
    pub(crate) instances: Vec<Place>,
    pub(crate) workspaces: Vec<Place>,
}

/// An instance or a workspace.
#[derive(Debug, Clone)]
pub(crate) struct Place {
    pub(crate) line: u64,
    pub(crate) id: String,
    pub(crate) title: String,
    pub(crate) edition: String,
    pub(crate) workspaces: Vec<Place>,
}

/// Values of attributes, parameters or settings, by name. `user:ID` in them stands for the id of that user.
pub(crate) type Json = serde_json::Map<String, serde_json::Value>;

/// The levels of scopes below the product.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Level {
    Account,
    Instance,
    Workspace,
}

impl Level {
    pub(crate) const ALL: [Self; 3] = [Self::Account, Self::Instance, Self::Workspace];

    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Account => "account",
            Self::Instance => "instance",
            Self::Workspace => "workspace",
        }
    }
}

/// A scope by its own name: `LEVEL:ID`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Scope {
    pub(crate) level: Level,
    pub(crate) id: String,
}

impl Scope {
    pub(crate) fn account(id: &str) -> Self {
        Self {
            level: Level::Account,
            id: id.to_owned(),
        }
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.level.as_str(), self.id)
    }
}

/// What something is asked or done on.
#[derive(Debug, Clone)]
pub(crate) enum Target {
    Scope(Scope),
    /// `TYPE:ID`.
    Resource(String),
}

/// Who gets a role.
#[derive(Debug, Clone)]
pub(crate) enum Holder {
    User(String),
    Group(String),
}

#[derive(Debug, Clone)]
pub(crate) struct Binding {
    pub(crate) holder: Holder,
    pub(crate) role: String,
    pub(crate) on: Scope,
    pub(crate) with: Option<Json>,
    pub(crate) expires: Option<OffsetDateTime>,
}

/// A resource to register. The owner is nobody where it is `Some("")`.
#[derive(Debug, Clone)]
pub(crate) struct Resource {
    pub(crate) resource: String,
    pub(crate) within: Option<Scope>,
    pub(crate) owner: Option<String>,
    pub(crate) parent: Option<String>,
    pub(crate) title: Option<String>,
    pub(crate) attributes: Option<Json>,
}

/// Permissions on a resource, on a scope with all under it, or on a type in a scope.
#[derive(Debug, Clone)]
pub(crate) struct Grant {
    pub(crate) holder: Holder,
    pub(crate) permissions: Vec<String>,
    pub(crate) on: Target,
    /// The type, where it is about one; `on` is the scope then.
    pub(crate) kind: Option<(String, AppliesTo)>,
    pub(crate) with: Option<Json>,
    pub(crate) expires: Option<OffsetDateTime>,
}

/// What is added to a role and taken from it, at one level or at all.
#[derive(Debug, Clone)]
pub(crate) struct RoleChange {
    pub(crate) account: String,
    pub(crate) role: String,
    pub(crate) level: String,
    pub(crate) add: Vec<RoleEntry>,
    pub(crate) remove: Vec<String>,
}

/// One step.
#[derive(Debug, Clone)]
pub(crate) struct Step {
    pub(crate) line: u64,
    pub(crate) actor: Option<String>,
    pub(crate) act: Act,
    pub(crate) expect: Answer,
    pub(crate) because: Option<String>,
    /// What is asked, as the file says it.
    pub(crate) text: String,
}

/// What a step does.
#[derive(Debug, Clone)]
pub(crate) enum Act {
    Check {
        user: String,
        permission: String,
        on: Target,
        attributes: Option<Json>,
        digest: String,
    },
    ListPermissions {
        user: String,
        on: Target,
    },
    ListScopes {
        user: String,
        permission: String,
    },
    ListUsers {
        on: Scope,
    },
    ListWorkspaces {
        within: Scope,
        search: String,
        order_by: String,
        page_size: i32,
    },
    CreateInstance {
        id: String,
        within: Scope,
        title: String,
        edition: String,
    },
    CreateWorkspace {
        id: String,
        within: Scope,
        title: String,
    },
    Update {
        scope: Scope,
        title: Option<String>,
    },
    Delete {
        scope: Scope,
    },
    SuspendAccount {
        account: String,
    },
    ReactivateAccount {
        account: String,
    },
    Invite {
        email: String,
        roles: Vec<String>,
        on: Scope,
    },
    Accept {
        user: String,
        email: String,
        on: Scope,
    },
    Assign(Binding),
    Revoke(Binding),
    TransferOwnership {
        scope: Scope,
        to: String,
        password: Password,
    },
    Register(Resource),
    UpdateResource(Resource),
    Unregister {
        resource: String,
    },
    Suspend {
        user: String,
        account: String,
    },
    Reactivate {
        user: String,
        account: String,
    },
    RemoveUser {
        user: String,
        from: Scope,
        membership: bool,
    },
    Settings {
        account: String,
        values: Json,
    },
    Advance(Duration),
    ListResources {
        user: String,
        permission: String,
        kind: String,
    },
    Grant(Grant),
    Ungrant(Grant),
    TransferResource {
        resource: String,
        to: String,
    },
    CreateGroup {
        group: String,
        account: String,
    },
    AddToGroup {
        group: String,
        holder: Holder,
    },
    RemoveFromGroup {
        group: String,
        holder: Holder,
    },
    DefineRole {
        account: String,
        role: RoleDefinition,
    },
    ChangeRole(RoleChange),
    PreviewRoleChange(RoleChange),
    RequestApproval {
        id: Option<String>,
        permission: String,
        on: Target,
        digest: String,
    },
    Approve {
        request: String,
    },
    Reject {
        request: String,
    },
    ConsumeApproval {
        permission: String,
        on: Target,
        digest: String,
    },
    CopyPermissions {
        from: String,
        to: String,
        kinds: Vec<String>,
    },
    SetQuota {
        user: String,
        kind: String,
        limit: u32,
    },
    DeleteUser {
        user: String,
        account: String,
        mode: DeleteMode,
    },
    Seats {
        account: String,
    },
    /// A verb whose method is declared, but has no messages yet.
    Later {
        method: &'static str,
        writes: bool,
    },
}

impl Act {
    /// Whether it changes something.
    pub(crate) fn writes(&self) -> bool {
        match self {
            Self::Check { .. }
            | Self::ListPermissions { .. }
            | Self::ListScopes { .. }
            | Self::ListUsers { .. }
            | Self::ListWorkspaces { .. }
            | Self::ListResources { .. }
            | Self::PreviewRoleChange(_)
            | Self::Seats { .. }
            | Self::Advance(_) => false,
            Self::Later { writes, .. } => *writes,
            _ => true,
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Password {
    Right,
    Wrong,
    None,
}

/// What a step answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Answer {
    Ok,
    Code(Code),
    Decision(&'static str),
    Set(BTreeSet<String>),
    List(Vec<String>),
    /// Who gains or loses what, a row a user and scope.
    Rows(BTreeSet<String>),
    Seats {
        limit: u32,
        used: u32,
        ending: u32,
    },
    Nothing,
}

impl fmt::Display for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let list = |items: &mut dyn Iterator<Item = &String>| {
            let items: Vec<_> = items.map(String::as_str).collect();
            format!("[{}]", items.join(", "))
        };
        match self {
            Self::Ok => f.write_str("ok"),
            Self::Code(code) => f.write_str(bailiwick_client::code_name(*code)),
            Self::Decision(decision) => f.write_str(decision),
            Self::Set(items) | Self::Rows(items) => f.write_str(&list(&mut items.iter())),
            Self::List(items) => f.write_str(&list(&mut items.iter())),
            Self::Seats { limit, used, ending } => {
                write!(f, "{{limit: {limit}, used: {used}, ending: {ending}}}")
            }
            Self::Nothing => f.write_str("nothing"),
        }
    }
}

/// A row of who gains or loses what, in one spelling.
pub(crate) fn row(user: &str, on: &str, mut gains: Vec<String>, mut loses: Vec<String>) -> String {
    gains.sort();
    loses.sort();
    format!(
        "{{user: {user}, on: {on}, gains: [{}], loses: [{}]}}",
        gains.join(", "),
        loses.join(", ")
    )
}
