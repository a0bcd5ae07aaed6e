//! `bailiwick roles`.

use std::{collections::BTreeMap, fmt::Write};

use anyhow::Result;
use bailiwick_proto::authorization::v1::{DescribeRoleRequest, ListRolesRequest, Role, RoleDescription};
use serde_json::{Value, json};

use crate::{
    cli::Output,
    connect::{self, Within},
    output,
};

/// Arguments of `roles`.
#[derive(clap::Args, Debug)]
pub(crate) struct Args {
    /// The role to describe; all are listed if none is given.
    role: Option<String>,
    #[command(flatten)]
    within: Within,
}

/// Lists the roles of an account, or describes one.
pub(crate) async fn run(arguments: &Args, output: Output) -> Result<()> {
    let at = arguments.within.open().await?;
    let account = at.account;
    let mut service = at.client.authorization().role();
    let Some(role) = arguments.role.clone() else {
        let roles = connect::message(service.list_roles(ListRolesRequest { account }).await)?.roles;
        let value: Value = roles.iter().map(role_json).collect();
        return output::print(output, &value, |_| list(&roles));
    };
    let request = DescribeRoleRequest { account, role };
    let described = connect::message(service.describe_role(request).await)?;
    let role = described.role.unwrap_or_default();
    let levels = described.levels.iter().map(|level| {
        json!({
            "level": level.level,
            "title": level.level_title,
            "permissions": level.permissions,
            "remarks": level.remarks,
            "assigns": level.assigns,
        })
    });
    let mut value = role_json(&role);
    value["at"] = levels.collect();
    output::print(output, &value, |_| describe(&role, &described.levels))
}

fn role_json(role: &Role) -> Value {
    let mut value = json!({"name": role.name, "title": role.title, "levels": role.levels});
    if !role.holders.is_empty() {
        value["holders"] = role.holders.clone().into();
    }
    value
}

fn list(roles: &[Role]) -> String {
    let row = |role: &Role| {
        vec![
            role.name.clone(),
            role.title.clone(),
            role.levels.join(", "),
            role.holders.clone(),
        ]
    };
    output::table(&["role", "title", "levels", "how many"], roles.iter().map(row)).to_string()
}

fn describe(role: &Role, levels: &[RoleDescription]) -> String {
    let mut text = format!("{} ({})", role.title, role.name);
    if !role.holders.is_empty() {
        text = format!("{text}: {} on each scope", role.holders);
    }
    for level in levels {
        let title = match level.level_title.as_str() {
            "" => &level.level,
            title => title,
        };
        // Writing to a string cannot fail.
        let _ = write!(text, "\n\nBound at level {title} ({})", level.level);
        let mut by_type: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
        for permission in &level.permissions {
            let (type_name, verb) = permission.split_once('.').unwrap_or((permission, ""));
            by_type.entry(type_name).or_default().push(verb);
        }
        let width = by_type.keys().map(|type_name| type_name.len()).max().unwrap_or(0);
        for (type_name, verbs) in &by_type {
            let _ = write!(text, "\n  {type_name:width$}  {}", verbs.join(", "));
        }
        if by_type.is_empty() {
            text.push_str("\n  nothing unconditionally");
        }
        for remark in &level.remarks {
            let _ = write!(text, "\n  {remark}");
        }
        if !level.assigns.is_empty() {
            let _ = write!(text, "\n  assigns: {}", level.assigns.join(", "));
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_role_is_described_by_level_and_type() {
        let role = Role {
            name: "csr".to_owned(),
            title: "CSR".to_owned(),
            levels: vec!["instance".to_owned()],
            ..Role::default()
        };
        let level = RoleDescription {
            level: "instance".to_owned(),
            level_title: "Segment".to_owned(),
            permissions: ["contact.view", "message.get_next", "message.view"]
                .map(str::to_owned)
                .to_vec(),
            remarks: vec!["message.answer, if one is its assignee".to_owned()],
            ..RoleDescription::default()
        };
        assert_eq!(
            describe(&role, &[level]),
            "CSR (csr)\n\nBound at level Segment (instance)\n  contact  view\n  message  get_next, view\n  \
             message.answer, if one is its assignee"
        );
    }
}
