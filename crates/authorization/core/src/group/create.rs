//! Makes a group; it has nothing yet.

use bailiwick_types::{AccountId, Authorized, GroupId, Token};

use crate::Work;
use crate::{Change, Ports, group::Group, request::Answered};

const ACTION: &str = "bailiwick.authorization.v1.GroupService/CreateGroup";

/// What is asked.
#[derive(Debug, Clone)]
pub struct Command {
    /// The account.
    pub account: AccountId,
    /// The title.
    pub title: String,
    /// The client's own id of this request.
    pub request_id: Option<String>,
}

bailiwick_types::faults! {
    /// Why a group is not made.
    Error: Invalid(bailiwick_types::Violations), Store(bailiwick_types::StoreError);
    /// The account is not known.
    NotFound(&'static str) "there is no such {0}" => NotFound NotFound;
    /// The request id was used for something else.
    RequestIdReused "the request id was used for another request" => AlreadyExists RequestIdReused;
}

/// Makes it. The guard has asked `group.edit`.
///
/// # Errors
/// See [`Error`].
pub async fn execute(ports: &Ports, by: &Authorized, command: Command) -> Result<(Group, Token), Error> {
    let work = Work::open(ports, by, command.account, []).await?;
    let mut work = work.ok_or(Error::NotFound("account"))?;
    let root = work.root();
    if let Some(id) = &command.request_id
        && let Some(before) = work.unit.answered(&root, id).await?
    {
        let same = before.method == ACTION && before.digest == command.title;
        let made = before
            .response
            .parse()
            .ok()
            .filter(|_| same)
            .ok_or(Error::RequestIdReused)?;
        let group = work.unit.group(made).await?.ok_or(Error::NotFound("group"))?;
        return Ok((group, work.commit().await?));
    }
    let group = Group {
        id: GroupId::generate(&*ports.ids),
        account: command.account,
        title: command.title,
        created_at: work.now,
    };
    work.unit.put_group(&group).await?;
    if let Some(id) = &command.request_id {
        let answer = Answered {
            method: ACTION.to_owned(),
            digest: group.title.clone(),
            response: group.id.to_string(),
        };
        let now = work.now;
        work.unit.keep_answer(&root, id, &answer, now).await?;
    }
    work.emit(Change::Group(group.id));
    let audit = work.audit(ACTION, format!("group:{}", group.id));
    work.emit(audit);
    Ok((group, work.commit().await?))
}
