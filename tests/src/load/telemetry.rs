//! What traces cost: two pairs of workers, one that exports to the testbed's collector and one that does not, take the
//! same bursts in turns. The ratio of their processor time stands for itself; absolute times depend on the machine.

use kube::api::{DeleteParams, ListParams};

use super::{Measured, WARM_UP, burst, worker};
use crate::{
    worker::{Kind, Worker},
    world::World,
};

/// What traces may cost, as a ratio of processor times.
const MOST: f64 = 1.15;

/// One pair of workers in a corner of its own.
struct Side {
    world: World,
    start: Worker,
    verify: Worker,
    measured: [Measured; 2],
}

/// Measures and prints: both workers together, for each build.
pub(super) async fn compare(builds: u32, rounds: u32) -> anyhow::Result<()> {
    let mut off = Box::pin(Side::open("load-off", false)).await?;
    let mut on = Box::pin(Side::open("load-on", true)).await?;
    for side in [&mut off, &mut on] {
        side.burst(WARM_UP).await?;
    }
    let mut ratios = Vec::new();
    for round in 1..=rounds {
        // Whoever comes second finds the peers warmer: they change places.
        let (without, with) = if round % 2 == 0 {
            let with = on.burst(builds).await?;
            (off.burst(builds).await?, with)
        } else {
            (off.burst(builds).await?, on.burst(builds).await?)
        };
        let ratio = with / without;
        println!(
            "round {round}: {with:.2} CPU-ms a build with traces, {without:.2} without: {ratio:.2} times"
        );
        ratios.push(ratio);
    }
    ratios.sort_by(f64::total_cmp);
    let median = ratios.get(ratios.len() / 2).copied().unwrap_or_default();
    println!("median: {median:.2} times");
    // A collector that took nothing would make traces cheap.
    let spans = on.world.collector.spans().len();
    anyhow::ensure!(spans > 0, "no span arrived");
    println!("{spans} spans arrived");
    anyhow::ensure!(median <= MOST, "traces cost {median:.2} times, more than {MOST}");
    Ok(())
}

// === impl Side ===

impl Side {
    async fn open(name: &str, traces: bool) -> anyhow::Result<Self> {
        let world = World::new(name).await?;
        let start = worker(&world, Kind::Start, traces).await?;
        let verify = worker(&world, Kind::Verify, traces).await?;
        let measured = [
            Measured::new("start-worker", start.pid())?,
            Measured::new("verify-worker", verify.pid())?,
        ];
        Ok(Self {
            world,
            start,
            verify,
            measured,
        })
    }

    /// Processor time of both workers in milliseconds, for each of so many builds.
    async fn burst(&mut self, builds: u32) -> anyhow::Result<f64> {
        // Idle time between two bursts is nobody's.
        for measured in &mut self.measured {
            measured.cost(1)?;
        }
        burst(&self.world, [&self.start, &self.verify], builds).await?;
        let mut total = 0.0;
        for measured in &mut self.measured {
            total += measured.cost(u64::from(builds))?.total();
        }
        // Makes room: a node takes so many pods.
        let (now, all) = (DeleteParams::default().grace_period(0), ListParams::default());
        self.world.namespace.pods().delete_collection(&now, &all).await?;
        Ok(total)
    }
}
