//! The verbs of steps: a file a verb.
//!
//! To add one, write a file with a type that implements [`Verb`], and add the file and the verb's name here.

/// Declares arguments, each with the key that it is read from: `user: UserName = need("user")`. The target is
/// in the account of the argument after `in`. A verb with the arguments of another verb wraps their type.
macro_rules! arguments {
    ($vis:vis struct $type:ident($inner_vis:vis $inner:ty)) => {
        #[derive(Debug)]
        $vis struct $type($inner_vis $inner);
        impl Arguments for $type {
            fn read(fields: &mut Fields<'_, '_>) -> Self {
                Self(<$inner>::read(fields))
            }
            fn account<'n>(&'n self, names: &'n Names) -> &'n str {
                self.0.account(names)
            }
        }
    };
    ($(#[$meta:meta])* $vis:vis struct $type:ident $(in $within:ident)? {
        $($(#[$doc:meta])* $field_vis:vis $field:ident: $of:ty = $($read:ident($($argument:tt)*)).+,)*
    }) => {
        $(#[$meta])*
        #[derive(Debug)]
        $vis struct $type {
            $($(#[$doc])* $field_vis $field: $of,)*
        }
        impl Arguments for $type {
            fn read(fields: &mut Fields<'_, '_>) -> Self {
                Self { $($field: fields.$($read($($argument)*)).+,)* }
            }
            $(fn account<'n>(&'n self, names: &'n Names) -> &'n str {
                self.$within.account(names)
            })?
        }
    };
}

/// Implements a verb that sends one message, whose answer says nothing but that it succeeded.
macro_rules! request {
    ($verb:ident($self:ident, $call:ident) = $suite:ident.$service:ident.$method:ident($message:ident {
        $($fields:tt)*
    })) => {
        #[async_trait]
        impl Verb for $verb {
            async fn run(&$self, $call: &mut Call<'_>) -> Result<Answer, Trouble> {
                let request = $suite::$message { $($fields)* };
                let mut service = $call.client().await?.$suite().$service();
                service.$method(request).await?;
                Ok(Answer::Ok)
            }
        }
    };
}

mod prelude;

mod accept;
mod add_to_group;
mod advance;
mod approve;
mod assign;
mod change_role;
mod check;
mod consume_approval;
mod copy_permissions;
mod create_group;
mod create_instance;
mod create_key;
mod create_workspace;
mod define_role;
mod delete;
mod delete_user;
mod erase_user;
mod grant;
mod invite;
mod list_permissions;
mod list_resources;
mod list_scopes;
mod list_users;
mod list_workspaces;
mod move_workspace;
mod preview_move;
mod preview_role_change;
mod reactivate;
mod reactivate_account;
mod register;
mod reject;
mod remove_from_group;
mod remove_user;
mod request_approval;
mod restrict_account;
mod revoke;
mod revoke_key;
mod seats;
mod set_quota;
mod settings;
mod sign_up;
mod suspend;
mod suspend_account;
mod transfer_ownership;
mod transfer_resource;
mod ungrant;
mod unregister;
mod update;
mod update_resource;
mod update_user;

use std::fmt;

use async_trait::async_trait;

pub(crate) use self::{
    assign::{Assign, Binding},
    create_instance::CreateInstance,
    create_workspace::CreateWorkspace,
    register::{Register, Resource},
};
use crate::{
    answer::{Answer, Expects},
    names::Names,
    read::{fields::Fields, values::Named},
    run::{Call, Trouble},
};

/// What a verb reads.
pub(crate) trait Arguments {
    /// Reads the arguments; what is wrong with them becomes faults of the file.
    fn read(fields: &mut Fields<'_, '_>) -> Self
    where
        Self: Sized;
    /// The name of the account in which its target is now; the scenario's first by default.
    fn account<'n>(&'n self, names: &'n Names) -> &'n str {
        names.first_account()
    }
}

/// What a step does, with its arguments.
#[async_trait]
pub(crate) trait Verb: Arguments + fmt::Debug + Send + Sync {
    /// The arguments that give names to what the verb creates.
    fn declares() -> &'static [(&'static str, Named)]
    where
        Self: Sized,
    {
        &[]
    }
    /// The kind of its answer.
    fn expects(&self) -> Expects {
        Expects::Outcome
    }
    /// Does it.
    async fn run(&self, call: &mut Call<'_>) -> Result<Answer, Trouble>;
    /// Whether it changes something.
    fn writes(&self) -> bool {
        self.expects() == Expects::Outcome
    }
    /// The user who acts, where that does not depend on the step.
    fn actor(&self) -> Option<&str> {
        None
    }
    /// Whether refused credentials are an answer, not the end of a session.
    fn proves_password(&self) -> bool {
        false
    }
    /// Why the suite gave the answer that it gave.
    async fn explain(&self, _: &Call<'_>) -> Option<String> {
        None
    }
}

/// A verb by its name in files.
pub(crate) struct Entry {
    name: &'static str,
    pub(crate) read: fn(&mut Fields<'_, '_>) -> Box<dyn Verb>,
    pub(crate) declares: fn() -> &'static [(&'static str, Named)],
}

const fn verb<V: Verb + 'static>(name: &'static str) -> Entry {
    Entry {
        name,
        read: |fields| Box::new(V::read(fields)),
        declares: V::declares,
    }
}

static VERBS: &[Entry] = &[
    verb::<accept::Accept>("accept"),
    verb::<add_to_group::AddToGroup>("add_to_group"),
    verb::<advance::Advance>("advance"),
    verb::<approve::Approve>("approve"),
    verb::<assign::Assign>("assign"),
    verb::<change_role::ChangeRole>("change_role"),
    verb::<check::Check>("check"),
    verb::<consume_approval::ConsumeApproval>("consume_approval"),
    verb::<copy_permissions::CopyPermissions>("copy_permissions"),
    verb::<create_group::CreateGroup>("create_group"),
    verb::<create_instance::CreateInstance>("create_instance"),
    verb::<create_key::CreateKey>("create_key"),
    verb::<create_workspace::CreateWorkspace>("create_workspace"),
    verb::<define_role::DefineRole>("define_role"),
    verb::<delete::Delete>("delete"),
    verb::<delete_user::DeleteUser>("delete_user"),
    verb::<erase_user::EraseUser>("erase_user"),
    verb::<grant::Grant>("grant"),
    verb::<invite::Invite>("invite"),
    verb::<list_permissions::ListPermissions>("list_permissions"),
    verb::<list_resources::ListResources>("list_resources"),
    verb::<list_scopes::ListScopes>("list_scopes"),
    verb::<list_users::ListUsers>("list_users"),
    verb::<list_workspaces::ListWorkspaces>("list_workspaces"),
    verb::<move_workspace::MoveWorkspace>("move_workspace"),
    verb::<preview_move::PreviewMove>("preview_move"),
    verb::<preview_role_change::PreviewRoleChange>("preview_role_change"),
    verb::<reactivate::Reactivate>("reactivate"),
    verb::<reactivate_account::ReactivateAccount>("reactivate_account"),
    verb::<register::Register>("register"),
    verb::<reject::Reject>("reject"),
    verb::<remove_from_group::RemoveFromGroup>("remove_from_group"),
    verb::<remove_user::RemoveUser>("remove_user"),
    verb::<request_approval::RequestApproval>("request_approval"),
    verb::<revoke::Revoke>("revoke"),
    verb::<revoke_key::RevokeKey>("revoke_key"),
    verb::<seats::Seats>("seats"),
    verb::<set_quota::SetQuota>("set_quota"),
    verb::<settings::Settings>("settings"),
    verb::<sign_up::SignUp>("sign_up"),
    verb::<suspend::Suspend>("suspend"),
    verb::<restrict_account::RestrictAccount>("restrict_account"),
    verb::<suspend_account::SuspendAccount>("suspend_account"),
    verb::<transfer_ownership::TransferOwnership>("transfer_ownership"),
    verb::<transfer_resource::TransferResource>("transfer_resource"),
    verb::<ungrant::Ungrant>("ungrant"),
    verb::<unregister::Unregister>("unregister"),
    verb::<update::Update>("update"),
    verb::<update_resource::UpdateResource>("update_resource"),
    verb::<update_user::UpdateUser>("update_user"),
];

/// The verb of a name.
pub(crate) fn entry(name: &str) -> Option<&'static Entry> {
    VERBS.iter().find(|entry| entry.name == name)
}

/// The names of all verbs.
pub(crate) fn names() -> impl Iterator<Item = &'static str> {
    VERBS.iter().map(|entry| entry.name)
}
