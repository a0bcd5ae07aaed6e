//! Rust code and descriptor set from the protos, without protoc.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result, bail};

/// Messages with a secret in them: `bailiwick_proto` writes their `Debug` by hand, without it.
const SECRETIVE: [&str; 8] = [
    ".bailiwick.identity.v1.CreateUserRequest",
    ".bailiwick.identity.v1.SignInRequest",
    ".bailiwick.identity.v1.TokenPair",
    ".bailiwick.identity.v1.RefreshRequest",
    ".bailiwick.identity.v1.ReauthenticateRequest",
    ".bailiwick.identity.v1.CreateServiceAccountResponse",
    ".bailiwick.identity.v1.IssueTokenRequest",
    ".bailiwick.identity.v1.IssueTokenResponse",
];

/// Makes the code; with `check` compares it instead of writing it.
pub(crate) fn run(check: bool) -> Result<()> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../..")
        .canonicalize()?;
    let made = generate(&root)?;
    let target = root.join("crates/proto/src/gen");
    let mut stale = Vec::new();
    for (name, bytes) in &made {
        let path = target.join(name);
        if fs::read(&path).ok().as_ref() != Some(bytes) {
            stale.push(path.clone());
            if !check {
                fs::create_dir_all(&target)?;
                fs::write(&path, bytes)?;
            }
        }
    }
    for entry in fs::read_dir(&target)? {
        let path = entry?.path();
        let known = path
            .file_name()
            .and_then(|n| n.to_str())
            .is_some_and(|n| made.contains_key(n));
        if !known {
            stale.push(path.clone());
            if !check {
                fs::remove_file(path)?;
            }
        }
    }
    if check && !stale.is_empty() {
        bail!("generated code differs from the protos, run `cargo xtask codegen`: {stale:?}");
    }
    Ok(())
}

fn generate(root: &Path) -> Result<BTreeMap<String, Vec<u8>>> {
    let proto = root.join("proto");
    let mut files = Vec::new();
    collect(&proto, &mut files)?;
    files.sort();
    let mut compiler = protox::Compiler::new([&proto])?;
    compiler.include_imports(true).include_source_info(true);
    compiler.open_files(&files).context("the protos do not compile")?;
    let out = tempdir(root)?;
    tonic_prost_build::configure()
        .out_dir(&out)
        .emit_rerun_if_changed(false)
        .skip_debug(SECRETIVE)
        .compile_fds(compiler.file_descriptor_set())?;
    let mut made = BTreeMap::new();
    for entry in fs::read_dir(&out)? {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().into_owned();
        if name.starts_with("bailiwick.") {
            made.insert(name, fs::read(entry.path())?);
        }
    }
    fs::remove_dir_all(&out)?;
    // Without source info: comments would triple what every binary carries.
    let mut bare = protox::Compiler::new([&proto])?;
    bare.include_imports(true).include_source_info(false);
    bare.open_files(&files)?;
    made.insert("descriptor.bin".into(), bare.encode_file_descriptor_set());
    made.insert("methods.rs".into(), methods(&bare.encode_file_descriptor_set())?);
    Ok(made)
}

/// A table of all methods with their declarations, as Rust, so that a service reads its
/// own without reflection.
fn methods(descriptors: &[u8]) -> Result<Vec<u8>> {
    let rows = access::rows(descriptors)?;
    let mut text = String::from(
        "/// Every method of the suite with what it asks of its caller, by path.\npub const METHODS: &[crate::Method] = &[\n",
    );
    for row in rows {
        text.push_str(&format!(
            "    crate::Method {{\n        path: {:?},\n        access: crate::Access::{:?},\n        permission: {:?},\n        on: {:?},\n        step_up: {},\n    }},\n",
            row.path, row.kind, row.permission, row.on, row.step_up
        ));
    }
    text.push_str("];\n");
    Ok(text.into_bytes())
}

fn collect(directory: &Path, files: &mut Vec<PathBuf>) -> Result<()> {
    for entry in fs::read_dir(directory)? {
        let path = entry?.path();
        if path.is_dir() {
            collect(&path, files)?;
        } else if path.extension().is_some_and(|e| e == "proto") {
            files.push(path);
        }
    }
    Ok(())
}

fn tempdir(root: &Path) -> Result<PathBuf> {
    let target = std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root.join("target"), PathBuf::from);
    let out = target.join("codegen");
    if out.exists() {
        fs::remove_dir_all(&out)?;
    }
    fs::create_dir_all(&out)?;
    Ok(out)
}

mod access {
    //! The declarations, read from the descriptor set with just enough of its shape.
    use anyhow::Result;
    use prost::Message;

    #[derive(Clone, PartialEq, Message)]
    struct Set {
        #[prost(message, repeated, tag = "1")]
        file: Vec<File>,
    }
    #[derive(Clone, PartialEq, Message)]
    struct File {
        #[prost(string, tag = "2")]
        package: String,
        #[prost(message, repeated, tag = "6")]
        service: Vec<Service>,
    }
    #[derive(Clone, PartialEq, Message)]
    struct Service {
        #[prost(string, tag = "1")]
        name: String,
        #[prost(message, repeated, tag = "2")]
        method: Vec<Method>,
    }
    #[derive(Clone, PartialEq, Message)]
    struct Method {
        #[prost(string, tag = "1")]
        name: String,
        #[prost(message, optional, tag = "4")]
        options: Option<Options>,
    }
    #[derive(Clone, PartialEq, Message)]
    struct Options {
        #[prost(message, optional, tag = "50501")]
        access: Option<Access>,
    }
    #[derive(Clone, PartialEq, Message)]
    struct Access {
        #[prost(int32, tag = "1")]
        kind: i32,
        #[prost(string, tag = "2")]
        permission: String,
        #[prost(string, tag = "3")]
        on: String,
        #[prost(bool, tag = "4")]
        step_up: bool,
    }

    /// The kinds of declaration, by the numbers of `bailiwick.common.v1.AccessKind`.
    #[derive(Debug, Clone, Copy)]
    pub(super) enum Kind {
        Undeclared,
        Public,
        Caller,
        Permission,
        Filtered,
        Delegation,
        Operator,
        Internal,
    }

    pub(super) struct Row {
        pub(super) path: String,
        pub(super) kind: Kind,
        pub(super) permission: String,
        pub(super) on: String,
        pub(super) step_up: bool,
    }

    pub(super) fn rows(descriptors: &[u8]) -> Result<Vec<Row>> {
        let mut rows = Vec::new();
        for file in Set::decode(descriptors)?.file {
            for service in file.service {
                for method in service.method {
                    let access = method.options.and_then(|o| o.access).unwrap_or_default();
                    let kind = match access.kind {
                        1 => Kind::Public,
                        2 => Kind::Caller,
                        3 => Kind::Permission,
                        4 => Kind::Filtered,
                        5 => Kind::Delegation,
                        6 => Kind::Operator,
                        7 => Kind::Internal,
                        _ => Kind::Undeclared,
                    };
                    let path = format!("/{}.{}/{}", file.package, service.name, method.name);
                    let Access {
                        permission,
                        on,
                        step_up,
                        ..
                    } = access;
                    rows.push(Row {
                        path,
                        kind,
                        permission,
                        on,
                        step_up,
                    });
                }
            }
        }
        rows.sort_by(|a, b| a.path.cmp(&b.path));
        Ok(rows)
    }
}
