//! Wrong client credentials.

use bailiwick_types::StoreError;

use super::{ClientNetwork, Throttled, throttled};
use crate::{Identity, secret::Digest};

/// Counts a wrong client secret. The right one, 256 random bits that nobody guesses, is never refused:
/// somebody else in the network of a client must not be able to keep it out.
pub(crate) async fn wrong_client(
    identity: &Identity,
    client_id: &str,
    network: ClientNetwork,
) -> Result<Option<Throttled>, StoreError> {
    if identity.admission.pass(network).is_err() {
        let wait = std::time::Duration::from_secs(1);
        return Ok(Some(Throttled { wait }));
    }
    let counter = Digest::of_parts(&["client", client_id, &network.to_string()]);
    let mut write = identity.store.write(&[]).await?;
    if !write
        .take(&counter, None, identity.throttle.near, identity.clock.now())
        .await?
    {
        drop(write);
        return throttled(identity, &counter).await.map(Some);
    }
    write.commit().await?;
    Ok(None)
}
