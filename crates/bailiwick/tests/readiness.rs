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
use support::{OPERATOR, PASSWORD, PATIENCE, bailiwick, keys, text};

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
        ("BAILIWICK__INTEGRITY__SECRET", "i".repeat(64)),
        ("BAILIWICK__TELEMETRY__LOG_FILTER", "warn".to_owned()),
        ("BAILIWICK__SERVER__DRAIN_WAIT", "0s".to_owned()),
    ];
    let all = common.iter().chain(more);
    all.map(|(name, value)| ((*name).to_owned(), value.clone()))
        .collect()
}

const SERVICES: [&str; 3] = ["identity", "tenancy", "authorization"];

/// Where three processes listen, and what they are configured with.
struct Three {
    directory: tempfile::TempDir,
    /// The ports of each: gRPC, internal, HTTP.
    ports: Vec<[u16; 3]>,
    environment: Vec<(String, String)>,
}

impl Three {
    fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let port = || free_port().unwrap();
        let ports: Vec<[u16; 3]> = SERVICES.iter().map(|_| [port(), port(), port()]).collect();
        let mut environment = environment(&[]);
        environment.extend(keys(&directory.path().join("keys")));
        for (service, [_, internal, _]) in SERVICES.iter().zip(&ports) {
            environment.push((
                format!("BAILIWICK__PEERS__{}", service.to_uppercase()),
                format!("http://127.0.0.1:{internal}"),
            ));
        }
        Self {
            directory,
            ports,
            environment,
        }
    }
    fn start(&self, at: usize) -> Process {
        let [grpc, internal, http] = self.ports[at].map(|port| format!("127.0.0.1:{port}"));
        let mut command = bailiwick();
        command
            .args(["serve", SERVICES[at], "--listen", &grpc])
            .args(["--internal-listen", &internal, "--http-listen", &http])
            .arg("--data-dir")
            .arg(self.directory.path())
            .envs(self.environment.iter().cloned());
        Process::start(command).unwrap()
    }
    fn http(&self, at: usize) -> u16 {
        self.ports[at][2]
    }
    /// Whether one is alive, not ready, and says all of this.
    async fn waits(&self, at: usize, all: &[&str]) {
        eventually("it says what it waits for", PATIENCE, async || {
            let (status, body) = get(self.http(at), "/readyz");
            status == 503 && all.iter().all(|what| body.contains(what))
        })
        .await;
        assert_eq!(get(self.http(at), "/healthz").0, 200, "it is alive all the same");
    }
}

#[tokio::test]
async fn a_process_is_ready_once_it_has_keys_and_has_reached_its_peers() {
    let three = Three::new();
    let mut tenancy = three.start(1);
    tenancy.line("grpc://", PATIENCE).await;
    three
        .waits(1, &["signing keys", "identity", "authorization"])
        .await;

    let mut identity = three.start(0);
    let authorization = three.start(2);
    for at in 0..3 {
        ready(three.http(at)).await;
    }
    // What it has reached once may go away: that is for the others to say.
    identity.kill().unwrap();
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!(get(three.http(1), "/readyz").0, 200);
    drop(authorization);
    assert!(tenancy.ended().unwrap().is_none());
}

#[tokio::test]
async fn a_process_with_a_key_that_its_peers_do_not_know_is_not_ready_until_they_do() {
    let three = Three::new();
    let (mut identity, authorization) = (three.start(0), three.start(2));
    let at = |name: &str| three.directory.path().join("keys").join(name);
    // A key of its own making: nobody has its public key.
    let other = three.directory.path().join("other");
    keys(&other);
    let known = std::fs::read(at("tenancy.pub")).unwrap();
    std::fs::copy(other.join("tenancy.key"), at("tenancy.key")).unwrap();
    let mut tenancy = three.start(1);
    three
        .waits(
            1,
            &["cannot reach identity", "refuses the credentials of tenancy"],
        )
        .await;
    let logs = || format!("{}{}", tenancy.logs().text(), identity.logs().text());
    assert!(
        !logs().contains("PRIVATE") && !logs().contains("eyJ"),
        "no key and no token is in the log: {}",
        logs()
    );
    // The others learn it without a restart, and know the one before still.
    let mut both = known;
    both.extend(std::fs::read(other.join("tenancy.pub")).unwrap());
    std::fs::write(at("tenancy.pub"), both).unwrap();
    for at in 0..3 {
        ready(three.http(at)).await;
    }
    assert!(tenancy.ended().unwrap().is_none() && identity.ended().unwrap().is_none());
    drop(authorization);
}

#[test]
fn a_process_of_several_needs_keys_a_listener_and_the_common_secret() {
    let three = Three::new();
    for (without, named) in [
        ("BAILIWICK__INTEGRITY__SECRET", "`integrity.secret` is required"),
        (
            "BAILIWICK__INTERNAL__TENANCY__KEY_FILE",
            "`internal.tenancy.key_file` is required",
        ),
        (
            "BAILIWICK__INTERNAL__IDENTITY__PUBLIC_KEYS_FILE",
            "`internal.identity.public_keys_file` is required",
        ),
        (
            "BAILIWICK__SERVER__INTERNAL_LISTEN",
            "`server.internal_listen` is required",
        ),
    ] {
        let came = bailiwick()
            .args(["serve", "tenancy", "--listen", "127.0.0.1:0", "--data-dir"])
            .arg(three.directory.path())
            .env("BAILIWICK__SERVER__INTERNAL_LISTEN", "127.0.0.1:0")
            .envs(three.environment.iter().cloned())
            .env_remove(without)
            .output()
            .unwrap();
        let said = text(&came);
        assert_eq!(came.status.code(), Some(2), "{said}");
        assert!(said.contains(named), "{said}");
    }
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
