//! A product as a whole: its own services' roles count, and those of the deployment.

use bailiwick_types::{CallerKind, Code, Fault, OperatorAllowed, Target};

use crate::{Given, a, account, authorize, caller, guard};

#[tokio::test]
async fn a_product_is_asked_about_for_callers_that_are_bound_to_no_account() {
    let target = Target::product(&"notes".parse().unwrap());
    for (kind, bound, expected) in [
        (CallerKind::Service, None, Some(OperatorAllowed::Yes)),
        (CallerKind::User, None, Some(OperatorAllowed::Only)),
        (CallerKind::User, Some(account(1)), None),
        (CallerKind::Service, Some(account(1)), None),
    ] {
        // What an account gives is nothing at a product.
        for operator in [false, true] {
            let (guard, given) = guard(Given {
                in_account: Some(account(1)),
                operator,
                ..Given::default()
            });
            let passed = authorize::<a::Watch>(&guard, &caller(kind, bound), &target).await;
            let asked = given.asked.lock().unwrap().pop();
            let question = expected.map(|allowed| {
                let targets = vec!["product:notes".to_owned()];
                (None, "change.watch".to_owned(), targets, allowed)
            });
            assert_eq!(asked, question, "{kind:?} {bound:?}");
            let code = passed.as_ref().err().map(Fault::code);
            let is_let = operator && expected.is_some();
            assert_eq!(
                code,
                (!is_let).then_some(Code::PermissionDenied),
                "{kind:?} {bound:?}"
            );
            if let Ok(by) = passed {
                assert!(by.is_operator() && by.account().is_none());
            }
        }
    }
}
