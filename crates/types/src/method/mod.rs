//! The methods of the suite with what each asks of its caller, as the protos declare it.
//!
//! Each method is a type, so that the witness of one cannot be used for another.

use crate::Service;

/// What a method asks of its caller: `bailiwick.common.v1.AccessKind`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Access {
    /// The method declares nothing and is refused.
    Undeclared,
    /// Anybody.
    Public,
    /// Any signed-in caller, about itself (`SELF`).
    Caller,
    /// A permission on a scope or resource.
    Permission,
    /// Rows are filtered by a permission.
    Filtered,
    /// The delegation rules decide.
    Delegation,
    /// A role of the deployment with a permission.
    Operator,
    /// Those of the suite's own services that the declaration names.
    Internal,
    /// The caller about itself, anybody else with a permission (`SELF_OR_PERMISSION`).
    CallerOrPermission,
}

/// Whether a call may be repeated: `google.protobuf.MethodOptions.IdempotencyLevel`. Every method sets it;
/// `cargo xtask codegen` refuses one that does not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Idempotency {
    /// A repeated call may change something twice, or fail although the first one succeeded.
    Unknown,
    /// The call reads.
    NoSideEffects,
    /// The call writes; repeating it has the same effect and the same answer. Where the request has a
    /// `request_id`, only if that is set.
    Idempotent,
}

/// What a method declares.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Declaration {
    /// Path of the HTTP/2 request: `/package.Service/Method`.
    pub path: &'static str,
    /// What it asks.
    pub access: Access,
    /// The permission that is asked; empty where none. `TYPE.verb` stands for the verb of the type that the
    /// request names.
    pub permission: &'static str,
    /// Path of the request field that names the scope; empty for the account.
    pub on: &'static str,
    /// Whether a step-up is needed.
    pub step_up: bool,
    /// Whether it may be repeated.
    pub idempotency: Idempotency,
    /// Whether its request or its response is a stream.
    pub streaming: bool,
    /// The suite's own services that may call it, on the internal listener; nobody else reaches it there.
    pub callers: &'static [Service],
}

impl Declaration {
    /// The service that has the method; none of methods that several services have, such as those of feeds.
    #[must_use]
    pub fn service(&self) -> Option<Service> {
        let package = self.path.strip_prefix("/bailiwick.")?;
        Service::named(package.split('.').next()?)
    }
    /// The full name, as audit entries and step-ups carry it: `package.Service/Method`.
    #[must_use]
    pub fn name(&self) -> &'static str {
        self.path.trim_start_matches('/')
    }
    /// Whether the public listener has it.
    #[must_use]
    pub fn is_public(&self) -> bool {
        self.access != Access::Internal
    }
    /// Whether the internal listener has it.
    #[must_use]
    pub fn is_internal(&self) -> bool {
        !self.callers.is_empty()
    }
}

/// A method of the suite.
pub trait Method: Send + Sync + 'static {
    /// What it declares.
    const DECLARATION: &'static Declaration;
}

/// Declares methods of tests, which no proto has.
#[macro_export]
macro_rules! test_method {
    ($($name:ident = $declaration:expr;)*) => {$(
        struct $name;
        impl $crate::Method for $name {
            const DECLARATION: &'static $crate::Declaration = &$declaration;
        }
    )*};
}

include!("gen.rs");

/// The declaration of a path.
#[must_use]
pub fn find(path: &str) -> Option<&'static Declaration> {
    METHODS
        .binary_search_by(|method| method.path.cmp(path))
        .ok()
        .and_then(|at| METHODS.get(at))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_method_declares_what_it_asks_of_its_caller() {
        let bare: Vec<_> = METHODS
            .iter()
            .filter(|m| m.access == Access::Undeclared)
            .map(|m| m.path)
            .collect();
        assert!(bare.is_empty(), "without a declaration: {bare:?}");
        assert!(METHODS.is_sorted_by(|a, b| a.path < b.path));
    }

    #[test]
    fn a_method_of_the_suite_itself_names_its_callers_and_no_service_calls_itself() {
        for method in &METHODS {
            if method.access == Access::Internal {
                assert!(!method.callers.is_empty(), "{}", method.path);
            }
            let own = method.service().is_some_and(|own| method.callers.contains(&own));
            assert!(!own, "{} is called by its own service", method.path);
        }
        let find = |path| find(path).unwrap();
        let jwks = find("/bailiwick.identity.v1.TokenService/GetJwks");
        assert!(jwks.is_public() && jwks.is_internal());
        assert_eq!(jwks.service(), Some(Service::Identity));
        let feed = find("/bailiwick.events.v1.ChangeFeedService/Follow");
        assert!(!feed.is_public() && feed.is_internal() && feed.service().is_none());
    }

    /// Reads whose name does not begin with a verb of reading.
    const OTHER_READS: [&str; 7] = [
        "Follow",
        "Introspect",
        "IssueToken",
        "LookUpMember",
        "Noop",
        "VerifyApiKey",
        "Watch",
    ];
    const READING_VERBS: [&str; 9] = [
        "BatchCheck",
        "BatchGet",
        "Check",
        "Describe",
        "Explain",
        "Get",
        "List",
        "Plan",
        "Preview",
    ];
    /// Writes that answer the same, and change nothing more, when they are repeated.
    const IDEMPOTENT: [&str; 28] = [
        "AddGroupMember",
        "AssignRole",
        "CloseScope",
        "CloseServiceAccount",
        "CloseUser",
        "CreateAccount",
        "CreateGrant",
        "CreateGroup",
        "CreateInstance",
        "CreateInvitation",
        "CreateMember",
        "CreateServiceAccount",
        "CreateUser",
        "CreateWorkspace",
        "DeleteUser",
        "DisableServiceAccount",
        "DisableUser",
        "EnableUser",
        "MoveScope",
        "ReactivateMember",
        "Reauthenticate",
        "RevokeApiKey",
        "RevokeToken",
        "SetQuota",
        "SuspendMember",
        "TransferResource",
        "UpdateMember",
        "UpdateResource",
    ];

    #[test]
    fn reads_and_idempotent_writes_declare_themselves_and_no_other_method_does() {
        for method in &METHODS {
            let name = method.path.rsplit('/').next().unwrap_or_default();
            let begins_with = |verb: &&str| {
                name.strip_prefix(*verb)
                    .is_some_and(|rest| !rest.starts_with(char::is_lowercase))
            };
            let expected = if OTHER_READS.contains(&name) || READING_VERBS.iter().any(begins_with) {
                Idempotency::NoSideEffects
            } else if IDEMPOTENT.contains(&name) {
                Idempotency::Idempotent
            } else {
                Idempotency::Unknown
            };
            assert_eq!(method.idempotency, expected, "{}", method.path);
        }
    }
}
