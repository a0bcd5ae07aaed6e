//! A preview lists exactly the differences that the matrix of users and permissions shows after the change.
//! It writes nothing, and it is refused for the same reasons as the change.

use bailiwick_authorization_core::{
    binding::{copy::Copy, recover::Recover, revoke::Revoke, transfer::Transfer},
    grant::{
        About, AppliesTo,
        delete::{Delete, Which},
    },
    group::{add_member::AddMember, delete::Delete as DeleteGroup, remove_member::RemoveMember},
    member::{
        batch_remove::BatchRemove, create::Create, delete::Delete as DeleteMember, remove::Remove,
        suspend::Reactivate, suspend::Suspend, update::Update as UpdateMember,
    },
    product::{Replacement, preview},
    resource::{
        relocate::Move, transfer::Transfer as TransferResource, unregister::Unregister, update::Update,
    },
    role::change::Change,
};
use bailiwick_policy::manifest::{EntryDecl, MemberKind};
use bailiwick_types::{Code, Fault, Subject, Timestamp, UserId};
use serde_json::json;

use crate::{
    previews_stage::{Rows, Stage, WORKS, content, difference, rows},
    world::{World, assign, change, grant, name, texts, update},
};

async fn what_a_preview_of_a_member_tells_comes_true(world: World) {
    let stage = Stage::set(world).await;
    let (by, op) = (stage.by(), stage.world.operator());
    let (at, one) = (stage.at().to_string(), stage.one.to_string());
    let account = [&*at];
    let everywhere = [&*at, &*one, "page:a"];
    let user = stage.sam;
    let zed = stage.world.person("zed@example.com").await;
    let join = Create {
        user: zed,
        kind: MemberKind::Agent,
        expires_at: None,
    };
    stage.comes_true(&op, join, &account).await;
    let ends = |expires_at| UpdateMember {
        user,
        expires_at,
        kind: None,
    };
    let now = Some(stage.world.now());
    let came = stage.comes_true(&by, ends(now), &everywhere).await;
    assert_eq!(came.len(), 3, "by a group, by a role and by a grant: {came:?}");
    stage.comes_true(&by, ends(None), &everywhere).await;
    stage.comes_true(&by, Suspend { user }, &everywhere).await;
    let back = stage.comes_true(&by, Reactivate { user }, &everywhere).await;
    assert_eq!(back.len(), 3);
    let scope = Some(stage.one.clone());
    let came = stage.comes_true(&by, Remove { user, scope }, &everywhere).await;
    let (_, loses) = &came[&(Subject::user(user), one.clone())];
    assert!(
        loses.contains("page.edit") && !loses.contains("page.view"),
        "what the group gives stays: {loses:?}"
    );
    let seat_ends = true;
    // What it has by the group and as a member is had at the account.
    stage
        .comes_true(&by, DeleteMember { user, seat_ends }, &account)
        .await;
    let (user, scope) = (zed, None);
    stage.comes_true(&by, Remove { user, scope }, &account).await;
    let folder = About::Resource(name("folder:f"));
    let give = grant(Subject::user(stage.tia), &["folder.edit"], folder);
    stage.run(&by, give).await;
    let users = vec![stage.tia, stage.uma];
    let came = stage
        .comes_true(&by, BatchRemove { users }, &[&*at, "folder:f"])
        .await;
    assert!(came.contains_key(&(Subject::user(stage.uma), "folder:f".to_owned())));
}

async fn who_may_not_change_a_member_may_not_preview_it(world: World) {
    let stage = Stage::set(world).await;
    let by_sam = stage.world.by(stage.sam, stage.account);
    let (tia, boss) = (stage.tia, stage.boss);
    let (denied, held) = (Code::PermissionDenied, Code::FailedPrecondition);
    let suspend = |user| Suspend { user };
    let remove = |user| Remove { user, scope: None };
    let end = |user| DeleteMember {
        user,
        seat_ends: false,
    };
    let all = |users: &[UserId]| BatchRemove {
        users: users.to_vec(),
    };
    assert_eq!(stage.refused_alike(&by_sam, suspend(tia)).await, denied);
    assert_eq!(stage.refused_alike(&by_sam, remove(tia)).await, denied);
    assert_eq!(stage.refused_alike(&by_sam, end(tia)).await, denied);
    assert_eq!(stage.refused_alike(&by_sam, all(&[tia])).await, denied);
    let transfer = Transfer {
        scope: stage.at(),
        to: tia,
    };
    assert_eq!(stage.refused_alike(&by_sam, transfer).await, denied);
    // The only owner stays.
    let op = stage.world.operator();
    let ends = UpdateMember {
        user: boss,
        expires_at: Some(Timestamp(stage.world.now().0 + 1)),
        kind: None,
    };
    assert_eq!(stage.refused_alike(&op, suspend(boss)).await, held);
    assert_eq!(stage.refused_alike(&op, remove(boss)).await, held);
    assert_eq!(stage.refused_alike(&op, end(boss)).await, held);
    assert_eq!(stage.refused_alike(&op, all(&[tia, boss])).await, held);
    assert_eq!(stage.refused_alike(&op, ends).await, held);
    let stranger = stage.world.person("x@example.com").await;
    assert_eq!(stage.refused_alike(&op, remove(stranger)).await, Code::NotFound);
}

async fn what_a_preview_of_roles_grants_and_groups_tells_comes_true(world: World) {
    let stage = Stage::set(world).await;
    let (by, op) = (stage.by(), stage.world.operator());
    let (account, two) = ([stage.at()], [stage.two.clone()]);
    let (sam, tia) = (Subject::user(stage.sam), Subject::user(stage.tia));
    let write = assign(tia.clone(), "writer", &stage.two);
    stage.comes_true(&by, write, &two).await;
    let revoke = Revoke {
        subject: tia.clone(),
        role: "writer".to_owned(),
        scope: stage.two.clone(),
        key: None,
    };
    stage.comes_true(&by, revoke, &two).await;
    let about = About::Scope(stage.two.clone());
    let give = grant(tia.clone(), &["page.edit"], about.clone());
    stage.comes_true(&by, give, &two).await;
    let copy = Copy {
        from: stage.tia,
        to: stage.uma,
        kinds: texts(&["page"]),
    };
    stage.comes_true(&by, copy, &two).await;
    let which = Which::Of {
        subject: tia.clone(),
        permissions: texts(&["page.edit"]),
        about,
    };
    stage.comes_true(&by, Delete { which }, &two).await;
    let group = stage.readers;
    let join = AddMember { group, member: tia };
    stage.comes_true(&by, join, &account).await;
    let change = Change {
        add: vec![EntryDecl::plain("page.create")],
        remove: texts(&["page.view"]),
        ..change("reader")
    };
    stage.comes_true(&by, change, &account).await;
    let leave = RemoveMember { group, member: sam };
    stage.comes_true(&by, leave, &account).await;
    stage.comes_true(&by, DeleteGroup { group }, &account).await;
    let transfer = Transfer {
        scope: stage.at(),
        to: stage.tia,
    };
    let came = stage.comes_true(&by, transfer, &account).await;
    assert_eq!(came.len(), 2, "one loses what the other gains");
    let recover = Recover {
        scope: stage.at(),
        to: stage.boss,
        justification: "by mistake".to_owned(),
    };
    stage.comes_true(&op, recover, &account).await;
}

async fn what_a_preview_of_a_resource_tells_comes_true(world: World) {
    let stage = Stage::set(world).await;
    let (by, by_sam) = (stage.by(), stage.world.by(stage.sam, stage.account));
    let page = ["page:a"];
    let transfer = TransferResource {
        name: name("page:a"),
        to: Subject::user(stage.tia),
    };
    let denied = Code::PermissionDenied;
    assert_eq!(stage.refused_alike(&by_sam, transfer.clone()).await, denied);
    let came = stage.comes_true(&by, transfer, &page).await;
    assert!(came.contains_key(&(Subject::user(stage.tia), "page:a".to_owned())));
    let secret = Update {
        attributes: [("secret".to_owned(), json!(true))].into_iter().collect(),
        ..update("page:a")
    };
    stage.comes_true(&by, secret, &page).await;
    let below = |parent: Option<&str>| Update {
        parent: Some(parent.map(name)),
        ..update("page:a")
    };
    let came = stage.comes_true(&by, below(None), &page).await;
    assert!(
        came.contains_key(&(Subject::user(stage.uma), "page:a".to_owned())),
        "{came:?}"
    );
    stage.comes_true(&by, below(Some("folder:f")), &page).await;
    // What is granted on the existing pages around both places goes along.
    let existing = About::Type {
        of: "page".to_owned(),
        scope: stage.at(),
        applies_to: AppliesTo::Existing,
    };
    let give = grant(Subject::user(stage.tia), &["page.edit"], existing);
    stage.run(&by, give).await;
    let away = |of: &str| Move {
        name: name(of),
        scope: stage.two.clone(),
    };
    assert_eq!(stage.refused_alike(&by_sam, away("page:a")).await, denied);
    let came = stage
        .comes_true(&by, away("folder:f"), &["folder:f", "page:a"])
        .await;
    let (_, loses) = &came[&(Subject::user(stage.sam), "page:a".to_owned())];
    assert!(loses.contains("page.edit") && !loses.contains("page.view"));
    let new = content("page:c", &stage.one, stage.tia, Some("folder:f"));
    stage.comes_true(&by, new, &["page:c"]).await;
    let gone = |of: &str| Unregister { name: name(of) };
    stage.comes_true(&by, gone("page:a"), &page).await;
    assert_eq!(
        stage.refused_alike(&by, gone("folder:f")).await,
        Code::FailedPrecondition
    );
}

async fn what_a_preview_of_a_manifest_with_replaced_roles_tells_comes_true(world: World) {
    let stage = Stage::set(world).await;
    let by = stage.by();
    // One has both roles, and the group gets the other twice.
    for (subject, role) in [
        (Subject::user(stage.sam), "reader"),
        (Subject::user(stage.uma), "writer"),
        (Subject::group(stage.readers), "writer"),
    ] {
        stage.run(&by, assign(subject, role, &stage.one)).await;
    }
    let start = WORKS.find("  writer:").unwrap();
    let end = WORKS.find("  reader:").unwrap();
    let without = format!("{}{}", &WORKS[..start], &WORKS[end..]);
    let preview = async |replaced: &[(&str, Option<&str>)], size| {
        let replacements = replaced.iter().map(|(role, by)| Replacement {
            role: (*role).to_owned(),
            by: by.map(str::to_owned),
        });
        let replacements: Vec<_> = replacements.collect();
        let (mut all, mut after) = (Rows::new(), None);
        loop {
            let preview = preview::Preview {
                source: without.clone(),
                replacements: replacements.clone(),
                after,
                size,
            };
            let page = stage.world.preview_manifest(preview).await?;
            all.extend(rows(&page.effects));
            after = page.next;
            if after.is_none() {
                return Ok::<_, preview::Error>((all, page.differences));
            }
        }
    };
    for replaced in [
        &[][..],
        &[("writer", Some("nobody"))],
        &[("writer", Some("owner"))],
    ] {
        let error = preview(replaced, 50).await.unwrap_err();
        let done = stage.world.apply_replacing(&without, replaced).await.unwrap_err();
        assert_eq!(
            (error.code(), error.reason(), error.to_string()),
            (done.code(), done.reason(), done.to_string())
        );
    }
    let targets = [stage.one.to_string()];
    let (before, position) = (stage.matrix(&targets).await, stage.position().await);
    for size in [1, 50] {
        let (ended, _) = preview(&[("writer", None)], size).await.unwrap();
        let (rows, lines) = preview(&[("writer", Some("reader"))], size).await.unwrap();
        assert!(
            lines.contains(&"~ bindings of `writer`: 3 become `reader`".to_owned()),
            "{lines:?}"
        );
        let uma = (Subject::user(stage.uma), targets[0].clone());
        assert!(ended[&uma].1.contains("page.view") && !rows[&uma].1.contains("page.view"));
        assert_eq!(stage.position().await, position);
        assert_eq!(stage.matrix(&targets).await, before);
    }
    let (rows, lines) = preview(&[("writer", Some("reader"))], 50).await.unwrap();
    let replaced = [("writer", Some("reader"))];
    let applied = stage.world.apply_replacing(&without, &replaced).await.unwrap();
    assert_eq!(applied.differences, lines);
    assert_eq!(rows, difference(&before, &stage.matrix(&targets).await));
    assert_eq!(rows.len(), 2, "{rows:?}");
}

bailiwick_testkit::on_both_engines!(
    what_a_preview_of_a_member_tells_comes_true,
    who_may_not_change_a_member_may_not_preview_it,
    what_a_preview_of_roles_grants_and_groups_tells_comes_true,
    what_a_preview_of_a_resource_tells_comes_true,
    what_a_preview_of_a_manifest_with_replaced_roles_tells_comes_true,
);
