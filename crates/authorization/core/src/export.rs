//! Records in the audit log that the permissions of an account are exported.

use bailiwick_types::method::authorization::ExportPermissions;

use crate::prelude::*;

/// What is exported. The guard has asked for `export.create`.
#[derive(Debug, Clone)]
pub struct Record {
    /// The format of the file.
    pub format: &'static str,
    /// Only what this subject has, where given.
    pub subject: Option<Subject>,
}

#[async_trait]
impl Operation for Record {
    type Method = ExportPermissions;
    type Output = ();
    type Plan = ();

    async fn permit(&self, _: &mut Work) -> Result<(), Error> {
        Ok(())
    }

    async fn apply(self, (): (), work: &mut Work) -> Result<(), Error> {
        let whose = self.subject.map_or_else(|| "all".to_owned(), |of| of.to_string());
        let entry = work.entry(work.account_scope()).with("format", self.format);
        work.emit(entry.with("subject", whose));
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use bailiwick_policy::PlaceState;

    use super::*;
    use crate::{
        Change,
        memory::{World, account, subject},
    };

    #[tokio::test]
    async fn an_export_is_audited_with_its_format_and_subject() {
        let world = World::new().await;
        world.member(1, "admin").await;
        for (of, whose) in [
            (None, "all".to_owned()),
            (Some(subject(2)), subject(2).to_string()),
        ] {
            let format = "csv";
            world.run(1, Record { format, subject: of }).await.unwrap();
            let told = world.told();
            let Some(Change::Audited(entry)) = told.last() else {
                panic!("{told:?}")
            };
            assert_eq!(
                (&entry.target, &entry.actor),
                (&account().to_string(), &Some(subject(1)))
            );
            assert_eq!(
                entry.action,
                "bailiwick.authorization.v1.ExportService/ExportPermissions"
            );
            assert_eq!(
                (&*entry.details["format"], &entry.details["subject"]),
                (format, &whose)
            );
        }
    }

    #[tokio::test]
    async fn only_an_operator_learns_that_an_account_does_not_exist() {
        let world = World::new().await;
        world
            .change_account(|account| account.state = PlaceState::Deleted)
            .await;
        let record = Record {
            format: "csv",
            subject: None,
        };
        let refused = world.run(1, record.clone()).await;
        assert!(matches!(refused, Err(Error::Refused(Refused::Denied))));
        let refused = world.operate(record).await;
        assert!(matches!(
            refused,
            Err(Error::Refused(Refused::NotFound("account")))
        ));
    }
}
