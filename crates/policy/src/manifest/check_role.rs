//! Whether roles make sense: those of a manifest and those that accounts define.

use std::collections::{BTreeMap, BTreeSet};

use bailiwick_types::{Level, did_you_mean};

use super::{
    AssignDecl, EntryApproval, EntryDecl, Holders, Manifest, ParameterDecl, RoleDecl, ServiceDecl,
    check::{Fault, Faults, Known, check_approval, check_name, check_parameters},
    inherit::{Roles, includes_of, levels_of, parameters_of},
};
use crate::condition::Condition;

/// What an entry's text names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Pattern<'t> {
    All,
    Type(&'t str),
    One(&'t str, &'t str),
}

/// Reads `*`, `TYPE.*` or `TYPE.VERB`.
pub(crate) fn parse_pattern(text: &str) -> Option<Pattern<'_>> {
    if text == "*" {
        return Some(Pattern::All);
    }
    match text.split_once('.')? {
        (of, "*") => Some(Pattern::Type(of)),
        (of, verb) => Some(Pattern::One(of, verb)),
    }
}

impl Pattern<'_> {
    fn covers(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::All, _) => true,
            (Self::Type(a), Self::Type(b) | Self::One(b, _)) => a == b,
            _ => false,
        }
    }
}

/// Whether permissions of type `of` are asked on resources of type `target`.
pub(super) fn permission_on(known: &Known<'_>, of: &str, target: &str) -> bool {
    let lists = |decl: &super::TypeDecl| decl.on.iter().any(|other| other == target);
    of == target || known.types.get(of).and_then(|of| of.decl).is_some_and(lists)
}

/// The greatest number of entries of a role at a level.
const MAX_ENTRIES: usize = 1_000;

/// Names that no role of a product or account may have.
const RESERVED: [&str; 2] = ["operator", "service"];

pub(super) fn check_roles(known: &Known<'_>, faults: &mut Faults) {
    let manifest = known.manifest;
    for (name, decl) in &manifest.roles {
        let path = format!("roles.{name}");
        check_name(&path, name, faults);
        if RESERVED.contains(&name.as_str()) {
            faults.add(&path, format!("role `{name}` is the suite's own"));
        }
        if let Some(Holders::Exactly(count) | Holders::AtLeast(count)) = decl.holders
            && count != 1
        {
            faults.add(format!("{path}.holders"), "must be `exactly: 1` or `at_least: 1`");
        }
        let role = |other: &str| manifest.roles.get(other);
        check_role(known, &path, decl, &role, faults);
        if includes_of(decl, &role).contains(name as &str) {
            faults.add(
                format!("{path}.includes"),
                format!("role `{name}` includes itself"),
            );
        }
    }
    let kinds = manifest
        .subjects
        .kinds
        .iter()
        .map(|(kind, role)| (format!("kinds.{}", kind.as_str()), role));
    let anonymous = manifest
        .subjects
        .anonymous
        .iter()
        .map(|role| ("anonymous".to_owned(), role));
    for (place, default) in kinds.chain(anonymous) {
        let Some(name) = &default.role else { continue };
        let path = format!("subjects.{place}.role");
        match manifest.roles.get(name) {
            None => faults.add(path, known.undefined_role(name)),
            Some(decl) if decl.holders.is_some() => {
                faults.add(
                    path,
                    format!("role `{name}` has a rule about its holders and cannot be a default"),
                );
            }
            Some(decl) if !levels_of(decl, &|other| manifest.roles.get(other)).contains(&Level::Account) => {
                faults.add(path, format!("role `{name}` cannot be bound at an account"));
            }
            Some(_) => {}
        }
    }
}

/// Checks the roles of the product's own services.
pub(super) fn check_services(known: &Known<'_>, faults: &mut Faults) {
    let manifest = known.manifest;
    for (name, decl) in &manifest.services {
        let path = format!("services.{name}");
        check_name(&path, name, faults);
        if RESERVED.contains(&name.as_str()) {
            faults.add(&path, format!("role `{name}` is the suite's own"));
        } else if manifest.roles.contains_key(name) {
            faults.add(
                &path,
                format!("`{name}` is the name of a role under `roles` already"),
            );
        }
        check_service(known, &path, decl, faults);
    }
}

fn check_service(known: &Known<'_>, path: &str, decl: &ServiceDecl, faults: &mut Faults) {
    if decl.permissions.is_empty() && decl.assigns.is_empty() {
        faults.add(path, "the role gives nothing: name its permissions");
    }
    if decl.permissions.len() > MAX_ENTRIES {
        let message = format!("there are more than {MAX_ENTRIES} entries");
        faults.add(format!("{path}.permissions"), message);
    }
    for (i, entry) in decl.permissions.iter().enumerate() {
        let path = format!("{path}.permissions[{i}]");
        if let Some(Pattern::All | Pattern::Type(_)) = parse_pattern(&entry.permission) {
            let message = format!(
                "`{}` is a pattern: a service's role names each permission, `TYPE.VERB`",
                entry.permission
            );
            faults.add(path, message);
            continue;
        }
        check_entry(known, &path, entry, &BTreeMap::new(), faults);
        check_unbound(known, &path, entry, faults);
    }
    for (i, name) in decl.assigns.iter().enumerate() {
        let path = format!("{path}.assigns[{i}]");
        if name == "*" {
            faults.add(
                path,
                "`*` is a pattern: a service's role names each role that it assigns",
            );
        } else if !known.manifest.roles.contains_key(name) {
            faults.add(path, known.undefined_role(name));
        }
    }
}

/// What is bound at a product has no parameters: a condition that looks at one would never be true.
fn check_unbound(known: &Known<'_>, path: &str, entry: &EntryDecl, faults: &mut Faults) {
    let Some(Pattern::One(of, _)) = parse_pattern(&entry.permission) else {
        return;
    };
    let types = known.condition_types(&[of]);
    let condition = entry
        .when
        .as_ref()
        .map(|source| Condition::compile(source, &types));
    if let Some(Ok(condition)) = condition
        && let Some(name) = condition.parameters().keys().next()
    {
        let message = format!("`grant.{name}`: what is bound at the product has no parameters");
        faults.add(format!("{path}.when"), message);
    }
}

/// Checks a role that an account defines, beside its other roles.
pub(crate) fn check_custom_role<'r>(
    manifest: &'r Manifest,
    name: &str,
    decl: &'r RoleDecl,
    own: &dyn Fn(&str) -> Option<&'r RoleDecl>,
) -> Vec<Fault> {
    let known = Known::of(manifest);
    let mut faults = Faults::default();
    check_name("name", name, &mut faults);
    let of_product = manifest.roles.contains_key(name) || manifest.services.contains_key(name);
    if RESERVED.contains(&name) || of_product {
        faults.add("name", format!("role `{name}` is the product's"));
    }
    if decl.holders.is_some() {
        faults.add(
            "holders",
            "only roles of a manifest have a rule about their holders",
        );
    }
    let role = |other: &str| {
        if other == name {
            Some(decl)
        } else {
            manifest.roles.get(other).or_else(|| own(other))
        }
    };
    for (level, at) in &decl.levels {
        let to_self = at.assigns.iter().position(|assign| assign.to_self);
        if let Some(i) = to_self {
            faults.add(
                format!("levels.{level}.assigns[{i}].self"),
                "only roles of a manifest assign a role to whoever holds them",
            );
        }
    }
    check_role(&known, "", decl, &role, &mut faults);
    if includes_of(decl, &role).contains(name as &str) {
        faults.add("includes", format!("role `{name}` includes itself"));
    }
    faults.0
}

fn join(path: &str, rest: &str) -> String {
    if path.is_empty() {
        rest.to_owned()
    } else {
        format!("{path}.{rest}")
    }
}

fn check_role<'r>(
    known: &Known<'_>,
    path: &str,
    decl: &'r RoleDecl,
    role: Roles<'_, 'r>,
    faults: &mut Faults,
) {
    if decl.levels.is_empty() && decl.includes.is_empty() {
        faults.add(join(path, "levels"), "the role can be bound nowhere");
    }
    for (i, name) in decl.includes.iter().enumerate() {
        let path = join(path, &format!("includes[{i}]"));
        match role(name) {
            None => faults.add(path, known.undefined_role(name)),
            Some(other) if other.holders.is_some() => {
                faults.add(
                    path,
                    format!("role `{name}` has a rule about its holders and cannot be included"),
                );
            }
            Some(_) => {}
        }
    }
    check_parameters(&join(path, "parameters"), &decl.parameters, faults);
    for other in includes_of(decl, role).into_iter().filter_map(role) {
        for (name, theirs) in &other.parameters {
            if let Some(own) = decl.parameters.get(name)
                && own.kind != theirs.kind
            {
                let message = format!("an included role declares it as `{}`", theirs.kind.as_str());
                faults.add(join(path, &format!("parameters.{name}.type")), message);
            }
        }
    }
    let parameters = parameters_of(decl, role);
    for (level, at) in &decl.levels {
        let path = join(path, &format!("levels.{level}"));
        if *level < Level::Account {
            faults.add(&path, format!("level `{level}` is the suite's own"));
        } else if !known.is_level(*level) {
            faults.add(&path, format!("the product has no level `{level}`"));
        }
        if at.permissions.len() > MAX_ENTRIES {
            faults.add(
                format!("{path}.permissions"),
                format!("there are more than {MAX_ENTRIES} entries"),
            );
        }
        for (i, entry) in at.permissions.iter().enumerate() {
            check_entry(
                known,
                &format!("{path}.permissions[{i}]"),
                entry,
                &parameters,
                faults,
            );
        }
        for (i, AssignDecl { role: name, .. }) in at.assigns.iter().enumerate() {
            let path = format!("{path}.assigns[{i}]");
            if name == "*" {
                continue;
            }
            match role(name) {
                None => faults.add(path, known.undefined_role(name)),
                Some(other) if levels_of(other, role).iter().all(|bound| bound < level) => {
                    faults.add(
                        path,
                        format!("role `{name}` cannot be bound at level `{level}` or below"),
                    );
                }
                Some(_) => {}
            }
        }
    }
}

/// Checks what an account keeps while it is restricted.
pub(super) fn check_restricted(known: &Known<'_>, faults: &mut Faults) {
    let mut seen = BTreeSet::new();
    for (i, text) in known.manifest.restricted.iter().enumerate() {
        let path = format!("restricted[{i}]");
        if parse_pattern(text) == Some(Pattern::All) {
            faults.add(path, "`*` restricts nothing: name what is kept");
        } else if !seen.insert(text) {
            faults.add(path, format!("`{text}` is there already"));
        } else {
            check_pattern(known, &path, text, faults);
        }
    }
}

fn check_pattern(known: &Known<'_>, path: &str, text: &str, faults: &mut Faults) -> bool {
    let unknown_type = |of: &str| {
        let hint = did_you_mean(of, known.types.keys().copied());
        format!("unknown type `{of}` in permission `{text}`{hint}")
    };
    let message = match parse_pattern(text) {
        Some(Pattern::All) => return true,
        Some(Pattern::Type(of)) if known.types.contains_key(of) => return true,
        Some(Pattern::One(of, verb)) => match known.types.get(of) {
            Some(known) if known.verbs.contains(verb) => return true,
            Some(known) => {
                let hint = did_you_mean(verb, known.verbs.iter().copied());
                format!("type `{of}` has no verb `{verb}`{hint}")
            }
            None => unknown_type(of),
        },
        Some(Pattern::Type(of)) => unknown_type(of),
        None => format!("`{text}` is no permission: expected `TYPE.VERB`, `TYPE.*` or `*`"),
    };
    faults.add(path, message);
    false
}

fn check_entry(
    known: &Known<'_>,
    path: &str,
    entry: &EntryDecl,
    parameters: &BTreeMap<String, ParameterDecl>,
    faults: &mut Faults,
) {
    let permission = if entry.except.is_empty() && entry.when.is_none() && entry.approval.is_none() {
        path.to_owned()
    } else {
        format!("{path}.permission")
    };
    let whole = check_pattern(known, &permission, &entry.permission, faults)
        .then(|| parse_pattern(&entry.permission));
    let whole = whole.flatten();
    for (i, text) in entry.except.iter().enumerate() {
        let path = format!("{path}.except[{i}]");
        if !check_pattern(known, &path, text, faults) {
            continue;
        }
        match (whole, parse_pattern(text)) {
            // What a single permission brings by implication may be kept out, as a change to a role does.
            (Some(Pattern::One(of, verb)), Some(Pattern::One(other, left_out)))
                if of == other && verb != left_out => {}
            (Some(Pattern::One(..)), _) => faults.add(path, "only a pattern has exceptions"),
            (Some(whole), Some(part)) if !whole.covers(&part) || whole == part => {
                faults.add(path, format!("`{text}` is no part of `{}`", entry.permission));
            }
            _ => {}
        }
    }
    let names: Vec<&str> = match whole {
        None => return,
        Some(Pattern::All) => known.types.keys().copied().collect(),
        Some(Pattern::Type(of) | Pattern::One(of, _)) => vec![of],
    };
    let mut types = known.condition_types(&names);
    for (name, parameter) in parameters {
        types.parameters.insert(name, parameter.kind);
    }
    if let Some(source) = &entry.when
        && let Err(error) = Condition::compile(source, &types)
    {
        faults.add(
            format!("{path}.when"),
            format!("{error} (at character {})", error.at + 1),
        );
    }
    if let Some(EntryApproval::Rule(rule)) = &entry.approval {
        let path = format!("{path}.approval");
        match whole {
            Some(Pattern::One(of, verb)) => check_approval(known, &path, of, verb, rule, faults),
            _ => faults.add(
                path,
                "a rule of its own is for a single permission; a pattern may only waive",
            ),
        }
    }
}
