//! Two products with accounts, and those who follow them.

use std::path::PathBuf;

use bailiwick_client::{Client, Credentials};
use bailiwick_proto::{
    authorization::v1::{
        AddGroupMemberRequest, ApplyProductRequest, ChangeEvent, ChangeType, CreateGrantRequest,
        CreateGroupRequest, CreateInvitationRequest, CreateRoleRequest, DeleteGrantRequest,
        DeleteRoleRequest, GrantTarget, RegisterResourceRequest, RequestApprovalRequest,
        RevokeInvitationRequest, RevokeRoleRequest, RoleDefinition, RoleEntry, RoleLevel, WatchRequest,
        WatchResponse, change_event::Change, watch_request::Followed,
    },
    identity::v1::{CreateServiceAccountRequest, CreateUserRequest, DisableUserRequest, ListUsersRequest},
    tenancy::v1::{CreateWorkspaceRequest, UpdateSettingsRequest},
};
use serde_json::Value as Json;
use tonic::{Code, Status, Streaming};
use tonic_types::StatusExt;

use crate::support::{Embedded, PASSWORD, setup};

/// A product with services that follow it, and one that does not.
fn manifest(name: &str, title: &str) -> String {
    format!(
        "
product: {name}
title: {title}
levels: {{account: {{title: Account}}, workspace: {{title: Store}}}}
subjects: {{user: members}}
types:
  doc:
    verbs: [create, view, edit, delete]
    approvals: {{delete: {{by: doc.edit, serves: once, expires: 7d}}}}
settings: {{theme: {{type: string, default: plain}}}}
services:
  follower: {{permissions: [change.watch]}}
  blind: {{permissions: [decision.check]}}
roles:
  admin:
    holders: {{at_least: 1}}
    levels: {{account: {{permissions: [{{permission: '*', approval: none}}], assigns: ['*']}}}}
  author: {{levels: {{account: {{permissions: [doc.view, doc.delete]}}}}}}
"
    )
}

pub(crate) struct World {
    suite: Embedded,
    pub(crate) operator: Client,
    /// Two accounts of the product `left`.
    pub(crate) left: [String; 2],
    /// An account of the product `right`.
    pub(crate) right: String,
}

/// What [`everything`] made.
pub(crate) struct Made {
    pub(crate) group: String,
    pub(crate) invitation: String,
    pub(crate) approval: String,
    pub(crate) workspace: String,
    /// A revision of the account before all of it.
    pub(crate) revision: u64,
}

impl World {
    pub(crate) async fn start(environment: &[(&str, &str)]) -> Self {
        let suite = Embedded::start_with(environment).await;
        let operator = suite.client();
        for name in ["left", "right"] {
            apply(&operator, name, "One").await;
        }
        let left = [
            setup::account(&operator, "left", "First", None).await,
            setup::account(&operator, "left", "Second", None).await,
        ];
        let right = setup::account(&operator, "right", "Other", None).await;
        Self {
            suite,
            operator,
            left,
            right,
        }
    }
    pub(crate) async fn restart(&mut self) {
        self.suite.kill();
        self.suite.launch().await;
    }
    pub(crate) fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.suite.port)
    }
    pub(crate) fn password_file(&self) -> PathBuf {
        self.suite.directory.path().join("operator-password")
    }
    pub(crate) async fn service(&self, product: &str, role: &str) -> Client {
        self.service_with_id(product, role).await.1
    }
    pub(crate) async fn service_with_id(&self, product: &str, role: &str) -> (String, Client) {
        self.service_in(&format!("product:{product}"), role).await
    }
    async fn service_in(&self, scope: &str, role: &str) -> (String, Client) {
        let create = CreateServiceAccountRequest {
            title: "a service".into(),
            scope: scope.into(),
            role: role.into(),
            ..Default::default()
        };
        let accounts = self.operator.identity();
        let made = accounts.service_account().create_service_account(create).await;
        let made = made.unwrap().into_inner();
        let id = made.service_account.unwrap().service_account;
        let credentials = Credentials::client(id.clone(), made.secret.into());
        (id, self.operator.with_credentials(credentials))
    }
    /// A member with every permission, signed in to the account.
    pub(crate) async fn admin(&self, account: &str, email: &str) -> Client {
        let create = CreateUserRequest {
            email: email.into(),
            email_verified: true,
            password: PASSWORD.into(),
            ..Default::default()
        };
        let made = self.operator.identity().user().create_user(create).await;
        let user = made.unwrap().into_inner().user.unwrap().user;
        setup::member(&self.operator, account, &user, "admin").await;
        let credentials = Credentials::password(email, PASSWORD.to_owned().into(), Some(account.to_owned()));
        self.operator.with_credentials(credentials)
    }
    pub(crate) async fn id_of(&self, email: &str) -> String {
        let request = ListUsersRequest {
            email: email.into(),
            ..Default::default()
        };
        let found = self.operator.identity().user().list_users(request).await;
        found.unwrap().into_inner().users.remove(0).user
    }
    pub(crate) async fn register(&self, account: &str, resource: &str) {
        register(&self.operator, account, resource).await;
    }
    pub(crate) async fn disable(&self, user: &str) {
        let request = DisableUserRequest { user: user.into() };
        self.operator
            .identity()
            .user()
            .disable_user(request)
            .await
            .unwrap();
    }
    pub(crate) async fn theme(&self, account: &str, theme: &str) {
        let value = prost_types::Value {
            kind: Some(prost_types::value::Kind::StringValue(theme.into())),
        };
        let request = UpdateSettingsRequest {
            account: account.into(),
            values: Some(prost_types::Struct {
                fields: [("theme".to_owned(), value)].into(),
            }),
            ..Default::default()
        };
        let settings = self.operator.tenancy();
        settings.settings().update_settings(request).await.unwrap();
    }
}

pub(crate) async fn apply(client: &Client, name: &str, title: &str) {
    let apply = ApplyProductRequest {
        manifest: manifest(name, title),
        ..Default::default()
    };
    let products = client.authorization();
    products.product().apply_product(apply).await.unwrap();
}

pub(crate) async fn register(client: &Client, account: &str, resource: &str) {
    let request = RegisterResourceRequest {
        account: account.into(),
        resource: resource.into(),
        scope: format!("account:{account}"),
        owner: Some(String::new()),
        ..Default::default()
    };
    let resources = client.authorization();
    resources.resource().register_resource(request).await.unwrap();
}

/// One of each kind in an account, and what undoes it; by the hand of an admin where that is needed.
pub(crate) async fn everything(world: &World, ada: &Client, account: &str, user: &str) -> Made {
    let by = ada.authorization();
    let subject = format!("user:{user}");
    let scope = format!("account:{account}");
    world.register(account, "doc:one").await;
    let grant = CreateGrantRequest {
        account: account.into(),
        subject: subject.clone(),
        permissions: vec!["doc.view".into()],
        target: Some(GrantTarget {
            target: "doc:one".into(),
            ..Default::default()
        }),
        ..Default::default()
    };
    let grant = by.grant().create_grant(grant).await.unwrap().into_inner();
    let delete = DeleteGrantRequest {
        account: account.into(),
        grant: grant.grant.unwrap().grant,
        ..Default::default()
    };
    by.grant().delete_grant(delete).await.unwrap();
    let group = CreateGroupRequest {
        account: account.into(),
        title: "Group".into(),
        ..Default::default()
    };
    let group = by.group().create_group(group).await.unwrap().into_inner();
    let group = group.group.unwrap().group;
    let member = AddGroupMemberRequest {
        account: account.into(),
        group: group.clone(),
        member: subject.clone(),
        ..Default::default()
    };
    by.group().add_group_member(member).await.unwrap();
    let level = RoleLevel {
        permissions: vec![RoleEntry {
            permission: "doc.view".into(),
            ..Default::default()
        }],
        ..Default::default()
    };
    let define = CreateRoleRequest {
        account: account.into(),
        role: Some(RoleDefinition {
            name: "extra".into(),
            title: "Extra".into(),
            levels: [("account".to_owned(), level)].into(),
            ..Default::default()
        }),
    };
    by.role().create_role(define).await.unwrap();
    let delete = DeleteRoleRequest {
        account: account.into(),
        role: "extra".into(),
        ..Default::default()
    };
    by.role().delete_role(delete).await.unwrap();
    let invite = CreateInvitationRequest {
        account: account.into(),
        email: "guest@example.com".into(),
        roles: vec!["author".into()],
        scope: scope.clone(),
        ..Default::default()
    };
    let invitation = by
        .invitation()
        .create_invitation(invite)
        .await
        .unwrap()
        .into_inner();
    let invitation = invitation.invitation.unwrap().invitation;
    let revoke = RevokeInvitationRequest {
        account: account.into(),
        invitation: invitation.clone(),
    };
    by.invitation().revoke_invitation(revoke).await.unwrap();
    let approval = request_approval(world, account).await;
    world.theme(account, "dark").await;
    let create = CreateWorkspaceRequest {
        account: account.into(),
        title: "Store".into(),
        ..Default::default()
    };
    let workspaces = world.operator.tenancy();
    let workspace = workspaces.workspace().create_workspace(create).await.unwrap();
    let workspace = workspace.into_inner().workspace.unwrap().workspace;
    let revoke = RevokeRoleRequest {
        account: account.into(),
        subject,
        role: "author".into(),
        scope,
        ..Default::default()
    };
    by.binding().revoke_role(revoke).await.unwrap();
    apply(&world.operator, "left", "Two").await;
    Made {
        group,
        invitation,
        approval,
        workspace,
        revision: 1,
    }
}

/// An author of the account asks for an approval.
async fn request_approval(world: &World, account: &str) -> String {
    let author = world.service_in(&format!("account:{account}"), "author").await.1;
    let request = RequestApprovalRequest {
        account: account.into(),
        permission: "doc.delete".into(),
        target: "doc:one".into(),
        ..Default::default()
    };
    let made = author.authorization().approval().request_approval(request).await;
    made.unwrap().into_inner().approval.unwrap().approval
}

pub(crate) fn product(name: &str) -> Followed {
    Followed::Product(name.to_owned())
}

pub(crate) fn account(id: &str) -> Followed {
    Followed::Account(id.to_owned())
}

pub(crate) async fn raw(
    client: &Client,
    followed: Option<Followed>,
    types: &[i32],
) -> Result<Streaming<WatchResponse>, Status> {
    let request = WatchRequest {
        followed,
        cursor: String::new(),
        types: types.to_vec(),
    };
    let opened = client.authorization().watch().watch(request).await;
    opened.map(tonic::Response::into_inner)
}

pub(crate) async fn open(
    client: &Client,
    followed: Followed,
    cursor: &str,
    types: &[ChangeType],
) -> Result<Streaming<WatchResponse>, Status> {
    let mut request = tonic::Request::new(WatchRequest {
        followed: Some(followed),
        cursor: cursor.to_owned(),
        types: types.iter().map(|of| (*of).into()).collect(),
    });
    request.set_timeout(std::time::Duration::from_mins(10));
    let opened = client.authorization().watch().watch(request).await;
    opened.map(tonic::Response::into_inner)
}

pub(crate) fn code<T>(answer: &Result<T, Status>) -> Code {
    answer.as_ref().err().map_or(Code::Ok, Status::code)
}

pub(crate) fn reason(status: &Status) -> String {
    status
        .get_details_error_info()
        .map(|info| info.reason)
        .unwrap_or_default()
}

pub(crate) fn fields(status: &Status) -> Vec<String> {
    let violations = status.get_details_bad_request().map(|bad| bad.field_violations);
    let fields = violations.unwrap_or_default().into_iter().map(|of| of.field);
    fields.collect()
}

/// The present state up to its end.
pub(crate) async fn present(stream: &mut Streaming<WatchResponse>) -> Vec<ChangeEvent> {
    let mut all = Vec::new();
    loop {
        let answer = stream.message().await.unwrap().unwrap();
        assert!(answer.snapshot, "{answer:?}");
        all.extend(answer.events);
        if answer.snapshot_complete {
            return all;
        }
    }
}

/// The cursor after the present state.
pub(crate) async fn settled(stream: &mut Streaming<WatchResponse>) -> String {
    loop {
        let answer = stream.message().await.unwrap().unwrap();
        if answer.snapshot_complete {
            return answer.cursor;
        }
    }
}

/// The changes up to the first one that is looked for.
pub(crate) async fn until(
    stream: &mut Streaming<WatchResponse>,
    is_last: impl Fn(&ChangeEvent) -> bool,
) -> Vec<ChangeEvent> {
    let mut all: Vec<ChangeEvent> = Vec::new();
    while !all.iter().any(&is_last) {
        let answer = stream.message().await.unwrap().unwrap();
        assert!(!answer.snapshot && !answer.cursor.is_empty());
        all.extend(answer.events);
    }
    all
}

/// What comes until the stream fails, and how it does.
pub(crate) async fn end(stream: &mut Streaming<WatchResponse>) -> (Vec<ChangeEvent>, Status) {
    let mut all = Vec::new();
    loop {
        match stream.message().await {
            Ok(Some(answer)) => all.extend(answer.events),
            Ok(None) => panic!("the stream ended without a status"),
            Err(status) => return (all, status),
        }
    }
}

/// The same cursor at another position.
pub(crate) fn moved(cursor: &str, to: impl Fn(u64) -> u64) -> String {
    let list = ["Watch", "product:left"];
    let mut kept: Json = bailiwick_rpc::page::decode(&list, cursor).unwrap().unwrap();
    let position = kept["position"].as_u64().unwrap();
    kept["position"] = to(position).into();
    bailiwick_rpc::page::encode(&list, &kept)
}

/// An event in words.
pub(crate) fn names(event: &ChangeEvent) -> String {
    let removed = |removed: bool| if removed { " removed" } else { "" };
    let last = |name: &str| name.rsplit('_').next().unwrap().to_owned();
    match event.change.as_ref().unwrap() {
        Change::Member(of) => format!("member {}{}", of.user, removed(of.removed)),
        Change::Binding(of) => {
            format!(
                "binding {} {} {}{}",
                of.subject,
                of.role,
                of.scope,
                removed(of.removed)
            )
        }
        Change::Grant(of) => format!("grant {} {}{}", of.subject, of.on, removed(of.removed)),
        Change::Group(of) => format!("group {}{}", of.group, removed(of.removed)),
        Change::GroupMember(of) => format!("group {} {}{}", of.group, of.subject, removed(of.removed)),
        Change::Role(of) => format!("role {}{}", of.role, removed(of.removed)),
        Change::Resource(of) => format!("resource {}", of.resource),
        Change::Invitation(of) => {
            format!("invitation {} {}", of.invitation, last(of.state().as_str_name()))
        }
        Change::Approval(of) => {
            let state = last(of.state().as_str_name());
            format!("approval {} {state} {} {}", of.approval, of.permission, of.target)
        }
        Change::Settings(of) => format!("settings {}", of.names.join(" ")),
        Change::Place(of) => format!("place {} {}", of.scope, last(of.state().as_str_name())),
        Change::Session(of) => format!("session {}{}", of.subject, if of.closed { " closed" } else { "" }),
        Change::Product(of) => format!("product {}", of.version),
        Change::Subject(of) => format!("subject {}", of.subject),
    }
}
