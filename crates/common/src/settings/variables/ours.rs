//! The variables that the predecessor does not have.

use super::{
    ALL,
    Kind::{Boolean, Duration, File, Json, Number, Secret, Text, Url},
    PODS,
    Place::{Key, Options},
    Variable, row, rows,
};

pub(super) const VARIABLES: &[Variable] = rows! {
    // Checks and clocks
    ("CHECK_LADDER", Key("checks.ladder"), Text, "15s,60s",
        "ages of a start at which its pod is looked at, before RABBITMQ_BUILD_INIT_TIMEOUT")
    ("CHECK_WATCH_RUNNING", Key("checks.watchRunning"), Duration, "",
        "how often the pod of a running build is looked at; none or 0s: never again once it runs")
    ("CLOCK_SCHEDULING", Key("checks.clocks.scheduling"), Duration, "15m",
        "how long a pod may wait for a node")
    ("CLOCK_PULLING", Key("checks.clocks.pulling"), Duration, "15m", "how long an image may be pulled")
    ("CLOCK_INITIALISING", Key("checks.clocks.initialising"), Duration, "5m",
        "how long sandbox, volumes and init containers may take")
    ("CLOCK_STARTING", Key("checks.clocks.starting"), Duration, "5m",
        "how long the build container may take to start")
    ("CHECK_GRACES", Key("checks.graces"), Json, "",
        "how long a reason of docs/VERDICTS.md may stand before it fails its build, such as {image_not_found: \"60s\"}")
    ("START_DEADLINE", Key("start.deadline"), Duration, "60m",
        "how long a start is tried, time held by outages not counted")
    ("START_LEGACY_CONSUMERS", Key("start.legacyConsumers"), Boolean, "false",
        "whether predecessors consume the main queue beside us: their pods are looked for too")
    ("OUTAGE_HOLD", Key("outage.hold"), Duration, "10s",
        "how long a delivery waits in place for a peer that is down")
    ("DRAIN_TIMEOUT", Key("shutdown.drain"), Duration, "25s",
        "how long deliveries in hand may take after SIGTERM")

    // Peers
    ("K8S_TOKEN_FILE", Options(ALL, "kubernetes.tokenFile"), File, "", "file with the token of K8S_TOKEN; read again while the worker runs")
    ("K8S_CA_FILE", Options(ALL, "kubernetes.caFile"), File, "",
        "PEM file with the API server's authorities instead of the service account's")
    ("K8S_INSECURE_SKIP_TLS_VERIFY", Options(ALL, "kubernetes.insecureSkipTlsVerify"), Boolean, "false",
        "whether any certificate of the API server is accepted")
    ("API_CA_FILE", Key("buildsApi.caFile"), File, "", "PEM file with further authorities for the builds API")
    ("API_TIMEOUT", Key("buildsApi.timeout"), Duration, "10s", "how long one call to the builds API may take")
    ("RABBITMQ_PASSWORD_FILE", Key("rabbitmq.passwordFile"), File, "", "file with the broker's password; read again for every connection")
    ("RABBITMQ_CA_FILE", Key("rabbitmq.caFile"), File, "", "PEM file with further authorities for amqps")
    ("RABBITMQ_TOPOLOGY", Key("rabbitmq.topology"), Text, "existing",
        "existing: the operators' queues are there; declare: make them")
    ("ROOTLESS_BUILDKIT_FEATURE_ENABLED", Options(PODS, "kubernetes.rootlessBuildkitFeatureEnabled"), Boolean,
        "false", "whether jobs may ask for a privileged buildkit daemon beside the build")

    ("K8S_BUILD_TOKEN_SECRET", Options(ALL, "kubernetes.buildTokenSecret"), Boolean, "false",
        "whether a build's token goes into a secret that its pod owns, instead of the pod's arguments")
    ("K8S_EPHEMERAL_STORAGE_DEFAULT", Options(ALL, "kubernetes.resources.ephemeralStorage.default"), Text, "",
        "limit of a build's local storage, such as 10Gi, unless its job asks for another")
    ("K8S_EPHEMERAL_STORAGE_MAX", Options(ALL, "kubernetes.resources.ephemeralStorage.max"), Text, "",
        "most local storage that a job may ask for")

    // Telemetry
    ("OTEL_EXPORTER_OTLP_ENDPOINT", Key("telemetry.otlpEndpoint"), Url, "",
        "OTLP/HTTP collector; none: nothing is exported")
    ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", Key("telemetry.otlpTracesEndpoint"), Url, "",
        "the same for traces alone, taken as it is: nothing is added to its path")
    ("OTEL_EXPORTER_OTLP_METRICS_ENDPOINT", Key("telemetry.otlpMetricsEndpoint"), Url, "",
        "the same for metrics alone")
    ("OTEL_EXPORTER_OTLP_HEADERS", Key("telemetry.otlpHeaders"), Secret, "",
        "headers of every export, such as authorization=Bearer%20abc")
    ("OTEL_EXPORTER_OTLP_TRACES_HEADERS", Key("telemetry.otlpTracesHeaders"), Secret, "",
        "the same for traces, instead of those for all")
    ("OTEL_EXPORTER_OTLP_METRICS_HEADERS", Key("telemetry.otlpMetricsHeaders"), Secret, "",
        "the same for metrics")
    ("OTEL_EXPORTER_OTLP_PROTOCOL", Key("telemetry.otlpProtocol"), Text, "http/protobuf",
        "the only protocol there is; another is told at the start and not used")
    ("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", Key("telemetry.otlpTracesProtocol"), Text, "http/protobuf",
        "the same for traces")
    ("OTEL_EXPORTER_OTLP_METRICS_PROTOCOL", Key("telemetry.otlpMetricsProtocol"), Text, "http/protobuf",
        "the same for metrics")
    ("OTEL_EXPORTER_OTLP_TIMEOUT", Key("telemetry.otlpTimeout"), Text, "10000",
        "milliseconds that one export may take; what is no such number is told at the start and not used")
    ("OTEL_EXPORTER_OTLP_TRACES_TIMEOUT", Key("telemetry.otlpTracesTimeout"), Text, "",
        "the same for traces")
    ("OTEL_EXPORTER_OTLP_METRICS_TIMEOUT", Key("telemetry.otlpMetricsTimeout"), Text, "",
        "the same for metrics")
    ("OTEL_TRACES_EXPORTER", Key("telemetry.tracesExporter"), Text, "otlp",
        "otlp: traces go to the collector, if one is set; none: they go nowhere. Another is told at the start and not used")
    ("OTEL_METRICS_EXPORTER", Key("telemetry.metricsExporter"), Text, "otlp",
        "otlp: metrics are pushed to the collector, if one is set; none or prometheus: they are only served on /metrics. Another is told at the start and not used")
    ("OTEL_METRIC_EXPORT_INTERVAL", Key("telemetry.metricExportInterval"), Text, "60000",
        "milliseconds between two pushes of metrics; what is no such number is told at the start and not used")
    ("OTEL_SERVICE_NAME", Key("telemetry.serviceName"), Text, "",
        "service.name of traces and metrics instead of the worker's own")
    ("OTEL_RESOURCE_ATTRIBUTES", Key("telemetry.resourceAttributes"), Text, "",
        "what else traces and metrics say about the process, such as team=builds,zone=eu")
    ("OTEL_SDK_DISABLED", Key("telemetry.disabled"), Boolean, "false", "true: nothing is exported")
    ("OTEL_DELAYED_AS_CHILD", Key("telemetry.delayedAsChild"), Boolean, "true",
        "whether a check is part of the trace of its start; else a new trace that links to it")
    ("OTEL_TRACES_SAMPLER", Key("telemetry.sampler"), Text, "parentbased_traceidratio",
        "which traces are kept: always_on, always_off, traceidratio, or parentbased_ before one of them")
    ("OTEL_TRACES_SAMPLER_ARG", Key("telemetry.sampleRatio"), Number, "1.0",
        "share of traces that a sampler by ratio keeps")
    ("LOG_LEVEL", Key("telemetry.logLevel"), Text, "info", "error, warn, info, debug or trace")
    ("RUST_LOG", Key("telemetry.logFilter"), Text, "", "filter of log lines by module; overrides LOG_LEVEL")
    ("LOG_FORMAT", Key("telemetry.logFormat"), Text, "auto", "json, text, or auto: text on a terminal")
};
