//! Lists the sessions of a user.

use bailiwick_identity_core::session::{self, Session, list::Command};
use bailiwick_rpc::{Paging, wire::timestamp};
use bailiwick_types::{SessionId, Subject, method::identity::ListSessions};

use super::{Api, user};
use crate::grpc::prelude::*;

pub(super) async fn handle(
    api: &Api,
    call: Call<ListSessions, pb::ListSessionsRequest>,
) -> Result<pb::ListSessionsResponse, Status> {
    let mut fields = Fields::new();
    let size = fields.page_size(call.message.page_size);
    let user = user(&mut fields, &call.message.user, call.context.caller.subject());
    let (size, user) = fields.finish(size.zip(user))?;
    let list = ["ListSessions", &user.to_string()];
    let paging = Paging::<SessionId>::new(&list, size, &call.message.page_token)?;
    let target = Target::none().owned_by(Subject::user(user));
    let by = api.guard.authorize(&call, &target).await?;
    let command = Command {
        user,
        after: paging.page.after,
        limit: paging.limit(),
    };
    let sessions = session::list(&api.identity, &by, &command).await;
    let sessions = sessions.map_err(IntoStatus::into_status)?;
    let (sessions, next_page_token) = paging.cut(sessions, |session| session.id);
    let current = call.context.caller.session();
    let idle = api.identity.lifetimes.idle;
    let message = |session: &Session| pb::Session {
        session: session.id.to_string(),
        account: session.account.map(|id| id.to_string()).unwrap_or_default(),
        user_agent: session.client.agent.as_str().to_owned(),
        network: session.client.network.to_string(),
        create_time: Some(timestamp(session.created)),
        last_use_time: Some(timestamp(session.last_use())),
        expire_time: Some(timestamp(session.last_use().plus(idle).min(session.expires))),
        amr: session.proof.amr().iter().map(|way| (*way).to_owned()).collect(),
        current: current == Some(session.id),
    };
    Ok(pb::ListSessionsResponse {
        sessions: sessions.iter().map(message).collect(),
        next_page_token,
    })
}
