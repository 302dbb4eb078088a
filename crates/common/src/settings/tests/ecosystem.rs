//! Where the rest of Screwdriver is, and builds' caches.

use super::{options::read, *};

/// It works in the predecessor, whose builds then have no caches on their nodes either.
#[test]
fn a_strategy_of_caches_that_nobody_knows_is_told_and_passed_on() {
    for (word, warned) in [("s3", false), ("disk", false), ("gcs", true), ("DISK", true)] {
        let settings = load(&[("CACHE_STRATEGY", word), ("EXECUTOR_PLUGIN", "k8s")]).unwrap();
        let cache = &settings.ecosystem.cache;
        assert_eq!(cache.strategy.as_str(), word);
        assert_eq!(cache.disk_path("").is_some(), word == "disk", "{word}");
        let told = "CACHE_STRATEGY is neither s3 nor disk: builds have no caches on their nodes".to_owned();
        assert_eq!(
            settings.warnings.contains(&told),
            warned,
            "{word}: {:?}",
            settings.warnings
        );
    }
}

/// The defaults are Screwdriver's own installation.
#[test]
fn a_store_of_another_installation_is_told() {
    let api = ("ECOSYSTEM_API", "https://api.sd.example");
    let (store, ui) = (
        ("ECOSYSTEM_STORE", "https://store.sd.example"),
        ("ECOSYSTEM_UI", "https://cd.sd.example"),
    );
    let slash = ("ECOSYSTEM_API", "https://API.screwdriver.cd/");
    let stranger = ("ECOSYSTEM_STORE", "https://store.screwdriver.cd/");
    let strange = ["https://store.screwdriver.cd", "https://cd.screwdriver.cd"];
    let cases = [
        (vec![], &strange[..0]),
        (vec![api, store, ui], &strange[..0]),
        (vec![api, store], &strange[1..]),
        (vec![api], &strange),
        (vec![slash], &strange[..0]),
        (vec![api, stranger, ui], &["https://store.screwdriver.cd/"]),
    ];
    for (variables, strangers) in cases {
        let warnings = load(&variables).unwrap().warnings;
        let told = warnings
            .iter()
            .filter_map(|text| text.rsplit_once("builds are told "));
        let told: Vec<&str> = told.map(|(_, address)| address).collect();
        assert_eq!(told, strangers, "{variables:?}");
    }
}

#[test]
fn what_the_launcher_hears_of_caches_is_passed_on() {
    let cache = |value: &serde_json::Value| {
        let ecosystem = json!({ "cache": { "compress": value, "md5check": value, "max_size_mb": value,
                                           "max_go_threads": value } });
        let options = json!({ "ecosystem": ecosystem });
        read(Plugin::K8s, &options).map(|executor| executor.pod.ecosystem.cache)
    };
    for (value, expected) in [
        (json!("yes"), "yes"),
        (json!("TRUE"), "TRUE"),
        (json!(true), "true"),
        (json!(1), "1"),
        (json!(0), "0"),
        (json!("1.5"), "1.5"),
        (json!(-1), "-1"),
        (json!("10_000"), "10_000"),
        (json!(""), ""),
    ] {
        let cache = cache(&value).unwrap();
        let words = [
            cache.compress,
            cache.md5check,
            cache.max_size_mb,
            cache.max_go_threads,
        ];
        assert_eq!(words, [expected; 4], "{value}");
    }
    for unsafe_in_a_shell in ["a\"b", "$(x)", "`x`", "a b", "a\\", "a\nb", "a;b"] {
        let errors = cache(&json!(unsafe_in_a_shell)).unwrap_err();
        assert_eq!(errors.problems().len(), 4, "{unsafe_in_a_shell}: {errors}");
    }
    let unset = load(&[]).unwrap().ecosystem.cache;
    let words = [
        unset.compress,
        unset.md5check,
        unset.max_size_mb,
        unset.max_go_threads,
    ];
    assert_eq!(words, ["false", "false", "0", "10000"]);
}
