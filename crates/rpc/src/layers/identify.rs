//! The authentication layer.

use std::sync::Arc;

use bailiwick_proto::{Access, Method};
use bailiwick_types::{Caller, CallerKind, KeyText, Refusal};
use futures_util::future::BoxFuture;
use http::HeaderMap;
use tonic::Status;

use crate::{AuthError, Authenticator, IntoStatus};

/// The result of authentication as far as it does not wait.
pub(super) enum Identified {
    /// The caller.
    Known(Arc<Caller>),
    /// The credentials are being verified.
    Verifying(BoxFuture<'static, Result<Arc<Caller>, Status>>),
    /// The call is rejected.
    Refused(Status),
}

/// Authenticates a call on the public listener. On a public method invalid credentials count as none: a
/// client that refreshes its token may still send the expired one.
pub(super) fn identify(
    authenticator: &Arc<Authenticator>,
    method: &Method,
    headers: &HeaderMap,
) -> Identified {
    if method.access == Access::Undeclared {
        return Identified::Refused(Refusal::Undeclared(method.path).into_status());
    }
    let public = method.access == Access::Public;
    let mut credentials = headers.get_all(http::header::AUTHORIZATION).iter();
    let Some(header) = credentials.next() else {
        return if public {
            Identified::Known(anonymous())
        } else {
            Identified::Refused(Refusal::CredentialsMissing.into_status())
        };
    };
    // Two headers could be read differently by a proxy and by this server.
    let single = credentials.next().is_none();
    let Some(token) = bearer(header.as_bytes()).filter(|_| single) else {
        return if public {
            Identified::Known(anonymous())
        } else {
            Identified::Refused(AuthError::Invalid.into_status())
        };
    };
    // A key serves where a permission is asked: it signs nobody in, and is none here.
    if public && KeyText::is_meant(token) {
        return Identified::Known(anonymous());
    }
    if let Some(caller) = authenticator.recall(token) {
        return Identified::Known(caller);
    }
    let (authenticator, token) = (Arc::clone(authenticator), token.to_owned());
    Identified::Verifying(Box::pin(async move {
        match authenticator.verify(&token).await {
            Ok(caller) => Ok(caller),
            Err(_) if public => Ok(anonymous()),
            Err(error) => Err(error.into_status()),
        }
    }))
}

/// Authenticates a call on the internal listener: one of the suite's own services, which the method names as
/// a caller. `method` is none for what every service has.
///
/// # Errors
/// UNAUTHENTICATED, `PERMISSION_DENIED`.
pub(super) fn identify_service(
    authenticator: &Authenticator,
    method: Option<&'static Method>,
    headers: &HeaderMap,
) -> Result<Arc<Caller>, Status> {
    let mut credentials = headers.get_all(http::header::AUTHORIZATION).iter();
    let header = credentials
        .next()
        .ok_or_else(|| Refusal::CredentialsMissing.into_status())?;
    let single = credentials.next().is_none();
    let token = bearer(header.as_bytes()).filter(|_| single);
    let token = token.ok_or_else(|| AuthError::Invalid.into_status())?;
    let caller = authenticator
        .verify_service(token, method)
        .map_err(IntoStatus::into_status)?;
    let named = |method: &Method| caller.service().is_some_and(|own| method.callers.contains(&own));
    if method.is_none_or(named) {
        Ok(caller)
    } else {
        Err(Refusal::Denied.into_status())
    }
}

fn anonymous() -> Arc<Caller> {
    static ANONYMOUS: std::sync::LazyLock<Arc<Caller>> =
        std::sync::LazyLock::new(|| Arc::new(Caller::anonymous()));
    debug_assert_eq!(ANONYMOUS.kind(), CallerKind::Anonymous);
    Arc::clone(&ANONYMOUS)
}

/// The token of `Bearer TOKEN`.
fn bearer(header: &[u8]) -> Option<&str> {
    let (scheme, token) = header.split_at_checked(7)?;
    if !scheme.eq_ignore_ascii_case(b"bearer ") {
        return None;
    }
    std::str::from_utf8(token).ok().filter(|token| !token.is_empty())
}
