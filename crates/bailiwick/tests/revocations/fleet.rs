//! Two processes of each service.

use bailiwick_client::{Client, Credentials, Endpoints};
use bailiwick_proto::{
    authorization::v1::ListProductsRequest, identity::v1::GetUserRequest, tenancy::v1::ListAccountsRequest,
};
use bailiwick_testkit::{Process, RestoreMode, eventually, free_port};
use tonic::{Code, Status};

use crate::support::{PATIENCE, Trio};

const SERVICES: [&str; 3] = ["identity", "tenancy", "authorization"];
pub(crate) const IDENTITY: usize = 0;
pub(crate) const AUTHORIZATION: usize = 2;

/// Two processes of each service on one database each.
pub(crate) struct Fleet {
    pub(crate) trio: Trio,
    ports: Vec<u16>,
    others: Vec<Option<Process>>,
}

impl Fleet {
    pub(crate) async fn start() -> Self {
        Self::start_with(None).await
    }
    /// The same with Redis.
    pub(crate) async fn start_with(redis: Option<String>) -> Self {
        let mut fleet = Self {
            trio: Trio::start(redis).await,
            ports: SERVICES.iter().map(|_| free_port().unwrap()).collect(),
            others: vec![None, None, None],
        };
        for at in 0..SERVICES.len() {
            fleet.launch_other(at);
        }
        fleet.ready(0..SERVICES.len()).await;
        fleet
    }
    fn launch_other(&mut self, at: usize) {
        let listen = format!("127.0.0.1:{}", self.ports[at]);
        let command = self.trio.more(&["serve", SERVICES[at], "--listen", &listen]);
        self.others[at] = Some(Process::start(command).unwrap());
    }
    async fn ready(&self, all: impl IntoIterator<Item = usize>) {
        for at in all {
            self.trio.ready(at).await;
            let other = self.others[at].as_ref().unwrap();
            other.line("grpc://", PATIENCE).await;
        }
    }
    fn kill(&mut self, at: usize) {
        self.trio.kill(at);
        self.others[at].take().unwrap().kill().unwrap();
    }
    fn launch(&mut self, at: usize) {
        self.trio.launch(at);
        self.launch_other(at);
    }
    /// Kills every process and starts it again.
    pub(crate) async fn restart(&mut self) {
        for at in 0..SERVICES.len() {
            self.kill(at);
            self.launch(at);
        }
        self.ready(0..SERVICES.len()).await;
    }
    /// Sets the database of a service back to a dump.
    pub(crate) async fn restore(&mut self, at: usize, dump: &bailiwick_testkit::Dump, mode: RestoreMode) {
        self.kill(at);
        self.trio.database(at).restore(dump, mode).await.unwrap();
        self.launch(at);
        self.ready([at]).await;
    }
    /// Clients of the first processes and of the second ones. They carry no token of another client.
    pub(crate) fn clients(&self, credentials: &Credentials) -> [Client; 2] {
        let of = |at: usize| format!("http://127.0.0.1:{}", self.ports[at]);
        [self.trio.endpoints(), Endpoints::each(of(0), of(1), of(2))].map(|endpoints| {
            Client::lazy(&endpoints)
                .unwrap()
                .with_credentials(credentials.clone())
        })
    }
    /// What all processes answer to an access token.
    pub(crate) async fn codes(&self, access: &str, user: &str) -> Vec<Code> {
        let mut codes = Vec::new();
        for client in self.clients(&Credentials::Bearer(access.to_owned().into())) {
            let user = GetUserRequest {
                user: user.to_owned(),
            };
            codes.push(code(client.identity().user().get_user(user).await));
            let accounts = ListAccountsRequest::default();
            codes.push(code(client.tenancy().account().list_accounts(accounts).await));
            let products = ListProductsRequest::default();
            codes.push(code(
                client.authorization().product().list_products(products).await,
            ));
        }
        codes
    }
    /// Waits until all processes know who has the access token, and accept it.
    pub(crate) async fn accepted(&self, access: &str, user: &str) {
        let accepted = async || {
            let codes = self.codes(access, user).await;
            !codes.contains(&Code::Unauthenticated) && !codes.contains(&Code::Unavailable)
        };
        eventually("the credentials to count", PATIENCE, accepted).await;
    }
    /// Waits until no process accepts an access token, then asks again and again.
    pub(crate) async fn refused_for_good(&self, access: &str, user: &str) {
        let refused = async || self.codes(access, user).await == [Code::Unauthenticated; 6];
        eventually("the credentials to be refused", PATIENCE, refused).await;
        for _ in 0..3 {
            assert_eq!(self.codes(access, user).await, [Code::Unauthenticated; 6]);
        }
    }
}

fn code<T>(answer: Result<T, Status>) -> Code {
    answer.map_or_else(|status| status.code(), |_| Code::Ok)
}
