//! Health and reflection.

use std::time::Duration;

use bailiwick_types::Service;
use tokio_stream::StreamExt;
use tonic::Code;
use tonic_health::pb::{
    HealthCheckRequest, health_check_response::ServingStatus, health_client::HealthClient,
};
use tonic_reflection::pb::v1::{
    ServerReflectionRequest, server_reflection_client::ServerReflectionClient,
    server_reflection_request::MessageRequest, server_reflection_response::MessageResponse,
};

use crate::{
    http::get,
    support::{Setup, World, bearer},
};

async fn health(world: &World, service: &str) -> Result<ServingStatus, Code> {
    let request = HealthCheckRequest {
        service: service.to_owned(),
    };
    let answer = HealthClient::new(world.channel.clone()).check(request).await;
    answer.map(|a| a.into_inner().status()).map_err(|s| s.code())
}

#[tokio::test]
async fn a_server_serves_only_after_its_services_said_that_they_are_ready() {
    let world = Setup::default().start().await;
    let names = ["", "identity", "bailiwick.identity.v1.TokenService"];
    for name in names {
        assert_eq!(
            health(&world, name).await,
            Ok(ServingStatus::NotServing),
            "{name}"
        );
    }
    world.server.health().set(Service::Identity, true);
    for name in names {
        assert_eq!(health(&world, name).await, Ok(ServingStatus::Serving), "{name}");
    }
    world.server.health().set(Service::Identity, false);
    assert_eq!(health(&world, "").await, Ok(ServingStatus::NotServing));
    assert_eq!(
        health(&world, "bailiwick.tenancy.v1.AccountService").await,
        Err(Code::NotFound)
    );
}

#[tokio::test]
async fn a_service_is_ready_only_while_its_conditions_are_met() {
    let world = Setup::default().start().await;
    let readiness = world.server.health();
    let keys = readiness.condition(Service::Identity, "keys", "no signing keys yet");
    readiness.all_ready();
    let names = ["", "identity", "bailiwick.identity.v1.TokenService"];
    let address = world.server.http_addr.unwrap();
    for (status, http) in [
        (ServingStatus::NotServing, 503),
        (ServingStatus::Serving, 200),
        (ServingStatus::NotServing, 503),
    ] {
        for name in names {
            assert_eq!(health(&world, name).await, Ok(status), "{name}");
        }
        assert_eq!(get(address, "/readyz").await.0, http);
        assert_eq!(
            get(address, "/healthz").await.0,
            200,
            "liveness depends on nothing"
        );
        match status {
            ServingStatus::NotServing => keys.met(),
            _ => keys.unmet("the keys are gone"),
        }
    }
    keys.unmet("the keys are gone");
    let text = "not ready: identity (the keys are gone)\n".to_owned();
    assert_eq!(get(address, "/readyz").await, (503, text));
}

#[tokio::test]
async fn a_watch_of_an_unknown_service_says_so_and_goes_on() {
    let world = Setup::default().start().await;
    let mut client = HealthClient::new(world.channel.clone());
    let ask = |service: &str| HealthCheckRequest {
        service: service.to_owned(),
    };
    let mut unknown = client.watch(ask("nonsense")).await.unwrap().into_inner();
    let first = unknown.message().await.unwrap().unwrap();
    assert_eq!(first.status(), ServingStatus::ServiceUnknown);
    let mut known = client.watch(ask("identity")).await.unwrap().into_inner();
    let first = known.message().await.unwrap().unwrap();
    assert_eq!(first.status(), ServingStatus::NotServing);
    world.server.health().all_ready();
    let second = known.message().await.unwrap().unwrap();
    assert_eq!(second.status(), ServingStatus::Serving);
    let more = tokio::time::timeout(Duration::from_millis(100), unknown.message()).await;
    assert!(more.is_err(), "its status has not changed");
}

#[tokio::test]
async fn watches_do_not_keep_the_drain_waiting() {
    let mut setup = Setup::default();
    setup.config.drain_grace = Duration::from_mins(1).into();
    let world = setup.start().await;
    let mut client = HealthClient::new(world.channel.clone());
    let mut watch = client
        .watch(HealthCheckRequest::default())
        .await
        .unwrap()
        .into_inner();
    watch.message().await.unwrap().unwrap();
    let began = std::time::Instant::now();
    world.server.drain().await;
    assert!(began.elapsed() < Duration::from_secs(20), "{:?}", began.elapsed());
}

fn list_services() -> ServerReflectionRequest {
    ServerReflectionRequest {
        host: String::new(),
        message_request: Some(MessageRequest::ListServices(String::new())),
    }
}

#[tokio::test]
async fn reflection_tells_the_served_services_without_credentials() {
    let world = Setup::default().start().await;
    let mut client = ServerReflectionClient::new(world.channel.clone());
    let stream = client
        .server_reflection_info(tokio_stream::once(list_services()))
        .await
        .unwrap();
    let answer = stream.into_inner().next().await.unwrap().unwrap();
    let Some(MessageResponse::ListServicesResponse(list)) = answer.message_response else {
        panic!("no list")
    };
    let mut names: Vec<_> = list.service.into_iter().map(|s| s.name).collect();
    names.sort();
    let expected = [
        "bailiwick.identity.v1.TokenService",
        "grpc.health.v1.Health",
        "grpc.reflection.v1.ServerReflection",
        "grpc.reflection.v1alpha.ServerReflection",
    ];
    assert_eq!(
        names, expected,
        "none of a test build, and none for the suite itself alone"
    );
    // The internal listener tells nobody what it has.
    let mut request = tonic::Request::new(tokio_stream::once(list_services()));
    let token = bearer(&world.peer_token());
    request.metadata_mut().insert("authorization", token);
    let mut inside = ServerReflectionClient::new(world.inside.clone());
    let refused = inside.server_reflection_info(request).await.map(drop);
    assert_eq!(refused.unwrap_err().code(), Code::Unimplemented);
}

#[tokio::test]
async fn reflection_answers_clients_of_its_first_version() {
    use tonic_reflection::pb::v1alpha;
    let world = Setup::default().start().await;
    let request = v1alpha::ServerReflectionRequest {
        host: String::new(),
        message_request: Some(v1alpha::server_reflection_request::MessageRequest::ListServices(
            String::new(),
        )),
    };
    let mut client = v1alpha::server_reflection_client::ServerReflectionClient::new(world.channel.clone());
    let stream = client.server_reflection_info(tokio_stream::once(request)).await;
    let answer = stream.unwrap().into_inner().next().await.unwrap().unwrap();
    assert!(answer.message_response.is_some());
}

#[tokio::test]
async fn reflection_knows_the_messages_of_error_details() {
    let world = Setup::default().start().await;
    for name in [
        "google.rpc.ErrorInfo",
        "google.rpc.BadRequest",
        "google.rpc.RetryInfo",
        "google.rpc.RequestInfo",
        "bailiwick.common.v1.ErrorReason",
    ] {
        let request = ServerReflectionRequest {
            host: String::new(),
            message_request: Some(MessageRequest::FileContainingSymbol(name.to_owned())),
        };
        let mut client = ServerReflectionClient::new(world.channel.clone());
        let stream = client.server_reflection_info(tokio_stream::once(request)).await;
        let answer = stream.unwrap().into_inner().next().await.unwrap().unwrap();
        let response = answer.message_response;
        assert!(
            matches!(response, Some(MessageResponse::FileDescriptorResponse(_))),
            "{name}: {response:?}"
        );
    }
}
