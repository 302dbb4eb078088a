use std::{
    io::{Read as _, Write as _},
    net::TcpStream,
};

use tokio::task::JoinSet;

use super::*;

/// A server on the loopback and what it tells.
struct Served {
    address: SocketAddr,
    health: Health,
    stop: CancellationToken,
    server: JoinSet<Result<(), HealthError>>,
}

async fn served() -> Served {
    let settings = HttpSettings {
        host: "localhost".to_owned(),
        port: 0,
    };
    let server = HealthServer::bind(&settings).await.unwrap();
    let address = server.address();
    let health = Health {
        readiness: Readiness::new(),
        heartbeat: Heartbeat::new(),
        metrics: Metrics::new("test-worker", "1.2.3").unwrap(),
    };
    let stop = CancellationToken::new();
    let mut tasks = JoinSet::new();
    tasks.spawn(server.serve(health.clone(), stop.clone()));
    Served {
        address,
        health,
        stop,
        server: tasks,
    }
}

impl Served {
    /// The whole answer to one request, head and body.
    async fn ask(&self, request: &str) -> (u16, String, String) {
        let address = self.address;
        let request = format!("{request} HTTP/1.1\r\nhost: worker\r\nconnection: close\r\n\r\n");
        let answer = tokio::task::spawn_blocking(move || {
            let mut stream = TcpStream::connect(address).unwrap();
            stream.write_all(request.as_bytes()).unwrap();
            let mut answer = String::new();
            stream.read_to_string(&mut answer).unwrap();
            answer
        })
        .await
        .unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        (status, head.to_lowercase(), body.to_owned())
    }

    async fn get(&self, path: &str) -> (u16, String) {
        let (status, _, body) = self.ask(&format!("GET {path}")).await;
        (status, body)
    }
}

fn answer(status: u16, body: &str) -> (u16, String) {
    (status, body.to_owned())
}

#[tokio::test]
async fn readiness_is_told_with_its_reasons() {
    let served = served().await;
    assert_eq!(served.get("/readyz").await, answer(503, "starting"));
    let broker = served.health.readiness.condition("broker");
    let consumer = served.health.readiness.condition("consumer");
    broker.unready("connection refused");
    assert_eq!(
        served.get("/readyz").await,
        answer(503, "broker: connection refused\nconsumer: starting")
    );
    broker.ready();
    consumer.ready();
    assert_eq!(served.get("/readyz").await, answer(200, "ok"));
}

#[tokio::test]
async fn the_predecessors_health_follows_readiness() {
    let served = served().await;
    let broker = served.health.readiness.condition("broker");
    for path in ["/health", "/health/"] {
        assert_eq!(served.get(path).await, answer(503, "unavailable"), "{path}");
    }
    broker.ready();
    for path in ["/health", "/health/"] {
        assert_eq!(served.get(path).await, answer(200, "ok"), "{path}");
    }
}

#[tokio::test]
async fn liveness_needs_a_heartbeat_and_not_readiness() {
    let served = served().await;
    assert_eq!(served.get("/livez").await, answer(200, "ok"));
    tokio::time::pause();
    tokio::time::advance(Duration::from_secs(61)).await;
    assert_eq!(served.get("/livez").await.0, 503);
    served.health.heartbeat.beat();
    assert_eq!(served.get("/livez").await, answer(200, "ok"));
}

#[tokio::test]
async fn metrics_are_in_the_text_format() {
    let served = served().await;
    let (status, head, body) = served.ask("GET /metrics").await;
    assert_eq!(status, 200);
    assert!(head.contains("content-type: text/plain; version=0.0.4"), "{head}");
    assert!(body.contains("sd_worker_build_info{"), "{body}");
}

#[tokio::test]
async fn everything_else_is_the_predecessors_404() {
    let served = served().await;
    for request in ["GET /", "GET /healthz", "POST /health", "GET /metrics/x"] {
        let (status, head, body) = served.ask(request).await;
        assert_eq!(status, 404, "{request}");
        assert!(
            head.contains("content-type: application/json; charset=utf-8"),
            "{head}"
        );
        assert_eq!(body, NOT_FOUND, "{request}");
    }
}

#[tokio::test]
async fn stops_when_told_though_a_client_dawdles() {
    let mut served = served().await;
    let mut dawdler = TcpStream::connect(served.address).unwrap();
    dawdler.write_all(b"GET /livez HTTP/1.1\r\n").unwrap();
    assert_eq!(served.get("/livez").await.0, 200);
    served.stop.cancel();
    tokio::time::pause();
    let ended = tokio::time::timeout(2 * STOP_BUDGET, served.server.join_next()).await;
    assert!(matches!(ended, Ok(Some(Ok(Ok(()))))), "{ended:?}");
}

#[tokio::test]
async fn a_taken_address_is_an_error_that_names_it() {
    let served = served().await;
    let settings = HttpSettings {
        host: served.address.ip().to_string(),
        port: served.address.port(),
    };
    let error = HealthServer::bind(&settings).await.unwrap_err();
    assert!(error.to_string().contains(&served.address.to_string()), "{error}");
}
