//! What a product declares: the manifest as data. `parse` (feature `manifest`) reads it from YAML.

mod builtin;
mod check;
mod check_role;
mod diff;
mod duration;
mod inherit;
#[cfg(feature = "manifest")]
mod parse;
#[cfg(feature = "manifest")]
mod read;
#[cfg(feature = "manifest")]
pub mod yaml;

use std::collections::BTreeMap;

use bailiwick_types::{Level, SettingType};
use serde::{Deserialize, Serialize};

pub(crate) use builtin::OPERATOR_VERBS;
pub use builtin::{SUITE_TYPES, SuiteType, deployment};
pub use check::Fault;
pub(crate) use check::implied_verbs;
pub(crate) use check_role::{Pattern, check_custom_role, parse_pattern};
pub use diff::{Change, ChangeKind};
pub use duration::Span;
pub(crate) use inherit::{includes_of, levels_of, parameters_of, parts_of};
#[cfg(feature = "manifest")]
pub use parse::{ManifestError, parse};

use crate::value::ValueType;

/// A product's manifest.
///
/// Its JSON form (serde) is canonical: equal manifests give equal texts.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// The product's name.
    pub product: String,
    /// What people call it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// The levels that it has; `account` always is one.
    #[serde(default)]
    pub levels: BTreeMap<Level, LevelDecl>,
    /// Who its subjects are.
    #[serde(default)]
    pub subjects: SubjectsDecl,
    /// Its resource types, the suite's own left out.
    #[serde(default)]
    pub types: BTreeMap<String, TypeDecl>,
    /// What a caller may say about the circumstances of a request: `context.NAME` in conditions.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub context: BTreeMap<String, ValueType>,
    /// What an account may set.
    #[serde(default)]
    pub settings: BTreeMap<String, SettingDecl>,
    /// Its roles.
    #[serde(default)]
    pub roles: BTreeMap<String, RoleDecl>,
    /// The roles of its own services: bound at the product, to service accounts alone.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub services: BTreeMap<String, ServiceDecl>,
    /// What an account keeps while it is restricted, as for late payment: permissions and patterns.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub restricted: Vec<String>,
}

/// A level of the product.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LevelDecl {
    /// What the product calls it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// The editions one of which each instance has; none where empty.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub editions: Vec<String>,
}

/// Who the subjects of a product are.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SubjectsDecl {
    /// Whether users have to be members.
    #[serde(default)]
    pub user: UserMode,
    /// Default roles by kind of member.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub kinds: BTreeMap<MemberKind, DefaultRole>,
    /// The default role of members and anonymous subjects alike.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub anonymous: Option<DefaultRole>,
}

/// Whether users have to be members of an account to be allowed anything in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum UserMode {
    /// Without active membership no permission and no binding.
    #[default]
    Members,
    /// Ids are opaque and membership is not looked at.
    External,
}

bailiwick_types::words! {
    /// The kind of a member.
    #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
    #[serde(rename_all = "snake_case")]
    pub enum MemberKind {
        /// Somebody who works there.
        Agent = "agent",
        /// Somebody who is served there.
        Customer = "customer",
    }
}

bailiwick_types::codes!(MemberKind { Agent = 1, Customer = 2 });

/// A role that is taken as bound at the account.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DefaultRole {
    /// Its name; none where the kind has no default role.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub role: Option<String>,
}

/// A resource type.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TypeDecl {
    /// What the product calls it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// What can be done with it.
    pub verbs: Vec<String>,
    /// Verbs that bring others with them.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub implies: BTreeMap<String, Vec<String>>,
    /// Whether it is counted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub quota: Option<Quota>,
    /// Whether its resources are registered; else the caller describes them.
    #[serde(default = "yes", skip_serializing_if = "is_yes")]
    pub registered: bool,
    /// Other types on which its permissions may be asked.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub on: Vec<String>,
    /// What conditions may look at.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub attributes: BTreeMap<String, AttributeDecl>,
    /// Approval rules by verb.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub approvals: BTreeMap<String, ApprovalDecl>,
    /// By verb, the condition that holds for grants of it, also where they give it as implied by another
    /// verb.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub grants: BTreeMap<String, String>,
    /// The parameters that conditions on its permissions look at: those of grants, and those of roles that
    /// declare none of the name.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub parameters: BTreeMap<String, ParameterDecl>,
}

/// A parameter of bindings or grants: `grant.NAME` in conditions. One that a condition looks at and nothing
/// declares is required.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ParameterDecl {
    /// The type of its values.
    #[serde(rename = "type")]
    pub kind: ValueType,
    /// The greatest number, the greatest length of a text or the greatest count of a list.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max: Option<i64>,
    /// Whether a binding or grant without it is refused.
    #[serde(default, skip_serializing_if = "is_no")]
    pub required: bool,
    /// What else bounds it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub within: Option<Within>,
}

impl ParameterDecl {
    /// One that nothing declares.
    pub(crate) fn undeclared(kind: ValueType) -> Self {
        Self {
            kind,
            max: None,
            required: true,
            within: None,
        }
    }

    /// What holds where two declarations do: the stricter of both.
    pub(crate) fn and(self, other: Self) -> Self {
        Self {
            kind: self.kind,
            max: [self.max, other.max].into_iter().flatten().min(),
            required: self.required || other.required,
            within: self.within.or(other.within),
        }
    }
}

/// What else bounds a parameter.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Within {
    /// The giver's own value of it.
    Own,
}

impl Default for TypeDecl {
    fn default() -> Self {
        Self {
            title: None,
            verbs: Vec::new(),
            implies: BTreeMap::new(),
            quota: None,
            registered: true,
            on: Vec::new(),
            attributes: BTreeMap::new(),
            approvals: BTreeMap::new(),
            grants: BTreeMap::new(),
            parameters: BTreeMap::new(),
        }
    }
}

fn yes() -> bool {
    true
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks for a reference")]
fn is_no(flag: &bool) -> bool {
    !*flag
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks for a reference")]
fn is_yes(flag: &bool) -> bool {
    *flag
}

/// How resources of a type are counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Quota {
    /// Each member may own so many.
    PerMember,
}

/// An attribute of a type.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AttributeDecl {
    /// The type of its values.
    #[serde(rename = "type")]
    pub kind: ValueType,
    /// Where else than from the registered resource it may come from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<AttributeSource>,
    /// The verb of the type that writing it takes, besides creating or editing the resource.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub edit: Option<String>,
}

/// Where else than from the registered resource an attribute may come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AttributeSource {
    /// From the request, where no value is stored.
    Request,
}

/// Who has to approve before an act.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ApprovalDecl {
    /// The permission of those who approve, asked on the request's target.
    pub by: String,
    /// Whether an approval serves once or stays.
    #[serde(default)]
    pub serves: Serves,
    /// How long an approval is good for; without end where absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires: Option<Span>,
    /// The `bool` setting that switches the rule on; always on where absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub when_setting: Option<String>,
    /// The attributes of the target whose stored values an approval is bound to: it serves only while they
    /// are as they were when it was asked for.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub binds: Vec<String>,
}

/// Whether an approval is used up by the act.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Serves {
    /// One approval, one act.
    #[default]
    Once,
    /// It holds until it expires.
    Stays,
}

/// Something that an account may set.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SettingDecl {
    /// The type of its values.
    #[serde(rename = "type")]
    pub kind: SettingType,
    /// Its value where the account sets none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub default: Option<serde_json::Value>,
    /// The greatest number, the greatest length of a text or the greatest count of a list.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max: Option<i64>,
}

/// A role: of a product or of an account.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RoleDecl {
    /// What people call it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// How many must have it in each scope (manifest roles only).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub holders: Option<Holders>,
    /// Roles whose entries and assignable roles it has too, at each of its levels.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub includes: Vec<String>,
    /// The parameters of its bindings, which its conditions look at. Those of included roles count too: of
    /// two declarations, the stricter.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub parameters: BTreeMap<String, ParameterDecl>,
    /// The levels at which it may be bound; those of what it includes where none is named.
    #[serde(default)]
    pub levels: BTreeMap<Level, RoleLevelDecl>,
}

/// How many must have a role in each scope.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Holders {
    /// `exactly: 1`: never assigned or revoked, only transferred.
    Exactly(u32),
    /// `at_least: 1`: never from one to none.
    AtLeast(u32),
}

/// What a role gives where it is bound at one level.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RoleLevelDecl {
    /// Its entries.
    #[serde(default)]
    pub permissions: Vec<EntryDecl>,
    /// The roles that it may assign at that level and below.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub assigns: Vec<AssignDecl>,
}

/// A role of a product's own services. It is bound at the product, reaches all its accounts, and gives
/// exactly the permissions that it names and what these imply.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ServiceDecl {
    /// What people call it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// Its entries; each names a single permission.
    #[serde(default)]
    pub permissions: Vec<EntryDecl>,
    /// The roles of the product that it may assign and invite with, each by its name.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub assigns: Vec<String>,
}

impl ServiceDecl {
    /// The same as a role that can be bound at the product and nowhere else.
    #[must_use]
    pub fn role(&self) -> RoleDecl {
        let at = RoleLevelDecl {
            permissions: self.permissions.clone(),
            assigns: self.assigns.iter().map(AssignDecl::plain).collect(),
        };
        RoleDecl {
            title: self.title.clone(),
            levels: [(Level::Product, at)].into(),
            ..RoleDecl::default()
        }
    }
}

/// A role that may be assigned.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "AssignForm", into = "AssignForm")]
pub struct AssignDecl {
    /// The role's name; `*` for all roles of the product.
    pub role: String,
    /// Whether the holder may also give the role to itself, even where it does not hold what the role gives
    /// (manifest roles only).
    pub to_self: bool,
}

impl AssignDecl {
    /// A role that is assigned to others.
    #[must_use]
    pub fn plain(role: impl Into<String>) -> Self {
        Self {
            role: role.into(),
            to_self: false,
        }
    }
}

#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum AssignForm {
    Plain(String),
    Full(FullAssign),
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct FullAssign {
    role: String,
    #[serde(rename = "self", default)]
    to_self: bool,
}

impl From<AssignForm> for AssignDecl {
    fn from(form: AssignForm) -> Self {
        match form {
            AssignForm::Plain(role) => Self::plain(role),
            AssignForm::Full(FullAssign { role, to_self }) => Self { role, to_self },
        }
    }
}

impl From<AssignDecl> for AssignForm {
    fn from(assign: AssignDecl) -> Self {
        let AssignDecl { role, to_self } = assign;
        if to_self {
            Self::Full(FullAssign { role, to_self })
        } else {
            Self::Plain(role)
        }
    }
}

/// A permission entry.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "EntryForm", into = "EntryForm")]
pub struct EntryDecl {
    /// `TYPE.VERB`, `TYPE.*` or `*`.
    pub permission: String,
    /// What of a pattern is not given.
    pub except: Vec<String>,
    /// The condition.
    pub when: Option<String>,
    /// Whether the type's approval rule is waived or replaced.
    pub approval: Option<EntryApproval>,
}

impl EntryDecl {
    /// An entry without condition or approval.
    #[must_use]
    pub fn plain(permission: impl Into<String>) -> Self {
        Self {
            permission: permission.into(),
            except: Vec::new(),
            when: None,
            approval: None,
        }
    }
}

#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum EntryForm {
    Plain(String),
    Full(FullEntry),
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct FullEntry {
    permission: String,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    except: Vec<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    when: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    approval: Option<EntryApproval>,
}

impl From<EntryForm> for EntryDecl {
    fn from(form: EntryForm) -> Self {
        match form {
            EntryForm::Plain(permission) => Self::plain(permission),
            EntryForm::Full(FullEntry {
                permission,
                except,
                when,
                approval,
            }) => Self {
                permission,
                except,
                when,
                approval,
            },
        }
    }
}

impl From<EntryDecl> for EntryForm {
    fn from(entry: EntryDecl) -> Self {
        let EntryDecl {
            permission,
            except,
            when,
            approval,
        } = entry;
        if except.is_empty() && when.is_none() && approval.is_none() {
            Self::Plain(permission)
        } else {
            Self::Full(FullEntry {
                permission,
                except,
                when,
                approval,
            })
        }
    }
}

/// What an entry says about approvals.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum EntryApproval {
    /// `none`: the type's rule does not apply to what comes from this entry.
    Waived(WaivedWord),
    /// A rule of the entry's own in place of the type's.
    Rule(ApprovalDecl),
}

/// The word `none`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum WaivedWord {
    /// No approval.
    #[default]
    #[serde(rename = "none")]
    None,
}
