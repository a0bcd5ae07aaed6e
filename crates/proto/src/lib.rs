//! The generated messages, clients and servers of all services, and what each method asks of its caller.
//!
//! Made by `cargo xtask codegen` from `proto/`; checked in, so that a build needs no compiler of protos. It
//! must not depend on anything of ours but `bailiwick-types`, which has the table of methods.
//!
//! ```
//! let check = bailiwick_proto::method("/bailiwick.authorization.v1.DecisionService/Check").unwrap();
//! assert_eq!(check.access, bailiwick_proto::Access::Permission);
//! ```

pub use bailiwick_types::method::{Access, Declaration as Method, Idempotency, METHODS, find as method};

/// The encoded `google.protobuf.FileDescriptorSet` of all protos, for reflection.
pub const DESCRIPTORS: &[u8] = include_bytes!("gen/descriptor.bin");

macro_rules! packages {
    ($($package:ident)*) => {$(
        pub mod $package {
            //! The messages of one package.
            #![allow(missing_docs, unreachable_pub, reason = "the code is generated")]
            #![allow(clippy::all, clippy::pedantic, clippy::allow_attributes, reason = "the code is generated")]
            pub mod v1 {
                //! Version 1.
                include!(concat!("gen/bailiwick.", stringify!($package), ".v1.rs"));
            }
        }
    )*};
}

mod secretive;

packages! { common identity tenancy authorization events testing }
