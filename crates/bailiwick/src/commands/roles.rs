//! `bailiwick roles`: the roles of an account, and what one of them may do.

use std::{collections::BTreeMap, fmt::Write};

use anyhow::Result;
use bailiwick_proto::authorization::v1::{DescribeRoleRequest, ListRolesRequest, Role, RoleDescription};
use serde::Serialize;

use crate::{
    cli::{Output, Roles},
    connect, output, words,
};

/// A role in a list.
#[derive(Serialize)]
struct Listed {
    name: String,
    title: String,
    levels: Vec<String>,
    #[serde(skip_serializing_if = "String::is_empty")]
    holders: String,
}

impl From<Role> for Listed {
    fn from(role: Role) -> Self {
        Self {
            name: role.name,
            title: role.title,
            levels: role.levels,
            holders: role.holders,
        }
    }
}

/// A role and what it may do.
#[derive(Serialize)]
struct Described {
    #[serde(flatten)]
    role: Listed,
    at: Vec<At>,
}

/// What it may do where it is bound at one level.
#[derive(Serialize)]
struct At {
    level: String,
    title: String,
    permissions: Vec<String>,
    remarks: Vec<String>,
    assigns: Vec<String>,
}

impl From<RoleDescription> for At {
    fn from(of: RoleDescription) -> Self {
        Self {
            level: of.level,
            title: of.level_title,
            permissions: of.permissions,
            remarks: of.remarks,
            assigns: of.assigns,
        }
    }
}

/// Lists the roles of an account, or describes one.
pub(crate) async fn run(arguments: &Roles, how: Output) -> Result<()> {
    let client = connect::client(&arguments.connection)?;
    let account = arguments.account.clone();
    let Some(role) = arguments.role.clone() else {
        let request = ListRolesRequest { account };
        let came = client.authorization().role().list_roles(request).await;
        let roles = came.map_err(words::fault)?.into_inner().roles;
        let roles: Vec<Listed> = roles.into_iter().map(Listed::from).collect();
        return output::print(how, &roles, |roles| list(roles));
    };
    let request = DescribeRoleRequest { account, role };
    let came = client.authorization().role().describe_role(request).await;
    let came = came.map_err(words::fault)?.into_inner();
    let described = Described {
        role: came.role.unwrap_or_default().into(),
        at: came.levels.into_iter().map(At::from).collect(),
    };
    output::print(how, &described, describe)
}

fn list(roles: &[Listed]) -> String {
    let row = |role: &Listed| {
        vec![
            role.name.clone(),
            role.title.clone(),
            role.levels.join(", "),
            role.holders.clone(),
        ]
    };
    output::table(&["role", "title", "levels", "how many"], roles.iter().map(row))
}

fn describe(of: &Described) -> String {
    let mut text = format!("{} ({})", of.role.title, of.role.name);
    if !of.role.holders.is_empty() {
        text = format!("{text}: {} in each place", of.role.holders);
    }
    for at in &of.at {
        let title = if at.title.is_empty() { &at.level } else { &at.title };
        // Writing to a text does not fail.
        let _ = write!(text, "\n\nWhere it is given on the level {title} ({})", at.level);
        let mut by_type: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
        for permission in &at.permissions {
            let (of, verb) = permission.split_once('.').unwrap_or((permission, ""));
            by_type.entry(of).or_default().push(verb);
        }
        let width = by_type.keys().map(|of| of.len()).max().unwrap_or(0);
        for (of, verbs) in &by_type {
            let _ = write!(text, "\n  {of:width$}  {}", verbs.join(", "));
        }
        if by_type.is_empty() {
            text.push_str("\n  nothing without a condition");
        }
        for remark in &at.remarks {
            let _ = write!(text, "\n  {remark}");
        }
        if !at.assigns.is_empty() {
            let _ = write!(text, "\n  assigns: {}", at.assigns.join(", "));
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_role_reads_as_a_person_would_tell_it() {
        let described = Described {
            role: Listed {
                name: "csr".to_owned(),
                title: "CSR".to_owned(),
                levels: vec!["instance".to_owned()],
                holders: String::new(),
            },
            at: vec![At {
                level: "instance".to_owned(),
                title: "Segment".to_owned(),
                permissions: ["contact.view", "message.get_next", "message.view"]
                    .map(str::to_owned)
                    .to_vec(),
                remarks: vec!["message.answer, if one is its assignee".to_owned()],
                assigns: vec![],
            }],
        };
        assert_eq!(
            describe(&described),
            "CSR (csr)\n\nWhere it is given on the level Segment (instance)\n  contact  view\n  message  get_next, view\n  \
             message.answer, if one is its assignee"
        );
    }
}
