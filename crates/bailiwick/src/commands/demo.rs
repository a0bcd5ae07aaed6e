//! `bailiwick demo`.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use anyhow::{Context, Result, bail};
use bailiwick_client::{Client, Credentials, Endpoints};
use bailiwick_proto::{
    authorization::v1::{CheckRequest, ExplainRequest},
    identity::v1::{CreateServiceAccountRequest, IssueTokenRequest},
};
use bailiwick_rpc::Secret;
use bailiwick_scenario::{ClockRefused, Manifest, Options, Runner, Scenario, Suite, World};
use bailiwick_types::{Service, SystemClock};
use time::OffsetDateTime;

use crate::{
    cli::Demo,
    commands::{explanation, operator, serve},
    config::Config,
    output, products,
    suite::{self, Running},
    words,
};

const SCENARIO: &str = include_str!("../../../../tests/scenarios/one-question.yaml");
const OPERATOR: &str = "operator@example.com";

/// Who, what, where.
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

/// Starts a suite, fills it, asks, and tells how to go on.
pub(crate) async fn run(arguments: &Demo) -> Result<()> {
    let directory = tempfile::tempdir().context("cannot make a temporary directory")?;
    let mut config = Config {
        data_dir: Some(directory.path().to_owned()),
        ..Config::default()
    };
    config.server.listen = free(arguments.listen);
    config.server.drain_wait = Duration::ZERO.into();
    config.internal.key = Some(Secret::new(suite::random_text(48)));
    config.telemetry.log_filter = "error".into();
    let password = suite::random_text(24);
    operator::make(&config, OPERATOR, &password.clone().into()).await?;
    let running = suite::start(&config, &Service::ALL, Arc::new(SystemClock)).await?;
    output::line(format!(
        "Bailiwick runs on {} (identity, tenancy and authorization; SQLite and keys in {}).",
        running.grpc,
        directory.path().display()
    ));

    let suite = Here {
        running: &running,
        password: password.clone(),
    };
    let scenario =
        Scenario::parse("one-question.yaml", SCENARIO).map_err(|unusable| anyhow::anyhow!("{unusable}"))?;
    let options = Options {
        no_tokens: false,
        allow_unsupported: false,
        tag: None,
        secret: suite::random_text(32).into(),
    };
    let world = match Runner::new(&suite, &options).prepare(&scenario).await {
        Ok(world) => world,
        Err(failure) => bail!("the demo's data was refused: {failure}"),
    };
    output::line(
        "Loaded the product One Question, two hotels with five instances, their people, roles and data.\n\n\
         An internal service asks, over gRPC, with its own credentials:\n",
    );
    let (service, token) = service(world.client()).await?;
    let mut rows = Vec::new();
    for (who, what, place) in QUESTIONS {
        rows.push(ask(&service, &world, who, what, place).await?);
    }
    output::line(output::table(&["who", "may", "on", "decision", "why"], rows));

    if !arguments.once {
        let secret = directory.path().join("operator-password");
        crate::config::secret_file(&secret, || password.clone())?;
        output::line(go_on(&running, &world, &token, &secret.display().to_string()));
        serve::stopped().await?;
        output::line("");
    } else {
        output::line(go_on(&running, &world, "$TOKEN", "FILE"));
    }
    running.stop().await;
    Ok(())
}

/// A service account that may ask about every account of the product, and a token of it.
async fn service(operator: &Client) -> Result<(Client, String)> {
    let request = CreateServiceAccountRequest {
        title: "survey backend".into(),
        scope: "product:one-question".into(),
        role: "service".into(),
        ..Default::default()
    };
    let made = operator
        .identity()
        .service_account()
        .create_service_account(request)
        .await
        .map_err(words::fault)?;
    let made = made.into_inner();
    let id = made
        .service_account
        .context("no service account came back")?
        .service_account;
    let issue = IssueTokenRequest {
        client_id: id.clone(),
        client_secret: made.secret.clone(),
    };
    let issued = operator
        .identity()
        .token()
        .issue_token(issue)
        .await
        .map_err(words::fault)?
        .into_inner();
    Ok((
        operator.with_credentials(Credentials::client(id, made.secret.into())),
        issued.access_token,
    ))
}

async fn ask(service: &Client, world: &World, who: &str, what: &str, place: &str) -> Result<Vec<String>> {
    let question = question(world, who, what, place);
    let mut decisions = service.authorization().decision();
    let came = decisions
        .check(question.clone())
        .await
        .map_err(words::fault)?
        .into_inner();
    let explain = ExplainRequest {
        check: Some(question),
    };
    let explained = decisions
        .explain(explain)
        .await
        .map_err(words::fault)?
        .into_inner();
    let why = explanation::nearest(&explained).map(|why| world.shorten(&why));
    Ok(vec![
        who.to_owned(),
        what.to_owned(),
        place.to_owned(),
        words::decision(came.decision()).to_owned(),
        why.unwrap_or_else(|| words::because(came.reason()).to_owned()),
    ])
}

fn question(world: &World, who: &str, what: &str, place: &str) -> CheckRequest {
    CheckRequest {
        account: world.account("hotel"),
        subject: world.subject(who),
        permission: what.to_owned(),
        target: world.target(place),
        ..CheckRequest::default()
    }
}

fn go_on(running: &Running, world: &World, token: &str, secret: &str) -> String {
    let asked = question(world, "sue", "survey.send", "survey:s1");
    let (account, subject) = (&asked.account, &asked.subject);
    format!(
        "\nGo on by hand:\n\n\
         # the same question by grpcurl (the services describe themselves by reflection)\n\
         grpcurl -plaintext -H \"authorization: Bearer {token}\" \\\n  \
           -d '{{\"account\": \"{account}\", \"subject\": \"{subject}\", \"permission\": \"survey.send\", \"target\": \"survey:s1\"}}' \\\n  \
           {grpc} bailiwick.authorization.v1.DecisionService/Check\n\n\
         # the same by the command line, and why\n\
         export BAILIWICK_ENDPOINT=http://{grpc} BAILIWICK_EMAIL={OPERATOR} BAILIWICK_PASSWORD_FILE={secret}\n\
         {bailiwick} check {subject} survey.send survey:s1 --account {account}\n\
         {bailiwick} explain {subject} user.invite {instance} --account {account}\n\n\
         # your own product: write a manifest (products/one-question.yaml is one) and apply it\n\
         {bailiwick} apply my-product.yaml\n",
        grpc = running.grpc,
        bailiwick = own_name(),
        instance = world.target("instance:sales"),
    )
}

/// How this program is called from where it was called.
fn own_name() -> String {
    let own = std::env::current_exe().unwrap_or_else(|_| "bailiwick".into());
    let here = std::env::current_dir().unwrap_or_default();
    own.strip_prefix(&here).unwrap_or(&own).display().to_string()
}

/// The address, or a free port where it is taken.
fn free(wanted: SocketAddr) -> SocketAddr {
    match std::net::TcpListener::bind(wanted) {
        Ok(_) => wanted,
        Err(_) => SocketAddr::new(wanted.ip(), 0),
    }
}

/// The demo's own suite.
struct Here<'a> {
    running: &'a Running,
    password: String,
}

#[async_trait::async_trait]
impl Suite for Here<'_> {
    fn endpoints(&self) -> Endpoints {
        Endpoints::one(format!("http://{}", self.running.grpc))
    }
    fn operator(&self) -> Credentials {
        Credentials::password(OPERATOR, self.password.clone().into(), None)
    }
    fn manifest(&self, product: &str) -> Option<Manifest> {
        let text = products::shipped(product)?.to_owned();
        Some(Manifest {
            file: format!("{product}.yaml"),
            text,
        })
    }
    fn staleness(&self) -> Duration {
        Duration::from_secs(10)
    }
    async fn set_clock(&self, _: OffsetDateTime) -> Result<(), ClockRefused> {
        Err(ClockRefused("the demo runs now".into()))
    }
    async fn advance(&self, _: Duration) -> Result<(), ClockRefused> {
        Err(ClockRefused("the demo runs now".into()))
    }
}
