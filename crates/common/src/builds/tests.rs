use super::*;

fn connect() -> ApiError {
    ApiError::Connect("refused".into())
}

/// Every kind of error once, with what it means while the token lives.
fn errors() -> Vec<(ApiError, Undelivered)> {
    let message = || "text".to_owned();
    let invalid = || Undelivered::Park(ParkReason::ReportInvalid);
    vec![
        (ApiError::Finished { status: 403 }, Undelivered::Finished),
        (ApiError::Finished { status: 404 }, Undelivered::Finished),
        (ApiError::Unauthorized, Undelivered::Later),
        (ApiError::Forbidden { message: message() }, Undelivered::Later),
        (ApiError::NotFound { message: message() }, Undelivered::Later),
        (ApiError::Unexpected { status: 302 }, Undelivered::Later),
        (ApiError::Certificate("unknown issuer".into()), Undelivered::Later),
        (ApiError::Setup("no roots".into()), Undelivered::Later),
        (ApiError::RateLimited { retry_after: None }, Undelivered::Soon),
        (
            ApiError::Server {
                status: 503,
                retry_after: None,
            },
            Undelivered::Soon,
        ),
        (ApiError::Timeout, Undelivered::Soon),
        (connect(), Undelivered::Soon),
        (ApiError::Transport("reset".into()), Undelivered::Soon),
        (
            ApiError::Invalid {
                status: 400,
                message: message(),
            },
            invalid(),
        ),
        (ApiError::Address, invalid()),
    ]
}

#[test]
fn every_error_says_what_becomes_of_a_report() {
    for (error, expected) in errors() {
        let name = error.as_str();
        let trouble = Trouble::Own(ReportError::Api(error));
        assert_eq!(Undelivered::of(&trouble, false), expected, "{name}");
    }
}

#[test]
fn with_an_expired_token_only_the_end_of_the_build_is_an_answer() {
    for (error, alive) in errors() {
        let name = error.as_str();
        let expected = if alive == Undelivered::Finished {
            Undelivered::Finished
        } else {
            Undelivered::Park(ParkReason::TokenExpired)
        };
        let trouble = Trouble::Own(ReportError::Api(error));
        assert_eq!(Undelivered::of(&trouble, true), expected, "{name}");
    }
}

#[test]
fn an_api_that_is_down_is_waited_for_until_the_token_expires() {
    let down = || Trouble::Down(ReportError::Api(connect()));
    assert_eq!(Undelivered::of(&down(), false), Undelivered::Later);
    assert_eq!(
        Undelivered::of(&down(), true),
        Undelivered::Park(ParkReason::TokenExpired)
    );
}

#[test]
fn without_a_token_nobody_can_be_told() {
    for expired in [false, true] {
        let trouble = Trouble::Own(ReportError::NoToken);
        assert_eq!(
            Undelivered::of(&trouble, expired),
            Undelivered::Park(ParkReason::TokenRefused)
        );
    }
    assert!(!ReportError::NoToken.is_finished());
    assert!(ReportError::Api(ApiError::Finished { status: 403 }).is_finished());
    assert!(!ReportError::Api(ApiError::Unauthorized).is_finished());
}
