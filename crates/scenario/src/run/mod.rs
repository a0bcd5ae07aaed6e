//! Runs a scenario: what is given first, then its steps in order.

mod call;
mod given;

use std::time::Duration;

use bailiwick_client::{Client, Error, Patience, TokenJar};
use secrecy::SecretString;
use time::{OffsetDateTime, macros::datetime};
use tokio::time::Instant;
use tonic::Code;

pub(crate) use self::call::{Call, Trouble, timestamp};
use crate::{
    actors::Actors,
    answer::Answer,
    names::Names,
    report::{Failure, Report, Unsupported},
    scenario::{Scenario, Step},
    suite::Suite,
    verbs::Verb,
    world::World,
};

/// The start of a scenario without `clock`.
const START: OffsetDateTime = datetime!(2026-01-05 09:00:00 UTC);
/// How long the runner waits before it repeats a step.
const PAUSE: Duration = Duration::from_millis(50);

/// How scenarios are run.
#[derive(Debug, Clone)]
pub struct Options {
    /// Sends no consistency tokens: a step is repeated until the staleness bound while its answer differs,
    /// except for a write that was answered `ok`.
    pub no_tokens: bool,
    /// Skips steps whose methods are not implemented, and all steps after the first of them that writes.
    pub allow_unsupported: bool,
    /// A tag for e-mail addresses, so that a scenario can be run again on a suite that keeps its users.
    pub tag: Option<String>,
    /// Random text from which the passwords of the users are derived.
    pub secret: SecretString,
}

impl Options {
    /// An address of the file with the tag of the run.
    pub(crate) fn email(&self, email: &str) -> String {
        match (&self.tag, email.rsplit_once('@')) {
            (Some(tag), Some((local, domain))) => format!("{local}+{tag}@{domain}"),
            _ => email.to_owned(),
        }
    }
}

/// Runs scenarios on a suite.
#[derive(Clone, Copy)]
pub struct Runner<'a> {
    suite: &'a dyn Suite,
    options: &'a Options,
}

impl<'a> Runner<'a> {
    /// Makes a runner.
    #[must_use]
    pub fn new(suite: &'a dyn Suite, options: &'a Options) -> Self {
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
        let mut run = match self.begin(scenario).await {
            Ok(run) => run,
            Err(failure) => {
                report.failures.push(*failure);
                report.skipped = scenario.steps.iter().map(|step| step.line).collect();
                return report;
            }
        };
        let mut steps = scenario.steps.iter();
        for step in steps.by_ref() {
            match run.step(step).await {
                Verdict::Held => report.held += 1,
                Verdict::Failed(failure) => report.failures.push(*failure),
                Verdict::Unsupported(message) => {
                    report.unsupported.push(Unsupported {
                        line: step.line,
                        asked: step.text.clone(),
                        message,
                    });
                    if self.options.allow_unsupported && step.verb.writes() {
                        break;
                    }
                }
            }
        }
        report.skipped = steps.map(|step| step.line).collect();
        report
    }

    /// Sets up what a scenario gives, and runs none of its steps.
    ///
    /// # Errors
    /// The part of `given` that was refused.
    pub async fn prepare(&self, scenario: &Scenario) -> Result<World, Box<Failure>> {
        let run = self.begin(scenario).await?;
        Ok(World {
            client: run.actors.operator(),
            names: run.names,
        })
    }

    async fn begin(&self, scenario: &Scenario) -> Result<Run<'a>, Box<Failure>> {
        if let Err(refused) = self.suite.set_clock(scenario.clock.unwrap_or(START)).await
            && scenario.clock.is_some()
        {
            return Err(Failure::given(1, "clock", refused.to_string()));
        }
        let no_tokens = self.options.no_tokens;
        let jar = if no_tokens {
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
            .map_err(|error| Failure::given(1, "connect", error.to_string()))?
            .with_tokens(jar)
            .with_patience(patience);
        let first = scenario.given.accounts.first();
        let mut run = Run {
            suite: self.suite,
            options: self.options,
            actors: Actors::new(client, self.suite.operator()),
            names: Names::new(first.map_or("", |account| account.name.as_str())),
        };
        run.given(scenario).await?;
        Ok(run)
    }
}

/// A scenario that is being run.
struct Run<'a> {
    suite: &'a dyn Suite,
    options: &'a Options,
    actors: Actors,
    names: Names,
}

/// The outcome of a step.
enum Verdict {
    Held,
    Failed(Box<Failure>),
    Unsupported(String),
}

impl Run<'_> {
    async fn step(&mut self, step: &Step) -> Verdict {
        let until = Instant::now() + self.suite.staleness();
        loop {
            let (answer, text, transient) = match self.perform(step).await {
                Ok(answer) => {
                    let text = answer.to_string();
                    (Some(answer), text, false)
                }
                Err(Trouble::Unsupported(message)) => return Verdict::Unsupported(message),
                Err(Trouble::Suite(message)) => (None, message, false),
                Err(Trouble::Call(error)) => (
                    Some(Answer::Code(error.code())),
                    one_line(&error),
                    is_transient(&error),
                ),
            };
            let written = step.verb.writes() && answer == Some(Answer::Ok);
            if written {
                self.actors.changed();
            }
            if answer.as_ref() == Some(&step.expect) {
                return Verdict::Held;
            }
            let repeat = transient || (self.options.no_tokens && !written && answer.is_some());
            if repeat && Instant::now() < until {
                self.actors.changed();
                tokio::time::sleep(PAUSE).await;
                continue;
            }
            let explanation = match answer {
                Some(Answer::Decision(_)) => step.verb.explain(&self.call(None, &*step.verb)).await,
                _ => None,
            };
            return Verdict::Failed(Box::new(Failure {
                line: step.line,
                asked: step.text.clone(),
                expected: step.expect.to_string(),
                came: self.names.shorten(&text),
                because: step.because.clone(),
                explanation: explanation.map(|text| self.names.shorten(&text)),
            }));
        }
    }

    /// Does what a step says. A user whose session has ended signs in again.
    async fn perform(&mut self, step: &Step) -> Result<Answer, Trouble> {
        let actor = step.verb.actor().or(step.actor.as_deref());
        let first = step.verb.run(&mut self.call(actor, &*step.verb)).await;
        match (&first, actor) {
            (Err(Trouble::Call(error)), Some(user))
                if error.code() == Code::Unauthenticated
                    && error.reason() == Some("CREDENTIALS_INVALID")
                    && !step.verb.proves_password() =>
            {
                self.actors.forget(user);
                step.verb.run(&mut self.call(actor, &*step.verb)).await
            }
            _ => first,
        }
    }

    fn call<'c>(&'c mut self, actor: Option<&'c str>, verb: &dyn Verb) -> Call<'c> {
        Call {
            account: verb.account(&self.names).to_owned(),
            actor,
            suite: self.suite,
            options: self.options,
            actors: &mut self.actors,
            names: &mut self.names,
        }
    }
}

impl Failure {
    fn given(line: u64, what: &str, came: String) -> Box<Self> {
        Box::new(Self {
            line,
            asked: format!("given: {what}"),
            expected: Answer::Ok.to_string(),
            came,
            because: None,
            explanation: None,
        })
    }
}

/// Whether the server says that the same call may succeed soon.
fn is_transient(error: &Error) -> bool {
    error.code() == Code::Unavailable && error.retry_after().is_some()
}

pub(crate) fn one_line(error: &Error) -> String {
    error.to_string().replace("\n  ", "; ")
}
