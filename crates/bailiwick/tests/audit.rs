//! The audit log of the real binary: what was done in all three services, with where it came from.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on fails")]

mod support;

use std::{collections::BTreeMap, path::Path, process::Output, sync::Arc};

use bailiwick_client::{Client, Credentials, Endpoints};
use bailiwick_proto::{
    METHODS, Method,
    identity::v1::{CreateUserRequest, SignInRequest},
    tenancy::v1::{Account, ListAuditEntriesRequest, UpdateAccountRequest},
};
use bailiwick_sql::{Address, Db, DbConfig, query};
use bailiwick_testkit::{eventually, free_port};
use bailiwick_types::{Idempotency, Service, SystemClock};
use serde_json::Value;
use support::{Embedded, OPERATOR, PASSWORD, bailiwick, more_scenarios, root, setup, text};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

const ADA: &str = "ada@example.com";

fn run(suite: &Embedded, arguments: &[&str]) -> Output {
    bailiwick()
        .args(["--output", "json", "audit"])
        .args(arguments)
        .output()
        .unwrap_or_else(|error| panic!("{error} at {}", suite.port))
}

/// Runs a command as the operator.
fn ask(suite: &Embedded, arguments: &[&str]) -> Output {
    let endpoint = format!("http://127.0.0.1:{}", suite.port);
    let secret = suite.directory.path().join("operator-password");
    let mut all = arguments.to_vec();
    all.extend(["--endpoint", &endpoint, "--email", OPERATOR, "--password-file"]);
    all.push(secret.to_str().unwrap());
    run(suite, &all)
}

fn listed(suite: &Embedded, account: &str) -> Vec<Value> {
    let came = ask(suite, &["list", "--account", account]);
    assert!(came.status.success(), "{}", text(&came));
    serde_json::from_slice(&came.stdout).unwrap()
}

fn verify(suite: &Embedded, arguments: &[&str]) -> (bool, Vec<Value>) {
    let data = suite.data();
    let mut all = vec!["verify", "--data-dir", data.to_str().unwrap()];
    all.extend(arguments);
    let came = run(suite, &all);
    let value = serde_json::from_slice(&came.stdout);
    (
        came.status.success(),
        value.unwrap_or_else(|_| panic!("{}", text(&came))),
    )
}

async fn user(client: &Client) -> String {
    let request = CreateUserRequest {
        email: ADA.to_owned(),
        password: "a password for ada lovelace".to_owned(),
        email_verified: true,
        ..Default::default()
    };
    let made = client.identity().user().create_user(request).await.unwrap();
    made.into_inner().user.unwrap().user
}

async fn sign_in(client: &Client, account: &str, password: &str) -> bool {
    let request = SignInRequest {
        email: ADA.to_owned(),
        password: password.to_owned(),
        account: account.to_owned(),
        ..Default::default()
    };
    client.identity().authentication().sign_in(request).await.is_ok()
}

/// Methods that change nothing that is administered: credentials are shown, tokens are made, mails are sent,
/// and reads that count as more because they take a place.
const NOT_ADMINISTRATIVE: [&str; 9] = [
    "AuthenticationService/Reauthenticate",
    "AuthenticationService/Refresh",
    // As `session.begin`, also with a second factor.
    "AuthenticationService/SignIn",
    "AuthenticationService/VerifySecondFactor",
    "AuthenticationService/RequestPasswordReset",
    "AuthenticationService/SendVerification",
    "TokenService/IssueToken",
    "AuditLogService/ExportAuditEntries",
    // The content of an approval that stays, or that was not needed, is not used up.
    "ApprovalService/ConsumeApproval",
];

/// Methods with an entry for each thing that they do, or none where nothing changes.
const SEVERAL: [&str; 8] = [
    "ResourceService/MoveResource",
    "BindingService/AssignRole",
    "UserService/DeleteUser",
    "BindingService/CopyPermissions",
    "MemberService/BatchRemoveMembers",
    "InvitationService/BatchCreateInvitations",
    "ProductService/ApplyProduct",
    "SessionService/RevokeAllSessions",
];

/// The calls of each method that were answered with OK, as the metrics count them.
async fn answered(port: u16) -> BTreeMap<String, u64> {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
    let request = "GET /metrics HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut text = String::new();
    stream.read_to_string(&mut text).await.unwrap();
    let label = |line: &str, name: &str| {
        let (_, rest) = line.split_once(&format!("{name}=\""))?;
        Some(rest.split_once('"')?.0.to_owned())
    };
    let mut calls = BTreeMap::new();
    for line in text.lines() {
        let counted = line.starts_with("rpc_server_duration_milliseconds_count{");
        let code = label(line, "rpc_grpc_status_code");
        if !counted || !code.is_some_and(|code| code == "0" || code.eq_ignore_ascii_case("ok")) {
            continue;
        }
        let service = label(line, "rpc_service").unwrap();
        let method = format!("{service}/{}", label(line, "rpc_method").unwrap());
        let count: f64 = line.rsplit_once(' ').unwrap().1.parse().unwrap();
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a small number"
        )]
        let count = count as u64;
        *calls.entry(method).or_default() += count;
    }
    calls
}

/// The entries of each action in all chains.
async fn entered(suite: &Embedded) -> BTreeMap<String, u64> {
    let config = DbConfig::at(Address::File(suite.data().join("tenancy.db")));
    let db = Db::connect(config, Service::Tenancy, Arc::new(SystemClock))
        .await
        .unwrap();
    let sql = "SELECT action, COUNT(*) AS n FROM audit_entry WHERE outcome = 'done' GROUP BY action";
    let rows = query(db.load(), sql, vec![]).await.unwrap();
    let counted = rows.iter().map(|row| {
        let count: i64 = row.try_get("", "n").unwrap();
        (row.try_get("", "action").unwrap(), count.unsigned_abs())
    });
    let counted = counted.collect();
    db.close().await;
    counted
}

#[tokio::test(flavor = "multi_thread")]
async fn every_write_of_the_suite_is_in_the_log_once() {
    let http = free_port().unwrap();
    let listen = format!("127.0.0.1:{http}");
    let suite = Embedded::start_with(&[("BAILIWICK__SERVER__HTTP_LISTEN", &listen)]).await;
    let secret = suite.directory.path().join("operator-password");
    let endpoint = format!("http://127.0.0.1:{}", suite.port);
    let mut files = vec![root().join("tests/scenarios/one-question.yaml")];
    files.extend(more_scenarios().into_iter().filter(|file| {
        let text = std::fs::read_to_string(file).unwrap();
        !text.contains("advance:") && !text.contains("\nclock:")
    }));
    for file in files {
        // One whose dates are over does not hold on a live suite; what it called counts all the same.
        let came = bailiwick()
            .args(["test", "--against", &endpoint, "--email", OPERATOR])
            .arg("--password-file")
            .arg(&secret)
            .arg(&file)
            .output();
        drop(came.unwrap());
    }
    let calls = answered(http).await;
    // The log follows within moments; what is wrong for longer is wrong.
    let mut wrong = Vec::new();
    for _ in 0..50 {
        wrong = differences(&calls, &entered(&suite).await);
        if wrong.is_empty() {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(200)).await;
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    let writes = writes().filter(|method| calls.contains_key(method.name()));
    let seen = writes.count();
    assert!(seen > 25, "only {seen} methods were called");
}

/// The methods that administer something.
fn writes() -> impl Iterator<Item = &'static Method> {
    METHODS.iter().filter(|method| {
        let mut others = NOT_ADMINISTRATIVE.iter();
        let other = others.any(|name| method.name().ends_with(name));
        method.is_public() && method.idempotency != Idempotency::NoSideEffects && !other
    })
}

/// Methods with more or fewer entries than calls.
fn differences(calls: &BTreeMap<String, u64>, entries: &BTreeMap<String, u64>) -> Vec<String> {
    let mut wrong = Vec::new();
    for method in writes() {
        let name = method.name();
        let of = |counts: &BTreeMap<String, u64>| counts.get(name).copied().unwrap_or(0);
        let (calls, entries) = (of(calls), of(entries));
        let several = SEVERAL.iter().any(|several| name.ends_with(several));
        if (several && calls > 0 && entries == 0) || (!several && calls != entries) {
            wrong.push(format!("{name}: {calls} calls, {entries} entries"));
        }
    }
    wrong
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_done_refused_and_signed_in_is_in_the_log_which_verifies_until_it_is_changed() {
    let suite = Embedded::start().await;
    let client = suite.client();
    setup::apply(&client, "one-question").await;
    let account = setup::account(&client, "one-question", "Grand Hotel", None).await;
    let ada = user(&client).await;
    setup::join(&client, &account, &ada).await;
    let endpoints = Endpoints::one(format!("http://127.0.0.1:{}", suite.port));
    let stranger = Client::lazy(&endpoints).unwrap();
    assert!(!sign_in(&stranger, &account, "a wrong password of somebody").await);
    assert!(sign_in(&stranger, &account, "a password for ada lovelace").await);
    // A member without a role changes nothing.
    let own = Credentials::password(
        ADA,
        "a password for ada lovelace".to_owned().into(),
        Some(account.clone()),
    );
    let own = Client::lazy(&endpoints).unwrap().with_credentials(own);
    let rename = UpdateAccountRequest {
        account: account.clone(),
        changes: Some(Account {
            title: "Mine".to_owned(),
            ..Default::default()
        }),
        ..Default::default()
    };
    for _ in 0..5 {
        let refused = own.tenancy().account().update_account(rename.clone()).await;
        assert_eq!(refused.unwrap_err().code(), tonic::Code::PermissionDenied);
    }
    client.tenancy().account().update_account(rename).await.unwrap();

    let of = |entries: &[Value], action: &str, outcome: &str| -> Vec<Value> {
        let is = |entry: &&Value| {
            entry["action"].as_str().unwrap().ends_with(action) && entry["outcome"] == outcome
        };
        entries.iter().filter(is).cloned().collect()
    };
    let complete = || {
        let entries = listed(&suite, &account);
        let denied: u64 = of(&entries, "/UpdateAccount", "denied")
            .iter()
            .map(|entry| entry["attempts"].as_u64().unwrap())
            .sum();
        denied == 5
            && of(&entries, "/SignIn", "failed").len() == 1
            && of(&entries, "/CreateMember", "done").len() == 1
            && of(&entries, "/UpdateAccount", "done").len() == 1
    };
    eventually("all entries", support::PATIENCE, async || complete()).await;
    let entries = listed(&suite, &account);
    let one = |action: &str, outcome: &str| of(&entries, action, outcome).pop().unwrap();
    let ada = format!("user:{ada}");
    let signed_in = one("session.begin", "done");
    assert_eq!(
        (&signed_in["actor"], &signed_in["network"]),
        (&ada.clone().into(), &"127.0.0.1".into())
    );
    let failed = one("/SignIn", "failed");
    assert_eq!(
        (&failed["target"], &failed["network"]),
        (&ada.clone().into(), &"127.0.0.1".into())
    );
    let denied = one("/UpdateAccount", "denied");
    assert_eq!(
        (&denied["actor"], &denied["target"]),
        (&ada.into(), &format!("account:{account}").into())
    );
    let renamed = one("/UpdateAccount", "done");
    assert_eq!(
        (&renamed["before"]["title"], &renamed["after"]["title"]),
        (&"Grand Hotel".into(), &"Mine".into())
    );
    assert!(!renamed["request_id"].as_str().unwrap().is_empty());
    assert_eq!(renamed["network"], "127.0.0.1");
    let text = serde_json::to_string(&entries).unwrap();
    for secret in [PASSWORD, "a password for ada", "a wrong password"] {
        assert!(!text.contains(secret), "{secret}");
    }
    // Its readers need the right.
    let request = ListAuditEntriesRequest {
        account: account.clone(),
        ..Default::default()
    };
    let refused = own.tenancy().audit_log().list_audit_entries(request).await;
    assert_eq!(refused.unwrap_err().code(), tonic::Code::PermissionDenied);

    let (good, chains) = verify(&suite, &[]);
    assert!(good, "{chains:?}");
    let names: Vec<&str> = chains
        .iter()
        .map(|chain| chain["chain"].as_str().unwrap())
        .collect();
    assert_eq!(
        names,
        [
            format!("account:{account}").as_str(),
            "deployment",
            "product:one-question"
        ]
    );
    exports(&suite, &account);
}

fn exports(suite: &Embedded, account: &str) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("log.jsonl");
    let file = path.to_str().unwrap();
    let came = ask(suite, &["export", "--account", account, "--output-file", file]);
    assert!(came.status.success(), "{}", text(&came));
    let (good, found) = verify(suite, &["--file", file]);
    assert!(good && found[0]["signed"] == true, "{found:?}");
    let log = std::fs::read_to_string(&path).unwrap();
    std::fs::write(&path, log.replacen("Grand Hotel", "Grand Motel", 1)).unwrap();
    let (good, found) = verify(suite, &["--file", file]);
    assert!(!good && found[0]["fault"].is_string(), "{found:?}");
    let table: &Path = &folder.path().join("log.csv");
    let came = ask(
        suite,
        &[
            "export",
            "--account",
            account,
            "--format",
            "csv",
            "--output-file",
            table.to_str().unwrap(),
        ],
    );
    assert!(came.status.success(), "{}", text(&came));
    assert!(std::fs::read_to_string(table).unwrap().contains("Grand Hotel"));
}
