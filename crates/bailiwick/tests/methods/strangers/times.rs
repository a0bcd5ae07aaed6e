//! How long the answers take: only on request, since it depends on the machine (`make soak`).

use std::time::{Duration, Instant};

use tonic::Code;

use super::{Question, World};

/// Times that each question is asked, and asked again where the first times differ.
const ROUNDS: usize = 7;
const MORE_ROUNDS: usize = 101;
/// Answers are of one class of time if their medians differ by less than this factor, or by less than this.
const FACTOR: f64 = 1.5;
const NOISE: Duration = Duration::from_micros(300);

/// Two medians.
struct Times {
    there: Duration,
    nowhere: Duration,
}

impl Times {
    async fn of(world: &World, question: &Question<'_>, rounds: usize) -> Option<Self> {
        let (mut there, mut nowhere) = (Vec::new(), Vec::new());
        for round in 0..rounds {
            // Each is the first one as often as the other.
            for foreign in [round % 2 == 0, round % 2 != 0] {
                let (message, times) = if foreign {
                    (&question.there, &mut there)
                } else {
                    (&question.nowhere, &mut nowhere)
                };
                let start = Instant::now();
                let outcome = world.ask(question.method, question.caller, message.clone()).await;
                times.push(start.elapsed());
                // Admission refuses before anything is looked at.
                if outcome.code == Code::ResourceExhausted {
                    return None;
                }
            }
        }
        Some(Self {
            there: median(there),
            nowhere: median(nowhere),
        })
    }
    fn ratio(&self) -> f64 {
        self.there.as_secs_f64() / self.nowhere.as_secs_f64()
    }
    fn is_one_class(&self) -> bool {
        self.there.abs_diff(self.nowhere) < NOISE || (FACTOR.recip()..FACTOR).contains(&self.ratio())
    }
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort_unstable();
    times[times.len() / 2]
}

/// Compares the times of both questions of each method, and prints how far they lie apart.
pub(super) async fn compare_if_asked_to(world: &World, database: &str) {
    if std::env::var_os("BAILIWICK_SOAK").is_none() {
        return;
    }
    let (mut ratios, mut differ, mut again) = (Vec::new(), Vec::new(), 0_usize);
    for question in world.questions() {
        let Some(mut times) = Times::of(world, &question, ROUNDS).await else {
            continue;
        };
        if !times.is_one_class() {
            again += 1;
            let Some(more) = Times::of(world, &question, MORE_ROUNDS).await else {
                continue;
            };
            times = more;
        }
        if !times.is_one_class() {
            differ.push(format!(
                "{question}: {:?} instead of {:?}",
                times.there, times.nowhere
            ));
        }
        ratios.push(times.ratio());
    }
    ratios.sort_unstable_by(f64::total_cmp);
    let at = |percent: usize| ratios[(ratios.len() - 1) * percent / 100];
    println!(
        "{database}: {} questions, {again} asked {MORE_ROUNDS} times; time of an answer about the other account \
         divided by that about nobody's: median {:.2}, 1 % below {:.2}, 99 % below {:.2}",
        ratios.len(),
        at(50),
        at(1),
        at(99)
    );
    assert!(differ.is_empty(), "{}", differ.join("\n"));
}
