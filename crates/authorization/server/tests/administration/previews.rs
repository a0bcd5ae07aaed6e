//! Previews: who would gain or lose what by a change.

use std::{collections::BTreeSet, time::Duration};

use bailiwick_authorization_core::{
    binding::{assign::Assign, copy::Copy, revoke::Revoke},
    grant::{
        About, AppliesTo, Filter,
        create::Create,
        delete::{Delete, Which},
    },
    group::{add_member::AddMember, delete::Delete as DeleteGroup, remove_member::RemoveMember},
    preview::{Effect, Strength},
    product::preview::Preview,
    role::change::Change,
};
use bailiwick_policy::manifest::EntryDecl;
use bailiwick_types::{AccountId, Code, Fault, Scope, ScopeRoot, Subject, UserId};

use crate::world::{self, SOGOLYTICS, World, denied, texts};

async fn sogo(world: &World) -> (AccountId, UserId, UserId) {
    let account = world.account("sogolytics", None, 0).await;
    let boss = world.holder("boss@example.com", account, "administrator").await;
    let sam = world.holder("sam@example.com", account, "sub_user").await;
    (account, boss, sam)
}

fn assign(account: AccountId, subject: Subject, role: &str) -> Assign {
    world::assign(subject, role, &Scope::Account(account))
}

fn reports(account: AccountId, subject: Subject) -> Create {
    let about = About::Type {
        of: "omni_report".to_owned(),
        scope: Scope::Account(account),
        applies_to: AppliesTo::Future,
    };
    world::grant(subject, &["omni_report.edit"], about)
}

/// Subject, gains and losses of every row.
fn rows(effects: &[Effect]) -> Vec<(Subject, Vec<&str>, Vec<&str>)> {
    effects
        .iter()
        .map(|effect| (effect.subject.clone(), words(&effect.gains), words(&effect.loses)))
        .collect()
}

fn words(all: &[String]) -> Vec<&str> {
    all.iter().map(String::as_str).collect()
}

fn shift(effect: &Effect, permission: &str) -> Option<(Strength, Strength)> {
    let found = effect.shifts.iter().find(|shift| shift.permission == permission);
    found.map(|shift| (shift.before, shift.after))
}

/// A writer that holds the account, on SQLite the whole database, and does not commit.
async fn a_preview_waits_for_no_writer_and_no_writer_for_it(world: World) {
    let (account, boss, sam) = sogo(&world).await;
    let by = world.by(boss, account);
    let give = assign(account, Subject::user(sam), "workflow_manager");
    let held = world.write(&[ScopeRoot::Account(account)]).await;
    let preview = world.preview(&by, account, give.clone());
    let effects = tokio::time::timeout(Duration::from_secs(20), preview).await;
    assert!(!effects.unwrap().unwrap().is_empty());
    drop(held);
    world.run(&by, account, give).await.unwrap();
}

async fn a_role_is_previewed_where_it_is_given_and_taken_and_nothing_is_done(world: World) {
    let (account, boss, sam) = sogo(&world).await;
    let (by, by_sam) = (world.by(boss, account), world.by(sam, account));
    let sam = Subject::user(sam);
    let give = assign(account, sam.clone(), "workflow_manager");
    denied(world.preview(&by_sam, account, give.clone()).await);
    let effects = world.preview(&by, account, give.clone()).await.unwrap();
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
    assert_eq!(rows(&effects), [(sam.clone(), gains.clone(), vec![])]);
    // What was had under a condition is had fully.
    assert_eq!(
        shift(&effects[0], "project.view"),
        Some((Strength::Conditional, Strength::Full))
    );
    let scope = Scope::Account(account);
    let roles = world.roles(account, sam.user_id().unwrap(), &scope).await;
    assert_eq!(roles, ["sub_user"]);
    world.run(&by, account, give.clone()).await.unwrap();
    assert_eq!(world.preview(&by, account, give).await.unwrap(), []);
    let revoke = |subject: Subject, role: &str| Revoke {
        subject,
        role: role.to_owned(),
        scope: scope.clone(),
        key: None,
    };
    let take = revoke(sam.clone(), "workflow_manager");
    denied(world.preview(&by_sam, account, take.clone()).await);
    let effects = world.preview(&by, account, take).await.unwrap();
    assert_eq!(rows(&effects), [(sam, vec![], gains)]);
    assert_eq!(
        shift(&effects[0], "project.view"),
        Some((Strength::Full, Strength::Conditional))
    );
    // The last administrator is refused as by the real change.
    let last = revoke(Subject::user(boss), "administrator");
    let error = world.preview(&by, account, last).await.unwrap_err();
    assert_eq!(error.reason().as_str(), "HOLDER_RULE");
}

async fn grants_and_copies_are_previewed_on_what_they_are_about(world: World) {
    let (account, boss, sam) = sogo(&world).await;
    let tia = world.member("tia@example.com", account).await;
    let (by, by_sam) = (world.by(boss, account), world.by(sam, account));
    let (from, to) = (Subject::user(sam), Subject::user(tia));
    let give = reports(account, from.clone());
    let effects = world.preview(&by, account, give.clone()).await.unwrap();
    let gains = vec!["omni_report.edit", "omni_report.view"];
    assert_eq!(rows(&effects), [(from.clone(), gains.clone(), vec![])]);
    assert_eq!(effects[0].of.as_deref(), Some("omni_report"));
    let read = world.read(account).await;
    let none = read.grants(&Filter::default(), None, 10).await.unwrap();
    assert_eq!(none, []);
    drop(read);
    denied(
        world
            .preview(&by_sam, account, reports(account, to.clone()))
            .await,
    );
    let made = world.run(&by, account, give).await.unwrap();
    let copy = Copy {
        from: sam,
        to: tia,
        kinds: texts(&["omni_report"]),
    };
    denied(world.preview(&by_sam, account, copy.clone()).await);
    let (copied, effects) = world.preview_all(&by, account, copy.clone()).await.unwrap();
    assert_eq!(copied, 1);
    assert_eq!(rows(&effects), [(to, gains.clone(), vec![])]);
    assert_eq!(world.run(&by, account, copy).await.unwrap(), 1);
    let which = Which::Id(made.id);
    let effects = world.preview(&by, account, Delete { which }).await.unwrap();
    assert_eq!(rows(&effects), [(from, vec![], gains)]);
}

async fn a_preview_of_a_group_lists_every_user_in_it_however_deep(world: World) {
    let (account, boss, sam) = sogo(&world).await;
    let tia = world.member("tia@example.com", account).await;
    let by = world.by(boss, account);
    let by_sam = world.by(sam, account);
    let (outer, inner) = (world.group(&by, account).await, world.group(&by, account).await);
    let [sam, tia] = [sam, tia].map(Subject::user);
    for (group, member) in [
        (outer, Subject::group(inner)),
        (inner, sam.clone()),
        (outer, tia.clone()),
    ] {
        let join = AddMember { group, member };
        world.run(&by, account, join).await.unwrap();
    }
    let give = assign(account, Subject::group(outer), "workflow_manager");
    let effects = world.preview(&by, account, give.clone()).await.unwrap();
    let who = |effects: &[Effect]| -> BTreeSet<Subject> {
        effects.iter().map(|effect| effect.subject.clone()).collect()
    };
    assert_eq!(who(&effects), [sam.clone(), tia.clone()].into());
    world.run(&by, account, give).await.unwrap();
    let give = reports(account, Subject::group(inner));
    world.run(&by, account, give).await.unwrap();
    let uma = world.member("uma@example.com", account).await;
    let join = AddMember {
        group: inner,
        member: Subject::user(uma),
    };
    denied(world.preview(&by_sam, account, join.clone()).await);
    let effects = world.preview(&by, account, join).await.unwrap();
    let gains: Vec<&str> = effects.iter().flat_map(|effect| words(&effect.gains)).collect();
    assert!(
        gains.contains(&"omni_report.edit"),
        "by the group itself: {gains:?}"
    );
    assert!(
        gains.contains(&"approval.view"),
        "by the group above it: {gains:?}"
    );
    let leave = RemoveMember {
        group: inner,
        member: sam.clone(),
    };
    let effects = world.preview(&by, account, leave).await.unwrap();
    assert!(
        effects
            .iter()
            .all(|effect| effect.subject == sam && effect.gains.is_empty())
    );
    let delete = DeleteGroup { group: outer };
    let effects = world.preview(&by, account, delete).await.unwrap();
    assert_eq!(who(&effects), [sam, tia].into());
    let read = world.read(account).await;
    assert!(read.group(outer).await.unwrap().is_some());
}

async fn a_change_of_a_role_tells_what_comes_under_an_approval_without_being_lost(world: World) {
    let (account, boss, _) = sogo(&world).await;
    let (op, by) = (world.operator(), world.by(boss, account));
    let max = world.holder("max@example.com", account, "workflow_manager").await;
    let max = Subject::user(max);
    let change = |add: &[EntryDecl], remove: &[&str]| Change {
        add: add.to_vec(),
        remove: texts(remove),
        ..world::change("workflow_manager")
    };
    // A plain entry leaves the type's approval rule standing.
    let add = change(&[EntryDecl::plain("project.distribute")], &[]);
    let effects = world.preview(&by, account, add).await.unwrap();
    assert_eq!(
        rows(&effects),
        [(max.clone(), vec!["project.distribute"], vec![])]
    );
    assert_eq!(
        shift(&effects[0], "project.distribute"),
        Some((Strength::None, Strength::NeedsApproval))
    );
    let weaker = [EntryDecl {
        when: Some("resource.owner == subject.id".to_owned()),
        ..EntryDecl::plain("project.view")
    }];
    for (by, change) in [
        (&op, change(&weaker, &["project.report"])),
        (&by, change(&weaker, &[])),
    ] {
        let effects = world.preview(by, account, change).await.unwrap();
        assert_eq!(
            effects,
            [],
            "a weaker entry beside a stronger one changes nothing"
        );
    }
    let remove = change(&[], &["project.view"]);
    let effects = world.preview(&by, account, remove).await.unwrap();
    assert_eq!(rows(&effects), [(max, vec![], vec!["project.view"])]);
}

async fn a_manifest_is_previewed_in_every_account_page_by_page(world: World) {
    let mut whose = Vec::new();
    for n in 0..3 {
        let account = world.account("sogolytics", None, 0).await;
        for k in 0..2 {
            let email = format!("flow{n}{k}@example.com");
            let user = world.holder(&email, account, "workflow_manager").await;
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
    let page = |source: &str, after, size| Preview {
        source: source.to_owned(),
        replacements: Vec::new(),
        after,
        size,
    };
    let all = async |source: &str, size| {
        let (mut all, mut after, mut pages) = (Vec::new(), None, 0);
        loop {
            let page = world.preview_manifest(page(source, after, size)).await.unwrap();
            all.extend(page.effects);
            pages += 1;
            after = page.next;
            if after.is_none() {
                return (all, pages);
            }
        }
    };
    let (effects, _) = all(SOGOLYTICS, 50).await;
    assert!(effects.is_empty(), "nothing changes");
    let (effects, pages) = all(&changed, 1).await;
    assert!(pages >= 3, "{pages}");
    let mut seen: Vec<(AccountId, Subject)> = effects
        .iter()
        .map(|one| (one.account, one.subject.clone()))
        .collect();
    seen.sort();
    assert_eq!(seen, whose);
    for effect in &effects {
        assert_eq!(effect.gains, ["label.view"]);
        assert_eq!(effect.loses, ["approval.view", "project.approve_distribution"]);
        assert_eq!(
            shift(effect, "project.approve_distribution"),
            Some((Strength::Full, Strength::Conditional))
        );
    }
    // Nothing was applied.
    let read = world.read_all().await;
    let product = read.product(&"sogolytics".parse().unwrap()).await.unwrap();
    assert_eq!(product.unwrap().version, 1);
    drop(read);
    let broken = SOGOLYTICS
        .replace("  workflow_manager:", "  flow_manager:")
        .replace("[workflow_manager, ", "[flow_manager, ");
    let error = world.preview_manifest(page(&broken, None, 50)).await.unwrap_err();
    assert_eq!(error.code(), Code::FailedPrecondition, "its role is bound");
}

async fn emails_are_read_of_members_alone(world: World) {
    let (account, boss, sam) = sogo(&world).await;
    let stranger = world.person("stranger@example.com").await;
    let elsewhere = AccountId::from_uuid(world.ports.ids.uuid());
    let unknown = UserId::from_uuid(world.ports.ids.uuid());
    let read = world.read_all().await;
    let mut asked = vec![(account, sam), (account, unknown), (account, boss)];
    asked.extend([(account, stranger), (elsewhere, sam)]);
    // More than one statement asks for.
    asked.extend((0..1_500).map(|_| (account, UserId::from_uuid(world.ports.ids.uuid()))));
    let emails = read.emails(&asked).await.unwrap();
    assert_eq!(emails.len(), 2);
    assert_eq!(emails[&(account, sam)], "sam@example.com");
    assert_eq!(emails[&(account, boss)], "boss@example.com");
}

bailiwick_testkit::on_both_engines!(
    a_preview_waits_for_no_writer_and_no_writer_for_it,
    emails_are_read_of_members_alone,
    a_role_is_previewed_where_it_is_given_and_taken_and_nothing_is_done,
    grants_and_copies_are_previewed_on_what_they_are_about,
    a_preview_of_a_group_lists_every_user_in_it_however_deep,
    a_change_of_a_role_tells_what_comes_under_an_approval_without_being_lost,
    a_manifest_is_previewed_in_every_account_page_by_page,
);
