//! A call as a handler takes it: its context and its message, for one method.

use std::marker::PhantomData;

use bailiwick_types::{Method, faults};
use tonic::{Request, Status};

use crate::{Context, IntoStatus};

/// A call of method `M` with message `R`.
#[derive(Debug)]
pub struct Call<M, R> {
    /// The caller, the deadline, the consistency token.
    pub context: Context,
    /// The message.
    pub message: R,
    pub(crate) dry_run: bool,
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
    pub fn new(request: Request<R>) -> Result<Self, Status> {
        let context = Context::of(&request)?.clone();
        let (called, served) = (context.method.path, M::DECLARATION.path);
        if called != served {
            return Err(Misrouted::Method { called, served }.into_status());
        }
        Ok(Self {
            context,
            message: request.into_inner(),
            dry_run: false,
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
    /// The call without its message, and the message.
    pub fn split(self) -> (Call<M, ()>, R) {
        let Self {
            context,
            message,
            dry_run,
            method,
        } = self;
        let call = Call {
            context,
            message: (),
            dry_run,
            method,
        };
        (call, message)
    }
}
