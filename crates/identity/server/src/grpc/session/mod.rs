//! `SessionService`.

mod consume_step_up;
mod list_sessions;
mod revoke_all_sessions;
mod revoke_session;

use bailiwick_proto::identity::v1::{self as pb, session_service_server::SessionService};

use bailiwick_rpc::Fields;
use bailiwick_types::{Subject, UserId};

use super::Api;

bailiwick_rpc::serve! {
    Api: SessionService {}
    consume_step_up(ConsumeStepUpRequest) -> ConsumeStepUpResponse;
    list_sessions(ListSessionsRequest) -> ListSessionsResponse;
    revoke_session(RevokeSessionRequest) -> RevokeSessionResponse;
    revoke_all_sessions(RevokeAllSessionsRequest) -> RevokeAllSessionsResponse;
}

/// Reads the user that a request is about: nobody is the caller.
fn user(fields: &mut Fields, text: &str, caller: Option<&Subject>) -> Option<UserId> {
    if text.is_empty() {
        let own = caller.and_then(Subject::user_id);
        if own.is_none() {
            fields.violate("user", "is required where the caller is not a user");
        }
        return own;
    }
    fields.required("user", text)
}
