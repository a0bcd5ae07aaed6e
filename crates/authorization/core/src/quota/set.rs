//! Limits how many resources of a type a member may own.

use bailiwick_policy::manifest::Quota;
use bailiwick_types::{AccountId, Authorized, Subject, Token, UserId, Violations};

use crate::Ports;
use crate::Work;

const ACTION: &str = "bailiwick.authorization.v1.QuotaService/SetQuota";

/// What is asked.
#[derive(Debug, Clone)]
pub struct Command {
    /// The account.
    pub account: AccountId,
    /// The user.
    pub user: UserId,
    /// The type.
    pub of: String,
    /// How many it may own; none is no limit.
    pub limit: Option<u64>,
}

bailiwick_types::faults! {
    /// Why no quota is set.
    Error: Invalid(bailiwick_types::Violations), Store(bailiwick_types::StoreError);
    /// Account or member are not known.
    NotFound(&'static str) "there is no such {0}" => NotFound NotFound;
}

/// Sets it; tells how many the member owns. The guard has asked `quota.edit`.
///
/// # Errors
/// See [`Error`].
pub async fn execute(ports: &Ports, by: &Authorized, command: Command) -> Result<(u64, Token), Error> {
    let work = Work::open(ports, by, command.account, []).await?;
    let mut work = work.ok_or(Error::NotFound("account"))?;
    let product = work.situation.policy.product();
    let of = product.type_no(&command.of).and_then(|no| product.type_info(no));
    if of.is_none_or(|of| of.quota != Some(Quota::PerMember)) {
        return Err(Violations::of("type", "must be a type that is counted per member").into());
    }
    work.unit
        .member(command.user)
        .await?
        .ok_or(Error::NotFound("member"))?;
    let subject = Subject::user(command.user);
    work.unit.put_quota(&subject, &command.of, command.limit).await?;
    let used = work.unit.owned(&subject, &command.of).await?;
    let limit = command
        .limit
        .map_or_else(|| "none".to_owned(), |limit| limit.to_string());
    let audit = work
        .audit(ACTION, subject.to_string())
        .with("type", &command.of)
        .with("limit", limit);
    work.emit(audit);
    Ok((used, work.commit().await?))
}
