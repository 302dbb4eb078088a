//! What nobody hears is not made. In a process of its own: whether a span is made is remembered for each place
//! in the code, by all subscribers of a process together.

use common::{
    settings::{LogFormat, ResourceSettings, Sampler, TelemetrySettings},
    telemetry::{Telemetry, spans},
};

#[test]
fn without_a_collector_a_silent_log_disables_every_span() {
    let settings = TelemetrySettings {
        traces: None,
        metrics: None,
        metric_interval: std::time::Duration::from_mins(1),
        sampler: Sampler::ParentOrShare,
        resource: ResourceSettings::default(),
        log_filter: "off".to_owned(),
        log_format: LogFormat::Json,
        delayed_as_child: true,
        sample_ratio: 1.0,
    };
    let _telemetry = Telemetry::init(&settings, "silent", "0").unwrap();
    assert!(spans::process_span("builds", 1).is_disabled());
}
