//! The matrix and the export of a real suite, as files and tables.

#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::panic,
    reason = "a test that cannot go on fails"
)]

mod support;

use std::{
    path::{Path, PathBuf},
    process::Output,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use bailiwick_client::{Client, Credentials, Endpoints};
use bailiwick_proto::{
    authorization::v1::{
        ExportFormat, ExportPermissionsRequest, ListSubjectPermissionsRequest, RegisterResourceRequest,
        export_service_client::ExportServiceClient,
    },
    identity::v1::{CreateServiceAccountRequest, SignInRequest},
};
use bailiwick_testkit::{Postgres, eventually};
use support::{Embedded, OPERATOR, PASSWORD, bailiwick, operator, setup, text};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    sync::Notify,
};

/// An account of Sogolytics with administrators; its title and an e-mail address begin like formulas.
async fn account(client: &Client, people: usize) -> String {
    setup::apply(client, "sogolytics").await;
    let account = setup::account(client, "sogolytics", "=cmd|' /C calc'!A0", None).await;
    for n in 0..people {
        let (email, role) = match n {
            0 => ("+sam@example.com".to_owned(), "sub_user"),
            n => (format!("admin{n}@example.com"), "administrator"),
        };
        let user = setup::user(client, &email).await;
        setup::member(client, &account, &user, role).await;
        if n == 0 {
            let request = RegisterResourceRequest {
                account: account.clone(),
                resource: "project:nps".into(),
                scope: format!("account:{account}"),
                owner: Some(format!("user:{user}")),
                title: "NPS, \"2026\"".into(),
                ..Default::default()
            };
            client
                .authorization()
                .resource()
                .register_resource(request)
                .await
                .unwrap();
        }
    }
    account
}

fn client(suite: &Embedded) -> Client {
    let endpoints = Endpoints::one(format!("http://127.0.0.1:{}", suite.port));
    Client::lazy(&endpoints).unwrap().with_credentials(operator())
}

fn secret(suite: &Embedded) -> PathBuf {
    suite.directory.path().join("operator-password")
}

fn export(suite: &Embedded, endpoint: &str, account: &str, format: &str, file: &Path) -> Output {
    bailiwick()
        .args([
            "export",
            "--account",
            account,
            "--format",
            format,
            "--email",
            OPERATOR,
        ])
        .args(["--endpoint", endpoint, "--output-file"])
        .arg(file)
        .arg("--password-file")
        .arg(secret(suite))
        .output()
        .unwrap()
}

fn left_in(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).unwrap();
    entries
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_export_is_a_whole_file_without_formulas_and_the_matrix_a_table() {
    let suite = Embedded::start().await;
    let client = client(&suite);
    let account = account(&client, 3).await;
    let endpoint = format!("http://127.0.0.1:{}", suite.port);
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("permissions.csv");
    let came = export(&suite, &endpoint, &account, "csv", &file);
    assert!(came.status.success(), "{}", text(&came));
    assert!(
        text(&came).contains("of 3 subjects at revision"),
        "{}",
        text(&came)
    );
    assert_eq!(left_in(folder.path()), ["permissions.csv"]);
    let written = std::fs::read_to_string(&file).unwrap();
    let mut lines = written.split_terminator("\r\n");
    assert_eq!(
        lines.next().unwrap(),
        "Subject,E-mail,Permission,On,Title,Reach,Reason,Through group,Condition,Approval,Expires"
    );
    let rows: Vec<&str> = lines.collect();
    assert!(rows.len() > 100, "{written}");
    for row in &rows {
        assert!(row.contains(",'=cmd|' /C calc'!A0,"), "{row}");
        assert!(
            !row.contains(",=") && !row.contains(",+") && !row.contains(",-") && !row.contains(",@"),
            "{row}"
        );
    }
    let own = rows
        .iter()
        .find(|row| row.contains(",project.edit,") && row.contains("'+sam@"))
        .unwrap();
    assert!(own.contains("resource.owner == subject.id"), "{own}");
    let all = rows.iter().filter(|row| row.contains(",project.edit,")).count();
    assert_eq!(all, 3, "{written}");

    // A spreadsheet has the same, and is a ZIP archive.
    let sheet = folder.path().join("permissions.xlsx");
    let came = export(&suite, &endpoint, &account, "xlsx", &sheet);
    assert!(came.status.success(), "{}", text(&came));
    let bytes = std::fs::read(&sheet).unwrap();
    assert!(bytes.starts_with(b"PK") && bytes.len() > 5_000);

    // Who may not, an account that is not there, a folder that is not there: a fault, and no file.
    for (endpoint, of, file) in [
        (
            &*endpoint,
            "acct_01h455vb4pex5vsknk084sn02q",
            folder.path().join("no.csv"),
        ),
        ("http://127.0.0.1:1", &*account, folder.path().join("no.csv")),
        (&*endpoint, &*account, folder.path().join("gone/no.csv")),
    ] {
        let came = export(&suite, endpoint, of, "csv", &file);
        assert_eq!(came.status.code(), Some(2), "{}", text(&came));
        assert!(!file.exists());
    }
    assert_eq!(left_in(folder.path()).len(), 2);

    // A service that may ask for decisions takes no file away, and no matrix.
    let request = CreateServiceAccountRequest {
        title: "backend".into(),
        scope: "product:sogolytics".into(),
        role: "service".into(),
        ..Default::default()
    };
    let made = client
        .identity()
        .service_account()
        .create_service_account(request)
        .await
        .unwrap()
        .into_inner();
    let id = made.service_account.unwrap().service_account;
    let service = client.with_credentials(Credentials::client(id, made.secret.into()));
    let request = ExportPermissionsRequest {
        account: account.clone(),
        format: ExportFormat::Csv.into(),
        subject: String::new(),
    };
    let denied = service
        .authorization()
        .export()
        .export_permissions(request)
        .await
        .unwrap_err();
    assert_eq!(denied.code(), tonic::Code::PermissionDenied);
    let request = ListSubjectPermissionsRequest {
        account: account.clone(),
        target: "project:nps".into(),
        ..Default::default()
    };
    let denied = service
        .authorization()
        .query()
        .list_subject_permissions(request)
        .await
        .unwrap_err();
    assert_eq!(denied.code(), tonic::Code::PermissionDenied);

    let matrix = |target: &str, more: &[&str]| {
        let came = bailiwick()
            .args([
                "matrix",
                target,
                "--account",
                &account,
                "--email",
                OPERATOR,
                "--endpoint",
                &endpoint,
            ])
            .args(more)
            .arg("--password-file")
            .arg(secret(&suite))
            .output()
            .unwrap();
        assert!(came.status.success(), "{}", text(&came));
        String::from_utf8(came.stdout).unwrap()
    };
    let shown = matrix("project:nps", &["--type", "project"]);
    println!("{shown}");
    assert!(
        shown.contains("admin1@example.com") && shown.contains("+sam@example.com"),
        "{shown}"
    );
    assert!(shown.contains('✓') && shown.contains("distribute"), "{shown}");
    let whole = matrix(&format!("account:{account}"), &[]);
    println!("{whole}");
    assert!(whole.contains("admin2@example.com"), "{whole}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_explanation_is_a_tree_that_says_what_was_missing() {
    let suite = Embedded::start().await;
    let client = client(&suite);
    let account = account(&client, 2).await;
    let endpoint = format!("http://127.0.0.1:{}", suite.port);
    let members = client
        .authorization()
        .query()
        .list_subject_permissions(ListSubjectPermissionsRequest {
            account: account.clone(),
            target: "project:nps".into(),
            ..Default::default()
        })
        .await
        .unwrap()
        .into_inner()
        .subjects;
    let who = |email: &str| {
        members
            .iter()
            .find(|row| row.email == email)
            .unwrap()
            .subject
            .clone()
    };
    let (sam, admin) = (who("+sam@example.com"), who("admin1@example.com"));
    let request = RegisterResourceRequest {
        account: account.clone(),
        resource: "project:orphan".into(),
        scope: format!("account:{account}"),
        owner: Some(String::new()),
        ..Default::default()
    };
    client
        .authorization()
        .resource()
        .register_resource(request)
        .await
        .unwrap();
    for (subject, permission, target, code, words) in [
        (
            &*admin,
            "project.edit",
            "project:nps",
            0,
            ["allow:", "✓ role administrator on account:"],
        ),
        (
            &*sam,
            "project.edit",
            "project:nps",
            0,
            ["allow:", "resource.owner = user:"],
        ),
        (
            &*sam,
            "project.distribute",
            "project:nps",
            1,
            ["needs-approval:", "? role sub_user"],
        ),
        (
            &*sam,
            "project.edit",
            "project:orphan",
            1,
            ["deny:", "resource.owner = (missing)"],
        ),
        (
            &*sam,
            "user.remove",
            "project:gone",
            1,
            ["deny:", "the account has no such resource"],
        ),
        (
            "service:nobody",
            "project.edit",
            "project:nps",
            1,
            ["deny:", "nothing gives it"],
        ),
    ] {
        let came = bailiwick()
            .args(["explain", subject, permission, target, "--account", &account])
            .args(["--email", OPERATOR, "--endpoint", &endpoint, "--password-file"])
            .arg(secret(&suite))
            .output()
            .unwrap();
        let said = text(&came);
        println!("{said}");
        assert_eq!(came.status.code(), Some(code), "{said}");
        for word in words {
            assert!(said.contains(word), "no `{word}` in\n{said}");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_export_needs_no_directory_for_temporary_files() {
    let suite = Embedded::start_with(&[("TMPDIR", "/nowhere")]).await;
    let client = client(&suite);
    let account = account(&client, 2).await;
    let endpoint = format!("http://127.0.0.1:{}", suite.port);
    let folder = tempfile::tempdir().unwrap();
    for format in ["csv", "xlsx"] {
        let file = folder.path().join(format);
        let came = export(&suite, &endpoint, &account, format, &file);
        assert!(came.status.success(), "{format}: {}", text(&came));
        assert!(file.metadata().unwrap().len() > 1_000, "{format}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_export_that_nobody_reads_holds_no_transaction_and_its_account_has_no_second_one() {
    let database = Postgres::database().await;
    let url = database.url();
    let migrated = bailiwick()
        .args(["migrate", "authorization"])
        .env("BAILIWICK__DATABASE__AUTHORIZATION__URL", &url)
        .output()
        .unwrap();
    assert!(migrated.status.success(), "{}", text(&migrated));
    let suite = Embedded::start_with(&[
        ("BAILIWICK__DATABASE__AUTHORIZATION__URL", url.as_str()),
        (
            "BAILIWICK__INTEGRITY__SECRET",
            "a secret of at least thirty-two characters",
        ),
        // An export that kept it would leave nothing for anybody else.
        ("BAILIWICK__DATABASE__AUTHORIZATION__MAX_CONNECTIONS", "1"),
        ("BAILIWICK__AUTHORIZATION__EXPORTS__AT_ONCE", "1"),
    ])
    .await;
    let client = client(&suite);
    setup::apply(&client, "sogolytics").await;
    let large = setup::account(&client, "sogolytics", &"A long title. ".repeat(14), None).await;
    let small = setup::account(&client, "sogolytics", "Small", None).await;
    for n in 0..60 {
        let user = setup::user(&client, &format!("admin{n}@example.com")).await;
        setup::member(&client, &large, &user, "administrator").await;
    }

    // A reader whose window is small: what it does not read stays with the server.
    let sign_in = SignInRequest {
        email: OPERATOR.into(),
        password: PASSWORD.into(),
        ..Default::default()
    };
    let signed_in = client.identity().authentication().sign_in(sign_in).await;
    let bearer = format!(
        "Bearer {}",
        signed_in.unwrap().into_inner().tokens.unwrap().access_token
    );
    let channel = tonic::transport::Endpoint::from_shared(format!("http://127.0.0.1:{}", suite.port))
        .unwrap()
        .initial_stream_window_size(Some(16 * 1024))
        .connect()
        .await
        .unwrap();
    let begin = async |account: &str| {
        let mut request = tonic::Request::new(ExportPermissionsRequest {
            account: account.into(),
            format: ExportFormat::Csv.into(),
            subject: String::new(),
        });
        let bearer = bearer.parse().unwrap();
        request.metadata_mut().insert("authorization", bearer);
        ExportServiceClient::new(channel.clone())
            .export_permissions(request)
            .await
    };
    let mut unread = begin(&large).await.unwrap().into_inner();
    for (account, told) in [
        (&large, "of this account"),
        (&small, "authorization.exports.at_once"),
    ] {
        let status = begin(account).await.unwrap_err();
        let details = String::from_utf8_lossy(status.details());
        assert_eq!(status.code(), tonic::Code::ResourceExhausted, "{status}");
        assert!(status.message().contains(told), "{status}");
        assert!(details.contains("google.rpc.RetryInfo"), "{status:?}");
    }
    let soon = Duration::from_secs(20);
    let open =
        "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND state LIKE 'idle in%'";
    eventually("no open transaction", soon, async || {
        database.psql(open).await.unwrap() == "0"
    })
    .await;
    // The one connection is free for writes.
    let user = setup::user(&client, "another@example.com").await;
    let written = setup::member(&client, &small, &user, "administrator");
    tokio::time::timeout(soon, written).await.unwrap();
    assert!(begin(&large).await.is_err(), "the first has not been read");

    // It is whole when it is read at last, and then its place is free.
    let (mut bytes, mut last) = (0, false);
    while let Some(part) = unread.message().await.unwrap() {
        bytes += part.content.len();
        last = part.last;
    }
    assert!(last && bytes > 400_000, "{bytes}");
    eventually("a free place", soon, async || begin(&small).await.is_ok()).await;
}

/// Passes bytes on until the server has said so many; then it keeps the connection and says no more.
async fn relay(to: u16, limit: usize, full: Arc<Notify>) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let said = Arc::new(AtomicUsize::new(0));
    tokio::spawn(async move {
        while let Ok((caller, _)) = listener.accept().await {
            let Ok(server) = TcpStream::connect(("127.0.0.1", to)).await else {
                continue;
            };
            let (mut from_caller, mut to_caller) = caller.into_split();
            let (mut from_server, mut to_server) = server.into_split();
            tokio::spawn(async move { tokio::io::copy(&mut from_caller, &mut to_server).await });
            let (said, full) = (said.clone(), full.clone());
            tokio::spawn(async move {
                let mut buffer = [0; 4096];
                while let Ok(n @ 1..) = from_server.read(&mut buffer).await {
                    if said.fetch_add(n, Ordering::SeqCst) + n > limit {
                        full.notify_one();
                        // Until the server is gone nothing more comes through.
                        let _ = from_server.read_to_end(&mut Vec::new()).await;
                        return;
                    }
                    if to_caller.write_all(&buffer[..n]).await.is_err() {
                        return;
                    }
                }
            });
        }
    });
    port
}

#[tokio::test(flavor = "multi_thread", worker_threads = 3)]
async fn an_export_whose_server_dies_leaves_nothing_behind() {
    let mut suite = Embedded::start().await;
    let client = client(&suite);
    let account = account(&client, 12).await;
    let folder = tempfile::tempdir().unwrap();
    for format in ["csv", "xlsx"] {
        let file = folder.path().join(format!("permissions.{format}"));
        std::fs::write(&file, "what was there before").unwrap();
        let full = Arc::new(Notify::new());
        // More than signing in takes, less than the file.
        let limit = if format == "csv" { 60_000 } else { 12_000 };
        let port = relay(suite.port, limit, full.clone()).await;
        let endpoint = format!("http://127.0.0.1:{port}");
        let exporting = {
            let mut command = bailiwick();
            command
                .args([
                    "export",
                    "--account",
                    &account,
                    "--format",
                    format,
                    "--email",
                    OPERATOR,
                ])
                .args(["--endpoint", &endpoint, "--output-file"])
                .arg(&file)
                .arg("--password-file")
                .arg(secret(&suite));
            tokio::task::spawn_blocking(move || command.output().unwrap())
        };
        full.notified().await;
        suite.process.take().unwrap().kill().unwrap();
        let came = exporting.await.unwrap();
        assert_eq!(came.status.code(), Some(2), "{}", text(&came));
        assert_eq!(std::fs::read_to_string(&file).unwrap(), "what was there before");
        std::fs::remove_file(&file).unwrap();
        assert!(left_in(folder.path()).is_empty(), "{:?}", left_in(folder.path()));
        suite.launch().await;
    }
}
