use std::{
    io::{Read as _, Write as _},
    net::{Ipv4Addr, TcpListener, TcpStream},
    time::Instant,
};

use tracing::info_span;

use super::{testing::Captured, *};
use crate::settings::{ExportSettings, ResourceSettings};
use crate::telemetry::propagation::TraceContext;

#[test]
fn no_log_level_removes_a_span() {
    for filter in ["off", "error", "info", "debug"] {
        let captured = Captured::with(filter, LogFormat::Json, Some(1.0));
        let span = spans::process_span("builds", 1);
        assert!(
            span.in_scope(TraceContext::current).is_some(),
            "log filter {filter}"
        );
        drop(span);
        assert_eq!(captured.spans().len(), 1, "log filter {filter}");
    }
}

#[test]
fn the_sample_ratio_is_for_new_traces_only() {
    let captured = Captured::with("off", LogFormat::Json, Some(0.0));
    let root = info_span!("root");
    let own = TraceContext::of(&root).unwrap();
    assert!(
        own.traceparent().ends_with("-00"),
        "told to others as not sampled: {own:?}"
    );
    drop(root);
    assert!(captured.spans().is_empty());

    let child = info_span!("child");
    let sampled = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    propagation::set_parent(&child, &TraceContext::parse(sampled, None).unwrap());
    drop(child);
    assert_eq!(captured.spans().len(), 1);
}

#[test]
fn the_libraries_below_make_no_spans() {
    let captured = Captured::begin();
    drop(info_span!(target: "hyper::proto", "foreign"));
    drop(info_span!(target: "opentelemetry_sdk::trace", "foreign"));
    drop(info_span!(target: "kube_client::client", "foreign"));
    drop(tracing::span!(tracing::Level::DEBUG, "chatter"));
    drop(info_span!("ours"));
    let names: Vec<_> = captured.spans().into_iter().map(|span| span.name).collect();
    assert_eq!(names, ["ours"]);
}

#[test]
fn a_bad_log_filter_is_an_error() {
    let error = dispatch("common=loud", LogFormat::Json, io::sink, None).unwrap_err();
    assert!(matches!(error, TelemetryError::LogFilter(_)), "{error:?}");
}

/// Reads one HTTP request and returns its head and body.
fn request(stream: &mut TcpStream) -> (String, Vec<u8>) {
    let mut bytes = Vec::new();
    let mut chunk = [0; 4096];
    loop {
        let head_end = bytes
            .windows(4)
            .position(|window| window == b"\r\n\r\n")
            .map(|at| at + 4);
        if let Some(end) = head_end {
            let head = String::from_utf8(bytes[..end].to_vec()).unwrap().to_lowercase();
            let length = head
                .split("content-length: ")
                .nth(1)
                .and_then(|rest| rest.lines().next());
            if bytes.len() >= end + length.unwrap().parse::<usize>().unwrap() {
                return (head, bytes.split_off(end));
            }
        }
        let read = stream.read(&mut chunk).unwrap();
        assert_ne!(read, 0, "the request was cut");
        bytes.extend_from_slice(&chunk[..read]);
    }
}

/// A collector, and the settings of an export to it.
fn collector(path: &str) -> (TcpListener, ExportSettings) {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let collector = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let address = format!("http://{}{path}", collector.local_addr().unwrap());
    (collector, testing::export_to(&address))
}

/// A provider as in production that counts in `metrics`, and the collector that it exports to.
fn counted(metrics: &Metrics) -> (SdkTracerProvider, TcpListener) {
    let (collector, to) = collector("/v1/traces");
    let all = opentelemetry_sdk::trace::Sampler::AlwaysOn;
    let provider = export::provider(&to, all, testing::resource(), metrics).unwrap();
    (provider, collector)
}

/// Answers the next request, and tells it.
fn answer(collector: &TcpListener) -> (String, Vec<u8>) {
    answer_with(collector, b"")
}

fn answer_with(collector: &TcpListener, body: &[u8]) -> (String, Vec<u8>) {
    let (mut stream, _) = collector.accept().unwrap();
    let asked = request(&mut stream);
    let head = format!(
        "HTTP/1.1 200 OK\r\ncontent-type: application/x-protobuf\r\ncontent-length: {}\r\n\r\n",
        body.len()
    );
    stream.write_all(&[head.as_bytes(), body].concat()).unwrap();
    asked
}

fn telemetry(traces: Option<SdkTracerProvider>) -> Telemetry {
    Telemetry {
        traces,
        metrics: Metrics::new("test-worker", "1.2.3").unwrap(),
    }
}

fn one_span(traces: &SdkTracerProvider) {
    let dispatch = dispatch("off", LogFormat::Json, io::sink, Some(traces)).unwrap();
    tracing::dispatcher::with_default(&dispatch, || {
        let span = spans::process_span("builds", 1);
        spans::record_job(&span, "start", 1234, 0);
    });
}

/// Replicas push the same series: without an identity of its own a store would take one for the other.
#[test]
fn each_process_has_an_id_of_its_own_unless_the_operator_gives_one() {
    let id = |said: &[(&str, &str)]| {
        let attributes = said
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        let settings = ResourceSettings {
            attributes: attributes.collect(),
            ..ResourceSettings::default()
        };
        let resource = export::resource(&settings, "test-worker", "1.2.3");
        let key = opentelemetry::Key::from_static_str("service.instance.id");
        resource.get(&key).unwrap().to_string()
    };
    assert_ne!(id(&[]), id(&[]));
    assert_eq!(id(&[]).len(), 36, "a UUID");
    assert_eq!(id(&[("service.instance.id", "one")]), "one");
}

/// Both signals go out at the end, as what the settings say, with the headers of the settings.
#[tokio::test]
async fn the_last_spans_and_metrics_reach_the_collector_before_the_end() {
    let resource = ResourceSettings {
        service_name: Some("renamed-worker".to_owned()),
        attributes: [("team", "builders"), ("service.name", "less-exact")]
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .to_vec(),
    };
    let resource = export::resource(&resource, "test-worker", "1.2.3");
    let (traces_at, mut to) = collector("/v1/traces");
    to.headers = vec![("authorization".to_owned(), "Bearer abc".into())];
    let (metrics_at, metrics_to) = collector("/v1/metrics");
    let metrics_to = ExportSettings {
        endpoint: metrics_to.endpoint,
        ..to.clone()
    };
    let reader = metrics::push::reader(&metrics_to, Duration::from_mins(1)).unwrap();
    let metrics = Metrics::with("test-worker", "1.2.3", |provider| {
        provider.with_reader(reader).with_resource(resource.clone())
    })
    .unwrap();
    let all = opentelemetry_sdk::trace::Sampler::AlwaysOn;
    let traces = export::provider(&to, all, resource, &metrics).unwrap();
    one_span(&traces);
    let asked = [(traces_at, "process builds"), (metrics_at, "sd.worker.pods")]
        .map(|(collector, expected)| (tokio::task::spawn_blocking(move || answer(&collector)), expected));
    let telemetry = Telemetry {
        traces: Some(traces),
        metrics,
    };
    telemetry.shutdown(Duration::from_secs(2)).await;
    for (asked, told) in asked {
        let (head, body) = asked.await.unwrap();
        assert!(head.starts_with("post /v1/"), "{head}");
        assert!(head.contains("content-type: application/x-protobuf"), "{head}");
        assert!(head.contains("authorization: bearer abc"), "{head}");
        let body = String::from_utf8_lossy(&body);
        for expected in [told, "renamed-worker", "builders", "1.2.3"] {
            assert!(body.contains(expected), "{expected} is missing");
        }
        assert!(
            !body.contains("less-exact"),
            "the service's name has a setting of its own"
        );
    }
}

#[test]
fn a_collector_that_never_answers_does_not_hold_up_the_end() {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let (traces, traces_at) = counted(&Metrics::new("test-worker", "1.2.3").unwrap());
    one_span(&traces);
    let (metrics_at, to) = collector("/v1/metrics");
    let reader = metrics::push::reader(&to, Duration::from_mins(1)).unwrap();
    let metrics = Metrics::with("test-worker", "1.2.3", |provider| provider.with_reader(reader)).unwrap();
    metrics.parked("not-json");
    let telemetry = Telemetry {
        traces: Some(traces),
        metrics,
    };
    let begun = Instant::now();
    runtime.block_on(telemetry.shutdown(Duration::from_millis(200)));
    // Waits for whatever would hold up the end of `main`.
    drop(runtime);
    assert!(begun.elapsed() < LONGEST_FLUSH, "took {:?}", begun.elapsed());
    drop((traces_at, metrics_at));
}

/// Both signals hang, and the budget is a minute: 2 s it is, by a clock that only this waiting moves.
#[tokio::test(start_paused = true)]
async fn a_collector_that_hangs_is_waited_for_two_seconds_at_the_end() {
    let (traces, traces_at) = counted(&Metrics::new("test-worker", "1.2.3").unwrap());
    one_span(&traces);
    let (metrics_at, to) = collector("/v1/metrics");
    let reader = metrics::push::reader(&to, Duration::from_mins(1)).unwrap();
    let metrics = Metrics::with("test-worker", "1.2.3", |provider| provider.with_reader(reader)).unwrap();
    let telemetry = Telemetry {
        traces: Some(traces),
        metrics,
    };
    let begun = tokio::time::Instant::now();
    telemetry.shutdown(Duration::from_mins(1)).await;
    // The timer counts whole milliseconds.
    let over = begun.elapsed().saturating_sub(Duration::from_secs(2));
    assert!(over <= Duration::from_millis(1), "took {:?}", begun.elapsed());
    drop((traces_at, metrics_at));
}

/// A build waits for none of its spans: what a collector that hangs does not take is dropped, and counted.
#[test]
fn a_collector_that_hangs_costs_spans_and_no_time() {
    const SPANS: usize = 5_000;
    let metrics = Metrics::new("test-worker", "1.2.3").unwrap();
    let (traces, collector) = counted(&metrics);
    let dispatch = dispatch("off", LogFormat::Json, io::sink, Some(&traces)).unwrap();
    let begun = Instant::now();
    tracing::dispatcher::with_default(&dispatch, || {
        for tag in 0..SPANS as u64 {
            drop(spans::process_span("builds", tag));
        }
    });
    assert!(
        begun.elapsed() < Duration::from_secs(2),
        "took {:?}",
        begun.elapsed()
    );
    let text = metrics.render();
    let of = |result: &str| -> usize {
        let series = format!("sd_worker_spans_total{{result=\"{result}\"}} ");
        text.lines()
            .find_map(|line| line.strip_prefix(&series))
            .unwrap()
            .parse()
            .unwrap()
    };
    assert_eq!((of("exported"), of("failed")), (0, 0));
    assert_eq!(of("dropped"), SPANS - export::QUEUE);
    let _ = traces.shutdown_with_timeout(Duration::from_millis(1));
    drop(collector);
}

/// The library tells nobody but its own log.
#[test]
fn what_a_collector_takes_in_part_counts_as_exported() {
    /// An answer's `partial_success` with one rejected span, in protobuf.
    const ONE_REJECTED: [u8; 4] = [0x0a, 0x02, 0x08, 0x01];
    let metrics = Metrics::new("test-worker", "1.2.3").unwrap();
    let (traces, collector) = counted(&metrics);
    let answered = std::thread::spawn(move || answer_with(&collector, &ONE_REJECTED));
    one_span(&traces);
    traces.shutdown_with_timeout(Duration::from_secs(30)).unwrap();
    answered.join().unwrap();
    let text = metrics.render();
    assert!(
        text.contains("sd_worker_spans_total{result=\"exported\"} 1\n"),
        "{text}"
    );
}

#[tokio::test]
async fn without_a_collector_the_end_is_immediate() {
    telemetry(None).shutdown(Duration::ZERO).await;
}

#[test]
fn the_log_filter_still_spares_what_nobody_wants() {
    let captured = Captured::with("warn,common=info", LogFormat::Json, Some(1.0));
    tracing::info!("ours");
    tracing::debug!("chatter");
    tracing::info!(target: "hyper::proto", "foreign");
    tracing::warn!(target: "hyper::proto", "trouble");
    tracing::error!(target: "opentelemetry_sdk", "every batch that is refused");
    let messages: Vec<_> = captured
        .lines()
        .iter()
        .map(|line| line["message"].clone())
        .collect();
    assert_eq!(messages, ["ours", "trouble"]);
}

#[test]
fn no_filter_lets_the_peers_clients_speak_for_themselves() {
    let captured = Captured::with("trace,lapin=trace,kube_client=trace", LogFormat::Json, None);
    tracing::warn!(target: "kube_client::client", "{{\"token\":\"secret\"}}, Error(\"missing field\")");
    tracing::warn!(target: "lapin::returned_messages", message = ?b"token", "Server returned us a message");
    tracing::trace!(target: "lapin::channels", "will handle frame");
    tracing::trace!("ours");
    let messages: Vec<_> = captured
        .lines()
        .iter()
        .map(|line| line["message"].clone())
        .collect();
    assert_eq!(messages, ["ours"]);
}

#[test]
fn the_log_filter_knows_its_highest_level() {
    let table = [
        ("off", LevelFilter::OFF),
        ("warn", LevelFilter::INFO),
        ("info", LevelFilter::INFO),
        ("info,common=debug", LevelFilter::DEBUG),
    ];
    for (filter, highest) in table {
        assert_eq!(
            logged(filter).unwrap().max_level_hint(),
            Some(highest),
            "{filter}"
        );
    }
}
