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

use super::ask;
use crate::lists::Lists;

/// Answers questions with more than one answer.
#[derive(Clone)]
pub struct Queries {
    replica: Arc<Replica>,
    lists: Arc<dyn Lists>,
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
    /// A service that answers from the replica and, from `lists`. `guard` asks the primary,
    /// `near` the replica.
    #[must_use]
    pub fn new(
        replica: Arc<Replica>,
        lists: Arc<dyn Lists>,
        guard: Guard,
        near: Guard,
        clock: Arc<dyn Clock>,
    ) -> Self {
        Self {
            replica,
            lists,
            guard,
            near,
            clock,
        }
    }
}

bailiwick_rpc::serve! {
    Queries: QueryService {}
    list_permissions(ListPermissionsRequest) -> ListPermissionsResponse;
    list_scopes(ListScopesRequest) -> ListScopesResponse;
    list_subjects(ListSubjectsRequest) -> ListSubjectsResponse;
    list_subject_permissions(ListSubjectPermissionsRequest) -> ListSubjectPermissionsResponse;
    list_resources(ListResourcesRequest) -> ListResourcesResponse;
    plan_resources(PlanResourcesRequest) -> PlanResourcesResponse;
}
