//! `QueryService`: questions with more than one answer. Lists are paged and never silently cut.

mod list_permissions;
mod list_resources;
mod list_scopes;
mod list_subject_permissions;
mod list_subjects;
mod plan_resources;

use std::sync::Arc;

use bailiwick_authorization_engine::Replica;
use bailiwick_proto::authorization::v1::{self as pb, query_service_server::QueryService};
use bailiwick_rpc::Guard;
use bailiwick_types::Clock;
use tonic::{Request, Response, Status};

use super::ask;
use crate::store::engine::Lists;

/// Answers questions with more than one answer.
#[derive(Clone)]
pub struct Queries {
    replica: Arc<Replica>,
    lists: Lists,
    /// Asks the primary.
    guard: Guard,
    /// Asks the replica.
    near: Guard,
    clock: Arc<dyn Clock>,
}

impl std::fmt::Debug for Queries {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Queries")
    }
}

impl Queries {
    /// A service that answers from the replica and, where lists need it, from its database. `guard` asks the primary,
    /// `near` the replica.
    #[must_use]
    pub fn new(
        replica: Arc<Replica>,
        db: bailiwick_sql::Db,
        guard: Guard,
        near: Guard,
        clock: Arc<dyn Clock>,
    ) -> Self {
        Self {
            replica,
            lists: Lists(db),
            guard,
            near,
            clock,
        }
    }
}

#[tonic::async_trait]
impl QueryService for Queries {
    async fn list_permissions(
        &self,
        request: Request<pb::ListPermissionsRequest>,
    ) -> Result<Response<pb::ListPermissionsResponse>, Status> {
        self.permissions_of(request).await
    }

    async fn list_scopes(
        &self,
        request: Request<pb::ListScopesRequest>,
    ) -> Result<Response<pb::ListScopesResponse>, Status> {
        self.scopes_of(request).await
    }

    async fn list_subjects(
        &self,
        request: Request<pb::ListSubjectsRequest>,
    ) -> Result<Response<pb::ListSubjectsResponse>, Status> {
        self.subjects_on(request).await
    }

    async fn list_subject_permissions(
        &self,
        request: Request<pb::ListSubjectPermissionsRequest>,
    ) -> Result<Response<pb::ListSubjectPermissionsResponse>, Status> {
        self.subject_permissions(request).await
    }

    async fn list_resources(
        &self,
        request: Request<pb::ListResourcesRequest>,
    ) -> Result<Response<pb::ListResourcesResponse>, Status> {
        self.resources_for(request).await
    }

    async fn plan_resources(
        &self,
        request: Request<pb::PlanResourcesRequest>,
    ) -> Result<Response<pb::PlanResourcesResponse>, Status> {
        self.plan_for(request).await
    }
}
