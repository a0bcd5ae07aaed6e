//! Rust code and descriptor set from the protos, without protoc; the lists of `docs/reference/`.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result, bail};

use crate::reference;

/// Messages with a secret in them: `bailiwick_proto` writes their `Debug` by hand, without it.
const SECRETIVE: [&str; 26] = [
    ".bailiwick.identity.v1.CreateUserRequest",
    ".bailiwick.identity.v1.SignInRequest",
    ".bailiwick.identity.v1.SignInResponse",
    ".bailiwick.identity.v1.TokenPair",
    ".bailiwick.identity.v1.RefreshRequest",
    ".bailiwick.identity.v1.ReauthenticateRequest",
    ".bailiwick.identity.v1.SecondFactorChallenge",
    ".bailiwick.identity.v1.VerifySecondFactorRequest",
    ".bailiwick.identity.v1.VerifySecondFactorResponse",
    ".bailiwick.identity.v1.EnrollSecondFactorResponse",
    ".bailiwick.identity.v1.ConfirmSecondFactorRequest",
    ".bailiwick.identity.v1.ConfirmSecondFactorResponse",
    ".bailiwick.identity.v1.RegenerateRecoveryCodesResponse",
    ".bailiwick.identity.v1.ChangePasswordRequest",
    ".bailiwick.identity.v1.ResetPasswordRequest",
    ".bailiwick.identity.v1.ActivateRequest",
    ".bailiwick.identity.v1.VerifyEmailRequest",
    ".bailiwick.identity.v1.CreateServiceAccountResponse",
    ".bailiwick.identity.v1.RotateServiceAccountSecretResponse",
    ".bailiwick.identity.v1.CreateApiKeyResponse",
    ".bailiwick.identity.v1.VerifyApiKeyRequest",
    ".bailiwick.identity.v1.IssueTokenRequest",
    ".bailiwick.identity.v1.IssueTokenResponse",
    ".bailiwick.identity.v1.IntrospectRequest",
    ".bailiwick.identity.v1.RevokeTokenRequest",
    ".bailiwick.tenancy.v1.MoveWorkspaceRequest",
];

/// Makes the code; with `check` compares it instead of writing it.
pub(crate) fn run(check: bool) -> Result<()> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../..")
        .canonicalize()?;
    let (made, rows) = generate(&root)?;
    let target = root.join("crates/proto/src/gen");
    let mut stale = Vec::new();
    let mut compare = |path: PathBuf, bytes: &[u8]| -> Result<()> {
        if fs::read(&path).ok().as_deref() != Some(bytes) {
            if !check {
                fs::write(&path, bytes)?;
            }
            stale.push(path);
        }
        Ok(())
    };
    compare(root.join("crates/types/src/method/gen.rs"), &methods(&rows)?)?;
    for (path, page) in reference::pages(&root, &rows)? {
        compare(path, page.as_bytes())?;
    }
    for (name, bytes) in &made {
        compare(target.join(name), bytes)?;
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
        bail!("generated files are stale, run `cargo xtask codegen`: {stale:?}");
    }
    Ok(())
}

/// Generated files by name.
type Files = BTreeMap<String, Vec<u8>>;

/// The generated messages, and the declarations of the methods.
fn generate(root: &Path) -> Result<(Files, Vec<access::Row>)> {
    let proto = root.join("proto");
    let mut files = Vec::new();
    collect(&proto, &mut files)?;
    files.sort();
    let mut compiler = protox::Compiler::new([&proto])?;
    compiler.include_imports(true).include_source_info(true);
    compiler.open_files(&files).context("the protos do not compile")?;
    let out = tempdir(root)?;
    let mut config = prost_build::Config::new();
    // The command line looks answers up in the descriptor set by these names.
    config.enable_type_names();
    tonic_prost_build::configure()
        .out_dir(&out)
        .emit_rerun_if_changed(false)
        .skip_debug(SECRETIVE)
        .compile_fds_with_config(compiler.file_descriptor_set(), config)?;
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
    let rows = access::rows(&bare.encode_file_descriptor_set())?;
    made.insert("servers.rs".into(), servers(&rows)?);
    Ok((made, rows))
}

/// A table of all methods with their declarations, and a type for each, so that the witness of one method
/// cannot be used for another.
fn methods(rows: &[access::Row]) -> Result<Vec<u8>> {
    use std::fmt::Write as _;
    let mut text = format!(
        "// Made by `cargo xtask codegen` from the protos.\n\n\
         /// Every method of the suite with what it asks of its caller, by path.\n\
         pub static METHODS: [Declaration; {}] = [\n",
        rows.len()
    );
    let mut packages: BTreeMap<&str, String> = BTreeMap::new();
    let mut calls = String::new();
    for (n, row) in rows.iter().enumerate() {
        writeln!(
            text,
            "    Declaration {{\n        path: {:?},\n        access: Access::{:?},\n        permission: {:?},\n        on: {:?},\n        step_up: {},\n        idempotency: Idempotency::{:?},\n        streaming: {},\n        callers: &[{}],\n    }},",
            row.path,
            row.kind,
            row.permission,
            row.on,
            row.step_up,
            row.idempotency,
            row.streaming,
            row.callers
                .iter()
                .map(|caller| format!("crate::Service::{caller:?}"))
                .collect::<Vec<_>>()
                .join(", ")
        )?;
        let (service, method) = row.path.rsplit_once('/').context("a path without method")?;
        let package = service.split('.').nth(1).context("a path without package")?;
        writeln!(calls, "        $call!($crate::method::{package}::{method});")?;
        writeln!(
            packages.entry(package).or_default(),
            "    /// `{}`.\n    #[derive(Debug)]\n    pub enum {method} {{}}\n    impl crate::Method for {method} {{\n        const DECLARATION: &'static crate::Declaration = &super::METHODS[{n}];\n    }}",
            row.path.trim_start_matches('/')
        )?;
    }
    text.push_str("];\n");
    write!(
        text,
        "\n/// Calls a macro with the type of each method: for tests that must hold for all of them.\n#[macro_export]\nmacro_rules! every_method {{\n    ($call:ident) => {{\n{calls}    }};\n}}\n"
    )?;
    for (package, markers) in packages {
        write!(
            text,
            "\n/// The methods of {package}.\npub mod {package} {{\n{markers}}}\n"
        )?;
    }
    Ok(text.into_bytes())
}

/// `bailiwick_proto::Server` for the generated server of each service.
fn servers(rows: &[access::Row]) -> Result<Vec<u8>> {
    use std::fmt::Write as _;
    let mut text = "// Made by `cargo xtask codegen` from the protos.\n\n\
                    use tonic::codec::CompressionEncoding::Gzip;\n"
        .to_owned();
    let services = rows.iter().filter_map(|row| row.path.rsplit_once('/'));
    let services: std::collections::BTreeSet<&str> = services.map(|(service, _)| service).collect();
    for service in services {
        let (package, name) = service.rsplit_once('.').context("a service without package")?;
        let package = package.split('.').nth(1).context("a path without package")?;
        write!(
            text,
            "\nimpl<T> crate::Server for crate::{package}::v1::{}::{name}Server<T> {{\n    \
             fn limited(self, bytes: usize) -> Self {{\n        \
             self.max_decoding_message_size(bytes).accept_compressed(Gzip)\n    }}\n}}\n",
            snake(name) + "_server"
        )?;
    }
    Ok(text.into_bytes())
}

/// The name of a module for a type.
pub(crate) fn snake(name: &str) -> String {
    let mut text = String::new();
    for letter in name.chars() {
        if letter.is_ascii_uppercase() && !text.is_empty() {
            text.push('_');
        }
        text.push(letter.to_ascii_lowercase());
    }
    text
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

pub(crate) mod access {
    //! The declarations, read from the descriptor set with just enough of its shape.
    use anyhow::{Result, bail};
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
        #[prost(bool, tag = "5")]
        client_streaming: bool,
        #[prost(bool, tag = "6")]
        server_streaming: bool,
    }
    #[derive(Clone, PartialEq, Message)]
    struct Options {
        /// `google.protobuf.MethodOptions.IdempotencyLevel`.
        #[prost(int32, optional, tag = "34")]
        idempotency_level: Option<i32>,
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
        #[prost(int32, repeated, tag = "5")]
        callers: Vec<i32>,
    }

    /// The kinds of declaration, by the numbers of `bailiwick.common.v1.AccessKind`.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub(crate) enum Kind {
        Undeclared,
        Public,
        Caller,
        Permission,
        Filtered,
        Delegation,
        Operator,
        Internal,
        CallerOrPermission,
    }

    /// The services, by the numbers of `bailiwick.common.v1.Caller`.
    #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
    pub(crate) enum Caller {
        Identity,
        Tenancy,
        Authorization,
    }

    /// The levels of `google.protobuf.MethodOptions.IdempotencyLevel`.
    #[derive(Debug, Clone, Copy)]
    pub(crate) enum Idempotency {
        Unknown,
        NoSideEffects,
        Idempotent,
    }

    pub(crate) struct Row {
        pub(crate) path: String,
        pub(crate) kind: Kind,
        pub(crate) permission: String,
        pub(crate) on: String,
        pub(crate) step_up: bool,
        pub(crate) idempotency: Idempotency,
        pub(crate) streaming: bool,
        pub(crate) callers: Vec<Caller>,
    }

    pub(crate) fn rows(descriptors: &[u8]) -> Result<Vec<Row>> {
        let mut rows = Vec::new();
        for file in Set::decode(descriptors)?.file {
            for service in file.service {
                for method in service.method {
                    let path = format!("/{}.{}/{}", file.package, service.name, method.name);
                    let options = method.options.unwrap_or_default();
                    let idempotency = match options.idempotency_level {
                        Some(0) => Idempotency::Unknown,
                        Some(1) => Idempotency::NoSideEffects,
                        Some(2) => Idempotency::Idempotent,
                        other => bail!("{path} must set `idempotency_level`, found {other:?}"),
                    };
                    let access = options.access.unwrap_or_default();
                    let kind = match access.kind {
                        1 => Kind::Public,
                        2 => Kind::Caller,
                        3 => Kind::Permission,
                        4 => Kind::Filtered,
                        5 => Kind::Delegation,
                        6 => Kind::Operator,
                        7 => Kind::Internal,
                        8 => Kind::CallerOrPermission,
                        _ => Kind::Undeclared,
                    };
                    let Access {
                        permission,
                        on,
                        step_up,
                        callers,
                        ..
                    } = access;
                    let callers = callers
                        .iter()
                        .map(|number| {
                            Ok(match number {
                                1 => Caller::Identity,
                                2 => Caller::Tenancy,
                                3 => Caller::Authorization,
                                other => bail!("{path} has an unknown caller: {other}"),
                            })
                        })
                        .collect::<Result<Vec<_>>>()?;
                    if kind == Kind::Internal && callers.is_empty() {
                        bail!("{path} is INTERNAL and must name its `callers`");
                    }
                    if !callers.is_sorted_by(|a, b| a < b) {
                        bail!("{path} must name each of its `callers` once, in the order of the enum");
                    }
                    rows.push(Row {
                        path,
                        kind,
                        permission,
                        on,
                        step_up,
                        idempotency,
                        streaming: method.client_streaming || method.server_streaming,
                        callers,
                    });
                }
            }
        }
        rows.sort_by(|a, b| a.path.cmp(&b.path));
        Ok(rows)
    }
}
