//! `sign_up`: not implemented, as the method has no messages; the arguments are read for their faults.

use super::prelude::*;

#[derive(Debug)]
pub(super) struct SignUp;

impl Arguments for SignUp {
    fn read(fields: &mut Fields<'_, '_>) -> Self {
        for key in ["user", "email", "account", "title"] {
            let _: String = fields.need(key);
        }
        for key in ["instance", "edition"] {
            let _: Option<String> = fields.get(key);
        }
        Self
    }
}

#[async_trait]
impl Verb for SignUp {
    fn declares() -> &'static [(&'static str, Named)] {
        &[
            ("user", Named::User),
            ("account", Named::Scope(Level::Account)),
            ("instance", Named::Scope(Level::Instance)),
        ]
    }
    async fn run(&self, _: &mut Call<'_>) -> Result<Answer, Trouble> {
        Err(Trouble::not_implemented("SignUpService/SignUp"))
    }
}
