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
mod server {
    include!("gen/servers.rs");
}

/// A generated server. Its limits are its own methods, which no layer reaches, so that whoever mounts servers
/// must set them on each.
pub trait Server {
    /// The same server, which refuses requests longer than `bytes` and accepts compressed ones.
    #[must_use]
    fn limited(self, bytes: usize) -> Self;
}

packages! { common identity tenancy authorization events testing }

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use prost::Message;
    use prost_types::FileDescriptorSet;

    #[test]
    fn every_file_says_where_code_for_go_and_java_belongs() {
        let set = FileDescriptorSet::decode(super::DESCRIPTORS).unwrap();
        let ours = set
            .file
            .iter()
            .filter(|file| file.name().starts_with("bailiwick/"));
        let mut types = BTreeSet::new();
        for file in ours.clone() {
            let names = file.message_type.iter().map(prost_types::DescriptorProto::name);
            let names = names.chain(file.enum_type.iter().map(prost_types::EnumDescriptorProto::name));
            let names = names.chain(file.service.iter().map(prost_types::ServiceDescriptorProto::name));
            types.extend(names.map(|name| format!("{}.{name}", file.package())));
        }
        for file in ours {
            let (name, package) = (file.name(), file.package());
            let options = file.options.as_ref().unwrap();
            let directory = package.replace('.', "/");
            let alias = package.trim_start_matches("bailiwick.").replace('.', "");
            assert_eq!(options.go_package(), format!("{directory};{alias}"), "{name}");
            assert_eq!(options.java_package(), package, "{name}");
            assert!(options.java_multiple_files(), "{name}");
            let outer = format!("{package}.{}", options.java_outer_classname());
            assert!(
                types.insert(outer.clone()),
                "{name}: `{outer}` is a class of another file"
            );
        }
    }
}
