//! E-mail addresses and titles, where a person types them instead of ids.

use anyhow::{Context, Result, bail};
use bailiwick_client::Client;
use bailiwick_proto::{
    authorization::v1::{ListGroupsRequest, ListMembersRequest, ListRolesRequest, ListScopesRequest},
    identity::v1::ListUsersRequest,
    tenancy::v1::{ListAccountsRequest, ListInstancesRequest, ListWorkspacesRequest},
};

use super::{At, caller, message};

/// Titles from this similarity on are suggested.
const SIMILAR: f64 = 0.75;
/// Rows a page.
const PAGE: i32 = 200;

impl At {
    /// The id of a user: an id, an e-mail address of a member, or `me`.
    pub(crate) async fn user(&self, text: &str) -> Result<String> {
        let text = text.strip_prefix("user:").unwrap_or(text);
        if text == "me" {
            let subject = caller(&self.client).await?;
            let user = subject.strip_prefix("user:").map(str::to_owned);
            return user.with_context(|| format!("`me` is {subject}, which is no user"));
        }
        if !text.contains('@') {
            return Ok(text.to_owned());
        }
        let request = ListMembersRequest {
            account: self.account.clone(),
            email: text.to_owned(),
            ..ListMembersRequest::default()
        };
        let members = message(self.client.authorization().member().list_members(request).await)?.members;
        match members.as_slice() {
            [one] => Ok(one.user.clone()),
            [] => bail!("no member of {} has the e-mail address `{text}`", self.account),
            _ => bail!("several members have the e-mail address `{text}`: give the id of the user"),
        }
    }
    /// A subject, `TYPE:ID`: as given, or from an e-mail address, `me` or `group:TITLE`.
    pub(crate) async fn subject(&self, text: &str) -> Result<String> {
        if text.starts_with("user:") || text.contains('@') || text == "me" {
            return Ok(format!("user:{}", self.user(text).await?));
        }
        match text.strip_prefix("group:") {
            Some(group) => Ok(format!("group:{}", self.group(group).await?)),
            None => Ok(text.to_owned()),
        }
    }
    /// The id of a group: an id or a title.
    pub(crate) async fn group(&self, text: &str) -> Result<String> {
        let text = text.strip_prefix("group:").unwrap_or(text);
        if text.starts_with("group_") {
            return Ok(text.to_owned());
        }
        let mut request = ListGroupsRequest {
            account: self.account.clone(),
            page_size: PAGE,
            ..ListGroupsRequest::default()
        };
        let mut known = Vec::new();
        loop {
            let page = message(
                self.client
                    .authorization()
                    .group()
                    .list_groups(request.clone())
                    .await,
            )?;
            known.extend(page.groups.into_iter().map(|group| (group.title, group.group)));
            if page.next_page_token.is_empty() {
                return one("group", text, known);
            }
            request.page_token = page.next_page_token;
        }
    }
    /// A scope, `LEVEL:ID`: `account`, or `instance:` or `workspace:` with an id or a title.
    pub(crate) async fn scope(&self, text: &str) -> Result<String> {
        match text.split_once(':') {
            None if text == "account" => Ok(format!("account:{}", self.account)),
            Some(("account", "")) => Ok(format!("account:{}", self.account)),
            Some(("instance", title)) => Ok(format!("instance:{}", self.instance(title).await?)),
            Some(("workspace", title)) => Ok(format!("workspace:{}", self.workspace(title).await?)),
            _ => Ok(text.to_owned()),
        }
    }
    /// The id of an instance: an id or a title.
    pub(crate) async fn instance(&self, text: &str) -> Result<String> {
        let text = text.strip_prefix("instance:").unwrap_or(text);
        if text.starts_with("inst_") {
            return Ok(text.to_owned());
        }
        let mut request = ListInstancesRequest {
            account: self.account.clone(),
            page_size: PAGE,
            ..ListInstancesRequest::default()
        };
        let mut known = Vec::new();
        loop {
            let page = message(
                self.client
                    .tenancy()
                    .instance()
                    .list_instances(request.clone())
                    .await,
            )?;
            known.extend(
                page.instances
                    .into_iter()
                    .map(|place| (place.title, place.instance)),
            );
            if page.next_page_token.is_empty() {
                return one("instance", text, known);
            }
            request.page_token = page.next_page_token;
        }
    }
    /// The id of a workspace: an id or a title.
    pub(crate) async fn workspace(&self, text: &str) -> Result<String> {
        let text = text.strip_prefix("workspace:").unwrap_or(text);
        if text.starts_with("ws_") {
            return Ok(text.to_owned());
        }
        let mut request = ListWorkspacesRequest {
            account: self.account.clone(),
            page_size: PAGE,
            search: text.to_owned(),
            ..ListWorkspacesRequest::default()
        };
        let mut known = Vec::new();
        loop {
            let page = message(
                self.client
                    .tenancy()
                    .workspace()
                    .list_workspaces(request.clone())
                    .await,
            )?;
            known.extend(
                page.workspaces
                    .into_iter()
                    .map(|place| (place.title, place.workspace)),
            );
            if page.next_page_token.is_empty() {
                return one("workspace", text, known);
            }
            request.page_token = page.next_page_token;
        }
    }
    /// The name of a role. A name that the account does not have is refused with one that is similar; who may
    /// not list the roles has the suite decide.
    pub(crate) async fn role(&self, name: &str) -> Result<String> {
        let account = self.account.clone();
        let roles = self
            .client
            .authorization()
            .role()
            .list_roles(ListRolesRequest { account })
            .await;
        let Ok(roles) = roles else {
            return Ok(name.to_owned());
        };
        let known = roles.into_inner().roles.into_iter();
        one(
            "role",
            name,
            known.map(|role| (role.name.clone(), role.name)).collect(),
        )
    }
}

/// The id of an account: an id or a title.
pub(crate) async fn find_account(client: &Client, text: &str) -> Result<String> {
    let text = text.strip_prefix("account:").unwrap_or(text);
    if text.starts_with("acct_") {
        return Ok(text.to_owned());
    }
    let mut known = viewed(client, text).await?;
    if !known.iter().any(|(title, _)| title == text) {
        known.extend(own_accounts(client).await?);
    }
    known.sort();
    known.dedup();
    one("account", text, known)
}

/// The only account that the caller has something in.
pub(super) async fn only_account(client: &Client) -> Result<String> {
    match own_accounts(client).await?.as_slice() {
        [(_, id)] => Ok(id.clone()),
        [] => bail!("`--account` is required: the caller has no account of its own"),
        some => {
            let titles: Vec<&str> = some.iter().take(10).map(|(title, _)| title.as_str()).collect();
            bail!(
                "`--account` is required: the caller has {}, {}{}",
                crate::output::count(u32::try_from(some.len())?, "account"),
                titles.join(", "),
                if some.len() > titles.len() {
                    " and others"
                } else {
                    ""
                }
            )
        }
    }
}

/// Titles and ids of accounts that the caller may view and whose title contains a text, one page.
async fn viewed(client: &Client, search: &str) -> Result<Vec<(String, String)>> {
    let request = ListAccountsRequest {
        search: search.to_owned(),
        page_size: PAGE,
        ..ListAccountsRequest::default()
    };
    let page = message(client.tenancy().account().list_accounts(request).await)?;
    let accounts = page.accounts.into_iter();
    Ok(accounts.map(|account| (account.title, account.account)).collect())
}

/// Titles and ids of the accounts in which the caller has any permission.
pub(crate) async fn own_accounts(client: &Client) -> Result<Vec<(String, String)>> {
    let mut request = ListScopesRequest {
        page_size: PAGE,
        ..ListScopesRequest::default()
    };
    let mut own: Vec<(String, String)> = Vec::new();
    loop {
        let page = message(client.authorization().query().list_scopes(request.clone()).await)?;
        own.extend(
            page.scopes
                .into_iter()
                .map(|scope| (scope.account_title, scope.account)),
        );
        own.dedup();
        if page.next_page_token.is_empty() {
            return Ok(own);
        }
        request.page_token = page.next_page_token;
    }
}

/// The id of a user of the deployment, by id or e-mail address: for operators.
pub(crate) async fn find_user(client: &Client, text: &str) -> Result<String> {
    let text = text.strip_prefix("user:").unwrap_or(text);
    if !text.contains('@') {
        return Ok(text.to_owned());
    }
    let request = ListUsersRequest {
        email: text.to_owned(),
        ..ListUsersRequest::default()
    };
    let users = message(client.identity().user().list_users(request).await)?.users;
    let first = users.into_iter().next().map(|user| user.user);
    first.with_context(|| format!("no user has the e-mail address `{text}`"))
}

/// The id of the one that has this title, or an error that says what is similar.
fn one(noun: &str, title: &str, known: Vec<(String, String)>) -> Result<String> {
    let same: Vec<&String> = known
        .iter()
        .filter(|(of, _)| of == title)
        .map(|(_, id)| id)
        .collect();
    match same.as_slice() {
        [id] => return Ok((*id).clone()),
        [] => {}
        _ => bail!(
            "there are {} {noun}s with the title `{title}`: give the id",
            same.len()
        ),
    }
    let similar = |of: &str| strsim::jaro_winkler(&of.to_lowercase(), &title.to_lowercase());
    let best = known
        .iter()
        .max_by(|(a, _), (b, _)| similar(a).total_cmp(&similar(b)));
    match best {
        Some((best, _)) if similar(best) >= SIMILAR => {
            bail!("there is no {noun} `{title}`; did you mean `{best}`?")
        }
        _ => bail!("there is no {noun} `{title}`"),
    }
}

#[cfg(test)]
mod tests {
    use super::one;

    fn known() -> Vec<(String, String)> {
        [("Sales", "1"), ("Spa", "2"), ("Twice", "3"), ("Twice", "4")]
            .map(|(title, id)| (title.to_owned(), id.to_owned()))
            .into()
    }

    #[test]
    fn a_title_names_one_or_the_error_says_what_is_similar() {
        assert_eq!(one("instance", "Sales", known()).unwrap(), "1");
        let error = |title: &str| one("instance", title, known()).unwrap_err().to_string();
        assert_eq!(
            error("Slaes"),
            "there is no instance `Slaes`; did you mean `Sales`?"
        );
        assert_eq!(error("Reception"), "there is no instance `Reception`");
        assert_eq!(
            error("Twice"),
            "there are 2 instances with the title `Twice`: give the id"
        );
    }
}
