//! What counts as a build's living pod.

use serde_json::json;

use super::*;

fn found(uid: &str, label: &str) -> Found {
    let pod = json!({ "metadata": { "name": "8609-abcde", "uid": uid, "labels": { "sdbuild": label } } });
    Found::of(serde_json::from_value(pod).unwrap(), "8609")
}

fn dead(uid: Option<&str>) -> Recreate {
    Recreate {
        uid: uid.map(ToOwned::to_owned),
        n: 1,
    }
}

/// Else a build whose replacement cannot be made would never fail: its dead pod would count for it for ever.
#[test]
fn a_dead_pod_that_is_to_be_replaced_does_not_live() {
    let ours = found("u1", "8609");
    assert!(ours.lives(None));
    assert!(ours.lives(Some(&dead(None))));
    assert!(ours.lives(Some(&dead(Some("u2")))));
    assert!(!ours.lives(Some(&dead(Some("u1")))));
    assert!(!found("u1", "1").lives(None), "a stranger's pod");
    assert!(!Found::of(None, "8609").lives(None));
}
