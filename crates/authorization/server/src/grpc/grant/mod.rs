//! Grants.

pub(crate) mod create_grant;
mod delete_grant;
mod list_grants;

use bailiwick_authorization_core::{
    On,
    grant::{About, AppliesTo, Grant},
};
use bailiwick_proto::authorization::v1::{self as pb, grant_service_server::GrantService};
use bailiwick_rpc::Fields;
use bailiwick_types::{AccountId, Level};

use super::{Api, convert};
use crate::variants::same_variants;

bailiwick_rpc::serve! {
    Api: GrantService {}
    create_grant(CreateGrantRequest) -> CreateGrantResponse;
    delete_grant(DeleteGrantRequest) -> DeleteGrantResponse;
    list_grants(ListGrantsRequest) -> ListGrantsResponse;
}

/// The most permissions of one grant.
const PERMISSIONS: usize = 200;

/// A scope or resource of the account.
pub(super) fn on(fields: &mut Fields, field: &str, text: &str, account: Option<AccountId>) -> Option<On> {
    match fields.take(field, text.parse::<On>())? {
        On::Scope(scope) => fields.scope(field, &scope.to_string(), account).map(On::Scope),
        resource @ On::Resource(_) => Some(resource),
    }
}

fn about(fields: &mut Fields, target: Option<&pb::GrantTarget>, account: Option<AccountId>) -> Option<About> {
    let Some(target) = target else {
        fields.violate("target", "must be given");
        return None;
    };
    if target.r#type.is_empty() {
        if target.applies_to() != pb::AppliesTo::Unspecified {
            fields.violate("target.applies_to", "must not be given without a type");
        }
        return on(fields, "target.target", &target.target, account).map(|on| match on {
            On::Scope(scope) => About::Scope(scope),
            On::Resource(name) => About::Resource(name),
        });
    }
    let scope = fields.scope("target.target", &target.target, account);
    let applies_to = match target.applies_to() {
        pb::AppliesTo::Existing => AppliesTo::Existing,
        pb::AppliesTo::Future => AppliesTo::Future,
        pb::AppliesTo::All => AppliesTo::All,
        pb::AppliesTo::Unspecified => {
            fields.violate("target.applies_to", "must be given with a type");
            return None;
        }
    };
    Some(About::Type {
        of: target.r#type.clone(),
        scope: scope?,
        applies_to,
    })
}

fn permissions(fields: &mut Fields, given: &[String]) -> Vec<String> {
    if given.is_empty() || given.len() > PERMISSIONS {
        fields.violate("permissions", format!("must name 1 to {PERMISSIONS} permissions"));
    }
    given.to_vec()
}

same_variants! {
    fn reach(AppliesTo => pb::AppliesTo) { Existing, Future, All }
}

fn grant(of: Grant) -> pb::Grant {
    let target = match of.about {
        About::Resource(name) => pb::GrantTarget {
            target: name.to_string(),
            ..pb::GrantTarget::default()
        },
        About::Scope(scope) => pb::GrantTarget {
            target: scope.to_string(),
            ..pb::GrantTarget::default()
        },
        About::Type {
            of,
            scope,
            applies_to,
        } => pb::GrantTarget {
            target: scope.to_string(),
            r#type: of,
            applies_to: reach(applies_to).into(),
        },
    };
    pb::Grant {
        grant: of.id.to_string(),
        account: of.account.to_string(),
        subject: of.subject.to_string(),
        permissions: of.permissions,
        target: Some(target),
        parameters: (!of.parameters.is_empty()).then(|| convert::struct_of(of.parameters)),
        expire_time: of.expires_at.map(convert::timestamp),
        create_time: Some(convert::timestamp(of.created_at)),
    }
}

/// The level that a text names, where it is one at which roles of an account can be bound.
pub(super) fn level(fields: &mut Fields, field: &str, text: &str) -> Option<Level> {
    let level = [Level::Account, Level::Instance, Level::Workspace]
        .into_iter()
        .find(|level| level.as_str() == text);
    if level.is_none() {
        fields.violate(field, "must be `account`, `instance` or `workspace`");
    }
    level
}
