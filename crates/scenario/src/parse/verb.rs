//! The verbs and their arguments.

use std::time::Duration;

use bailiwick_proto::authorization::v1::{AppliesTo, DeleteMode};

use crate::{
    fault::Position,
    model::{Act, Binding, Grant, Level, Password, Resource, Scope, Target},
    parse::{
        expect::Expects,
        fields::{Context, Fields},
        role, to_come,
    },
    yaml::{Node, Value},
};

const PASSWORDS: [(&str, Password); 3] = [
    ("right", Password::Right),
    ("wrong", Password::Wrong),
    ("none", Password::None),
];

const MODES: [(&str, DeleteMode); 2] = [("replace", DeleteMode::Replace), ("delete", DeleteMode::Delete)];
const APPLIES_TO: [(&str, AppliesTo); 3] = [
    ("existing", AppliesTo::Existing),
    ("future", AppliesTo::Future),
    ("all", AppliesTo::All),
];

/// What a verb answers; none for a word that is no verb.
pub(crate) fn expects(verb: &str) -> Option<Expects> {
    Some(match verb {
        "check" => Expects::Decision,
        "list_permissions" | "list_resources" => Expects::Names,
        "list_scopes" => Expects::Scopes,
        "list_users" => Expects::Users,
        "list_workspaces" => Expects::Workspaces,
        "preview_move" | "preview_role_change" => Expects::Rows,
        "seats" => Expects::Seats,
        "advance" => Expects::Nothing,
        "sign_up" | "create_instance" | "create_workspace" | "update" | "delete" | "suspend_account"
        | "reactivate_account" | "move_workspace" | "invite" | "accept" | "assign" | "revoke" | "grant"
        | "ungrant" | "transfer_ownership" | "register" | "update_resource" | "transfer_resource"
        | "unregister" | "create_group" | "add_to_group" | "remove_from_group" | "define_role"
        | "change_role" | "request_approval" | "approve" | "reject" | "consume_approval"
        | "copy_permissions" | "set_quota" | "suspend" | "reactivate" | "remove_user" | "delete_user"
        | "settings" => Expects::Outcome,
        _ => return None,
    })
}

/// Reads the arguments of a verb.
pub(crate) fn read(context: &mut Context, verb: &str, at: Position, node: &Node) -> Option<Act> {
    if verb == "advance" {
        return advance(context, node);
    }
    let mut f = Fields::of(context, &format!("`{verb}`"), node);
    let act = match verb {
        "check" => Act::Check {
            user: f.need_user("user"),
            permission: f.need_text("permission"),
            on: f.need_target("on"),
            attributes: f.json("attributes"),
            digest: f.text("digest").unwrap_or_default(),
        },
        "list_permissions" => Act::ListPermissions {
            user: f.need_user("user"),
            on: f.need_target("on"),
        },
        "list_scopes" => Act::ListScopes {
            user: f.need_user("user"),
            permission: f.text("permission").unwrap_or_default(),
        },
        "list_users" => Act::ListUsers {
            on: f.need_scope("on"),
        },
        "list_workspaces" => Act::ListWorkspaces {
            within: f.need_scope("in"),
            search: f.text("search").unwrap_or_default(),
            order_by: f.text("order_by").unwrap_or_default(),
            page_size: f
                .number("page_size")
                .and_then(|n| i32::try_from(n).ok())
                .unwrap_or_default(),
        },
        "create_instance" => {
            let within = f.need_scope("in");
            if within.level != Level::Account {
                f.fault(at, format!("an instance lies in an account, not in `{within}`"));
            }
            Act::CreateInstance {
                id: f.need_text("id"),
                within,
                title: f.need_text("title"),
                edition: f.text("edition").unwrap_or_default(),
            }
        }
        "create_workspace" => {
            let within = f.need_scope("in");
            if let Some(edition) = f.node("edition") {
                f.fault(edition.at, "a workspace has no edition".to_owned());
            }
            Act::CreateWorkspace {
                id: f.need_text("id"),
                within,
                title: f.need_text("title"),
            }
        }
        "update" => Act::Update {
            scope: f.need_scope("scope"),
            title: f.text("title"),
        },
        "delete" => Act::Delete {
            scope: f.need_scope("scope"),
        },
        "suspend_account" => Act::SuspendAccount {
            account: f.need_account("account"),
        },
        "reactivate_account" => Act::ReactivateAccount {
            account: f.need_account("account"),
        },
        "invite" => Act::Invite {
            email: f.need_text("email"),
            roles: f.need_texts("roles"),
            on: f.need_scope("on"),
        },
        "accept" => Act::Accept {
            user: f.need_user("user"),
            email: f.need_text("email"),
            on: f.need_scope("on"),
        },
        "assign" => Act::Assign(binding(&mut f)),
        "revoke" => Act::Revoke(binding(&mut f)),
        "transfer_ownership" => Act::TransferOwnership {
            scope: f.need_scope("scope"),
            to: f.need_user("to"),
            password: {
                f.need("password");
                f.word("password", &PASSWORDS).unwrap_or(Password::None)
            },
        },
        "register" => Act::Register(resource(&mut f)),
        "update_resource" => Act::UpdateResource(resource(&mut f)),
        "unregister" => Act::Unregister {
            resource: f.need_resource("resource"),
        },
        "suspend" => Act::Suspend {
            user: f.need_user("user"),
            account: f.need_account("account"),
        },
        "reactivate" => Act::Reactivate {
            user: f.need_user("user"),
            account: f.need_account("account"),
        },
        "remove_user" => remove_user(&mut f, at),
        "settings" => return Some(settings(f)),
        "list_resources" => Act::ListResources {
            user: f.need_user("user"),
            permission: f.need_text("permission"),
            kind: f.need_text("type"),
        },
        "grant" => Act::Grant(grant(&mut f)),
        "ungrant" => Act::Ungrant(grant(&mut f)),
        "transfer_resource" => Act::TransferResource {
            resource: f.need_resource("resource"),
            to: f.need_user("to"),
        },
        "create_group" => Act::CreateGroup {
            group: f.need_text("group"),
            account: f.need_account("account"),
        },
        "add_to_group" => Act::AddToGroup {
            group: f.need_group("group"),
            holder: f.need_holder("user"),
        },
        "remove_from_group" => Act::RemoveFromGroup {
            group: f.need_group("group"),
            holder: f.need_holder("user"),
        },
        "define_role" => {
            let account = f.need_account("account");
            let node = f.need("role");
            let role = node
                .map(|node| role::definition(f.context, node))
                .unwrap_or_default();
            Act::DefineRole { account, role }
        }
        "change_role" => Act::ChangeRole(role::change(&mut f)),
        "preview_role_change" => Act::PreviewRoleChange(role::change(&mut f)),
        "request_approval" => Act::RequestApproval {
            permission: f.need_text("permission"),
            on: f.need_target("on"),
            digest: f.text("digest").unwrap_or_default(),
            id: f.text("id"),
        },
        "approve" => Act::Approve {
            request: f.need_request("request"),
        },
        "reject" => Act::Reject {
            request: f.need_request("request"),
        },
        "consume_approval" => Act::ConsumeApproval {
            permission: f.need_text("permission"),
            on: f.need_target("on"),
            digest: f.text("digest").unwrap_or_default(),
        },
        "copy_permissions" => Act::CopyPermissions {
            from: f.need_user("from"),
            to: f.need_user("to"),
            kinds: f.need_texts("kinds"),
        },
        "set_quota" => Act::SetQuota {
            user: f.need_user("user"),
            kind: f.need_text("type"),
            limit: {
                f.need("limit");
                f.number("limit").unwrap_or_default()
            },
        },
        "delete_user" => Act::DeleteUser {
            user: f.need_user("user"),
            account: f.need_account("account"),
            mode: {
                f.need("mode");
                f.word("mode", &MODES).unwrap_or_default()
            },
        },
        "seats" => Act::Seats {
            account: f.need_account("account"),
        },
        _ => to_come::read(verb, &mut f)?,
    };
    f.finish();
    Some(act)
}

fn advance(context: &mut Context, node: &Node) -> Option<Act> {
    let duration = match &node.value {
        Value::Text(text) => duration(text),
        _ => None,
    };
    if duration.is_none() {
        let message = format!("`advance` must be a duration as `90s`, `1m`, `4h` or `30d`, not `{node}`");
        context.faults.add(node.at, message);
    }
    duration.map(Act::Advance)
}

/// Reads a duration: a whole number and a unit.
pub(crate) fn duration(text: &str) -> Option<Duration> {
    let (number, unit) = text.split_at_checked(text.len().checked_sub(1)?)?;
    let seconds = match unit {
        "s" => 1,
        "m" => 60,
        "h" => 3_600,
        "d" => 86_400,
        _ => return None,
    };
    number
        .parse::<u32>()
        .ok()
        .map(|number| Duration::from_secs(u64::from(number) * seconds))
}

fn binding(f: &mut Fields<'_, '_>) -> Binding {
    Binding {
        holder: f.need_holder("user"),
        role: f.need_text("role"),
        on: f.need_scope("on"),
        with: f.json("with"),
        expires: f.instant("expires"),
    }
}

fn resource(f: &mut Fields<'_, '_>) -> Resource {
    Resource {
        resource: f.need_resource("resource"),
        within: f.scope("in"),
        owner: f.user("owner"),
        parent: f.text("parent"),
        title: f.text("title"),
        attributes: f.json("attributes"),
    }
}

fn grant(f: &mut Fields<'_, '_>) -> Grant {
    let (on, kind) = match f.node("type") {
        Some(node) => {
            if f.node("on").is_some() {
                f.fault(node.at, "either `on` or `type`, not both".to_owned());
            }
            let (kind, within) = (f.need_text("type"), f.need_scope("in"));
            f.need("applies_to");
            let applies_to = f.word("applies_to", &APPLIES_TO).unwrap_or_default();
            (Target::Scope(within), Some((kind, applies_to)))
        }
        None => (f.need_target("on"), None),
    };
    Grant {
        holder: f.need_holder("user"),
        permissions: f.need_texts("permissions"),
        on,
        kind,
        with: f.json("with"),
        expires: f.instant("expires"),
    }
}

fn remove_user(f: &mut Fields<'_, '_>, at: Position) -> Act {
    let user = f.need_user("user");
    let on = f.scope("on");
    match (f.node("account").is_some(), on) {
        (true, None) => Act::RemoveUser {
            user,
            from: Scope::account(&f.need_account("account")),
            membership: true,
        },
        (false, Some(from)) => Act::RemoveUser {
            user,
            from,
            membership: false,
        },
        _ => {
            f.fault(at, "`remove_user` needs either `account` or `on`".to_owned());
            Act::RemoveUser {
                user,
                from: Scope::account(""),
                membership: true,
            }
        }
    }
}

fn settings(mut f: Fields<'_, '_>) -> Act {
    let account = f.need_account("account");
    Act::Settings {
        account,
        values: f.rest(),
    }
}
