//! Requests as bytes from outside, read as the service reads them: for the fuzz targets in `fuzz/` and for
//! the test that runs over what they have found.

mod request;

pub use request::request;

#[cfg(test)]
mod tests {
    use bailiwick_proto::authorization::v1 as pb;
    use bailiwick_testkit::corpus::{replay, seed};
    use prost::Message;

    use super::*;

    #[test]
    fn requests_that_were_found_once_are_read_or_refused() {
        let account = "acct_01h455vb4pex5vsknk084sn02q".to_owned();
        let subject = "user:user_01h455vb4pex5vsknk084sn02q".to_owned();
        let check = pb::CheckRequest {
            account: account.clone(),
            subject: subject.clone(),
            permission: "project.view".to_owned(),
            target: "project:nps".to_owned(),
            ..pb::CheckRequest::default()
        };
        let item = pb::BatchCheckItem {
            permission: "project.view".to_owned(),
            target: "project:nps".to_owned(),
            ..pb::BatchCheckItem::default()
        };
        let batch = pb::BatchCheckRequest {
            account: account.clone(),
            subject: subject.clone(),
            items: vec![item.clone(), item],
            ..pb::BatchCheckRequest::default()
        };
        let assign = pb::AssignRoleRequest {
            account: account.clone(),
            subject: subject.clone(),
            role: "sub_user".to_owned(),
            ..pb::AssignRoleRequest::default()
        };
        let grant = pb::CreateGrantRequest {
            account: account.clone(),
            subject,
            permissions: vec!["project.view".to_owned()],
            target: Some(pb::GrantTarget {
                target: format!("account:{account}"),
                r#type: "project".to_owned(),
                applies_to: pb::AppliesTo::Future.into(),
            }),
            ..pb::CreateGrantRequest::default()
        };
        let register = pb::RegisterResourceRequest {
            account: account.clone(),
            ..pb::RegisterResourceRequest::default()
        };
        let invite = pb::CreateInvitationRequest {
            account,
            ..pb::CreateInvitationRequest::default()
        };
        let messages = [
            ("check", 0, check.encode_to_vec()),
            ("batch", 1, batch.encode_to_vec()),
            ("assign", 2, assign.encode_to_vec()),
            ("invite", 4, invite.encode_to_vec()),
            ("register", 7, register.encode_to_vec()),
            ("grant", 11, grant.encode_to_vec()),
            ("subject", 14, b"user:ann".to_vec()),
            ("scope", 15, b"workspace:ws_01h455vb4pex5vsknk084sn02q".to_vec()),
        ];
        for (name, kind, message) in messages {
            let bytes: Vec<u8> = std::iter::once(kind).chain(message).collect();
            seed("request", name, &bytes, request);
        }
        replay("request", request);
    }
}
