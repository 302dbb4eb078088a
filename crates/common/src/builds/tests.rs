use http::StatusCode;

use super::*;

fn text() -> String {
    "text".to_owned()
}

fn status(code: u16) -> StatusCode {
    StatusCode::from_u16(code).unwrap()
}

fn server() -> ApiError {
    ApiError::Server {
        status: status(503),
        message: text(),
        retry_after: None,
    }
}

/// Errors of every class, with what they mean while the token lives. Those that wrap the HTTP client's own
/// cannot be made here; they share a class with one of these.
fn errors() -> Vec<(ApiError, Undelivered)> {
    let invalid = || Undelivered::Park(ParkReason::ReportInvalid);
    vec![
        (ApiError::Finished { message: text() }, Undelivered::Finished),
        (ApiError::Unauthorized { message: text() }, Undelivered::Later),
        (ApiError::Forbidden { message: text() }, Undelivered::Later),
        (ApiError::NotFound { message: text() }, Undelivered::Later),
        (
            ApiError::Unexpected {
                status: status(302),
                message: text(),
            },
            Undelivered::Later,
        ),
        (ApiError::RateLimited { retry_after: None }, Undelivered::Soon),
        (server(), Undelivered::Soon),
        (
            ApiError::Invalid {
                status: status(400),
                message: text(),
            },
            invalid(),
        ),
        (ApiError::Address { scheme: text() }, invalid()),
    ]
}

#[test]
fn every_error_says_what_becomes_of_a_report() {
    for (error, expected) in errors() {
        let name = error.as_str();
        let trouble = Trouble::Own(ReportError::Api(error));
        assert_eq!(Undelivered::of(&trouble, TokenLife::Valid), expected, "{name}");
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
        assert_eq!(Undelivered::of(&trouble, TokenLife::Expired), expected, "{name}");
    }
}

#[test]
fn an_api_that_is_down_is_waited_for_until_the_token_expires() {
    let down = || Trouble::Down(Some(ReportError::Api(server())));
    assert_eq!(Undelivered::of(&down(), TokenLife::Valid), Undelivered::Later);
    assert_eq!(
        Undelivered::of(&down(), TokenLife::Expired),
        Undelivered::Park(ParkReason::TokenExpired)
    );
}

#[test]
fn without_a_token_nobody_can_be_told() {
    for token in [TokenLife::Valid, TokenLife::Expired, TokenLife::Unknown] {
        let trouble = Trouble::Own(ReportError::NoToken);
        assert_eq!(
            Undelivered::of(&trouble, token),
            Undelivered::Park(ParkReason::TokenRefused)
        );
    }
    assert!(!ReportError::NoToken.is_finished());
    assert!(ReportError::Api(ApiError::Finished { message: text() }).is_finished());
    assert!(!ReportError::Api(ApiError::Unauthorized { message: text() }).is_finished());
}

#[test]
fn a_report_that_took_too_long_is_said_again_while_it_can_be() {
    let late = || {
        Trouble::Own(ReportError::Budget {
            budget: Duration::from_secs(2),
        })
    };
    assert_eq!(Undelivered::of(&late(), TokenLife::Valid), Undelivered::Soon);
    assert_eq!(
        Undelivered::of(&late(), TokenLife::Expired),
        Undelivered::Park(ParkReason::TokenExpired)
    );
}

/// Nothing would ever end the tries.
#[test]
fn a_token_without_an_end_is_not_tried_again_where_it_is_refused() {
    for (error, alive) in errors() {
        let name = error.as_str();
        let expected = match alive {
            Undelivered::Later => Undelivered::Park(ParkReason::TokenRefused),
            other => other,
        };
        let trouble = Trouble::Own(ReportError::Api(error));
        assert_eq!(Undelivered::of(&trouble, TokenLife::Unknown), expected, "{name}");
    }
    let down = Trouble::Down(None);
    assert_eq!(Undelivered::of(&down, TokenLife::Unknown), Undelivered::Later);
}

/// An alert goes by the share of refusals.
#[test]
fn an_answer_that_the_build_is_finished_is_no_refusal() {
    assert_eq!(answer(None), AnswerClass::Success);
    let said = |status: u16| ApiError::Unexpected {
        status: status.try_into().unwrap(),
        message: text(),
    };
    let table = [
        (ApiError::Finished { message: text() }, AnswerClass::Success),
        (ApiError::Forbidden { message: text() }, AnswerClass::ClientError),
        (ApiError::NotFound { message: text() }, AnswerClass::ClientError),
        (
            ApiError::Unauthorized { message: text() },
            AnswerClass::ClientError,
        ),
        (said(302), AnswerClass::Other),
        (said(502), AnswerClass::ServerError),
    ];
    for (error, expected) in table {
        assert_eq!(answer(Some(&error)), expected, "{error:?}");
    }
}
