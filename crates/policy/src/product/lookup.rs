//! From what callers write to what decisions take: every fault comes before a decision.

use bailiwick_types::{Level, did_you_mean};
use serde_json::{Map, Value as Json};

use super::{Pattern, PermissionInfo, Product, TypeInfo};
use crate::{
    PermissionNo, TypeNo,
    condition::Condition,
    numbers::role_key,
    value::{Value, ValueType, Values},
};

/// Why a question does not fit the manifest.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum QuestionFault {
    /// The product has no such permission.
    #[error("unknown permission `{name}`{hint}")]
    UnknownPermission {
        /// The name that was asked for.
        name: String,
        /// A suggestion, as [`Product::suggest_permission`] gives it.
        hint: String,
    },
    /// The product has no such type.
    #[error("unknown type `{0}`")]
    UnknownType(String),
    /// The permission is not asked on resources of the type.
    #[error("permission `{permission}` is not asked on resources of type `{of}`")]
    NotApplicable {
        /// The permission.
        permission: String,
        /// The type.
        of: String,
    },
}

/// Why a named value does not fit the manifest.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ValueFault {
    /// The type has no such attribute, or nothing looks at such a parameter.
    #[error("`{0}` is not declared")]
    Undeclared(String),
    /// The value is of another type.
    #[error("`{name}` must be of type `{}`", .kind.as_str())]
    WrongType {
        /// The name.
        name: String,
        /// The declared type.
        kind: ValueType,
    },
    /// A text or list is longer than any should be.
    #[error("`{0}` is too long")]
    TooLong(String),
}

/// The greatest number of elements of a list.
const MAX_ELEMENTS: usize = 1_000;
/// The greatest length of a text in bytes.
const MAX_TEXT: usize = 4_096;

impl Product {
    /// Fits a question: the permission, asked on a resource of the type, or on a scope where none is named.
    ///
    /// # Errors
    /// Permission or type are unknown, or the permission is not asked on such a target.
    pub fn question(
        &self,
        permission: &str,
        target: Option<&str>,
    ) -> Result<(PermissionNo, Option<TypeNo>), QuestionFault> {
        let no = self
            .permission_no(permission)
            .ok_or_else(|| QuestionFault::UnknownPermission {
                name: permission.to_owned(),
                hint: self.suggest_permission(permission),
            })?;
        let Some(target) = target else {
            return Ok((no, None));
        };
        let of = self
            .type_no(target)
            .ok_or_else(|| QuestionFault::UnknownType(target.to_owned()))?;
        if self.may_be_asked_on(no, of) {
            Ok((no, Some(of)))
        } else {
            Err(QuestionFault::NotApplicable {
                permission: permission.to_owned(),
                of: target.to_owned(),
            })
        }
    }

    /// The end of an error about an unknown permission: "; did you mean `TYPE.VERB`?" where a close name
    /// exists.
    #[must_use]
    pub fn suggest_permission(&self, unknown: &str) -> String {
        did_you_mean(unknown, self.permissions().map(|info| &*info.name))
    }

    /// Tells whether the permission is asked on resources of the type; on scopes every permission is.
    #[must_use]
    pub fn may_be_asked_on(&self, permission: PermissionNo, target: TypeNo) -> bool {
        let own = |info: &PermissionInfo| self.type_info(info.type_no);
        self.permission(permission)
            .and_then(own)
            .is_some_and(|of: &TypeInfo| of.no == target || of.on.contains(&target))
    }

    /// Checks the attributes of a resource that is to be registered.
    ///
    /// # Errors
    /// Every attribute that the type does not declare or that is of another type.
    pub fn attributes(&self, of: TypeNo, given: &Map<String, Json>) -> Result<Values, Vec<ValueFault>> {
        read(
            given,
            |name| {
                self.type_info(of)?
                    .attribute(name)
                    .map(|attribute| attribute.kind)
            },
            false,
        )
    }

    /// Reads the attributes of a request. What the manifest does not mark `from: request` is left out.
    ///
    /// # Errors
    /// Every attribute that counts and is of another type.
    pub fn request_attributes(
        &self,
        permission: PermissionNo,
        target: Option<TypeNo>,
        given: &Map<String, Json>,
    ) -> Result<Values, Vec<ValueFault>> {
        let own = self.permission(permission).map(|info| info.type_no);
        let declared = |name: &str| {
            let of_target = target
                .and_then(|of| self.type_info(of))
                .and_then(|of| of.attribute(name));
            let found = of_target.or_else(|| self.type_info(own?)?.attribute(name))?;
            found.from_request.then_some(found.kind)
        };
        read(given, declared, true)
    }

    /// Reads the circumstances of a request. What the manifest does not declare under `context` is left out.
    ///
    /// # Errors
    /// Every declared value that is of another type.
    pub fn request_context(&self, given: &Map<String, Json>) -> Result<Values, Vec<ValueFault>> {
        read(given, |name| self.manifest.context.get(name).copied(), true)
    }

    /// Checks the parameters of a grant of these permissions.
    ///
    /// # Errors
    /// Every parameter that no granted permission's condition looks at or that is of another type.
    pub fn grant_parameters(
        &self,
        permissions: impl IntoIterator<Item = PermissionNo>,
        given: &Map<String, Json>,
    ) -> Result<Values, Vec<ValueFault>> {
        let conditions = self.grant_conditions(permissions);
        read(
            given,
            |name| {
                conditions
                    .iter()
                    .find_map(|of| of.parameters().get(name).copied())
            },
            false,
        )
    }
}

impl Product {
    /// The generation of the names: what is stored with a name is stored with it.
    #[must_use]
    pub fn generation(&self) -> u32 {
        self.generation
    }

    /// Tells whether a permission or pattern that was stored in a generation still means what it meant: it
    /// does not where it was away since.
    #[must_use]
    pub fn stands(&self, text: &str, generation: u32) -> bool {
        let since = self.returned.get(text);
        since.is_none_or(|since| *since <= generation)
    }

    /// Tells the same of the name of a role.
    #[must_use]
    pub fn role_stands(&self, name: &str, generation: u32) -> bool {
        self.returned.is_empty() || self.stands(&role_key(name), generation)
    }

    /// Tells the same of the name of a type.
    #[must_use]
    pub fn type_stands(&self, name: &str, generation: u32) -> bool {
        self.returned.is_empty() || self.stands(&format!("{name}.*"), generation)
    }

    /// The pattern of a text that was stored in a generation; none where the product does not have it, or was
    /// without it since.
    #[must_use]
    pub fn pattern_since(&self, text: &str, generation: u32) -> Option<Pattern> {
        self.pattern(text).filter(|_| self.stands(text, generation))
    }
}

impl Product {
    /// The permissions that the patterns of a grant give.
    pub(crate) fn granted<'p>(&'p self, patterns: &'p [Pattern]) -> impl Iterator<Item = PermissionNo> {
        let matched = |pattern: &Pattern| self.matched(*pattern, Level::Account).iter().collect::<Vec<_>>();
        patterns.iter().flat_map(matched)
    }

    /// The conditions that declare the parameters of grants of these permissions.
    pub(crate) fn grant_conditions(
        &self,
        permissions: impl IntoIterator<Item = PermissionNo>,
    ) -> Vec<&Condition> {
        let condition = |no| self.permission(no)?.grant_condition.as_ref();
        permissions.into_iter().filter_map(condition).collect()
    }
}

impl super::RoleLevel {
    /// Checks the parameters of a binding of the role at this level.
    ///
    /// # Errors
    /// Every parameter that no condition of the role looks at or that is of another type.
    pub fn read_parameters(&self, given: &Map<String, Json>) -> Result<Values, Vec<ValueFault>> {
        let parameters = self.parameters();
        read(given, |name| parameters.get(name).copied(), false)
    }
}

fn read(
    given: &Map<String, Json>,
    declared: impl Fn(&str) -> Option<ValueType>,
    skip_undeclared: bool,
) -> Result<Values, Vec<ValueFault>> {
    let mut faults = Vec::new();
    let mut values = Vec::new();
    for (name, json) in given {
        match declared(name) {
            None if skip_undeclared => {}
            None => faults.push(ValueFault::Undeclared(name.clone())),
            Some(kind) => match kind.read(json) {
                None => faults.push(ValueFault::WrongType {
                    name: name.clone(),
                    kind,
                }),
                Some(value) if is_too_long(&value) => faults.push(ValueFault::TooLong(name.clone())),
                Some(value) => values.push((name.as_str(), value)),
            },
        }
    }
    if faults.is_empty() {
        Ok(values.into_iter().collect())
    } else {
        Err(faults)
    }
}

fn is_too_long(value: &Value) -> bool {
    match value {
        Value::Text(text) => text.len() > MAX_TEXT,
        Value::List(items) => items.len() > MAX_ELEMENTS || items.iter().any(is_too_long),
        _ => false,
    }
}
