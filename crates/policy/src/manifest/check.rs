//! Whether a manifest makes sense: every fault at once, each with the path of what it is about.

use std::collections::{BTreeMap, BTreeSet};

use bailiwick_types::{Level, ProductName, SettingType, did_you_mean};

use super::{
    ApprovalDecl, LevelDecl, Manifest, ParameterDecl, SUITE_TYPES, TypeDecl,
    check_role::{check_restricted, check_roles, check_services, permission_on},
};
use crate::{
    condition::{Condition, Types},
    value::ValueType,
};

/// Something that is wrong in a manifest or role, and where.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Fault {
    /// The path of what is wrong: `roles.admin.levels.account.permissions[0]`.
    pub path: String,
    /// What is wrong.
    pub message: String,
}

/// Collects faults.
#[derive(Debug, Default)]
pub(super) struct Faults(pub(super) Vec<Fault>);

impl Faults {
    pub(super) fn add(&mut self, path: impl Into<String>, message: impl Into<String>) {
        self.0.push(Fault {
            path: path.into(),
            message: message.into(),
        });
    }
}

/// A type as the checks see it: the suite's own or the product's.
#[derive(Debug, Clone)]
pub(super) struct KnownType<'m> {
    pub(super) verbs: BTreeSet<&'m str>,
    pub(super) decl: Option<&'m TypeDecl>,
}

/// What can be named in a manifest.
#[derive(Debug, Clone)]
pub(super) struct Known<'m> {
    pub(super) manifest: &'m Manifest,
    pub(super) types: BTreeMap<&'m str, KnownType<'m>>,
}

impl<'m> Known<'m> {
    pub(super) fn of(manifest: &'m Manifest) -> Self {
        let suite = SUITE_TYPES.iter().map(|of| {
            (
                of.name,
                KnownType {
                    verbs: of.verbs.iter().copied().collect(),
                    decl: None,
                },
            )
        });
        let own = manifest.types.iter().map(|(name, decl)| {
            let verbs = decl.verbs.iter().map(String::as_str).collect();
            (
                name.as_str(),
                KnownType {
                    verbs,
                    decl: Some(decl),
                },
            )
        });
        // The suite's own come last: a product cannot take their place.
        Self {
            manifest,
            types: own.chain(suite).collect(),
        }
    }

    pub(super) fn is_level(&self, level: Level) -> bool {
        level == Level::Account || self.manifest.levels.contains_key(&level)
    }

    /// The names of all permissions.
    fn permissions(&self) -> impl Iterator<Item = String> {
        let all = self.types.iter();
        all.flat_map(|(of, known)| known.verbs.iter().map(move |verb| format!("{of}.{verb}")))
    }

    /// The fault of a role that is not defined.
    pub(super) fn undefined_role(&self, name: &str) -> String {
        let hint = did_you_mean(name, self.manifest.roles.keys().map(String::as_str));
        format!("role `{name}` is not defined{hint}")
    }

    /// What conditions on permissions of these types may look at.
    pub(super) fn condition_types(&self, names: &[&str]) -> Types<'m> {
        let mut types = Types {
            context: self
                .manifest
                .context
                .iter()
                .map(|(name, kind)| (name.as_str(), *kind))
                .collect(),
            ..Types::default()
        };
        let decl = |name: &str| self.types.get(name).and_then(|known| known.decl);
        for name in names {
            let Some(own) = decl(name) else { continue };
            let others = own.on.iter().filter_map(|other| decl(other));
            for of in std::iter::once(own).chain(others) {
                for (name, attribute) in &of.attributes {
                    types.attribute(name, attribute.kind);
                }
            }
        }
        // As entries take them: those of a single type, unless the role declares them.
        if let [name] = names
            && let Some(own) = decl(name)
        {
            for (name, parameter) in &own.parameters {
                types.parameters.insert(name, parameter.kind);
            }
        }
        types
    }
}

/// Checks declared parameters.
pub(super) fn check_parameters(
    path: &str,
    parameters: &BTreeMap<String, ParameterDecl>,
    faults: &mut Faults,
) {
    for (name, decl) in parameters {
        let path = format!("{path}.{name}");
        check_name(&path, name, faults);
        let counted =
            matches!(decl.kind, ValueType::Int | ValueType::String) || decl.kind.element().is_some();
        if decl.max.is_some() && !counted {
            let message = format!("a value of type `{}` has no greatest value", decl.kind.as_str());
            faults.add(format!("{path}.max"), message);
        } else if decl.max.is_some_and(|max| max < 0) && decl.kind != ValueType::Int {
            faults.add(format!("{path}.max"), "must not be negative");
        }
    }
}

impl Manifest {
    /// Checks that everything named is declared and that all of it fits together.
    #[must_use]
    pub fn check(&self) -> Vec<Fault> {
        let known = Known::of(self);
        let mut faults = Faults::default();
        if self.product.parse::<ProductName>().is_err() || self.product == "deployment" {
            let rule = "must be 1 to 63 lower-case letters, digits and hyphens, a letter first, and not `deployment`";
            faults.add("product", rule);
        }
        check_levels(&self.levels, &mut faults);
        for (name, decl) in &self.types {
            check_type(&known, name, decl, &mut faults);
        }
        for name in self.context.keys() {
            check_name(&format!("context.{name}"), name, &mut faults);
        }
        self.check_settings(&mut faults);
        check_roles(&known, &mut faults);
        check_services(&known, &mut faults);
        check_restricted(&known, &mut faults);
        faults.0
    }

    /// Lists what makes sense and is probably not meant, a line each.
    #[must_use]
    pub fn warnings(&self) -> Vec<String> {
        let closed = |(name, decl): (&String, &TypeDecl)| {
            let is_closed = decl.registered && !decl.verbs.iter().any(|verb| verb == "create");
            is_closed.then(|| {
                format!(
                    "types.{name}: there is no verb `create`, so that no resource of the type can be registered; \
                     a type whose resources callers describe says `registered: false`"
                )
            })
        };
        self.types.iter().filter_map(closed).collect()
    }

    fn check_settings(&self, faults: &mut Faults) {
        for (name, decl) in &self.settings {
            let path = format!("settings.{name}");
            check_name(&path, name, faults);
            if decl.max.is_some() && decl.kind == SettingType::Bool {
                faults.add(format!("{path}.max"), "a bool has no greatest value");
            } else if decl.max.is_some_and(|max| max < 0) {
                faults.add(format!("{path}.max"), "must not be negative");
            } else if let Some(default) = &decl.default
                && let Err(message) = decl.kind.check(decl.max, default)
            {
                faults.add(format!("{path}.default"), message);
            }
        }
    }
}

pub(super) fn is_name(text: &str) -> bool {
    let mut chars = text.chars();
    chars.next().is_some_and(|c| c.is_ascii_lowercase())
        && chars.all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_')
        && text.len() <= 63
}

pub(super) fn check_name(path: &str, name: &str, faults: &mut Faults) {
    if !is_name(name) {
        faults.add(
            path,
            "must be 1 to 63 lower-case letters, digits and underscores, a letter first",
        );
    }
}

fn check_levels(levels: &BTreeMap<Level, LevelDecl>, faults: &mut Faults) {
    for (level, decl) in levels {
        let path = format!("levels.{level}");
        if *level < Level::Account {
            faults.add(&path, format!("level `{level}` is the suite's own"));
        }
        if *level != Level::Instance && !decl.editions.is_empty() {
            faults.add(format!("{path}.editions"), "only instances have editions");
        }
        let mut seen = BTreeSet::new();
        for (i, edition) in decl.editions.iter().enumerate() {
            let path = format!("{path}.editions[{i}]");
            check_name(&path, edition, faults);
            if !seen.insert(edition) {
                faults.add(path, format!("edition `{edition}` is there already"));
            }
        }
    }
}

fn check_type(known: &Known<'_>, name: &str, decl: &TypeDecl, faults: &mut Faults) {
    let path = format!("types.{name}");
    if SUITE_TYPES.iter().any(|of| of.name == name) {
        faults.add(&path, format!("type `{name}` is the suite's own"));
        return;
    }
    check_name(&path, name, faults);
    check_verbs(&path, decl, faults);
    for (i, other) in decl.on.iter().enumerate() {
        let path = format!("{path}.on[{i}]");
        match known.types.get(other.as_str()) {
            None => faults.add(
                path,
                format!(
                    "unknown type `{other}`{}",
                    did_you_mean(other, known.types.keys().copied())
                ),
            ),
            Some(_) if other == name => faults.add(path, "a type is asked on itself anyway"),
            Some(KnownType { decl: None, .. }) => {
                faults.add(
                    path,
                    format!("`{other}` is the suite's own; every type is asked on every scope anyway"),
                );
            }
            Some(_) => {}
        }
    }
    for (attribute, of) in &decl.attributes {
        let path = format!("{path}.attributes.{attribute}");
        check_name(&path, attribute, faults);
        let Some(verb) = &of.edit else { continue };
        let path = format!("{path}.edit");
        if !decl.verbs.contains(verb) {
            faults.add(path, unknown_verb(decl, verb));
        } else if !decl.registered {
            faults.add(
                path,
                "resources of this type are not registered: nobody writes their attributes",
            );
        }
    }
    check_parameters(&format!("{path}.parameters"), &decl.parameters, faults);
    for (verb, rule) in &decl.approvals {
        let path = format!("{path}.approvals.{verb}");
        if decl.verbs.contains(verb) {
            check_approval(known, &path, name, verb, rule, faults);
        } else {
            faults.add(path, unknown_verb(decl, verb));
        }
    }
    let types = known.condition_types(&[name]);
    for (verb, condition) in &decl.grants {
        let path = format!("{path}.grants.{verb}");
        if !decl.verbs.contains(verb) {
            faults.add(path, unknown_verb(decl, verb));
        } else if let Err(error) = Condition::compile(condition, &types) {
            faults.add(path, format!("{error} (at character {})", error.at + 1));
        }
    }
}

fn unknown_verb(decl: &TypeDecl, verb: &str) -> String {
    let hint = did_you_mean(verb, decl.verbs.iter().map(String::as_str));
    format!("unknown verb `{verb}`{hint}")
}

fn check_verbs(path: &str, decl: &TypeDecl, faults: &mut Faults) {
    if decl.verbs.is_empty() {
        faults.add(format!("{path}.verbs"), "a type has at least one verb");
    }
    let mut seen = BTreeSet::new();
    for (i, verb) in decl.verbs.iter().enumerate() {
        let path = format!("{path}.verbs[{i}]");
        check_name(&path, verb, faults);
        if !seen.insert(verb) {
            faults.add(path, format!("verb `{verb}` is there already"));
        }
    }
    for (verb, implied) in &decl.implies {
        let path = format!("{path}.implies.{verb}");
        if !decl.verbs.contains(verb) {
            faults.add(&path, unknown_verb(decl, verb));
        }
        for (i, other) in implied.iter().enumerate() {
            if !decl.verbs.contains(other) {
                faults.add(format!("{path}[{i}]"), unknown_verb(decl, other));
            }
        }
        if implied
            .iter()
            .any(|other| implied_verbs(decl, other).contains(verb.as_str()))
        {
            faults.add(path, format!("verb `{verb}` implies itself"));
        }
    }
}

/// The verb and all that it brings with it, whatever the number of steps.
pub(crate) fn implied_verbs<'d>(decl: &'d TypeDecl, verb: &'d str) -> BTreeSet<&'d str> {
    let mut all = BTreeSet::new();
    let mut open = vec![verb];
    while let Some(verb) = open.pop() {
        if all.insert(verb) {
            open.extend(decl.implies.get(verb).into_iter().flatten().map(String::as_str));
        }
    }
    all
}

pub(super) fn check_approval(
    known: &Known<'_>,
    path: &str,
    of_type: &str,
    verb: &str,
    rule: &ApprovalDecl,
    faults: &mut Faults,
) {
    let by_path = format!("{path}.by");
    match rule.by.split_once('.') {
        Some((by_type, by_verb))
            if known
                .types
                .get(by_type)
                .is_some_and(|of| of.verbs.contains(by_verb)) =>
        {
            if by_type == of_type && by_verb == verb {
                faults.add(by_path, "a permission is not approved by itself");
            } else {
                let others = known
                    .types
                    .get(of_type)
                    .and_then(|of| of.decl)
                    .into_iter()
                    .flat_map(|of| &of.on);
                for target in std::iter::once(of_type).chain(others.map(String::as_str)) {
                    if !permission_on(known, by_type, target) {
                        let message = format!(
                            "`{}` is not asked on `{target}`: list it there under `on`",
                            rule.by
                        );
                        faults.add(&by_path, message);
                    }
                }
            }
        }
        _ => {
            let names: Vec<String> = known.permissions().collect();
            let hint = did_you_mean(&rule.by, names.iter().map(String::as_str));
            faults.add(by_path, format!("unknown permission `{}`{hint}", rule.by));
        }
    }
    let of = known.types.get(of_type).and_then(|of| of.decl);
    let others = of.into_iter().flat_map(|of| &of.on);
    let on = others.filter_map(|other| known.types.get(other.as_str())?.decl);
    let attributes: BTreeSet<&str> = of
        .into_iter()
        .chain(on)
        .flat_map(|of| of.attributes.keys().map(String::as_str))
        .collect();
    for (i, name) in rule.binds.iter().enumerate() {
        if !attributes.contains(name.as_str()) {
            let hint = did_you_mean(name, attributes.iter().copied());
            faults.add(
                format!("{path}.binds[{i}]"),
                format!("unknown attribute `{name}`{hint}"),
            );
        }
    }
    if let Some(name) = &rule.when_setting {
        let path = format!("{path}.when_setting");
        match known.manifest.settings.get(name) {
            None => {
                let names = known.manifest.settings.keys().map(String::as_str);
                faults.add(
                    path,
                    format!("unknown setting `{name}`{}", did_you_mean(name, names)),
                );
            }
            Some(decl) if decl.kind != SettingType::Bool => {
                faults.add(path, format!("setting `{name}` is no bool"));
            }
            Some(_) => {}
        }
    }
}

/// The word for the attribute types, for messages.
pub(super) fn value_types() -> Vec<&'static str> {
    ValueType::ALL.iter().map(|kind| kind.as_str()).collect()
}
