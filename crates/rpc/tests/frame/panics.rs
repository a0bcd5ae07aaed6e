//! Panics of handlers.

use tonic::Code;
use tonic_types::StatusExt;

use crate::support::{Setup, reason, script};

#[tokio::test]
async fn a_panic_is_an_internal_error_that_tells_nothing_and_the_connection_goes_on() {
    let world = Setup::script(script(|context| async move {
        assert!(
            context.caller.subject().is_some(),
            "row 7 of table `users` is odd"
        );
        Ok(())
    }))
    .start()
    .await;
    let status = world.anybody().await.unwrap_err();
    assert_eq!(
        (status.code(), status.message()),
        (Code::Internal, "internal error")
    );
    assert_eq!(reason(&status), "INTERNAL");
    assert!(!format!("{status:?}").contains("row 7"));
    let details = status.get_error_details();
    let told = &details.request_info().unwrap().request_id;
    assert_eq!(
        told.as_bytes(),
        status.metadata().get("x-request-id").unwrap().as_encoded_bytes()
    );
    world.introspect(Some(&world.token())).await.unwrap();
}
