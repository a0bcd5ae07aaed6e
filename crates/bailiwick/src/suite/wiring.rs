//! From a configuration to a running process.

use std::sync::Arc;

use anyhow::{Context, Result};
use bailiwick_authorization_server as authorization;
use bailiwick_feed::{FeedServer, Served};
use bailiwick_identity_server as identity;
use bailiwick_proto::events::v1::change_feed_service_server::ChangeFeedServiceServer;
use bailiwick_rpc::{
    Authenticator, ClientFactory, Dependencies, Frame, Guard, InternalIdentity, KeySource, MacKeys, Purpose,
    RemoteJwks, RemoteRights, RemoteStepUp, Rights, Services, StepUp, Telemetry, TelemetryError,
    init_telemetry, token::TokenCodec,
};
use bailiwick_sql::Db;
use bailiwick_tenancy_server as tenancy;
use bailiwick_types::{Authority, Clock, IdGen, Rng, Service, SystemIds, SystemRng};
use tokio::net::TcpListener;
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use super::{Running, databases, keys, peers::Peers};
use crate::config::Config;

/// Starts services; returns when they are ready.
pub(crate) async fn start(config: &Config, here: &[Service], clock: Arc<dyn Clock>) -> Result<Running> {
    // The one TLS provider of the process; fails if an earlier suite has installed it.
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    #[cfg(feature = "testing")]
    let shifted = Arc::new(super::testing::ShiftedClock::new(clock));
    #[cfg(feature = "testing")]
    let clock: Arc<dyn Clock> = shifted.clone();
    let ids: Arc<dyn IdGen> = Arc::new(SystemIds);
    let rng: Arc<dyn Rng> = Arc::new(SystemRng);
    let name = if let [one] = here {
        format!("bailiwick-{one}")
    } else {
        "bailiwick".to_owned()
    };
    // A command that starts several suites keeps the telemetry of the first.
    let telemetry = match init_telemetry(&config.telemetry, &name, &*ids) {
        Err(TelemetryError::Started) => Telemetry::quiet(),
        started => started?,
    };

    // Bound first, so that a taken port is reported at once; peers in this process need the address.
    let grpc = bind(config.server.listen).await?;
    let http = match config.server.http_listen {
        Some(address) => Some(bind(address).await?),
        None => None,
    };
    let own = grpc.local_addr()?;
    let first = here.first().copied().context("no service is given")?;
    let authority = Authority::establish();
    let secret = keys::internal(config, here)?;
    let keys_for = |purpose| MacKeys::derive(&config.integrity, &secret, purpose);
    let tokens = TokenCodec::new(keys_for(Purpose::ConsistencyToken)?);
    let cache_keys = keys_for(Purpose::SharedCache)?;
    let internal = Arc::new(InternalIdentity::new(first, &secret, clock.clone())?);
    let factory =
        ClientFactory::new(internal.clone(), config.peers.connection.clone()).tokens(tokens.clone());
    let peers = Peers::new(config, here, own, &factory)?;

    let stop = CancellationToken::new();
    let shutdown = CancellationToken::new();
    let tasks = TaskTracker::new();
    let mut opened = Vec::new();
    let mut workers = Vec::new();
    let dependencies = Arc::new(Dependencies::default());
    for service in here {
        let db = database(config, *service, &clock).await?;
        db.watched_by(dependencies.clone());
        workers.push(db.start_workers());
        opened.push(db);
    }
    let db = |service: Service| opened.iter().find(|db| db.service() == service).cloned();

    let identity = match db(Service::Identity) {
        Some(db) => {
            let authorization = Arc::new(identity::Authorization::new(peers.to(Service::Authorization)));
            Some(
                identity::build(identity::Deps {
                    config: config.identity.clone(),
                    issuer: config.auth.issuer.clone(),
                    db,
                    members: authorization.clone(),
                    closer: authorization,
                    system: authority.system.clone(),
                    tasks: tasks.clone(),
                    clock: clock.clone(),
                    ids: ids.clone(),
                    rng: rng.clone(),
                })
                .await?,
            )
        }
        None => None,
    };
    let key_source: Arc<dyn KeySource> = match &identity {
        Some(identity) => identity.key_source(),
        None => Arc::new(RemoteJwks::new(peers.to(Service::Identity), clock.clone())),
    };
    let step_up: Arc<dyn StepUp> = match &identity {
        Some(identity) => identity.step_up(),
        None => Arc::new(RemoteStepUp::new(peers.to(Service::Identity))),
    };
    let authenticator = Arc::new(Authenticator::new(
        &config.auth,
        key_source,
        internal,
        clock.clone(),
        authority.verifier,
    ));
    let authorization = match db(Service::Authorization) {
        Some(db) => Some(
            authorization::build(authorization::Deps {
                config: config.authorization.clone(),
                db,
                identity: peers.to(Service::Identity),
                tenancy: peers.to(Service::Tenancy),
                cache_keys,
                authenticator: authenticator.clone(),
                clock: clock.clone(),
                ids: ids.clone(),
                system: authority.system.clone(),
                tasks: tasks.clone(),
            })
            .await?,
        ),
        None => None,
    };
    let rights: Arc<dyn Rights> = match &authorization {
        Some(authorization) => authorization.rights(),
        None => Arc::new(RemoteRights::new(peers.to(Service::Authorization))),
    };
    let guard = Guard::new(rights, step_up.clone());
    // The other services always ask over gRPC: the server waits for the revisions in the caller's token.
    let asking = Guard::new(
        Arc::new(RemoteRights::new(peers.to(Service::Authorization))),
        step_up,
    );
    let tenancy = db(Service::Tenancy).map(|db| {
        let (authorization, products) = tenancy::Deps::remote(peers.to(Service::Authorization));
        tenancy::build(tenancy::Deps {
            config: config.tenancy.clone(),
            db,
            authorization,
            products,
            clock: clock.clone(),
            ids: ids.clone(),
            rng: rng.clone(),
            tasks: tasks.clone(),
            system: authority.system.clone(),
        })
    });

    let mut services = Services::new();
    let mut feeds = Vec::new();
    let mut frame = Frame::builder(
        here,
        config.server.clone(),
        telemetry.clone(),
        authenticator.clone(),
        &*ids,
    )
    .tokens(tokens);
    if let Some(identity) = &identity {
        services = services.merge(identity.services(asking.clone(), authenticator.clone()));
        feeds.push(Served {
            db: identity.db().clone(),
            snapshot: identity.snapshot(),
        });
        frame = frame.http(identity.http());
        identity.start(authenticator.clone(), &tasks, &stop);
    }
    if let Some(tenancy) = &tenancy {
        services = services.merge(tenancy.services(asking));
        feeds.push(Served {
            db: tenancy.db().clone(),
            snapshot: tenancy.snapshot(),
        });
        tenancy.start(&tasks, &stop);
    }
    if let Some(authorization) = &authorization {
        services = services.merge(authorization.services(guard.clone()));
        feeds.push(Served {
            db: authorization.db().clone(),
            snapshot: authorization.snapshot(),
        });
        authorization.start(&tasks, &stop);
    }
    #[cfg(feature = "testing")]
    {
        services = services.merge(super::testing::services(shifted, guard.clone()));
    }
    let feed = FeedServer::new(feeds, guard, shutdown.clone());
    services = services.add(ChangeFeedServiceServer::new(feed));
    let server = frame.add(services).serve_on(grpc, http, shutdown.clone()).await?;
    server.health().all_ready().await;
    Ok(Running {
        grpc: server.addr,
        http: server.http_addr,
        server,
        shutdown,
        stop,
        tasks,
        databases: opened,
        workers,
        telemetry,
    })
}

async fn bind(address: std::net::SocketAddr) -> Result<TcpListener> {
    TcpListener::bind(address)
        .await
        .with_context(|| format!("cannot listen on {address}"))
}

/// Connects to the database of a service. An embedded one is migrated; any other must have the schema
/// already, so that a rollout and a migration never wait for each other.
async fn database(config: &Config, service: Service, clock: &Arc<dyn Clock>) -> Result<Db> {
    let db = databases::connect(config, service, clock.clone()).await?;
    if databases::is_embedded(config, service) {
        databases::migrate(&db, service).await?;
    }
    db.check_schema(&databases::migrations(service))
        .await
        .with_context(|| {
            format!(
                "the schema of the {service} database is not supported: run `bailiwick migrate {service}`"
            )
        })?;
    Ok(db)
}
