//! Rounds of empty calls and checks, with the CPU time of the server.

use std::{fs, time::Duration};

use anyhow::{Context, Result};
use serde::Serialize;
use tonic::transport::{Channel, Endpoint};

use crate::{
    Options,
    load::{self, Call},
    plain::Plain,
    setup::World,
    suite::Suite,
};

/// The cost of one kind of call: medians over the rounds.
#[derive(Serialize, Clone, Debug, Default)]
pub(crate) struct Cost {
    /// Calls per second under closed-loop load.
    pub(crate) throughput: f64,
    /// Calls per second of the server's CPU time.
    pub(crate) throughput_per_cpu_second: f64,
    /// Milliseconds of the server's CPU time per 1,000 calls.
    pub(crate) server_cpu_ms_per_1000: f64,
    /// Median latency at 70 % of saturation, in microseconds.
    pub(crate) p50_us: f64,
    /// The 99th percentile.
    pub(crate) p99_us: f64,
    /// The 99.9th percentile.
    pub(crate) p999_us: f64,
}

/// One kind of call relative to another: medians of the ratios of each round.
#[derive(Serialize, Clone, Debug)]
pub(crate) struct Ratio {
    /// Calls per second of the server's CPU time.
    pub(crate) throughput_per_cpu_second: f64,
    /// Calls per second.
    pub(crate) throughput: f64,
    /// The 99th percentile.
    pub(crate) p99: f64,
}

/// The result of a run.
#[derive(Serialize, Clone, Debug)]
pub(crate) struct Report {
    /// The empty method on a default tonic server.
    pub(crate) plain: Cost,
    /// The empty method behind all layers.
    pub(crate) noop: Cost,
    /// Warm checks.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) check: Option<Cost>,
    /// Checks over empty calls.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) ratio_to_noop: Option<Ratio>,
    /// Empty calls behind all layers, or checks where they were measured, over empty calls on
    /// a default server.
    pub(crate) ratio_to_plain: Ratio,
    /// Number of rounds.
    pub(crate) rounds: usize,
    /// Share of time stolen by the host of the machine, in the worst round, in percent.
    pub(crate) worst_steal_percent: f64,
    /// Bytes of request and response.
    pub(crate) message_bytes: (usize, usize),
}

/// Pins this process to one core.
pub(crate) fn pin_to(core: usize) -> Result<()> {
    let mut set = rustix::thread::CpuSet::new();
    set.set(core);
    Ok(rustix::thread::sched_setaffinity(None, &set)?)
}

/// A kind of call, its connections, and the process whose CPU time it costs.
struct Subject {
    call: Call,
    channels: Vec<Channel>,
    pid: u32,
}

/// Opens connections.
pub(crate) async fn connect(endpoint: &str, count: usize) -> Result<Vec<Channel>> {
    let mut channels = Vec::new();
    for _ in 0..count.max(1) {
        let endpoint = Endpoint::from_shared(endpoint.to_owned())?.tcp_nodelay(true);
        channels.push(endpoint.connect().await?);
    }
    Ok(channels)
}

/// Runs the rounds.
pub(crate) async fn run(
    suite: &Suite,
    plain: &Plain,
    world: &World,
    options: &Options,
    with_check: bool,
) -> Result<Report> {
    let channels = connect(&suite.endpoint, options.connections).await?;
    let mut subjects = vec![
        Subject {
            call: Call::noop(world),
            channels: connect(&plain.endpoint, options.connections).await?,
            pid: plain.pid()?,
        },
        Subject {
            call: Call::noop(world),
            channels: channels.clone(),
            pid: suite.pid()?,
        },
    ];
    if with_check {
        subjects.push(Subject {
            call: Call::check(world),
            channels,
            pid: suite.pid()?,
        });
    }
    let rounds = options.rounds.max(1);
    let phases = u32::try_from(rounds * subjects.len() * 2)?;
    let slice = (Duration::from_secs(options.seconds.max(1)) / phases).max(Duration::from_millis(200));
    for subject in &subjects {
        let time = slice.min(Duration::from_secs(2));
        load::closed(
            &subject.call,
            &subject.channels,
            options.streams,
            &world.bearer,
            time,
        )
        .await?;
    }
    let mut costs: Vec<Vec<Cost>> = vec![Vec::new(); subjects.len()];
    let mut steal = 0.0_f64;
    for round in 0..rounds {
        let before = Machine::read()?;
        // The order alternates, so that a drift of the machine does not favour one kind.
        let mut order: Vec<usize> = (0..subjects.len()).collect();
        if round % 2 == 1 {
            order.reverse();
        }
        for at in order {
            if let (Some(subject), Some(into)) = (subjects.get(at), costs.get_mut(at)) {
                into.push(one(subject, world, options, slice).await?);
            }
        }
        steal = steal.max(Machine::read()?.steal_since(&before));
    }
    let [plain, noop, check @ ..] = &*costs else {
        anyhow::bail!("nothing was measured");
    };
    let check = check.first();
    Ok(Report {
        plain: middle(plain),
        noop: middle(noop),
        check: check.map(|c| middle(c)),
        ratio_to_noop: check.map(|c| ratio(c, noop)),
        ratio_to_plain: ratio(check.unwrap_or(noop), plain),
        rounds,
        worst_steal_percent: steal,
        message_bytes: world.sizes,
    })
}

async fn one(subject: &Subject, world: &World, options: &Options, time: Duration) -> Result<Cost> {
    let Subject { call, channels, pid } = subject;
    let before = cpu_seconds(*pid)?;
    let full = load::closed(call, channels, options.streams, &world.bearer, time).await?;
    let cpu = cpu_seconds(*pid)? - before;
    let throughput = full.calls as f64 / full.elapsed.as_secs_f64();
    let paced = load::open(call, channels, &world.bearer, throughput * 0.7, time).await?;
    let at = |q: f64| paced.latency.value_at_quantile(q) as f64 / 1_000.0;
    Ok(Cost {
        throughput,
        throughput_per_cpu_second: full.calls as f64 / cpu.max(0.001),
        server_cpu_ms_per_1000: cpu * 1_000_000.0 / full.calls as f64,
        p50_us: at(0.5),
        p99_us: at(0.99),
        p999_us: at(0.999),
    })
}

/// The middle of some values; 0 of none.
pub(crate) fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or_default()
}

fn middle(costs: &[Cost]) -> Cost {
    let of = |field: fn(&Cost) -> f64| median(costs.iter().map(field).collect());
    Cost {
        throughput: of(|c| c.throughput),
        throughput_per_cpu_second: of(|c| c.throughput_per_cpu_second),
        server_cpu_ms_per_1000: of(|c| c.server_cpu_ms_per_1000),
        p50_us: of(|c| c.p50_us),
        p99_us: of(|c| c.p99_us),
        p999_us: of(|c| c.p999_us),
    }
}

fn ratio(check: &[Cost], noop: &[Cost]) -> Ratio {
    let of =
        |field: fn(&Cost) -> f64| median(check.iter().zip(noop).map(|(c, n)| field(c) / field(n)).collect());
    Ratio {
        throughput_per_cpu_second: of(|c| c.throughput_per_cpu_second),
        throughput: of(|c| c.throughput),
        p99: of(|c| c.p99_us),
    }
}

/// CPU time of a process, user and system.
fn cpu_seconds(pid: u32) -> Result<f64> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat"))?;
    // The name may hold spaces; what follows the last parenthesis does not.
    let rest = stat.rsplit_once(')').context("unexpected /proc/PID/stat")?.1;
    let mut fields = rest.split_whitespace().skip(11);
    let user: u64 = fields.next().context("no utime")?.parse()?;
    let system: u64 = fields.next().context("no stime")?.parse()?;
    Ok((user + system) as f64 / rustix::param::clock_ticks_per_second() as f64)
}

/// Counters of the whole machine.
struct Machine {
    all: u64,
    steal: u64,
}

impl Machine {
    fn read() -> Result<Self> {
        let stat = fs::read_to_string("/proc/stat")?;
        let line = stat.lines().next().context("empty /proc/stat")?;
        let fields: Vec<u64> = line
            .split_whitespace()
            .skip(1)
            .filter_map(|f| f.parse().ok())
            .collect();
        Ok(Self {
            all: fields.iter().take(8).sum(),
            steal: fields.get(7).copied().unwrap_or(0),
        })
    }
    fn steal_since(&self, before: &Self) -> f64 {
        let all = self.all.saturating_sub(before.all).max(1);
        self.steal.saturating_sub(before.steal) as f64 * 100.0 / all as f64
    }
}
