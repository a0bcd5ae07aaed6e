//! What a change would do, told before it is made.

use bailiwick_authorization_core::{
    grant::{About, AppliesTo, Filter},
    use_case::{
        assign_role,
        change_group::{self, Act},
        change_role, copy_permissions, create_grant, create_group, delete_grant,
        preview::{Effect, Strength},
        preview_product, revoke_role,
    },
};
use bailiwick_policy::manifest::EntryDecl;
use bailiwick_types::{AccountId, Authorized, Code, Fault, GroupId, Scope, Subject, UserId};
use serde_json::Map;

use crate::world::{SOGOLYTICS, World};

async fn sogo(world: &World) -> (AccountId, UserId, UserId) {
    let account = world.account("sogolytics", None, 0).await;
    let at = Scope::Account(account);
    let boss = world.member("boss@example.com", account).await;
    let sam = world.member("sam@example.com", account).await;
    let op = world.operator();
    world
        .assign(&op, account, (boss, "administrator", &at))
        .await
        .unwrap();
    world.assign(&op, account, (sam, "sub_user", &at)).await.unwrap();
    (account, boss, sam)
}

fn assign(account: AccountId, subject: Subject, role: &str) -> assign_role::Command {
    assign_role::Command {
        account,
        subject,
        role: role.to_owned(),
        scope: Scope::Account(account),
        parameters: Map::new(),
        expires_at: None,
    }
}

fn reports(account: AccountId, subject: Subject) -> create_grant::Command {
    create_grant::Command {
        account,
        subject,
        permissions: vec!["omni_report.edit".to_owned()],
        about: About::Type {
            of: "omni_report".to_owned(),
            scope: Scope::Account(account),
            applies_to: AppliesTo::Future,
        },
        parameters: Map::new(),
        expires_at: None,
    }
}

async fn group(world: &World, by: &Authorized, account: AccountId) -> GroupId {
    let command = create_group::Command {
        account,
        title: "Group".to_owned(),
        request_id: None,
    };
    create_group::execute(&world.ports, by, command)
        .await
        .unwrap()
        .0
        .id
}

/// Subject, gains and losses of every row.
fn rows(effects: &[Effect]) -> Vec<(Subject, Vec<&str>, Vec<&str>)> {
    effects
        .iter()
        .map(|effect| {
            (
                effect.subject.clone(),
                words_of(&effect.gains),
                words_of(&effect.loses),
            )
        })
        .collect()
}

fn words_of(all: &[String]) -> Vec<&str> {
    all.iter().map(String::as_str).collect()
}

fn shift(effect: &Effect, permission: &str) -> Option<(Strength, Strength)> {
    let found = effect.shifts.iter().find(|shift| shift.permission == permission);
    found.map(|shift| (shift.before, shift.after))
}

async fn a_role_is_previewed_where_it_is_given_and_taken_and_nothing_is_done(world: World) {
    let (account, boss, sam) = sogo(&world).await;
    let (by, by_sam) = (world.by(boss, account), world.by(sam, account));
    let give = || assign(account, Subject::user(sam), "workflow_manager");
    let error = assign_role::preview(&world.ports, &by_sam, give())
        .await
        .unwrap_err();
    assert_eq!(error.code(), Code::PermissionDenied);
    let told = assign_role::preview(&world.ports, &by, give()).await.unwrap();
    let gains = vec![
        "approval.view",
        "assessment.approve_distribution",
        "assessment.view",
        "poll.approve_distribution",
        "poll.view",
        "project.approve_distribution",
        "project.view",
        "quiz.approve_distribution",
        "quiz.view",
        "survey.approve_distribution",
        "survey.view",
    ];
    assert_eq!(rows(&told), [(Subject::user(sam), gains.clone(), vec![])]);
    // What was had under a condition is had fully.
    assert_eq!(
        shift(&told[0], "project.view"),
        Some((Strength::Conditional, Strength::Full))
    );
    let at = Scope::Account(account);
    assert_eq!(world.roles(account, sam, &at).await, ["sub_user"]);
    assign_role::execute(&world.ports, &by, give()).await.unwrap();
    assert!(
        assign_role::preview(&world.ports, &by, give())
            .await
            .unwrap()
            .is_empty()
    );
    let take = revoke_role::Command {
        account,
        subject: Subject::user(sam),
        role: "workflow_manager".to_owned(),
        scope: at.clone(),
    };
    let error = revoke_role::preview(&world.ports, &by_sam, take.clone())
        .await
        .unwrap_err();
    assert_eq!(error.code(), Code::PermissionDenied);
    let told = revoke_role::preview(&world.ports, &by, take).await.unwrap();
    assert_eq!(rows(&told), [(Subject::user(sam), vec![], gains)]);
    assert_eq!(
        shift(&told[0], "project.view"),
        Some((Strength::Full, Strength::Conditional))
    );
    // The last administrator is told what a real change would be told.
    let last = revoke_role::Command {
        account,
        subject: Subject::user(boss),
        role: "administrator".to_owned(),
        scope: at,
    };
    let error = revoke_role::preview(&world.ports, &by, last).await.unwrap_err();
    assert_eq!(error.reason().as_str(), "HOLDER_RULE");
}

async fn grants_and_copies_are_previewed_on_what_they_are_about(world: World) {
    let (account, boss, sam) = sogo(&world).await;
    let tia = world.member("tia@example.com", account).await;
    let (by, by_sam) = (world.by(boss, account), world.by(sam, account));
    let told = create_grant::preview(&world.ports, &by, reports(account, Subject::user(sam)))
        .await
        .unwrap();
    let gains = vec!["omni_report.edit", "omni_report.view"];
    assert_eq!(rows(&told), [(Subject::user(sam), gains.clone(), vec![])]);
    assert_eq!(told[0].of.as_deref(), Some("omni_report"));
    let read = world
        .ports
        .store
        .read(bailiwick_testkit::witness::system().account(account).read())
        .await
        .unwrap();
    let none = read.grants(&Filter::default(), None, 10).await.unwrap();
    assert_eq!(none, []);
    drop(read);
    let error = create_grant::preview(&world.ports, &by_sam, reports(account, Subject::user(tia)));
    assert_eq!(error.await.unwrap_err().code(), Code::PermissionDenied);
    let (made, _) = create_grant::execute(&world.ports, &by, reports(account, Subject::user(sam)))
        .await
        .unwrap();
    let copy = copy_permissions::Command {
        account,
        from: sam,
        to: tia,
        kinds: vec!["omni_report".to_owned()],
    };
    let error = copy_permissions::preview(&world.ports, &by_sam, copy.clone());
    assert_eq!(error.await.unwrap_err().code(), Code::PermissionDenied);
    let (copied, told) = copy_permissions::preview(&world.ports, &by, copy.clone())
        .await
        .unwrap();
    assert_eq!(
        (copied, rows(&told)),
        (1, vec![(Subject::user(tia), gains.clone(), vec![])])
    );
    let (copied, _) = copy_permissions::execute(&world.ports, &by, copy).await.unwrap();
    assert_eq!(copied, 1);
    let delete = delete_grant::Command {
        account,
        which: delete_grant::Which::Id(made.id),
    };
    let told = delete_grant::preview(&world.ports, &by, delete).await.unwrap();
    assert_eq!(rows(&told), [(Subject::user(sam), vec![], gains)]);
}

async fn what_a_group_gives_is_told_for_every_user_in_it_however_deep(world: World) {
    let (account, boss, sam) = sogo(&world).await;
    let tia = world.member("tia@example.com", account).await;
    let by = world.by(boss, account);
    let (outer, inner) = (
        group(&world, &by, account).await,
        group(&world, &by, account).await,
    );
    let change = |group, act| change_group::Command { account, group, act };
    for (group, who) in [
        (outer, Subject::group(inner)),
        (inner, Subject::user(sam)),
        (outer, Subject::user(tia)),
    ] {
        change_group::execute(&world.ports, &by, change(group, Act::Add(who)))
            .await
            .unwrap();
    }
    let give = || assign(account, Subject::group(outer), "workflow_manager");
    let told = assign_role::preview(&world.ports, &by, give()).await.unwrap();
    let who = |told: &[Effect]| -> std::collections::BTreeSet<Subject> {
        told.iter().map(|effect| effect.subject.clone()).collect()
    };
    assert_eq!(who(&told), [Subject::user(sam), Subject::user(tia)].into());
    assign_role::execute(&world.ports, &by, give()).await.unwrap();
    create_grant::execute(&world.ports, &by, reports(account, Subject::group(inner)))
        .await
        .unwrap();
    let uma = world.member("uma@example.com", account).await;
    let join = change(inner, Act::Add(Subject::user(uma)));
    let error = change_group::preview(&world.ports, &world.by(sam, account), join.clone()).await;
    assert_eq!(error.unwrap_err().code(), Code::PermissionDenied);
    let told = change_group::preview(&world.ports, &by, join).await.unwrap();
    let gains: Vec<&str> = told
        .iter()
        .flat_map(|effect| effect.gains.iter().map(String::as_str))
        .collect();
    assert!(
        gains.contains(&"omni_report.edit"),
        "by the group itself: {gains:?}"
    );
    assert!(
        gains.contains(&"approval.view"),
        "by the group above it: {gains:?}"
    );
    let leave = change(inner, Act::Remove(Subject::user(sam)));
    let told = change_group::preview(&world.ports, &by, leave).await.unwrap();
    assert!(
        told.iter()
            .all(|effect| effect.subject == Subject::user(sam) && effect.gains.is_empty())
    );
    let told = change_group::preview(&world.ports, &by, change(outer, Act::Delete))
        .await
        .unwrap();
    assert_eq!(who(&told), [Subject::user(sam), Subject::user(tia)].into());
    let read = world
        .ports
        .store
        .read(bailiwick_testkit::witness::system().account(account).read())
        .await
        .unwrap();
    assert!(read.group(outer).await.unwrap().is_some());
}

async fn a_change_of_a_role_tells_what_comes_under_an_approval_without_being_lost(world: World) {
    let (account, boss, _) = sogo(&world).await;
    let at = Scope::Account(account);
    let (op, by) = (world.operator(), world.by(boss, account));
    let max = world.member("max@example.com", account).await;
    world
        .assign(&op, account, (max, "workflow_manager", &at))
        .await
        .unwrap();
    let change = |add: Vec<EntryDecl>, remove: &[&str]| change_role::Command {
        account,
        role: "workflow_manager".to_owned(),
        level: None,
        add,
        remove: remove.iter().map(|text| (*text).to_owned()).collect(),
    };
    // A plain entry leaves the type's approval rule standing.
    let add = change(vec![EntryDecl::plain("project.distribute")], &[]);
    let told = change_role::preview(&world.ports, &by, add).await.unwrap();
    assert_eq!(
        rows(&told),
        [(Subject::user(max), vec!["project.distribute"], vec![])]
    );
    assert_eq!(
        shift(&told[0], "project.distribute"),
        Some((Strength::None, Strength::NeedsApproval))
    );
    let under = EntryDecl {
        when: Some("resource.owner == subject.id".to_owned()),
        ..EntryDecl::plain("project.view")
    };
    let told = change_role::preview(
        &world.ports,
        &op,
        change(vec![under.clone()], &["project.report"]),
    )
    .await
    .unwrap();
    assert!(
        told.is_empty(),
        "a weaker entry beside a stronger one changes nothing"
    );
    let told = change_role::preview(&world.ports, &by, change(vec![under], &[]))
        .await
        .unwrap();
    assert!(told.is_empty());
    let told = change_role::preview(&world.ports, &by, change(vec![], &["project.view"]))
        .await
        .unwrap();
    assert_eq!(rows(&told), [(Subject::user(max), vec![], vec!["project.view"])]);
}

async fn a_manifest_is_previewed_in_every_account_page_by_page(world: World) {
    let mut whose = Vec::new();
    for n in 0..3 {
        let account = world.account("sogolytics", None, 0).await;
        let at = Scope::Account(account);
        for k in 0..2 {
            let user = world.member(&format!("flow{n}{k}@example.com"), account).await;
            let op = world.operator();
            world
                .assign(&op, account, (user, "workflow_manager", &at))
                .await
                .unwrap();
            whose.push((account, Subject::user(user)));
        }
    }
    whose.sort();
    let changed = SOGOLYTICS
        .replace(
            "          - project.approve_distribution\n",
            "          - {permission: project.approve_distribution, when: resource.owner == subject.id}\n",
        )
        .replace("          - approval.view\n", "          - label.view\n");
    assert_eq!(changed.matches("label.view").count(), 1);
    let all = async |source: &str, size| {
        let (mut all, mut after, mut pages) = (Vec::new(), None, 0);
        loop {
            let command = preview_product::Command {
                source: source.to_owned(),
                replacements: Vec::new(),
                after,
                size,
            };
            let page = preview_product::execute(&world.ports, &world.operator(), command)
                .await
                .unwrap();
            all.extend(page.effects);
            pages += 1;
            after = page.next;
            if after.is_none() {
                return (all, pages);
            }
        }
    };
    let (told, _) = all(SOGOLYTICS, 50).await;
    assert!(told.is_empty(), "it is as it was");
    let (told, pages) = all(&changed, 1).await;
    assert!(pages >= 3, "{pages}");
    let mut seen: Vec<(AccountId, Subject)> = told
        .iter()
        .map(|one| (one.account, one.subject.clone()))
        .collect();
    seen.sort();
    assert_eq!(seen, whose);
    for effect in &told {
        assert_eq!(effect.gains, ["label.view"]);
        assert_eq!(effect.loses, ["approval.view", "project.approve_distribution"]);
        assert_eq!(
            shift(effect, "project.approve_distribution"),
            Some((Strength::Full, Strength::Conditional))
        );
    }
    // Nothing was applied.
    let read = world
        .ports
        .store
        .read_all(bailiwick_testkit::witness::system().all_accounts())
        .await
        .unwrap();
    let product = read.product(&"sogolytics".parse().unwrap()).await.unwrap();
    assert_eq!(product.unwrap().version, 1);
    drop(read);
    let broken = preview_product::Command {
        source: SOGOLYTICS.replace("  workflow_manager:", "  flow_manager:"),
        replacements: Vec::new(),
        after: None,
        size: 50,
    };
    let error = preview_product::execute(&world.ports, &world.operator(), broken)
        .await
        .unwrap_err();
    assert_eq!(error.code(), Code::FailedPrecondition, "its role is bound");
}

async fn users_are_told_by_the_addresses_that_are_known(world: World) {
    let (_, boss, sam) = sogo(&world).await;
    let unknown = UserId::from_uuid(world.ports.ids.uuid());
    let read = world
        .ports
        .store
        .read_all(bailiwick_testkit::witness::system().all_accounts())
        .await
        .unwrap();
    let mut asked = vec![sam, unknown, boss];
    // More than one statement asks for.
    asked.extend((0..1_500).map(|_| UserId::from_uuid(world.ports.ids.uuid())));
    let told = read.emails(&asked).await.unwrap();
    assert_eq!(told.len(), 2);
    assert_eq!(told[&sam], "sam@example.com");
    assert_eq!(told[&boss], "boss@example.com");
}

bailiwick_testkit::on_both_engines!(
    users_are_told_by_the_addresses_that_are_known,
    a_role_is_previewed_where_it_is_given_and_taken_and_nothing_is_done,
    grants_and_copies_are_previewed_on_what_they_are_about,
    what_a_group_gives_is_told_for_every_user_in_it_however_deep,
    a_change_of_a_role_tells_what_comes_under_an_approval_without_being_lost,
    a_manifest_is_previewed_in_every_account_page_by_page,
);
