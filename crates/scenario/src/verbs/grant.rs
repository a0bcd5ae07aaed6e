//! `grant`: grants permissions to a user or group.

use super::prelude::*;

const APPLIES_TO: [(&str, authorization::AppliesTo); 3] = [
    ("existing", authorization::AppliesTo::Existing),
    ("future", authorization::AppliesTo::Future),
    ("all", authorization::AppliesTo::All),
];

/// Permissions on a resource, on a scope with all under it, or on a type in a scope.
#[derive(Debug)]
pub(super) struct Grant {
    pub(super) holder: Holder,
    pub(super) permissions: Vec<String>,
    pub(super) on: Target,
    /// The type that it is limited to; `on` is a scope then.
    type_name: Option<(String, authorization::AppliesTo)>,
    with: Option<Json>,
    expires: Option<OffsetDateTime>,
}

impl Grant {
    pub(super) fn target(&self, names: &Names) -> authorization::GrantTarget {
        let (type_name, applies_to) = self.type_name.clone().unwrap_or_default();
        authorization::GrantTarget {
            target: names.target(&self.on),
            r#type: type_name,
            applies_to: applies_to.into(),
        }
    }
}

impl Arguments for Grant {
    fn read(fields: &mut Fields<'_, '_>) -> Self {
        let (on, type_name) = match fields.node("type") {
            Some(node) => {
                if fields.node("on").is_some() {
                    fields.fault(node.at, "either `on` or `type`, not both");
                }
                let type_name = fields.need("type");
                let applies_to = fields.need_word("applies_to", &APPLIES_TO);
                (Target::Scope(fields.need("in")), Some((type_name, applies_to)))
            }
            None => (fields.need("on"), None),
        };
        Self {
            holder: fields.need("user"),
            permissions: fields.need("permissions"),
            on,
            type_name,
            with: fields.get("with"),
            expires: fields.get("expires"),
        }
    }
    fn account<'n>(&'n self, names: &'n Names) -> &'n str {
        self.on.account(names)
    }
}

request! { Grant(self, call) = authorization.grant.create_grant(CreateGrantRequest {
    account: call.account_id(),
    subject: call.names.holder(&self.holder),
    permissions: self.permissions.clone(),
    target: Some(self.target(call.names)),
    parameters: self.with.as_ref().map(|values| call.names.values(values)),
    expire_time: self.expires.map(timestamp),
    request_id: String::new(),
    validate_only: false,
}) }
