//! `advance`: moves the clock of the suite forward.

use std::time::Duration;

use bailiwick_policy::manifest::Span;

use super::prelude::*;

#[derive(Debug)]
pub(super) struct Advance(Duration);

impl Arguments for Advance {
    fn read(fields: &mut Fields<'_, '_>) -> Self {
        Self(fields.whole::<Span>().map(Span::to_duration).unwrap_or_default())
    }
}

#[async_trait]
impl Verb for Advance {
    fn expects(&self) -> Expects {
        Expects::Nothing
    }
    async fn run(&self, call: &mut Call<'_>) -> Result<Answer, Trouble> {
        let moved = call.suite.advance(self.0).await;
        moved.map_err(|refused| Trouble::Suite(refused.to_string()))?;
        Ok(Answer::Nothing)
    }
}
