//! `update_user`: changes the profile of a user.

use bailiwick_proto::identity::v1 as identity;

use super::prelude::*;

arguments! { pub(super) struct UpdateUser {
    user: UserName = need("user"),
    display_name: Option<String> = get("display_name"),
    locale: Option<String> = get("locale"),
} }

request! { UpdateUser(self, call) = identity.user.update_user(UpdateUserRequest {
    user: call.names.user_id(&self.user),
    changes: Some(identity::UserChanges {
        display_name: self.display_name.clone().unwrap_or_default(),
        locale: self.locale.clone().unwrap_or_default(),
    }),
    update_mask: None,
}) }
