//! What is left of a deleted user in accounts.

use bailiwick_authorization_core::{
    closing::user::{Close, close},
    invitation::create::Create,
    person::PersonState,
};
use bailiwick_policy::manifest::MemberKind;
use bailiwick_sql::Cursor;
use bailiwick_testkit::Content;
use bailiwick_types::{AccountId, Scope, Subject, Target, Token, UserId};

use crate::world::{By, World, by_suite, code, grant, version_of};

const EMAIL: &str = "Ada.Lovelace@example.com";

async fn invite(world: &World, by: &By, account: AccountId, email: &str, request: &str) {
    let create = Create {
        email: email.parse().unwrap(),
        kind: MemberKind::Agent,
        roles: vec!["sub_user".to_owned()],
        scope: Scope::Account(account),
        request_id: Some(request.to_owned()),
    };
    world.run(by, account, create).await.unwrap();
}

async fn delete(
    world: &World,
    user: UserId,
    version: u64,
) -> Result<Token, bailiwick_authorization_core::closing::user::Error> {
    let email: bailiwick_types::Email = EMAIL.parse().unwrap();
    let deleted = Close {
        user,
        version: version_of(version),
        deletes: Some(email.key()),
    };
    close(&world.ports, &by_suite(&Target::none()), deleted).await
}

/// All that is in the database.
async fn content(world: &World, folder: &std::path::Path, name: &str) -> Content {
    let mut content = Content::default();
    match world.database.on_server() {
        Some(database) => content.add(&database.content().await.unwrap()),
        None => {
            let file = folder.join(name);
            world.db.backup(&file).await.unwrap();
            content.add_path(&file).unwrap();
        }
    }
    content
}

async fn a_search_of_the_database_finds_the_address_of_a_deleted_user_nowhere(world: World) {
    let folder = tempfile::tempdir().unwrap();
    let account = world.account("sogolytics", None, 0).await;
    let other = world.account("sogolytics", None, 0).await;
    let root = world.operator();
    for at in [account, other] {
        world.holder("boss@example.com", at, "administrator").await;
    }
    // Invited before there was such a user, where it is no member.
    invite(&world, &root, other, "ADA.LOVELACE@example.com", "a").await;
    invite(&world, &root, other, "ben@example.com", "b").await;
    let ada = world.holder(EMAIL, account, "administrator").await;
    let subject = Subject::user(ada);
    let given = grant(
        subject.clone(),
        &["project.view"],
        bailiwick_authorization_core::grant::About::Scope(Scope::Account(account)),
    );
    world.run(&root, account, given).await.unwrap();
    let feed = world.db.feed();
    let head = feed.settled_head().await.unwrap();
    let start = Cursor {
        position: 0,
        ..head.clone()
    };
    let rows = feed.read(&start, 10_000).await.unwrap().rows;
    assert!(content(&world, folder.path(), "before").await.names("lovelace"));
    delete(&world, ada, 2).await.unwrap();
    let left = content(&world, folder.path(), "after").await;
    assert!(!left.names("lovelace"));
    assert!(left.names("ben@example.com"), "of others everything stays");
    let read = world.read_all().await;
    let person = read.person(ada).await.unwrap().unwrap();
    assert_eq!((person.state, person.email.as_str()), (PersonState::Deleted, ""));
    assert_eq!(read.accounts_of(&subject).await.unwrap(), []);
    // Readers go on where they were: the rows of before have the same revisions and stamps.
    let again = feed.read(&start, 10_000).await.unwrap().rows;
    assert!(again.len() > rows.len());
    for (was, is) in rows.iter().zip(&again) {
        let key = |row: &bailiwick_sql::OutboxRow| {
            (row.id, row.revision, row.stamp, row.stamp_before, row.position)
        };
        assert_eq!(key(was), key(is));
        assert_eq!(was.changes.len(), is.changes.len());
    }
    let count = again.len();
    delete(&world, ada, 2).await.unwrap();
    let once_more = feed.read(&start, 10_000).await.unwrap().rows;
    assert_eq!(once_more.len(), count, "once more changes nothing");
    // The address can be invited anew.
    invite(&world, &root, other, EMAIL, "a").await;
}

async fn the_last_holder_of_a_role_keeps_everything(world: World) {
    let account = world.account("sogolytics", None, 0).await;
    let ada = world.holder(EMAIL, account, "administrator").await;
    let refused = delete(&world, ada, 2).await;
    assert_eq!(code(refused), bailiwick_types::Code::FailedPrecondition);
    let person = world.read_all().await.person(ada).await.unwrap().unwrap();
    assert_eq!(
        (person.state, person.email.as_str()),
        (PersonState::Active, EMAIL)
    );
    world.holder("boss@example.com", account, "administrator").await;
    delete(&world, ada, 2).await.unwrap();
}

bailiwick_testkit::on_both_engines!(
    a_search_of_the_database_finds_the_address_of_a_deleted_user_nowhere,
    the_last_holder_of_a_role_keeps_everything,
);
