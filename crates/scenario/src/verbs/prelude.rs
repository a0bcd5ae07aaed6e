//! What the file of a verb needs.

pub(super) use async_trait::async_trait;
pub(super) use bailiwick_policy::Level;
pub(super) use bailiwick_proto::{authorization::v1 as authorization, tenancy::v1 as tenancy};
pub(super) use time::OffsetDateTime;

pub(super) use super::{Arguments, Verb};
pub(super) use crate::{
    answer::{Answer, Expects},
    names::{InAccount as _, Names},
    read::{
        fields::Fields,
        values::{
            AccountName, GroupName, Holder, Json, Named, RequestName, ResourceName, Scope, Target, UserName,
            WorkspaceName,
        },
    },
    run::{Call, Trouble, timestamp},
};
