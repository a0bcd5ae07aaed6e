//! The generated messages, clients and servers of all services, and what each method asks of its caller.
//!
//! Made by `cargo xtask codegen` from `proto/`; checked in, so that a build needs no compiler of protos. It
//! must not depend on anything of ours.
//!
//! ```
//! let check = bailiwick_proto::method("/bailiwick.authorization.v1.DecisionService/Check").unwrap();
//! assert_eq!(check.access, bailiwick_proto::Access::Permission);
//! ```

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
    /// The suite's own services.
    Internal,
}

/// A method with its declaration.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Method {
    /// Path of the HTTP/2 request: `/package.Service/Method`.
    pub path: &'static str,
    /// What it asks.
    pub access: Access,
    /// The permission that is asked; empty where none.
    pub permission: &'static str,
    /// Path of the request field that names the scope; empty for the account.
    pub on: &'static str,
    /// Whether a step-up is needed.
    pub step_up: bool,
}

include!("gen/methods.rs");

/// The encoded `google.protobuf.FileDescriptorSet` of all protos, for reflection.
pub const DESCRIPTORS: &[u8] = include_bytes!("gen/descriptor.bin");

/// The method of a path.
#[must_use]
pub fn method(path: &str) -> Option<&'static Method> {
    METHODS
        .binary_search_by(|m| m.path.cmp(path))
        .ok()
        .and_then(|at| METHODS.get(at))
}

macro_rules! packages {
    ($($package:ident)*) => {$(
        #[allow(missing_docs, unreachable_pub, clippy::all, clippy::pedantic, clippy::nursery)]
        pub mod $package {
            //! The messages of one package.
            pub mod v1 {
                //! Version 1.
                include!(concat!("gen/bailiwick.", stringify!($package), ".v1.rs"));
            }
        }
    )*};
}

mod secretive;

packages! { common identity tenancy authorization events testing }

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
}
