//! Questions: check, explain, and the lists of permissions, scopes and users.

use bailiwick_client::Client;
use bailiwick_proto::authorization::v1::{
    CheckRequest, Decision, ExplainRequest, ExplainResponse, ExplanationStep, ListPermissionsRequest,
    ListResourcesRequest, ListScopesRequest, ListSubjectsRequest,
};

use super::{Run, Trouble};
use crate::{
    model::{Act, Answer, Scope, Step, Target},
    suite::Suite,
};

impl<S: Suite + ?Sized> Run<'_, S> {
    pub(super) async fn check(&self, caller: &Client, act: &Act) -> Result<Answer, Trouble> {
        let answer = caller
            .authorization()
            .decision()
            .check(self.question(act))
            .await?;
        Ok(Answer::Decision(match answer.get_ref().decision() {
            Decision::Allow => "allow",
            Decision::NeedsApproval => "needs-approval",
            Decision::Deny | Decision::Unspecified => "deny",
        }))
    }

    fn question(&self, act: &Act) -> CheckRequest {
        let Act::Check {
            user,
            permission,
            on,
            attributes,
            digest,
        } = act
        else {
            return CheckRequest::default();
        };
        CheckRequest {
            account: self.names.account_id(&self.names.account_of_target(on)),
            subject: self.names.subject(user),
            permission: permission.clone(),
            target: self.names.target(on),
            attributes: attributes.as_ref().map(|values| self.names.values(values)),
            digest: digest.clone(),
            ..CheckRequest::default()
        }
    }

    /// What was looked at for the decision of a check, in the names of the file.
    pub(super) async fn explain(&self, step: &Step) -> String {
        let request = ExplainRequest {
            check: Some(self.question(&step.act)),
        };
        let text = match self
            .actors
            .operator()
            .authorization()
            .decision()
            .explain(request)
            .await
        {
            Ok(answer) => explanation(answer.get_ref()),
            Err(status) => format!("no explanation: {}", super::one_line(&status.into())),
        };
        self.names.shorten(&text)
    }

    pub(super) async fn list_permissions(
        &self,
        caller: &Client,
        user: &str,
        on: &Target,
    ) -> Result<Answer, Trouble> {
        let request = ListPermissionsRequest {
            account: self.names.account_id(&self.names.account_of_target(on)),
            subject: self.names.subject(user),
            target: self.names.target(on),
            consistency: None,
        };
        let answer = caller.authorization().query().list_permissions(request).await?;
        Ok(Answer::Set(answer.into_inner().permissions.into_iter().collect()))
    }

    pub(super) async fn list_scopes(
        &self,
        caller: &Client,
        user: &str,
        permission: &str,
    ) -> Result<Answer, Trouble> {
        let mut request = ListScopesRequest {
            subject: self.names.subject(user),
            permission: permission.to_owned(),
            ..ListScopesRequest::default()
        };
        let mut query = caller.authorization().query();
        let mut scopes = Vec::new();
        loop {
            let page = query.list_scopes(request.clone()).await?.into_inner();
            scopes.extend(page.scopes.iter().map(|held| self.names.name(&held.scope)));
            if page.next_page_token.is_empty() {
                return Ok(Answer::Set(scopes.into_iter().collect()));
            }
            request.page_token = page.next_page_token;
        }
    }

    pub(super) async fn list_resources(
        &self,
        caller: &Client,
        user: &str,
        permission: &str,
        kind: &str,
    ) -> Result<Answer, Trouble> {
        let mut request = ListResourcesRequest {
            account: self.names.account_id(self.names.first_account()),
            subject: self.names.subject(user),
            permission: permission.to_owned(),
            r#type: kind.to_owned(),
            ..ListResourcesRequest::default()
        };
        let mut query = caller.authorization().query();
        let mut resources = Vec::new();
        loop {
            let page = query.list_resources(request.clone()).await?.into_inner();
            resources.extend(page.resources);
            if page.next_page_token.is_empty() {
                return Ok(Answer::Set(resources.into_iter().collect()));
            }
            request.page_token = page.next_page_token;
        }
    }

    pub(super) async fn list_users(&self, caller: &Client, on: &Scope) -> Result<Answer, Trouble> {
        let mut request = ListSubjectsRequest {
            account: self.names.account_id(&self.names.account_of(on)),
            scope: self.names.scope(on),
            ..ListSubjectsRequest::default()
        };
        let mut query = caller.authorization().query();
        let mut users = Vec::new();
        loop {
            let page = query.list_subjects(request.clone()).await?.into_inner();
            // Groups, services and strangers have roles too. The verb asks for members of the account: who is behind a
            // group is named by the service besides.
            let named = page
                .subjects
                .iter()
                .filter(|access| access.subject.starts_with("user:"));
            users.extend(named.map(|access| self.names.name(&access.subject)));
            if page.next_page_token.is_empty() {
                return Ok(Answer::Set(users.into_iter().collect()));
            }
            request.page_token = page.next_page_token;
        }
    }
}

fn explanation(answer: &ExplainResponse) -> String {
    let decision = answer.decision().as_str_name().trim_start_matches("DECISION_");
    let reason = answer
        .reason()
        .as_str_name()
        .trim_start_matches("DECISION_REASON_");
    let mut told = format!("{decision} {reason} at revision {}", answer.revision);
    for (of, prefix) in [(&answer.subject, ""), (&answer.actor, "actor ")] {
        for step in of.iter().flat_map(|of| &of.steps) {
            told.push_str(&format!("; {prefix}{}", one_step(step)));
        }
    }
    told
}

fn one_step(step: &ExplanationStep) -> String {
    let word = |name: &str, prefix: &str| {
        let name = name.strip_prefix(prefix).unwrap_or(name);
        name.to_lowercase().replace('_', " ")
    };
    let source = word(step.source().as_str_name(), "EXPLANATION_SOURCE_");
    let words = [
        source.as_str(),
        &step.role,
        &step.on,
        &step.r#type,
        &step.group,
        &step.entry,
    ];
    let words: Vec<_> = words.into_iter().filter(|word| !word.is_empty()).collect();
    let effect = word(step.effect().as_str_name(), "EXPLANATION_EFFECT_");
    let mut told = format!("{}: {effect}", words.join(" "));
    if let Some(condition) = &step.condition {
        let seen = condition.values.iter().map(|value| {
            let seen = value.value.as_deref().unwrap_or("(missing)");
            format!("{} = {seen}", value.name)
        });
        let seen: Vec<_> = seen.collect();
        told.push_str(&format!(
            " when {} with {}",
            condition.expression,
            seen.join(", ")
        ));
    }
    told
}
