//! Mails, from the call to the mailbox.

use std::{
    path::{Path, PathBuf},
    sync::{Arc, Mutex},
    time::Duration,
};

use bailiwick_identity_server::{IdentityConfig, MailConfig, SmtpConfig, SmtpTls};
use bailiwick_proto::{events::v1::change::Change, identity::v1 as pb};
use bailiwick_rpc::ServerConfig;
use bailiwick_types::{Clock as _, Timestamp, UserId};
use sea_orm::ConnectionTrait;
use tokio::{
    io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader},
    net::{TcpListener, TcpStream},
};
use tokio_util::sync::CancellationToken;
use tonic::Code;

use crate::support::{Bed, PASSWORD, Suite, access, bearer, fields, on_both_engines, refresh, refused};

on_both_engines! {
    a_forgotten_password_is_replaced_and_nothing_of_before_goes_on
    a_user_without_a_password_is_activated
    a_changed_password_ends_the_other_sessions
    an_address_is_verified
    a_hundred_replays_at_once_set_one_password
    replicas_send_each_mail_once
    a_mail_whose_process_ended_before_it_was_removed_is_sent_again_as_the_same
}

const NEW: &str = "a password that nobody knows";

async fn eventually(what: &str, predicate: impl AsyncFnMut() -> bool) {
    bailiwick_testkit::eventually(what, Duration::from_secs(30), predicate).await;
}

async fn suite(bed: Bed, mail: MailConfig) -> Suite {
    let config = IdentityConfig {
        mail,
        ..IdentityConfig::for_tests()
    };
    Suite::configured(bed, ServerConfig::default(), config, "root@example.com", PASSWORD).await
}

/// Mails in a directory.
struct Mailbox {
    folder: tempfile::TempDir,
    stop: CancellationToken,
}

impl Mailbox {
    async fn start(bed: Bed) -> (Suite, Self) {
        let folder = tempfile::tempdir().unwrap();
        let mail = MailConfig {
            directory: Some(folder.path().to_owned()),
            ..MailConfig::default()
        };
        let suite = suite(bed, mail).await;
        let stop = CancellationToken::new();
        suite.work(&stop).await;
        (suite, Self { folder, stop })
    }
    fn files(&self) -> Vec<PathBuf> {
        let all = std::fs::read_dir(self.folder.path()).unwrap();
        let all = all.map(|entry| entry.unwrap().path());
        all.filter(|path| path.extension().is_some_and(|end| end == "eml"))
            .collect()
    }
    /// The secret of the next mail, which is taken away.
    async fn secret(&self, kind: &str) -> String {
        let found = || async {
            let files = self.files();
            files.into_iter().find(|file| name(file).contains(kind))
        };
        eventually("a mail", || async { found().await.is_some() }).await;
        let file = found().await.unwrap();
        let text = std::fs::read_to_string(&file).unwrap();
        std::fs::remove_file(file).unwrap();
        let at = text.find("bwm_").unwrap();
        text[at..at + 47].to_owned()
    }
}

impl Drop for Mailbox {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

fn name(path: &Path) -> String {
    path.file_name().unwrap().to_string_lossy().into_owned()
}

async fn ask(suite: &Suite, email: &str) {
    let message = pb::RequestPasswordResetRequest {
        email: email.to_owned(),
    };
    suite
        .authentication()
        .request_password_reset(message)
        .await
        .unwrap();
}

fn reset(secret: &str, password: &str) -> pb::ResetPasswordRequest {
    pb::ResetPasswordRequest {
        secret: secret.to_owned(),
        password: password.to_owned(),
    }
}

async fn create(suite: &Suite, email: &str, password: &str, email_verified: bool) -> UserId {
    let message = pb::CreateUserRequest {
        email: email.to_owned(),
        display_name: "Ada".to_owned(),
        password: password.to_owned(),
        email_verified,
        ..Default::default()
    };
    let made = suite.users().create_user(suite.root(message)).await.unwrap();
    made.into_inner().user.unwrap().user.parse().unwrap()
}

async fn revoked(suite: &Suite) -> usize {
    let head = suite.db.feed().settled_head().await.unwrap();
    let all = bailiwick_sql::Cursor { position: 0, ..head };
    let rows = suite.db.feed().read(&all, 1_000).await.unwrap().rows;
    let changes = rows.iter().flat_map(|row| &row.changes);
    let changes = changes.map(|change| bailiwick_feed::change(change).unwrap());
    let is_end = |change: &Change| matches!(change, Change::SessionRevoked(_));
    changes.filter(is_end).count()
}

async fn a_forgotten_password_is_replaced_and_nothing_of_before_goes_on(bed: Bed) {
    let (suite, mailbox) = Mailbox::start(bed).await;
    let ada = suite.user("ada@example.com").await;
    let before = suite.sign_in("ada@example.com", PASSWORD, None).await.unwrap();
    ask(&suite, "nobody@example.com").await;
    ask(&suite, "ADA@example.com").await;
    let secret = mailbox.secret("password_reset").await;
    let short = suite
        .authentication()
        .reset_password(reset(&secret, "short"))
        .await;
    assert_eq!(fields(short), ["password"]);
    let common = suite
        .authentication()
        .reset_password(reset(&secret, "passwordpassword"))
        .await;
    assert_eq!(fields(common), ["password"]);
    let wrong = secret.to_lowercase();
    let wrong = suite.authentication().reset_password(reset(&wrong, NEW)).await;
    assert_eq!(
        refused(wrong),
        (Code::Unauthenticated, "CREDENTIALS_INVALID".to_owned())
    );
    suite
        .authentication()
        .reset_password(reset(&secret, NEW))
        .await
        .unwrap();
    let again = suite.authentication().reset_password(reset(&secret, NEW)).await;
    assert_eq!(refused(again).0, Code::Unauthenticated);
    assert_eq!(revoked(&suite).await, 1);
    let own = pb::GetUserRequest {
        user: ada.to_string(),
    };
    let old = suite.users().get_user(bearer(own, &access(&before))).await;
    assert_eq!(refused(old).0, Code::Unauthenticated);
    let message = pb::RefreshRequest {
        refresh_token: refresh(&before),
    };
    let old = suite.authentication().refresh(message).await;
    assert_eq!(refused(old).0, Code::Unauthenticated);
    assert!(suite.sign_in("ada@example.com", PASSWORD, None).await.is_err());
    suite.sign_in("ada@example.com", NEW, None).await.unwrap();
    let told = || async {
        mailbox
            .files()
            .iter()
            .any(|file| name(file).contains("password_changed"))
    };
    eventually("the user is told", told).await;
}

async fn a_user_without_a_password_is_activated(bed: Bed) {
    let (suite, mailbox) = Mailbox::start(bed).await;
    let bare = create(&suite, "bare@example.com", "", false).await;
    let send = || pb::SendActivationRequest {
        user: bare.to_string(),
        account: String::new(),
    };
    suite
        .authentication()
        .send_activation(suite.root(send()))
        .await
        .unwrap();
    let again = suite.authentication().send_activation(suite.root(send())).await;
    assert_eq!(refused(again), (Code::ResourceExhausted, "OVERLOADED".to_owned()));
    let secret = mailbox.secret("activation").await;
    let message = pb::ActivateRequest {
        secret: secret.clone(),
        password: PASSWORD.to_owned(),
    };
    let as_reset = suite.authentication().reset_password(reset(&secret, NEW)).await;
    assert_eq!(refused(as_reset).0, Code::Unauthenticated, "for another purpose");
    suite.authentication().activate(message).await.unwrap();
    let signed_in = suite.sign_in("bare@example.com", PASSWORD, None).await.unwrap();
    assert!(suite.get(bare).await.email_verified);
    let token = access(&signed_in);
    let stranger = suite
        .authentication()
        .send_activation(bearer(send(), &token))
        .await;
    assert_eq!(refused(stranger).0, Code::PermissionDenied);
    let late = suite.authentication().send_activation(suite.root(send())).await;
    assert_eq!(
        refused(late),
        (Code::FailedPrecondition, "ALREADY_EXISTS".to_owned())
    );
}

async fn a_changed_password_ends_the_other_sessions(bed: Bed) {
    let (suite, _mailbox) = Mailbox::start(bed).await;
    let ada = suite.user("ada@example.com").await;
    let own = access(&suite.sign_in("ada@example.com", PASSWORD, None).await.unwrap());
    let other = access(&suite.sign_in("ada@example.com", PASSWORD, None).await.unwrap());
    let change = |old: &str, new: &str| {
        let message = pb::ChangePasswordRequest {
            old_password: old.to_owned(),
            new_password: new.to_owned(),
        };
        bearer(message, &own)
    };
    let empty = suite.authentication().change_password(change("", "short")).await;
    assert_eq!(fields(empty), ["old_password", "new_password"]);
    let wrong = suite
        .authentication()
        .change_password(change("a wrong password", NEW))
        .await;
    assert_eq!(
        refused(wrong),
        (Code::Unauthenticated, "CREDENTIALS_INVALID".to_owned())
    );
    suite
        .authentication()
        .change_password(change(PASSWORD, NEW))
        .await
        .unwrap();
    let read = |token: &str| {
        let message = pb::GetUserRequest {
            user: ada.to_string(),
        };
        bearer(message, token)
    };
    suite.users().get_user(read(&own)).await.unwrap();
    assert_eq!(
        refused(suite.users().get_user(read(&other)).await).0,
        Code::Unauthenticated
    );
    assert_eq!(revoked(&suite).await, 1);
    suite.sign_in("ada@example.com", NEW, None).await.unwrap();
}

async fn an_address_is_verified(bed: Bed) {
    let (suite, mailbox) = Mailbox::start(bed).await;
    let ada = create(&suite, "ada@example.com", PASSWORD, false).await;
    let own = access(&suite.sign_in("ada@example.com", PASSWORD, None).await.unwrap());
    let send = || bearer(pb::SendVerificationRequest {}, &own);
    suite.authentication().send_verification(send()).await.unwrap();
    let secret = mailbox.secret("verification").await;
    let message = pb::VerifyEmailRequest { secret };
    suite
        .authentication()
        .verify_email(message.clone())
        .await
        .unwrap();
    assert!(suite.get(ada).await.email_verified);
    let again = suite.authentication().verify_email(message).await;
    assert_eq!(refused(again).0, Code::Unauthenticated);
    let verified = suite.authentication().send_verification(send()).await;
    assert_eq!(refused(verified).0, Code::FailedPrecondition);
}

async fn a_hundred_replays_at_once_set_one_password(bed: Bed) {
    let (suite, mailbox) = Mailbox::start(bed).await;
    suite.user("ada@example.com").await;
    ask(&suite, "ada@example.com").await;
    let secret = mailbox.secret("password_reset").await;
    let mut calls = tokio::task::JoinSet::new();
    for n in 0..100 {
        let (mut client, message) = (suite.authentication(), reset(&secret, &format!("{NEW} {n}")));
        calls.spawn(async move { client.reset_password(message).await.is_ok() });
    }
    let done = calls.join_all().await;
    assert_eq!(done.iter().filter(|won| **won).count(), 1);
}

#[tokio::test]
async fn a_waiting_mail_shows_neither_secret_nor_recipient_and_a_sent_one_is_gone() {
    let bed = Bed::sqlite().await;
    let (suite, mailbox) = Mailbox::start(bed).await;
    suite.user("ada@example.com").await;
    mailbox.stop.cancel();
    ask(&suite, "zebra@example.com").await;
    ask(&suite, "ada@example.com").await;
    let bytes = |suite: &Suite| {
        let path = suite.bed.url.strip_prefix("sqlite://").unwrap().to_owned();
        let mut bytes = std::fs::read(&path).unwrap();
        bytes.extend(std::fs::read(format!("{path}-wal")).unwrap_or_default());
        String::from_utf8_lossy(&bytes).into_owned()
    };
    let rows = || async {
        let sql = "SELECT COUNT(*) AS n FROM mail".to_owned();
        let statement = sea_orm::Statement::from_string(sea_orm::DbBackend::Sqlite, sql);
        let row = suite.db.load().query_one_raw(statement).await.unwrap().unwrap();
        row.try_get::<i64>("", "n").unwrap()
    };
    assert_eq!(rows().await, 2);
    let text = bytes(&suite);
    assert!(!text.contains("zebra") && !text.contains("bwm_"));
    let stop = CancellationToken::new();
    suite.work(&stop).await;
    let secret = mailbox.secret("password_reset").await;
    eventually("the rows are removed", || async { rows().await == 0 }).await;
    assert!(!bytes(&suite).contains(&secret));
    stop.cancel();
}

/// An SMTP server in this process.
#[derive(Clone)]
struct Server {
    port: u16,
    messages: Arc<Mutex<Vec<String>>>,
    /// Whether it answers after a message.
    answers: Arc<std::sync::atomic::AtomicBool>,
}

impl Server {
    async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let server = Self {
            port: listener.local_addr().unwrap().port(),
            messages: Arc::default(),
            answers: Arc::new(true.into()),
        };
        let all = server.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(all.clone().serve(stream));
            }
        });
        server
    }
    async fn serve(self, stream: TcpStream) {
        let mut stream = BufReader::new(stream);
        stream.write_all(b"220 test\r\n").await.ok();
        loop {
            let mut line = String::new();
            if stream.read_line(&mut line).await.unwrap_or(0) == 0 {
                return;
            }
            let answer: &[u8] = match line.split_whitespace().next().unwrap_or_default() {
                "EHLO" => b"250-test\r\n250 8BITMIME\r\n",
                "RCPT" if line.contains("refused@") => b"550 no such mailbox\r\n",
                "DATA" => {
                    stream.write_all(b"354 go on\r\n").await.ok();
                    let mut message = String::new();
                    while !message.ends_with("\r\n.\r\n") {
                        if stream.read_line(&mut message).await.unwrap_or(0) == 0 {
                            return;
                        }
                    }
                    self.messages.lock().unwrap().push(message);
                    if !self.answers.load(std::sync::atomic::Ordering::SeqCst) {
                        std::future::pending::<()>().await;
                    }
                    b"250 taken\r\n"
                }
                _ => b"250 fine\r\n",
            };
            stream.write_all(answer).await.ok();
        }
    }
    fn config(&self) -> MailConfig {
        MailConfig {
            from: "Example <no-reply@example.com>".to_owned(),
            smtp: Some(SmtpConfig {
                host: "127.0.0.1".to_owned(),
                port: Some(self.port),
                tls: SmtpTls::None,
                username: String::new(),
                password: Default::default(),
                ca_file: None,
            }),
            ..MailConfig::default()
        }
    }
    /// The ids of the messages that arrived.
    fn ids(&self) -> Vec<String> {
        let messages = self.messages.lock().unwrap();
        let id = |message: &String| {
            let line = message.lines().find(|line| line.starts_with("Message-ID:"));
            line.unwrap().to_owned()
        };
        messages.iter().map(id).collect()
    }
}

async fn replicas_send_each_mail_once(bed: Bed) {
    let server = Server::start().await;
    let suite = suite(bed, server.config()).await;
    for n in 0..12 {
        let email = format!("u{n}@example.com");
        suite.user(&email).await;
        ask(&suite, &email).await;
    }
    let stop = CancellationToken::new();
    for _ in 0..3 {
        suite.work(&stop).await;
    }
    eventually("all mails", || async { server.ids().len() >= 12 }).await;
    suite.bed.clock.advance(Duration::from_secs(30));
    // One more, which comes after everything that could have been sent twice.
    ask(&suite, "root@example.com").await;
    let all_sent = || async {
        server
            .messages
            .lock()
            .unwrap()
            .iter()
            .any(|m| m.contains("To: root@example.com"))
    };
    eventually("the last mail", all_sent).await;
    let mut ids = server.ids();
    ids.sort();
    ids.dedup();
    assert_eq!((ids.len(), server.ids().len()), (13, 13));
    stop.cancel();
}

async fn a_mail_whose_process_ended_before_it_was_removed_is_sent_again_as_the_same(bed: Bed) {
    let server = Server::start().await;
    let suite = suite(bed, server.config()).await;
    suite.user("ada@example.com").await;
    server.answers.store(false, std::sync::atomic::Ordering::SeqCst);
    let killed = CancellationToken::new();
    suite.work(&killed).await;
    ask(&suite, "ada@example.com").await;
    eventually("the message arrives", || async { server.ids().len() == 1 }).await;
    killed.cancel();
    server.answers.store(true, std::sync::atomic::Ordering::SeqCst);
    suite.bed.clock.advance(Duration::from_mins(4));
    let stop = CancellationToken::new();
    suite.work(&stop).await;
    eventually("it arrives again", || async { server.ids().len() == 2 }).await;
    let ids = server.ids();
    assert_eq!(ids[0], ids[1]);
    let secret = {
        let messages = server.messages.lock().unwrap();
        let secret = |text: &String| {
            let at = text.find("bwm_").unwrap();
            text[at..at + 47].to_owned()
        };
        assert_eq!(secret(&messages[0]), secret(&messages[1]));
        secret(&messages[0])
    };
    suite
        .authentication()
        .reset_password(reset(&secret, NEW))
        .await
        .unwrap();
    stop.cancel();
}

#[tokio::test]
async fn a_recipient_that_the_server_refuses_three_times_is_given_up() {
    let server = Server::start().await;
    let suite = suite(Bed::sqlite().await, server.config()).await;
    suite.user("refused@example.com").await;
    let stop = CancellationToken::new();
    suite.work(&stop).await;
    ask(&suite, "refused@example.com").await;
    let waits = || async {
        let rows = bailiwick_sql::query(suite.db.load(), "SELECT due_at FROM mail", Vec::new()).await;
        let due = rows
            .unwrap()
            .first()
            .map(|row| row.try_get("", "due_at").unwrap());
        due.map(|due| Timestamp(due).since(suite.bed.clock.now()))
    };
    for minutes in [15, 30] {
        let refused = || async { waits().await == Some(Duration::from_mins(minutes)) };
        eventually("it waits for another try", refused).await;
        suite.bed.clock.advance(Duration::from_mins(minutes));
    }
    eventually("it is given up", || async { waits().await.is_none() }).await;
    assert!(server.ids().is_empty());
    stop.cancel();
}
