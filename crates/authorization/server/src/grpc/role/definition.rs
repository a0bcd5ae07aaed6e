//! Definitions of roles, as the protos and the manifest say them.

use bailiwick_policy::{
    AccountPolicy, Role,
    manifest::{
        ApprovalDecl, AssignDecl, EntryApproval, EntryDecl, Holders, RoleDecl, RoleLevelDecl, Serves, Span,
        WaivedWord,
    },
};

use crate::grpc::grant::level;
use crate::grpc::prelude::*;

pub(super) fn entry(fields: &mut Fields, field: &str, given: pb::RoleEntry) -> EntryDecl {
    let approval = match (given.approval.as_str(), given.approval_rule) {
        ("", None) => None,
        ("", Some(of)) => rule(fields, &format!("{field}.approval_rule"), of).map(EntryApproval::Rule),
        ("none", None) => Some(EntryApproval::Waived(WaivedWord::None)),
        ("none", Some(_)) => {
            fields.violate(
                &format!("{field}.approval"),
                "must be empty where there is a rule",
            );
            None
        }
        _ => {
            fields.violate(&format!("{field}.approval"), "must be `none` or empty");
            None
        }
    };
    EntryDecl {
        permission: given.permission,
        except: given.except,
        when: Some(given.when).filter(|when| !when.is_empty()),
        approval,
    }
}

fn rule(fields: &mut Fields, field: &str, given: pb::ApprovalRule) -> Option<ApprovalDecl> {
    let expires = match given.lifetime {
        None => None,
        Some(lifetime) => {
            let whole = (lifetime.nanos == 0).then(|| format!("{}s", lifetime.seconds).parse::<Span>());
            let Some(Ok(span)) = whole else {
                fields.violate(
                    &format!("{field}.lifetime"),
                    "must be a whole number of seconds from 1",
                );
                return None;
            };
            Some(span)
        }
    };
    Some(ApprovalDecl {
        by: given.by,
        serves: if given.stays { Serves::Stays } else { Serves::Once },
        expires,
        when_setting: Some(given.when_setting).filter(|name| !name.is_empty()),
        binds: given.binds,
    })
}

fn rule_words(of: &ApprovalDecl) -> pb::ApprovalRule {
    pb::ApprovalRule {
        by: of.by.clone(),
        stays: of.serves == Serves::Stays,
        lifetime: of.expires.map(|span| prost_types::Duration {
            seconds: i64::try_from(span.seconds()).unwrap_or(i64::MAX),
            nanos: 0,
        }),
        when_setting: of.when_setting.clone().unwrap_or_default(),
        binds: of.binds.clone(),
    }
}

fn entry_words(of: &EntryDecl) -> pb::RoleEntry {
    pb::RoleEntry {
        permission: of.permission.clone(),
        except: of.except.clone(),
        when: of.when.clone().unwrap_or_default(),
        approval: match &of.approval {
            Some(EntryApproval::Waived(_)) => "none".to_owned(),
            _ => String::new(),
        },
        approval_rule: match &of.approval {
            Some(EntryApproval::Rule(of)) => Some(rule_words(of)),
            _ => None,
        },
    }
}

pub(crate) fn definition(
    fields: &mut Fields,
    given: Option<pb::RoleDefinition>,
) -> Option<(String, RoleDecl)> {
    let Some(given) = given else {
        fields.violate("role", "must be given");
        return None;
    };
    let name = fields.text("role.name", &given.name, 63);
    if !given
        .name
        .bytes()
        .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_')
    {
        fields.violate("role.name", "must be 1 to 63 lower-case letters, digits and `_`");
    }
    let title = fields.text("role.title", &given.title, 200);
    let mut decl = RoleDecl {
        title,
        holders: holders(fields, &given.holders),
        ..RoleDecl::default()
    };
    for (word, at) in given.levels {
        let Some(level) = level(fields, &format!("role.levels.{word}"), &word) else {
            continue;
        };
        let path = |n: usize| format!("role.levels.{word}.permissions[{n}]");
        let permissions = at
            .permissions
            .into_iter()
            .enumerate()
            .map(|(n, given)| entry(fields, &path(n), given));
        let permissions = permissions.collect();
        for other in at.includes {
            if !decl.includes.contains(&other) {
                decl.includes.push(other);
            }
        }
        decl.levels.insert(
            level,
            RoleLevelDecl {
                permissions,
                assigns: at.assigns.into_iter().map(AssignDecl::plain).collect(),
            },
        );
    }
    name.map(|name| (name, decl))
}

/// Reads a rule about holders, which only manifests may have: the policy refuses it with the other faults of
/// the role.
fn holders(fields: &mut Fields, given: &str) -> Option<Holders> {
    let count = |words: &str| given.strip_prefix(words).and_then(|count| count.parse().ok());
    let rule = count("exactly ")
        .map(Holders::Exactly)
        .or_else(|| count("at least ").map(Holders::AtLeast));
    if rule.is_none() && !given.is_empty() {
        fields.violate("role.holders", "must be `exactly 1`, `at least 1` or empty");
    }
    rule
}

pub(super) fn definition_words(name: &str, decl: &RoleDecl) -> pb::RoleDefinition {
    let level = |at: &RoleLevelDecl| pb::RoleLevel {
        permissions: at.permissions.iter().map(entry_words).collect(),
        assigns: at.assigns.iter().map(|assign| assign.role.clone()).collect(),
        includes: decl.includes.clone(),
    };
    pb::RoleDefinition {
        name: name.to_owned(),
        title: decl.title.clone().unwrap_or_default(),
        levels: decl
            .levels
            .iter()
            .map(|(word, at)| (word.to_string(), level(at)))
            .collect(),
        holders: convert::holders(decl.holders),
    }
}

/// A role as it is declared in this account, changes of the account included.
pub(super) fn declared(policy: &AccountPolicy, role: &Role) -> Option<RoleDecl> {
    if let Some(own) = policy.custom_role(role.no) {
        return Some(own.decl.clone());
    }
    let roles = &policy.product().manifest().roles;
    let decl = roles.get(&*role.name)?;
    let Some(overlay) = policy.overlay(role.no) else {
        return Some(decl.clone());
    };
    let mut flat = decl.flatten(&|name| roles.get(name));
    for (level, change) in &overlay.levels {
        flat.change(*level, &change.add, &change.remove);
    }
    Some(flat)
}
