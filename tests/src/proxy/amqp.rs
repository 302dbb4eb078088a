//! A proxy in front of RabbitMQ (plain AMQP): cuts, delays or stalls a connection at a chosen publish,
//! confirm, delivery or ack, and remembers how each connection ended.

use std::{
    collections::BTreeMap,
    fmt, io,
    net::Ipv4Addr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use anyhow::Context;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{
        TcpListener, TcpStream,
        tcp::{OwnedReadHalf, OwnedWriteHalf},
    },
    task::JoinSet,
};
use tokio_util::sync::CancellationToken;

use self::{
    frame::{Frame, Method},
    ledger::{Ledger, Side},
    plan::{Event, Plan},
};
use crate::background::Background;

mod frame;
mod ledger;
mod plan;

pub use self::plan::{Act, Point, Rule, Which};

/// The running proxy; it ends with this value.
pub struct AmqpProxy {
    port: u16,
    shared: Arc<Shared>,
    _background: Background,
}

/// A connection that the proxy has accepted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Connection {
    /// Its number in the order of arrival, from 1.
    pub number: usize,
    /// What its client calls it; empty before it has introduced itself.
    pub name: String,
    /// How it ended; none while it lives.
    pub end: Option<End>,
    /// How often what has happened on it, by the routing key.
    pub events: BTreeMap<(Point, String), usize>,
    closed_by: Option<Side>,
    agreed: bool,
}

/// How a connection ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// The client closed it, and the broker agreed: nothing of it was lost.
    ClosedByClient,
    /// The broker closed it.
    ClosedByBroker,
    /// Somebody was gone without a word.
    Dropped,
    /// By the plan.
    Cut,
}

struct Shared {
    upstream: String,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    plan: Plan,
    connections: Vec<Connection>,
    down: bool,
    /// Cancelled when the connections that live now end.
    alive: CancellationToken,
}

/// One accepted connection while it lives.
struct Link {
    shared: Arc<Shared>,
    number: usize,
    ledger: Mutex<Ledger>,
}

// === impl AmqpProxy ===

impl AmqpProxy {
    /// Starts it on a free loopback port in front of `upstream` (`HOST:PORT`).
    pub fn start(upstream: impl Into<String>) -> anyhow::Result<Self> {
        let socket = std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).context("bind a loopback port")?;
        socket.set_nonblocking(true)?;
        let port = socket.local_addr()?.port();
        let shared = Arc::new(Shared {
            upstream: upstream.into(),
            state: Mutex::default(),
        });
        let accepting = Arc::clone(&shared);
        let background = Background::start("amqp-proxy", async move {
            if let Ok(listener) = TcpListener::from_std(socket) {
                accepting.accept(listener).await;
            }
        })?;
        Ok(Self {
            port,
            shared,
            _background: background,
        })
    }

    /// Its port on 127.0.0.1.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The settings that lead a worker through it.
    pub fn settings(&self) -> Vec<(String, String)> {
        [
            ("RABBITMQ_HOST", "127.0.0.1".to_owned()),
            ("RABBITMQ_PORT", self.port.to_string()),
        ]
        .map(|(name, value)| (name.to_owned(), value))
        .to_vec()
    }

    /// Adds faults, which count from now on.
    pub fn plan(&self, rules: impl IntoIterator<Item = Rule>) {
        self.shared.state().plan.add(rules);
    }

    /// How many faults of the plan have happened.
    pub fn fired(&self) -> usize {
        self.shared.state().plan.fired()
    }

    /// Takes the broker away: every connection is cut and no new one accepted. Or brings it back.
    pub fn set_down(&self, down: bool) {
        let mut state = self.shared.state();
        state.down = down;
        std::mem::take(&mut state.alive).cancel();
    }

    /// Every connection so far, in the order of arrival.
    pub fn connections(&self) -> Vec<Connection> {
        self.shared.state().connections.clone()
    }

    /// How often this has happened to messages with this routing key, on connections of this name.
    pub fn count(&self, name: &str, point: Point, key: &str) -> usize {
        let state = self.shared.state();
        let of_name = state.connections.iter().filter(|known| known.name == name);
        let events = of_name.flat_map(|known| &known.events);
        events
            .filter(|((at, of), _)| *at == point && of == key)
            .map(|(_, count)| count)
            .sum()
    }
}

impl fmt::Debug for AmqpProxy {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("AmqpProxy")
            .field("port", &self.port)
            .field("connections", &self.connections())
            .finish_non_exhaustive()
    }
}

// === impl Shared ===

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Accepts connections for ever; dropping this future ends all of them.
    async fn accept(self: Arc<Self>, listener: TcpListener) {
        let mut links = JoinSet::new();
        loop {
            if let Ok((client, _)) = listener.accept().await
                && let Some((link, alive)) = self.admit()
            {
                links.spawn(async move {
                    let ran = alive.run_until_cancelled(link.run(client)).await;
                    link.ended(ran.unwrap_or(Some(End::Cut)));
                });
            }
            while links.try_join_next().is_some() {}
        }
    }

    fn admit(self: &Arc<Self>) -> Option<(Link, CancellationToken)> {
        let mut state = self.state();
        if state.down {
            return None;
        }
        let number = state.connections.len() + 1;
        state.connections.push(Connection {
            number,
            ..Connection::default()
        });
        let link = Link {
            shared: Arc::clone(self),
            number,
            ledger: Mutex::default(),
        };
        Some((link, state.alive.clone()))
    }
}

// === impl Link ===

impl Link {
    /// Passes frames on until one side ends or the plan does; how it ended, unless the frames tell.
    async fn run(&self, client: TcpStream) -> Option<End> {
        let Ok(broker) = TcpStream::connect(&self.shared.upstream).await else {
            return Some(End::Dropped);
        };
        for stream in [&client, &broker] {
            let _ = stream.set_nodelay(true);
        }
        let (client_reads, client_writes) = client.into_split();
        let (broker_reads, broker_writes) = broker.into_split();
        let ended = tokio::select! {
            ended = self.pump(Side::Client, client_reads, broker_writes) => ended,
            ended = self.pump(Side::Broker, broker_reads, client_writes) => ended,
        };
        ended.unwrap_or_default()
    }

    async fn pump(
        &self,
        from: Side,
        mut reads: OwnedReadHalf,
        mut writes: OwnedWriteHalf,
    ) -> io::Result<Option<End>> {
        if from == Side::Client {
            let mut preamble = [0; frame::PREAMBLE];
            reads.read_exact(&mut preamble).await?;
            writes.write_all(&preamble).await?;
        }
        while let Some(frame) = Frame::read(&mut reads).await? {
            match self.decide(from, &frame) {
                None => {}
                Some(Act::Cut) => return Ok(Some(End::Cut)),
                Some(Act::Delay(late)) => tokio::time::sleep(late).await,
                // Read on, so that the end of a client that is killed is seen.
                Some(Act::Stall) => {
                    while Frame::read(&mut reads).await?.is_some() {}
                    break;
                }
            }
            writes.write_all(frame.bytes()).await?;
            if self.finished() {
                // The last frame has to arrive before its connection goes.
                writes.shutdown().await?;
                break;
            }
        }
        Ok(None)
    }

    /// Takes note of a frame, and says what becomes of it.
    fn decide(&self, from: Side, frame: &Frame) -> Option<Act> {
        let method = frame.method()?;
        let events = {
            let mut ledger = self.ledger.lock().unwrap_or_else(PoisonError::into_inner);
            ledger.note(from, frame.channel(), &method)
        };
        let mut state = self.shared.state();
        let State {
            plan, connections, ..
        } = &mut *state;
        let connection = connections.get_mut(self.number - 1)?;
        connection.note(from, method, &events);
        let decided: Vec<Act> = events
            .iter()
            .filter_map(|event| plan.decide(connection.number, &connection.name, event))
            .collect();
        decided.first().copied()
    }

    fn finished(&self) -> bool {
        self.shared
            .state()
            .connections
            .get(self.number - 1)
            .is_some_and(|known| known.agreed)
    }

    fn ended(&self, end: Option<End>) {
        if let Some(connection) = self.shared.state().connections.get_mut(self.number - 1) {
            connection.end = Some(end.unwrap_or_else(|| connection.by_its_frames()));
        }
    }
}

// === impl Connection ===

impl Connection {
    fn note(&mut self, from: Side, method: Method, events: &[Event]) {
        for event in events {
            let count = self.events.entry((event.point, event.key.clone()));
            *count.or_default() += 1;
        }
        match method {
            Method::StartOk { name } => self.name = name,
            Method::Close => self.closed_by = self.closed_by.or(Some(from)),
            Method::CloseOk => self.agreed = true,
            _ => {}
        }
    }

    fn by_its_frames(&self) -> End {
        match (self.agreed, self.closed_by) {
            (true, Some(Side::Client)) => End::ClosedByClient,
            (_, Some(Side::Broker)) => End::ClosedByBroker,
            (false, _) | (true, None) => End::Dropped,
        }
    }
}
