//! From what callers write to what decisions take: every fault comes before a decision.

use std::collections::BTreeMap;

use bailiwick_types::{Level, did_you_mean};
use serde_json::{Map, Value as Json};

use super::{Pattern, PermissionInfo, Product, TypeInfo};
use crate::{
    PermissionNo, TypeNo,
    condition::Condition,
    manifest::ParameterDecl,
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
    /// Nothing that the question is about declares it.
    #[error("`{name}` is not declared{hint}")]
    Unknown {
        /// The name.
        name: String,
        /// A suggestion, or nothing.
        hint: String,
    },
    /// The value is of another type.
    #[error("`{name}` must be of type `{}`", .kind.as_str())]
    WrongType {
        /// The name.
        name: String,
        /// The declared type.
        kind: ValueType,
    },
    /// It is required.
    #[error("`{0}` is required")]
    Missing(String),
    /// It is greater or longer than declared.
    #[error("`{name}` is beyond its greatest value, {max}")]
    Beyond {
        /// The name.
        name: String,
        /// The greatest number, length or count.
        max: i64,
    },
    /// A text or list is longer than any should be.
    #[error("`{0}` is too long")]
    TooLong(String),
}

/// What a request says, typed.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct RequestValues {
    /// Attributes of the target.
    pub attributes: Values,
    /// Circumstances.
    pub context: Values,
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
            Given::Attributes,
        )
    }

    /// Reads what a request says: the attributes that the manifest marks `from: request`, and the
    /// circumstances that it declares under `context`. Declared attributes without the mark are left out:
    /// stored values win.
    ///
    /// # Errors
    /// Every name that neither the type of the target, that of the permission nor `context` declares, with a
    /// suggestion, and every value that counts and is of another type.
    pub fn request_values(
        &self,
        permission: PermissionNo,
        target: Option<TypeNo>,
        given: &Map<String, Json>,
    ) -> Result<RequestValues, Vec<ValueFault>> {
        let own = self.permission(permission).map(|info| info.type_no);
        let of_target = target.and_then(|of| self.type_info(of));
        let of_own = own.and_then(|of| self.type_info(of));
        let find = |name: &str| {
            let of_target = of_target.and_then(|of| of.attribute(name));
            of_target.or_else(|| of_own?.attribute(name))
        };
        let context = &self.manifest.context;
        // What the caller says of a resource that is not registered, beside its attributes.
        let described = if of_target.is_some_and(|of| !of.registered) {
            &["owner", "scope"][..]
        } else {
            &[]
        };
        let mut faults = Vec::new();
        for name in given.keys() {
            let name = name.as_str();
            if find(name).is_none() && !context.contains_key(name) && !described.contains(&name) {
                let attributes = of_target.into_iter().chain(of_own).flat_map(|of| &of.attributes);
                let known = attributes.map(|of| &*of.name);
                let known = known
                    .chain(context.keys().map(String::as_str))
                    .chain(described.iter().copied());
                faults.push(ValueFault::Unknown {
                    name: name.to_owned(),
                    hint: did_you_mean(name, known),
                });
            }
        }
        let declared = |name: &str| find(name).filter(|of| of.from_request).map(|of| of.kind);
        let attributes = read(given, declared, Given::Request);
        let context = read(given, |name| context.get(name).copied(), Given::Request);
        match (attributes, context) {
            (Ok(attributes), Ok(context)) if faults.is_empty() => Ok(RequestValues { attributes, context }),
            (attributes, context) => {
                faults.extend(attributes.err().into_iter().chain(context.err()).flatten());
                Err(faults)
            }
        }
    }

    /// Checks the parameters of a grant of these permissions and patterns.
    ///
    /// # Errors
    /// Every parameter that is required and missing, beyond its greatest value or of another type, and
    /// every one that no condition on what the grant gives looks at.
    pub fn grant_parameters(
        &self,
        patterns: &[Pattern],
        given: &Map<String, Json>,
    ) -> Result<Values, Vec<ValueFault>> {
        // `*` gives the rest where a parameter is missing: what asks for one stays undecided.
        let named: Vec<Pattern> = patterns
            .iter()
            .copied()
            .filter(|one| *one != Pattern::All)
            .collect();
        let asked = self.parameters_of_grant(&named);
        let mut declared = self.parameters_of_grant(patterns);
        for (name, decl) in &mut declared {
            decl.required = asked.get(name).is_some_and(|asked| asked.required);
        }
        read_declared(given, declared.iter().map(|(name, decl)| (*name, decl)))
    }

    /// Whether a grant of the pattern gives something under a condition, so that its parameters mean
    /// something.
    #[must_use]
    pub fn is_conditional(&self, pattern: Pattern) -> bool {
        match pattern {
            Pattern::One(no) => self.permission(no).is_some_and(|info| info.gives_when),
            Pattern::Type(of) => self
                .permissions()
                .any(|info| info.type_no == of && info.gives_when),
            Pattern::All => self.permissions().any(|info| info.gives_when),
        }
    }
}

impl Product {
    /// The parameters that conditions on what the patterns of a grant give look at.
    pub(crate) fn parameters_of_grant(&self, patterns: &[Pattern]) -> BTreeMap<&str, ParameterDecl> {
        let mut all: BTreeMap<&str, ParameterDecl> = BTreeMap::new();
        for pattern in patterns {
            let given = self.with_implied(&self.matched(*pattern, Level::Account));
            for info in given.iter().filter_map(|no| self.permission(no)) {
                for (name, kind) in info.grant_condition.iter().flat_map(Condition::parameters) {
                    let read = self.declared_by_type(Pattern::One(info.no), name, *kind);
                    all.entry(name)
                        .and_modify(|other| *other = other.and(read))
                        .or_insert(read);
                }
            }
        }
        all
    }
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

impl super::RoleLevel {
    /// Checks the parameters of a binding of the role at this level.
    ///
    /// # Errors
    /// Every parameter that is required and missing, beyond its greatest value or of another type, and
    /// every one that the role does not declare and no condition of it looks at.
    pub fn read_parameters(&self, given: &Map<String, Json>) -> Result<Values, Vec<ValueFault>> {
        read_declared(
            given,
            self.parameters().iter().map(|(name, decl)| (&**name, decl)),
        )
    }
}

fn read_declared<'d>(
    given: &Map<String, Json>,
    declared: impl Iterator<Item = (&'d str, &'d ParameterDecl)> + Clone,
) -> Result<Values, Vec<ValueFault>> {
    let of = |name: &str| {
        declared
            .clone()
            .find(|(other, _)| *other == name)
            .map(|(_, decl)| decl)
    };
    let read = read(given, |name| of(name).map(|decl| decl.kind), Given::Parameters);
    let mut faults = Vec::new();
    for (name, decl) in declared.clone() {
        if decl.required && given.get(name).is_none_or(Json::is_null) {
            faults.push(ValueFault::Missing(name.to_owned()));
        }
        if let (Some(max), Ok(values)) = (decl.max, &read)
            && values.get(name).is_some_and(|value| is_beyond(value, max))
        {
            faults.push(ValueFault::Beyond {
                name: name.to_owned(),
                max,
            });
        }
    }
    match read {
        Ok(values) if faults.is_empty() => Ok(values),
        Ok(_) => Err(faults),
        Err(mut wrong) => {
            wrong.append(&mut faults);
            Err(wrong)
        }
    }
}

fn is_beyond(value: &Value, max: i64) -> bool {
    let count = |count: usize| i64::try_from(count).unwrap_or(i64::MAX);
    match value {
        Value::Int(number) => *number > max,
        Value::Text(text) => count(text.chars().count()) > max,
        Value::List(items) => count(items.len()) > max,
        _ => false,
    }
}

/// What values are given for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Given {
    /// The attributes of a resource.
    Attributes,
    /// The attributes or circumstances of a request, which may be more than the manifest knows.
    Request,
    /// The parameters of a binding or grant. What is missing has a meaning, which a null must not have by
    /// mistake.
    Parameters,
}

fn read(
    given: &Map<String, Json>,
    declared: impl Fn(&str) -> Option<ValueType>,
    what: Given,
) -> Result<Values, Vec<ValueFault>> {
    let mut faults = Vec::new();
    let mut values = Vec::new();
    for (name, json) in given {
        match declared(name) {
            None if what == Given::Request => {}
            // A null says that there is no value, as in an update.
            Some(_) if json.is_null() && what != Given::Parameters => {}
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
