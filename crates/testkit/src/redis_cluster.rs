//! A throw-away Redis Cluster.

use std::time::Duration;

use crate::{Redis, eventually, port::free_port};

/// Slots of a cluster.
const SLOTS: u16 = 16_384;

/// Three masters that share the slots, without replicas.
#[derive(Debug, Clone)]
pub struct RedisCluster {
    nodes: Vec<Redis>,
}

impl RedisCluster {
    /// Starts three servers and joins them.
    ///
    /// # Errors
    /// `redis-server` is missing, or one does not come up.
    pub async fn start() -> anyhow::Result<Self> {
        let mut nodes = Vec::new();
        for _ in 0..3 {
            // The bus would listen on the port plus 10,000, which may be taken, or no port at all.
            let bus = format!("cluster-port {}", free_port()?);
            let options = ["cluster-enabled yes", "cluster-config-file nodes.conf", &bus];
            nodes.push((Redis::start_with(&options).await?, bus));
        }
        let share = SLOTS / 3;
        for (n, (node, _)) in (0_u16..).zip(&nodes) {
            let last = if n == 2 { SLOTS - 1 } else { share * (n + 1) - 1 };
            node.command(&format!("CLUSTER ADDSLOTSRANGE {} {last}", share * n))
                .await?;
            node.command(&format!("CLUSTER SET-CONFIG-EPOCH {}", n + 1))
                .await?;
        }
        if let Some(((first, _), others)) = nodes.split_first() {
            for (other, bus) in others {
                let bus = bus.rsplit(' ').next().unwrap_or_default();
                first
                    .command(&format!("CLUSTER MEET 127.0.0.1 {} {bus}", other.port()))
                    .await?;
            }
        }
        for (node, _) in &nodes {
            // Until it knows all slots it answers that the cluster is down; then it answers, or names the
            // node to ask.
            eventually("the cluster", Duration::from_secs(30), async || {
                match node.command("GET probe").await {
                    Ok(_) => true,
                    Err(error) => error.to_string().contains("MOVED"),
                }
            })
            .await;
        }
        Ok(Self {
            nodes: nodes.into_iter().map(|(node, _)| node).collect(),
        })
    }
    /// Its nodes.
    #[must_use]
    pub fn nodes(&self) -> &[Redis] {
        &self.nodes
    }
}
