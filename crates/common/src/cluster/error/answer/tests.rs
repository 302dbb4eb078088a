use std::io;

use super::{super::Class, *};

fn of_status(code: u16, reason: &str, message: &str) -> ClusterError {
    let status = Status::failure(message, reason).with_code(code);
    ClusterError::from(kube::Error::Api(status.boxed()))
}

/// Texts as real API servers write them: status, reason, text, name and class.
const CREATES: &[(u16, &str, &str, &str, Class)] = &[
    (
        409,
        "AlreadyExists",
        "pods \"1-abcde\" already exists",
        "already-exists",
        Class::Transient,
    ),
    (
        409,
        "AlreadyExists",
        "object is being deleted: pods \"1-abcde\" already exists",
        "already-exists",
        Class::Transient,
    ),
    (
        409,
        "Conflict",
        "Operation cannot be fulfilled on pods \"1-abcde\": the UID in the precondition does not match",
        "conflict",
        Class::Transient,
    ),
    (
        409,
        "Conflict",
        "Operation cannot be fulfilled on resourcequotas \"q\": the object has been modified",
        "quota",
        Class::Quota,
    ),
    (
        403,
        "Forbidden",
        "pods \"1-abcde\" is forbidden: exceeded quota: q, requested: pods=1, used: pods=5, limited: pods=5",
        "quota",
        Class::Quota,
    ),
    (
        403,
        "Forbidden",
        "pods is forbidden: User \"system:serviceaccount:builds:start-worker\" cannot create resource \"pods\" in API group \"\" in the namespace \"builds\"",
        "forbidden",
        Class::Environment,
    ),
    (
        403,
        "Forbidden",
        "pods \"1-abcde\" is forbidden: error looking up service account builds/x: serviceaccount \"x\" not found",
        "forbidden",
        Class::Environment,
    ),
    (
        403,
        "Forbidden",
        "pods \"1-abcde\" is forbidden: unable to create new content in namespace builds because it is being terminated",
        "namespace",
        Class::Environment,
    ),
    (
        403,
        "Forbidden",
        "pods \"1-abcde\" is forbidden: violates PodSecurity \"restricted:latest\": privileged",
        "policy",
        Class::Permanent,
    ),
    (
        403,
        "Forbidden",
        "pods \"1-abcde\" is forbidden: failed quota: q: must specify limits.cpu for: build",
        "policy",
        Class::Permanent,
    ),
    (
        403,
        "",
        "admission webhook \"deny.example\" denied the request: no",
        "policy",
        Class::Permanent,
    ),
    // A policy that speaks of what cannot be done is no missing right of ours.
    (
        403,
        "Forbidden",
        "admission webhook \"deny.example\" denied the request: privileged containers cannot be used",
        "policy",
        Class::Permanent,
    ),
    (
        422,
        "Invalid",
        "Pod \"x\" is invalid: spec.containers[0].image: Required value",
        "invalid",
        Class::Permanent,
    ),
    (
        400,
        "BadRequest",
        "Pod in version \"v1\" cannot be handled as a Pod",
        "invalid",
        Class::Permanent,
    ),
    (
        404,
        "NotFound",
        "namespaces \"builds\" not found",
        "not-found",
        Class::Environment,
    ),
    (
        401,
        "Unauthorized",
        "Unauthorized",
        "unauthorized",
        Class::Environment,
    ),
    (429, "TooManyRequests", "too many requests", "busy", Class::Busy),
    (
        500,
        "InternalError",
        "Internal error occurred: failed calling webhook \"x\": no endpoints",
        "webhook",
        Class::Environment,
    ),
    (
        500,
        "InternalError",
        "Internal error occurred: resource quota evaluation timed out",
        "server",
        Class::Transient,
    ),
    (
        503,
        "ServiceUnavailable",
        "apiserver is shutting down",
        "server",
        Class::Transient,
    ),
    (
        504,
        "Timeout",
        "Timeout: request did not complete within requested timeout",
        "server",
        Class::Transient,
    ),
];

#[test]
fn every_answer_to_a_create_has_its_meaning() {
    for (code, reason, message, name, class) in CREATES {
        let error = of_status(*code, reason, message);
        assert_eq!(
            (error.as_str(), error.class()),
            (*name, *class),
            "{code} {message}"
        );
        // A quota says 403 or 409, which metrics do not tell apart.
        assert_eq!(
            error.status().map(|status| status / 100),
            Some(code / 100),
            "{message}"
        );
    }
}

/// What stands before an API server answers in its own words: never a verdict on a pod.
#[test]
fn pages_of_proxies_are_no_answers() {
    let page = format!("<html>exceeded quota, not found {}</html>", "x".repeat(100_000));
    for code in [400, 401, 403, 404, 405, 409, 410, 422, 499] {
        let error = of_status(code, NO_STATUS, &page);
        assert_eq!(
            (
                error.as_str(),
                error.class(),
                error.may_be_outage(),
                error.status()
            ),
            ("foreign", Class::Environment, true, Some(code)),
            "{code}"
        );
        assert!(error.to_string().len() < 2 * FOREIGN_TEXT, "{code}");
    }
    for (code, name, class) in [
        (408, "server", Class::Transient),
        (429, "busy", Class::Busy),
        (500, "server", Class::Transient),
        (502, "server", Class::Transient),
        (503, "server", Class::Transient),
    ] {
        let error = of_status(code, NO_STATUS, "<html></html>");
        assert_eq!(
            (error.as_str(), error.class(), error.may_be_outage()),
            (name, class, true),
            "{code}"
        );
    }
}

#[test]
fn a_busy_server_says_how_long() {
    let wait = |body: &str| {
        let status: Status = serde_json::from_str(body).unwrap();
        match ClusterError::of_status(&status) {
            ClusterError::Busy { retry_after, .. } => retry_after,
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(
        wait(r#"{"code":429,"details":{"retryAfterSeconds":7}}"#),
        Some(Duration::from_secs(7))
    );
    assert_eq!(wait(r#"{"code":429,"details":{"retryAfterSeconds":0}}"#), None);
    assert_eq!(wait(r#"{"code":429}"#), None);
}

/// What the client wraps: the certificate is found however deep it lies, below I/O errors too.
#[test]
fn errors_without_an_answer() {
    let refused = || io::Error::from(io::ErrorKind::ConnectionRefused);
    let untrusted = || rustls::Error::InvalidCertificate(rustls::CertificateError::UnknownIssuer);
    let no_json = serde_json::from_str::<u8>("x").unwrap_err();
    let no_text = String::from_utf8(vec![0xff]).unwrap_err();
    let cases = [
        (kube::Error::Service(Box::new(refused())), "connection"),
        (
            kube::Error::Service(Box::new(rustls::Error::HandshakeNotComplete)),
            "connection",
        ),
        (kube::Error::Service(Box::new(untrusted())), "certificate"),
        (
            kube::Error::Service(Box::new(io::Error::other(io::Error::other(untrusted())))),
            "certificate",
        ),
        (kube::Error::SerdeError(no_json), "undecodable"),
        (kube::Error::FromUtf8(no_text), "undecodable"),
    ];
    for (error, name) in cases {
        let text = error.to_string();
        let error = ClusterError::from(error);
        assert_eq!((error.as_str(), error.status()), (name, None), "{text}");
        assert!(error.may_be_outage(), "{text}");
    }
}

fn wrapped() -> kube::Error {
    kube::Error::TlsRequired
}

/// Every variant, with its class and whether a probe must tell if the server is down.
fn all() -> Vec<(ClusterError, Class, bool)> {
    use Class::{Environment, Permanent, Quota, Transient};
    let message = || "text".to_owned();
    let (retry_after, after, host) = (None, Duration::from_secs(10), message());
    vec![
        (ClusterError::AlreadyExists, Transient, false),
        (ClusterError::Conflict { message: message() }, Transient, false),
        (ClusterError::NotFound { message: message() }, Environment, false),
        (ClusterError::Namespace { message: message() }, Environment, false),
        (ClusterError::Quota { message: message() }, Quota, false),
        (ClusterError::Policy { message: message() }, Permanent, false),
        (ClusterError::Forbidden { message: message() }, Environment, false),
        (
            ClusterError::Unauthorized { message: message() },
            Environment,
            false,
        ),
        (ClusterError::Invalid { message: message() }, Permanent, false),
        (ClusterError::Webhook { message: message() }, Environment, false),
        (
            ClusterError::Busy {
                retry_after,
                message: message(),
            },
            Class::Busy,
            true,
        ),
        (
            ClusterError::Server {
                status: 500,
                message: message(),
            },
            Transient,
            true,
        ),
        (
            ClusterError::Foreign {
                status: 403,
                message: message(),
            },
            Environment,
            true,
        ),
        (ClusterError::Timeout { after }, Transient, true),
        (ClusterError::Certificate(Box::new(wrapped())), Environment, true),
        (ClusterError::Connection(Box::new(wrapped())), Transient, true),
        (ClusterError::Undecodable(Box::new(wrapped())), Transient, true),
        (ClusterError::Setup(Box::new(wrapped())), Environment, false),
        (ClusterError::Address { host }, Environment, false),
    ]
}

#[test]
fn every_variant_has_its_class() {
    let mut names = std::collections::BTreeSet::new();
    for (error, class, may_be_outage) in all() {
        let name = error.as_str();
        assert_eq!(
            (error.class(), error.may_be_outage()),
            (class, may_be_outage),
            "{name}"
        );
        assert!(names.insert(name), "{name} stands for two");
    }
}

/// The page of a proxy must not fill the log, nor a policy's essay.
#[test]
fn texts_are_bounded() {
    let page = "<p>".repeat(10_000);
    for (code, reason, longest) in [
        (503, NO_STATUS, FOREIGN_TEXT),
        (429, NO_STATUS, FOREIGN_TEXT),
        (404, NO_STATUS, FOREIGN_TEXT),
        (503, "ServiceUnavailable", TEXT),
        (422, "Invalid", TEXT),
        (403, "Forbidden", TEXT),
    ] {
        let text = of_status(code, reason, &page).to_string();
        assert!(
            text.chars().count() < longest + 100,
            "{code} {reason}: {} characters",
            text.len()
        );
    }
}

/// Something before the API server may answer with the request that it got.
#[test]
fn texts_tell_no_secret() {
    let page = "<html>\nGET /api/v1/pods\nAuthorization: Bearer canary-of-a-token\n</html>";
    for (code, reason) in [
        (403, NO_STATUS),
        (404, NO_STATUS),
        (429, NO_STATUS),
        (502, NO_STATUS),
        (401, "Unauthorized"),
        (403, "Forbidden"),
        (404, "NotFound"),
        (409, "Conflict"),
        (422, "Invalid"),
        (500, "InternalError"),
    ] {
        for error in [
            of_status(code, reason, page),
            of_status(code, reason, &format!("failed calling webhook: {page}")),
        ] {
            let shown = format!("{error} {error:?}");
            assert!(!shown.contains("canary"), "{shown}");
            assert!(shown.contains("/api/v1/pods"), "{shown}");
        }
    }
}

/// What the text decides, it decides as it was written.
#[test]
fn a_text_that_loses_a_secret_keeps_its_meaning() {
    let text = "admission webhook \"a\" denied: token=abc, exceeded quota: q";
    let error = of_status(403, "Forbidden", text);
    assert!(
        matches!(&error, ClusterError::Quota { message } if !message.contains("abc")),
        "{error:?}"
    );
}
