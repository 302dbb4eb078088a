//! Whatever a cluster writes: no panic, one bounded line, no secret.

use proptest::prelude::*;

use super::*;

const JWT: &str = "eyJhbGciOiJIUzI1NiJ9.eyJidWlsZElkIjoxMjN9.c2lnbmF0dXJlLW9mLXRva2Vu";
const PASSWORD: &str = "hunter2secret";

/// A text with a secret planted in one of the ways in which secrets get into texts.
fn planted() -> impl Strategy<Value = String> {
    let ways = prop_oneof![
        Just(format!("Bearer {JWT}")),
        Just(format!("Basic {PASSWORD}")),
        Just(format!("https://user:{PASSWORD}@host/path")),
        Just(format!("https://host/path?access={PASSWORD}&x=y")),
        Just(format!("SD_TOKEN={JWT}")),
        Just(format!("password={PASSWORD}")),
        Just(JWT.to_owned()),
    ];
    ("\\PC{0,40}", ways, "\\PC{0,40}").prop_map(|(before, way, after)| format!("{before} {way} {after}"))
}

fn reason() -> impl Strategy<Value = String> {
    prop_oneof![
        Just("ErrImagePull".to_owned()),
        Just("CreateContainerConfigError".to_owned()),
        Just("PodInitializing".to_owned()),
        Just("Evicted".to_owned()),
        Just("Error".to_owned()),
        ".*",
    ]
}

fn texts_of(verdict: &Verdict) -> Option<&str> {
    match verdict {
        Verdict::Failed(failure) => Some(&failure.message),
        Verdict::Waiting { cause }
        | Verdict::Progressing { cause }
        | Verdict::Terminating { cause }
        | Verdict::Recreate { cause, .. } => Some(cause),
        Verdict::Healthy { .. } | Verdict::NotCreated | Verdict::Missing => None,
    }
}

fn assert_readable(verdict: &Verdict) -> Result<(), TestCaseError> {
    prop_assert!(
        crate::verdict::labels().contains(&verdict.labels()),
        "{:?}",
        verdict.labels()
    );
    if let Some(text) = texts_of(verdict) {
        prop_assert!(!text.contains(char::is_control), "{text:?}");
        prop_assert!(text.chars().count() <= message::MESSAGE, "{text}");
        prop_assert!(!text.contains(PASSWORD), "{text}");
        prop_assert!(
            !text.contains(&JWT[..20]) && !text.contains("c2lnbmF0dXJl"),
            "{text}"
        );
    }
    Ok(())
}

proptest! {
    #[test]
    fn any_pod_gives_readable_texts(
        phase in prop_oneof![Just("Pending"), Just("Running"), Just("Failed"), Just("Unknown")],
        reason in reason(),
        text in prop_oneof![planted(), ".*".prop_map(|text: String| text)],
        code: i32,
        ran: bool,
        seconds in 0_u64..10_000,
    ) {
        let terminated = json!({"terminated": {"reason": reason, "message": text, "exitCode": code}});
        for state in [waiting(&reason, &text), terminated, json!({})] {
            let mut now = pod(phase, &state);
            now["status"]["reason"] = json!(reason);
            now["status"]["message"] = json!(text);
            let last = LastLook { ran, ..LastLook::default() };
            let first = look(&now, &last, &after(seconds));
            assert_readable(&first.verdict)?;
            let second = look(&now, &first.look, &after(seconds + 2_000));
            assert_readable(&second.verdict)?;
            prop_assert_ne!((ran, second.verdict.as_str()), (true, "recreate"));
        }
    }

    #[test]
    fn any_scheduler_text_is_readable(reason in reason(), text in planted()) {
        assert_readable(&first_look(&unscheduled(&reason, &text)).verdict)?;
        for message in [delayed_message(Some(&text)), waiting_message(Some(&text))] {
            assert_readable(&Verdict::Waiting { cause: message })?;
        }
    }

    #[test]
    fn a_running_build_is_healthy_whatever_else_is_written(
        phase in prop_oneof![Just("Pending"), Just("Running")], reason in reason(), text in ".*", seconds in 0_u64..100_000,
    ) {
        let mut now = pod(phase, &json!({"running": {}}));
        now["status"]["reason"] = json!(reason);
        now["status"]["message"] = json!(text);
        now["status"]["containerStatuses"][0]["state"] = waiting(&reason, &text);
        let judgement = look(&now, &LastLook::default(), &after(seconds));
        prop_assert_eq!(judgement.verdict.as_str(), "healthy");
        prop_assert!(judgement.look.ran);
    }

    #[test]
    fn any_look_can_be_read_back(text in ".*") {
        let look: LastLook =
            serde_json::from_value(json!({"phase": text, "phaseSince": text, "ran": false})).unwrap();
        prop_assert!(!look.ran);
    }
}
