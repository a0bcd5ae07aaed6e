//! API keys: what a key serves for and its maker may do, both.

use std::sync::Arc;

use async_trait::async_trait;
use bailiwick_types::{
    AccountId, Guard, Held, OperatorAllowed, Refusal, Rights, RightsError, Rows, Scope, Sight, Subject,
    Target, UserId, WorkspaceId,
    method::{authorization as a, identity as i, tenancy as t},
};

use super::{Given, Once, account, authorize, guard, key};

fn workspace(n: u128) -> Scope {
    Scope::Workspace(WorkspaceId::from_uuid(uuid::Uuid::from_u128(n)))
}

fn all() -> Given {
    Given {
        in_account: Some(account(1)),
        operator: true,
        ..Given::default()
    }
}

fn on(scope: &Scope) -> Target {
    Target::scope(account(1), scope)
}

/// Places of account 1, by their names alone: workspace 2 lies in workspace 1 and nothing else does.
struct Nested;

#[async_trait]
impl Rights for Nested {
    async fn held(
        &self,
        _: &Subject,
        _: Option<AccountId>,
        _: &str,
        targets: &[String],
        _: OperatorAllowed,
    ) -> Result<Held, RightsError> {
        Ok(Held {
            allowed: vec![true; targets.len()],
            operator: false,
        })
    }
    async fn held_within(
        &self,
        _: &Subject,
        of: AccountId,
        _: &str,
        targets: &[String],
        within: &Scope,
    ) -> Result<Held, RightsError> {
        assert_eq!((of, within), (account(1), &workspace(1)));
        let inside = [workspace(1), workspace(2)].map(|scope| scope.to_string());
        Ok(Held {
            allowed: targets.iter().map(|target| inside.contains(target)).collect(),
            operator: false,
        })
    }
}

#[tokio::test]
async fn a_key_serves_for_its_permissions_alone_although_its_maker_has_more() {
    let (guard, given) = guard(all());
    let caller = key(account(1), None, &["workspace.view"]);
    let target = on(&workspace(1));
    authorize::<t::GetWorkspace>(&guard, &caller, &target)
        .await
        .unwrap();
    let asked = given.asked.lock().unwrap().len();
    let refused = authorize::<t::UpdateWorkspace>(&guard, &caller, &target).await;
    assert!(matches!(refused, Err(Refusal::Denied)), "{refused:?}");
    assert_eq!(given.asked.lock().unwrap().len(), asked, "nobody is asked");
    let (_, _, _, operator) = given.asked.lock().unwrap()[0].clone();
    assert_eq!(
        operator,
        OperatorAllowed::No,
        "a role of the deployment never counts"
    );
}

#[tokio::test]
async fn a_key_serves_for_nothing_that_its_maker_may_not() {
    let (guard, _) = guard(Given::default());
    let caller = key(account(1), None, &["workspace.*"]);
    let refused = authorize::<t::GetWorkspace>(&guard, &caller, &on(&workspace(1))).await;
    assert!(matches!(refused, Err(Refusal::Denied)), "{refused:?}");
}

#[tokio::test]
async fn a_key_of_an_operator_does_not_operate() {
    let operates = Given {
        operator: true,
        ..Given::default()
    };
    let (guard, _) = guard(operates);
    let caller = key(account(1), None, &[]);
    let account_target = Target::account(account(1));
    for target in [&account_target, &Target::none()] {
        let refused = authorize::<t::SuspendAccount>(&guard, &caller, target).await;
        assert!(matches!(refused, Err(Refusal::Denied)), "{refused:?}");
        let refused = authorize::<t::GetAccount>(&guard, &caller, target).await;
        assert!(matches!(refused, Err(Refusal::Denied)), "{refused:?}");
    }
}

#[tokio::test]
async fn a_key_serves_in_its_account_alone() {
    let (guard, _) = guard(Given {
        in_account: Some(account(2)),
        ..all()
    });
    let caller = key(account(1), None, &[]);
    let refused = authorize::<t::GetAccount>(&guard, &caller, &Target::account(account(2))).await;
    assert!(matches!(refused, Err(Refusal::Denied)), "{refused:?}");
}

#[tokio::test]
async fn a_key_for_a_place_serves_there_and_below() {
    let guard = Guard::new(Arc::new(Nested), Arc::new(Once::default()));
    let caller = key(account(1), Some(workspace(1)), &["workspace.*"]);
    for (scope, passes) in [
        (workspace(1), true),
        (workspace(2), true),
        (workspace(3), false),
        (Scope::Account(account(1)), false),
    ] {
        let passed = authorize::<t::GetWorkspace>(&guard, &caller, &on(&scope)).await;
        assert_eq!(passed.is_ok(), passes, "{scope}");
    }
    let declared = <t::ListWorkspaces as bailiwick_types::Method>::DECLARATION;
    let scopes = [workspace(3), workspace(2)];
    let shown = guard.filter(declared, &caller, Some(account(1)), &scopes).await;
    assert_eq!(shown.unwrap(), [false, true]);
}

#[tokio::test]
async fn where_it_cannot_be_told_what_lies_in_a_place_a_key_for_it_serves_nowhere() {
    // These rights do not know of places.
    let (guard, _) = guard(all());
    let caller = key(account(1), Some(workspace(1)), &["workspace.*"]);
    let refused = authorize::<t::GetWorkspace>(&guard, &caller, &on(&workspace(1))).await;
    assert!(matches!(refused, Err(Refusal::Denied)), "{refused:?}");
}

#[tokio::test]
async fn a_key_gives_and_takes_nothing_and_does_nothing_for_its_maker() {
    let (guard, _) = guard(all());
    let caller = key(account(1), None, &[]);
    let own = Subject::user(UserId::from_uuid(uuid::Uuid::from_u128(1)));
    let target = Target::account(account(1)).owned_by(own);
    macro_rules! denied {
        ($($method:ty),*) => {$(
            let refused = authorize::<$method>(&guard, &caller, &target).await;
            assert!(matches!(refused, Err(Refusal::Denied)), "{refused:?}");
        )*};
    }
    denied!(
        i::CreateApiKey,
        i::CreateServiceAccount,
        i::ChangePassword,
        a::ApproveRequest,
        a::RequestApproval,
        a::AssignRole,
        a::CreateGrant
    );
    // What is the maker's own is no matter of the key's: it needs the permission.
    let few = key(account(1), None, &["workspace.view"]);
    let refused = authorize::<i::RevokeApiKey>(&guard, &few, &target).await;
    assert!(matches!(refused, Err(Refusal::Denied)), "{refused:?}");
    authorize::<i::RevokeApiKey>(&guard, &caller, &target)
        .await
        .unwrap();
}

#[tokio::test]
async fn a_list_shows_a_key_no_rows_of_its_maker() {
    let (guard, _) = guard(Given::default());
    let caller = key(account(1), None, &["api_key.manage"]);
    let refused = guard.authorize_rows::<i::ListApiKeys>(&caller, account(1)).await;
    assert!(matches!(refused, Err(Refusal::Denied)), "{refused:?}");
    let (guard, _) = super::guard(all());
    let (_, rows) = guard
        .authorize_rows::<i::ListApiKeys>(&caller, account(1))
        .await
        .unwrap();
    assert_eq!(rows, Rows::All);
    let declared = <a::ListResourcesInScope as bailiwick_types::Method>::DECLARATION;
    for (place, permission, expected) in [
        (None, "api_key.manage", Sight::Nothing),
        (None, "survey.view", Sight::Allowed),
        (Some(workspace(1)), "survey.*", Sight::Within),
    ] {
        let caller = key(account(1), place, &[permission]);
        let sight = guard.sight(declared, &caller, account(1), "survey").await;
        assert_eq!(sight.unwrap(), expected, "{permission}");
    }
    let targets = ["survey:1".to_owned()];
    let shown = guard
        .filter_resources(declared, &caller, account(1), "survey", &targets)
        .await;
    assert_eq!(shown.unwrap(), [false], "the key does not list `survey.view`");
}
