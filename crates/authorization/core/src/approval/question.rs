//! What an approval is asked for or used for: a permission on a target.

use bailiwick_policy::{Decision, PermissionNo, QuestionFault, Request, RequestValues, decide};
use serde_json::{Map, Value as Json};

use crate::prelude::*;
use crate::{Aim, On};

/// A permission on a target, for a certain content.
pub(super) struct Question<'q> {
    pub(super) permission: &'q str,
    pub(super) on: &'q On,
    /// The digest of the content; empty where none.
    pub(super) digest: &'q str,
    pub(super) attributes: &'q Map<String, Json>,
}

impl Question<'_> {
    /// Decides for a subject as a check does, from everything that it has and that the request says;
    /// returns what was decided about too.
    pub(super) async fn decide(&self, work: &mut Work, subject: &Subject) -> Result<(Decision, Aim), Error> {
        let (permission, RequestValues { attributes, context }) = self.fit(work)?;
        let policy = &work.situation.policy;
        let aim = match Aim::described(policy, work.account(), self.on, self.attributes) {
            Some(described) => described,
            None => Aim::load(&*work.unit, policy, self.on.clone()).await?,
        };
        work.look_at(&aim.scope).await?;
        let standing = work.situation.whole_standing(&*work.unit, subject).await?;
        let request = Request {
            attributes: &attributes,
            context: &context,
            digest: Some(self.digest).filter(|digest| !digest.is_empty()),
        };
        let (situation, now) = (&work.situation, work.now);
        let decision = aim.target(|target| {
            situation.ask_about(subject, &standing, target, request, now, |input| {
                decide(input, permission)
            })
        });
        Ok((decision, aim))
    }

    /// The permission, and what the request says, where the manifest has them.
    fn fit(&self, work: &Work) -> Result<(PermissionNo, RequestValues), Error> {
        let product = work.situation.policy.product();
        let of = match self.on {
            On::Scope(_) => None,
            On::Resource(name) => Some(name.of.as_str()),
        };
        let (permission, of) = match product.question(self.permission, of) {
            Ok(found) => found,
            Err(QuestionFault::UnknownType(_)) => {
                return Err(Violations::of("target", "must be of a type of the product").into());
            }
            Err(_) => return Err(Unknown::PermissionOn(self.permission.to_owned()).into()),
        };
        let read = product.request_values(permission, of, self.attributes);
        let values = read.map_err(|wrong| {
            let mut faults = Violations::new();
            for fault in wrong {
                faults.add("attributes", fault.to_string());
            }
            faults
        })?;
        Ok((permission, values))
    }
}
