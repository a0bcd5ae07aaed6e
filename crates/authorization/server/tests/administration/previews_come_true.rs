//! What a preview of a change tells is what the matrix of users and permissions shows once the change is made; until then
//! nothing is written, and what the change would be refused for, its preview is refused for.

use bailiwick_authorization_core::{
    grant::{About, AppliesTo},
    product::Replacement,
    use_case::{
        assign_role, batch_remove_members,
        change_group::{self, Act},
        change_role, copy_permissions, create_grant, create_member, delete_grant, delete_member,
        move_resource, preview_product, recover_ownership, register_resource, remove_member, revoke_role,
        suspend_member, transfer_ownership, transfer_resource, unregister_resource, update_member,
        update_resource,
    },
};
use bailiwick_policy::manifest::{EntryDecl, MemberKind};
use bailiwick_types::{Authorized, Code, Fault, Scope, Subject, Timestamp, UserId};
use serde_json::json;

use crate::{
    previews_stage::{Rows, Stage, Told, WORKS, comes_true, difference, name, refused_alike},
    world::World,
};

fn texts(texts: &[&str]) -> Vec<String> {
    texts.iter().map(|text| (*text).to_owned()).collect()
}

async fn what_a_preview_of_a_member_tells_comes_true(world: World) {
    let stage = Stage::set(world).await;
    let (by, op) = (stage.by(), stage.world.operator());
    let (at, one) = (stage.at().to_string(), stage.one.to_string());
    let everywhere = texts(&[&at, &one, "page:a"]);
    let zed = stage.world.person("zed@example.com").await;
    let join = || create_member::Command {
        account: stage.account,
        user: zed,
        kind: MemberKind::Agent,
        expires_at: None,
    };
    comes_true!(stage, create_member, op, join(), [&at]);
    let now = Some(stage.world.now());
    let came = comes_true!(stage, update_member, by, stage.ends(stage.sam, now), everywhere);
    assert_eq!(came.len(), 3, "by a group, by a role and by a grant: {came:?}");
    comes_true!(stage, update_member, by, stage.ends(stage.sam, None), everywhere);
    comes_true!(
        stage,
        suspend_member,
        by,
        stage.suspend(stage.sam, true),
        everywhere
    );
    let back = comes_true!(
        stage,
        suspend_member,
        by,
        stage.suspend(stage.sam, false),
        everywhere
    );
    assert_eq!(back.len(), 3);
    let came = comes_true!(
        stage,
        remove_member,
        by,
        stage.remove(stage.sam, Some(&stage.one)),
        everywhere
    );
    let (_, loses) = &came[&(Subject::user(stage.sam), one.clone())];
    assert!(
        loses.contains("page.edit") && !loses.contains("page.view"),
        "what the group gives stays: {loses:?}"
    );
    let end = || delete_member::Command {
        account: stage.account,
        user: stage.sam,
        seat_ends: true,
    };
    // What it has by the group and as a member is had at the account.
    comes_true!(stage, delete_member, by, end(), [&at]);
    comes_true!(stage, remove_member, by, stage.remove(zed, None), [&at]);
    let command = stage.grant(stage.tia, "folder.edit", About::Resource(name("folder:f")));
    create_grant::execute(&stage.world.ports, &by, command)
        .await
        .unwrap();
    let both = || batch_remove_members::Command {
        account: stage.account,
        users: vec![stage.tia, stage.uma],
    };
    let came = comes_true!(stage, batch_remove_members, by, both(), [&at, "folder:f"]);
    assert!(came.contains_key(&(Subject::user(stage.uma), "folder:f".to_owned())));
}

async fn who_may_not_change_a_member_may_not_preview_it(world: World) {
    let stage = Stage::set(world).await;
    let by_sam = stage.world.by(stage.sam, stage.account);
    let (tia, boss) = (stage.tia, stage.boss);
    let denied = Code::PermissionDenied;
    let suspend = |user| stage.suspend(user, true);
    assert_eq!(
        refused_alike!(stage, suspend_member, by_sam, suspend(tia)),
        denied
    );
    assert_eq!(
        refused_alike!(stage, remove_member, by_sam, stage.remove(tia, None)),
        denied
    );
    let end = |user| delete_member::Command {
        account: stage.account,
        user,
        seat_ends: false,
    };
    assert_eq!(refused_alike!(stage, delete_member, by_sam, end(tia)), denied);
    let all = |users: &[UserId]| batch_remove_members::Command {
        account: stage.account,
        users: users.to_vec(),
    };
    assert_eq!(
        refused_alike!(stage, batch_remove_members, by_sam, all(&[tia])),
        denied
    );
    let transfer = |to| transfer_ownership::Command {
        account: stage.account,
        scope: stage.at(),
        to,
    };
    assert_eq!(
        refused_alike!(stage, transfer_ownership, by_sam, transfer(tia)),
        denied
    );
    let recover = || recover_ownership::Command {
        account: stage.account,
        scope: stage.at(),
        to: tia,
        justification: "gone".to_owned(),
    };
    assert_eq!(
        refused_alike!(stage, recover_ownership, stage.by(), recover()),
        denied
    );
    // The only owner stays, and is told so.
    let op = stage.world.operator();
    let held = Code::FailedPrecondition;
    let soon = Some(Timestamp(stage.world.now().0 + 1));
    assert_eq!(refused_alike!(stage, suspend_member, op, suspend(boss)), held);
    assert_eq!(
        refused_alike!(stage, remove_member, op, stage.remove(boss, None)),
        held
    );
    assert_eq!(refused_alike!(stage, delete_member, op, end(boss)), held);
    assert_eq!(
        refused_alike!(stage, batch_remove_members, op, all(&[tia, boss])),
        held
    );
    assert_eq!(
        refused_alike!(stage, update_member, op, stage.ends(boss, soon)),
        held
    );
    let stranger = stage.world.person("x@example.com").await;
    assert_eq!(
        refused_alike!(stage, remove_member, op, stage.remove(stranger, None)),
        Code::NotFound
    );
}

async fn what_a_preview_of_roles_grants_and_groups_tells_comes_true(world: World) {
    let stage = Stage::set(world).await;
    let (by, op) = (stage.by(), stage.world.operator());
    let (at, two) = (stage.at().to_string(), stage.two.to_string());
    let (sam, tia) = (Subject::user(stage.sam), Subject::user(stage.tia));
    comes_true!(
        stage,
        assign_role,
        by,
        stage.assign(tia.clone(), "writer", &stage.two),
        [&two]
    );
    let revoke = || revoke_role::Command {
        account: stage.account,
        subject: tia.clone(),
        role: "writer".to_owned(),
        scope: stage.two.clone(),
    };
    comes_true!(stage, revoke_role, by, revoke(), [&two]);
    let give = || stage.grant(stage.tia, "page.edit", About::Scope(stage.two.clone()));
    comes_true!(stage, create_grant, by, give(), [&two]);
    let copy = || copy_permissions::Command {
        account: stage.account,
        from: stage.tia,
        to: stage.uma,
        kinds: texts(&["page"]),
    };
    comes_true!(stage, copy_permissions, by, copy(), [&two]);
    let take = || delete_grant::Command {
        account: stage.account,
        which: delete_grant::Which::Of {
            subject: tia.clone(),
            permissions: texts(&["page.edit"]),
            about: About::Scope(stage.two.clone()),
        },
    };
    comes_true!(stage, delete_grant, by, take(), [&two]);
    comes_true!(stage, change_group, by, stage.group(Act::Add(tia.clone())), [&at]);
    let change = || change_role::Command {
        account: stage.account,
        role: "reader".to_owned(),
        level: None,
        add: vec![EntryDecl::plain("page.create")],
        remove: texts(&["page.view"]),
    };
    comes_true!(stage, change_role, by, change(), [&at]);
    comes_true!(
        stage,
        change_group,
        by,
        stage.group(Act::Remove(sam.clone())),
        [&at]
    );
    comes_true!(stage, change_group, by, stage.group(Act::Delete), [&at]);
    let transfer = || transfer_ownership::Command {
        account: stage.account,
        scope: stage.at(),
        to: stage.tia,
    };
    let came = comes_true!(stage, transfer_ownership, by, transfer(), [&at]);
    assert_eq!(came.len(), 2, "one loses what the other gains");
    let recover = || recover_ownership::Command {
        account: stage.account,
        scope: stage.at(),
        to: stage.boss,
        justification: "by mistake".to_owned(),
    };
    comes_true!(stage, recover_ownership, op, recover(), [&at]);
}

async fn what_a_preview_of_a_resource_tells_comes_true(world: World) {
    let stage = Stage::set(world).await;
    let (by, by_sam) = (stage.by(), stage.world.by(stage.sam, stage.account));
    let page = ["page:a"];
    let transfer = || transfer_resource::Command {
        account: stage.account,
        name: name("page:a"),
        to: Subject::user(stage.tia),
    };
    assert_eq!(
        refused_alike!(stage, transfer_resource, by_sam, transfer()),
        Code::PermissionDenied
    );
    let came = comes_true!(stage, transfer_resource, by, transfer(), page);
    assert!(came.contains_key(&(Subject::user(stage.tia), "page:a".to_owned())));
    let secret = || update_resource::Command {
        attributes: [("secret".to_owned(), json!(true))].into_iter().collect(),
        ..stage.update("page:a")
    };
    comes_true!(stage, update_resource, by, secret(), page);
    let out = || update_resource::Command {
        parent: Some(None),
        ..stage.update("page:a")
    };
    let came = comes_true!(stage, update_resource, by, out(), page);
    assert!(
        came.contains_key(&(Subject::user(stage.uma), "page:a".to_owned())),
        "{came:?}"
    );
    let back = || update_resource::Command {
        parent: Some(Some(name("folder:f"))),
        ..stage.update("page:a")
    };
    comes_true!(stage, update_resource, by, back(), page);
    // What is granted on the existing pages around both places goes along.
    let existing = About::Type {
        of: "page".to_owned(),
        scope: stage.at(),
        applies_to: AppliesTo::Existing,
    };
    let command = stage.grant(stage.tia, "page.edit", existing);
    create_grant::execute(&stage.world.ports, &by, command)
        .await
        .unwrap();
    let away = |of: &str, to: &Scope| move_resource::Command {
        account: stage.account,
        name: name(of),
        scope: to.clone(),
    };
    assert_eq!(
        refused_alike!(stage, move_resource, by_sam, away("page:a", &stage.two)),
        Code::PermissionDenied
    );
    let came = comes_true!(
        stage,
        move_resource,
        by,
        away("folder:f", &stage.two),
        ["folder:f", "page:a"]
    );
    let (_, loses) = &came[&(Subject::user(stage.sam), "page:a".to_owned())];
    assert!(loses.contains("page.edit") && !loses.contains("page.view"));
    let new = || stage.register("page:c", &stage.one, stage.tia, Some(name("folder:f")));
    comes_true!(stage, register_resource, by, new(), ["page:c"]);
    let gone = || unregister_resource::Command {
        account: stage.account,
        name: name("page:a"),
    };
    comes_true!(stage, unregister_resource, by, gone(), page);
    let full = || unregister_resource::Command {
        account: stage.account,
        name: name("folder:f"),
    };
    assert_eq!(
        refused_alike!(stage, unregister_resource, by, full()),
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
        let command = stage.assign(subject, role, &stage.one);
        assign_role::execute(&stage.world.ports, &by, command)
            .await
            .unwrap();
    }
    let start = WORKS.find("  writer:").unwrap();
    let end = WORKS.find("  reader:").unwrap();
    let without = format!("{}{}", &WORKS[..start], &WORKS[end..]);
    let preview = async |told: &[(&str, Option<&str>)], size| {
        let replacements = told.iter().map(|(role, by)| Replacement {
            role: (*role).to_owned(),
            by: by.map(str::to_owned),
        });
        let replacements: Vec<_> = replacements.collect();
        let (mut rows, mut after) = (Rows::new(), None);
        loop {
            let command = preview_product::Command {
                source: without.clone(),
                replacements: replacements.clone(),
                after,
                size,
            };
            let page = preview_product::execute(&stage.world.ports, &stage.world.operator(), command).await?;
            rows.extend(page.effects.rows());
            after = page.next;
            if after.is_none() {
                return Ok::<_, preview_product::Error>((rows, page.differences));
            }
        }
    };
    for told in [
        &[][..],
        &[("writer", Some("nobody"))],
        &[("writer", Some("owner"))],
    ] {
        let error = preview(told, 50).await.unwrap_err();
        let done = stage.world.apply_replacing(&without, told).await.unwrap_err();
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
    let told = [("writer", Some("reader"))];
    let applied = stage.world.apply_replacing(&without, &told).await.unwrap();
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
