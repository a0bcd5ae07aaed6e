//! What a person meets on the command line.

#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a test that cannot go on fails"
)]

mod administration;
#[path = "../support/mod.rs"]
mod support;

use bailiwick_testkit::golden;
use support::{Embedded, OPERATOR, bailiwick, root, run, setup, text};

#[test]
fn the_schema_of_the_configuration_changes_only_on_purpose() {
    let came = run(&["config", "schema"]);
    assert!(came.status.success(), "{}", text(&came));
    golden(
        root().join("tests/golden/config.schema.json"),
        &String::from_utf8(came.stdout).unwrap(),
    );
}

#[test]
fn an_unknown_key_is_refused_and_named_with_where_it_stands() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("bailiwick.toml");
    std::fs::write(&file, "[server]\nlisen = \"127.0.0.1:7600\"\n").unwrap();
    let came = bailiwick()
        .args(["config", "check", "--config"])
        .arg(&file)
        .output()
        .unwrap();
    assert_eq!(came.status.code(), Some(2));
    let said = text(&came);
    assert!(
        said.contains("`server.lisen`") && said.contains("bailiwick.toml"),
        "{said}"
    );

    let came = bailiwick()
        .args(["config", "check"])
        .env("BAILIWICK__SERVER__LISEN", "x")
        .output()
        .unwrap();
    assert_eq!(came.status.code(), Some(2));
    assert!(
        text(&came).contains("BAILIWICK__SERVER__LISEN"),
        "{}",
        text(&came)
    );
}

#[test]
fn a_secret_is_read_from_a_file_and_never_printed() {
    let directory = tempfile::tempdir().unwrap();
    let secret = "a-secret-that-nobody-prints-0123456789";
    let file = directory.path().join("key");
    std::fs::write(&file, format!("{secret}\n")).unwrap();
    let came = bailiwick()
        .args(["config", "check", "--data-dir"])
        .arg(directory.path())
        .env("BAILIWICK__INTEGRITY__SECRET__FILE", &file)
        .env(
            "BAILIWICK__DATABASE__IDENTITY__URL",
            format!("postgres://u:{secret}@h/d"),
        )
        .output()
        .unwrap();
    assert!(came.status.success(), "{}", text(&came));
    assert!(!text(&came).contains(secret), "{}", text(&came));
}

#[test]
fn keys_are_generated_once_and_private_ones_are_their_owners_alone() {
    use std::os::unix::fs::PermissionsExt;
    let directory = tempfile::tempdir().unwrap();
    let folder = directory.path().join("keys");
    let to = folder.to_str().unwrap();
    let came = run(&["keys", "generate", "--to", to, "--output", "json"]);
    assert!(came.status.success(), "{}", text(&came));
    assert!(!text(&came).contains("PRIVATE"), "{}", text(&came));
    for service in ["identity", "tenancy", "authorization"] {
        let file = |kind: &str| folder.join(format!("{service}.{kind}"));
        let private = file("key").metadata().unwrap().permissions().mode();
        assert_eq!(private & 0o777, 0o600);
        let private = std::fs::read_to_string(file("key")).unwrap();
        let public = std::fs::read_to_string(file("pub")).unwrap();
        assert!(private.starts_with("-----BEGIN PRIVATE KEY-----\n"), "{service}");
        assert!(public.starts_with("-----BEGIN PUBLIC KEY-----\n"), "{service}");
    }
    let came = run(&["keys", "generate", "identity", "--to", to]);
    assert_eq!(came.status.code(), Some(2));
    assert!(
        text(&came).contains("identity.key` exists already"),
        "{}",
        text(&came)
    );

    // A configuration with a file that is no key is refused by its setting; the file is not repeated.
    std::fs::write(folder.join("tenancy.key"), "a secret that is no key").unwrap();
    let check = || {
        bailiwick()
            .args(["config", "check", "--data-dir"])
            .arg(directory.path())
            .envs(support::keys(&directory.path().join("more")))
            .env(
                "BAILIWICK__INTERNAL__TENANCY__KEY_FILE",
                folder.join("tenancy.key"),
            )
            .output()
            .unwrap()
    };
    let came = check();
    assert_eq!(came.status.code(), Some(2));
    let said = text(&came);
    assert!(
        said.contains("`internal.tenancy.key_file`") && said.contains("no private key"),
        "{said}"
    );
    assert!(!said.contains("a secret that is no key"), "{said}");
}

#[test]
fn a_setting_of_a_url_that_is_not_understood_is_refused_by_name() {
    for (key, url, named) in [
        (
            "DATABASE__IDENTITY__URL",
            "postgres://u:hunter2@h/d?sslmod=require",
            "`sslmod`",
        ),
        (
            "DATABASE__TENANCY__URL",
            "postgres://u:hunter2@h/d?SSLMODE=require",
            "`SSLMODE`",
        ),
        (
            "AUTHORIZATION__REDIS__URL",
            "redis://u:hunter2@h?tls=true",
            "`tls`",
        ),
    ] {
        let came = bailiwick()
            .args(["config", "check"])
            .env(format!("BAILIWICK__{key}"), url)
            .output()
            .unwrap();
        let (said, setting) = (text(&came), key.to_lowercase().replace("__", "."));
        assert_eq!(came.status.code(), Some(2), "{said}");
        assert!(
            said.contains(named) && said.contains(&format!("`{setting}`")),
            "{said}"
        );
        assert!(!said.contains("hunter2"), "{said}");
    }
}

#[test]
fn a_data_directory_is_the_one_that_was_named() {
    let directory = tempfile::tempdir().unwrap();
    for name in ["x%41", "x?y", "x#y", "x y"] {
        let came = bailiwick()
            .args(["migrate", "identity", "--data-dir"])
            .arg(directory.path().join(name))
            .output()
            .unwrap();
        assert!(came.status.success(), "{name}: {}", text(&came));
        assert!(directory.path().join(name).join("identity.db").exists(), "{name}");
    }
    assert!(!directory.path().join("xA").exists());
}

#[test]
fn a_foreign_variable_need_not_be_text_and_one_of_ours_is_named() {
    use std::{ffi::OsStr, os::unix::ffi::OsStrExt};
    let not_text = OsStr::from_bytes(b"\xff");
    let directory = tempfile::tempdir().unwrap();
    let check = |name: &OsStr| {
        let mut command = bailiwick();
        command
            .args(["config", "check", "--data-dir"])
            .arg(directory.path());
        command.env(name, not_text).output().unwrap()
    };
    for foreign in [OsStr::new("FOO"), not_text] {
        let came = check(foreign);
        assert!(came.status.success(), "{}", text(&came));
    }
    let came = check(OsStr::new("BAILIWICK__AUTH__ISSUER"));
    assert_eq!(came.status.code(), Some(2), "{}", text(&came));
    assert!(
        text(&came).contains("variable `BAILIWICK__AUTH__ISSUER` is not UTF-8"),
        "{}",
        text(&came)
    );
}

#[test]
fn a_reader_that_has_enough_ends_a_command_without_a_panic() {
    use std::process::Stdio;
    for command in [&["completions", "bash"][..], &["config", "schema"], &["version"]] {
        let mut running = bailiwick()
            .args(command)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        drop(running.stdout.take());
        let came = running.wait_with_output().unwrap();
        let said = String::from_utf8_lossy(&came.stderr);
        assert!(
            came.status.code() == Some(0) && said.is_empty(),
            "{command:?}: {came:?}"
        );
    }
}

#[tokio::test]
async fn a_server_refuses_a_role_that_row_level_security_does_not_hold_for() {
    let database = bailiwick_testkit::Postgres::database().await;
    let directory = tempfile::tempdir().unwrap();
    let with = |arguments: &[&str]| {
        let mut command = bailiwick();
        command.args(arguments).arg("--data-dir").arg(directory.path());
        command.env("BAILIWICK__DATABASE__IDENTITY__URL", database.superuser_url());
        command.env("BAILIWICK__SERVER__LISTEN", "127.0.0.1:0");
        command.env("BAILIWICK__INTEGRITY__SECRET", "i".repeat(32));
        command
    };
    // Migrating makes the schema; nobody is served.
    let came = with(&["migrate", "identity"]).output().unwrap();
    assert!(came.status.success(), "{}", text(&came));
    let came = with(&["serve"]).output().unwrap();
    let said = text(&came);
    assert_eq!(came.status.code(), Some(2), "{said}");
    assert!(
        said.contains("role `postgres` is a superuser") && said.contains("--insecure"),
        "{said}"
    );
    let process = bailiwick_testkit::Process::start(with(&["serve", "--insecure"])).unwrap();
    process
        .line("role `postgres` is a superuser", support::PATIENCE)
        .await;
    process.line("ready on grpc://", support::PATIENCE).await;
}

#[tokio::test]
async fn a_server_refuses_to_store_signing_keys_in_plain_text() {
    let database = bailiwick_testkit::Postgres::database().await;
    let directory = tempfile::tempdir().unwrap();
    let with = |arguments: &[&str]| {
        let mut command = bailiwick();
        command.args(arguments).arg("--data-dir").arg(directory.path());
        command.env("BAILIWICK__DATABASE__IDENTITY__URL", database.url());
        command.env("BAILIWICK__SERVER__LISTEN", "127.0.0.1:0");
        command.env("BAILIWICK__INTEGRITY__SECRET", "i".repeat(32));
        command
    };
    let came = with(&["migrate", "identity"]).output().unwrap();
    assert!(came.status.success(), "{}", text(&came));
    let came = with(&["serve"]).output().unwrap();
    let said = text(&came);
    assert_eq!(came.status.code(), Some(2), "{said}");
    assert!(
        said.contains("`identity.key_encryption_secret` is required") && said.contains("--insecure"),
        "{said}"
    );
    let process = bailiwick_testkit::Process::start(with(&["serve", "--insecure"])).unwrap();
    process.line("ready on grpc://", support::PATIENCE).await;
}

#[test]
fn every_command_explains_itself() {
    for command in [
        &["--help"][..],
        &["serve", "--help"],
        &["migrate", "--help"],
        &["operator", "create", "--help"],
        &["operator", "reset", "--help"],
        &["apply", "--help"],
        &["login", "--help"],
        &["account", "create", "--help"],
        &["member", "remove", "--help"],
        &["grant", "create", "--help"],
        &["check", "--help"],
        &["explain", "--help"],
        &["matrix", "--help"],
        &["export", "--help"],
        &["keys", "generate", "--help"],
        &["role", "--help"],
        &["test", "--help"],
        &["demo", "--help"],
        &["config", "schema", "--help"],
        &["config", "check", "--help"],
        &["completions", "--help"],
        &["version", "--help"],
    ] {
        let came = run(command);
        assert!(
            came.status.success() && text(&came).contains("Usage: bailiwick"),
            "{command:?}: {}",
            text(&came)
        );
    }
    let came = run(&["completions", "bash"]);
    assert!(came.status.success() && text(&came).contains("_bailiwick"));
    let came = run(&["version", "--output", "json"]);
    assert!(
        text(&came).contains(&format!("\"version\": \"{}\"", env!("CARGO_PKG_VERSION"))),
        "{}",
        text(&came)
    );
}

#[test]
fn the_first_operator_is_made_once_and_its_password_is_the_owners_alone() {
    use std::os::unix::fs::PermissionsExt;
    let directory = tempfile::tempdir().unwrap();
    let out = directory.path().join("password");
    let create = || {
        bailiwick()
            .args([
                "operator",
                "create",
                "--email",
                "op@example.com",
                "--password-out",
            ])
            .arg(&out)
            .arg("--data-dir")
            .arg(directory.path().join("data"))
            .output()
            .unwrap()
    };
    let came = create();
    assert!(came.status.success(), "{}", text(&came));
    assert_eq!(
        std::fs::metadata(&out).unwrap().permissions().mode() & 0o777,
        0o600
    );
    let password = std::fs::read_to_string(&out).unwrap();
    assert!(password.trim().len() >= 20 && !text(&came).contains(password.trim()));
    std::fs::remove_file(&out).unwrap();
    let again = create();
    assert_eq!(again.status.code(), Some(2), "{}", text(&again));
    assert!(!out.exists(), "a refused act leaves no file behind");
}

#[test]
fn the_demo_shows_decisions_as_a_table_and_how_to_go_on() {
    let came = run(&["demo", "--once", "--listen", "127.0.0.1:0"]);
    let said = text(&came);
    assert!(came.status.success(), "{said}");
    for word in ["allow", "deny", "grpcurl", "bailiwick check"] {
        assert!(said.contains(word), "no `{word}` in:\n{said}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_preview_of_a_manifest_tells_what_would_be_and_does_nothing() {
    let suite = Embedded::start().await;
    let apply = |arguments: &[&str]| typed(&suite, &[&["apply"], arguments].concat());
    let came = apply(&["one-question"]);
    assert!(came.status.success(), "{}", text(&came));
    let came = apply(&["one-question", "--preview"]);
    assert!(
        text(&came).contains("nothing would change: version 1"),
        "{}",
        text(&came)
    );
    let manifest = std::fs::read_to_string(root().join("products/one-question.yaml")).unwrap();
    let changed = suite.directory.path().join("changed.yaml");
    let without = manifest.replacen("          - feedback.reply\n", "", 1);
    assert_ne!(manifest, without);
    std::fs::write(&changed, without).unwrap();
    let changed = changed.to_str().unwrap();
    for _ in 0..2 {
        let came = apply(&[changed, "--preview"]);
        let said = text(&came);
        assert!(came.status.success(), "{said}");
        assert!(said.contains("would become version 2"), "{said}");
        assert!(
            said.contains("no member would gain or lose anything"),
            "there is no account: {said}"
        );
    }
    let came = apply(&[changed, "--preview", "--output", "json"]);
    let told: serde_json::Value = serde_json::from_slice(&came.stdout).unwrap();
    assert_eq!(told["version"], 2);
    assert_eq!(apply(&[changed, "--preview", "--dry-run"]).status.code(), Some(2));
}

/// What a person types, as the operator.
fn typed(suite: &Embedded, arguments: &[&str]) -> std::process::Output {
    bailiwick()
        .args(arguments)
        .env("BAILIWICK_ENDPOINT", format!("http://127.0.0.1:{}", suite.port))
        .env("BAILIWICK_EMAIL", OPERATOR)
        .env(
            "BAILIWICK_PASSWORD_FILE",
            suite.directory.path().join("operator-password"),
        )
        .env("BAILIWICK_CONFIG_DIR", suite.directory.path().join("config"))
        .output()
        .unwrap()
}

const DESK: &str = "
product: desk
levels: {account: {title: Account}}
subjects: {user: members}
types: {ticket: {verbs: [create, view, edit, delete, answer], implies: {edit: [view]}}}
roles:
  chief: {holders: {at_least: 1}, levels: {account: {permissions: ['*'], assigns: ['*']}}}
  clerk: {levels: {account: {permissions: [ticket.edit, ticket.answer]}}}
  reader: {levels: {account: {permissions: [ticket.view]}}}
";

/// An account of the product with a member in each of the roles, and these.
async fn desk(suite: &Embedded, roles: &[&str]) -> (String, Vec<String>) {
    let file = suite.directory.path().join("desk.yaml");
    std::fs::write(&file, DESK).unwrap();
    let came = typed(suite, &["apply", file.to_str().unwrap()]);
    assert!(came.status.success(), "{}", text(&came));
    let client = suite.client();
    let account = setup::account(&client, "desk", "Desk", None).await;
    let mut users = Vec::new();
    for (n, role) in roles.iter().enumerate() {
        let user = setup::user(&client, &format!("p{n}@example.com")).await;
        setup::member(&client, &account, &user, role).await;
        users.push(user);
    }
    (account, users)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bound_role_leaves_a_manifest_only_with_a_word_on_what_takes_its_place() {
    let suite = Embedded::start().await;
    let (account, users) = desk(&suite, &["chief", "clerk"]).await;
    let without: String = DESK
        .lines()
        .filter(|line| !line.contains("clerk:"))
        .fold(String::new(), |text, line| text + line + "\n");
    let file = suite.directory.path().join("without.yaml");
    std::fs::write(&file, without).unwrap();
    let file = file.to_str().unwrap();
    let (clerk, at) = (format!("user:{}", users[1]), format!("account:{account}"));
    let check = |permission: &str| {
        let came = typed(&suite, &["check", &clerk, permission, &at, "--fully-consistent"]);
        came.status.code()
    };
    assert_eq!(check("ticket.answer"), Some(0));
    for more in [&[][..], &["--preview"], &["--dry-run"]] {
        let came = typed(&suite, &[&["apply", file], more].concat());
        let said = text(&came);
        assert_eq!(came.status.code(), Some(2), "{said}");
        assert!(
            said.contains("role `clerk` is bound at level `account`"),
            "it names the role: {said}"
        );
        assert!(said.contains("--replace"), "and what can be done: {said}");
    }
    let came = typed(&suite, &["apply", file, "--replace", "clerk=chief"]);
    assert_eq!(came.status.code(), Some(2), "{}", text(&came));
    assert!(text(&came).contains("`holders`"), "{}", text(&came));

    let replace = ["apply", file, "--replace", "clerk=reader"];
    let came = typed(&suite, &[&replace[..], &["--preview"]].concat());
    let said = text(&came);
    println!("{said}");
    assert!(came.status.success(), "{said}");
    assert!(said.contains("bindings of `clerk`: 1 become `reader`"), "{said}");
    assert!(said.contains(&clerk) && said.contains("answer edit"), "{said}");
    let came = typed(
        &suite,
        &[&replace[..], &["--preview", "--output", "json"]].concat(),
    );
    let told: serde_json::Value = serde_json::from_slice(&came.stdout).unwrap();
    assert_eq!(
        told["changes"][0]["loses"],
        serde_json::json!(["ticket.answer", "ticket.edit"])
    );
    assert_eq!(check("ticket.answer"), Some(0), "nothing was done");

    let came = typed(&suite, &replace);
    assert!(came.status.success(), "{}", text(&came));
    assert!(text(&came).contains("is now version 2"), "{}", text(&came));
    assert_eq!(check("ticket.answer"), Some(1));
    assert_eq!(check("ticket.view"), Some(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_of_members_is_previewed_in_words_and_not_made() {
    let suite = Embedded::start().await;
    let (account, users) = desk(&suite, &["chief", "clerk", "reader"]).await;
    let within = ["--account", account.as_str()];
    let at = format!("account:{account}");
    let [chief, clerk, reader] = [&users[0], &users[1], &users[2]];
    let subject = format!("user:{clerk}");
    for (change, told) in [
        (vec!["member", "suspend", clerk], "answer edit view"),
        (
            vec![
                "member",
                "expire",
                "p1@example.com",
                "--at",
                "2099-01-01T00:00:00Z",
            ],
            "nobody would gain or lose anything",
        ),
        (vec!["member", "remove", clerk, reader], "ticket.view"),
        (
            vec!["assign", "p1@example.com", "chief", "account"],
            "create delete",
        ),
        (vec!["revoke", &subject, "clerk", &at], "answer edit view"),
        (
            vec!["member", "reactivate", clerk],
            "nobody would gain or lose anything",
        ),
    ] {
        let came = typed(&suite, &[&change, &["--dry-run"][..], &within].concat());
        let said = text(&came);
        println!("{change:?}\n{said}");
        assert!(came.status.success() && said.contains(told), "{change:?}: {said}");
        let named = format!("p1@example.com ({subject}) on {at}");
        assert!(told.starts_with("nobody") || said.contains(&named), "{said}");
    }
    let past = [
        "member",
        "expire",
        clerk,
        "--dry-run",
        "--at",
        "2020-01-01T00:00:00Z",
    ];
    let came = typed(&suite, &[&past[..], &within].concat());
    let said = text(&came);
    assert!(
        came.status.code() == Some(2) && said.contains("`expire_time` must not be in the past"),
        "{said}"
    );
    let came = typed(
        &suite,
        &[&["member", "remove", chief, "--dry-run"][..], &within].concat(),
    );
    let said = text(&came);
    assert_eq!(came.status.code(), Some(2), "{said}");
    assert!(said.contains("role `chief` must keep a holder"), "{said}");
    let came = typed(
        &suite,
        &["check", &subject, "ticket.answer", &at, "--fully-consistent"],
    );
    assert_eq!(came.status.code(), Some(0), "{}", text(&came));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_decision_is_explained_as_a_tree_and_as_fields() {
    let suite = Embedded::start().await;
    let (account, users) = desk(&suite, &["chief", "reader"]).await;
    let at = format!("account:{account}");
    let [chief, reader] = [0, 1].map(|n| format!("user:{}", users[n]));
    let explain = |more: &[&str]| typed(&suite, &[&["explain"][..], more].concat());
    let came = explain(&[&reader, "ticket.edit", &at]);
    assert_eq!(came.status.code(), Some(1), "{}", text(&came));
    assert_eq!(
        text(&came).lines().skip(1).collect::<Vec<_>>(),
        [
            format!("{reader} ticket.edit on {at}"),
            format!("├─ scope {at} active"),
            "├─ member agent active".to_owned(),
            format!("└─ ✗ role reader on {at}"),
            "   └─ does not contain it".to_owned(),
        ]
    );
    let came = explain(&[&chief, "ticket.edit", &at, "--actor", &reader, "--output", "json"]);
    assert_eq!(came.status.code(), Some(1), "{}", text(&came));
    let told: serde_json::Value = serde_json::from_slice(&came.stdout).unwrap();
    assert_eq!(told["reason"], "ACTOR_NOT_ALLOWED", "{told}");
    let step = &told["subject"]["steps"][0];
    assert_eq!(
        (&step["role"], &step["entry"], &step["effect"]),
        (&"chief".into(), &"*".into(), &"allows".into())
    );
    assert_eq!(told["actor"]["subject"], reader.as_str());
    assert_eq!(told["actor"]["steps"][0]["effect"], "lacks");
    assert!(step.get("group").is_none(), "what is empty is left out: {step}");
}
