//! Services of test builds: a movable clock, and an empty method.

use std::sync::Arc;

use bailiwick_proto::testing::v1::{
    AdvanceClockRequest, AdvanceClockResponse, NoopRequest, NoopResponse,
    clock_service_server::{ClockService, ClockServiceServer},
    noop_service_server::{NoopService, NoopServiceServer},
};
use bailiwick_rpc::{Call, Context, Guard, IntoStatus, Services, Target, wire};
use bailiwick_types::{Clock, Timestamp, Violations, method::testing};
use std::{
    sync::atomic::{AtomicI64, Ordering},
    time::Duration,
};
use tonic::{Request, Response, Status};

/// A clock that is ahead of another one.
pub(crate) struct ShiftedClock {
    of: Arc<dyn Clock>,
    ahead: AtomicI64,
}

impl ShiftedClock {
    /// Starts without a difference.
    pub(crate) fn new(of: Arc<dyn Clock>) -> Self {
        Self {
            of,
            ahead: AtomicI64::new(0),
        }
    }
}

impl Clock for ShiftedClock {
    fn now(&self) -> Timestamp {
        Timestamp(self.of.now().0.saturating_add(self.ahead.load(Ordering::SeqCst)))
    }
    fn boottime(&self) -> Duration {
        self.of.boottime()
    }
}

/// The services of a test build.
pub(crate) fn services(clock: Arc<ShiftedClock>, guard: Guard) -> Services {
    Services::new()
        .add(ClockServiceServer::new(Clocks(clock)))
        .add(NoopServiceServer::new(Noop(guard)))
}

struct Clocks(Arc<ShiftedClock>);

#[tonic::async_trait]
impl ClockService for Clocks {
    async fn advance_clock(
        &self,
        request: Request<AdvanceClockRequest>,
    ) -> Result<Response<AdvanceClockResponse>, Status> {
        let from_loopback = Context::of(&request)?
            .peer
            .is_some_and(|peer| peer.ip().is_loopback());
        if !from_loopback {
            return Err(Status::permission_denied(
                "the clock can only be moved from the loopback interface",
            ));
        }
        let duration = request.into_inner().duration.unwrap_or_default();
        let by = Duration::try_from(duration)
            .map_err(|_| Violations::of("duration", "must not be negative").into_status())?;
        let micros = i64::try_from(by.as_micros())
            .map_err(|_| Violations::of("duration", "must be below 292,000 years").into_status())?;
        self.0.ahead.fetch_add(micros, Ordering::SeqCst);
        let time = wire::timestamp(self.0.now());
        Ok(Response::new(AdvanceClockResponse { time: Some(time) }))
    }
}

struct Noop(Guard);

#[tonic::async_trait]
impl NoopService for Noop {
    async fn noop(&self, request: Request<NoopRequest>) -> Result<Response<NoopResponse>, Status> {
        let call = Call::<testing::Noop, _>::new(request)?;
        self.0.authorize(&call, &Target::none()).await?;
        let bytes = usize::try_from(call.message.answer_bytes)
            .unwrap_or_default()
            .min(1 << 20);
        Ok(Response::new(NoopResponse {
            ballast: vec![7; bytes],
        }))
    }
}
