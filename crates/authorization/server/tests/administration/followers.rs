//! What is replicated from tenancy and identity.

use bailiwick_authorization_core::{
    closing::{
        self,
        scope::{Close, close},
    },
    follow::{AccountTold, PersonTold, PlaceTold, Refusal, Way, account_changed},
    member::look_up::look_up,
    person::{PersonState, ServiceAccount},
};
use bailiwick_policy::PlaceState;
use bailiwick_testkit::witness;
use bailiwick_types::{
    AccountId, InstanceId, Scope, ScopeRoot, ServiceAccountId, SourceVersion, Subject, Target, WorkspaceId,
};

use crate::world::{World, by_suite, version_of};

async fn state(world: &World, account: AccountId) -> PlaceState {
    let read = world.read(account).await;
    read.account().await.unwrap().unwrap().state
}

async fn close_scope(world: &World, closed: Close) {
    let by = by_suite(&Target::none());
    close(&world.ports, &by, closed).await.unwrap();
}

async fn old_events_are_skipped_and_do_not_open_what_is_closed(world: World) {
    let account = world.account("one-question", None, 0).await;
    let told = |version, title: &str| AccountTold {
        title: title.to_owned(),
        ..world.account_told(account, "one-question", version)
    };
    world.tell_account(told(3, "Three")).await;
    world.tell_account(told(2, "Two")).await;
    let read = world.read(account).await;
    assert_eq!(read.account().await.unwrap().unwrap().title, "Three");
    drop(read);
    let scope = Scope::Account(account);
    let closed = Close {
        account,
        scope,
        version: version_of(5),
        state: PlaceState::Suspended,
    };
    close_scope(&world, closed).await;
    assert_eq!(state(&world, account).await, PlaceState::Suspended);
    world.tell_account(told(4, "Four")).await;
    assert_eq!(state(&world, account).await, PlaceState::Suspended);
    world.tell_account(told(6, "Six")).await;
    assert_eq!(state(&world, account).await, PlaceState::Active);
}

async fn a_place_that_is_closed_before_it_is_replicated_arrives_closed(world: World) {
    let account = world.account("one-question", None, 0).await;
    let scope = Scope::Instance(InstanceId::generate(&*world.ports.ids));
    let closed = Close {
        account,
        scope: scope.clone(),
        version: version_of(2),
        state: PlaceState::Deleted,
    };
    close_scope(&world, closed).await;
    world.tell_place(World::place_told(account, &scope, 1)).await;
    let read = world.read(account).await;
    let place = read.places(&[scope.uuid().unwrap()]).await.unwrap().remove(0);
    assert_eq!((place.state, place.version), (PlaceState::Deleted, version_of(1)));
}

async fn an_event_about_an_account_of_an_unknown_product_is_refused(world: World) {
    let id = AccountId::generate(&*world.ports.ids);
    let mut unit = world.write(&[ScopeRoot::Account(id)]).await;
    unit.select(witness::system().account(id).read());
    let told = world.account_told(id, "no-such-product", 1);
    let refused = account_changed(&mut *unit, &*world.ports.ids, world.now(), told).await;
    assert!(matches!(refused, Err(Refusal::Content(_))), "{refused:?}");
}

async fn a_new_scope_has_its_holder(world: World) {
    let (olga, wade) = (
        world.person("olga@example.com").await,
        world.person("wade@example.com").await,
    );
    let account = world.account("e-satisfaction", Some(olga), 0).await;
    world.join(wade, account).await.unwrap();
    let scope = Scope::Workspace(WorkspaceId::generate(&*world.ports.ids));
    let told = World::place_told(account, &scope, 1);
    world
        .tell_place(PlaceTold {
            owner: Some(Subject::user(wade)),
            ..told
        })
        .await;
    assert_eq!(world.roles(account, wade, &scope).await, ["owner"]);
    assert_eq!(world.roles(account, olga, &scope).await, Vec::<String>::new());
    // Where no role has a single holder, the owner of a new account gets the role that must have one.
    let ada = world.person("ada@example.com").await;
    let hotel = world.account("one-question", Some(ada), 0).await;
    assert_eq!(world.roles(hotel, ada, &Scope::Account(hotel)).await, ["admin"]);
    let active = async |account| {
        let by = by_suite(&Target::account(account));
        look_up(&world.ports, &by, ada).await.unwrap()
    };
    assert!(active(hotel).await);
    assert!(!active(account).await);
}

async fn a_service_account_has_its_role_while_it_is_enabled(world: World) {
    let id = ServiceAccountId::generate(&*world.ports.ids);
    let root = ScopeRoot::Product("one-question".parse().unwrap());
    let tell = async |version, enabled| {
        let told = ServiceAccount {
            id,
            version: version_of(version),
            closed_version: None,
            enabled,
            root: root.clone(),
            role: Some("service".to_owned()),
            creator: None,
        };
        world.tell_service(told).await;
        let read = world.read_all().await;
        read.has_root_binding(&root, &Subject::service(id), "service")
            .await
            .unwrap()
    };
    assert!(tell(1, true).await);
    assert!(!tell(2, false).await);
    assert!(!tell(1, true).await);
    assert!(tell(3, true).await);
    // Closed before identity disables it; an older event is still on its way.
    let by = by_suite(&Target::none());
    let close = closing::service_account::Close {
        id,
        version: version_of(5),
    };
    closing::service_account::close(&world.ports, &by, close)
        .await
        .unwrap();
    assert!(!tell(4, true).await);
    assert!(!tell(5, false).await);
    assert!(tell(6, true).await);
}

async fn a_service_account_is_closed_before_it_is_replicated(world: World) {
    let account = world.account("one-question", None, 0).await;
    let id = ServiceAccountId::generate(&*world.ports.ids);
    let by = by_suite(&Target::none());
    let close = closing::service_account::Close {
        id,
        version: version_of(2),
    };
    closing::service_account::close(&world.ports, &by, close)
        .await
        .unwrap();
    let told = |version, enabled| ServiceAccount {
        id,
        version: version_of(version),
        closed_version: None,
        enabled,
        root: ScopeRoot::Account(account),
        role: Some("nonsense".to_owned()),
        creator: None,
    };
    world.tell_service(told(1, true)).await;
    let enabled = async || {
        let read = world.read_all().await;
        read.service_account(id).await.unwrap().unwrap().enabled
    };
    assert!(!enabled().await);
    world.tell_service(told(2, false)).await;
    assert!(!enabled().await);
}

async fn the_creator_of_a_service_account_is_kept_once_known(world: World) {
    let (anna, olga) = (
        Subject::user(world.person("anna@example.com").await),
        Subject::user(world.person("olga@example.com").await),
    );
    let id = ServiceAccountId::generate(&*world.ports.ids);
    let tell = async |version, enabled, creator: Option<&Subject>| {
        let told = ServiceAccount {
            id,
            version: version_of(version),
            closed_version: None,
            enabled,
            root: ScopeRoot::Deployment,
            role: None,
            creator: creator.cloned(),
        };
        world.tell_service(told).await;
        let read = world.read_all().await;
        let known = read.service_account(id).await.unwrap().unwrap();
        (known.version.number(), known.enabled, known.creator)
    };
    // Events of a release without creators, then a snapshot of one with them: the version is the same.
    assert_eq!(tell(3, true, None).await, (3, true, None));
    assert_eq!(
        tell(3, false, Some(&anna)).await,
        (3, true, Some(anna.clone())),
        "only the creator is taken from an event that is not newer"
    );
    assert_eq!(tell(4, false, None).await, (4, false, Some(anna.clone())));
    assert_eq!(tell(5, true, Some(&olga)).await, (5, true, Some(anna.clone())));
    assert_eq!(tell(2, false, Some(&olga)).await, (5, true, Some(anna)));
}

async fn what_a_restored_tenancy_tells_and_closes_counts_although_its_versions_are_lower(world: World) {
    let account = world.account("one-question", None, 0).await;
    let (told, restored) = (world.account_told(account, "one-question", 10), |number| {
        SourceVersion::new("restored", number)
    });
    world.tell_account(told.clone()).await;
    // Its snapshot: the account was suspended at version 9.
    let snapshot = AccountTold {
        version: restored(9),
        way: Way::Snapshot,
        state: PlaceState::Suspended,
        ..told.clone()
    };
    world.tell_account(snapshot).await;
    assert_eq!(state(&world, account).await, PlaceState::Suspended);
    let active = AccountTold {
        version: restored(10),
        ..told
    };
    world.tell_account(active).await;
    assert_eq!(state(&world, account).await, PlaceState::Active);
    // A second restore, which the feed has not told of yet: the closure counts at once.
    let close = Close {
        account,
        scope: Scope::Account(account),
        version: SourceVersion::new("restored again", 3),
        state: PlaceState::Suspended,
    };
    close_scope(&world, close).await;
    assert_eq!(state(&world, account).await, PlaceState::Suspended);
}

async fn what_a_restored_identity_tells_and_closes_counts_although_its_versions_are_lower(world: World) {
    let user = world.person("max@example.com").await;
    let person = async || {
        let read = world.read_all().await;
        let person = read.person(user).await.unwrap().unwrap();
        (person.state, person.version)
    };
    world
        .tell_person(user, 7, PersonState::Active, "max@example.com")
        .await;
    let restored = |number| SourceVersion::new("restored", number);
    let by = by_suite(&Target::none());
    let version = restored(6);
    closing::user::close(
        &world.ports,
        &by,
        closing::user::Close {
            user,
            version,
            deletes: None,
        },
    )
    .await
    .unwrap();
    assert_eq!(person().await, (PersonState::Disabled, version_of(7)));
    let told = |number, way, state| PersonTold {
        user,
        version: restored(number),
        way,
        state,
        email: "max@example.com".to_owned(),
        email_verified: true,
        operator: false,
    };
    // The snapshot shows the user before it was disabled; the closure waits for its version.
    world.tell(told(5, Way::Snapshot, PersonState::Active)).await;
    assert_eq!(person().await, (PersonState::Disabled, restored(5)));
    world.tell(told(6, Way::Event, PersonState::Disabled)).await;
    world.tell(told(7, Way::Event, PersonState::Active)).await;
    assert_eq!(person().await, (PersonState::Active, restored(7)));
}

bailiwick_testkit::on_both_engines!(
    what_a_restored_tenancy_tells_and_closes_counts_although_its_versions_are_lower,
    what_a_restored_identity_tells_and_closes_counts_although_its_versions_are_lower,
    old_events_are_skipped_and_do_not_open_what_is_closed,
    a_place_that_is_closed_before_it_is_replicated_arrives_closed,
    an_event_about_an_account_of_an_unknown_product_is_refused,
    a_new_scope_has_its_holder,
    a_service_account_has_its_role_while_it_is_enabled,
    a_service_account_is_closed_before_it_is_replicated,
    the_creator_of_a_service_account_is_kept_once_known,
);
