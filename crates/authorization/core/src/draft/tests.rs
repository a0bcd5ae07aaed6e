//! Changes that are laid over a snapshot look like the same changes made in a store.

use std::{fmt::Debug, sync::Arc};

use bailiwick_policy::{MemberState, StoredGrantTarget, manifest::MemberKind};
use bailiwick_types::{ApprovalId, BindingId, GrantId, GroupId, Scope};
use proptest::prelude::*;
use serde_json::Map;

use super::*;
use crate::{
    On,
    approval::{self, Reader as _, Writer as _},
    binding::{self, Reader as _, Writer as _},
    grant::{self, About, AppliesTo, Reader as _, Writer as _},
    group::{Reader as _, Writer as _},
    limit::Reader as _,
    member::{Reader as _, Writer as _},
    memory::{World, account, account_id, name, subject, user, workspace},
    person::{PersonState, Writer as _},
    relocation::{Reader as _, Writer as _},
    resource::{Reader as _, Writer as _},
    role::Reader as _,
    situation::{Extent, Reader as _},
};

fn id(a: u8, b: u8) -> Uuid {
    Uuid::from_u128(u128::from(a) << 8 | u128::from(b) | 1 << 64)
}

fn group(n: u8) -> GroupId {
    GroupId::from_uuid(id(200, n % 3))
}

/// Three users and three groups.
fn whom(n: u8) -> Subject {
    match n % 6 {
        n @ 0..3 => subject(n.into()),
        n => Subject::group(group(n)),
    }
}

fn scope(n: u8) -> Scope {
    if n.is_multiple_of(2) {
        account()
    } else {
        workspace()
    }
}

fn project(n: u8) -> Name {
    name(&format!("project:{}", n % 4))
}

/// One of the writes that a unit of work knows; the numbers say of what.
async fn write(draft: &mut Draft, (what, a, b): (u8, u8, u8), now: Timestamp) -> Result<(), StoreError> {
    let who = user((a % 3).into());
    match what {
        0..3 => {
            let binding = Binding {
                // One of a role of a subject on a scope.
                id: BindingId::from_uuid(id(a % 6, b % 6)),
                account: account_id(),
                subject: whom(a),
                role: ["viewer", "editor", "keeper"][usize::from(b % 3)].to_owned(),
                scope: scope(b),
                key: String::new(),
                parameters: Map::new(),
                expires_at: None,
                created_at: now,
                creator: None,
            };
            match what {
                2 => draft.remove_binding(&binding).await,
                _ => draft.put_binding(&binding).await,
            }
        }
        3..6 => {
            let grant = Grant {
                id: GrantId::from_uuid(id(a, b)),
                account: account_id(),
                subject: whom(a),
                permissions: vec![format!("project.{}", ["view", "edit"][usize::from(what % 2)])],
                generation: 0,
                about: match b % 3 {
                    0 => About::Scope(scope(a)),
                    1 => About::Resource(project(a)),
                    _ => About::Type {
                        of: "project".to_owned(),
                        scope: scope(a),
                        applies_to: AppliesTo::All,
                    },
                },
                parameters: Map::new(),
                expires_at: None,
                revision: 1,
                created_at: now,
                creator: None,
            };
            // Rules make none on a resource that is not there.
            if let About::Resource(name) = &grant.about
                && draft.resource(name).await?.is_none()
            {
                return Ok(());
            }
            match what {
                3 => draft.remove_grant(&grant).await,
                _ => draft.put_grant(&grant).await,
            }
        }
        6..8 => {
            let kind = [MemberKind::Agent, MemberKind::Customer][usize::from(b % 2)];
            let member = Member {
                state: [MemberState::Active, MemberState::Suspended][usize::from(b / 2 % 2)],
                ..Member::new(account_id(), who, kind, now)
            };
            draft.put_member(&member).await
        }
        8 => draft.remove_member(who).await,
        9 => {
            let state = [PersonState::Active, PersonState::Disabled][usize::from(b % 2)];
            let person = Person {
                state,
                ..Person::unknown(who)
            };
            draft.put_person(&person).await
        }
        10..13 => draft.set_group_member(group(b), &whom(a), what < 12).await,
        13 => draft.remove_group(group(a)).await,
        14..16 => {
            let approval = Approval {
                id: ApprovalId::from_uuid(id(a, b)),
                account: account_id(),
                requester: subject((a % 3).into()),
                permission: "project.distribute".to_owned(),
                on: On::Resource(project(b)),
                digest: String::new(),
                bound: String::new(),
                by: "project.approve_distribution".to_owned(),
                once: true,
                lasts: None,
                state: approval::State::from_code(i16::from(what) - 13).unwrap(),
                expires_at: None,
                created_at: Timestamp(b.into()),
                decider: None,
                decided_at: None,
            };
            if draft.resource(&project(b)).await?.is_none() {
                return Ok(());
            }
            draft.put_approval(&approval).await
        }
        16..18 => {
            let resource = Resource {
                account: account_id(),
                name: project(a),
                scope: scope(b),
                owner: Some(subject((b % 3).into())),
                parent: (a % 4 > 0).then(|| project(b % (a % 4))),
                title: String::new(),
                attributes: Map::new(),
                revision: 1,
                created_at: now,
                updated_at: now,
            };
            draft.put_resource(&resource).await
        }
        18 => draft.remove_resource(&project(a)).await.map(drop),
        19 => {
            let scopes: Vec<Uuid> = scope(b).uuid().into_iter().collect();
            draft.remove_grants(&whom(a), &scopes).await
        }
        20 => draft.remove_contents(&scope(a)).await,
        21 => draft.register_anew(&scope(a), b.into(), now).await,
        _ => {
            let limit = (b % 2 > 0).then_some(b.into());
            draft.put_quota(&whom(a), "project", limit).await
        }
    }
}

/// Reads a list in pages of two.
async fn pages<T: Debug, K>(
    mut read: impl AsyncFnMut(Option<&K>, u64) -> Result<Vec<T>, StoreError>,
    key: impl Fn(&T) -> K,
) -> Vec<T> {
    let (mut all, mut after): (Vec<T>, Option<K>) = (Vec::new(), None);
    loop {
        let page = read(after.as_ref(), 2).await.unwrap();
        let Some(last) = page.last() else { return all };
        after = Some(key(last));
        all.extend(page);
    }
}

/// Everything that can be read of it.
async fn view(draft: &Draft) -> Vec<String> {
    let mut all: Vec<String> = Vec::new();
    let mut note = |what: &str, found: &dyn Debug| all.push(format!("{what}: {found:?}"));
    let people: Vec<Subject> = (0..6).map(whom).collect();
    for extent in [Extent::Whole, Extent::Scopes] {
        let rows = draft.subject_rows(&people, extent).await.unwrap();
        note("rows", &rows);
        for one in &people {
            // What is no longer above it may be read with it, but does not count.
            let rows = draft
                .subject_rows(std::slice::from_ref(one), extent)
                .await
                .unwrap();
            let mut reached = vec![one.clone()];
            let mut next = 0;
            while let Some(at) = reached.get(next).cloned() {
                next += 1;
                let above = rows.rows[&at].groups.iter().copied().map(Subject::group);
                let above: Vec<_> = above.filter(|group| !reached.contains(group)).collect();
                reached.extend(above);
                note("row", &(&rows.rows[&at], rows.disabled.contains(&at)));
            }
        }
    }
    for one in &people {
        note("bindings_of", &draft.bindings_of(one).await.unwrap());
        note("groups_of", &draft.groups_of(one).await.unwrap());
        note("count", &draft.count_grants(one).await.unwrap());
        note("owned", &draft.owned(one, "project").await.unwrap());
        note("quota", &draft.quota(one, "project").await.unwrap());
    }
    for role in ["viewer", "editor", "keeper"] {
        for at in [account(), workspace()] {
            let mut holders = draft.holders(role, &at).await.unwrap();
            holders.sort_by_key(|holder| holder.user);
            note("holders", &holders);
        }
        let roles = [role.to_owned()];
        let read =
            async |after: Option<&Uuid>, limit| draft.bindings_of_roles(&roles, after.copied(), limit).await;
        note("role", &pages(read, |one: &Binding| one.id.uuid()).await);
    }
    note("seats", &draft.seats_taken().await.unwrap());
    for at in [None, Some(account()), Some(workspace())] {
        let filter = binding::Filter {
            subject: None,
            scope: at.clone(),
        };
        let read = async |after: Option<&Uuid>, limit| draft.bindings(&filter, after.copied(), limit).await;
        note("bindings", &pages(read, |one: &Binding| one.id.uuid()).await);
        let filter = grant::Filter {
            scope: at.clone(),
            ..grant::Filter::default()
        };
        let read = async |after: Option<&Uuid>, limit| draft.grants(&filter, after.copied(), limit).await;
        note("grants", &pages(read, |one: &Grant| one.id.uuid()).await);
        let read = async |after: Option<&String>, limit| {
            let after = after.map(String::as_str);
            draft.resources("project", at.as_ref(), after, limit).await
        };
        note(
            "resources",
            &pages(read, |one: &Resource| one.name.id.clone()).await,
        );
    }
    for at in [account(), workspace()] {
        note("resources in", &draft.resources_in(&at, 9).await.unwrap());
        note("grants in", &draft.grants_in(&at, 200).await.unwrap());
        note("approvals in", &draft.approvals_in(&at, 200).await.unwrap());
        let mut linked = draft.linked_across(&at, 200).await.unwrap();
        linked.sort();
        note("linked", &linked);
    }
    let named = draft.resources_named("project", &["0", "2", "9"]).await;
    note("named", &named.unwrap());
    note("used", &draft.used().await.unwrap());
    for n in 0..4 {
        for at in [None, Some(account())] {
            let children = draft.children(&project(n), at.as_ref(), 2).await;
            note("children", &children.unwrap());
        }
        let read = async |after: Option<&String>, limit| {
            let after = after.map(String::as_str);
            draft.group_members(group(n), after, limit).await
        };
        note("members", &pages(read, ToString::to_string).await);
        let on = approval::Filter {
            on: Some(On::Resource(project(n))),
            ..approval::Filter::default()
        };
        let read =
            async |after: Option<&approval::After>, limit| draft.approvals(&on, after.copied(), limit).await;
        let age = |one: &Approval| (one.created_at, one.id.uuid());
        note("approvals", &pages(read, age).await);
    }
    let read = async |after: Option<&UserId>, limit| draft.members(after.copied(), limit).await;
    note("all members", &pages(read, |one: &Member| one.user).await);
    let read = async |after: Option<&(String, String)>, limit| draft.quotas(None, after, limit).await;
    let key = |(subject, of, _): &(Subject, String, u64)| (subject.to_string(), of.clone());
    note("quotas", &pages(read, key).await);
    all
}

async fn compare(before: &[(u8, u8, u8)], change: &[(u8, u8, u8)]) {
    let world = World::new().await;
    let now = world.now();
    let make = async |draft: &mut Draft, writes: &[(u8, u8, u8)]| {
        for one in writes {
            write(draft, *one, now).await?;
        }
        Ok(())
    };
    world.put(async |draft| make(draft, before).await).await;
    let mut draft = Draft::over(Arc::new(*world.read())).await.unwrap();
    make(&mut draft, change).await.unwrap();
    world.put(async |draft| make(draft, change).await).await;
    let (laid_over, made) = (view(&draft).await, view(&world.read()).await);
    for (laid_over, made) in laid_over.iter().zip(&made) {
        assert_eq!(laid_over, made);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn changes_over_a_snapshot_look_like_changes_in_the_store(
        before in prop::collection::vec((0..23_u8, 0..12_u8, 0..12_u8), 0..40),
        change in prop::collection::vec((0..23_u8, 0..12_u8, 0..12_u8), 1..12),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(compare(&before, &change));
    }
}

#[tokio::test]
async fn a_change_is_laid_over_all_rows_of_a_subject_however_many_there_are() {
    let world = World::new().await;
    world.member(1, "viewer").await;
    let at = About::Scope(account());
    let first = world.grant(&subject(1), &["project.view"], at).await;
    world
        .put(async |write| {
            for n in 0..100_000_u32 {
                let more = Grant {
                    id: GrantId::generate(&*world.ports.ids),
                    about: About::Resource(name(&format!("project:{n}"))),
                    ..first.clone()
                };
                write.put_grant(&more).await?;
            }
            Ok(())
        })
        .await;
    let mut draft = Draft::over(Arc::new(*world.read())).await.unwrap();
    let new = Grant {
        id: GrantId::generate(&*world.ports.ids),
        about: About::Scope(workspace()),
        ..first
    };
    draft.put_grant(&new).await.unwrap();
    let all = draft.subject_rows(&[subject(1)], Extent::Whole).await.unwrap();
    let grants = &all.rows[&subject(1)].grants;
    assert_eq!(grants.len(), 100_002);
    let new = StoredGrantTarget::One(On::Scope(workspace()).stored());
    assert!(grants.iter().any(|grant| grant.target == new));
    assert_eq!(draft.count_grants(&subject(1)).await.unwrap(), 100_002);
}
