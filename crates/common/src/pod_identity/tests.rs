use proptest::prelude::*;

use super::*;

fn url(text: &str) -> Url {
    text.parse().unwrap()
}

/// A DNS label (RFC 1123): what Kubernetes takes as a container's name, and as a pod's name too.
fn is_dns_label(name: &str) -> bool {
    let bytes = name.as_bytes();
    let inner = |b: &u8| b.is_ascii_lowercase() || b.is_ascii_digit() || *b == b'-';
    (1..=63).contains(&bytes.len())
        && bytes.iter().all(inner)
        && bytes.first() != Some(&b'-')
        && bytes.last() != Some(&b'-')
}

fn is_label_value(value: &str) -> bool {
    let bytes = value.as_bytes();
    let inner = |b: &u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.');
    bytes.is_empty()
        || (bytes.len() <= 63
            && bytes.iter().all(inner)
            && bytes[0].is_ascii_alphanumeric()
            && bytes[bytes.len() - 1].is_ascii_alphanumeric())
}

#[test]
fn pod_name_never_changes_between_releases() {
    // Another name for the same build would be a second pod, so these are literal.
    let api = url("https://api.sd.example");
    assert_eq!(pod_name("", &api, &8609), "8609-oby1i");
    assert_eq!(pod_name("beta-", &api, &8609), "beta-8609-oby1i");
    assert_eq!(pod_name("", &url("http://10.0.0.1:8080/sd"), &1), "1-se7eb");
}

#[test]
fn trailing_slash_does_not_change_the_name() {
    for (one, other) in [
        ("https://api.sd.example", "https://api.sd.example/"),
        ("https://sd.example/api", "https://sd.example/api/"),
    ] {
        assert_eq!(pod_name("", &url(one), &8609), pod_name("", &url(other), &8609));
    }
}

#[test]
fn installations_and_builds_have_different_names() {
    let api = url("https://api.sd.example");
    assert_ne!(
        pod_name("", &api, &1),
        pod_name("", &url("https://api.other.example"), &1)
    );
    assert_ne!(pod_name("", &api, &1), pod_name("", &api, &2));
    // The address must not run into the build id.
    assert_ne!(
        build_hash(&url("http://a/1"), &23),
        build_hash(&url("http://a/12"), &3)
    );
}

#[test]
fn label_values_are_sanitised() {
    let cases = [
        ("org/repo", "org.repo"),
        ("PR-1:main", "PR-1.main"),
        ("stage@alpha:setup", "stage.alpha.setup"),
        ("--a--", "a"),
        ("тест", ""),
        ("", ""),
        ("тест-job-ß", "job"),
        ("ünïcode/repo.", "n.code.repo"),
        ("--weird job/name:with#chars__", "weird.job.name.with.chars"),
        ("a  //  b", "a.b"),
        ("1.2.3+meta", "1.2.3.meta"),
    ];
    for (value, expected) in cases {
        assert_eq!(sanitize_label_value(value), expected, "{value:?}");
    }
}

#[test]
fn a_cut_label_value_ends_alphanumeric() {
    let value = format!("{}./tail", "a".repeat(62));
    assert_eq!(sanitize_label_value(&value), "a".repeat(62));
}

#[test]
fn the_label_of_an_odd_prefix_is_the_same_for_writing_and_selecting() {
    assert_eq!(build_label("_x-", &8609), "x-8609");
    assert_eq!(build_label("beta-", &8609), build_container_name("beta-", &8609));
}

proptest! {
    #[test]
    fn names_and_labels_are_valid(
        prefix in "([a-z0-9]([a-z0-9-]{0,30}))?",
        host in "[a-z]{1,20}\\.example",
        build in 1_u64..=9_007_199_254_740_991,
    ) {
        let api = url(&format!("https://{host}"));
        let name = pod_name(&prefix, &api, &build);
        prop_assert!(is_dns_label(&name), "{}", name);
        prop_assert!(is_dns_label(&build_container_name(&prefix, &build)));
        prop_assert!(is_label_value(&build_label(&prefix, &build)));
        prop_assert_eq!(&name, &pod_name(&prefix, &api, &build.to_string()));
    }

    #[test]
    fn any_text_becomes_a_valid_label_value(text in any::<String>()) {
        let value = sanitize_label_value(&text);
        prop_assert!(is_label_value(&value), "{}", value);
        prop_assert_eq!(&sanitize_label_value(&value), &value);
    }
}
