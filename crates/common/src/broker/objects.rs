//! Making sure of the exchange and the queues: expected, or declared and bound where they are missing, and
//! explained with the way out where the broker refuses.

use lapin::{
    Connection, ExchangeKind,
    options::{ExchangeDeclareOptions, QueueBindOptions, QueueDeclareOptions},
    types::{AMQPValue, FieldTable},
};

use super::{
    error::{BrokerError, Refusal},
    names::Queue,
    session::{OK, Opening, channel},
    topology::{Argument, QueueSpec, Role},
};
use crate::settings::TopologyMode;

impl Opening<'_> {
    /// The operators' exchange and queues: expected, or declared when they ask for that.
    pub(super) async fn ensure_operators(&self, connection: &Connection) -> Result<(), BrokerError> {
        let exchange = self.topology.names.exchange();
        let passive = self.topology.mode == TopologyMode::Existing;
        let options = ExchangeDeclareOptions {
            passive,
            durable: true,
            ..ExchangeDeclareOptions::default()
        };
        let channel = channel(connection).await?;
        channel
            .exchange_declare(
                exchange.into(),
                ExchangeKind::Topic,
                options,
                FieldTable::default(),
            )
            .await
            .map_err(|error| self.refused(&format!("exchange {exchange}"), None, error))?;
        let _closing = channel.close(OK, "OK".into()).await;
        for spec in &self.topology.operators {
            let consumed = matches!(spec.role, Role::Consumed(queue) if self.queues.contains(&queue));
            match self.topology.mode {
                TopologyMode::Declare => self.ensure_operators_queue(connection, spec).await?,
                TopologyMode::Existing if consumed => self.expect(connection, spec).await?,
                TopologyMode::Existing => {}
            }
        }
        Ok(())
    }

    async fn expect(&self, connection: &Connection, spec: &QueueSpec) -> Result<(), BrokerError> {
        declare(connection, spec, true)
            .await
            .map_err(|error| self.refused(&object(spec), None, error))
    }

    /// Makes sure of a queue of the operators', which is taken as it is where it is there.
    async fn ensure_operators_queue(
        &self,
        connection: &Connection,
        spec: &QueueSpec,
    ) -> Result<(), BrokerError> {
        match declare(connection, spec, true).await {
            Ok(()) => return self.ensure_bound(connection, spec, true).await,
            Err(error) if Refusal::of(&error) == Refusal::NotFound => {}
            Err(error) => return Err(self.refused(&object(spec), Some(spec), error)),
        }
        let declared = declare(connection, spec, false).await;
        declared.map_err(|error| self.refused(&object(spec), Some(spec), error))?;
        self.ensure_bound(connection, spec, false).await
    }

    /// Makes sure of a queue of ours. Declaring compares its arguments too: with others it would lose checks. Who
    /// may not declare takes it as somebody has declared it in advance.
    pub(super) async fn ensure(&self, connection: &Connection, spec: &QueueSpec) -> Result<(), BrokerError> {
        match declare(connection, spec, false).await {
            Ok(()) => return self.ensure_bound(connection, spec, false).await,
            Err(error) if Refusal::of(&error) == Refusal::Forbidden => {}
            Err(error) => return Err(self.refused(&object(spec), Some(spec), error)),
        }
        match declare(connection, spec, true).await {
            Ok(()) => self.ensure_bound(connection, spec, true).await,
            Err(error) if Refusal::of(&error) == Refusal::NotFound => Err(BrokerError::Forbidden {
                object: object(spec),
                remedy: self.remedy(Some(spec)),
                source: error,
            }),
            Err(error) => Err(self.refused(&object(spec), Some(spec), error)),
        }
    }

    async fn ensure_bound(
        &self,
        connection: &Connection,
        spec: &QueueSpec,
        in_advance: bool,
    ) -> Result<(), BrokerError> {
        match self.bind(connection, spec).await {
            Ok(()) => Ok(()),
            // Whoever declared it in advance has bound it too; the probe will tell.
            Err(error) if in_advance && Refusal::of(&error) == Refusal::Forbidden => {
                tracing::warn!(
                    queue = spec.name,
                    "no permission to bind a queue that was declared in advance"
                );
                Ok(())
            }
            Err(error) => Err(self.refused(&object(spec), Some(spec), error)),
        }
    }

    async fn bind(&self, connection: &Connection, spec: &QueueSpec) -> lapin::Result<()> {
        let channel = connection.create_channel().await?;
        let (queue, exchange) = (spec.name.as_str(), self.topology.names.exchange());
        let options = QueueBindOptions::default();
        channel
            .queue_bind(
                queue.into(),
                exchange.into(),
                queue.into(),
                options,
                FieldTable::default(),
            )
            .await?;
        let _closing = channel.close(OK, "OK".into()).await;
        Ok(())
    }

    /// What a refusal of `object` means, with its way out.
    pub(super) fn refused(
        &self,
        object: &str,
        spec: Option<&QueueSpec>,
        source: lapin::Error,
    ) -> BrokerError {
        let object = object.to_owned();
        match Refusal::of(&source) {
            Refusal::NotFound => BrokerError::Missing { object, source },
            Refusal::Forbidden => BrokerError::Forbidden {
                object,
                remedy: self.remedy(spec),
                source,
            },
            Refusal::Conflict => {
                let ours = spec.map_or_else(String::new, |spec| format!("{:?}", spec.arguments));
                BrokerError::Conflict { object, ours, source }
            }
            Refusal::NotAllowed | Refusal::Other => BrokerError::Channel(source),
        }
    }

    /// Either the permissions that we need, or the declaration by someone who has them.
    fn remedy(&self, spec: Option<&QueueSpec>) -> String {
        let (vhost, user) = (&self.settings.vhost, &self.settings.username);
        let names = &self.topology.names;
        let main = names.queue(Queue::Main).replace('.', "\\.");
        let retry = names.queue(Queue::Retry).replace('.', "\\.");
        let pattern = format!(
            "^({}|{main}|{retry}|{main}\\.(checks|starts)\\.v1(\\.delay\\.[0-9]+)?|{main}\\.parked)$",
            names.exchange()
        );
        let permissions = format!(
            "`rabbitmqctl set_permissions -p '{vhost}' '{user}' '{pattern}' '{pattern}' '{pattern}'`"
        );
        match spec {
            Some(spec) => format!(
                "{permissions}, or declare it in advance: `{}`",
                spec.declare_command(vhost)
            ),
            None => permissions,
        }
    }
}

/// Declares on a channel of its own: a refusal closes the channel that it happens on.
async fn declare(connection: &Connection, spec: &QueueSpec, passive: bool) -> lapin::Result<()> {
    let channel = connection.create_channel().await?;
    let options = QueueDeclareOptions {
        passive,
        durable: true,
        ..QueueDeclareOptions::default()
    };
    channel
        .queue_declare(spec.name.as_str().into(), options, table(&spec.arguments))
        .await?;
    let _closing = channel.close(OK, "OK".into()).await;
    Ok(())
}

pub(super) fn object(spec: &QueueSpec) -> String {
    format!("queue {}", spec.name)
}

fn table(arguments: &[(&'static str, Argument)]) -> FieldTable {
    let mut table = FieldTable::default();
    for (key, value) in arguments {
        let value = match value {
            Argument::Text(text) => AMQPValue::LongString(text.as_str().into()),
            Argument::Number(number) => AMQPValue::LongInt(*number),
            Argument::Millis(millis) => AMQPValue::LongLongInt(*millis),
        };
        table.insert((*key).into(), value);
    }
    table
}
