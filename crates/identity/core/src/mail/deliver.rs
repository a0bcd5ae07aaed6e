//! Sends the mails that are due.

use std::time::Duration;

use bailiwick_types::{StoreError, System, Timestamp, UserId};
use uuid::Uuid;

use super::{Kind, Letter, Mail, Mailer, Sealed, SendError};
use crate::{
    Identity,
    one_time::{OneTimeSecret, Purpose},
    secret::Digest,
    user::{Access, Credentials},
};

/// How long a claimed mail is left to its process: longer than a mailer takes.
const LEASE: Duration = Duration::from_mins(3);
/// The wait after the first failure; it doubles with each further one.
const FIRST_WAIT: Duration = Duration::from_secs(15);
/// The wait after the first refusal for good; it doubles with the next one.
const REFUSED_WAIT: Duration = Duration::from_mins(15);
/// At which try a refusal for good is believed. A wrong sender or a wrong rule of a relay is answered in the
/// same way as a wrong recipient, for every mail that waits.
const BELIEVED: u32 = 3;
/// The longest wait.
const LONGEST_WAIT: Duration = Duration::from_hours(2);

/// How an attempt at a mail ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Delivery {
    /// The mail.
    pub id: Uuid,
    /// What it says.
    pub kind: Kind,
    /// How it ended.
    pub outcome: Outcome,
}

/// The ends of an attempt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// It was sent.
    Sent,
    /// It is not needed any more: its address is nobody's, or its secret was used or replaced.
    Dropped,
    /// It was not sent, and is tried again.
    Failed(SendError),
    /// It was not sent, and is not tried again.
    GivenUp(SendError),
}

/// Claims at most `limit` mails that are due. Each is this process's to send for some minutes, and says since
/// when it was due.
///
/// # Errors
/// The store failed.
pub async fn claim(identity: &Identity, _by: &System, limit: u64) -> Result<Vec<Mail>, StoreError> {
    let now = identity.clock.now();
    let due = identity.store.due_mails(now, limit).await?;
    if due.is_empty() {
        return Ok(due);
    }
    let mut claimed = Vec::new();
    let mut write = identity.store.write(&[]).await?;
    for mut mail in due {
        let until = now.plus(LEASE);
        if write.claim_mail(&mail, now, until).await? {
            mail.attempts += 1;
            claimed.push(mail);
        }
    }
    write.commit().await?;
    Ok(claimed)
}

/// Sends a claimed mail.
///
/// # Errors
/// The store failed. The mail is sent once its claim has ended, perhaps a second time.
pub async fn deliver(
    identity: &Identity,
    _by: &System,
    mailer: &dyn Mailer,
    mail: &Mail,
) -> Result<Delivery, StoreError> {
    // Only a claim that ended without a record makes a mail due after its last try.
    let lost = mail.due > mail.last_try;
    let letter = if lost {
        let why = "no attempt at the mail could be recorded".to_owned();
        Err(SendError::Permanent(why))
    } else {
        letter(identity, mail).await?
    };
    let sent = match letter {
        Ok(Some((letter, user))) => {
            let sent = mailer.send(&letter).await.map(|()| Outcome::Sent);
            if sent.is_ok() && is_going(identity, user).await? {
                // Whoever deletes the user may have erased mails before this one was there.
                let erased = mailer.erase(&letter.to).await;
                erased.map_err(|_| StoreError::internal("a mail to a deleted user cannot be erased"))?;
            }
            sent
        }
        Ok(None) => Ok(Outcome::Dropped),
        Err(error) => Err(error),
    };
    let outcome = sent.unwrap_or_else(|error| {
        let refused = matches!(error, SendError::Permanent(_)) && mail.attempts >= BELIEVED;
        if refused || identity.clock.now() >= mail.last_try {
            Outcome::GivenUp(error)
        } else {
            Outcome::Failed(error)
        }
    });
    let mut write = identity.store.write(&[]).await?;
    match &outcome {
        Outcome::Failed(error) => {
            let due = next_try(mail, error, identity.clock.now());
            write.postpone_mail(mail, due).await?;
        }
        Outcome::Sent | Outcome::Dropped | Outcome::GivenUp(_) => write.delete_mail(mail.id).await?,
    }
    write.commit().await?;
    Ok(Delivery {
        id: mail.id,
        kind: mail.kind,
        outcome,
    })
}

/// The last try comes at its own time, however long the wait is by then.
fn next_try(mail: &Mail, error: &SendError, now: Timestamp) -> Timestamp {
    let first = match error {
        SendError::Temporary(_) => FIRST_WAIT,
        SendError::Permanent(_) => REFUSED_WAIT,
    };
    let doubled = 2_u32.saturating_pow(mail.attempts.saturating_sub(1));
    let wait = first.saturating_mul(doubled).min(LONGEST_WAIT);
    now.plus(wait).min(mail.last_try).max(now)
}

/// Whether a user is deleted, or about to be.
async fn is_going(identity: &Identity, user: UserId) -> Result<bool, StoreError> {
    if identity.store.user(user).await?.is_none() {
        return Ok(true);
    }
    let closing = identity.store.closing(user).await?;
    Ok(closing.is_some_and(|closing| closing.access == Access::Existence))
}

/// What is sent, and to which user; nothing where the mail is not needed any more.
async fn letter(
    identity: &Identity,
    mail: &Mail,
) -> Result<Result<Option<(Letter, UserId)>, SendError>, StoreError> {
    let Some(content) = identity.outbox.seal.open(mail) else {
        let why = "the mail cannot be opened with the configured secret".to_owned();
        return Ok(Err(SendError::Permanent(why)));
    };
    let known = match content.user {
        Some(user) => identity.store.credentials(user).await?,
        None => identity.store.credentials_by_email(&content.to.key()).await?,
    };
    let Some(known) = known else { return Ok(Ok(None)) };
    let mut expires = None;
    if let Some(purpose) = mail.kind.purpose() {
        let Some(secret) = secret(identity, mail, &content, &known, purpose).await? else {
            return Ok(Ok(None));
        };
        expires = Some(secret.expires);
    }
    let user = known.user.id;
    let letter = Letter {
        id: mail.id,
        kind: mail.kind,
        to: match content.user {
            Some(_) => content.to,
            None => known.user.email,
        },
        name: known.user.display_name,
        secret: content.secret,
        expires,
        created: mail.created,
    };
    Ok(Ok(Some((letter, user))))
}

/// The stored secret of a mail, if it still serves. That of an address which might have been nobody's is
/// stored here, once.
async fn secret(
    identity: &Identity,
    mail: &Mail,
    content: &Sealed,
    known: &Credentials,
    purpose: Purpose,
) -> Result<Option<OneTimeSecret>, StoreError> {
    let (user, now) = (known.user.id, identity.clock.now());
    let mut write = identity.store.write(&[known.user.root()]).await?;
    let present = write.credentials(user).await?.filter(Credentials::may_sign_in);
    let Some(present) = present.filter(|present| present.user.email.key() == content.to.key()) else {
        return Ok(None);
    };
    let stored = write.one_time_secret_of(user, purpose).await?;
    if mail.ready {
        let digest = content.secret.as_ref().map(Digest::of);
        return Ok(stored.filter(|stored| Some(stored.digest) == digest && now < stored.expires));
    }
    let newer = stored.is_some_and(|stored| stored.created > mail.created);
    let resettable = purpose != Purpose::PasswordReset || present.password.is_some();
    let Some(secret) = content.secret.as_ref().filter(|_| !newer && resettable) else {
        return Ok(None);
    };
    let secret = OneTimeSecret::new(secret, &present.user, purpose, mail.created);
    if now >= secret.expires {
        return Ok(None);
    }
    write.put_one_time_secret(&secret).await?;
    write.ready_mail(mail.id).await?;
    write.commit().await?;
    Ok(Some(secret))
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicBool, Ordering};

    use async_trait::async_trait;
    use bailiwick_testkit::witness::system;
    use bailiwick_types::{Authorized, Email, method::identity::DeleteUser};

    use super::*;
    use crate::{
        fixture::{Fixture, Letters},
        mail::{Reader as _, notice},
        one_time::Reader as _,
        store::Store as _,
        user::{User, delete, disable, request_password_reset},
    };

    async fn told(fixture: &Fixture, user: &User) {
        let mut write = fixture.store.write(&[]).await.unwrap();
        notice(&fixture.identity, &mut *write, Kind::PasswordChanged, user)
            .await
            .unwrap();
        write.commit().await.unwrap();
    }
    async fn claimed(fixture: &Fixture) -> Vec<Mail> {
        claim(&fixture.identity, &system(), 10).await.unwrap()
    }
    async fn waiting(fixture: &Fixture) -> usize {
        let ever = fixture.identity.clock.now().plus(Duration::from_hours(1_000));
        fixture.store.due_mails(ever, 100).await.unwrap().len()
    }

    #[tokio::test]
    async fn a_mail_is_sent_to_its_user_and_its_row_is_removed() {
        let fixture = Fixture::new().await;
        let ada = fixture.user("ada@example.com").await;
        told(&fixture, &ada).await;
        let letters = fixture.deliver().await;
        let [letter] = &*letters else {
            panic!("{letters:?}")
        };
        assert_eq!((&letter.to, letter.kind), (&ada.email, Kind::PasswordChanged));
        assert_eq!(waiting(&fixture).await, 0);
        assert!(fixture.deliver().await.is_empty());
    }

    #[tokio::test]
    async fn a_claimed_mail_is_left_to_its_process_until_the_claim_ends() {
        let fixture = Fixture::new().await;
        let ada = fixture.user("ada@example.com").await;
        told(&fixture, &ada).await;
        assert_eq!(claimed(&fixture).await.len(), 1);
        assert!(claimed(&fixture).await.is_empty());
        fixture.clock.advance(LEASE);
        let [again] = &*claimed(&fixture).await else {
            panic!()
        };
        assert_eq!(again.attempts, 2);
    }

    #[tokio::test]
    async fn what_was_sent_and_not_removed_is_sent_again_as_the_same_message() {
        let fixture = Fixture::new().await;
        let ada = fixture.user("ada@example.com").await;
        told(&fixture, &ada).await;
        let letters = Letters::default();
        let [mail] = &*claimed(&fixture).await else {
            panic!()
        };
        let letter = letter(&fixture.identity, mail).await.unwrap().unwrap();
        let (letter, _) = letter.unwrap();
        letters.send(&letter).await.unwrap();
        // The process ends here.
        fixture.clock.advance(LEASE);
        let again = fixture.deliver().await;
        assert_eq!((again[0].id, again[0].created), (letter.id, letter.created));
    }

    /// Deletes the user of a mail while it is being sent.
    struct DeletesMeanwhile {
        identity: Identity,
        user: User,
        by: Authorized<DeleteUser>,
        erased: AtomicBool,
    }

    #[async_trait]
    impl Mailer for DeletesMeanwhile {
        async fn send(&self, _: &Letter) -> Result<(), SendError> {
            let done = delete(&self.identity, &self.by, self.user.id).await;
            done.map(drop)
                .map_err(|error| SendError::Permanent(error.to_string()))
        }
        async fn erase(&self, to: &Email) -> Result<(), SendError> {
            assert_eq!(*to, self.user.email);
            self.erased.store(true, Ordering::Relaxed);
            Ok(())
        }
    }

    #[tokio::test]
    async fn a_mail_that_is_sent_while_its_user_is_deleted_is_erased_by_its_sender() {
        let fixture = Fixture::new().await;
        let ada = fixture.user("ada@example.com").await;
        told(&fixture, &ada).await;
        let mailer = DeletesMeanwhile {
            identity: fixture.identity.clone(),
            user: ada,
            by: fixture.operator(),
            erased: AtomicBool::default(),
        };
        let [mail] = &*claimed(&fixture).await else {
            panic!()
        };
        let done = deliver(&fixture.identity, &system(), &mailer, mail).await;
        assert_eq!(done.unwrap().outcome, Outcome::Sent);
        assert!(mailer.erased.load(Ordering::Relaxed));
        assert_eq!(waiting(&fixture).await, 0);
    }

    #[tokio::test]
    async fn a_failure_is_tried_again_later_and_later_until_the_last_try() {
        let fixture = Fixture::new().await;
        let ada = fixture.user("ada@example.com").await;
        told(&fixture, &ada).await;
        let letters = Letters::failing(SendError::Temporary("greylisted".to_owned()));
        let begin = fixture.identity.clock.now();
        let mut waits = Vec::new();
        loop {
            let [mail] = &*claimed(&fixture).await else {
                panic!()
            };
            let done = deliver(&fixture.identity, &system(), &letters, mail)
                .await
                .unwrap();
            if matches!(done.outcome, Outcome::GivenUp(_)) {
                break;
            }
            assert!(matches!(done.outcome, Outcome::Failed(_)), "{done:?}");
            let ever = fixture.identity.clock.now().plus(Duration::from_hours(1_000));
            let due = fixture.store.due_mails(ever, 1).await.unwrap()[0].due;
            waits.push(due.since(fixture.identity.clock.now()));
            fixture.clock.advance(due.since(fixture.identity.clock.now()));
        }
        assert_eq!(waits[..3], [15, 30, 60].map(Duration::from_secs));
        assert!(waits.iter().all(|wait| *wait <= LONGEST_WAIT));
        let tried_for = fixture.identity.clock.now().since(begin);
        assert_eq!(tried_for, Kind::PasswordChanged.tried_for());
        assert_eq!(waiting(&fixture).await, 0);
    }

    #[tokio::test]
    async fn a_mail_that_is_refused_for_good_three_times_in_a_while_is_given_up() {
        let fixture = Fixture::new().await;
        let ada = fixture.user("ada@example.com").await;
        told(&fixture, &ada).await;
        let letters = Letters::failing(SendError::Permanent("no such mailbox".to_owned()));
        let begin = fixture.identity.clock.now();
        for given_up in [false, false, true] {
            let [mail] = &*claimed(&fixture).await else {
                panic!()
            };
            let done = deliver(&fixture.identity, &system(), &letters, mail)
                .await
                .unwrap();
            let outcome = matches!(done.outcome, Outcome::GivenUp(_));
            assert_eq!(outcome, given_up, "{done:?}");
            let ever = fixture.identity.clock.now().plus(Duration::from_hours(1_000));
            for mail in fixture.store.due_mails(ever, 1).await.unwrap() {
                fixture
                    .clock
                    .advance(mail.due.since(fixture.identity.clock.now()));
            }
        }
        assert_eq!(waiting(&fixture).await, 0);
        // The fault may be one of the configuration, for which somebody needs time.
        let tried_for = fixture.identity.clock.now().since(begin);
        assert!(tried_for >= Duration::from_mins(45), "{tried_for:?}");
    }

    #[tokio::test]
    async fn a_refusal_of_the_sender_that_is_mended_loses_no_mail() {
        let fixture = Fixture::new().await;
        let ada = fixture.user("ada@example.com").await;
        told(&fixture, &ada).await;
        let refusing = Letters::failing(SendError::Permanent("550".to_owned()));
        let [mail] = &*claimed(&fixture).await else {
            panic!()
        };
        deliver(&fixture.identity, &system(), &refusing, mail)
            .await
            .unwrap();
        fixture.clock.advance(LONGEST_WAIT);
        assert_eq!(fixture.deliver().await.len(), 1);
    }

    #[tokio::test]
    async fn a_mail_that_cannot_be_opened_is_given_up_at_the_third_try() {
        let fixture = Fixture::new().await;
        let ada = fixture.user("ada@example.com").await;
        told(&fixture, &ada).await;
        let [mail] = &*claimed(&fixture).await else {
            panic!()
        };
        let swapped = Mail {
            kind: Kind::Activation,
            ..mail.clone()
        };
        let run = async |mail: &Mail| {
            let done = deliver(&fixture.identity, &system(), &Letters::default(), mail).await;
            done.unwrap().outcome
        };
        let first = run(&swapped).await;
        assert!(matches!(first, Outcome::Failed(_)), "{first:?}");
        let third = Mail {
            attempts: 3,
            ..swapped
        };
        let third = run(&third).await;
        assert!(matches!(third, Outcome::GivenUp(_)), "{third:?}");
    }

    #[tokio::test]
    async fn the_secret_of_an_address_is_stored_once_and_a_used_one_does_not_come_back() {
        let fixture = Fixture::new().await;
        let ada = fixture.user("ada@example.com").await;
        request_password_reset::ask(&fixture, "ada@example.com").await;
        let [mail] = &*claimed(&fixture).await else {
            panic!()
        };
        let first = letter(&fixture.identity, mail).await.unwrap().unwrap();
        assert!(first.is_some());
        let mut write = fixture.store.write(&[]).await.unwrap();
        let purpose = Purpose::PasswordReset;
        let stored = write.one_time_secret_of(ada.id, purpose).await.unwrap().unwrap();
        assert!(
            crate::one_time::Writer::take_one_time_secret(&mut *write, &stored.digest)
                .await
                .unwrap()
        );
        write.commit().await.unwrap();
        fixture.clock.advance(LEASE);
        assert!(fixture.deliver().await.is_empty());
        assert_eq!(
            fixture.store.one_time_secret_of(ada.id, purpose).await.unwrap(),
            None
        );
    }

    #[tokio::test]
    async fn a_user_that_was_disabled_meanwhile_gets_no_secret() {
        let fixture = Fixture::new().await;
        let ada = fixture.user("ada@example.com").await;
        request_password_reset::ask(&fixture, "ada@example.com").await;
        disable(&fixture.identity, &fixture.operator(), ada.id)
            .await
            .unwrap();
        assert!(fixture.deliver().await.is_empty());
        assert_eq!(waiting(&fixture).await, 0);
    }

    #[tokio::test]
    async fn an_older_request_does_not_end_the_secret_of_a_newer_one() {
        let fixture = Fixture::new().await;
        fixture.user("ada@example.com").await;
        request_password_reset::ask(&fixture, "ada@example.com").await;
        let [older] = &*claimed(&fixture).await else {
            panic!()
        };
        fixture.clock.advance(Duration::from_secs(61));
        request_password_reset::ask(&fixture, "ada@example.com").await;
        let newer = fixture.deliver().await;
        assert_eq!(newer.len(), 1);
        let done = deliver(&fixture.identity, &system(), &Letters::default(), older)
            .await
            .unwrap();
        assert_eq!(done.outcome, Outcome::Dropped);
    }

    #[tokio::test]
    async fn a_mail_whose_every_try_ends_without_a_record_is_given_up_after_the_last() {
        let fixture = Fixture::new().await;
        let ada = fixture.user("ada@example.com").await;
        told(&fixture, &ada).await;
        let begin = fixture.identity.clock.now();
        let mut claims = 0;
        while fixture.identity.clock.now().since(begin) <= Kind::PasswordChanged.tried_for() + LEASE {
            // The process ends here, or the row cannot be read.
            claims += claimed(&fixture).await.len();
            fixture.clock.advance(LEASE);
        }
        assert!(claims > 400, "{claims}");
        let [mail] = &*claimed(&fixture).await else {
            panic!()
        };
        let letters = Letters::default();
        let done = deliver(&fixture.identity, &system(), &letters, mail).await;
        let outcome = done.unwrap().outcome;
        assert!(matches!(outcome, Outcome::GivenUp(_)), "{outcome:?}");
        assert_eq!(waiting(&fixture).await, 0);
    }

    #[tokio::test]
    async fn a_mail_that_waited_for_a_process_longer_than_it_is_tried_is_sent() {
        let fixture = Fixture::new().await;
        let ada = fixture.user("ada@example.com").await;
        told(&fixture, &ada).await;
        fixture.clock.advance(Duration::from_hours(100));
        assert_eq!(fixture.deliver().await.len(), 1);
    }

    #[tokio::test]
    async fn a_mail_that_was_claimed_again_is_not_postponed_by_the_first_process() {
        let fixture = Fixture::new().await;
        let ada = fixture.user("ada@example.com").await;
        told(&fixture, &ada).await;
        let [first] = &*claimed(&fixture).await else {
            panic!()
        };
        fixture.clock.advance(LEASE);
        let [second] = &*claimed(&fixture).await else {
            panic!()
        };
        let mut write = fixture.store.write(&[]).await.unwrap();
        write.postpone_mail(first, Timestamp(0)).await.unwrap();
        write.commit().await.unwrap();
        assert!(claimed(&fixture).await.is_empty());
        assert_eq!(second.attempts, 2);
    }
}
