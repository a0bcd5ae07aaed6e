//! What reflection tells: the services of this process and the messages around them.

use std::collections::{BTreeMap, BTreeSet};

use prost::Message;
use tonic::service::Routes;
use tonic_reflection::{
    pb::{v1, v1alpha},
    server::Builder,
};

use super::FrameError;

/// A `google.protobuf.FileDescriptorSet` whose files are not taken apart: options of ours would be lost.
#[derive(Clone, PartialEq, Message)]
struct RawSet {
    #[prost(bytes = "vec", repeated, tag = "1")]
    file: Vec<Vec<u8>>,
}

/// The start of a `google.protobuf.FileDescriptorProto`.
#[derive(Clone, PartialEq, Message)]
struct File {
    #[prost(string, tag = "1")]
    name: String,
    #[prost(string, tag = "2")]
    package: String,
    #[prost(string, repeated, tag = "3")]
    dependency: Vec<String>,
    #[prost(message, repeated, tag = "6")]
    service: Vec<Named>,
}

#[derive(Clone, PartialEq, Message)]
struct Named {
    #[prost(string, tag = "1")]
    name: String,
}

impl File {
    fn services(&self) -> impl Iterator<Item = String> {
        let of = |service: &Named| format!("{}.{}", self.package, service.name);
        self.service.iter().map(of)
    }
}

/// Both versions of reflection, for the services of this process among those of the sets.
pub(super) fn add_to(
    routes: Routes,
    sets: &[&'static [u8]],
    served: &BTreeSet<&str>,
) -> Result<Routes, FrameError> {
    let refuse = |error: &dyn std::fmt::Display| FrameError::Reflection(error.to_string());
    let (kept, mut names) = keep(sets, served).map_err(|error| refuse(&error))?;
    let kept = kept.encode_to_vec();
    let all = [
        kept.as_slice(),
        tonic_health::pb::FILE_DESCRIPTOR_SET,
        // Details of errors are messages of `google.rpc`, which no file of ours imports.
        tonic_types::pb::FILE_DESCRIPTOR_SET,
        v1::FILE_DESCRIPTOR_SET,
        v1alpha::FILE_DESCRIPTOR_SET,
    ];
    names.insert("grpc.health.v1.Health".to_owned());
    names.insert("grpc.reflection.v1.ServerReflection".to_owned());
    names.insert("grpc.reflection.v1alpha.ServerReflection".to_owned());
    let builder = || {
        let mut builder = Builder::configure().include_reflection_service(false);
        for set in all {
            builder = builder.register_encoded_file_descriptor_set(set);
        }
        names.iter().fold(builder, Builder::with_service_name)
    };
    let current = builder().build_v1().map_err(|error| refuse(&error))?;
    // Many clients ask by the first version only.
    let alpha = builder().build_v1alpha().map_err(|error| refuse(&error))?;
    Ok(routes.add_service(current).add_service(alpha))
}

/// The files that declare no service or one that is served, those that they import, and the served services.
fn keep(
    sets: &[&'static [u8]],
    served: &BTreeSet<&str>,
) -> Result<(RawSet, BTreeSet<String>), prost::DecodeError> {
    let mut files = BTreeMap::new();
    for set in sets {
        for raw in RawSet::decode(*set)?.file {
            let file = File::decode(raw.as_slice())?;
            files.entry(file.name.clone()).or_insert((file, raw));
        }
    }
    let mut names = BTreeSet::new();
    let mut wanted: Vec<&str> = Vec::new();
    for (name, (file, _)) in &files {
        let before = names.len();
        names.extend(
            file.services()
                .filter(|service| served.contains(service.as_str())),
        );
        if file.service.is_empty() || names.len() > before {
            wanted.push(name);
        }
    }
    let mut kept = BTreeMap::new();
    while let Some(name) = wanted.pop() {
        if let Some((file, raw)) = files.get(name)
            && kept.insert(name, raw).is_none()
        {
            wanted.extend(file.dependency.iter().map(String::as_str));
        }
    }
    let file = kept.into_values().cloned().collect();
    Ok((RawSet { file }, names))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn services_that_are_not_served_are_left_out_with_their_messages() {
        let served = BTreeSet::from(["bailiwick.identity.v1.TokenService"]);
        let (kept, names) = keep(&[bailiwick_proto::DESCRIPTORS], &served).unwrap();
        assert_eq!(
            names.into_iter().collect::<Vec<_>>(),
            ["bailiwick.identity.v1.TokenService"]
        );
        let files: Vec<File> = kept
            .file
            .iter()
            .map(|raw| File::decode(raw.as_slice()).unwrap())
            .collect();
        let has = |name: &str| files.iter().any(|file| file.name == name);
        assert!(has("bailiwick/identity/v1/token_service.proto"));
        assert!(
            has("bailiwick/common/v1/error_reason.proto"),
            "files without services stay"
        );
        assert!(!has("bailiwick/testing/v1/clock_service.proto"));
        for file in &files {
            for import in &file.dependency {
                assert!(has(import), "{} imports {import}", file.name);
            }
        }
    }
}
