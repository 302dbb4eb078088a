//! Logs, and the standard variables of OpenTelemetry.

use super::*;

#[test]
fn npm_log_levels_are_understood() {
    for (variables, filter) in [
        (&[("LOG_LEVEL", "silly")][..], "trace"),
        (&[("LOG_LEVEL", "verbose")], "debug"),
        (
            &[("LOG_LEVEL", "warn"), ("RUST_LOG", "info,lapin=off")],
            "info,lapin=off",
        ),
        (&[], "info"),
    ] {
        assert_eq!(load(variables).unwrap().telemetry.log_filter, filter);
    }
}

#[test]
fn a_filter_that_the_library_cannot_stand_is_a_problem() {
    for text in ["\u{2000}a[", "\u{e9}=debug", "common=loud"] {
        assert!(problems(&[("RUST_LOG", text)]).contains("RUST_LOG: expected a filter"));
    }
}

#[test]
fn a_disabled_sdk_exports_nothing() {
    let endpoint = ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://otlp.example:4318");
    let exported = |variables: &[(&str, &str)]| {
        let telemetry = load(variables).unwrap().telemetry;
        (telemetry.traces.is_some(), telemetry.metrics.is_some())
    };
    assert_eq!(exported(&[endpoint]), (true, true));
    assert_eq!(
        exported(&[endpoint, ("OTEL_SDK_DISABLED", "true")]),
        (false, false)
    );
}

/// Where a signal goes, in a line: address, headers, milliseconds.
fn shown(export: Option<&ExportSettings>) -> String {
    export.map_or("nowhere".to_owned(), |export| {
        let headers = export.headers.iter();
        let headers: Vec<String> = headers
            .map(|(name, value)| format!("{name}={}", value.expose_secret()))
            .collect();
        let timeout = export.timeout.as_millis();
        format!("{} [{}] {timeout}", export.endpoint.0, headers.join(","))
    })
}

#[test]
fn each_signal_takes_the_standard_variables_for_all_and_its_own_before_them() {
    let signals = |variables: &[(&str, &str)]| {
        let telemetry = load(variables).unwrap().telemetry;
        [telemetry.traces, telemetry.metrics].map(|export| shown(export.as_ref()))
    };
    assert_eq!(signals(&[]), ["nowhere", "nowhere"]);
    let all = [
        ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://otlp.example:4318"),
        ("OTEL_EXPORTER_OTLP_HEADERS", "authorization=Bearer%20abc"),
        ("OTEL_EXPORTER_OTLP_TIMEOUT", "3000"),
    ];
    let expected = ["traces", "metrics"]
        .map(|signal| format!("http://otlp.example:4318/v1/{signal} [authorization=Bearer abc] 3000"));
    assert_eq!(signals(&all), expected);
    for (own, other, name) in [(0, 1, "TRACES"), (1, 0, "METRICS")] {
        let variable = |what| format!("OTEL_EXPORTER_OTLP_{name}_{what}");
        let names = ["ENDPOINT", "HEADERS", "TIMEOUT"].map(variable);
        let values = ["http://own.example/otlp", "x-scope=builds", "500"];
        let mut variables = all.to_vec();
        variables.extend(names.iter().map(String::as_str).zip(values));
        let signals = signals(&variables);
        assert_eq!(signals[own], "http://own.example/otlp [x-scope=builds] 500");
        assert_eq!(signals[other], expected[other]);
    }
    let alone = signals(&[("OTEL_EXPORTER_OTLP_METRICS_ENDPOINT", "http://own.example/otlp")]);
    assert_eq!(alone, ["nowhere", "http://own.example/otlp [] 10000"]);
}

#[test]
fn headers_of_the_file_are_those_of_every_export() {
    let file = "telemetry:\n  otlpEndpoint: http://otlp.example\n  otlpHeaders: authorization=abc\n";
    let dir = config_dir(&[("local.yaml", file)]);
    let telemetry = load_from(dir.path(), &[]).unwrap().telemetry;
    for export in [telemetry.traces, telemetry.metrics] {
        assert!(shown(export.as_ref()).ends_with("[authorization=abc] 10000"));
    }
}

#[test]
fn sampler_and_resource_take_the_standard_variables() {
    let telemetry = load(&[]).unwrap().telemetry;
    assert_eq!(telemetry.sampler, Sampler::ParentOrShare);
    let telemetry = load(&[
        ("OTEL_TRACES_SAMPLER", "always_off"),
        ("OTEL_SERVICE_NAME", "starter"),
        ("OTEL_RESOURCE_ATTRIBUTES", "team=builds,zone=eu"),
    ])
    .unwrap()
    .telemetry;
    assert_eq!(telemetry.sampler, Sampler::None);
    assert_eq!(telemetry.metric_interval, Duration::from_mins(1));
    let often = load(&[("OTEL_METRIC_EXPORT_INTERVAL", "500")]).unwrap().telemetry;
    assert_eq!(often.metric_interval, Duration::from_millis(500));
    assert_eq!(telemetry.resource.service_name.as_deref(), Some("starter"));
    assert_eq!(telemetry.resource.attributes.len(), 2);
}

#[test]
fn what_the_standard_knows_and_we_do_not_is_told_and_does_not_stop_the_worker() {
    for (name, unknown, known) in [
        ("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc", "http/protobuf"),
        ("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "grpc", "http/protobuf"),
        (
            "OTEL_EXPORTER_OTLP_METRICS_PROTOCOL",
            "http/json",
            "http/protobuf",
        ),
        ("OTEL_EXPORTER_OTLP_TIMEOUT", "10s", "10000"),
        ("OTEL_EXPORTER_OTLP_TRACES_TIMEOUT", "0", "1"),
        ("OTEL_EXPORTER_OTLP_METRICS_TIMEOUT", "-1", "1"),
        ("OTEL_METRIC_EXPORT_INTERVAL", "60s", "500"),
        ("OTEL_TRACES_EXPORTER", "zipkin", "otlp"),
        ("OTEL_METRICS_EXPORTER", "console,otlp", "prometheus,otlp"),
        ("OTEL_TRACES_SAMPLER", "jaeger_remote", "always_on"),
    ] {
        let settings = load(&[(name, unknown)]).unwrap();
        let told = settings.warnings.iter().any(|line| line.starts_with(name));
        assert!(told, "{:?}", settings.warnings);
        let settings = load(&[(name, known)]).unwrap();
        assert!(!settings.warnings.iter().any(|line| line.contains(name)));
    }
}

#[test]
fn signals_go_out_unless_another_exporter_is_asked_for() {
    let endpoint = ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://otlp.example:4318");
    // What is asked for, whether traces go out, whether metrics do.
    for (asked, traces, metrics) in [
        ("", true, true),
        ("otlp", true, true),
        ("none", false, false),
        // What is not known counts as not said; only of metrics is this one served.
        ("prometheus", true, false),
        ("zipkin", true, true),
        ("zipkin, none", false, false),
        ("none,otlp", true, true),
    ] {
        let names = ["OTEL_TRACES_EXPORTER", "OTEL_METRICS_EXPORTER"];
        let telemetry = load(&[endpoint, (names[0], asked), (names[1], asked)])
            .unwrap()
            .telemetry;
        let exported = (telemetry.traces.is_some(), telemetry.metrics.is_some());
        assert_eq!(exported, (traces, metrics), "{asked}");
    }
}

#[test]
fn headers_and_attributes_that_are_none_are_problems_that_show_no_value() {
    for (name, text) in [
        ("OTEL_EXPORTER_OTLP_HEADERS", "s3cret"),
        ("OTEL_EXPORTER_OTLP_TRACES_HEADERS", "bad name=s3cret"),
        ("OTEL_EXPORTER_OTLP_METRICS_HEADERS", "s3cret"),
        ("OTEL_RESOURCE_ATTRIBUTES", "s3cret"),
    ] {
        let text = problems(&[(name, text)]);
        assert!(text.contains(name) && !text.contains("s3cret"), "{text}");
    }
}
