//! Personal data in changes: what is told of a person and is taken out once the person is gone.

use bailiwick_proto::events::v1::change::Change;
use bailiwick_types::{Email, EmailKey};

use crate::{change, encode};

/// A change of a user without its e-mail address and name; nothing where it is none, or has neither.
#[must_use]
pub fn without_user(bytes: &[u8]) -> Option<Vec<u8>> {
    let Ok(Change::UserChanged(mut of)) = change(bytes) else {
        return None;
    };
    if of.email.is_empty() && of.display_name.is_empty() {
        return None;
    }
    (of.email, of.display_name) = Default::default();
    Some(encode(Change::UserChanged(of)))
}

/// A change of an invitation to an address without the address; nothing where it is none to it.
#[must_use]
pub fn without_invited(bytes: &[u8], address: &EmailKey) -> Option<Vec<u8>> {
    let Ok(Change::InvitationChanged(mut of)) = change(bytes) else {
        return None;
    };
    let invited: Email = of.email.parse().ok()?;
    if invited.key() != *address {
        return None;
    }
    of.email.clear();
    Some(encode(Change::InvitationChanged(of)))
}

/// A change without anybody's e-mail address and name; nothing where it has none.
#[must_use]
pub fn without_personal_data(bytes: &[u8]) -> Option<Vec<u8>> {
    match change(bytes) {
        Ok(Change::InvitationChanged(mut of)) if !of.email.is_empty() => {
            of.email.clear();
            Some(encode(Change::InvitationChanged(of)))
        }
        _ => without_user(bytes),
    }
}

#[cfg(test)]
mod tests {
    use bailiwick_proto::events::v1::{InvitationChanged, SessionRevoked, UserChanged};

    use super::*;

    fn user() -> Vec<u8> {
        encode(Change::UserChanged(UserChanged {
            user: "user_1".to_owned(),
            version: 3,
            email: "Ada@example.com".to_owned(),
            display_name: "Ada".to_owned(),
            ..Default::default()
        }))
    }

    fn invitation(email: &str) -> Vec<u8> {
        encode(Change::InvitationChanged(InvitationChanged {
            invitation: "inv_1".to_owned(),
            email: email.to_owned(),
            ..Default::default()
        }))
    }

    #[test]
    fn a_user_keeps_its_id_and_version_alone() {
        for bytes in [without_user(&user()), without_personal_data(&user())] {
            let Ok(Change::UserChanged(of)) = change(&bytes.unwrap()) else {
                panic!("another change")
            };
            assert_eq!((of.user.as_str(), of.version), ("user_1", 3));
            assert_eq!((of.email.as_str(), of.display_name.as_str()), ("", ""));
        }
    }

    #[test]
    fn an_invitation_loses_the_address_in_any_case_and_no_other_one() {
        let ada = "ada@example.com".parse::<Email>().unwrap().key();
        let told = without_invited(&invitation("ADA@example.com"), &ada).unwrap();
        let Ok(Change::InvitationChanged(of)) = change(&told) else {
            panic!("another change")
        };
        assert_eq!((of.invitation.as_str(), of.email.as_str()), ("inv_1", ""));
        assert_eq!(without_invited(&invitation("ben@example.com"), &ada), None);
        assert_eq!(without_invited(&told, &ada), None, "it is gone already");
        let of_anybody = without_personal_data(&invitation("ben@example.com")).unwrap();
        assert_eq!(of_anybody, told);
    }

    #[test]
    fn what_tells_of_nobody_stays_as_it_is() {
        let revoked = encode(Change::SessionRevoked(SessionRevoked::default()));
        for bytes in [&revoked[..], b"\xff"] {
            assert_eq!(without_user(bytes), None);
            assert_eq!(without_personal_data(bytes), None);
        }
    }
}
