//! What an approval is asked for or used for: a permission on a target.

use bailiwick_policy::{Decision, PermissionNo, QuestionFault, Request, Values, decide};
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
    /// Decides for a subject, from everything that it has.
    pub(super) async fn decide(&self, work: &mut Work, subject: &Subject) -> Result<Decision, Error> {
        let (permission, attributes) = self.fit(work)?;
        let aim = Aim::load(&*work.unit, &work.situation.policy, self.on.clone()).await?;
        work.look_at(&aim.scope).await?;
        let standing = work.situation.whole_standing(&*work.unit, subject).await?;
        let request = Request {
            attributes: &attributes,
            context: &Values::default(),
            digest: Some(self.digest).filter(|digest| !digest.is_empty()),
        };
        let (situation, now) = (&work.situation, work.now);
        Ok(aim.target(|target| {
            situation.ask_about(subject, &standing, target, request, now, |input| {
                decide(input, permission)
            })
        }))
    }

    /// The permission and the attributes, where the manifest has them.
    fn fit(&self, work: &Work) -> Result<(PermissionNo, Values), Error> {
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
        let read = product.request_attributes(permission, of, self.attributes);
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
