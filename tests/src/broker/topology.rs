//! What operators have declared before a worker comes: the exchange, and for the cluster a main queue, a
//! retry queue and the two queues in which rejected messages wait.

use std::time::Duration;

use lapin::{
    Channel, ExchangeKind,
    options::{
        ExchangeDeclareOptions, ExchangeDeleteOptions, QueueBindOptions, QueueDeclareOptions,
        QueueDeleteOptions,
    },
    types::{AMQPValue, FieldTable},
};

/// How long a message may wait for a consumer.
const WAITING: Duration = Duration::from_hours(8);

/// How long a rejected start or stop waits.
const REJECTED: Duration = Duration::from_secs(5);

/// How long a rejected check waits. The guide sets it by a policy, which AMQP cannot; the effect is the same.
const RETRIED: Duration = Duration::from_mins(1);

/// The operators' names for one cluster.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Names {
    pub(super) exchange: String,
    pub(super) cluster: String,
}

// === impl Names ===

impl Names {
    pub(super) fn retry(&self) -> String {
        format!("{}Retry", self.cluster)
    }

    /// Each queue with the one that its dead letters go to, and how long a message lives in it.
    fn queues(&self) -> [(String, String, Duration); 4] {
        let delay = |queue: &str| format!("{queue}dlr");
        let (main, retry) = (self.cluster.clone(), self.retry());
        [
            (main.clone(), delay(&main), WAITING),
            (delay(&main), main, REJECTED),
            (retry.clone(), delay(&retry), WAITING),
            (delay(&retry), retry, RETRIED),
        ]
    }

    /// Declares and binds everything, as classic queues.
    pub(super) async fn declare(&self, channel: &Channel) -> lapin::Result<()> {
        let durable = ExchangeDeclareOptions {
            durable: true,
            ..ExchangeDeclareOptions::default()
        };
        let exchange = self.exchange.as_str();
        channel
            .exchange_declare(
                exchange.into(),
                ExchangeKind::Topic,
                durable,
                FieldTable::default(),
            )
            .await?;
        for (queue, letters_to, life) in self.queues() {
            let name = queue.as_str();
            let arguments = self.arguments(&letters_to, life);
            channel
                .queue_declare(name.into(), QueueDeclareOptions::durable(), arguments)
                .await?;
            channel
                .queue_bind(
                    name.into(),
                    exchange.into(),
                    name.into(),
                    QueueBindOptions::default(),
                    FieldTable::default(),
                )
                .await?;
        }
        Ok(())
    }

    /// Deletes everything, and the queues named `more`.
    pub(super) async fn delete(&self, channel: &Channel, more: &[&str]) -> lapin::Result<()> {
        let queues = self.queues();
        for queue in queues
            .iter()
            .map(|(queue, ..)| queue.as_str())
            .chain(more.iter().copied())
        {
            channel
                .queue_delete(queue.into(), QueueDeleteOptions::default())
                .await?;
        }
        channel
            .exchange_delete(self.exchange.as_str().into(), ExchangeDeleteOptions::default())
            .await
    }

    fn arguments(&self, letters_to: &str, life: Duration) -> FieldTable {
        let text = |text: &str| AMQPValue::LongString(text.into());
        let milliseconds = i64::try_from(life.as_millis()).unwrap_or(i64::MAX);
        let mut arguments = FieldTable::default();
        arguments.insert("x-dead-letter-exchange".into(), text(&self.exchange));
        arguments.insert("x-dead-letter-routing-key".into(), text(letters_to));
        arguments.insert("x-message-ttl".into(), AMQPValue::LongLongInt(milliseconds));
        arguments.insert("x-max-priority".into(), AMQPValue::LongInt(2));
        arguments
    }
}
