//! What a role may do, in words for those who have it.

use std::collections::BTreeMap;

use bailiwick_policy::{AccountPolicy, ApprovalRule, Entry, PermissionInfo, Role, RoleLevel};
use bailiwick_proto::authorization::v1 as pb;
use bailiwick_types::Level;

/// What the role may do at each level at which it may be bound, the widest level first.
pub(super) fn levels(policy: &AccountPolicy, role: &Role) -> Vec<pb::RoleDescription> {
    let by_level: BTreeMap<Level, &RoleLevel> = role.levels().collect();
    by_level
        .into_iter()
        .map(|(level, at)| description(policy, level, at))
        .collect()
}

fn description(policy: &AccountPolicy, level: Level, at: &RoleLevel) -> pb::RoleDescription {
    let product = policy.product();
    let free = at.unconditional();
    let mut permissions: Vec<String> = free
        .iter()
        .filter_map(|no| product.permission(no))
        .filter(|info| !waits(policy, at, info))
        .map(|info| info.name.to_string())
        .collect();
    permissions.sort();
    let mut assigns: Vec<String> = policy
        .roles()
        .filter(|other| at.assigns().contains(other.no))
        .map(|other| other.name.to_string())
        .collect();
    assigns.sort();
    let mut remarks: Vec<String> = at
        .entries()
        .iter()
        .filter_map(|entry| remark(policy, entry))
        .collect();
    for info in at.permissions().iter().filter_map(|no| product.permission(no)) {
        if waits(policy, at, info)
            && let Some(rule) = policy.type_rule(info.no)
        {
            remarks.push(format!("{}, {}", info.name, after(policy, rule)));
        }
    }
    remarks.sort();
    remarks.dedup();
    let title = product
        .manifest()
        .levels
        .get(&level)
        .and_then(|decl| decl.title.clone());
    pb::RoleDescription {
        level: level.to_string(),
        level_title: title.unwrap_or_default(),
        permissions,
        remarks,
        assigns,
    }
}

/// Whether every way to the permission leads through an approval: every way without condition, where there is
/// one.
fn waits(policy: &AccountPolicy, at: &RoleLevel, info: &PermissionInfo) -> bool {
    let free = at.unconditional().contains(info.no);
    let mut ways = at
        .entries()
        .iter()
        .filter(|entry| entry.bits.contains(info.no) && !(free && entry.condition.is_some()));
    let ruled = policy.type_rule(info.no).is_some();
    ways.all(|entry| entry.own_rule().is_some() || (ruled && !entry.waives()))
}

fn remark(policy: &AccountPolicy, entry: &Entry) -> Option<String> {
    let product = policy.product();
    let mut words = product.pattern_text(entry.pattern)?;
    if entry.condition.is_none() && entry.own_rule().is_none() {
        return None;
    }
    if !entry.except.is_empty() {
        let except: Vec<String> = entry
            .except
            .iter()
            .filter_map(|of| product.pattern_text(*of))
            .collect();
        words = format!("{words} but not {}", except.join(", "));
    }
    if let Some(condition) = &entry.condition {
        words = format!("{words}, if {}", condition.words());
    }
    if let Some(rule) = entry.own_rule() {
        words = format!("{words}, {}", after(policy, rule));
    }
    Some(words)
}

/// Whose approval it takes, and for how long it holds.
fn after(policy: &AccountPolicy, rule: &ApprovalRule) -> String {
    let by = policy.product().permission(rule.by);
    let by = by.map(|info| info.name.to_string()).unwrap_or_default();
    let serves = match rule.serves {
        bailiwick_policy::manifest::Serves::Once => "each time",
        bailiwick_policy::manifest::Serves::Stays => "once and for all",
    };
    let mut words = format!("after an approval, {serves}, by whoever has {by}");
    if let Some(name) = &rule.when_setting {
        words = format!("{words}, while the setting {name} is on");
    }
    words
}

#[cfg(test)]
mod tests {
    use std::{collections::BTreeMap, sync::Arc};

    use bailiwick_policy::{Numbers, compile, manifest};
    use serde_json::json;

    use super::*;

    const MANIFEST: &str = "
product: shop
levels: {account: {title: Shop}, instance: {title: Branch, editions: [a]}}
settings: {ask: {type: bool, default: true}}
types:
  order:
    verbs: [view, edit, ship, pay, approve]
    implies: {edit: [view]}
    approvals: {ship: {by: order.approve, serves: stays, when_setting: ask}}
roles:
  clerk:
    levels:
      account: {permissions: [order.ship], assigns: [clerk]}
      instance:
        permissions:
          - order.view
          - {permission: order.edit, when: resource.owner == subject.id}
          - {permission: order.pay, approval: {by: order.approve, serves: once}}
  fast: {levels: {account: {permissions: [{permission: order.ship, approval: none}]}}}
  odd: {levels: {account: {permissions: [{permission: \"order.*\", except: [order.ship], when: resource.owner == subject.id}]}}}
";

    fn told(role: &str, ask: bool) -> Vec<pb::RoleDescription> {
        let (product, _) = compile(&manifest::parse(MANIFEST).unwrap(), Numbers::default()).unwrap();
        let settings = BTreeMap::from([("ask".to_owned(), json!(ask))]);
        let policy = AccountPolicy::compile(Arc::new(product), vec![], vec![], settings);
        let role = policy.role(policy.role_no(role).unwrap()).unwrap();
        levels(&policy, role)
    }

    #[test]
    fn a_role_is_told_level_by_level_the_widest_first() {
        let told = told("clerk", true);
        let heads: Vec<_> = told.iter().map(|of| (&*of.level, &*of.level_title)).collect();
        assert_eq!(heads, [("account", "Shop"), ("instance", "Branch")]);
        assert_eq!(told[0].assigns, ["clerk"]);
        assert_eq!(told[1].permissions, ["order.view"]);
        assert_eq!(
            told[1].remarks,
            [
                "order.edit, if one owns it",
                "order.pay, after an approval, each time, by whoever has order.approve",
            ]
        );
        assert!(told[1].assigns.is_empty());
    }

    #[test]
    fn what_has_to_be_approved_is_no_plain_permission_unless_it_is_waived_or_switched_off() {
        let waits = told("clerk", true);
        assert!(waits[0].permissions.is_empty());
        assert_eq!(
            waits[0].remarks,
            [
                "order.ship, after an approval, once and for all, by whoever has order.approve, while the setting ask is on"
            ]
        );
        assert_eq!(told("clerk", false)[0].permissions, ["order.ship"]);
        assert_eq!(told("fast", true)[0].permissions, ["order.ship"]);
    }

    #[test]
    fn a_pattern_says_what_it_leaves_out_and_when_it_counts() {
        assert_eq!(
            told("odd", true)[0].remarks,
            ["order.* but not order.ship, if one owns it"]
        );
    }
}
