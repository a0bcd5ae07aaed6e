//! No secret shows itself.

use bailiwick_identity_core::{
    password::Password,
    secret::SecretKind,
    service_account::create as create_service_account,
    session::{refresh, sign_in},
    token::issue as issue_token,
    user::{change_password, create as create_user, reset_password},
};
use bailiwick_types::{SystemRng, Token};
use sea_orm::ConnectionTrait;
use secrecy::{ExposeSecret, SecretString};

use crate::support::{Bed, PASSWORD, Suite, refresh as refresh_token};

#[test]
fn no_command_shows_its_secret() {
    let secret = || SecretString::from(PASSWORD);
    let shown = [
        format!(
            "{:?}",
            create_user::Command {
                email: "a@example.com".parse().unwrap(),
                display_name: Default::default(),
                password: Some(Password::parse(secret()).unwrap()),
                email_verified: false,
                request_id: None,
            }
        ),
        format!(
            "{:?}",
            sign_in::Command {
                email: "a@example.com".parse().unwrap(),
                password: secret(),
                account: None,
                token: Token::default(),
                device: None,
                agent: Default::default(),
            }
        ),
        format!(
            "{:?}",
            refresh::Command {
                refresh_token: secret(),
                token: Token::default()
            }
        ),
        format!(
            "{:?}",
            issue_token::Command {
                client_id: "x".to_owned(),
                client_secret: secret(),
                network: bailiwick_identity_core::attempt::ClientNetwork::Unknown,
            }
        ),
        format!(
            "{:?} {:?}",
            change_password::Command {
                old: secret(),
                new: Password::parse(secret()).unwrap(),
            },
            reset_password::Command {
                secret: secret(),
                password: Password::parse(secret()).unwrap(),
            },
        ),
    ];
    assert!(shown.iter().all(|text| !text.contains("horse")), "{shown:?}");
    let made = SecretKind::Client.generate(&SystemRng);
    let created = create_service_account::Created {
        account: bailiwick_identity_core::service_account::ServiceAccount {
            id: bailiwick_types::ServiceAccountId::from_uuid(uuid::Uuid::from_u128(1)),
            title: "x".parse().unwrap(),
            scope: "deployment".parse().unwrap(),
            role: None,
            enabled: true,
            created: bailiwick_types::Timestamp(0),
            creator: None,
            version: 1,
        },
        secret: Some(made.clone()),
        token: Token::default(),
    };
    assert!(!format!("{created:?}").contains(made.expose_secret()));
}

#[tokio::test]
async fn neither_passwords_nor_tokens_lie_in_the_database() {
    let suite = Suite::start(Bed::sqlite().await).await;
    let signed_in = suite.sign_in("root@example.com", PASSWORD, None).await.unwrap();
    suite
        .db
        .load()
        .execute_unprepared("PRAGMA wal_checkpoint(TRUNCATE)")
        .await
        .ok();
    let path = suite.bed.url.strip_prefix("sqlite://").unwrap();
    let mut bytes = std::fs::read(path).unwrap();
    bytes.extend(std::fs::read(format!("{path}-wal")).unwrap_or_default());
    for secret in [
        PASSWORD,
        &refresh_token(&signed_in),
        &signed_in.tokens.unwrap().access_token,
    ] {
        let found = bytes.windows(secret.len()).any(|w| w == secret.as_bytes());
        assert!(!found, "a secret lies in the database");
    }
    let email = b"root@example.com";
    assert!(
        bytes.windows(email.len()).any(|w| w == email),
        "the test looks at the right file"
    );
}
