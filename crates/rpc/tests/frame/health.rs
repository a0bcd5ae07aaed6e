//! Health and reflection.

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

use crate::support::{Setup, World};

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
    world.server.health().set(Service::Identity, true).await;
    for name in names {
        assert_eq!(health(&world, name).await, Ok(ServingStatus::Serving), "{name}");
    }
    world.server.health().set(Service::Identity, false).await;
    assert_eq!(health(&world, "").await, Ok(ServingStatus::NotServing));
    assert_eq!(
        health(&world, "bailiwick.tenancy.v1.AccountService").await,
        Err(Code::NotFound)
    );
}

#[tokio::test]
async fn reflection_tells_the_services_without_credentials() {
    let world = Setup::default().start().await;
    let request = ServerReflectionRequest {
        host: String::new(),
        message_request: Some(MessageRequest::ListServices(String::new())),
    };
    let mut client = ServerReflectionClient::new(world.channel.clone());
    let stream = client
        .server_reflection_info(tokio_stream::once(request))
        .await
        .unwrap();
    let answer = stream.into_inner().next().await.unwrap().unwrap();
    let Some(MessageResponse::ListServicesResponse(list)) = answer.message_response else {
        panic!("no list")
    };
    let names: Vec<_> = list.service.into_iter().map(|s| s.name).collect();
    assert!(
        names.contains(&"bailiwick.identity.v1.TokenService".to_owned()),
        "{names:?}"
    );
    assert!(names.contains(&"grpc.health.v1.Health".to_owned()));
}
