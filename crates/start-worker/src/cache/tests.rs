use std::{fs, path::Path};

use super::*;
use crate::testing::cache_folder;

fn caches(draining: &CancellationToken) -> Caches {
    Caches::new(draining.clone(), Metrics::new("test", "0").unwrap())
}

/// A root with a cache of so many files in it.
fn filled(files: usize) -> (tempfile::TempDir, CacheFolder) {
    let root = tempfile::tempdir().unwrap();
    for file in 0..files {
        let folder = root.path().join(format!("jobs/7/9/{}", file % 100));
        fs::create_dir_all(&folder).unwrap();
        fs::write(folder.join(format!("{file}")), "x").unwrap();
    }
    let folder = cache_folder(root.path());
    (root, folder)
}

fn is_there(root: &Path) -> bool {
    root.join("jobs/7/9").exists()
}

#[tokio::test]
async fn a_cache_is_cleared_and_counted() {
    let (root, folder) = filled(300);
    let caches = caches(&CancellationToken::new());
    caches.clear(&folder).await.unwrap();
    assert!(!is_there(root.path()));
    caches.clear(&folder).await.unwrap();
    let metrics = caches.metrics.render();
    for line in [
        r#"sd_worker_cache_removed_total{entry="file"} 300"#,
        r#"sd_worker_cache_removed_total{entry="folder"} 101"#,
    ] {
        assert!(metrics.contains(line), "{metrics}");
    }
}

#[tokio::test]
async fn only_so_many_are_cleared_at_once() {
    let (root, folder) = filled(1);
    let caches = caches(&CancellationToken::new());
    let slots = u32::try_from(AT_ONCE).unwrap();
    let taken = caches.slots.clone().try_acquire_many_owned(slots).unwrap();
    let error = caches.clear(&folder).await.unwrap_err();
    assert!(matches!(error, CacheError::Busy), "{error:?}");
    assert!(is_there(root.path()));
    drop(taken);
    caches.clear(&folder).await.unwrap();
    assert!(!is_there(root.path()));
}

#[tokio::test]
async fn a_worker_that_stops_leaves_the_rest_to_another() {
    let (root, folder) = filled(5_000);
    let draining = CancellationToken::new();
    draining.cancel();
    let error = caches(&draining).clear(&folder).await.unwrap_err();
    assert!(matches!(error, CacheError::Stopping), "{error:?}");
    assert!(is_there(root.path()));
    caches(&CancellationToken::new()).clear(&folder).await.unwrap();
    assert!(!is_there(root.path()));
}

#[tokio::test]
async fn a_clear_that_takes_too_long_ends_and_goes_on_later() {
    let (root, folder) = filled(5_000);
    let mut caches = caches(&CancellationToken::new());
    caches.pace.keep = Duration::ZERO;
    let error = caches.clear(&folder).await.unwrap_err();
    assert!(matches!(error, CacheError::Unfinished { .. }), "{error:?}");
    assert!(is_there(root.path()));
    caches.pace = PACE;
    caches.clear(&folder).await.unwrap();
    assert!(!is_there(root.path()));
}

/// Watches a sweep that another thread plays.
async fn watched(
    caches: &Caches,
    sweep: impl FnOnce() -> Result<Swept, CacheError> + Send + 'static,
) -> Result<(), CacheError> {
    let folder = cache_folder(Path::new("/cache"));
    let sweeping = tokio::task::spawn_blocking(sweep);
    caches.watch(&folder, &Progress::default(), sweeping).await
}

#[tokio::test]
async fn a_file_system_that_does_not_answer_keeps_no_message() {
    let draining = CancellationToken::new();
    let mut caches = caches(&draining);
    caches.pace = Pace {
        keep: Duration::from_millis(30),
        tell: Duration::from_millis(1),
        call: Duration::from_millis(1),
    };
    for stopping in [false, true] {
        if stopping {
            draining.cancel();
        }
        let (answer, answered) = std::sync::mpsc::channel::<()>();
        let error = watched(&caches, move || {
            let _hung_up = answered.recv();
            Ok(Swept::Stopped)
        })
        .await
        .unwrap_err();
        // As long as it did not answer, its sender was here.
        drop(answer);
        let expected = if stopping {
            "the worker stops"
        } else {
            "the file system of the caches does not answer"
        };
        assert_eq!(error.to_string(), expected);
    }
}

#[tokio::test]
async fn a_defect_of_ours_costs_a_try() {
    let error = watched(&caches(&CancellationToken::new()), || panic!("sweeping")).await;
    assert!(matches!(error, Err(CacheError::Panicked)), "{error:?}");
}
