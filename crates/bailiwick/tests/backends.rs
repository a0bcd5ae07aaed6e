//! A product's backend does its work with a role of the manifest's `services:`, and nothing else: across the
//! real services.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on fails")]

mod support;

use bailiwick_client::{Client, Credentials};
use bailiwick_proto::{
    authorization::v1::{
        AcceptInvitationRequest, ApplyProductRequest, AssignRoleRequest, CheckRequest,
        CreateInvitationRequest, CreateRoleRequest, Decision, ExportFormat, ExportPermissionsRequest,
        GetResourceRequest, ListMembersRequest, ListRolesRequest, RegisterResourceRequest, SetQuotaRequest,
        UnregisterResourceRequest, UpdateResourceRequest,
    },
    identity::v1::{CreateServiceAccountRequest, CreateUserRequest, ListServiceAccountsRequest},
    tenancy::v1::{DeleteAccountRequest, GetAccountRequest, ListAccountsRequest},
};
use support::{Embedded, PASSWORD, setup};
use tonic::{Code, Status};
use tonic_types::StatusExt;

/// A suite with accounts of two products.
struct World {
    _suite: Embedded,
    operator: Client,
    /// Two accounts of sogolytics.
    own: [String; 2],
    /// An account of one-question.
    other: String,
}

impl World {
    async fn start() -> Self {
        let suite = Embedded::start().await;
        let operator = suite.client();
        setup::apply(&operator, "sogolytics").await;
        setup::apply(&operator, "one-question").await;
        let own = [
            setup::account(&operator, "sogolytics", "First", None).await,
            setup::account(&operator, "sogolytics", "Second", None).await,
        ];
        let other = setup::account(&operator, "one-question", "Other", None).await;
        Self {
            _suite: suite,
            operator,
            own,
            other,
        }
    }
    /// A client of another caller, which has seen what was written so far.
    fn of(&self, credentials: Credentials) -> Client {
        self.operator.with_credentials(credentials)
    }
    async fn backend(&self) -> Client {
        let (id, secret) = create(&self.operator, "product:sogolytics", "backend")
            .await
            .unwrap();
        self.of(Credentials::client(id, secret.into()))
    }
    /// A user with a password.
    async fn user(&self, email: &str) -> String {
        let create = CreateUserRequest {
            email: email.into(),
            email_verified: true,
            password: PASSWORD.into(),
            ..Default::default()
        };
        let made = self.operator.identity().user().create_user(create).await;
        made.unwrap().into_inner().user.unwrap().user
    }
    fn signed_in(&self, email: &str, account: Option<&str>) -> Client {
        let account = account.map(str::to_owned);
        self.of(Credentials::password(email, PASSWORD.to_owned().into(), account))
    }
}

async fn create(by: &Client, scope: &str, role: &str) -> Result<(String, String), Status> {
    let create = CreateServiceAccountRequest {
        title: "a service".into(),
        scope: scope.into(),
        role: role.into(),
        ..Default::default()
    };
    let made = by
        .identity()
        .service_account()
        .create_service_account(create)
        .await?;
    let made = made.into_inner();
    Ok((made.service_account.unwrap().service_account, made.secret))
}

async fn register(by: &Client, account: &str, resource: &str) -> Result<(), Status> {
    let request = RegisterResourceRequest {
        account: account.into(),
        resource: resource.into(),
        scope: format!("account:{account}"),
        owner: Some(String::new()),
        title: "Made".into(),
        ..Default::default()
    };
    let resources = by.authorization();
    resources.resource().register_resource(request).await.map(drop)
}

async fn invite(by: &Client, account: &str, email: &str, role: &str) -> Result<String, Status> {
    let request = CreateInvitationRequest {
        account: account.into(),
        email: email.into(),
        roles: vec![role.into()],
        scope: format!("account:{account}"),
        ..Default::default()
    };
    let made = by.authorization().invitation().create_invitation(request).await?;
    Ok(made.into_inner().invitation.unwrap().invitation)
}

async fn check(by: &Client, account: &str, subject: &str, permission: &str) -> Result<Decision, Status> {
    let request = CheckRequest {
        account: account.into(),
        subject: subject.into(),
        permission: permission.into(),
        target: format!("account:{account}"),
        ..Default::default()
    };
    let answer = by.authorization().decision().check(request).await?;
    Ok(answer.into_inner().decision())
}

async fn get(by: &Client, account: &str) -> Result<(), Status> {
    let request = GetAccountRequest {
        account: account.into(),
    };
    by.tenancy().account().get_account(request).await.map(drop)
}

fn denied<T>(what: &str, answer: Result<T, Status>) {
    match answer {
        Ok(_) => panic!("{what}: it was done"),
        Err(status) => assert_eq!(status.code(), Code::PermissionDenied, "{what}: {status:?}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backend_registers_reads_invites_and_asks_in_every_account_of_its_product() {
    let world = World::start().await;
    let backend = world.backend().await;
    for account in &world.own {
        register(&backend, account, "survey:s1").await.unwrap();
        let update = UpdateResourceRequest {
            account: account.clone(),
            resource: "survey:s1".into(),
            title: Some("Changed".into()),
            ..Default::default()
        };
        let resources = backend.authorization();
        let updated = resources.resource().update_resource(update).await.unwrap();
        assert_eq!(updated.into_inner().resource.unwrap().title, "Changed");
        let read = GetResourceRequest {
            account: account.clone(),
            resource: "survey:s1".into(),
        };
        resources.resource().get_resource(read).await.unwrap();
        let unregister = UnregisterResourceRequest {
            account: account.clone(),
            resource: "survey:s1".into(),
            ..Default::default()
        };
        resources
            .resource()
            .unregister_resource(unregister)
            .await
            .unwrap();
        get(&backend, account).await.unwrap();
        let members = ListMembersRequest {
            account: account.clone(),
            ..Default::default()
        };
        backend
            .authorization()
            .member()
            .list_members(members)
            .await
            .unwrap();
    }
    let page = backend
        .tenancy()
        .account()
        .list_accounts(ListAccountsRequest::default())
        .await;
    let mut seen: Vec<String> = page
        .unwrap()
        .into_inner()
        .accounts
        .into_iter()
        .map(|of| of.account)
        .collect();
    seen.sort();
    let mut expected = world.own.to_vec();
    expected.sort();
    assert_eq!(seen, expected, "its own accounts, and no other");

    // Whoever it invites gets in with the role that it named.
    let [first, _] = &world.own;
    let user = world.user("sue@example.com").await;
    let invitation = invite(&backend, first, "sue@example.com", "sub_user")
        .await
        .unwrap();
    let accept = AcceptInvitationRequest {
        account: first.clone(),
        invitation,
        ..Default::default()
    };
    let sue = world.signed_in("sue@example.com", None);
    sue.authorization()
        .invitation()
        .accept_invitation(accept)
        .await
        .unwrap();
    let subject = format!("user:{user}");
    let allowed = check(&backend, first, &subject, "project.create").await.unwrap();
    assert_eq!(allowed, Decision::Allow);
    let denied = check(&backend, first, &subject, "account.delete").await.unwrap();
    assert_eq!(denied, Decision::Deny);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backend_does_nothing_in_another_product_and_nothing_that_its_role_does_not_name() {
    let world = World::start().await;
    let backend = world.backend().await;
    let ([first, _], other) = (&world.own, &world.other);
    // Known, so that a denial is not one of a caller that nobody knows.
    get(&backend, first).await.unwrap();

    denied("register", register(&backend, other, "survey:s1").await);
    denied("get", get(&backend, other).await);
    denied(
        "invite",
        invite(&backend, other, "sue@example.com", "admin").await,
    );
    denied(
        "check",
        check(&backend, other, "user:nobody", "survey.view").await,
    );
    // An account that does not exist answers alike.
    let nowhere = "acct_01h455vb4pex5vsknk084sn02q";
    denied("get nothing", get(&backend, nowhere).await);

    denied(
        "administrator",
        invite(&backend, first, "sue@example.com", "administrator").await,
    );
    let unknown = invite(&backend, first, "sue@example.com", "backend")
        .await
        .unwrap_err();
    assert_eq!(
        unknown.code(),
        Code::InvalidArgument,
        "a role of services is not invited with"
    );
    let assign = AssignRoleRequest {
        account: first.clone(),
        subject: "service:svc_1".into(),
        role: "administrator".into(),
        scope: format!("account:{first}"),
        ..Default::default()
    };
    let mut bindings = backend.authorization().binding();
    denied("assign", bindings.assign_role(assign).await);
    let role = CreateRoleRequest {
        account: first.clone(),
        ..Default::default()
    };
    assert!(backend.authorization().role().create_role(role).await.is_err());
    let roles = ListRolesRequest {
        account: first.clone(),
    };
    denied(
        "roles",
        backend.authorization().role().list_roles(roles.clone()).await,
    );
    let listed = world
        .operator
        .authorization()
        .role()
        .list_roles(roles)
        .await
        .unwrap();
    let names: Vec<String> = listed
        .into_inner()
        .roles
        .into_iter()
        .map(|role| role.name)
        .collect();
    assert!(!names.contains(&"backend".to_owned()), "{names:?}");
    let quota = SetQuotaRequest {
        account: first.clone(),
        user: "user_01h455vb4pex5vsknk084sn02q".into(),
        r#type: "project".into(),
        limit: Some(1),
    };
    denied("quota", backend.authorization().quota().set_quota(quota).await);
    let export = ExportPermissionsRequest {
        account: first.clone(),
        format: ExportFormat::Csv.into(),
        ..Default::default()
    };
    denied(
        "export",
        backend.authorization().export().export_permissions(export).await,
    );
    let delete = DeleteAccountRequest {
        account: first.clone(),
        ..Default::default()
    };
    denied("delete", backend.tenancy().account().delete_account(delete).await);
    let apply = ApplyProductRequest {
        manifest: "product: sogolytics\n".into(),
        ..Default::default()
    };
    denied(
        "apply",
        backend.authorization().product().apply_product(apply).await,
    );
    for scope in [
        "product:sogolytics".to_owned(),
        "deployment".to_owned(),
        format!("account:{first}"),
    ] {
        denied(&scope, create(&backend, &scope, "nonsense").await);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_service_account_is_made_with_a_role_that_it_can_have_there_and_otherwise_not_at_all() {
    let world = World::start().await;
    let account = format!("account:{}", world.own[0]);
    for (scope, role) in [
        ("product:sogolytics", "nonsense"),
        ("product:sogolytics", "owner"),
        ("product:sogolytics", "operator"),
        ("product:sogolytics", "administrator"),
        ("deployment", "service"),
        ("deployment", "backend"),
        (&account, "administrator"),
        (&account, "backend"),
        (&account, "operator"),
        (&account, "sender"),
    ] {
        let refused = create(&world.operator, scope, role).await.unwrap_err();
        assert_eq!(
            refused.code(),
            Code::InvalidArgument,
            "{scope} {role}: {refused:?}"
        );
        let details = refused.get_error_details();
        let violations = &details.bad_request().unwrap().field_violations;
        assert_eq!(violations.len(), 1);
        assert_eq!(violations[0].field, "role");
        let text = &violations[0].description;
        assert!(
            text.contains(&format!("`{role}`")) && text.contains("; available: "),
            "{text}"
        );
    }
    let missing = create(&world.operator, "product:nothing", "service")
        .await
        .unwrap_err();
    assert_eq!(missing.code(), Code::NotFound);
    let list = ListServiceAccountsRequest::default();
    let identity = world.operator.identity();
    let page = identity.service_account().list_service_accounts(list).await;
    assert!(page.unwrap().into_inner().service_accounts.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_account_makes_service_accounts_with_roles_that_its_maker_could_give_itself() {
    let world = World::start().await;
    let [first, second] = &world.own;
    let (ada, sue) = (
        world.user("ada@example.com").await,
        world.user("sue@example.com").await,
    );
    setup::member(&world.operator, first, &ada, "administrator").await;
    setup::member(&world.operator, first, &sue, "sub_user").await;
    let (ada, sue) = (
        world.signed_in("ada@example.com", Some(first)),
        world.signed_in("sue@example.com", Some(first)),
    );
    let here = format!("account:{first}");
    let there = format!("account:{second}");
    let (id, secret) = create(&ada, &here, "sub_user").await.unwrap();
    for scope in [&*there, "product:sogolytics", "deployment"] {
        denied(scope, create(&ada, scope, "sub_user").await);
    }
    for role in ["sub_user", "nonsense", ""] {
        denied(role, create(&sue, &here, role).await);
    }
    // Its tokens serve for the account alone, whatever it is given elsewhere.
    let service = world.of(Credentials::client(id.clone(), secret.into()));
    register(&service, first, "folder:f1").await.unwrap();
    let assign = AssignRoleRequest {
        account: second.clone(),
        subject: format!("service:{id}"),
        role: "sub_user".into(),
        scope: there.clone(),
        ..Default::default()
    };
    let bindings = world.operator.authorization();
    bindings.binding().assign_role(assign).await.unwrap();
    denied("elsewhere", register(&service, second, "folder:f1").await);
}
