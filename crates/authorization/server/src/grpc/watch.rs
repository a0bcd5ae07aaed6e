//! Followers of a product or an account.

use std::sync::Arc;

use bailiwick_proto::authorization::v1::{watch_request::Followed, watch_service_server::WatchService};
use bailiwick_types::{ProductName, Refused, Subject, method::authorization::Watch};
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tokio_util::sync::CancellationToken;
use tonic::{Request, Response, metadata::MetadataMap};

use super::prelude::*;
use crate::watch::{Hub, Kept, Kind, Kinds, Right, Start, Watcher, Whole};

/// Messages that wait for their reader.
const WAITING: usize = 1;

/// Serves followers.
#[derive(Clone)]
pub(crate) struct Watches {
    pub(crate) api: Api,
    /// Answers from the replica: for what is asked again and again.
    pub(crate) near: bailiwick_rpc::Guard,
    pub(crate) hub: Arc<Hub>,
    pub(crate) stop: CancellationToken,
}

/// What a request asks for.
struct Asked {
    whole: Whole,
    kinds: Kinds,
    cursor: Option<Kept>,
}

fn asked(message: &pb::WatchRequest) -> Result<Asked, Status> {
    let mut fields = Fields::new();
    let whole = match &message.followed {
        Some(Followed::Product(product)) => fields
            .take("product", product.parse::<ProductName>())
            .map(Whole::Product),
        Some(Followed::Account(account)) => fields.account(account).map(Whole::Account),
        None => fields.account("").map(Whole::Account),
    };
    let mut kinds = Vec::with_capacity(message.types.len());
    for (n, number) in message.types.iter().enumerate() {
        match pb::ChangeType::try_from(*number).ok().and_then(kind) {
            Some(kind) => kinds.push(kind),
            None => fields.violate(&format!("types[{n}]"), "must be a kind of change"),
        }
    }
    let kinds = if kinds.is_empty() {
        Kinds::ALL
    } else {
        Kinds::of(&kinds)
    };
    let mut cursor = None;
    if let (Some(whole), false) = (&whole, message.cursor.is_empty()) {
        cursor = Kept::decode(&whole.root(), &message.cursor);
        if cursor.is_none() {
            let rule = "must be empty, or the `cursor` of an answer about the same product or account";
            fields.violate("cursor", rule);
        }
    }
    let whole = fields.finish(whole)?;
    Ok(Asked { whole, kinds, cursor })
}

fn target(whole: &Whole) -> Target {
    match whole {
        Whole::Product(name) => Target::product(name),
        Whole::Account(id) => Target::account(*id),
    }
}

fn kind(of: pb::ChangeType) -> Option<Kind> {
    Some(match of {
        pb::ChangeType::Unspecified => return None,
        pb::ChangeType::Member => Kind::Member,
        pb::ChangeType::Binding => Kind::Binding,
        pb::ChangeType::Grant => Kind::Grant,
        pb::ChangeType::Group => Kind::Group,
        pb::ChangeType::Role => Kind::Role,
        pb::ChangeType::Resource => Kind::Resource,
        pb::ChangeType::Invitation => Kind::Invitation,
        pb::ChangeType::Approval => Kind::Approval,
        pb::ChangeType::Settings => Kind::Settings,
        pb::ChangeType::Place => Kind::Place,
        pb::ChangeType::Session => Kind::Session,
        pb::ChangeType::Product => Kind::Product,
    })
}

/// The right of one follower, asked again while it follows.
struct Follows {
    watches: Watches,
    call: Call<Watch, ()>,
    target: Target,
    /// The access token, to see that it and its session still count. Never shown.
    token: Option<String>,
}

#[tonic::async_trait]
impl Right for Follows {
    async fn ask(&self, now: bool) -> Result<(), Status> {
        if let Some(token) = &self.token {
            self.call.context.with_token_of_caller(token).await?;
        }
        let guard = if now {
            &self.watches.api.guard
        } else {
            &self.watches.near
        };
        guard.authorize(&self.call, &self.target).await.map(drop)
    }
}

/// The access token of a call.
fn bearer(metadata: &MetadataMap) -> Option<String> {
    let header = metadata.get("authorization")?.to_str().ok()?;
    header.split_at_checked(7).map(|(_, token)| token.to_owned())
}

impl Watches {
    /// The product that is followed, or that of the account. The caller is authorized, so it may learn
    /// whether the product exists.
    async fn product(&self, whole: &Whole) -> Result<ProductName, Status> {
        let present = self.hub.present();
        match whole {
            Whole::Account(id) => {
                let product = present.product_of(*id).await.map_err(status)?;
                product.ok_or_else(|| status(Refused::NotFound("account")))
            }
            Whole::Product(name) => {
                let version = present.version_of(name).await.map_err(status)?;
                let found = version.map(|_| name.clone());
                found.ok_or_else(|| status(Refused::NotFound("product")))
            }
        }
    }
}

#[tonic::async_trait]
impl WatchService for Watches {
    type WatchStream = ReceiverStream<Result<pb::WatchResponse, Status>>;

    async fn watch(&self, request: Request<pb::WatchRequest>) -> Result<Response<Self::WatchStream>, Status> {
        let token = bearer(request.metadata());
        let call = Call::<Watch, _>::new(request)?;
        let Asked { whole, kinds, cursor } = asked(&call.message)?;
        let target = target(&whole);
        let by = self.api.authorize(&call, &[], &target).await?;
        let caller: Subject = by.subject().cloned().ok_or_else(|| status(Refused::Denied))?;
        let product = self.product(&whole).await?;
        let slot = self.hub.enter(&caller).map_err(status)?;
        // A cursor that is refused fails the call itself, not a stream that has begun.
        let (at, present) = match cursor {
            Some(kept) => {
                let (at, present) = kept.split();
                self.hub.check(&at).await.map_err(status)?;
                (at, present.map(Some))
            }
            // The place first, then the state: what changes meanwhile comes after it.
            None => (self.hub.end().await.map_err(status)?, Some(None)),
        };
        let deadline = call.context.asked;
        let (call, _) = call.split();
        let right = Follows {
            watches: self.clone(),
            call,
            target,
            token,
        };
        let start = Start {
            hub: Arc::clone(&self.hub),
            slot,
            whole,
            product,
            caller,
            kinds,
            at,
            present,
            right: Arc::new(right),
            deadline,
            stop: self.stop.clone(),
        };
        let (messages, read) = mpsc::channel(WAITING);
        self.api.tasks.start(Watcher::run(start, messages));
        Ok(Response::new(ReceiverStream::new(read)))
    }
}
