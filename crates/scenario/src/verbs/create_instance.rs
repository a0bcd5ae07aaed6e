//! `create_instance`: creates an instance in an account.

use super::prelude::*;

#[derive(Debug)]
pub(crate) struct CreateInstance {
    pub(crate) id: String,
    pub(crate) within: Scope,
    pub(crate) title: String,
    pub(crate) edition: String,
}

impl Arguments for CreateInstance {
    fn read(fields: &mut Fields<'_, '_>) -> Self {
        let within: Scope = fields.need("in");
        if within.level != Level::Account {
            let at = fields.at_key("in");
            let message = format!("an instance is created in an account, not in `{within}`");
            fields.fault(at, message);
        }
        Self {
            id: fields.need("id"),
            within,
            title: fields.need("title"),
            edition: fields.get("edition").unwrap_or_default(),
        }
    }
    fn account<'n>(&'n self, names: &'n Names) -> &'n str {
        self.within.account(names)
    }
}

#[async_trait]
impl Verb for CreateInstance {
    fn declares() -> &'static [(&'static str, Named)] {
        &[("id", Named::Scope(Level::Instance))]
    }
    async fn run(&self, call: &mut Call<'_>) -> Result<Answer, Trouble> {
        let request = tenancy::CreateInstanceRequest {
            account: call.account_id(),
            title: self.title.clone(),
            edition: self.edition.clone(),
            request_id: String::new(),
        };
        let mut instances = call.client().await?.tenancy().instance();
        let answer = instances.create_instance(request).await?;
        let id = answer.into_inner().instance.unwrap_or_default().instance;
        let name = (Named::Scope(Level::Instance), &*self.id);
        call.names.add(&name, &id, &call.account);
        Ok(Answer::Ok)
    }
}
