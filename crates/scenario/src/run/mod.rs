//! Runs a scenario: what is given first, then its steps in order.

mod access;
mod approvals;
mod decide;
mod given;
mod grants;
mod groups;
mod members;
mod people;
mod places;
mod resources;
mod roles;

use std::time::Duration;

use bailiwick_client::{Client, Error, Patience, TokenJar};
use secrecy::SecretString;
use time::{OffsetDateTime, macros::datetime};
use tokio::time::Instant;
use tonic::{Code, Status};

use crate::{
    actors::Actors,
    model::{Act, Answer, Scenario, Step},
    names::Names,
    report::{Failure, Report, Unsupported},
    suite::Suite,
    world::World,
};

/// When a scenario starts that does not say.
const START: OffsetDateTime = datetime!(2026-01-05 09:00:00 UTC);
/// How long the runner waits before it repeats a step.
const PAUSE: Duration = Duration::from_millis(50);

/// How scenarios are run.
#[derive(Debug, Clone)]
pub struct Options {
    /// Sends no consistency tokens: a step is repeated until the staleness bound while its answer differs, except that a
    /// write answered `ok` is not.
    pub no_tokens: bool,
    /// Skips steps whose methods are not part of this version, and all steps after the first of them that writes.
    pub allow_unsupported: bool,
    /// Put into e-mail addresses, so that a scenario can be run again on a suite that keeps its users.
    pub tag: Option<String>,
    /// Random text that the passwords of the users are made of.
    pub secret: SecretString,
}

/// Runs scenarios on a suite.
#[derive(Debug, Clone, Copy)]
pub struct Runner<'a, S: Suite + ?Sized> {
    suite: &'a S,
    options: &'a Options,
}

impl<'a, S: Suite + ?Sized> Runner<'a, S> {
    /// Makes a runner.
    #[must_use]
    pub fn new(suite: &'a S, options: &'a Options) -> Self {
        Self { suite, options }
    }

    /// Runs a scenario to its end.
    pub async fn run(&self, scenario: &Scenario) -> Report {
        let mut report = Report {
            file: scenario.file.clone(),
            title: scenario.title.clone(),
            held: 0,
            failures: Vec::new(),
            unsupported: Vec::new(),
            skipped: Vec::new(),
            unsupported_allowed: self.options.allow_unsupported,
        };
        let lines = scenario.steps.iter().map(|step| step.line);
        let mut run = match self.begin(scenario).await {
            Ok(run) => run,
            Err(failure) => {
                report.failures.push(*failure);
                report.skipped.extend(lines);
                return report;
            }
        };
        if let Err(failure) = run.given(scenario).await {
            report.failures.push(*failure);
            report.skipped.extend(lines);
            return report;
        }
        let mut adrift = false;
        for step in &scenario.steps {
            if adrift {
                report.skipped.push(step.line);
                continue;
            }
            match run.step(step).await {
                Verdict::Held => report.held += 1,
                Verdict::Failed(failure) => report.failures.push(*failure),
                Verdict::Unsupported(message) => {
                    adrift = self.options.allow_unsupported && step.act.writes();
                    report.unsupported.push(Unsupported {
                        line: step.line,
                        asked: step.text.clone(),
                        message,
                    });
                }
            }
        }
        report
    }

    /// Sets up what a scenario gives, and runs none of its steps.
    ///
    /// # Errors
    /// What was refused.
    pub async fn prepare(&self, scenario: &Scenario) -> Result<World, Box<Failure>> {
        let mut run = self.begin(scenario).await?;
        run.given(scenario).await?;
        Ok(World {
            client: run.actors.operator(),
            names: run.names,
        })
    }

    async fn begin(&self, scenario: &Scenario) -> Result<Run<'a, S>, Box<Failure>> {
        let failed = |what: &str, came: String| Box::new(Failure::given(1, what.to_owned(), came));
        if let Err(refused) = self.suite.set_clock(scenario.clock.unwrap_or(START)).await
            && scenario.clock.is_some()
        {
            return Err(failed("clock", refused.to_string()));
        }
        let jar = if self.options.no_tokens {
            TokenJar::deaf()
        } else {
            TokenJar::default()
        };
        let patience = Patience {
            retry: self.suite.staleness(),
            ..Patience::default()
        };
        let client = Client::connect(&self.suite.endpoints())
            .await
            .map_err(|error| failed("connect", error.to_string()))?
            .with_tokens(jar)
            .with_patience(patience);
        let first = scenario.given.accounts.first().map(|account| account.id.as_str());
        Ok(Run {
            suite: self.suite,
            options: self.options,
            actors: Actors::new(client, self.suite.operator()),
            names: Names::new(first.unwrap_or_default()),
            product: scenario.product.clone(),
        })
    }
}

/// A scenario that is being run.
struct Run<'a, S: Suite + ?Sized> {
    suite: &'a S,
    options: &'a Options,
    actors: Actors,
    names: Names,
    product: String,
}

/// What came of a step.
enum Verdict {
    Held,
    Failed(Box<Failure>),
    Unsupported(String),
}

/// Why a step gave no answer of its kind.
enum Trouble {
    /// The call failed.
    Call(Error),
    /// This version has no such method.
    Missing(String),
    /// The suite cannot do it.
    Refused(String),
}

impl From<Error> for Trouble {
    fn from(error: Error) -> Self {
        match error.code() {
            Code::Unimplemented => Self::Missing(format!("not part of this version: {}", error.message())),
            _ => Self::Call(error),
        }
    }
}

impl From<Status> for Trouble {
    fn from(status: Status) -> Self {
        Self::from(Error::from(status))
    }
}

impl<S: Suite + ?Sized> Run<'_, S> {
    async fn step(&mut self, step: &Step) -> Verdict {
        let until = Instant::now() + self.suite.staleness();
        loop {
            let (came, text, passing) = match self.perform(step).await {
                Ok(answer) => {
                    let text = answer.to_string();
                    (Some(answer), text, false)
                }
                Err(Trouble::Missing(message)) => return Verdict::Unsupported(message),
                Err(Trouble::Refused(message)) => (None, message, false),
                Err(Trouble::Call(error)) => {
                    let passing = error.code() == Code::Unavailable && error.retry_after().is_some();
                    (Some(Answer::Code(error.code())), one_line(&error), passing)
                }
            };
            if came.as_ref() == Some(&step.expect) {
                return Verdict::Held;
            }
            let done = step.act.writes() && came == Some(Answer::Ok);
            let again = passing || (self.options.no_tokens && !done && came.is_some());
            if again && Instant::now() < until {
                tokio::time::sleep(PAUSE).await;
                continue;
            }
            let explanation = match &came {
                Some(Answer::Decision(_)) => Some(self.explain(step).await),
                _ => None,
            };
            return Verdict::Failed(Box::new(Failure {
                line: step.line,
                asked: step.text.clone(),
                expected: step.expect.to_string(),
                came: self.names.shorten(&text),
                because: step.because.clone(),
                explanation,
            }));
        }
    }

    /// Does what a step asks. A user whose session turns out to have ended signs in again.
    async fn perform(&mut self, step: &Step) -> Result<Answer, Trouble> {
        let first = self.act(step).await;
        match (&first, self.acting(step)) {
            (Err(Trouble::Call(error)), Some(user))
                if error.code() == Code::Unauthenticated
                    && error.reason() == Some("CREDENTIALS_INVALID")
                    && !matches!(step.act, Act::TransferOwnership { .. }) =>
            {
                self.actors.forget(&user);
                self.act(step).await
            }
            _ => first,
        }
    }

    fn acting(&self, step: &Step) -> Option<String> {
        match &step.act {
            Act::Accept { user, .. } => Some(user.clone()),
            _ => step.actor.clone(),
        }
    }

    async fn act(&mut self, step: &Step) -> Result<Answer, Trouble> {
        let actor = self.acting(step);
        let account = self.account_of(&step.act);
        let caller = match &step.act {
            Act::Advance(by) => {
                let moved = self.suite.advance(*by).await;
                return moved
                    .map(|()| Answer::Nothing)
                    .map_err(|refused| Trouble::Refused(refused.to_string()));
            }
            Act::Later { method, .. } => {
                return Err(Trouble::Missing(format!(
                    "the method `{method}` is not part of this version"
                )));
            }
            _ => {
                self.actors
                    .client(&self.names, actor.as_deref(), &account)
                    .await?
            }
        };
        match &step.act {
            Act::Check { .. } => self.check(&caller, &step.act).await,
            Act::ListPermissions { user, on } => self.list_permissions(&caller, user, on).await,
            Act::ListScopes { user, permission } => self.list_scopes(&caller, user, permission).await,
            Act::ListUsers { on } => self.list_users(&caller, on).await,
            Act::ListWorkspaces { .. } => self.list_workspaces(&caller, &step.act).await,
            Act::CreateInstance {
                id,
                within,
                title,
                edition,
            } => self.create_instance(&caller, id, within, title, edition).await,
            Act::CreateWorkspace { id, within, title } => {
                self.create_workspace(&caller, id, within, title).await
            }
            Act::Update { scope, title } => self.update(&caller, scope, title.as_deref()).await,
            Act::Delete { scope } => self.delete(&caller, scope).await,
            Act::SuspendAccount { account } => self.suspend_account(&caller, account).await,
            Act::ReactivateAccount { account } => self.reactivate_account(&caller, account).await,
            Act::Settings { account, values } => self.settings(&caller, account, values).await,
            Act::Invite { email, roles, on } => self.invite(&caller, email, roles, on).await,
            Act::Accept { user, email, on } => self.accept(&caller, user, email, on).await,
            Act::Suspend { user, account } => self.suspend(&caller, user, account).await,
            Act::Reactivate { user, account } => self.reactivate(&caller, user, account).await,
            Act::RemoveUser {
                user,
                from,
                membership,
            } => self.remove_user(&caller, user, from, *membership).await,
            Act::Assign(binding) => self.assign(&caller, binding).await,
            Act::Revoke(binding) => self.revoke(&caller, binding).await,
            Act::TransferOwnership { scope, to, password } => {
                self.transfer_ownership(&caller, actor.as_deref(), scope, to, *password)
                    .await
            }
            Act::Register(resource) => self.register(&caller, resource).await,
            Act::UpdateResource(resource) => self.update_resource(&caller, resource).await,
            Act::Unregister { resource } => self.unregister(&caller, resource).await,
            Act::ListResources {
                user,
                permission,
                kind,
            } => self.list_resources(&caller, user, permission, kind).await,
            Act::Grant(grant) => self.grant(&caller, grant).await,
            Act::Ungrant(grant) => self.ungrant(&caller, grant).await,
            Act::TransferResource { resource, to } => self.transfer_resource(&caller, resource, to).await,
            Act::CreateGroup { group, account } => self.create_group(&caller, group, account).await,
            Act::AddToGroup { group, holder } => self.add_to_group(&caller, group, holder).await,
            Act::RemoveFromGroup { group, holder } => self.remove_from_group(&caller, group, holder).await,
            Act::DefineRole { account, role } => self.define_role(&caller, account, role).await,
            Act::ChangeRole(change) => self.change_role(&caller, change).await,
            Act::PreviewRoleChange(change) => self.preview_role_change(&caller, change).await,
            Act::RequestApproval {
                id,
                permission,
                on,
                digest,
            } => {
                self.request_approval(&caller, id.as_deref(), permission, on, digest)
                    .await
            }
            Act::Approve { request } => self.approve(&caller, request).await,
            Act::Reject { request } => self.reject(&caller, request).await,
            Act::ConsumeApproval {
                permission,
                on,
                digest,
            } => self.consume_approval(&caller, permission, on, digest).await,
            Act::CopyPermissions { from, to, kinds } => self.copy_permissions(&caller, from, to, kinds).await,
            Act::SetQuota { user, kind, limit } => self.set_quota(&caller, user, kind, *limit).await,
            Act::DeleteUser { user, account, mode } => self.delete_user(&caller, user, account, *mode).await,
            Act::Seats { account } => self.seats(&caller, account).await,
            Act::Advance(_) | Act::Later { .. } => Ok(Answer::Nothing),
        }
    }

    /// The account of the request: that in which the target now lies; the scenario's first where nothing names one.
    fn account_of(&self, act: &Act) -> String {
        let names = &self.names;
        match act {
            Act::Check { on, .. } | Act::ListPermissions { on, .. } => names.account_of_target(on),
            Act::ListUsers { on } | Act::Invite { on, .. } | Act::Accept { on, .. } => names.account_of(on),
            Act::ListWorkspaces { within, .. }
            | Act::CreateInstance { within, .. }
            | Act::CreateWorkspace { within, .. } => names.account_of(within),
            Act::Update { scope, .. } | Act::Delete { scope } | Act::TransferOwnership { scope, .. } => {
                names.account_of(scope)
            }
            Act::SuspendAccount { account }
            | Act::ReactivateAccount { account }
            | Act::Suspend { account, .. }
            | Act::Reactivate { account, .. }
            | Act::Settings { account, .. } => account.clone(),
            Act::Assign(binding) | Act::Revoke(binding) => names.account_of(&binding.on),
            Act::RemoveUser { from, .. } => names.account_of(from),
            Act::Register(resource) => match &resource.within {
                Some(scope) => names.account_of(scope),
                None => names.first_account().to_owned(),
            },
            Act::UpdateResource(resource) => names.account_of_resource(&resource.resource),
            Act::Unregister { resource } => names.account_of_resource(resource),
            Act::TransferResource { resource, .. } => names.account_of_resource(resource),
            Act::Grant(grant) | Act::Ungrant(grant) => names.account_of_target(&grant.on),
            Act::RequestApproval { on, .. } | Act::ConsumeApproval { on, .. } => names.account_of_target(on),
            Act::Approve { request } | Act::Reject { request } => names.account_of_request(request),
            Act::AddToGroup { group, .. } | Act::RemoveFromGroup { group, .. } => {
                names.account_of_group(group)
            }
            Act::ChangeRole(change) | Act::PreviewRoleChange(change) => change.account.clone(),
            Act::CreateGroup { account, .. }
            | Act::DefineRole { account, .. }
            | Act::DeleteUser { account, .. }
            | Act::Seats { account } => account.clone(),
            Act::ListScopes { .. }
            | Act::ListResources { .. }
            | Act::CopyPermissions { .. }
            | Act::SetQuota { .. }
            | Act::Advance(_)
            | Act::Later { .. } => names.first_account().to_owned(),
        }
    }

    /// An e-mail address of the file, made unlike those of other runs.
    fn email(&self, email: &str) -> String {
        match (&self.options.tag, email.rsplit_once('@')) {
            (Some(tag), Some((local, domain))) => format!("{local}+{tag}@{domain}"),
            _ => email.to_owned(),
        }
    }
}

impl Failure {
    fn given(line: u64, asked: String, came: String) -> Self {
        Self {
            line,
            asked: format!("given: {asked}"),
            expected: Answer::Ok.to_string(),
            came,
            because: None,
            explanation: None,
        }
    }
}

fn one_line(error: &Error) -> String {
    error.to_string().replace("\n  ", "; ")
}
