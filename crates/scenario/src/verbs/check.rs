//! `check`: asks whether a user may do something.

use super::prelude::*;
use crate::run::one_line;

arguments! { pub(super) struct Check in on {
    user: UserName = need("user"),
    permission: String = need("permission"),
    on: Target = need("on"),
    attributes: Option<Json> = get("attributes"),
    digest: String = get("digest").unwrap_or_default(),
} }

impl Check {
    fn request(&self, call: &Call<'_>) -> authorization::CheckRequest {
        authorization::CheckRequest {
            account: call.account_id(),
            subject: call.names.subject(&self.user),
            permission: self.permission.clone(),
            target: call.names.target(&self.on),
            attributes: self.attributes.as_ref().map(|values| call.names.values(values)),
            digest: self.digest.clone(),
            ..Default::default()
        }
    }
}

#[async_trait]
impl Verb for Check {
    fn expects(&self) -> Expects {
        Expects::Decision
    }
    async fn run(&self, call: &mut Call<'_>) -> Result<Answer, Trouble> {
        let request = self.request(call);
        let mut decisions = call.client().await?.authorization().decision();
        let answer = decisions.check(request).await?;
        Ok(Answer::Decision(match answer.get_ref().decision() {
            authorization::Decision::Allow => "allow",
            authorization::Decision::NeedsApproval => "needs-approval",
            authorization::Decision::Deny | authorization::Decision::Unspecified => "deny",
        }))
    }
    async fn explain(&self, call: &Call<'_>) -> Option<String> {
        let request = authorization::ExplainRequest {
            check: Some(self.request(call)),
        };
        let operator = call.actors.operator();
        let answer = operator.authorization().decision().explain(request).await;
        Some(match answer {
            Ok(answer) => explanation(answer.get_ref()),
            Err(status) => format!("no explanation: {}", one_line(&status.into())),
        })
    }
}

/// The steps of an explanation on one line.
fn explanation(answer: &authorization::ExplainResponse) -> String {
    let decision = answer.decision().as_str_name().trim_start_matches("DECISION_");
    let reason = answer.reason().as_str_name();
    let reason = reason.trim_start_matches("DECISION_REASON_");
    let mut text = format!("{decision} {reason} at revision {}", answer.revision);
    for (explained, prefix) in [(&answer.subject, ""), (&answer.actor, "actor ")] {
        for step in explained.iter().flat_map(|explained| &explained.steps) {
            text.push_str(&format!("; {prefix}{}", one_step(step)));
        }
    }
    text
}

fn one_step(step: &authorization::ExplanationStep) -> String {
    let word = |name: &str, prefix: &str| name.trim_start_matches(prefix).to_lowercase().replace('_', " ");
    let source = word(step.source().as_str_name(), "EXPLANATION_SOURCE_");
    let words = [
        &source,
        &step.role,
        &step.on,
        &step.r#type,
        &step.group,
        &step.entry,
    ];
    let words = words.map(String::as_str).into_iter();
    let words: Vec<_> = words.filter(|word| !word.is_empty()).collect();
    let effect = word(step.effect().as_str_name(), "EXPLANATION_EFFECT_");
    let mut text = format!("{}: {effect}", words.join(" "));
    if let Some(condition) = &step.condition {
        let value = |value: &authorization::ExplainedValue| {
            let seen = value.value.as_deref().unwrap_or("(missing)");
            format!("{} = {seen}", value.name)
        };
        let values: Vec<_> = condition.values.iter().map(value).collect();
        text.push_str(&format!(
            " when {} with {}",
            condition.expression,
            values.join(", ")
        ));
    }
    text
}
