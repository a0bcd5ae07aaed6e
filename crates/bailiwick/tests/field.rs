//! Inputs on which users of comparable systems came to grief; `tests/field/README.md` says which test holds
//! which of them.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod support;

use std::{collections::BTreeSet, path::PathBuf, time::Duration};

use bailiwick_client::{Client, Credentials};
use bailiwick_proto::{
    authorization::v1::{
        ApplyProductRequest, AssignRoleRequest, BatchCheckItem, BatchCheckRequest, CheckRequest,
        CreateGrantRequest, Decision, DeleteGrantRequest, DeleteMemberRequest, DeleteMode, GrantTarget,
        ListScopesRequest, RegisterResourceRequest, RevokeRoleRequest,
    },
    identity::v1::CreateUserRequest,
    tenancy::v1::{CreateWorkspaceRequest, ListWorkspacesRequest},
};
use bailiwick_testkit::{Postgres, Redis, TestDatabase, eventually, free_port};
use prost_types::{Struct, Value, value::Kind};
use support::{Embedded, bailiwick, root, setup, text};
use tonic::{Code, Status};

const MANIFEST: &str = "product: field
levels: {account: {title: Account}, instance: {title: Department}, workspace: {title: Store}}
types:
  doc:
    verbs: [create, view, edit, delete, send]
    implies: {edit: [view]}
roles:
  admin: {title: Admin, holders: {at_least: 1}, levels: {account: {permissions: ['*'], assigns: ['*']}}}
  reader: {title: Reader, levels: {account: {permissions: [doc.view]}, workspace: {permissions: [doc.view]}}}
";

fn folder() -> PathBuf {
    root().join("tests/field")
}

#[test]
fn every_scenario_holds() {
    let entries = std::fs::read_dir(folder()).unwrap();
    let files: BTreeSet<PathBuf> = entries
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|e| e == "yaml") && !path.ends_with("field.yaml"))
        .collect();
    assert!(!files.is_empty());
    let came = bailiwick()
        .args(["test", "--products"])
        .arg(folder())
        .args(files)
        .output()
        .unwrap();
    assert!(came.status.success(), "{}", text(&came));
}

/// Runs `bailiwick migrate identity` with a password beside the URL.
fn migrates(url: &str, password: &str) -> Result<(), String> {
    let done = bailiwick()
        .args(["migrate", "identity"])
        .env("BAILIWICK__DATABASE__IDENTITY__URL", url)
        .env("BAILIWICK__DATABASE__IDENTITY__PASSWORD", password)
        .output()
        .unwrap();
    if done.status.success() {
        Ok(())
    } else {
        Err(text(&done))
    }
}

/// Makes a server ask for passwords, of all but its superuser.
async fn ask_for_passwords(database: &TestDatabase) {
    let file = database.psql("SHOW hba_file").await.unwrap();
    let rules = "('host all postgres 127.0.0.1/32 trust'), ('host all all 127.0.0.1/32 scram-sha-256'), \
                 ('local all all scram-sha-256')";
    let sql = format!("COPY (VALUES {rules}) TO '{}'", file.trim());
    database.psql(&sql).await.unwrap();
    database.psql("SELECT pg_reload_conf()").await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_password_beside_the_url_reaches_the_server_as_it_is() {
    let server = Postgres::start().await.unwrap();
    let database = server.new_database().await.unwrap();
    let (url, role) = (database.url(), database.name().to_owned());
    ask_for_passwords(&database).await;
    let set = async |password: &str| {
        let sql = format!("ALTER ROLE {role} PASSWORD '{password}'");
        database.psql(&sql).await.unwrap();
    };
    set("plain").await;
    eventually("passwords are asked for", Duration::from_secs(20), async || {
        migrates(&url, "wrong").is_err()
    })
    .await;
    for password in ["plain", "p@ss/w:rd#?", "100%", "a%41b", "%2F%20"] {
        set(password).await;
        migrates(&url, password).unwrap();
        assert!(
            migrates(&url, "aAb").is_err(),
            "{password}: another password is refused"
        );
    }
    set("plain").await;
    let sockets = database.psql("SHOW unix_socket_directories").await.unwrap();
    let port = database.psql("SHOW port").await.unwrap();
    let (sockets, port) = (sockets.trim(), port.trim());
    let by_socket = format!("postgres:///{role}?host={sockets}&port={port}&user={role}");
    migrates(&by_socket, "plain").unwrap();
    for misspelt in ["sslmod=require", "ssl_mode=verify-full", "SSLMODE=require"] {
        let refused = migrates(&format!("{url}?{misspelt}"), "plain").unwrap_err();
        let (name, _) = misspelt.split_once('=').unwrap();
        assert!(refused.contains(name), "{refused}");
    }
}

/// A suite with the product, an account and a reader of it.
async fn reader(suite: &Embedded) -> (Client, String, String) {
    let client = suite.client();
    apply(&client, MANIFEST).await.unwrap();
    let account = setup::account(&client, "field", "Hotel", None).await;
    let user = setup::user(&client, "bob@example.com").await;
    setup::member(&client, &account, &user, "reader").await;
    (client, account, user)
}

/// Makes a user with a password.
async fn user(client: &Client, email: &str) -> String {
    let request = CreateUserRequest {
        email: email.to_owned(),
        email_verified: true,
        password: support::PASSWORD.to_owned(),
        ..Default::default()
    };
    let made = client.identity().user().create_user(request).await.unwrap();
    made.into_inner().user.unwrap().user
}

/// Signs in.
fn signed_in(suite: &Embedded, email: &str, account: &str) -> Client {
    let password = support::PASSWORD.to_owned().into();
    let credentials = Credentials::password(email, password, Some(account.to_owned()));
    suite.client().with_credentials(credentials)
}

/// Makes an administrator of the account and signs it in.
async fn administrator(suite: &Embedded, client: &Client, account: &str) -> Client {
    let ada = user(client, "ada@example.com").await;
    setup::member(client, account, &ada, "admin").await;
    signed_in(suite, "ada@example.com", account)
}

async fn apply(client: &Client, manifest: &str) -> Result<Vec<String>, Status> {
    let request = ApplyProductRequest {
        manifest: manifest.to_owned(),
        ..Default::default()
    };
    let done = client.authorization().product().apply_product(request).await;
    done.map(|done| done.into_inner().differences)
}

async fn register(client: &Client, account: &str, resource: &str) -> Result<(), Status> {
    let request = RegisterResourceRequest {
        account: account.to_owned(),
        resource: resource.to_owned(),
        ..Default::default()
    };
    let done = client.authorization().resource().register_resource(request).await;
    done.map(drop)
}

#[tokio::test(flavor = "multi_thread")]
async fn batches_answer_each_item_in_its_place() {
    let suite = Embedded::start().await;
    let (client, account, user) = reader(&suite).await;
    for n in 0..5 {
        register(&client, &account, &format!("doc:{n}")).await.unwrap();
    }
    let batch = async |items: Vec<(&str, String)>| {
        let items = items.into_iter().map(|(permission, target)| BatchCheckItem {
            permission: permission.to_owned(),
            target,
            ..Default::default()
        });
        let request = BatchCheckRequest {
            account: account.clone(),
            subject: format!("user:{user}"),
            items: items.collect(),
            ..Default::default()
        };
        let answer = client.authorization().decision().batch_check(request).await;
        answer.map(|answer| {
            let results = answer.into_inner().results.into_iter();
            results
                .map(|result| result.decision() == Decision::Allow)
                .collect::<Vec<_>>()
        })
    };
    let doc = |n: &str| format!("doc:{n}");
    let answer = batch(vec![
        ("doc.view", doc("0")),
        ("doc.view", doc("0")),
        ("doc.view", doc("zz")),
        ("doc.edit", doc("0")),
        ("doc.view", doc("0")),
    ]);
    assert_eq!(answer.await.unwrap(), [true, true, false, false, true]);
    let many: Vec<_> = (0..1_000)
        .map(|n| ("doc.view", format!("doc:{}", n % 7)))
        .collect();
    let answer = batch(many).await.unwrap();
    assert_eq!(answer.len(), 1_000);
    assert!(
        answer
            .iter()
            .enumerate()
            .all(|(n, allowed)| *allowed == (n % 7 < 5))
    );
    for (items, names) in [
        (Vec::new(), "items"),
        (
            vec![("doc.view", doc("0")), ("doc.view", "nonsense".to_owned())],
            "items[1]",
        ),
        (vec![("doc.view", doc("0")), ("doc.nope", doc("1"))], "items[1]"),
        (vec![("doc.view", doc("0")); 1_001], "items"),
    ] {
        let refused = batch(items).await.unwrap_err();
        assert_eq!(refused.code(), Code::InvalidArgument, "{refused}");
        assert!(refused.message().contains(names), "{refused}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_id_serves_one_grant_and_an_id_is_as_long_as_its_characters() {
    let suite = Embedded::start().await;
    let (client, account, user) = reader(&suite).await;
    let ada = administrator(&suite, &client, &account).await;
    for n in 0..3 {
        register(&client, &account, &format!("doc:{n}")).await.unwrap();
    }
    let grant = async |resource: &str, request_id: &str| {
        let request = CreateGrantRequest {
            account: account.clone(),
            subject: format!("user:{user}"),
            permissions: vec!["doc.view".to_owned()],
            target: Some(GrantTarget {
                target: resource.to_owned(),
                ..Default::default()
            }),
            request_id: request_id.to_owned(),
            ..Default::default()
        };
        let made = ada.authorization().grant().create_grant(request).await;
        made.map(|made| made.into_inner().grant.unwrap().grant)
    };
    let refused = grant("doc:1", "not-a-uuid").await.unwrap_err();
    assert_eq!(refused.code(), Code::InvalidArgument, "{refused}");
    let id = "0198a6a0-0000-7000-8000-000000000001";
    let first = grant("doc:0", id).await.unwrap();
    assert_eq!(first, grant("doc:0", id).await.unwrap());
    let other = grant("doc:1", id).await.unwrap_err();
    assert_eq!(other.code(), Code::AlreadyExists, "{other}");
    for (length, letter, fits) in [
        (256, "x", true),
        (257, "x", false),
        (86, "\u{6f22}", true),
        (256, "\u{e9}", true),
        (257, "\u{e9}", false),
    ] {
        let done = register(&client, &account, &format!("doc:{}", letter.repeat(length))).await;
        assert_eq!(done.is_ok(), fits, "{length} {letter}: {done:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn odd_manifests_are_refused_in_words_and_change_nothing() {
    let suite = Embedded::start().await;
    let client = suite.client();
    apply(&client, MANIFEST).await.unwrap();
    let bomb = {
        let mut text = "a: &a [x,x,x,x,x,x,x,x,x]\n".to_owned();
        for (name, of) in ["b", "c", "d", "e", "f", "g", "h"].iter().zip("abcdefg".chars()) {
            let all = vec![format!("*{of}"); 9].join(",");
            text.push_str(&format!("{name}: &{name} [{all}]\n"));
        }
        text + "product: field\n"
    };
    let refused = [
        ("a role twice", format!("{MANIFEST}  reader: {{title: Other}}\n")),
        (
            "a key twice",
            MANIFEST.replace(
                "permissions: ['*'], assigns",
                "permissions: ['*'], permissions: [doc.view], assigns",
            ),
        ),
        ("a field twice", format!("{MANIFEST}product: other\n")),
        ("a misspelt field", MANIFEST.replace("assigns", "asigns")),
        (
            "a misspelt permission",
            MANIFEST.replace("[doc.view]", "[doc.viev]"),
        ),
        ("an alias bomb", bomb),
        ("two documents", format!("{MANIFEST}---\n{MANIFEST}")),
        ("tabs", MANIFEST.replace("  admin", "\tadmin")),
        ("nothing", String::new()),
        (
            "depth",
            format!(
                "product: field\ntypes: {}{}",
                "[".repeat(5_000),
                "]".repeat(5_000)
            ),
        ),
    ];
    for (what, manifest) in refused {
        let answer = apply(&client, &manifest).await;
        let answer = answer.err().unwrap_or_else(|| panic!("{what} is applied"));
        assert_eq!(answer.code(), Code::InvalidArgument, "{what}: {answer}");
        assert!(
            !answer.message().is_empty() && answer.message().len() < 2_000,
            "{what}: {answer}"
        );
    }
    let lines = MANIFEST.replace('\n', "\r\n");
    for (what, same) in [
        ("a byte order mark", format!("\u{feff}{MANIFEST}")),
        ("CRLF", lines),
    ] {
        let differences = apply(&client, &same)
            .await
            .unwrap_or_else(|error| panic!("{what}: {error}"));
        assert_eq!(differences, [""; 0], "{what}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_permission_that_comes_back_revives_nothing() {
    let suite = Embedded::start().await;
    let (client, account, user) = reader(&suite).await;
    let ada = administrator(&suite, &client, &account).await;
    let subject = format!("user:{user}");
    register(&client, &account, "doc:1").await.unwrap();
    let target = || {
        Some(GrantTarget {
            target: "doc:1".to_owned(),
            ..Default::default()
        })
    };
    let grant = CreateGrantRequest {
        account: account.clone(),
        subject: subject.clone(),
        permissions: vec!["doc.send".to_owned()],
        target: target(),
        ..Default::default()
    };
    ada.authorization().grant().create_grant(grant).await.unwrap();
    let sends = async || {
        let request = CheckRequest {
            account: account.clone(),
            subject: subject.clone(),
            permission: "doc.send".to_owned(),
            target: "doc:1".to_owned(),
            ..Default::default()
        };
        let answer = client.authorization().decision().check(request).await.unwrap();
        answer.into_inner().decision() == Decision::Allow
    };
    assert!(sends().await);
    let without = MANIFEST.replace("delete, send", "delete");
    let told = apply(&client, &without).await.unwrap().join("\n");
    assert!(told.contains("doc.send") && told.contains("grant"), "{told}");
    apply(&client, MANIFEST).await.unwrap();
    assert!(!sends().await, "a name that came back gave a right");
    apply(&client, &without).await.unwrap();
    let delete = DeleteGrantRequest {
        account: account.clone(),
        subject: subject.clone(),
        permissions: vec!["doc.send".to_owned()],
        target: target(),
        ..Default::default()
    };
    ada.authorization().grant().delete_grant(delete).await.unwrap();
    let told = apply(&client, MANIFEST).await.unwrap().join("\n");
    assert!(!told.contains("grant"), "it was taken out: {told}");
}

/// A Redis that speaks TLS, with a certificate of an authority that only the environment names.
#[tokio::test(flavor = "multi_thread")]
async fn a_redis_whose_authority_the_environment_names_is_used() {
    let directory = tempfile::tempdir().unwrap();
    let at = |name: &str| directory.path().join(name).to_str().unwrap().to_owned();
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    std::fs::write(at("cert.pem"), made.cert.pem()).unwrap();
    std::fs::write(at("key.pem"), made.signing_key.serialize_pem()).unwrap();
    let port = free_port().unwrap();
    let options = [
        format!("tls-port {port}"),
        "tls-auth-clients no".to_owned(),
        format!("tls-cert-file {}", at("cert.pem")),
        format!("tls-key-file {}", at("key.pem")),
        format!("tls-ca-cert-file {}", at("cert.pem")),
    ];
    let options = options.each_ref().map(String::as_str);
    let redis = Redis::start_with(&options).await.unwrap();
    let url = format!("rediss://localhost:{port}");
    let suite = Embedded::start_with(&[
        ("BAILIWICK__AUTHORIZATION__REDIS__URL", &url),
        ("BAILIWICK__AUTHORIZATION__REDIS__TIMEOUT", "2s"),
        ("SSL_CERT_FILE", &at("cert.pem")),
    ])
    .await;
    let (client, account, user) = reader(&suite).await;
    let request = || CheckRequest {
        account: account.clone(),
        subject: format!("user:{user}"),
        permission: "doc.view".to_owned(),
        target: format!("account:{account}"),
        ..Default::default()
    };
    eventually("a value in Redis", Duration::from_secs(20), async || {
        client.authorization().decision().check(request()).await.unwrap();
        let keys = redis.command("DBSIZE").await.unwrap();
        !keys.trim().ends_with(" 0") && keys.trim() != "0"
    })
    .await;
}

fn text_value(text: String) -> Value {
    Value {
        kind: Some(Kind::StringValue(text)),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn sizes_and_headers_beyond_their_limits_are_refused_in_words() {
    let suite = Embedded::start().await;
    let (client, account, user) = reader(&suite).await;
    let request = |attributes: Option<Struct>| CheckRequest {
        account: account.clone(),
        subject: format!("user:{user}"),
        permission: "doc.view".to_owned(),
        target: format!("account:{account}"),
        attributes,
        ..Default::default()
    };
    let large = Struct {
        fields: [("x".to_owned(), text_value("y".repeat(4_300_000)))].into(),
    };
    let refused = client
        .authorization()
        .decision()
        .check(request(Some(large)))
        .await
        .unwrap_err();
    assert_eq!(refused.code(), Code::ResourceExhausted, "{refused}");
    assert!(
        refused.message().contains("server.max_message_bytes"),
        "{refused}"
    );
    // A consistency token of nobody's making is refused; what a client was given serves it.
    for token in ["nonsense", "AAAA", "CAESBHRlc3Q"] {
        let mut request = tonic::Request::new(request(None));
        request
            .metadata_mut()
            .insert("bailiwick-token", token.parse().unwrap());
        let refused = client
            .authorization()
            .decision()
            .check(request)
            .await
            .unwrap_err();
        assert_eq!(refused.code(), Code::InvalidArgument, "{token}: {refused}");
    }
    let answer = client
        .authorization()
        .decision()
        .check(request(None))
        .await
        .unwrap();
    assert_eq!(answer.into_inner().decision(), Decision::Allow);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_user_with_a_role_in_each_of_many_workspaces_sees_all_of_them_and_loses_them_at_once() {
    const WORKSPACES: usize = 60;
    let suite = Embedded::start().await;
    let client = suite.client();
    apply(&client, MANIFEST).await.unwrap();
    let account = setup::account(&client, "field", "Hotel", None).await;
    let user = user(&client, "bob@example.com").await;
    setup::join(&client, &account, &user).await;
    let mut workspaces = Vec::new();
    for n in 0..WORKSPACES {
        let request = CreateWorkspaceRequest {
            account: account.clone(),
            title: format!("Store {n}"),
            ..Default::default()
        };
        let made = client
            .tenancy()
            .workspace()
            .create_workspace(request)
            .await
            .unwrap();
        workspaces.push(made.into_inner().workspace.unwrap().workspace);
    }
    for workspace in &workspaces {
        let request = AssignRoleRequest {
            account: account.clone(),
            subject: format!("user:{user}"),
            role: "reader".to_owned(),
            scope: format!("workspace:{workspace}"),
            ..Default::default()
        };
        client
            .authorization()
            .binding()
            .assign_role(request)
            .await
            .unwrap();
    }
    let allowed = async || {
        let items = workspaces.iter().map(|workspace| BatchCheckItem {
            permission: "doc.view".to_owned(),
            target: format!("workspace:{workspace}"),
            ..Default::default()
        });
        let request = BatchCheckRequest {
            account: account.clone(),
            subject: format!("user:{user}"),
            items: items.collect(),
            ..Default::default()
        };
        let answer = client
            .authorization()
            .decision()
            .batch_check(request)
            .await
            .unwrap();
        let results = answer.into_inner().results;
        results
            .iter()
            .filter(|result| result.decision() == Decision::Allow)
            .count()
    };
    assert_eq!(allowed().await, WORKSPACES);
    let bob = signed_in(&suite, "bob@example.com", &account);
    let mut seen = BTreeSet::new();
    let mut page_token = String::new();
    loop {
        let request = ListScopesRequest {
            subject: format!("user:{user}"),
            permission: "doc.view".to_owned(),
            page_size: 25,
            page_token,
            ..Default::default()
        };
        let page = bob
            .authorization()
            .query()
            .list_scopes(request)
            .await
            .unwrap()
            .into_inner();
        for scope in page.scopes {
            assert!(
                seen.insert(scope.scope.clone()),
                "{} is listed twice",
                scope.scope
            );
        }
        page_token = page.next_page_token;
        if page_token.is_empty() {
            break;
        }
    }
    assert_eq!(seen.len(), WORKSPACES);
    let request = ListWorkspacesRequest {
        account: account.clone(),
        page_size: 25,
        ..Default::default()
    };
    let page = client
        .tenancy()
        .workspace()
        .list_workspaces(request)
        .await
        .unwrap()
        .into_inner();
    assert_eq!(page.workspaces.len(), 25);
    let revoke = RevokeRoleRequest {
        account: account.clone(),
        subject: format!("user:{user}"),
        role: "reader".to_owned(),
        scope: format!("workspace:{}", workspaces[3]),
        ..Default::default()
    };
    client
        .authorization()
        .binding()
        .revoke_role(revoke)
        .await
        .unwrap();
    assert_eq!(allowed().await, WORKSPACES - 1);
    let delete = DeleteMemberRequest {
        account: account.clone(),
        user: user.clone(),
        mode: DeleteMode::Replace.into(),
        ..Default::default()
    };
    client
        .authorization()
        .member()
        .delete_member(delete)
        .await
        .unwrap();
    assert_eq!(allowed().await, 0);
}
