//! When a process is ready, and what it bears without a restart.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test that cannot go on fails"
)]

mod support;

use std::{
    io::{Read, Write},
    net::TcpStream,
    path::Path,
    process::Command,
    time::Duration,
};

use bailiwick_testkit::{Postgres, Process, eventually, free_port};
use support::{OPERATOR, PASSWORD, PATIENCE, bailiwick, text};

/// Status and body of a GET; 0 where nobody answers.
fn get(port: u16, path: &str) -> (u16, String) {
    let answer = || -> std::io::Result<String> {
        let mut stream = TcpStream::connect(("127.0.0.1", port))?;
        stream.set_read_timeout(Some(Duration::from_secs(10)))?;
        write!(
            stream,
            "GET {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n"
        )?;
        let mut text = String::new();
        stream.read_to_string(&mut text)?;
        Ok(text)
    };
    let text = answer().unwrap_or_default();
    let status = text
        .split(' ')
        .nth(1)
        .and_then(|s| s.parse().ok())
        .unwrap_or_default();
    let body = text.split_once("\r\n\r\n").map(|(_, body)| body.to_owned());
    (status, body.unwrap_or_default())
}

async fn ready(port: u16) {
    eventually("the process is ready", PATIENCE, async || {
        get(port, "/readyz").0 == 200
    })
    .await;
}

fn make_operator(directory: &Path, environment: &[(String, String)]) {
    let secret = directory.join("password");
    std::fs::write(&secret, format!("{PASSWORD}\n")).unwrap();
    let made = bailiwick()
        .args(["operator", "create", "--email", OPERATOR, "--password-file"])
        .arg(&secret)
        .arg("--data-dir")
        .arg(directory)
        .envs(environment.iter().cloned())
        .output()
        .unwrap();
    assert!(made.status.success(), "operator create: {}", text(&made));
}

fn environment(more: &[(&str, String)]) -> Vec<(String, String)> {
    let common = [
        ("BAILIWICK__INTERNAL__KEY", "k".repeat(64)),
        ("BAILIWICK__TELEMETRY__LOG_FILTER", "warn".to_owned()),
        ("BAILIWICK__SERVER__DRAIN_WAIT", "0s".to_owned()),
    ];
    let all = common.iter().chain(more);
    all.map(|(name, value)| ((*name).to_owned(), value.clone()))
        .collect()
}

#[tokio::test]
async fn a_process_is_ready_once_it_has_keys_and_has_reached_its_peers() {
    let directory = tempfile::tempdir().unwrap();
    let services = ["identity", "tenancy", "authorization"];
    let grpc: Vec<u16> = services.iter().map(|_| free_port().unwrap()).collect();
    let http: Vec<u16> = services.iter().map(|_| free_port().unwrap()).collect();
    let peer = |at: usize| format!("http://127.0.0.1:{}", grpc[at]);
    let environment = environment(&[
        ("BAILIWICK__PEERS__IDENTITY", peer(0)),
        ("BAILIWICK__PEERS__TENANCY", peer(1)),
        ("BAILIWICK__PEERS__AUTHORIZATION", peer(2)),
    ]);
    let start = |at: usize| {
        let mut command = bailiwick();
        let listen = |port: u16| format!("127.0.0.1:{port}");
        command
            .args(["serve", services[at], "--listen", &listen(grpc[at])])
            .args(["--http-listen", &listen(http[at]), "--data-dir"])
            .arg(directory.path())
            .envs(environment.iter().cloned());
        Process::start(command).unwrap()
    };
    let mut tenancy = start(1);
    tenancy.line("grpc://", PATIENCE).await;
    let waiting = || {
        let (status, body) = get(http[1], "/readyz");
        let all = ["signing keys", "identity", "authorization"];
        status == 503 && all.iter().all(|what| body.contains(what))
    };
    eventually("it says what it waits for", PATIENCE, async || waiting()).await;
    assert_eq!(get(http[1], "/healthz").0, 200, "it is alive all the same");

    let mut identity = start(0);
    let authorization = start(2);
    for port in &http {
        ready(*port).await;
    }
    // What it has reached once may go away: that is for the others to say.
    identity.kill().unwrap();
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!(get(http[1], "/readyz").0, 200);
    drop(authorization);
    assert!(tenancy.ended().unwrap().is_none());
}

#[tokio::test]
async fn a_process_whose_data_is_too_old_is_not_ready_until_it_is_fresh_again() {
    let directory = tempfile::tempdir().unwrap();
    let postgres = Postgres::start().await.unwrap();
    let (grpc, http) = (free_port().unwrap(), free_port().unwrap());
    let (one, two, three) = (
        postgres.new_database().await.unwrap(),
        postgres.new_database().await.unwrap(),
        postgres.new_database().await.unwrap(),
    );
    let environment = environment(&[
        ("BAILIWICK__DATABASE__IDENTITY__URL", one.url()),
        ("BAILIWICK__DATABASE__TENANCY__URL", two.url()),
        ("BAILIWICK__DATABASE__AUTHORIZATION__URL", three.url()),
        ("BAILIWICK__AUTHORIZATION__STALENESS", "2s".to_owned()),
        (
            "BAILIWICK__IDENTITY__KEY_ENCRYPTION_SECRET",
            "a secret of at least thirty-two characters".to_owned(),
        ),
    ]);
    let command = |arguments: &[&str]| {
        let mut command = bailiwick();
        command
            .args(arguments)
            .arg("--data-dir")
            .arg(directory.path())
            .envs(environment.iter().cloned());
        command
    };
    let migrated = command(&["migrate"]).output().unwrap();
    assert!(migrated.status.success(), "{}", text(&migrated));
    make_operator(directory.path(), &environment);
    let (grpc, listen) = (format!("127.0.0.1:{grpc}"), format!("127.0.0.1:{http}"));
    let _process = Process::start(command(&["serve", "--listen", &grpc, "--http-listen", &listen])).unwrap();
    ready(http).await;
    postgres.stop().await.unwrap();
    eventually("it is not ready", PATIENCE, async || {
        let (status, body) = get(http, "/readyz");
        status == 503 && body.contains("authorization data exceeds the staleness bound")
    })
    .await;
    assert_eq!(get(http, "/healthz").0, 200, "it is alive all the same");
    postgres.resume().await.unwrap();
    ready(http).await;
}

/// A certificate for a name, and a process whose address has another.
#[tokio::test]
async fn a_suite_with_a_certificate_for_a_name_reaches_itself_and_survives_a_hangup() {
    let directory = tempfile::tempdir().unwrap();
    let at = |name: &str| directory.path().join(name);
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    std::fs::write(at("cert.pem"), made.cert.pem()).unwrap();
    std::fs::write(at("key.pem"), made.signing_key.serialize_pem()).unwrap();
    std::fs::write(
        at("shop.yaml"),
        "product: shop\nlevels: {account: {title: Account}}\ntypes: {doc: {verbs: [view]}}\n\
         roles:\n  reader: {title: Reader, levels: {account: {permissions: [doc.view]}}}\n",
    )
    .unwrap();
    std::fs::write(
        at("steps.yaml"),
        "scenario: over TLS\nproduct: shop\ngiven:\n  accounts: {hotel: {title: Hotel}}\n  \
         users: {bob: {member_of: [hotel]}}\n  roles: [{user: bob, role: reader, on: \"account:hotel\"}]\n\
         steps:\n  - {check: {user: bob, permission: doc.view, on: \"account:hotel\"}, expect: allow}\n",
    )
    .unwrap();
    let environment = environment(&[
        (
            "BAILIWICK__SERVER__TLS__CERT_FILE",
            at("cert.pem").display().to_string(),
        ),
        (
            "BAILIWICK__SERVER__TLS__KEY_FILE",
            at("key.pem").display().to_string(),
        ),
    ]);
    make_operator(directory.path(), &environment);
    let (grpc, health) = (free_port().unwrap(), free_port().unwrap());
    let mut command = bailiwick();
    command
        .args(["serve", "--listen", &format!("127.0.0.1:{grpc}")])
        .args(["--health-listen", &format!("127.0.0.1:{health}"), "--data-dir"])
        .arg(directory.path())
        .envs(environment.iter().cloned());
    let mut process = Process::start(command).unwrap();
    ready(health).await;
    let hangup = Command::new("kill")
        .args(["-HUP", &process.id().to_string()])
        .status()
        .unwrap();
    assert!(hangup.success());
    let test = |more: &[&str]| {
        bailiwick()
            .args(["test", "--products"])
            .arg(directory.path())
            .args([
                "--against",
                &format!("https://localhost:{grpc}"),
                "--email",
                OPERATOR,
            ])
            .arg("--password-file")
            .arg(at("password"))
            .args(more)
            .arg(at("steps.yaml"))
            .output()
            .unwrap()
    };
    let refused = test(&[]);
    assert!(
        !refused.status.success(),
        "nobody vouches for the certificate: {}",
        text(&refused)
    );
    let passed = test(&["--ca-file", at("cert.pem").to_str().unwrap()]);
    assert!(passed.status.success(), "{}", text(&passed));
    assert!(process.ended().unwrap().is_none(), "{}", process.logs().text());
    assert!(
        !process.logs().text().contains("a peer does not answer"),
        "{}",
        process.logs().text()
    );
}
