//! What the process takes of its machine, read when somebody asks. Elsewhere than on Linux it is not told.

use opentelemetry::metrics::Meter;

use super::families::{self, Family};

/// Registers the families of the process.
#[cfg(target_os = "linux")]
pub(super) fn observe(meter: &Meter) {
    use procfs::{WithCurrentSystemInfo as _, process::Process};

    let described = |family: &Family| (family.name, family.text);
    let (name, text) = described(&families::PROCESS_CPU);
    let _registered = meter
        .f64_observable_counter(name)
        .with_description(text)
        .with_callback(|observer| {
            if let Ok(stat) = Process::myself().and_then(|process| process.stat()) {
                let ticks = stat.utime.saturating_add(stat.stime);
                observer.observe(ratio(ticks, procfs::ticks_per_second()), &[]);
            }
        })
        .build();
    gauge(meter, &families::PROCESS_MEMORY, |process| {
        process.stat().map(|stat| stat.rss_bytes().get()).ok()
    });
    gauge(meter, &families::PROCESS_THREADS, |process| {
        let stat = process.stat().ok()?;
        u64::try_from(stat.num_threads).ok()
    });
    gauge(meter, &families::PROCESS_FILES, |process| {
        process
            .fd_count()
            .ok()
            .and_then(|count| u64::try_from(count).ok())
    });
    gauge(meter, &families::PROCESS_FILES_LIMIT, |process| {
        match process.limits().ok()?.max_open_files.soft_limit {
            procfs::process::LimitValue::Value(limit) => Some(limit),
            procfs::process::LimitValue::Unlimited => None,
        }
    });
}

#[cfg(target_os = "linux")]
fn gauge(
    meter: &Meter,
    family: &Family,
    read: impl Fn(&procfs::process::Process) -> Option<u64> + Send + Sync + 'static,
) {
    let _registered = meter
        .u64_observable_gauge(family.name)
        .with_description(family.text)
        .with_callback(move |observer| {
            let process = procfs::process::Process::myself().ok();
            if let Some(value) = process.as_ref().and_then(&read) {
                observer.observe(value, &[]);
            }
        })
        .build();
}

#[cfg(target_os = "linux")]
#[expect(clippy::cast_precision_loss, reason = "exact for the first 285,000 years")]
fn ratio(ticks: u64, per_second: u64) -> f64 {
    ticks as f64 / per_second.max(1) as f64
}

/// Nothing is known here.
#[cfg(not(target_os = "linux"))]
pub(super) fn observe(_meter: &Meter) {}
