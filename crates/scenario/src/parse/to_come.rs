//! The verbs whose methods are declared and have no messages yet: read, so that a fault in them is seen.

use crate::{
    model::{Act, Level, Scope},
    parse::{fields::Fields, verb::later},
};

/// Reads the arguments of such a verb; none for a word that is no verb.
pub(crate) fn read(verb: &str, f: &mut Fields<'_, '_>) -> Option<Act> {
    let method = match verb {
        "list_resources" => {
            (
                f.need_user("user"),
                f.need_text("permission"),
                f.need_text("type"),
            );
            return Some(Act::Later {
                method: "QueryService/ListResources",
                writes: false,
            });
        }
        "preview_move" | "move_workspace" => {
            let id = f.need_text("workspace");
            let to = f.need_scope("to");
            let workspace = Scope {
                level: Level::Workspace,
                id,
            };
            if let Some(node) = f.node("workspace") {
                f.known_scope(node.at, &workspace);
                if to.level == Level::Workspace {
                    f.fault(
                        node.at,
                        "a workspace moves to an account or an instance".to_owned(),
                    );
                }
            }
            let writes = verb == "move_workspace";
            return Some(Act::Later {
                method: "WorkspaceService/MoveWorkspace",
                writes,
            });
        }
        "preview_role_change" | "change_role" => {
            (
                f.need_account("account"),
                f.need_text("role"),
                f.texts("add"),
                f.texts("remove"),
            );
            f.word("level", &[("account", ()), ("instance", ()), ("workspace", ())]);
            return Some(match verb {
                "change_role" => later("RoleService/ChangeRole"),
                _ => Act::Later {
                    method: "RoleService/PreviewRoleChange",
                    writes: false,
                },
            });
        }
        "seats" => {
            f.need_account("account");
            return Some(Act::Later {
                method: "MemberService/GetSeats",
                writes: false,
            });
        }
        "sign_up" => {
            (
                f.need_text("user"),
                f.need_text("email"),
                f.need_text("account"),
                f.need_text("title"),
            );
            (f.text("instance"), f.text("edition"));
            "SignUpService/SignUp"
        }
        "grant" | "ungrant" => {
            grant(f);
            if verb == "grant" {
                "GrantService/CreateGrant"
            } else {
                "GrantService/DeleteGrant"
            }
        }
        "transfer_resource" => {
            (f.need_resource("resource"), f.need_user("to"));
            "ResourceService/TransferResource"
        }
        "create_group" => {
            (f.need_text("group"), f.need_account("account"));
            "GroupService/CreateGroup"
        }
        "add_to_group" | "remove_from_group" => {
            (f.need_text("group"), f.need_holder("user"));
            if verb == "add_to_group" {
                "GroupService/AddGroupMember"
            } else {
                "GroupService/RemoveGroupMember"
            }
        }
        "define_role" => {
            f.need_account("account");
            if let Some(role) = f.need("role") {
                // The fields of a manifest role: what does not fit there is for the server to refuse.
                Fields::of(f.context, "`role`", role).need_text("name");
            }
            "RoleService/CreateRole"
        }
        "request_approval" => {
            (
                f.text("id"),
                f.need_text("permission"),
                f.need_target("on"),
                f.text("digest"),
            );
            "ApprovalService/RequestApproval"
        }
        "approve" | "reject" => {
            let id = f.need_text("request");
            if let Some(node) = f.node("request")
                && !f.context.requests.contains(&id)
            {
                f.fault(node.at, format!("request `{id}` is declared nowhere in the file"));
            }
            if verb == "approve" {
                "ApprovalService/ApproveRequest"
            } else {
                "ApprovalService/RejectRequest"
            }
        }
        "consume_approval" => {
            (f.need_text("permission"), f.need_target("on"), f.text("digest"));
            "ApprovalService/ConsumeApproval"
        }
        "copy_permissions" => {
            (f.need_user("from"), f.need_user("to"), f.need_texts("kinds"));
            "BindingService/CopyPermissions"
        }
        "set_quota" => {
            (
                f.need_user("user"),
                f.need_text("type"),
                f.need("limit"),
                f.number("limit"),
            );
            "QuotaService/SetQuota"
        }
        "delete_user" => {
            (f.need_user("user"), f.need_account("account"), f.need("mode"));
            f.word("mode", &[("replace", ()), ("delete", ())]);
            "MemberService/DeleteMember"
        }
        _ => return None,
    };
    Some(later(method))
}

fn grant(f: &mut Fields<'_, '_>) {
    (f.need_holder("user"), f.need_texts("permissions"));
    match f.node("type") {
        Some(kind) => {
            (f.need_text("type"), f.need_scope("in"), f.need("applies_to"));
            f.word("applies_to", &[("existing", ()), ("future", ()), ("all", ())]);
            if f.node("on").is_some() {
                f.fault(kind.at, "either `on` or `type`, not both".to_owned());
            }
        }
        None => {
            f.need_target("on");
        }
    }
    (f.json("with"), f.instant("expires"));
}
