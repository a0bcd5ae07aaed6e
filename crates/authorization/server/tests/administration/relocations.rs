//! Moves of workspaces.

use bailiwick_authorization_core::{
    Error,
    account::Place,
    approval,
    follow::PlaceTold,
    grant::{self, About, AppliesTo},
    relocation::{self, Mover, Relocation},
};
use bailiwick_policy::PlaceState;
use bailiwick_testkit::{on_both_engines, witness};
use bailiwick_types::{AccountId, Code, Fault, Scope, Subject, Target, Token, UserId};

use crate::world::{World, assign, by_suite, code, grant, name, register, version_of};

on_both_engines! {
    across_accounts_what_is_of_members_goes_along_and_all_else_is_dropped,
    a_holder_who_is_no_member_gives_way_to_the_accounts_own,
    a_name_that_is_taken_refuses_the_move_for_good_under_its_version,
    a_mover_needs_both_rights_and_learns_nothing_without_them,
    a_preview_tells_what_the_move_does_and_writes_nothing,
    within_an_account_what_is_inherited_changes_and_type_grants_go_on,
    a_repeated_move_changes_nothing_and_two_targets_get_one_workspace,
    a_follower_moves_what_no_call_has_moved,
    grants_around_the_target_are_given_by_those_alone_who_hold_them,
}

/// Two accounts of e-satisfaction with an owner each, and a workspace in the first.
struct Stage {
    world: World,
    from: AccountId,
    to: AccountId,
    athens: Scope,
    olga: UserId,
    otto: UserId,
}

async fn stage(world: World) -> Stage {
    let (olga, otto) = (
        world.person("olga@a.example").await,
        world.person("otto@b.example").await,
    );
    let from = world.account("e-satisfaction", Some(olga), 0).await;
    let to = world.account("e-satisfaction", Some(otto), 0).await;
    let athens = world.workspace(from).await;
    Stage {
        world,
        from,
        to,
        athens,
        olga,
        otto,
    }
}

impl Stage {
    fn relocation(&self, by: UserId, version: u64) -> Relocation {
        Relocation {
            account: self.from,
            scope: self.athens.clone(),
            target: self.to,
            parent: Scope::Account(self.to),
            version: version_of(version),
            mover: Some(Mover {
                subject: Subject::user(by),
                operator: false,
                target_operator: false,
            }),
        }
    }
    fn by_operator(&self, version: u64) -> Relocation {
        Relocation {
            mover: Some(Mover {
                subject: self.world.operator().subject().clone(),
                operator: true,
                target_operator: true,
            }),
            ..self.relocation(self.olga, version)
        }
    }
    async fn relocate(&self, of: Relocation) -> Result<Token, Error> {
        relocation::relocate(&self.world.ports, &by_suite(&Target::none()), of).await
    }
    async fn place(&self, account: AccountId) -> Option<Place> {
        let found = self
            .world
            .read(account)
            .await
            .places(&[self.athens.uuid().unwrap()])
            .await;
        found
            .unwrap()
            .into_iter()
            .find(|place| place.scope == self.athens)
    }
    /// The member of the first account becomes one of the second, with a role that creates workspaces.
    async fn let_in(&self, user: UserId) {
        self.world.join(user, self.to).await.unwrap();
        let at = Scope::Account(self.to);
        let by = self.world.operator();
        self.world
            .assign(&by, self.to, (user, "admin", &at))
            .await
            .unwrap();
    }
}

async fn across_accounts_what_is_of_members_goes_along_and_all_else_is_dropped(world: World) {
    let stage = stage(world).await;
    let (world, from, to, athens) = (&stage.world, stage.from, stage.to, &stage.athens);
    stage.let_in(stage.olga).await;
    let operator = world.operator();
    let both = world.member("both@a.example", from).await;
    world.join(both, to).await.unwrap();
    let rep = world.member("rep@a.example", from).await;
    let group = world.group(&operator, from).await;
    for user in [both, rep] {
        world
            .assign(&operator, from, (user, "reporting", athens))
            .await
            .unwrap();
    }
    world
        .run(
            &operator,
            from,
            assign(Subject::group(group), "reporting", athens),
        )
        .await
        .unwrap();
    world
        .run(&operator, from, register("chart:c1", athens))
        .await
        .unwrap();
    let types = |applies_to| About::Type {
        of: "chart".to_owned(),
        scope: athens.clone(),
        applies_to,
    };
    for about in [
        About::Resource(name("chart:c1")),
        types(AppliesTo::Existing),
        types(AppliesTo::Future),
        types(AppliesTo::All),
    ] {
        for user in [both, rep] {
            let of = grant(Subject::user(user), &["chart.view"], about.clone());
            world.run(&operator, from, of).await.unwrap();
        }
    }
    stage.relocate(stage.relocation(stage.olga, 2)).await.unwrap();
    let (there, here) = (stage.place(to).await.unwrap(), stage.place(from).await.unwrap());
    assert_eq!(
        (there.state, there.closed_version),
        (PlaceState::Moving, Some(version_of(2)))
    );
    assert_eq!(
        (here.state, here.closed_version),
        (PlaceState::Deleted, Some(version_of(2)))
    );
    let read = world.read(to).await;
    let chart = read.resource(&name("chart:c1")).await.unwrap().unwrap();
    assert_eq!(
        (chart.account, &chart.scope, chart.revision),
        (to, athens, read.revision().await.unwrap())
    );
    assert_eq!(world.roles(to, both, athens).await, ["reporting"]);
    assert_eq!(world.roles(to, stage.olga, athens).await, ["owner"]);
    assert!(world.roles(to, rep, athens).await.is_empty());
    let grants = read
        .grants(&grant::Filter::of(&Subject::user(both)), None, 9)
        .await
        .unwrap();
    let mut abouts: Vec<String> = grants.iter().map(|one| format!("{:?}", one.about)).collect();
    abouts.sort();
    // The existing one covers all charts there are, and no other; the future one covers nothing yet.
    let resources = grants
        .iter()
        .filter(|one| matches!(one.about, About::Resource(_)))
        .count();
    assert_eq!((grants.len(), resources), (4, 1), "{abouts:?}");
    let covers = |applies_to| {
        let mut all = grants.iter().filter(|one| one.about == types(applies_to));
        all.any(|one| one.revision >= chart.revision)
    };
    assert!(
        covers(AppliesTo::Existing) && covers(AppliesTo::Future),
        "{grants:?}"
    );
    assert!(grants.iter().all(|one| one.account == to));
    let old = world.read(from).await;
    assert!(old.resource(&name("chart:c1")).await.unwrap().is_none());
    assert!(old.bindings_of(&Subject::user(rep)).await.unwrap().is_empty());
    assert!(old.bindings_of(&Subject::group(group)).await.unwrap().is_empty());
    assert_eq!(old.count_grants(&Subject::user(rep)).await.unwrap(), 0);
    // Tenancy's version opens it.
    let told = PlaceTold {
        moved_from: Some(from),
        ..World::place_told(to, athens, 2)
    };
    world.tell_place(told).await;
    assert_eq!(stage.place(to).await.unwrap().state, PlaceState::Active);
    let gone = PlaceTold {
        state: PlaceState::Deleted,
        ..World::place_told(from, athens, 2)
    };
    world.tell_place(gone).await;
    assert_eq!(stage.place(from).await.unwrap().state, PlaceState::Deleted);
}

async fn a_holder_who_is_no_member_gives_way_to_the_accounts_own(world: World) {
    let stage = stage(world).await;
    stage.relocate(stage.by_operator(2)).await.unwrap();
    let world = &stage.world;
    assert!(world.roles(stage.to, stage.olga, &stage.athens).await.is_empty());
    assert_eq!(world.roles(stage.to, stage.otto, &stage.athens).await, ["owner"]);
}

async fn a_name_that_is_taken_refuses_the_move_for_good_under_its_version(world: World) {
    let stage = stage(world).await;
    let (world, operator) = (&stage.world, stage.world.operator());
    stage.let_in(stage.olga).await;
    world
        .run(&operator, stage.from, register("chart:c1", &stage.athens))
        .await
        .unwrap();
    let other = Scope::Account(stage.to);
    world
        .run(&operator, stage.to, register("chart:c1", &other))
        .await
        .unwrap();
    let refused = stage.relocate(stage.relocation(stage.olga, 2)).await.unwrap_err();
    assert_eq!(refused.code(), Code::AlreadyExists);
    assert_eq!(refused.metadata(), [("resources", "chart:c1".to_owned())]);
    // The name is free now, but a call of that version that is still under way comes too late.
    let unregister = bailiwick_authorization_core::resource::unregister::Unregister {
        name: name("chart:c1"),
    };
    world.run(&operator, stage.to, unregister).await.unwrap();
    assert_eq!(
        code(stage.relocate(stage.relocation(stage.olga, 2)).await),
        Code::FailedPrecondition
    );
    assert_eq!(stage.place(stage.from).await.unwrap().state, PlaceState::Active);
    stage.relocate(stage.relocation(stage.olga, 3)).await.unwrap();
    assert_eq!(stage.place(stage.to).await.unwrap().state, PlaceState::Moving);
}

async fn a_mover_needs_both_rights_and_learns_nothing_without_them(world: World) {
    let stage = stage(world).await;
    // One owns what moves, the other owns where it would go.
    for (mover, version) in [(stage.olga, 2), (stage.otto, 3)] {
        let refused = stage.relocate(stage.relocation(mover, version)).await;
        assert_eq!(code(refused), Code::PermissionDenied);
        assert_eq!(stage.place(stage.from).await.unwrap().state, PlaceState::Active);
        // Each refusal uses a version up, which tenancy would tell.
        let told = World::place_told(stage.from, &stage.athens, version);
        stage.world.tell_place(told).await;
    }
    let unknown = Relocation {
        target: AccountId::generate(&*stage.world.ports.ids),
        ..stage.relocation(stage.olga, 4)
    };
    assert_eq!(code(stage.relocate(unknown).await), Code::PermissionDenied);
}

async fn a_preview_tells_what_the_move_does_and_writes_nothing(world: World) {
    let stage = stage(world).await;
    stage.let_in(stage.olga).await;
    let rep = stage.world.member("rep@a.example", stage.from).await;
    let operator = stage.world.operator();
    stage
        .world
        .assign(&operator, stage.from, (rep, "reporting", &stage.athens))
        .await
        .unwrap();
    let by = by_suite(&Target::none());
    let of = stage.relocation(stage.olga, 2);
    let effects = relocation::preview(&stage.world.ports, &by, &of).await.unwrap();
    let effect = |user: UserId| {
        effects
            .iter()
            .find(|effect| effect.subject == Subject::user(user))
    };
    let lost = effect(rep).unwrap();
    assert_eq!(
        (lost.on.to_string(), lost.account),
        (stage.athens.to_string(), stage.from)
    );
    assert!(lost.gains.is_empty() && lost.loses.contains(&"chart.edit".to_owned()));
    let gained = effect(stage.otto).unwrap();
    assert_eq!(gained.account, stage.to);
    assert!(gained.loses.is_empty() && gained.gains.contains(&"chart.edit".to_owned()));
    assert_eq!(stage.place(stage.from).await.unwrap().state, PlaceState::Active);
    assert!(stage.place(stage.to).await.is_none());
    // Without the right it tells nothing.
    let refused = relocation::preview(&stage.world.ports, &by, &stage.relocation(rep, 2)).await;
    assert_eq!(code(refused), Code::PermissionDenied);
}

async fn within_an_account_what_is_inherited_changes_and_type_grants_go_on(world: World) {
    let ada = world.person("ada@a.example").await;
    let account = world.account("sogolytics", Some(ada), 0).await;
    let (old, new) = (world.instance(account).await, world.instance(account).await);
    let scope = Scope::Workspace(bailiwick_types::WorkspaceId::generate(&*world.ports.ids));
    let told = PlaceTold {
        parent: old.clone(),
        ..World::place_told(account, &scope, 1)
    };
    world.tell_place(told).await;
    let (operator, kim) = (world.operator(), world.member("kim@a.example", account).await);
    world
        .run(&operator, account, register("project:p", &scope))
        .await
        .unwrap();
    let types = |scope| About::Type {
        of: "project".to_owned(),
        scope,
        applies_to: AppliesTo::Existing,
    };
    let of = grant(
        Subject::user(kim),
        &["project.view"],
        types(Scope::Account(account)),
    );
    world.run(&operator, account, of).await.unwrap();
    let of = Relocation {
        account,
        scope: scope.clone(),
        target: account,
        parent: new.clone(),
        version: version_of(2),
        mover: Some(Mover {
            subject: operator.subject().clone(),
            operator: true,
            target_operator: true,
        }),
    };
    let by = by_suite(&Target::none());
    relocation::relocate(&world.ports, &by, of.clone()).await.unwrap();
    relocation::relocate(&world.ports, &by, of).await.unwrap();
    let read = world.read(account).await;
    let places = read.places(&[scope.uuid().unwrap()]).await.unwrap();
    let place = places.into_iter().find(|place| place.scope == scope).unwrap();
    assert_eq!((place.parent, place.state), (new.clone(), PlaceState::Moving));
    let project = read.resource(&name("project:p")).await.unwrap().unwrap();
    assert_eq!(project.revision, read.revision().await.unwrap());
    let grants = read
        .grants(&grant::Filter::of(&Subject::user(kim)), None, 9)
        .await
        .unwrap();
    assert_eq!(grants.len(), 2);
    assert!(
        grants
            .iter()
            .any(|one| one.about == types(scope.clone()) && one.revision == project.revision)
    );
    let told = PlaceTold {
        parent: new,
        ..World::place_told(account, &scope, 2)
    };
    world.tell_place(told).await;
    let places = world
        .read(account)
        .await
        .places(&[scope.uuid().unwrap()])
        .await
        .unwrap();
    let place = places.into_iter().find(|place| place.scope == scope).unwrap();
    assert_eq!((place.state, place.closed_version), (PlaceState::Active, None));
}

async fn a_repeated_move_changes_nothing_and_two_targets_get_one_workspace(world: World) {
    let stage = stage(world).await;
    let third = stage.world.account("e-satisfaction", None, 0).await;
    let elsewhere = Relocation {
        target: third,
        parent: Scope::Account(third),
        ..stage.by_operator(2)
    };
    let (one, other, same) = tokio::join!(
        stage.relocate(stage.by_operator(2)),
        stage.relocate(elsewhere),
        stage.relocate(stage.by_operator(2)),
    );
    assert!(one.is_ok() || other.is_ok() || same.is_ok());
    let at = async |account| stage.place(account).await.is_some();
    assert!(at(stage.to).await != at(third).await);
    assert_eq!(stage.place(stage.from).await.unwrap().state, PlaceState::Deleted);
    let before = stage.world.read(stage.from).await.revision().await.unwrap();
    stage.relocate(stage.by_operator(2)).await.unwrap();
    assert_eq!(
        stage.world.read(stage.from).await.revision().await.unwrap(),
        before
    );
}

async fn a_follower_moves_what_no_call_has_moved(world: World) {
    let stage = stage(world).await;
    let (world, operator) = (&stage.world, stage.world.operator());
    world
        .run(&operator, stage.from, register("chart:c1", &stage.athens))
        .await
        .unwrap();
    let of = Relocation {
        mover: None,
        ..stage.relocation(stage.olga, 2)
    };
    let roots = [stage.from, stage.to].map(bailiwick_types::ScopeRoot::Account);
    for expected in [true, false] {
        let mut unit = world.write(&roots).await;
        let (ids, now) = (&*world.ports.ids, world.now());
        let moved = relocation::arrive_unasked(&mut *unit, ids, now, &witness::system(), &of).await;
        assert_eq!(moved.unwrap(), expected);
        unit.commit().await.unwrap();
    }
    assert!(
        world
            .read(stage.to)
            .await
            .resource(&name("chart:c1"))
            .await
            .unwrap()
            .is_some()
    );
    assert!(
        world
            .read(stage.from)
            .await
            .resource(&name("chart:c1"))
            .await
            .unwrap()
            .is_none()
    );
    let told = PlaceTold {
        moved_from: Some(stage.from),
        ..World::place_told(stage.to, &stage.athens, 2)
    };
    world.tell_place(told).await;
    assert_eq!(stage.place(stage.to).await.unwrap().state, PlaceState::Active);
    assert_eq!(world.roles(stage.to, stage.otto, &stage.athens).await, ["owner"]);
    let filter = approval::Filter::default();
    assert!(
        world
            .read(stage.from)
            .await
            .approvals(&filter, None, 9)
            .await
            .unwrap()
            .is_empty()
    );
}

async fn grants_around_the_target_are_given_by_those_alone_who_hold_them(world: World) {
    let stage = stage(world).await;
    let (world, operator) = (&stage.world, stage.world.operator());
    // May move the workspace and sees its charts, and no more.
    let max = world.member("max@a.example", stage.from).await;
    stage.let_in(max).await;
    let about = About::Scope(stage.athens.clone());
    let of = grant(Subject::user(max), &["workspace.move", "chart.view"], about);
    world.run(&operator, stage.from, of).await.unwrap();
    // What the mover would come to hold itself refuses it already.
    let refused = stage.relocate(stage.relocation(max, 2)).await;
    assert_eq!(code(refused), Code::PermissionDenied);
    let kim = world.member("kim@b.example", stage.to).await;
    let about = About::Scope(Scope::Account(stage.to));
    let of = grant(Subject::user(kim), &["chart.view"], about);
    world.run(&operator, stage.to, of).await.unwrap();
    // An operator may give others what its own role does not have.
    stage.relocate(stage.by_operator(3)).await.unwrap();
}
