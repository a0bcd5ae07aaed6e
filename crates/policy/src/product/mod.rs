//! A compiled product: its permissions, types and roles by number, ready for decisions. Shared by
//! all its accounts.

mod compile;
mod lookup;
mod role;

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
};

use bailiwick_types::Level;

pub use compile::{CompileError, compile};
pub use lookup::{QuestionFault, RequestValues, ValueFault};
pub use role::{Assigns, Entry, Role, RoleLevel};
pub(crate) use role::{EntryRule, compile_role, entry_of};

use crate::{
    PermissionBits, PermissionNo, RoleNo, TypeNo,
    condition::Condition,
    manifest::{Manifest, MemberKind, ParameterDecl, Quota, Serves, Span, UserMode},
    schema::Schema,
    value::ValueType,
};

/// A compiled product.
#[derive(Debug, Clone)]
pub struct Product {
    pub(crate) manifest: Manifest,
    pub(crate) permissions: Box<[Option<PermissionInfo>]>,
    pub(crate) permission_names: HashMap<Box<str>, PermissionNo>,
    pub(crate) types: Box<[Option<TypeInfo>]>,
    pub(crate) type_names: HashMap<Box<str>, TypeNo>,
    pub(crate) roles: Box<[Option<Arc<Role>>]>,
    pub(crate) role_names: HashMap<Box<str>, RoleNo>,
    pub(crate) agent_role: Option<RoleNo>,
    pub(crate) customer_role: Option<RoleNo>,
    pub(crate) anonymous_role: Option<RoleNo>,
    pub(crate) restricted: PermissionBits,
    pub(crate) schema: Schema,
    /// Names that came back, with the generation since which they are there.
    pub(crate) returned: BTreeMap<String, u32>,
    pub(crate) generation: u32,
}

/// A permission of a product.
#[derive(Debug, Clone)]
pub struct PermissionInfo {
    /// Its number.
    pub no: PermissionNo,
    /// `TYPE.VERB`.
    pub name: Box<str>,
    /// Its type.
    pub type_no: TypeNo,
    /// All that it brings with it, itself among it.
    pub implies: PermissionBits,
    /// All that bring it with them, itself among them.
    pub implied_by: PermissionBits,
    /// The type's approval rule for it.
    pub rule: Option<ApprovalRule>,
    /// The condition that holds for grants of it.
    pub grant_condition: Option<Condition>,
    /// Whether a grant may give it under a condition: its own, or that of a permission that implies it.
    pub(crate) given_when: bool,
    /// Whether a grant of it may give something under a condition: it, or what it implies.
    pub(crate) gives_when: bool,
}

impl PermissionInfo {
    /// The conditions under which a grant of this permission gives another that it implies, or itself: that
    /// of what is granted, and that of what is asked. All of them must hold.
    pub(crate) fn conditions_for<'a>(&'a self, asked: &'a Self) -> impl Iterator<Item = &'a Condition> {
        let implied = asked.grant_condition.as_ref().filter(|_| self.no != asked.no);
        self.grant_condition.iter().chain(implied)
    }

    /// The part of the name after the dot.
    #[must_use]
    pub fn verb(&self) -> &str {
        self.name.split_once('.').map_or(&*self.name, |(_, verb)| verb)
    }
}

/// Who has to approve, how often it serves and for how long.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApprovalRule {
    /// The permission of those who approve, asked on the request's target.
    pub by: PermissionNo,
    /// Whether an approval is used up by the act.
    pub serves: Serves,
    /// How long an approval is good for; without end where absent.
    pub expires: Option<Span>,
    /// The setting that switches the rule on; always on where absent.
    pub when_setting: Option<Box<str>>,
    /// The attributes of the target whose values an approval is bound to, sorted.
    pub binds: Box<[Box<str>]>,
}

/// A type of a product.
#[derive(Debug, Clone)]
pub struct TypeInfo {
    /// Its number.
    pub no: TypeNo,
    /// Its name.
    pub name: Box<str>,
    /// Whether it is one of the suite's own.
    pub suite: bool,
    /// The level that it stands for: `account`, `instance` and `workspace` do.
    pub level: Option<Level>,
    /// Whether its resources are registered; else the caller describes them.
    pub registered: bool,
    /// How its resources are counted.
    pub quota: Option<Quota>,
    /// Other types on which its permissions may be asked.
    pub on: Box<[TypeNo]>,
    /// What conditions may look at.
    pub attributes: Box<[Attribute]>,
    /// The parameters that conditions on its permissions look at.
    pub parameters: BTreeMap<Box<str>, ParameterDecl>,
    /// Its permissions.
    pub permissions: PermissionBits,
}

impl TypeInfo {
    /// Looks an attribute up by name.
    #[must_use]
    pub fn attribute(&self, name: &str) -> Option<&Attribute> {
        self.attributes.iter().find(|attribute| &*attribute.name == name)
    }
}

/// An attribute of a type.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attribute {
    /// Its name.
    pub name: Box<str>,
    /// The type of its values.
    pub kind: ValueType,
    /// Whether the request may bring it where no value is stored.
    pub from_request: bool,
    /// The permission that writing it takes, besides creating or editing the resource.
    pub edit: Option<PermissionNo>,
}

/// What an entry or a grant names: everything, a type's permissions or a single one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Pattern {
    /// `*`
    All,
    /// `TYPE.*`
    Type(TypeNo),
    /// `TYPE.VERB`
    One(PermissionNo),
}

impl Product {
    /// The manifest that it was compiled from.
    #[must_use]
    pub fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// The declared types of attributes and parameters.
    #[inline]
    #[must_use]
    pub fn schema(&self) -> Schema {
        self.schema
    }

    /// Whether users have to be members.
    #[must_use]
    pub fn user_mode(&self) -> UserMode {
        self.manifest.subjects.user
    }

    /// The default role of a kind of member.
    #[must_use]
    pub fn default_role(&self, kind: MemberKind) -> Option<RoleNo> {
        match kind {
            MemberKind::Agent => self.agent_role,
            MemberKind::Customer => self.customer_role,
        }
    }

    /// The default role of members and anonymous subjects alike.
    #[must_use]
    pub fn anonymous_role(&self) -> Option<RoleNo> {
        self.anonymous_role
    }

    /// What an account keeps while it is restricted: what the manifest names, without what that implies.
    #[must_use]
    pub fn restricted(&self) -> &PermissionBits {
        &self.restricted
    }

    /// What is known of a permission; `None` for one that the manifest no longer has.
    #[inline]
    #[must_use]
    pub fn permission(&self, no: PermissionNo) -> Option<&PermissionInfo> {
        self.permissions.get(usize::from(no.0))?.as_ref()
    }

    /// The number of the permission `TYPE.VERB`.
    #[must_use]
    pub fn permission_no(&self, name: &str) -> Option<PermissionNo> {
        self.permission_names.get(name).copied()
    }

    /// What is known of a type; `None` for one that the manifest no longer has.
    #[inline]
    #[must_use]
    pub fn type_info(&self, no: TypeNo) -> Option<&TypeInfo> {
        self.types.get(usize::from(no.0))?.as_ref()
    }

    /// The number of a type.
    #[must_use]
    pub fn type_no(&self, name: &str) -> Option<TypeNo> {
        self.type_names.get(name).copied()
    }

    /// A role of the product; `None` for one that the manifest no longer has.
    #[inline]
    #[must_use]
    pub fn role(&self, no: RoleNo) -> Option<&Arc<Role>> {
        self.roles.get(no.0 as usize)?.as_ref()
    }

    /// The number of a role of the product.
    #[must_use]
    pub fn role_no(&self, name: &str) -> Option<RoleNo> {
        self.role_names.get(name).copied()
    }

    /// The role of that name, where it can be bound at the product: one of its services, or `service`.
    #[must_use]
    pub fn service_role(&self, name: &str) -> Option<&Arc<Role>> {
        let role = self.role(self.role_no(name)?)?;
        role.level(Level::Product).map(|_| role)
    }

    /// The number of that role, where the name was bound in a generation of the names and was not away since.
    #[must_use]
    pub fn service_role_since(&self, name: &str, generation: u32) -> Option<RoleNo> {
        let role = self.service_role(name)?;
        self.role_stands(name, generation).then_some(role.no)
    }

    /// Tells whether the manifest declares the role for its services: no account knows it.
    #[must_use]
    pub fn is_of_services(&self, no: RoleNo) -> bool {
        let role = self.role(no).filter(|role| role.no > RoleNo::SERVICE);
        role.is_some_and(|role| role.level(Level::Product).is_some())
    }

    /// All permissions that the manifest has, in order of their numbers.
    pub fn permissions(&self) -> impl Iterator<Item = &PermissionInfo> {
        self.permissions.iter().flatten()
    }

    /// All types that the manifest has, the suite's own among them.
    pub fn types(&self) -> impl Iterator<Item = &TypeInfo> {
        self.types.iter().flatten()
    }

    /// All roles of the product, `operator`, `service` and those of its services among them.
    pub fn roles(&self) -> impl Iterator<Item = &Arc<Role>> {
        self.roles.iter().flatten()
    }

    /// Tells whether the product has the level.
    #[must_use]
    pub fn has_level(&self, level: Level) -> bool {
        level <= Level::Account || self.manifest.levels.contains_key(&level)
    }
}
