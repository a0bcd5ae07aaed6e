//! What can be done, one file each. A use case takes the guard's witness, a command and the [`Ports`](crate::Ports).

pub mod accept_invitation;
pub mod apply_product;
pub mod approve;
pub mod assign_role;
pub mod change_group;
pub mod change_role;
pub mod close_scope;
pub mod close_user;
pub mod consume_approval;
pub mod copy_permissions;
pub mod create_grant;
pub mod create_group;
pub mod create_invitation;
pub mod create_member;
pub mod create_role;
pub mod delete_grant;
pub mod delete_member;
pub mod delete_role;
pub mod look_up_member;
pub mod recover_ownership;
pub mod register_resource;
pub mod remove_member;
pub mod request_approval;
pub mod revoke_invitation;
pub mod revoke_role;
pub mod set_quota;
pub mod suspend_member;
pub mod transfer_ownership;
pub mod unregister_resource;
pub mod update_member;
pub mod update_resource;
mod work;

pub(crate) use work::Work;
