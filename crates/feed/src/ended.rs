//! Follows what identity ended: each process that authenticates does so itself, from a cursor in its memory.

use std::{fmt::Display, str::FromStr, sync::Arc, time::Duration};

use async_trait::async_trait;
use bailiwick_proto::events::v1::{UserState, change::Change};
use bailiwick_rpc::Authenticator;
use bailiwick_sql::{
    Cursor, Db,
    follow::{Events, SourceError},
};
use bailiwick_types::{ApiKeyId, SessionId, Subject};

use crate::{
    DecodeError, SnapshotSource, change, encode,
    local::{self, source_error},
};

/// The longest wait for the next event.
const WAIT: Duration = Duration::from_secs(20);
/// The pause after the first failure; it doubles with each further one.
const PAUSE: Duration = Duration::from_millis(50);
/// The longest pause.
const LONGEST_PAUSE: Duration = Duration::from_secs(2);
/// After so many failures in a row the log says that revocations do not arrive.
const WORTH_TELLING: u32 = 3;
/// Events that are read at once.
const ROWS: u32 = 256;

/// Tells what identity ended.
#[async_trait]
pub trait EndedSource: Send + Sync + 'static {
    /// Where the feed stands, and what ended shortly before it: whose tokens may not have expired yet.
    async fn recently_ended(&self) -> Result<(Cursor, Vec<Vec<u8>>), SourceError>;
    /// Reads the events after a cursor; where there is none, it may wait for one for the given time.
    async fn events(&self, after: &Cursor, wait: Duration) -> Result<Events, SourceError>;
}

/// Identity's own database as a source, for the process that serves identity.
#[derive(Clone)]
pub struct LocalEnded {
    db: Db,
    snapshot: Arc<dyn SnapshotSource>,
}

bailiwick_types::debug_fields!(LocalEnded { db });

impl LocalEnded {
    /// Reads this database.
    #[must_use]
    pub fn new(db: Db, snapshot: Arc<dyn SnapshotSource>) -> Self {
        Self { db, snapshot }
    }
}

#[async_trait]
impl EndedSource for LocalEnded {
    async fn recently_ended(&self) -> Result<(Cursor, Vec<Vec<u8>>), SourceError> {
        let head = self.db.feed().settled_head().await.map_err(source_error)?;
        let ended = self.snapshot.recently_ended().await.map_err(source_error)?;
        Ok((head, ended.into_iter().map(encode).collect()))
    }
    async fn events(&self, after: &Cursor, wait: Duration) -> Result<Events, SourceError> {
        local::events(&self.db, after, ROWS, wait).await
    }
}

/// What a process that authenticates hears.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Heard {
    /// A session ended.
    Session(SessionId),
    /// An access token was revoked.
    Token(String),
    /// An API key was revoked, or ends earlier.
    Key(ApiKeyId),
    /// A subject was disabled.
    Subject(Subject),
    /// Everything that ended recently was told.
    Begun,
}

/// Has an authenticator reject what identity ends, for ever; dropping the future ends it at any point.
///
/// It begins with what ended shortly before, and again so where the cursor is refused or an event cannot be
/// read. A failure keeps the cursor: nothing is passed over. An authenticator that
/// [waits](Authenticator::await_revocations) accepts tokens once it has begun.
pub async fn follow_ended(source: Arc<dyn EndedSource>, authenticator: Arc<Authenticator>) {
    hear(&*source, |heard| match heard {
        Heard::Session(id) => authenticator.forget_session(id),
        Heard::Token(id) => authenticator.forget_token(&id),
        Heard::Key(id) => authenticator.forget_key(id),
        Heard::Subject(subject) => authenticator.forget_subject(&subject),
        Heard::Begun => authenticator.revocations_arrive(),
    })
    .await;
}

async fn hear(source: &dyn EndedSource, mut tell: impl FnMut(Heard)) {
    let mut cursor: Option<Cursor> = None;
    let mut failures = 0_u32;
    loop {
        match step(source, &mut tell, cursor.as_ref()).await {
            Ok(Some(at)) => {
                cursor = Some(at);
                failures = 0;
                continue;
            }
            // An event cannot be read: the present state says what it may have said.
            Ok(None) => cursor = None,
            Err(SourceError::Refused(why)) => {
                tracing::info!(why = %why, "identity's feed cannot be continued; reading what ended anew");
                cursor = None;
            }
            Err(error) => {
                failures = failures.saturating_add(1);
                if failures == WORTH_TELLING {
                    tracing::warn!(error = %error, "revocations do not arrive; retrying");
                }
            }
        }
        let doubled = PAUSE.saturating_mul(1 << failures.min(16));
        tokio::time::sleep(doubled.min(LONGEST_PAUSE)).await;
    }
}

/// Reads on, or begins. The answer is where it goes on; none where that is to begin anew.
async fn step(
    source: &dyn EndedSource,
    tell: &mut impl FnMut(Heard),
    cursor: Option<&Cursor>,
) -> Result<Option<Cursor>, SourceError> {
    let Some(at) = cursor else {
        let (head, ended) = source.recently_ended().await?;
        for bytes in &ended {
            let heard = heard(bytes).map_err(SourceError::Unavailable)?;
            heard.into_iter().for_each(&mut *tell);
        }
        tell(Heard::Begun);
        return Ok(Some(head));
    };
    let events = source.events(at, WAIT).await?;
    for event in &events.events {
        for bytes in &event.changes {
            match heard(bytes) {
                Ok(heard) => heard.into_iter().for_each(&mut *tell),
                Err(error) => {
                    let position = event.position;
                    tracing::error!(
                        position,
                        error,
                        "cannot read an event of identity; reading what ended anew"
                    );
                    return Ok(None);
                }
            }
        }
    }
    Ok(Some(Cursor {
        epoch: events.epoch,
        position: events.upto,
    }))
}

/// What a change ends.
fn heard(bytes: &[u8]) -> Result<Option<Heard>, String> {
    fn id<T: FromStr<Err: Display>>(text: &str) -> Result<T, String> {
        text.parse().map_err(|error: T::Err| error.to_string())
    }
    Ok(match change(bytes) {
        Ok(Change::SessionRevoked(of)) => Some(Heard::Session(id(&of.session)?)),
        Ok(Change::AccessTokenRevoked(of)) => Some(Heard::Token(of.token_id)),
        Ok(Change::ApiKeyEnded(of)) => Some(Heard::Key(id(&of.api_key)?)),
        Ok(Change::UserChanged(of)) if of.state() != UserState::Active => {
            Some(Heard::Subject(Subject::user(id(&of.user)?)))
        }
        Ok(Change::ServiceAccountChanged(of)) if !of.enabled => {
            Some(Heard::Subject(Subject::service(id(&of.service_account)?)))
        }
        // A kind that only a newer program knows ends nothing that this one could have verified.
        Ok(_) | Err(DecodeError::Unknown) => None,
        Err(error) => return Err(error.to_string()),
    })
}

#[cfg(test)]
mod tests {
    use std::{collections::VecDeque, sync::Mutex};

    use bailiwick_proto::events::v1::{AccessTokenRevoked, ApiKeyEnded, SessionRevoked};
    use bailiwick_sql::{CursorRefused, follow::Event};
    use bailiwick_types::{ScopeRoot, Timestamp};

    use super::*;

    const SOON: Duration = Duration::from_secs(20);

    enum Answer {
        /// What ended recently, at this head.
        Begin(u64, Vec<Vec<u8>>),
        /// One event after the cursor.
        Event(Vec<u8>),
        Fails,
        Refuses,
    }

    /// Answers as it is told, then waits for ever. Notes the positions it was asked for; none is the
    /// beginning.
    struct Script {
        answers: Mutex<VecDeque<Answer>>,
        asked: Mutex<Vec<Option<u64>>>,
    }

    impl Script {
        async fn next(&self, at: Option<u64>) -> Result<Answer, SourceError> {
            let next = self.answers.lock().unwrap().pop_front();
            let Some(next) = next else {
                return std::future::pending().await;
            };
            self.asked.lock().unwrap().push(at);
            match next {
                Answer::Fails => Err(SourceError::Unavailable("away".to_owned())),
                Answer::Refuses => Err(SourceError::Refused(CursorRefused::OtherEpoch)),
                answer => Ok(answer),
            }
        }
    }

    #[async_trait]
    impl EndedSource for Script {
        async fn recently_ended(&self) -> Result<(Cursor, Vec<Vec<u8>>), SourceError> {
            let Answer::Begin(position, ended) = self.next(None).await? else {
                panic!("not asked for events")
            };
            let epoch = "first".into();
            Ok((Cursor { epoch, position }, ended))
        }
        async fn events(&self, after: &Cursor, _: Duration) -> Result<Events, SourceError> {
            let Answer::Event(bytes) = self.next(Some(after.position)).await? else {
                panic!("not asked to begin")
            };
            let position = after.position + 1;
            let event = Event {
                root: ScopeRoot::Deployment,
                revision: position,
                position,
                created_at: Timestamp(0),
                changes: vec![bytes],
            };
            Ok(Events {
                epoch: Arc::clone(&after.epoch),
                head: position,
                upto: position,
                events: vec![event],
            })
        }
    }

    fn session(n: u128) -> SessionId {
        SessionId::from_uuid(uuid::Uuid::from_u128(n))
    }

    fn ends(n: u128) -> Vec<u8> {
        encode(Change::SessionRevoked(SessionRevoked {
            session: session(n).to_string(),
            user: String::new(),
        }))
    }

    /// What is heard, and for which positions the source was asked.
    async fn run(answers: Vec<Answer>, until: Heard) -> (Vec<Heard>, Vec<Option<u64>>) {
        let script = Script {
            answers: Mutex::new(answers.into()),
            asked: Mutex::default(),
        };
        let (sender, mut receiver) = tokio::sync::mpsc::unbounded_channel();
        let following = hear(&script, |heard| sender.send(heard).unwrap());
        let hearing = async {
            let mut all = Vec::new();
            while all.last() != Some(&until) {
                all.push(receiver.recv().await.unwrap());
            }
            all
        };
        let all = tokio::select! {
            () = following => unreachable!("it follows for ever"),
            all = tokio::time::timeout(SOON, hearing) => all.unwrap(),
        };
        let asked = script.asked.lock().unwrap().clone();
        (all, asked)
    }

    #[tokio::test]
    async fn a_failure_passes_nothing_over() {
        let answers = vec![
            Answer::Fails,
            Answer::Begin(4, vec![ends(1)]),
            Answer::Event(ends(2)),
            Answer::Fails,
            Answer::Fails,
            Answer::Event(ends(3)),
        ];
        let (heard, asked) = run(answers, Heard::Session(session(3))).await;
        let session = |n| Heard::Session(session(n));
        assert_eq!(heard, [session(1), Heard::Begun, session(2), session(3)]);
        assert_eq!(asked, [None, None, Some(4), Some(5), Some(5), Some(5)]);
    }

    #[tokio::test]
    async fn a_revoked_access_token_is_heard_also_where_it_was_revoked_before() {
        let revoked = |id: &str| {
            let token_id = id.to_owned();
            encode(Change::AccessTokenRevoked(AccessTokenRevoked { token_id }))
        };
        let answers = vec![
            Answer::Begin(4, vec![revoked("one")]),
            Answer::Event(revoked("two")),
        ];
        let token = |id: &str| Heard::Token(id.to_owned());
        let (heard, _) = run(answers, token("two")).await;
        assert_eq!(heard, [token("one"), Heard::Begun, token("two")]);
    }

    #[tokio::test]
    async fn an_ended_key_is_heard() {
        let key = ApiKeyId::from_uuid(uuid::Uuid::from_u128(7));
        let ended = encode(Change::ApiKeyEnded(ApiKeyEnded {
            api_key: key.to_string(),
            user: String::new(),
        }));
        let answers = vec![Answer::Begin(4, vec![]), Answer::Event(ended)];
        let (heard, _) = run(answers, Heard::Key(key)).await;
        assert_eq!(heard, [Heard::Begun, Heard::Key(key)]);
    }

    #[tokio::test]
    async fn where_the_cursor_is_refused_or_an_event_is_not_readable_it_begins_anew() {
        let nonsense = SessionRevoked {
            session: "nonsense".to_owned(),
            user: String::new(),
        };
        for odd in [
            Answer::Refuses,
            Answer::Event(encode(Change::SessionRevoked(nonsense))),
            Answer::Event(vec![0xff]),
        ] {
            let answers = vec![Answer::Begin(4, vec![]), odd, Answer::Begin(9, vec![ends(1)])];
            let (heard, asked) = run(answers, Heard::Session(session(1))).await;
            assert_eq!(heard, [Heard::Begun, Heard::Session(session(1))]);
            assert_eq!(asked, [None, Some(4), None]);
        }
    }
}
