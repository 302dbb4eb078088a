//! Which queues there must be, with which arguments. Pure; `session` makes them so.

use std::{collections::BTreeSet, time::Duration};

use super::names::{Names, Queue};
use crate::{
    ladder::{Ladder, START_DELAYS},
    outcome::Room,
    settings::{BrokerSettings, TopologyMode},
};

/// Deliveries after which a quorum queue of ours gives a message up to the parking queue. RabbitMQ 4
/// counts lost connections too, so this is far above what a bad day of ours can reach.
const DELIVERY_LIMIT: i32 = 100;

/// The same for the operators' queues, whose dead letters only come back if a consumer rejected them: the
/// broker drops what goes round for any other reason. So there is practically no limit.
const OPERATORS_LIMIT: i32 = 1_000_000;

/// The objects of one installation.
#[derive(Debug, Clone)]
pub struct Topology {
    /// The names.
    pub names: Names,
    /// Queues of ours: declared where they are missing.
    pub ours: Vec<QueueSpec>,
    /// Queues of the operators': expected, or declared when they ask for that.
    pub operators: Vec<QueueSpec>,
    /// Whether the operators' objects are declared too.
    pub mode: TopologyMode,
}

/// One durable queue, bound to the exchange by its own name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QueueSpec {
    /// Its name and binding key.
    pub name: String,
    /// Its arguments.
    pub arguments: Vec<(&'static str, Argument)>,
    /// What consumes or fills it.
    pub role: Role,
}

/// What a queue is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// We consume it.
    Consumed(Queue),
    /// Messages wait here until their time runs out.
    Delay(Room),
    /// Messages stay here for a person.
    Parking,
    /// The operators' delay of rejected messages, which we only declare.
    Operators,
}

/// The value of a queue argument.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Argument {
    /// A text.
    Text(String),
    /// A whole number.
    Number(i32),
    /// A span of time in milliseconds.
    Millis(i64),
}

// === impl Topology ===

impl Topology {
    /// The objects that `settings` and the checks' `ladder` ask for.
    pub fn new(settings: &BrokerSettings, ladder: &Ladder) -> Self {
        let names = Names::new(&settings.exchange, &settings.queue, &settings.retry_queue);
        Self {
            ours: ours(&names, &ladder.all_delays()),
            operators: operators(&names, settings.retry_queue_enabled),
            mode: settings.topology,
            names,
        }
    }
}

fn ours(names: &Names, check_delays: &BTreeSet<Duration>) -> Vec<QueueSpec> {
    let mut all = vec![
        QueueSpec {
            name: names.parked(),
            arguments: vec![quorum()],
            role: Role::Parking,
        },
        consumed(names, Queue::Checks),
        consumed(names, Queue::Starts),
    ];
    all.extend(
        check_delays
            .iter()
            .map(|delay| delayed(names, Room::Checks, *delay)),
    );
    all.extend(
        START_DELAYS
            .iter()
            .map(|delay| delayed(names, Room::Starts, *delay)),
    );
    all
}

fn consumed(names: &Names, queue: Queue) -> QueueSpec {
    let mut arguments = vec![quorum(), ("x-delivery-limit", Argument::Number(DELIVERY_LIMIT))];
    arguments.extend(dead_letters(names, names.parked()));
    QueueSpec {
        name: names.queue(queue),
        arguments,
        role: Role::Consumed(queue),
    }
}

fn delayed(names: &Names, room: Room, delay: Duration) -> QueueSpec {
    let millis = i64::try_from(delay.as_millis()).unwrap_or(i64::MAX);
    let mut arguments = vec![quorum(), ("x-message-ttl", Argument::Millis(millis))];
    arguments.extend(dead_letters(names, names.room(room)));
    QueueSpec {
        name: names.delay(room, delay),
        arguments,
        role: Role::Delay(room),
    }
}

fn quorum() -> (&'static str, Argument) {
    ("x-queue-type", Argument::Text("quorum".to_owned()))
}

/// At-least-once needs reject-publish: without it the broker silently falls back to at-most-once, which
/// loses what it is moving when it dies.
fn dead_letters(names: &Names, to: String) -> [(&'static str, Argument); 4] {
    [
        (
            "x-dead-letter-exchange",
            Argument::Text(names.exchange().to_owned()),
        ),
        ("x-dead-letter-routing-key", Argument::Text(to)),
        (
            "x-dead-letter-strategy",
            Argument::Text("at-least-once".to_owned()),
        ),
        ("x-overflow", Argument::Text("reject-publish".to_owned())),
    ]
}

/// The operators' queues by their reference names, as quorum queues, for `topology: declare`.
fn operators(names: &Names, with_retry: bool) -> Vec<QueueSpec> {
    const MAIN_DELAY_MS: i64 = 5_000;
    const RETRY_DELAY_MS: i64 = 60_000;
    let pair = |queue: Queue, delay: i64| {
        let (name, dlr) = (names.queue(queue), format!("{}dlr", names.queue(queue)));
        let mut main = vec![quorum(), ("x-delivery-limit", Argument::Number(OPERATORS_LIMIT))];
        main.extend(dead_letters(names, dlr.clone()));
        let mut back = vec![quorum(), ("x-message-ttl", Argument::Millis(delay))];
        back.extend(dead_letters(names, name.clone()));
        [
            QueueSpec {
                name,
                arguments: main,
                role: Role::Consumed(queue),
            },
            QueueSpec {
                name: dlr,
                arguments: back,
                role: Role::Operators,
            },
        ]
    };
    let mut all = Vec::from(pair(Queue::Main, MAIN_DELAY_MS));
    if with_retry {
        all.extend(pair(Queue::Retry, RETRY_DELAY_MS));
    }
    all
}

// === impl QueueSpec ===

impl QueueSpec {
    /// The command with which someone who may can declare it.
    pub fn declare_command(&self, vhost: &str) -> String {
        let arguments: serde_json::Map<String, serde_json::Value> = self
            .arguments
            .iter()
            .map(|(key, value)| ((*key).to_owned(), value.to_json()))
            .collect();
        format!(
            "rabbitmqadmin -V '{vhost}' declare queue name='{}' durable=true arguments='{}'",
            self.name,
            serde_json::Value::Object(arguments)
        )
    }
}

// === impl Argument ===

impl Argument {
    fn to_json(&self) -> serde_json::Value {
        match self {
            Self::Text(text) => text.as_str().into(),
            Self::Number(number) => (*number).into(),
            Self::Millis(millis) => (*millis).into(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names() -> Names {
        Names::new("build", "ClusterA", "ClusterARetry")
    }

    /// Loss-free delays stand on these three arguments together, on every queue of ours that moves on.
    #[test]
    fn whatever_moves_on_does_so_at_least_once() {
        let ladder = Ladder::new(&[Duration::from_secs(15)], Duration::from_secs(300));
        for spec in ours(&names(), &ladder.all_delays()) {
            let has = |key: &str, value: &str| {
                spec.arguments.contains(&(
                    ["x-queue-type", "x-dead-letter-strategy", "x-overflow"]
                        .into_iter()
                        .find(|k| *k == key)
                        .unwrap(),
                    Argument::Text(value.to_owned()),
                ))
            };
            assert!(has("x-queue-type", "quorum"), "{}", spec.name);
            if spec.role != Role::Parking {
                assert!(has("x-dead-letter-strategy", "at-least-once"), "{}", spec.name);
                assert!(has("x-overflow", "reject-publish"), "{}", spec.name);
            }
            assert!(
                spec.arguments.iter().all(|(key, _)| *key != "x-expires"),
                "{}",
                spec.name
            );
        }
    }

    #[test]
    fn our_queues_are_a_snapshot() {
        let ladder = Ladder::new(
            &[Duration::from_secs(15), Duration::from_secs(60)],
            Duration::from_secs(300),
        );
        let lines: Vec<String> = ours(&names(), &ladder.all_delays())
            .iter()
            .map(|spec| spec.declare_command("screwdriver"))
            .collect();
        insta::assert_snapshot!(lines.join("\n"));
    }
}
