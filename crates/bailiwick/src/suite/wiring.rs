//! From a configuration to a running process.

use std::sync::Arc;

use anyhow::{Context, Result, ensure};
use bailiwick_authorization_server as authorization;
use bailiwick_feed::{FeedServer, GrpcFeedSource, LocalFeedSource, Served, follow_ended};
use bailiwick_identity_server as identity;
use bailiwick_proto::events::v1::change_feed_service_server::ChangeFeedServiceServer;
use bailiwick_rpc::{
    ApiKeys, Authenticator, Certificates, ClientFactory, Dependencies, Frame, Guard, InternalIdentity,
    InternalVerifier, KeySource, Listeners, MacKeys, Purpose, RemoteApiKeys, RemoteJwks, RemoteRights,
    RemoteStepUp, Rights, ServerConfig, ServiceKeys, Services, StepUp, Telemetry, TelemetryError,
    init_telemetry, token::TokenCodec,
};
use bailiwick_sql::{Db, follow::FeedSource};
use bailiwick_tenancy_server as tenancy;
use bailiwick_types::{Authority, Clock, IdGen, Rng, Service, SystemIds, SystemRng};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use super::{Running, databases, keys, peers::Peers, readiness::Readiness};
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
    let server_config = with_internal_listener(config, here)?;
    let listeners = Listeners::bind(&server_config).await?;
    let internal = listeners.internal.as_ref().context("no internal listener")?;
    let own = internal.local_addr()?;
    let certificates = config.server.tls.as_ref().map(Certificates::read).transpose()?;
    let first = here.first().copied().context("no service is given")?;
    let authority = Authority::establish();
    let integrity = keys::integrity(config, here)?;
    let keys_for = |purpose| MacKeys::derive(&integrity, purpose);
    let tokens = TokenCodec::new(keys_for(Purpose::ConsistencyToken)?);
    let cache_keys = keys_for(Purpose::SharedCache)?;
    let service_keys = ServiceKeys::new(&config.internal, here)?;
    let factory = |from| {
        let identity = InternalIdentity::new(from, service_keys.clone(), clock.clone());
        ClientFactory::new(Arc::new(identity), config.peers.connection.clone()).tokens(tokens.clone())
    };
    let peers = Peers::new(config, here, (own, certificates.as_ref()), factory)?;

    let stop = CancellationToken::new();
    let shutdown = CancellationToken::new();
    let tasks = TaskTracker::new();
    let following = service_keys.clone();
    let following = async move { following.follow().await };
    tasks.spawn(stop.clone().run_until_cancelled_owned(following));
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
            keys::sealed(config)?;
            let authorization = Arc::new(identity::Authorization::new(
                peers.between(Service::Identity, Service::Authorization)?,
                db.clone(),
            ));
            Some(
                identity::build(identity::Deps {
                    config: identity_config(config)?,
                    issuer: config.auth.issuer.clone(),
                    mail_secrets: keys::mail_secrets(config, &integrity),
                    db,
                    members: authorization.clone(),
                    closer: authorization.clone(),
                    roles: authorization,
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
        None => {
            let peer = peers.between(first, Service::Identity)?;
            Arc::new(RemoteJwks::new(peer, clock.clone()))
        }
    };
    let api_keys: Arc<dyn ApiKeys> = match &identity {
        Some(identity) => identity.api_keys(),
        None => Arc::new(RemoteApiKeys::new(peers.between(first, Service::Identity)?)),
    };
    let step_up: Arc<dyn StepUp> = match &identity {
        Some(identity) => identity.step_up(),
        None => Arc::new(RemoteStepUp::new(peers.between(first, Service::Identity)?)),
    };
    let authenticator = Authenticator::new(
        &config.auth,
        key_source.clone(),
        InternalVerifier::new(here, service_keys.clone(), clock.clone()),
        clock.clone(),
        authority.verifier,
    );
    let authenticator = Arc::new(authenticator.with_api_keys(api_keys));
    // Every process that authenticates hears itself what ended, and knows it before it accepts a token.
    authenticator.await_revocations();
    if identity.is_none() {
        let feed = GrpcFeedSource::new(Service::Identity, peers.between(first, Service::Identity)?);
        let hearing = follow_ended(Arc::new(feed), authenticator.clone());
        tasks.spawn(stop.clone().run_until_cancelled_owned(hearing));
    }
    let authorization = match db(Service::Authorization) {
        Some(db) => Some(
            authorization::build(authorization::Deps {
                config: authorization_config(config)?,
                db,
                identity: peers.between(Service::Authorization, Service::Identity)?,
                tenancy: peers.between(Service::Authorization, Service::Tenancy)?,
                cache_keys,
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
        None => Arc::new(RemoteRights::new(peers.between(first, Service::Authorization)?)),
    };
    let guard = Guard::new(rights, step_up.clone());
    // The other services always ask over gRPC: the server waits for the revisions in the caller's token.
    let asking = |service: Service| -> Result<Guard> {
        let rights = RemoteRights::new(peers.between(service, Service::Authorization)?);
        Ok(Guard::new(Arc::new(rights), step_up.clone()))
    };
    let tenancy = match db(Service::Tenancy) {
        Some(db) => {
            let peer = peers.between(Service::Tenancy, Service::Authorization)?;
            let followed = |service| -> Result<Arc<dyn FeedSource>> {
                let peer = peers.between(Service::Tenancy, service)?;
                Ok(Arc::new(GrpcFeedSource::new(service, peer)))
            };
            let own = LocalFeedSource::new(db.clone(), Arc::new(tenancy::TenancySnapshot::new(db.clone())));
            let feeds: Vec<(Service, Arc<dyn FeedSource>)> = vec![
                (Service::Identity, followed(Service::Identity)?),
                (Service::Tenancy, Arc::new(own)),
                (Service::Authorization, followed(Service::Authorization)?),
            ];
            let audit = tenancy::AuditDeps {
                secrets: keys::audit_secrets(&integrity)?,
                feeds: tenancy::AuditFeeds(feeds),
            };
            let (authorization, products) = tenancy::Deps::remote(peer);
            Some(tenancy::build(tenancy::Deps {
                config: tenancy_config(config)?,
                db,
                authorization,
                products,
                clock: clock.clone(),
                ids: ids.clone(),
                rng: rng.clone(),
                tasks: tasks.clone(),
                system: authority.system.clone(),
                audit,
            }))
        }
        None => None,
    };

    let mut services = Services::new();
    let mut feeds = Vec::new();
    let mut frame = Frame::builder(
        here,
        server_config,
        telemetry.clone(),
        authenticator.clone(),
        &*ids,
    )
    .tokens(tokens);
    if let Some(identity) = &identity {
        services = services.merge(identity.services(asking(Service::Identity)?, authenticator.clone()));
        feeds.push(Served {
            db: identity.db().clone(),
            snapshot: identity.snapshot(),
        });
        frame = frame.http(identity.http());
        identity.start(authenticator.clone(), &tasks, &stop);
    }
    if let Some(tenancy) = &tenancy {
        services = services.merge(tenancy.services(asking(Service::Tenancy)?));
        feeds.push(Served {
            db: tenancy.db().clone(),
            snapshot: tenancy.snapshot(),
        });
        tenancy.start(&tasks, &stop);
    }
    if let Some(authorization) = &authorization {
        services = services.merge(authorization.services(guard.clone(), shutdown.clone()));
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
    let server = frame
        .add(services)
        .certificates(certificates)
        .serve_on(listeners, shutdown.clone())?;
    let readiness = Readiness {
        health: server.health(),
        here,
        tasks: &tasks,
        stop: &stop,
    };
    readiness.needs_keys(key_source);
    readiness.needs_revocations(authenticator.clone());
    readiness.needs_peers(&peers);
    if let Some(authorization) = &authorization {
        let authorization = authorization.clone();
        readiness.needs_fresh_data(move || authorization.is_fresh());
    }
    server.health().all_ready();
    if here.len() == Service::ALL.len() {
        // What it waits for is in this process: scripts that wait for its start find it ready.
        let _ = tokio::time::timeout(OWN_START, server.health().serving()).await;
    }
    Ok(Running {
        grpc: server.addr,
        http: server.http_addr,
        server,
        service_keys,
        shutdown,
        stop,
        tasks,
        databases: opened,
        workers,
        telemetry,
    })
}

/// How long the start of a process with all services waits for its own readiness.
const OWN_START: std::time::Duration = std::time::Duration::from_secs(2);

/// The configuration of the listeners. Where all services are here, only this process has to reach the
/// internal one.
fn with_internal_listener(config: &Config, here: &[Service]) -> Result<ServerConfig> {
    let mut server = config.server.clone();
    if server.internal_listen.is_none() {
        ensure!(
            here.len() == Service::ALL.len(),
            "`server.internal_listen` is required: it is where the services in other processes call those in this one"
        );
        server.internal_listen = Some(([127, 0, 0, 1], 0).into());
    }
    Ok(server)
}

/// The configuration of authorization, with the data directory for exports where there is one: that of the
/// system for temporary files need not be writable.
fn authorization_config(config: &Config) -> Result<authorization::AuthorizationConfig> {
    let mut own = config.authorization.clone();
    let embedded = databases::is_embedded(config, Service::Authorization);
    if own.exports.directory.is_none() && (config.data_dir.is_some() || embedded) {
        own.exports.directory = Some(config.data_dir()?);
    }
    Ok(own)
}

/// The configuration of tenancy, with the data directory for spreadsheets where there is one.
fn tenancy_config(config: &Config) -> Result<tenancy::TenancyConfig> {
    let mut own = config.tenancy.clone();
    let embedded = databases::is_embedded(config, Service::Tenancy);
    if own.audit.directory.is_none() && (config.data_dir.is_some() || embedded) {
        own.audit.directory = Some(config.data_dir()?);
    }
    Ok(own)
}

/// The configuration of identity, with a directory for mails where it uses the embedded default and no
/// server: a deployment on a database server means its mails to arrive.
fn identity_config(config: &Config) -> Result<identity::IdentityConfig> {
    let mut own = config.identity.clone();
    let embedded = databases::is_embedded(config, Service::Identity);
    if own.mail.smtp.is_none() && own.mail.directory.is_none() && embedded {
        own.mail.directory = Some(config.data_dir()?.join("mail"));
    }
    Ok(own)
}

/// Connects to the database of a service and checks its schema.
async fn database(config: &Config, service: Service, clock: &Arc<dyn Clock>) -> Result<Db> {
    let db = databases::connect(config, service, databases::Purpose::Serve, clock.clone()).await?;
    databases::prepare(&db, config, service).await?;
    Ok(db)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_embedded_default_writes_mails_to_the_data_directory() {
        let directory = tempfile::tempdir().unwrap();
        let mut config = Config {
            data_dir: Some(directory.path().to_owned()),
            ..Config::default()
        };
        let mails = |config: &Config| identity_config(config).unwrap().mail.directory;
        let default = directory.path().canonicalize().unwrap().join("mail");
        assert_eq!(mails(&config), Some(default));
        config.database.identity.url = Some(bailiwick_rpc::Secret::new("postgres://db/identity"));
        assert_eq!(mails(&config), None);
        config.identity.mail.directory = Some("/named".into());
        assert_eq!(mails(&config), Some("/named".into()));
    }
}
