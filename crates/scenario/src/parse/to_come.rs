//! The verbs whose methods are declared and have no messages yet: read, so that a fault in them is seen.

use crate::{
    model::{Act, Level, Scope},
    parse::fields::Fields,
};

/// Reads the arguments of such a verb; none for a word that is no verb.
pub(crate) fn read(verb: &str, f: &mut Fields<'_, '_>) -> Option<Act> {
    match verb {
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
            Some(Act::Later {
                method: "WorkspaceService/MoveWorkspace",
                writes: verb == "move_workspace",
            })
        }
        "sign_up" => {
            for name in ["user", "email", "account", "title"] {
                f.need_text(name);
            }
            for name in ["instance", "edition"] {
                f.text(name);
            }
            Some(Act::Later {
                method: "SignUpService/SignUp",
                writes: true,
            })
        }
        _ => None,
    }
}
