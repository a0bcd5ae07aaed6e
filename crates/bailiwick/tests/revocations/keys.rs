//! API keys: in every process, with the rights that their maker has at the moment.

use bailiwick_client::{Client, Credentials};
use bailiwick_proto::{
    authorization::v1::{
        ApplyProductRequest, AssignRoleRequest, GetResourceRequest, ListResourcesInScopeRequest,
        RegisterResourceRequest, RemoveMemberRequest, RevokeRoleRequest,
    },
    identity::v1::{CreateApiKeyRequest, CreateUserRequest, RevokeApiKeyRequest, SignInRequest},
    tenancy::v1::{
        CreateWorkspaceRequest, GetAccountRequest, GetWorkspaceRequest, ListWorkspacesRequest,
        UpdateWorkspaceRequest, Workspace,
    },
};
use bailiwick_testkit::eventually;
use bailiwick_types::{Clock as _, SystemClock};
use tonic::{Code, Status};

use crate::{
    fleet::Fleet,
    support::{PASSWORD, PATIENCE, operator, setup},
};

const EMAIL: &str = "ada@example.com";

const KEYED: &str = "
product: keyed
levels: {account: {title: Account}, workspace: {title: Store}}
subjects: {user: members}
types:
  note: {verbs: [create, view, edit, delete], implies: {edit: [view]}}
roles:
  editor:
    levels:
      account: {permissions: [note.*, account.view, workspace.*, user.*, api_key.manage], assigns: [editor]}
";

/// What a key may do.
const PERMISSIONS: [&str; 5] = [
    "account.view",
    "workspace.view",
    "note.view",
    "note.create",
    "user.invite",
];

struct World {
    fleet: Fleet,
    root: Client,
    account: String,
    /// Of the account.
    stores: Vec<String>,
    user: String,
    /// The maker, signed in for the account.
    ada: Client,
}

fn code<T>(answer: Result<T, Status>) -> Code {
    answer.map_or_else(|status| status.code(), |_| Code::Ok)
}

impl World {
    async fn start() -> Self {
        let fleet = Fleet::start().await;
        let [root, _] = fleet.clients(&operator());
        let apply = ApplyProductRequest {
            manifest: KEYED.into(),
            ..Default::default()
        };
        root.authorization().product().apply_product(apply).await.unwrap();
        let account = setup::account(&root, "keyed", "Keyed", None).await;
        let mut stores = Vec::new();
        for title in ["One", "Two"] {
            let create = CreateWorkspaceRequest {
                account: account.clone(),
                title: title.into(),
                ..Default::default()
            };
            let made = root.tenancy().workspace().create_workspace(create).await.unwrap();
            stores.push(made.into_inner().workspace.unwrap().workspace);
        }
        let create = CreateUserRequest {
            email: EMAIL.into(),
            email_verified: true,
            password: PASSWORD.into(),
            ..Default::default()
        };
        let made = root.identity().user().create_user(create).await.unwrap();
        let user = made.into_inner().user.unwrap().user;
        setup::member(&root, &account, &user, "editor").await;
        let request = SignInRequest {
            email: EMAIL.into(),
            password: PASSWORD.into(),
            account: account.clone(),
            ..Default::default()
        };
        let signed_in = root.identity().authentication().sign_in(request).await.unwrap();
        let access = signed_in.into_inner().tokens.unwrap().access_token;
        let [ada, _] = fleet.clients(&Credentials::Bearer(access.into()));
        Self {
            fleet,
            root,
            account,
            stores,
            user,
            ada,
        }
    }

    /// Makes a key in a place; the answer has its id and its text.
    async fn key(&self, scope: &str) -> (String, String) {
        self.key_for(scope, &PERMISSIONS).await
    }

    async fn key_for(&self, scope: &str, permissions: &[&str]) -> (String, String) {
        let month = 30 * 86_400;
        let request = CreateApiKeyRequest {
            account: self.account.clone(),
            title: "Reports".into(),
            scope: scope.into(),
            permissions: permissions.iter().map(|one| (*one).to_owned()).collect(),
            expire_time: Some(prost_types::Timestamp {
                seconds: SystemClock.now().seconds() + month,
                nanos: 0,
            }),
            ..Default::default()
        };
        let made = self.ada.identity().api_key().create_api_key(request).await;
        let made = made.unwrap().into_inner();
        (made.api_key.unwrap().api_key, made.secret)
    }

    /// What the two processes of tenancy and of authorization let a key do, method by method.
    async fn does(&self, key: &str) -> Vec<[Code; 2]> {
        let mut all = Vec::new();
        for client in self.fleet.clients(&Credentials::Bearer(key.to_owned().into())) {
            let account = || self.account.clone();
            let (tenancy, authorization) = (client.tenancy(), client.authorization());
            let view = GetAccountRequest { account: account() };
            let mut codes = vec![code(tenancy.account().get_account(view).await)];
            for store in &self.stores {
                let view = GetWorkspaceRequest {
                    account: account(),
                    workspace: store.clone(),
                };
                codes.push(code(tenancy.workspace().get_workspace(view).await));
            }
            let update = UpdateWorkspaceRequest {
                account: account(),
                workspace: self.stores[0].clone(),
                changes: Some(Workspace {
                    title: "Renamed".into(),
                    ..Default::default()
                }),
                ..Default::default()
            };
            codes.push(code(tenancy.workspace().update_workspace(update).await));
            for resource in ["note:0", "note:1"] {
                let view = GetResourceRequest {
                    account: account(),
                    resource: resource.into(),
                };
                codes.push(code(authorization.resource().get_resource(view).await));
            }
            let assign = AssignRoleRequest {
                account: account(),
                subject: format!("user:{}", self.user),
                role: "editor".into(),
                scope: format!("account:{}", account()),
                ..Default::default()
            };
            codes.push(code(authorization.binding().assign_role(assign).await));
            all.push(codes);
        }
        let second = all.pop().unwrap();
        let first = all.pop().unwrap();
        first
            .into_iter()
            .zip(second)
            .map(|(one, other)| [one, other])
            .collect()
    }

    async fn come_to(&self, key: &str, why: &str, expected: &[Code]) {
        let expected: Vec<[Code; 2]> = expected.iter().map(|code| [*code; 2]).collect();
        let last = std::cell::RefCell::new(Vec::new());
        let done = async || {
            *last.borrow_mut() = self.does(key).await;
            *last.borrow() == expected
        };
        let waited = tokio::time::timeout(PATIENCE, async {
            while !done().await {
                tokio::task::yield_now().await;
            }
        });
        assert!(waited.await.is_ok(), "{why}: {:?}", last.borrow());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_key_has_what_its_maker_has_now_and_a_revoked_one_is_refused_everywhere() {
    let mut world = World::start().await;
    let workspace = |n: usize| format!("workspace:{}", world.stores[n]);
    for n in 0..2 {
        let register = RegisterResourceRequest {
            account: world.account.clone(),
            resource: format!("note:{n}"),
            scope: workspace(n),
            ..Default::default()
        };
        let mut service = world.root.authorization().resource();
        service.register_resource(register).await.unwrap();
    }
    let (id, key) = world.key("").await;
    let (_, placed) = world.key(&workspace(0)).await;
    let (ok, no) = (Code::Ok, Code::PermissionDenied);
    // It renames nothing and gives no role, although its maker could.
    world
        .come_to(&key, "the whole account", &[ok, ok, ok, no, ok, ok, no])
        .await;
    world
        .come_to(&placed, "one store", &[no, ok, no, no, ok, no, no])
        .await;

    // Lists show what the key may see, and a resource is registered where it serves.
    let [client, _] = world.fleet.clients(&Credentials::Bearer(placed.clone().into()));
    let list = ListWorkspacesRequest {
        account: world.account.clone(),
        ..Default::default()
    };
    let listed = client.tenancy().workspace().list_workspaces(list).await.unwrap();
    let listed: Vec<String> = listed
        .into_inner()
        .workspaces
        .into_iter()
        .map(|one| one.workspace)
        .collect();
    assert_eq!(listed, world.stores[..1]);
    for (n, expected) in [(0, ok), (1, no)] {
        let register = RegisterResourceRequest {
            account: world.account.clone(),
            resource: format!("note:by-key-{n}"),
            scope: workspace(n),
            ..Default::default()
        };
        let made = client
            .authorization()
            .resource()
            .register_resource(register)
            .await;
        assert_eq!(code(made), expected, "in store {n}");
    }

    let resources = async |client: &Client| {
        let list = ListResourcesInScopeRequest {
            account: world.account.clone(),
            r#type: "note".into(),
            ..Default::default()
        };
        let listed = client
            .authorization()
            .resource()
            .list_resources_in_scope(list)
            .await;
        let listed = listed.unwrap().into_inner().resources;
        let mut names: Vec<String> = listed.into_iter().map(|one| one.resource).collect();
        names.sort();
        names
    };
    assert_eq!(resources(&client).await, ["note:0", "note:by-key-0"]);
    assert_eq!(resources(&world.ada).await, ["note:0", "note:1", "note:by-key-0"]);
    let blind = world.key_for("", &["account.view"]).await.1;
    let [blind, _] = world.fleet.clients(&Credentials::Bearer(blind.into()));
    assert_eq!(resources(&blind).await, [""; 0], "the key names no notes");

    // The maker loses its role and gets it back.
    let nothing = [no; 7];
    let revoke = RevokeRoleRequest {
        account: world.account.clone(),
        subject: format!("user:{}", world.user),
        role: "editor".into(),
        scope: format!("account:{}", world.account),
        ..Default::default()
    };
    world
        .root
        .authorization()
        .binding()
        .revoke_role(revoke)
        .await
        .unwrap();
    world.come_to(&key, "maker lost the role", &nothing).await;
    setup::assign(&world.root, &world.account, &world.user, "editor").await;
    world
        .come_to(&key, "maker has the role again", &[ok, ok, ok, no, ok, ok, no])
        .await;

    // A revoked key is refused by all, also by those that start later; the other one goes on.
    world.fleet.accepted(&key, &world.user).await;
    let revoke = RevokeApiKeyRequest {
        account: world.account.clone(),
        api_key: id,
    };
    world
        .ada
        .identity()
        .api_key()
        .revoke_api_key(revoke)
        .await
        .unwrap();
    world.fleet.refused_for_good(&key, &world.user).await;
    world.fleet.restart().await;
    world.fleet.accepted(&placed, &world.user).await;
    world.fleet.refused_for_good(&key, &world.user).await;

    let remove = RemoveMemberRequest {
        account: world.account.clone(),
        user: world.user.clone(),
        ..Default::default()
    };
    world
        .root
        .authorization()
        .member()
        .remove_member(remove)
        .await
        .unwrap();
    world.come_to(&placed, "maker no member any more", &nothing).await;
    let disable = bailiwick_proto::identity::v1::DisableUserRequest {
        user: world.user.clone(),
    };
    world.root.identity().user().disable_user(disable).await.unwrap();
    world.fleet.refused_for_good(&placed, &world.user).await;
    let refused = async || world.does(&placed).await == [[Code::Unauthenticated; 2]; 7];
    eventually("nothing is allowed", PATIENCE, refused).await;
}
