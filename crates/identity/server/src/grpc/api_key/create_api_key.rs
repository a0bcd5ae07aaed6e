//! Makes an API key.

use std::sync::Arc;

use bailiwick_identity_core::api_key::{
    self,
    create::{Command, Serves},
};
use bailiwick_types::{AccountId, ApiKeyId, KeyPermission, Network, Token, method::identity::CreateApiKey};
use secrecy::ExposeSecret;

use super::{Api, message};
use crate::grpc::{duration, prelude::*};

/// The most permissions of a key.
const PERMISSIONS: usize = 100;
/// The most networks of a key.
const NETWORKS: usize = 50;

pub(super) async fn handle(
    api: &Api,
    call: Call<CreateApiKey, pb::CreateApiKeyRequest>,
) -> Result<pb::CreateApiKeyResponse, Status> {
    let (account, command) = command(&call.message, call.context.token.clone())?;
    let by = api.guard.authorize(&call, &Target::account(account)).await?;
    let authenticator = Arc::clone(&api.authenticator);
    let create = api.write(|identity| async move {
        let created = api_key::create(&identity, &by, &command).await?;
        if let Some(old) = created.old {
            authenticator.forget_key(old);
        }
        Ok::<_, api_key::create::Error>(created)
    });
    let created = create.await?;
    let secret = created.secret.as_ref();
    Ok(pb::CreateApiKeyResponse {
        api_key: Some(message(&created.key)),
        secret: secret.map_or("", |secret| secret.expose_secret()).to_owned(),
        token: token::answer(&created.token),
    })
}

fn command(request: &pb::CreateApiKeyRequest, token: Token) -> Result<(AccountId, Command), Status> {
    let mut fields = Fields::new();
    let account = fields.account(&request.account);
    let title = fields.take("title", request.title.parse());
    let expires = fields.time("expire_time", request.expire_time);
    if matches!(expires, Some(None)) {
        fields.violate("expire_time", "is required: every key has an end");
    }
    let serves = if request.renews.is_empty() {
        described(&mut fields, request, account)
    } else {
        renewing(&mut fields, request)
    };
    let request_id = fields.optional("request_id", &request.request_id);
    fields.finish_with(|| {
        let command = Command {
            title: title?,
            serves: serves?,
            expires: expires??,
            request_id: request_id?,
            token,
        };
        Some((account?, command))
    })
}

fn described(
    fields: &mut Fields,
    request: &pb::CreateApiKeyRequest,
    account: Option<AccountId>,
) -> Option<Serves> {
    let place = fields.scope("scope", &request.scope, account);
    let count = request.permissions.len();
    if !(1..=PERMISSIONS).contains(&count) {
        let rule = format!("must name 1 to {PERMISSIONS} permissions");
        fields.violate("permissions", rule);
    }
    if request.networks.len() > NETWORKS {
        fields.violate("networks", format!("must name at most {NETWORKS} networks"));
    }
    if request.old_key_lifetime.is_some() {
        fields.violate("old_key_lifetime", "needs `renews`");
    }
    let permissions = each::<KeyPermission>(fields, "permissions", &request.permissions);
    let networks = each::<Network>(fields, "networks", &request.networks);
    Some(Serves::For {
        place: place?,
        permissions: permissions?,
        networks: networks?,
    })
}

fn renewing(fields: &mut Fields, request: &pb::CreateApiKeyRequest) -> Option<Serves> {
    let old = fields.required::<ApiKeyId>("renews", &request.renews);
    for (field, is_empty) in [
        ("scope", request.scope.is_empty()),
        ("permissions", request.permissions.is_empty()),
        ("networks", request.networks.is_empty()),
    ] {
        if !is_empty {
            fields.violate(field, "must be empty with `renews`");
        }
    }
    let (field, most) = ("old_key_lifetime", Command::LONGEST);
    let old_lifetime = duration(fields, field, request.old_key_lifetime, most);
    Some(Serves::As {
        old: old?,
        old_lifetime: old_lifetime?.unwrap_or(Command::USUAL),
    })
}

fn each<T: std::str::FromStr<Err: std::fmt::Display>>(
    fields: &mut Fields,
    name: &str,
    texts: &[String],
) -> Option<Vec<T>> {
    let values = texts.iter().enumerate();
    let values = values.map(|(n, text)| fields.take(&format!("{name}[{n}]"), text.parse()));
    // All of them are read, so that all violations are told.
    let values: Vec<Option<T>> = values.collect();
    values.into_iter().collect()
}
