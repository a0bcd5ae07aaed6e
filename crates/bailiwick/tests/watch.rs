//! Services of a product follow its changes, and nothing else: across the real services.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on fails")]

mod support;
#[path = "watch/world.rs"]
mod world;

use std::{process::Stdio, time::Duration};

use bailiwick_client::Credentials;
use bailiwick_proto::{
    authorization::v1::{
        ChangeEvent, ChangeType, RevokeRoleRequest, SuspendMemberRequest, WatchRequest, change_event::Change,
    },
    identity::v1::DisableServiceAccountRequest,
};
use bailiwick_testkit::eventually;
use support::{bailiwick, run, setup, text};
use tonic::Code;
use world::{World, account, code, names, product, reason, until};

#[tokio::test(flavor = "multi_thread")]
async fn a_service_follows_its_own_product_and_accounts_and_no_other() {
    let world = World::start(&[]).await;
    let backend = world.service("left", "follower").await;
    let blind = world.service("left", "blind").await;
    let admin = world.admin(&world.left[0], "ada@example.com").await;
    let nowhere = setup::account(&world.operator, "left", "Gone", None).await;
    for (who, client, followed, expected) in [
        ("its product", &backend, product("left"), Code::Ok),
        ("its account", &backend, account(&world.left[1]), Code::Ok),
        (
            "another product",
            &backend,
            product("right"),
            Code::PermissionDenied,
        ),
        ("no product", &backend, product("nothing"), Code::PermissionDenied),
        (
            "another's account",
            &backend,
            account(&world.right),
            Code::PermissionDenied,
        ),
        (
            "without the permission",
            &blind,
            product("left"),
            Code::PermissionDenied,
        ),
        (
            "without it, an account",
            &blind,
            account(&world.left[0]),
            Code::PermissionDenied,
        ),
        ("an admin, the account", &admin, account(&world.left[0]), Code::Ok),
        (
            "an admin, another account",
            &admin,
            account(&nowhere),
            Code::PermissionDenied,
        ),
        (
            "an admin, the product",
            &admin,
            product("left"),
            Code::PermissionDenied,
        ),
        (
            "the operator, a product",
            &world.operator,
            product("right"),
            Code::Ok,
        ),
        (
            "the operator, an account",
            &world.operator,
            account(&world.right),
            Code::Ok,
        ),
        (
            "the operator, no product",
            &world.operator,
            product("nothing"),
            Code::NotFound,
        ),
    ] {
        let opened = world::open(client, followed, "", &[]).await;
        assert_eq!(code(&opened), expected, "{who}");
    }
    let stranger = world.operator.with_credentials(Credentials::None);
    let opened = world::open(&stranger, product("left"), "", &[]).await;
    assert_eq!(code(&opened), Code::Unauthenticated);
    // What both products change while both are followed.
    let mut left = world::open(&backend, product("left"), "", &[]).await.unwrap();
    let mut right = world::open(&world.operator, product("right"), "", &[])
        .await
        .unwrap();
    for stream in [&mut left, &mut right] {
        world::present(stream).await;
    }
    for n in 0..3 {
        world.register(&world.left[n % 2], &format!("doc:l{n}")).await;
        world.register(&world.right, &format!("doc:r{n}")).await;
    }
    let told = until(&mut left, |event| names(event) == "resource doc:l2").await;
    let own = [product_root("left"), root(&world.left[0]), root(&world.left[1])];
    assert!(told.iter().all(|event| own.contains(&event.root)), "{told:?}");
    let told = until(&mut right, |event| names(event) == "resource doc:r2").await;
    let all: Vec<String> = told.iter().map(names).collect();
    assert_eq!(all, ["resource doc:r0", "resource doc:r1", "resource doc:r2"]);
}

fn root(account: &str) -> String {
    format!("account:{account}")
}

fn product_root(name: &str) -> String {
    format!("product:{name}")
}

/// The kinds of changes and what each of them is told by.
#[tokio::test(flavor = "multi_thread")]
async fn each_kind_of_change_is_told_and_a_filter_leaves_the_others_out() {
    let world = World::start(&[]).await;
    let here = world.left[0].clone();
    let backend = world.service("left", "follower").await;
    let ada = world.admin(&here, "ada@example.com").await;
    let mut all = world::open(&backend, product("left"), "", &[]).await.unwrap();
    let kinds = [ChangeType::Role, ChangeType::Settings];
    let mut some = world::open(&backend, account(&here), "", &kinds).await.unwrap();
    world::present(&mut all).await;
    let state = world::present(&mut some).await;
    assert!(state.is_empty(), "{state:?}");

    let bob = setup::user(&world.operator, "bob@example.com").await;
    setup::member(&world.operator, &here, &bob, "author").await;
    let made = world::everything(&world, &ada, &here, &bob).await;
    world.disable(&bob).await;
    world.register(&here, "doc:last").await;
    let told = until(&mut all, |event| names(event) == "resource doc:last").await;
    let told: Vec<String> = told.iter().map(names).collect();
    for expected in [
        format!("member {bob}"),
        format!("binding user:{bob} author account:{here}"),
        format!("binding user:{bob} author account:{here} removed"),
        format!("grant user:{bob} doc:one"),
        format!("grant user:{bob} doc:one removed"),
        format!("group {}", made.group),
        format!("group {} user:{bob}", made.group),
        "role extra".to_owned(),
        "role extra removed".to_owned(),
        "resource doc:one".to_owned(),
        format!("invitation {} PENDING", made.invitation),
        format!("invitation {} REVOKED", made.invitation),
        format!("approval {} PENDING doc.delete doc:one", made.approval),
        "settings theme".to_owned(),
        format!("place workspace:{} ACTIVE", made.workspace),
        format!("session user:{bob} closed"),
        "product 2".to_owned(),
    ] {
        assert!(told.contains(&expected), "{expected} is not in {told:#?}");
    }
    // What is told row by row is not told as a whole.
    assert!(
        !told.contains(&format!("subject group:{}", made.group)),
        "{told:#?}"
    );
    world.theme(&here, "last").await;
    let told = until(&mut some, |event| {
        matches!(&event.change, Some(Change::Settings(_))) && event.revision > made.revision
    })
    .await;
    let of_others =
        |event: &&ChangeEvent| !matches!(&event.change, Some(Change::Role(_) | Change::Settings(_)));
    assert_eq!(told.iter().find(of_others), None);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_present_state_is_complete_and_comes_in_pages() {
    let world = World::start(&[]).await;
    let [first, second] = &world.left;
    for n in 0..1_100 {
        world
            .register(if n % 2 == 0 { first } else { second }, &format!("doc:d{n}"))
            .await;
    }
    let bob = setup::user(&world.operator, "bob@example.com").await;
    setup::member(&world.operator, second, &bob, "author").await;
    let backend = world.service("left", "follower").await;
    let mut stream = world::open(&backend, product("left"), "", &[]).await.unwrap();
    let first_page = stream.message().await.unwrap().unwrap();
    assert!(first_page.snapshot && !first_page.snapshot_complete && first_page.events.len() <= 501);
    drop(stream);
    // It goes on in the middle of the state, also where something changed meanwhile.
    world.register(first, "doc:meanwhile").await;
    let mut stream = world::open(&backend, product("left"), &first_page.cursor, &[])
        .await
        .unwrap();
    let rest = world::present(&mut stream).await;
    let all: Vec<String> = first_page.events.iter().chain(&rest).map(names).collect();
    for n in 0..1_100 {
        assert!(all.contains(&format!("resource doc:d{n}")), "d{n}");
    }
    for expected in [
        "product 1".to_owned(),
        format!("place account:{first} ACTIVE"),
        format!("member {bob}"),
        format!("binding user:{bob} author account:{second}"),
    ] {
        assert_eq!(
            all.iter().filter(|name| **name == expected).count(),
            1,
            "{expected}"
        );
    }
    until(&mut stream, |event| names(event) == "resource doc:meanwhile").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_ends_when_the_right_the_session_or_the_account_does() {
    let world = World::start(&[]).await;
    let here = world.left[0].clone();
    // The role is taken away.
    let ada = world.admin(&here, "ada@example.com").await;
    let bob = world.admin(&here, "bob@example.com").await;
    let bob_id = world.id_of("bob@example.com").await;
    let mut followed = world::open(&bob, account(&here), "", &[]).await.unwrap();
    world::present(&mut followed).await;
    let revoke = RevokeRoleRequest {
        account: here.clone(),
        subject: format!("user:{bob_id}"),
        role: "admin".into(),
        scope: root(&here),
        ..Default::default()
    };
    ada.authorization().binding().revoke_role(revoke).await.unwrap();
    world.register(&here, "doc:after").await;
    let (told, status) = world::end(&mut followed).await;
    assert_eq!(status.code(), Code::PermissionDenied);
    assert!(
        !told.iter().any(|event| names(event) == "resource doc:after"),
        "{told:?}"
    );
    // A member is suspended.
    let eve = world.admin(&here, "eve@example.com").await;
    let mut followed = world::open(&eve, account(&here), "", &[]).await.unwrap();
    world::present(&mut followed).await;
    let suspend = SuspendMemberRequest {
        account: here.clone(),
        user: world.id_of("eve@example.com").await,
        ..Default::default()
    };
    ada.authorization()
        .member()
        .suspend_member(suspend)
        .await
        .unwrap();
    assert_eq!(world::end(&mut followed).await.1.code(), Code::PermissionDenied);
    // The session ends, with nothing else that changes.
    let mut followed = world::open(&ada, account(&here), "", &[]).await.unwrap();
    world::present(&mut followed).await;
    ada.sign_out().await.unwrap();
    assert_eq!(world::end(&mut followed).await.1.code(), Code::Unauthenticated);
    // The service account is closed.
    let (id, backend) = world.service_with_id("left", "follower").await;
    let mut followed = world::open(&backend, product("left"), "", &[]).await.unwrap();
    world::present(&mut followed).await;
    let disable = DisableServiceAccountRequest { service_account: id };
    let accounts = world.operator.identity();
    accounts
        .service_account()
        .disable_service_account(disable)
        .await
        .unwrap();
    let code = world::end(&mut followed).await.1.code();
    assert!(
        matches!(code, Code::PermissionDenied | Code::Unauthenticated),
        "{code:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slow_reader_loses_nothing_and_holds_nobody_up() {
    let world = World::start(&[]).await;
    let backend = world.service("left", "follower").await;
    let mut slow = world::open(&backend, product("left"), "", &[]).await.unwrap();
    let mut quick = world::open(&backend, product("left"), "", &[]).await.unwrap();
    world::present(&mut slow).await;
    world::present(&mut quick).await;
    // More than the rows that are kept for those who are near the end.
    let count = 2_500;
    let writing = async {
        for n in 0..count {
            world.register(&world.left[n % 2], &format!("doc:d{n}")).await;
        }
    };
    let last = format!("resource doc:d{}", count - 1);
    let ((), told) = tokio::join!(writing, until(&mut quick, |event| names(event) == last));
    assert_eq!(told.len(), count);
    let told = until(&mut slow, |event| names(event) == last).await;
    let expected: Vec<String> = (0..count).map(|n| format!("resource doc:d{n}")).collect();
    assert_eq!(told.iter().map(names).collect::<Vec<_>>(), expected);
    for account in &world.left {
        let of = told.iter().filter(|event| event.root == root(account));
        let revisions: Vec<u64> = of.map(|event| event.revision).collect();
        assert!(revisions.is_sorted(), "{revisions:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_cursor_of_the_stream_is_refused_by_its_field() {
    let world = World::start(&[]).await;
    let backend = world.service("left", "follower").await;
    let mut stream = world::open(&backend, product("left"), "", &[]).await.unwrap();
    let cursor = world::settled(&mut stream).await;
    for (followed, cursor) in [
        (product("left"), "nonsense"),
        (product("left"), "AAAA"),
        (account(&world.left[0]), &*cursor),
    ] {
        let refused = world::open(&backend, followed, cursor, &[]).await.unwrap_err();
        assert_eq!(refused.code(), Code::InvalidArgument);
        assert_eq!(world::fields(&refused), ["cursor"]);
    }
    let refused = world::raw(&backend, None, &[99, 0]).await.unwrap_err();
    assert_eq!(refused.code(), Code::InvalidArgument);
    assert_eq!(world::fields(&refused), ["account", "types[0]", "types[1]"]);
    world::open(&backend, product("left"), &cursor, &[])
        .await
        .unwrap();
    // A cursor that is ahead of the feed: it has another history.
    let ahead = world::moved(&cursor, |position| position + 1_000);
    let refused = world::open(&backend, product("left"), &ahead, &[])
        .await
        .unwrap_err();
    assert_eq!(refused.code(), Code::FailedPrecondition);
    assert_eq!(reason(&refused), "CURSOR_REFUSED");
    // One that saw another write at its place.
    let other = world::moved(&cursor, |position| position - 1);
    let refused = world::open(&backend, product("left"), &other, &[])
        .await
        .unwrap_err();
    assert_eq!(reason(&refused), "CURSOR_REFUSED");
}

#[tokio::test(flavor = "multi_thread")]
async fn streams_are_limited_for_each_caller_and_in_all() {
    let limits = [
        ("BAILIWICK__AUTHORIZATION__WATCH__AT_ONCE", "3"),
        ("BAILIWICK__AUTHORIZATION__WATCH__OF_ONE_CALLER", "2"),
    ];
    let world = World::start(&limits).await;
    let backend = world.service("left", "follower").await;
    let other = world.service("left", "follower").await;
    let follow = async |client| world::open(client, product("left"), "", &[]).await;
    let first = follow(&backend).await.unwrap();
    let _second = follow(&backend).await.unwrap();
    let refused = follow(&backend).await.unwrap_err();
    assert_eq!(
        (refused.code(), &*reason(&refused)),
        (Code::ResourceExhausted, "OVERLOADED")
    );
    let _third = follow(&other).await.unwrap();
    let refused = follow(&world.operator).await.unwrap_err();
    assert_eq!(refused.code(), Code::ResourceExhausted);
    drop(first);
    // Its place is free as soon as the server has noticed.
    let soon = Duration::from_secs(20);
    eventually("a free place", soon, async || {
        follow(&world.operator).await.is_ok()
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_follower_goes_on_over_a_restart_of_the_server() {
    let mut world = World::start(&[]).await;
    let backend = world.service("left", "follower").await;
    let mut follow = backend.follow(WatchRequest {
        followed: Some(product("left")),
        ..Default::default()
    });
    while !follow.next().await.unwrap().snapshot_complete {}
    for n in 0..3 {
        world.register(&world.left[0], &format!("doc:r{n}")).await;
        world.restart().await;
        let mut told = Vec::new();
        while !told.contains(&format!("resource doc:r{n}")) {
            told.extend(follow.next().await.unwrap().events.iter().map(names));
        }
        let before = told.iter().filter(|name| **name != format!("resource doc:r{n}"));
        assert_eq!(before.count(), 0, "{told:?}");
    }
}

/// `docs/watch.md` shows this call and its lines.
#[tokio::test(flavor = "multi_thread")]
async fn the_command_of_the_documentation_prints_what_it_shows() {
    let world = World::start(&[]).await;
    let secret = world.password_file();
    let against = world.url();
    let here = world.left[0].clone();
    let watch = |more: &[&str]| {
        let mut arguments = vec!["watch", "--account", &here, "--types", "resource,place"];
        arguments.extend([
            "--endpoint",
            &against,
            "--email",
            support::OPERATOR,
            "--password-file",
        ]);
        arguments.push(secret.to_str().unwrap());
        arguments.extend(more);
        let done = run(&arguments);
        assert!(done.status.success(), "{}", text(&done));
        String::from_utf8(done.stdout).unwrap()
    };
    let state = watch(&["--once"]);
    let cursor = |lines: &str| -> String {
        let last: serde_json::Value = serde_json::from_str(lines.lines().last().unwrap()).unwrap();
        last["cursor"].as_str().unwrap().to_owned()
    };
    world.register(&here, "doc:s1").await;
    let kept = cursor(&state);
    let mut following = bailiwick();
    following.args([
        "watch",
        "--account",
        &here,
        "--types",
        "resource,place",
        "--cursor",
        &kept,
    ]);
    following.args([
        "--endpoint",
        &against,
        "--email",
        support::OPERATOR,
        "--password-file",
    ]);
    let mut following = following.arg(&secret).stdout(Stdio::piped()).spawn().unwrap();
    let lines = std::io::BufRead::lines(std::io::BufReader::new(following.stdout.take().unwrap()));
    let line = tokio::task::spawn_blocking(move || lines.map_while(Result::ok).next().unwrap());
    let line = tokio::time::timeout(Duration::from_secs(30), line)
        .await
        .unwrap()
        .unwrap();
    following.kill().unwrap();
    following.wait().unwrap();
    let shown = std::fs::read_to_string(support::root().join("docs/watch.md")).unwrap();
    for line in state.lines().chain([&*line]) {
        let mut line: serde_json::Map<String, serde_json::Value> = serde_json::from_str(line).unwrap();
        for (name, text) in [("cursor", "…"), ("time", "2026-03-01T09:30:00Z")] {
            if line.contains_key(name) {
                line.insert(name.into(), text.into());
            }
        }
        line.entry("revision").and_modify(|n| *n = 0.into());
        let line = serde_json::Value::Object(line)
            .to_string()
            .replace(&here, "acct_…");
        let line = line.replace("\"revision\":0", "\"revision\":7");
        assert!(shown.contains(&line), "docs/watch.md does not show {line}");
    }
}
