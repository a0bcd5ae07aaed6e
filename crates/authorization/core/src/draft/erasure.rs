//! What is erased of a deleted user.

use async_trait::async_trait;
use bailiwick_types::{AccountId, EmailKey, StoreError, Subject};

use super::{ALL, Draft};
use crate::{
    erasure,
    invitation::{Invitation, Reader as _},
    member::Reader as _,
};

#[async_trait]
impl erasure::Reader for Draft {
    async fn accounts_naming(
        &self,
        subject: &Subject,
        address: &EmailKey,
    ) -> Result<Vec<AccountId>, StoreError> {
        let mut all = self.accounts_of(subject).await?;
        let invited = self.invitations(Some(address), None, ALL).await?;
        let accounts = invited.iter().map(|invitation| invitation.account);
        all.extend(accounts);
        all.sort();
        all.dedup();
        Ok(all)
    }
}

#[async_trait]
impl erasure::Writer for Draft {
    async fn forget_invited(&mut self, address: &EmailKey) -> Result<Vec<Invitation>, StoreError> {
        let invited = self.invitations(Some(address), None, ALL).await?;
        for invitation in &invited {
            let id = invitation.id.uuid();
            self.rows.invitations.remove(id, invitation.clone());
        }
        Ok(invited)
    }
}
