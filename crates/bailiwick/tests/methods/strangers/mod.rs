//! Two accounts and every method: no answer, error or e-mail tells a caller of one account about the other.
//!
//! Each method is asked twice, once about what the other account has and once about what nobody has. What a
//! caller sees must be the same.

use std::{
    collections::BTreeMap,
    fmt::{self, Write},
};

use bailiwick_client::{Client, Credentials, Endpoints};
use bailiwick_proto::{
    Access, METHODS, Method,
    authorization::v1::{
        ApplyProductRequest, CreateGrantRequest, CreateGroupRequest, CreateInvitationRequest,
        CreateRoleRequest, GrantTarget, RegisterResourceRequest, RequestApprovalRequest, RoleDefinition,
        RoleEntry, RoleLevel,
    },
    identity::v1::{CreateServiceAccountRequest, CreateUserRequest, IssueTokenRequest, SignInRequest},
    tenancy::v1::{CreateInstanceRequest, CreateWorkspaceRequest},
};
use tonic::{Code, transport::Channel};

use crate::{
    Outcome, call, in_release,
    messages::Messages,
    support::{Embedded, PASSWORD, Trio, setup},
};

mod times;

const PRODUCT: &str = "
product: pair
title: Pair
levels:
  account: {title: Account}
  instance: {title: Department}
  workspace: {title: Store}
subjects: {user: members}
types:
  note:
    verbs: [view, create, edit, delete]
    quota: per_member
    approvals: {delete: {by: note.edit, serves: once, expires: 7d}}
roles:
  admin:
    title: Admin
    holders: {at_least: 1}
    levels:
      account: {permissions: [{permission: '*', approval: none}], assigns: ['*']}
  author:
    title: Author
    levels:
      account: {permissions: [note.view, note.delete]}
";

/// In every title, name and address of the other account, and nowhere else.
const MARK: &str = "zebra";
/// Times that each method is asked, with another kind of scope and another alternative of each `oneof`.
const TURNS: usize = 3;

/// What a request can name, by kind.
type Names = BTreeMap<&'static str, String>;

/// What the other account has, and names of the same shape that nobody has.
struct Pair {
    there: Names,
    nowhere: Names,
}

impl Pair {
    /// Turns what nobody has into what the other account has.
    fn masked(&self, bytes: &[u8]) -> Vec<u8> {
        let mut masked = bytes.to_vec();
        for (kind, nowhere) in &self.nowhere {
            let (from, to) = (nowhere.as_bytes(), self.there[kind].as_bytes());
            assert_eq!(from.len(), to.len(), "{kind}");
            for at in 0..masked.len().saturating_sub(from.len() - 1) {
                if masked[at..].starts_with(from) {
                    masked[at..at + from.len()].copy_from_slice(to);
                }
            }
        }
        masked
    }
}

/// An id of the same kind that nobody has.
fn other(id: &str) -> String {
    let last = |c: char| if c == 'z' { 'y' } else { 'z' };
    let head: String = id.chars().take(id.chars().count() - 4).collect();
    head + &id.chars().rev().take(4).map(last).collect::<String>()
}

/// The values of a field.
fn values(names: &Names, account: &str, turn: usize, field: &str) -> Vec<String> {
    let of = |kind: &str| names[kind].clone();
    let scope = match turn % TURNS {
        0 => format!("account:{account}"),
        1 => format!("instance:{}", of("instance")),
        _ => format!("workspace:{}", of("workspace")),
    };
    let subject = match turn % TURNS {
        0 => format!("user:{}", of("user")),
        1 => format!("group:{}", of("group")),
        _ => format!("service:{}", of("service_account")),
    };
    let one = match field {
        "account" => account.to_owned(),
        "scope" | "scopes" => scope,
        "subject" | "actor" => subject,
        "member" if !turn.is_multiple_of(TURNS) => subject,
        "target" if !turn.is_multiple_of(TURNS) => scope,
        "target" | "resource" => of("resource"),
        "parent" if turn.is_multiple_of(TURNS) => of("resource"),
        "parent" => scope,
        "owner" => format!("user:{}", of("user")),
        "user" | "users" | "from" | "to" | "member" => of("user"),
        "email" | "emails" => of("email"),
        "role" | "roles" | "includes" | "assigns" | "name" => of("role"),
        "instance" | "workspace" | "group" | "grant" | "invitation" | "approval" | "session"
        | "service_account" => of(field),
        "client_id" => of("service_account"),
        "client_secret" | "token" | "refresh_token" | "secret" => "x".repeat(43),
        "password" | "old_password" | "new_password" => "a password that nobody has".to_owned(),
        "permission" | "permissions" | "by" => "note.view".to_owned(),
        "type" | "kinds" => "note".to_owned(),
        "product" => "pair".to_owned(),
        "level" => "account".to_owned(),
        "title" | "display_name" | "justification" => "Title".to_owned(),
        _ => return Vec::new(),
    };
    vec![one]
}

/// Somebody of the first account, or of none.
struct Caller {
    what: &'static str,
    bearer: String,
}

/// A request about what the other account has, and the same about what nobody has.
struct Question<'a> {
    method: &'static Method,
    caller: &'a Caller,
    turn: usize,
    /// Whether it names the other account rather than the caller's own.
    foreign: bool,
    there: Vec<u8>,
    nowhere: Vec<u8>,
}

impl fmt::Display for Question<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let account = if self.foreign { "the other" } else { "its own" };
        let (path, turn, what) = (self.method.path, self.turn, self.caller.what);
        write!(f, "{path} of {account} account, turn {turn}, by {what}")
    }
}

struct World {
    /// By service, in the order of the packages.
    channels: BTreeMap<&'static str, Channel>,
    own: String,
    pair: Pair,
    callers: Vec<Caller>,
}

async fn sign_in(client: &Client, email: &str, account: &str) -> String {
    let request = SignInRequest {
        email: email.into(),
        password: PASSWORD.into(),
        account: account.into(),
        ..Default::default()
    };
    let signed = client.identity().authentication().sign_in(request).await;
    signed.unwrap().into_inner().tokens.unwrap().access_token
}

async fn user(client: &Client, email: &str) -> String {
    let request = CreateUserRequest {
        email: email.into(),
        email_verified: true,
        password: PASSWORD.into(),
        ..Default::default()
    };
    let made = client.identity().user().create_user(request).await;
    made.unwrap().into_inner().user.unwrap().user
}

async fn service(client: &Client, title: &str, account: &str) -> (String, String) {
    let request = CreateServiceAccountRequest {
        title: title.into(),
        scope: format!("account:{account}"),
        role: "author".into(),
        ..Default::default()
    };
    let made = client
        .identity()
        .service_account()
        .create_service_account(request)
        .await;
    let made = made.unwrap().into_inner();
    (made.service_account.unwrap().service_account, made.secret)
}

/// Makes everything that an account can have; returns its names.
async fn populate(client: &Client, account: &str, user: &str, email: &str, author: &Client) -> Names {
    let (tenancy, authorization) = (client.tenancy(), client.authorization());
    let title = format!("{MARK} thing");
    let create = CreateInstanceRequest {
        account: account.into(),
        title: title.clone(),
        ..Default::default()
    };
    let made = tenancy.instance().create_instance(create).await.unwrap();
    let instance = made.into_inner().instance.unwrap().instance;
    let create = CreateWorkspaceRequest {
        account: account.into(),
        title: title.clone(),
        ..Default::default()
    };
    let made = tenancy.workspace().create_workspace(create).await.unwrap();
    let workspace = made.into_inner().workspace.unwrap().workspace;
    let create = CreateGroupRequest {
        account: account.into(),
        title: title.clone(),
        ..Default::default()
    };
    let made = authorization.group().create_group(create).await.unwrap();
    let group = made.into_inner().group.unwrap().group;
    let role = format!("{MARK}_role");
    let level = RoleLevel {
        permissions: vec![RoleEntry {
            permission: "note.view".into(),
            ..Default::default()
        }],
        ..Default::default()
    };
    let define = CreateRoleRequest {
        account: account.into(),
        role: Some(RoleDefinition {
            name: role.clone(),
            title: title.clone(),
            levels: [("account".to_owned(), level)].into(),
            ..Default::default()
        }),
    };
    authorization.role().create_role(define).await.unwrap();
    setup::assign(client, account, user, &role).await;
    let resource = format!("note:{MARK}");
    let register = RegisterResourceRequest {
        account: account.into(),
        resource: resource.clone(),
        scope: format!("account:{account}"),
        title: title.clone(),
        ..Default::default()
    };
    authorization
        .resource()
        .register_resource(register)
        .await
        .unwrap();
    let create = CreateGrantRequest {
        account: account.into(),
        subject: format!("user:{user}"),
        permissions: vec!["note.view".into()],
        target: Some(GrantTarget {
            target: resource.clone(),
            ..Default::default()
        }),
        ..Default::default()
    };
    let made = authorization.grant().create_grant(create).await.unwrap();
    let grant = made.into_inner().grant.unwrap().grant;
    let create = CreateInvitationRequest {
        account: account.into(),
        email: format!("{MARK}-guest@example.com"),
        roles: vec![role.clone()],
        scope: format!("account:{account}"),
        ..Default::default()
    };
    let made = authorization
        .invitation()
        .create_invitation(create)
        .await
        .unwrap();
    let invitation = made.into_inner().invitation.unwrap().invitation;
    let request = RequestApprovalRequest {
        account: account.into(),
        permission: "note.delete".into(),
        target: resource.clone(),
        ..Default::default()
    };
    let made = author
        .authorization()
        .approval()
        .request_approval(request)
        .await
        .unwrap();
    let approval = made.into_inner().approval.unwrap().approval;
    [
        ("account", account.to_owned()),
        ("instance", instance),
        ("workspace", workspace),
        ("user", user.to_owned()),
        ("email", email.to_owned()),
        ("group", group),
        ("role", role),
        ("resource", resource),
        ("grant", grant),
        ("invitation", invitation),
        ("approval", approval),
    ]
    .into()
}

impl World {
    async fn new(endpoints: &Endpoints, ports: [u16; 3]) -> Self {
        let with = |credentials| Client::lazy(endpoints).unwrap().with_credentials(credentials);
        let operator = with(crate::support::operator());
        let apply = ApplyProductRequest {
            manifest: PRODUCT.into(),
            ..Default::default()
        };
        operator
            .authorization()
            .product()
            .apply_product(apply)
            .await
            .unwrap();
        let own = setup::account(&operator, "pair", "Own", None).await;
        let there = setup::account(&operator, "pair", &format!("{MARK} account"), None).await;
        let (ours, none) = ("admin@example.org", "nobody@example.org");
        let (theirs, authors) = (
            format!("{MARK}@example.com"),
            format!("{MARK}-author@example.com"),
        );
        let (our_admin, _) = (user(&operator, ours).await, user(&operator, none).await);
        setup::member(&operator, &own, &our_admin, "admin").await;
        let their_admin = user(&operator, &theirs).await;
        setup::member(&operator, &there, &their_admin, "admin").await;
        let author = user(&operator, &authors).await;
        setup::member(&operator, &there, &author, "author").await;
        let of = |email: &str, account: &str| {
            with(Credentials::password(
                email,
                PASSWORD.to_owned().into(),
                Some(account.to_owned()),
            ))
        };
        let their_client = of(&theirs, &there);
        let author = of(&authors, &there);
        let mut names = populate(&their_client, &there, &their_admin, &theirs, &author).await;
        let signed = SignInRequest {
            email: theirs.clone(),
            password: PASSWORD.into(),
            account: there.clone(),
            ..Default::default()
        };
        let signed = operator
            .identity()
            .authentication()
            .sign_in(signed)
            .await
            .unwrap();
        names.insert("session", signed.into_inner().session);
        let (service_account, _) = service(&operator, &format!("{MARK} service"), &there).await;
        names.insert("service_account", service_account);
        let nowhere = names.iter().map(|(kind, name)| match *kind {
            "role" | "resource" | "email" => (*kind, name.replace(MARK, "hippo")),
            _ => (*kind, other(name)),
        });
        let nowhere = nowhere.collect();
        let (service, secret) = service(&operator, "Service", &own).await;
        setup_service(&operator, &own, &service).await;
        let issue = IssueTokenRequest {
            client_id: service,
            client_secret: secret,
        };
        let issued = operator.identity().token().issue_token(issue).await.unwrap();
        let callers = vec![
            Caller {
                what: "an admin of another account",
                bearer: sign_in(&operator, ours, &own).await,
            },
            Caller {
                what: "an admin of another account, signed in without account",
                bearer: sign_in(&operator, ours, "").await,
            },
            Caller {
                what: "a member of no account",
                bearer: sign_in(&operator, none, "").await,
            },
            Caller {
                what: "a service account of another account",
                bearer: issued.into_inner().access_token,
            },
        ];
        let mut channels = BTreeMap::new();
        for (service, port) in ["identity", "tenancy", "authorization"].into_iter().zip(ports) {
            let address = format!("http://127.0.0.1:{port}");
            let channel = Channel::from_shared(address).unwrap().connect().await.unwrap();
            channels.insert(service, channel);
        }
        Self {
            channels,
            own,
            pair: Pair {
                there: names,
                nowhere,
            },
            callers,
        }
    }

    async fn ask(&self, method: &Method, caller: &Caller, request: Vec<u8>) -> Outcome {
        let service = method.path.split('.').nth(1).unwrap_or_default();
        let channel = self
            .channels
            .get(service)
            .unwrap_or(&self.channels["authorization"]);
        let bearer = format!("Bearer {}", caller.bearer);
        call(channel, method.path, Some(&bearer), request).await
    }

    /// Every method, asked about what the other account has and about what nobody has.
    fn questions(&self) -> Vec<Question<'_>> {
        let messages = Messages::new();
        let mut questions = Vec::new();
        for method in METHODS
            .iter()
            .filter(|method| in_release(method.path) && is_asked(method))
        {
            for (caller, turn) in self.callers.iter().flat_map(|c| (0..TURNS).map(move |n| (c, n))) {
                for foreign in [true, false] {
                    let request = |names: &Names| {
                        let account = if foreign { &names["account"] } else { &self.own };
                        messages.request(method.path, turn, &|field| values(names, account, turn, field))
                    };
                    let (there, nowhere) = (request(&self.pair.there), request(&self.pair.nowhere));
                    if there != nowhere {
                        questions.push(Question {
                            method,
                            caller,
                            turn,
                            foreign,
                            there,
                            nowhere,
                        });
                    }
                }
            }
        }
        questions
    }

    /// Asks every method about the other account and about nobody's; returns what differs.
    async fn compare(&self) -> String {
        let (mut differences, mut asked, mut shaped) = (String::new(), 0_usize, 0_usize);
        for question in self.questions() {
            let Question { there, nowhere, .. } = &question;
            let one = self.ask(question.method, question.caller, there.clone()).await;
            let two = self.ask(question.method, question.caller, nowhere.clone()).await;
            asked += 1;
            shaped += usize::from(one.code == Code::InvalidArgument);
            let tells = one.tells(there, &self.pair);
            // How long to wait is another time each time.
            let same = match one.code {
                Code::ResourceExhausted => one.message == two.message,
                _ => one.status == self.pair.masked(&two.status),
            };
            if one.code == two.code && same && tells.is_none() {
                continue;
            }
            writeln!(
                differences,
                "{question}: {:?} `{}` instead of {:?} `{}`{}",
                one.code,
                one.message,
                two.code,
                two.message,
                tells.map(|name| format!(", tells {name}")).unwrap_or_default()
            )
            .unwrap();
        }
        assert!(asked > 800, "only {asked} requests named something");
        assert!(
            shaped * 3 < asked,
            "{shaped} of {asked} requests have a wrong shape"
        );
        differences
    }
}

/// Gives the service account of the first account a role with which it can be asked something.
async fn setup_service(operator: &Client, account: &str, service: &str) {
    let request = bailiwick_proto::authorization::v1::AssignRoleRequest {
        account: account.into(),
        subject: format!("service:{service}"),
        role: "admin".into(),
        scope: format!("account:{account}"),
        ..Default::default()
    };
    // Only users hold a role that must have a holder: it keeps the one that it was made with.
    let refused = operator.authorization().binding().assign_role(request).await;
    assert_eq!(refused.unwrap_err().code(), Code::FailedPrecondition);
}

/// Not those that end the caller's own session, nor internal ones, which `tests/frame` asks.
fn is_asked(method: &Method) -> bool {
    method.access != Access::Internal && !method.path.ends_with("/SignOut")
}

impl Outcome {
    /// Something of the other account that the request did not name and the answer does.
    fn tells(&self, request: &[u8], pair: &Pair) -> Option<String> {
        let has = |bytes: &[u8], name: &str| bytes.windows(name.len()).any(|part| part == name.as_bytes());
        let mut names = pair.there.values().map(String::as_str).chain([MARK]);
        let told =
            names.find(|name| !has(request, name) && (has(&self.answer, name) || has(&self.status, name)));
        told.map(str::to_owned)
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn no_method_tells_one_account_about_another_on_sqlite() {
    let suite = Embedded::start().await;
    let endpoints = Endpoints::one(format!("http://127.0.0.1:{}", suite.port));
    let world = World::new(&endpoints, [suite.port; 3]).await;
    assert_eq!(world.compare().await, "");
    times::compare_if_asked_to(&world, "SQLite").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn no_method_tells_one_account_about_another_on_postgres() {
    let trio = Trio::start(None).await;
    let world = World::new(&trio.endpoints(), trio.ports()).await;
    assert_eq!(world.compare().await, "");
    times::compare_if_asked_to(&world, "PostgreSQL").await;
}
