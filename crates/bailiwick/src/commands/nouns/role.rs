//! `bailiwick role`.

use std::{collections::BTreeMap, fmt::Write, path::PathBuf};

use anyhow::{Context, Result};
use bailiwick_proto::authorization::v1::{
    ChangeRoleRequest, CreateRoleRequest, DeleteRoleRequest, DescribeRoleRequest, ListRolesRequest,
    PreviewRoleChangeRequest, Role, RoleDescription, RoleEntry,
};
use serde_json::{Value, json};

use super::{DryRun, all_pages};
use crate::{
    cli::Output,
    connect::{Within, message},
    output,
};

/// What to do with the roles of an account.
#[derive(clap::Subcommand, Debug)]
pub(crate) enum Command {
    /// List the roles, those of the product and the account's own.
    List(Within),
    /// Show what a role may do, at each level.
    Describe(One),
    /// Create a role of the account's own.
    Create {
        /// File with the role (YAML or JSON): `name`, `title` and `levels`, as a manifest writes them.
        file: PathBuf,
        #[command(flatten)]
        within: Within,
    },
    /// Add permissions to a role, or remove some.
    Change {
        /// The name of the role.
        role: String,
        /// The level.
        #[arg(long, value_name = "NAME")]
        level: String,
        /// A permission to add, `TYPE.VERB`. May be repeated.
        #[arg(long, value_name = "PERMISSION")]
        add: Vec<String>,
        /// A permission to remove, `TYPE.VERB`. May be repeated.
        #[arg(long, value_name = "PERMISSION")]
        remove: Vec<String>,
        #[command(flatten)]
        dry_run: DryRun,
        #[command(flatten)]
        within: Within,
    },
    /// Delete a role of the account's own.
    Delete(One),
}

/// One role.
#[derive(clap::Args, Debug)]
pub(crate) struct One {
    /// The name of the role.
    role: String,
    #[command(flatten)]
    within: Within,
}

/// Does it.
pub(crate) async fn run(command: Command, output: Output) -> Result<()> {
    match command {
        Command::List(within) => {
            let at = within.open().await?;
            let request = ListRolesRequest { account: at.account };
            let roles = message(at.client.authorization().role().list_roles(request).await)?.roles;
            let value: Value = roles.iter().map(role_json).collect();
            output::print(output, &value, |_| list(&roles))
        }
        Command::Describe(one) => described(&one, output).await,
        Command::Create { file, within } => {
            let text = std::fs::read_to_string(&file);
            let text = text.with_context(|| format!("cannot read `{}`", file.display()))?;
            let at = within.open().await?;
            let request = CreateRoleRequest {
                account: at.account,
                role: Some(output::read_message(&text).with_context(|| format!("`{}`", file.display()))?),
            };
            let made = message(at.client.authorization().role().create_role(request).await)?;
            output::answer(output, &made, "created")
        }
        Command::Change {
            role,
            level,
            add,
            remove,
            dry_run,
            within,
        } => {
            let at = within.open().await?;
            let entry = |permission| RoleEntry {
                permission,
                ..RoleEntry::default()
            };
            let change = ChangeRoleRequest {
                role: at.role(&role).await?,
                account: at.account,
                level,
                add: add.into_iter().map(entry).collect(),
                remove,
            };
            let service = at.client.authorization().role();
            if dry_run.is_set() {
                let request = PreviewRoleChangeRequest {
                    change: Some(change),
                    ..PreviewRoleChangeRequest::default()
                };
                let all = all_pages!(service, preview_role_change, request, changes);
                return output::preview(output, &all);
            }
            let mut service = service;
            output::answer(output, &message(service.change_role(change).await)?, "changed")
        }
        Command::Delete(One { role, within }) => {
            let at = within.open().await?;
            let request = DeleteRoleRequest {
                role: at.role(&role).await?,
                account: at.account,
                ..DeleteRoleRequest::default()
            };
            let gone = message(at.client.authorization().role().delete_role(request).await)?;
            output::answer(output, &gone, "deleted")
        }
    }
}

async fn described(one: &One, output: Output) -> Result<()> {
    let at = one.within.open().await?;
    let request = DescribeRoleRequest {
        role: at.role(&one.role).await?,
        account: at.account,
    };
    let described = message(at.client.authorization().role().describe_role(request).await)?;
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
