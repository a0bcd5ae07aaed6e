//! TypeIDs: a prefix that says what the id names, and a UUIDv7 (<https://github.com/jetify-com/typeid>).

use std::{fmt, str::FromStr};

use type_safe_id::{StaticType, TypeSafeId};
use uuid::Uuid;

use crate::IdGen;

/// A text that is not an id of the expected kind.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("must be an id of the form `{prefix}_` and 26 characters")]
pub struct IdError {
    /// The prefix that was expected.
    pub prefix: &'static str,
}

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident $tag:ident $prefix:literal;)*) => {$(
        #[doc(hidden)]
        #[derive(Default, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $tag;
        impl StaticType for $tag { const TYPE: &'static str = $prefix; }

        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(TypeSafeId<$tag>);

        impl $name {
            /// The prefix of such ids.
            pub const PREFIX: &'static str = $prefix;
            /// Makes a new id.
            #[must_use]
            pub fn generate(ids: &dyn IdGen) -> Self { Self::from_uuid(ids.uuid()) }
            /// Wraps a UUID.
            #[must_use]
            pub fn from_uuid(uuid: Uuid) -> Self { Self(TypeSafeId::from_uuid(uuid)) }
            /// The UUID in it.
            #[must_use]
            pub fn uuid(self) -> Uuid { self.0.uuid() }
        }
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result { self.0.fmt(f) }
        }
        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result { fmt::Display::fmt(self, f) }
        }
        impl FromStr for $name {
            type Err = IdError;
            fn from_str(text: &str) -> Result<Self, IdError> {
                text.parse().map(Self).map_err(|_| IdError { prefix: $prefix })
            }
        }
        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, s: S) -> Result<S::Ok, S::Error> { s.collect_str(self) }
        }
        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
                String::deserialize(d)?.parse().map_err(serde::de::Error::custom)
            }
        }
    )*};
}

ids! {
    /// An account.
    AccountId AccountTag "acct";
    /// An instance of an account.
    InstanceId InstanceTag "inst";
    /// A workspace of an account or of one of its instances.
    WorkspaceId WorkspaceTag "ws";
    /// A user.
    UserId UserTag "user";
    /// A service account.
    ServiceAccountId ServiceAccountTag "svc";
    /// A session of a user.
    SessionId SessionTag "sess";
    /// An API key.
    ApiKeyId ApiKeyTag "key";
    /// A role that an account defined.
    RoleId RoleTag "role";
    /// A role binding.
    BindingId BindingTag "bind";
    /// A grant.
    GrantId GrantTag "grant";
    /// A group.
    GroupId GroupTag "group";
    /// An invitation.
    InvitationId InvitationTag "inv";
    /// A request for an approval.
    ApprovalId ApprovalTag "appr";
    /// An entry of the audit log.
    AuditEntryId AuditEntryTag "audit";
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_with_another_prefix_is_refused() {
        let user = UserId::from_uuid(Uuid::from_u128(7));
        assert_eq!(user.to_string().parse::<UserId>(), Ok(user));
        assert_eq!(
            user.to_string().parse::<AccountId>(),
            Err(IdError { prefix: "acct" })
        );
        assert!("user_".parse::<UserId>().is_err());
    }
}
