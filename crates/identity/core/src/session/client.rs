//! The client that a session began at, as far as it says so.

use crate::attempt::ClientNetwork;

/// How a client names itself, cut to 200 characters without control characters. It proves nothing.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct UserAgent(String);

impl UserAgent {
    /// The largest number of characters.
    pub const MOST: usize = 200;

    /// Reads what a client says.
    #[must_use]
    pub fn new(text: &str) -> Self {
        let visible = text.chars().filter(|character| !character.is_control());
        Self(visible.take(Self::MOST).collect())
    }
    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Where a session began.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Client {
    /// How it names itself.
    pub agent: UserAgent,
    /// The network that it called from.
    pub network: ClientNetwork,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_client_says_is_cut_and_has_no_control_characters() {
        assert_eq!(UserAgent::new("grpc-go/1.70\r\n\u{0}x").as_str(), "grpc-go/1.70x");
        let long = UserAgent::new(&"é".repeat(1_000));
        assert_eq!(long.as_str().chars().count(), 200);
    }
}
