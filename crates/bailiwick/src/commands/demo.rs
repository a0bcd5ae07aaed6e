//! `bailiwick demo`.

use std::net::SocketAddr;

use anyhow::{Context, Result, anyhow, bail};
use bailiwick_client::{Client, Credentials};
use bailiwick_proto::{
    authorization::v1::{CheckRequest, ExplainRequest},
    identity::v1::{CreateServiceAccountRequest, IssueTokenRequest},
};
use bailiwick_scenario::{Options, Runner, Scenario, World};

use crate::{
    config::secret_file,
    connect::message,
    output::{self, decision, explanation},
    suite::{
        self,
        temporary::{OPERATOR, Temporary},
    },
};

/// Arguments of `demo`.
#[derive(clap::Args, Debug)]
pub(crate) struct Args {
    /// Stop after printing the decisions.
    #[arg(long)]
    once: bool,
    /// Address of the gRPC listener; a free port if it is taken.
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:7600")]
    listen: SocketAddr,
}

const SCENARIO: &str = include_str!("../../../../tests/scenarios/one-question.yaml");

/// Subject, permission and target of each question.
const QUESTIONS: &[(&str, &str, &str)] = &[
    ("ada", "feedback.view", "feedback:f1"),
    ("ada", "score.compare", "account:hotel"),
    ("ada", "feedback.view", "feedback:r1"),
    ("max", "survey.create", "instance:sales"),
    ("max", "user.invite", "instance:sales"),
    ("max", "user.invite", "instance:reception"),
    ("sue", "survey.send", "survey:s1"),
    ("sue", "user.invite", "instance:sales"),
    ("abe", "feedback.reply", "feedback:f1"),
    ("abe", "survey.send", "survey:s1"),
    ("mixed", "survey.create", "instance:sales"),
    ("mixed", "survey.create", "instance:reception"),
    ("mixed", "feedback.reply", "feedback:f2"),
];

/// Starts a suite, loads the sample data, asks and shows how to go on.
pub(crate) async fn run(arguments: &Args) -> Result<()> {
    let suite = Temporary::start(free(arguments.listen)).await?;
    let grpc = suite.running.grpc;
    output::line(format!(
        "Bailiwick runs on {grpc} (identity, tenancy and authorization; SQLite and keys in {}).",
        suite.directory.path().display()
    ));

    let scenario = Scenario::parse("one-question.yaml", SCENARIO).map_err(|error| anyhow!("{error}"))?;
    let options = Options {
        no_tokens: false,
        allow_unsupported: false,
        tag: None,
        secret: suite::random_text(32).into(),
    };
    let world = match Runner::new(&suite, &options).prepare(&scenario).await {
        Ok(world) => world,
        Err(failure) => bail!("cannot load the sample data: {failure}"),
    };
    output::line(
        "Loaded the product One Question, two hotels with five instances, their people, roles and data.\n\n\
         The product's backend, which is no operator, asks over gRPC with its own credentials:\n",
    );
    let (service, token) = service(world.client()).await?;
    let mut rows = Vec::new();
    for (subject, permission, target) in QUESTIONS {
        rows.push(ask(&service, &world, subject, permission, target).await?);
    }
    output::line(output::table(
        &["subject", "permission", "target", "decision", "reason"],
        rows,
    ));

    if arguments.once {
        output::line(next_steps(grpc, &world, "$TOKEN", "FILE"));
    } else {
        let secret = suite.directory.path().join("operator-password");
        secret_file(&secret, || suite.password.clone())?;
        output::line(next_steps(grpc, &world, &token, &secret.display().to_string()));
        suite::stopped().await?;
        output::line("");
    }
    suite.running.stop().await;
    Ok(())
}

/// A client of a service account with the role of the product's backend, and an access token of it.
async fn service(operator: &Client) -> Result<(Client, String)> {
    let request = CreateServiceAccountRequest {
        title: "survey backend".into(),
        scope: "product:one-question".into(),
        role: "backend".into(),
        ..Default::default()
    };
    let identity = operator.identity();
    let created = message(identity.service_account().create_service_account(request).await)?;
    let account = created
        .service_account
        .context("the response has no service account")?;
    let id = account.service_account;
    let issue = IssueTokenRequest {
        client_id: id.clone(),
        client_secret: created.secret.clone(),
    };
    let issued = message(identity.token().issue_token(issue).await)?;
    Ok((
        operator.with_credentials(Credentials::client(id, created.secret.into())),
        issued.access_token,
    ))
}

async fn ask(
    service: &Client,
    world: &World,
    subject: &str,
    permission: &str,
    target: &str,
) -> Result<Vec<String>> {
    let question = question(world, subject, permission, target);
    let mut decisions = service.authorization().decision();
    let answer = message(decisions.check(question.clone()).await)?;
    let explain = ExplainRequest {
        check: Some(question),
    };
    let explained = message(decisions.explain(explain).await)?;
    let reason = explanation::nearest(&explained).map(|reason| world.shorten(&reason));
    Ok(vec![
        subject.to_owned(),
        permission.to_owned(),
        target.to_owned(),
        decision::word(answer.decision()).to_owned(),
        reason.unwrap_or_else(|| decision::because(answer.reason()).to_owned()),
    ])
}

fn question(world: &World, subject: &str, permission: &str, target: &str) -> CheckRequest {
    CheckRequest {
        account: world.account("hotel"),
        subject: world.subject(subject),
        permission: permission.to_owned(),
        target: world.target(target),
        ..CheckRequest::default()
    }
}

fn next_steps(grpc: SocketAddr, world: &World, token: &str, secret: &str) -> String {
    let question = question(world, "sue", "survey.send", "survey:s1");
    let (account, subject) = (&question.account, &question.subject);
    format!(
        "\nNext steps:\n\n\
         # ask the same question with grpcurl (the services support reflection)\n\
         grpcurl -plaintext -H \"authorization: Bearer {token}\" \\\n  \
           -d '{{\"account\": \"{account}\", \"subject\": \"{subject}\", \"permission\": \"survey.send\", \"target\": \"survey:s1\"}}' \\\n  \
           {grpc} bailiwick.authorization.v1.DecisionService/Check\n\n\
         # ask on the command line, and for an explanation\n\
         export BAILIWICK_ENDPOINT=http://{grpc} BAILIWICK_EMAIL={OPERATOR} BAILIWICK_PASSWORD_FILE={secret}\n\
         {bailiwick} check {subject} survey.send survey:s1 --account {account}\n\
         {bailiwick} explain {subject} user.invite {instance} --account {account}\n\n\
         # add your own product: write a manifest (such as products/one-question.yaml) and apply it\n\
         {bailiwick} apply my-product.yaml\n",
        bailiwick = own_name(),
        instance = world.target("instance:sales"),
    )
}

/// The path of this program, relative to the working directory where possible.
fn own_name() -> String {
    let own = std::env::current_exe().unwrap_or_else(|_| "bailiwick".into());
    let here = std::env::current_dir().unwrap_or_default();
    own.strip_prefix(&here).unwrap_or(&own).display().to_string()
}

/// The address, with a free port if its own is taken.
fn free(wanted: SocketAddr) -> SocketAddr {
    match std::net::TcpListener::bind(wanted) {
        Ok(_) => wanted,
        Err(_) => SocketAddr::new(wanted.ip(), 0),
    }
}
