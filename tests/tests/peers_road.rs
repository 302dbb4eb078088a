//! The road of a delivery on a real broker, with a handler that panics: whatever happens, the message is
//! settled, and so is the next one.

use std::{
    collections::HashMap,
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use common::{
    broker::{Broker as Supervisor, Consumption, Queue, supervisor::Surroundings, topology::Topology},
    handler::{Handler, Panicked, Taken},
    health::{Heartbeat, Readiness},
    job::{Job, StartState, message},
    ladder::Ladder,
    outcome::{Again, Outcome, Room},
    settings::Settings,
    shutdown::Shutdown,
    telemetry::metrics::Metrics,
};
use testbed::{
    broker::{Permissions, message::BuildConfig},
    poll,
    world::Peers,
};

const SOON: Duration = Duration::from_secs(30);
const MESSAGES: usize = 3;

/// Panics at every first try, in the middle of acting, and is content with the second.
#[derive(Default)]
struct Fragile {
    panics: AtomicUsize,
    content: AtomicUsize,
}

impl Handler for Fragile {
    async fn handle(&self, job: &Job<'_>, taken: Taken<'_>) -> Outcome {
        if matches!(job, Job::Probe) {
            return Outcome::Probed;
        }
        tokio::task::yield_now().await;
        if taken.attempt.failed == 0 {
            self.panics.fetch_add(1, Ordering::Relaxed);
            panic!("in the middle of acting");
        }
        self.content.fetch_add(1, Ordering::Relaxed);
        Outcome::Nothing
    }

    fn after_panic(&self, job: &Job<'_>, _taken: Taken<'_>, panicked: Panicked) -> Outcome {
        let Job::Start(job) = job else { panic!("no start") };
        #[expect(clippy::disallowed_methods, reason = "a state needs some time")]
        let now = jiff::Timestamp::now();
        let state = StartState {
            attempt: 1,
            ..StartState::new(now, None)
        };
        Outcome::Again(Again {
            to: Room::Starts,
            delay: Duration::from_secs(5),
            body: message::start(&job.config, &state),
            cause: panicked.into(),
        })
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_panic_while_acting_settles_the_message_and_it_comes_back() {
    let peers = Peers::shared().await.unwrap();
    let vhost = peers.broker.vhost("road", Permissions::All).await.unwrap();
    let environment: HashMap<String, String> = vhost
        .worker_env()
        .into_iter()
        .chain([("EXECUTOR_PLUGIN".to_owned(), "k8s".to_owned())])
        .collect();
    let settings = Settings::load(&environment, Some(Path::new("no-such-folder"))).unwrap();
    let ladder = Ladder::new(&[], Duration::from_secs(60));
    let metrics = Metrics::new("road", "0").unwrap();
    let readiness = Readiness::new();
    let supervisor = Supervisor::new(
        settings.broker.clone(),
        Topology::new(&settings.broker, &ladder),
        Consumption {
            service: "road",
            queues: vec![Queue::Main, Queue::Starts],
        },
        Surroundings {
            condition: readiness.condition("broker"),
            heartbeat: Heartbeat::new(),
            metrics: metrics.clone(),
            delayed_as_child: true,
        },
    );
    let (handler, shutdown) = (Arc::new(Fragile::default()), Shutdown::new());
    for build in 0..MESSAGES as u64 {
        let config = BuildConfig::new(build + 1, "https://api.example", "no-token");
        vhost.publish(vhost.queue(), config.start()).await.unwrap();
    }
    let all_content = async {
        let came_back = poll::until("every message to come back", SOON, || async {
            let content = handler.content.load(Ordering::Relaxed);
            anyhow::ensure!(content == MESSAGES, "{content} of {MESSAGES}");
            Ok::<_, anyhow::Error>(())
        });
        let came_back = came_back.await;
        shutdown.drain();
        came_back
    };
    let ((), came_back) = tokio::join!(supervisor.run(handler.clone(), &shutdown, SOON), all_content);
    came_back.unwrap();
    assert_eq!(handler.panics.load(Ordering::Relaxed), MESSAGES);
    // What was not acked would be back in its queue now.
    for queue in ["", ".starts.v1", ".starts.v1.delay.5000", ".parked"] {
        let name = format!("{}{queue}", vhost.queue());
        let depth = vhost.depth(&name).await.unwrap();
        assert_eq!(depth, Some(0), "{name}");
    }
}
