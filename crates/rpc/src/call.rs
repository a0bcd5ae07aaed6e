//! A call as a handler takes it: its context and its message, for one method.

use std::marker::PhantomData;

use bailiwick_types::{Access, Intent, Method, RequestDigest, faults};
use prost::Message;
use sha2::{Digest, Sha256};
use tonic::{
    Request, Status,
    metadata::{Ascii, MetadataValue},
};

use crate::{Context, IntoStatus};

/// A call of method `M` with message `R`.
#[derive(Debug)]
pub struct Call<M, R> {
    /// The caller, the deadline, the consistency token.
    pub context: Context,
    /// The message.
    pub message: R,
    dry_run: bool,
    digest: RequestDigest,
    /// Kept for public methods, where sessions begin.
    user_agent: Option<MetadataValue<Ascii>>,
    method: PhantomData<fn() -> M>,
}

faults! {
    /// Why a call is not one for its handler.
    Misrouted;
    /// It did not pass the layers.
    NoContext "a call reached its handler without passing the layers" => Internal Internal;
    /// The handler serves another method than the one that was called.
    Method { called: &'static str, served: &'static str } "`{called}` reached the handler of `{served}`"
        => Internal Internal;
}

impl<M: Method, R> Call<M, R> {
    /// Takes a request apart.
    ///
    /// # Errors
    /// INTERNAL where the request did not pass the layers, or is for another method.
    pub fn new(request: Request<R>) -> Result<Self, Status>
    where
        R: Message,
    {
        let context = Context::of(&request)?.clone();
        let (called, served) = (context.method.path, M::DECLARATION.path);
        if called != served {
            return Err(Misrouted::Method { called, served }.into_status());
        }
        let user_agent = match M::DECLARATION.access {
            Access::Public => request.metadata().get("user-agent").cloned(),
            _ => None,
        };
        let message = request.into_inner();
        let digest = if M::DECLARATION.step_up {
            RequestDigest(Sha256::digest(message.encode_to_vec()).into())
        } else {
            RequestDigest::default()
        };
        Ok(Self {
            context,
            message,
            dry_run: false,
            digest,
            user_agent,
            method: PhantomData,
        })
    }
    /// The same call as a dry run where its message asks for one: its witness writes nothing and no step-up
    /// is consumed.
    #[must_use]
    pub fn dry_run_where(self, validate_only: impl FnOnce(&R) -> bool) -> Self {
        let dry_run = validate_only(&self.message);
        Self { dry_run, ..self }
    }
    /// How the client of a public method names itself; empty where it does not.
    #[must_use]
    pub fn user_agent(&self) -> &str {
        let agent = self.user_agent.as_ref().and_then(|agent| agent.to_str().ok());
        agent.unwrap_or_default()
    }
    /// What the call is made for.
    pub(crate) fn intent(&self) -> Intent {
        if self.dry_run {
            Intent::DryRun
        } else {
            Intent::Carry(self.digest)
        }
    }
    /// The call without its message, and the message.
    pub fn split(self) -> (Call<M, ()>, R) {
        let Self {
            context,
            message,
            dry_run,
            digest,
            user_agent,
            method,
        } = self;
        let call = Call {
            context,
            message: (),
            dry_run,
            digest,
            user_agent,
            method,
        };
        (call, message)
    }
}
