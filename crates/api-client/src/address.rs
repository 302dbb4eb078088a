//! Where a resource lies beneath the address of an API. Pure.

use std::cmp::Reverse;

use url::Url;

use crate::error::Error;

/// Shorter values, such as a version, are no secret, and cutting them out would leave nothing to read.
const LEAST_SECRET: usize = 8;

/// The address of a resource beneath the API's own, which may have a path and a slash at its end.
///
/// A user and password in it are dropped: they would go out as a second credential beside the token,
/// and every error quotes the address.
pub(crate) fn of(api_uri: &Url, path: &[&str]) -> Result<Url, Error> {
    let mut url = base(api_uri)?;
    url.path_segments_mut()
        .map_err(|()| no_address(api_uri))?
        .pop_if_empty()
        .extend(path);
    Ok(url)
}

/// The address of a resource by its template, in which `{name}` stands for one of the values, and
/// `{name*}` for one that may have several parts.
pub(crate) fn by_template(api_uri: &Url, template: &str, values: &[String]) -> Result<Url, Error> {
    let mut values = values.iter();
    let mut path = Vec::new();
    for part in template.split('/').skip(1) {
        if !part.starts_with('{') {
            path.push(part);
            continue;
        }
        let value = values.next().map_or("", String::as_str);
        if part.ends_with("*}") {
            path.extend(value.split('/'));
        } else {
            path.push(value);
        }
    }
    // An address drops these, and what is left of it may be another resource's.
    if let Some(part) = path.iter().find(|part| matches!(**part, "" | "." | "..")) {
        return Err(Error::Part {
            part: (*part).to_owned(),
        });
    }
    of(api_uri, &path)
}

/// The API's own address, without what no resource of it has.
pub(crate) fn base(api_uri: &Url) -> Result<Url, Error> {
    if !matches!(api_uri.scheme(), "http" | "https") {
        return Err(no_address(api_uri));
    }
    let mut url = api_uri.clone();
    url.set_username("").map_err(|()| no_address(api_uri))?;
    url.set_password(None).map_err(|()| no_address(api_uri))?;
    url.set_query(None);
    url.set_fragment(None);
    Ok(url)
}

/// What of an address that is a credential nobody may read: its query, and each value in it, as it is written
/// and as it is meant. The longest comes first, so that none is cut into by one that is a part of it.
pub(crate) fn secrets(url: &Url) -> Vec<String> {
    let Some(query) = url.query() else {
        return Vec::new();
    };
    let written = query.split('&').filter_map(|pair| pair.split_once('='));
    let mut secrets: Vec<String> = written.map(|(_, value)| value.to_owned()).collect();
    secrets.extend(url.query_pairs().map(|(_, value)| value.into_owned()));
    secrets.retain(|value| value.len() >= LEAST_SECRET);
    secrets.push(query.to_owned());
    secrets.sort_unstable_by_key(|secret| Reverse(secret.len()));
    secrets.dedup();
    secrets
}

fn no_address(api_uri: &Url) -> Error {
    Error::Address {
        scheme: api_uri.scheme().to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn resources_lie_beneath_the_address_of_the_api() {
        let table = [
            ("https://api.sd.example", "https://api.sd.example/v4/status"),
            ("https://api.sd.example/", "https://api.sd.example/v4/status"),
            ("http://127.0.0.1:8080/sd", "http://127.0.0.1:8080/sd/v4/status"),
            (
                "http://127.0.0.1:8080/sd/api/",
                "http://127.0.0.1:8080/sd/api/v4/status",
            ),
            (
                "https://me:word@api.sd.example/sd?x=1#y",
                "https://api.sd.example/sd/v4/status",
            ),
        ];
        for (api_uri, expected) in table {
            let api_uri = api_uri.parse().unwrap();
            assert_eq!(of(&api_uri, &["v4", "status"]).unwrap().as_str(), expected);
            assert_eq!(
                by_template(&api_uri, "/v4/status", &[]).unwrap().as_str(),
                expected
            );
        }
    }

    #[test]
    fn values_take_their_places_and_stay_there() {
        let api_uri: Url = "https://api.sd.example".parse().unwrap();
        let path = |template: &str, values: &[&str]| {
            let values: Vec<_> = values.iter().map(ToString::to_string).collect();
            by_template(&api_uri, template, &values).map(|url| url.path().to_owned())
        };
        let step = "/v4/builds/{id}/steps/{name}/logs";
        assert_eq!(
            path(step, &["7", "in/it"]).unwrap(),
            "/v4/builds/7/steps/in%2Fit/logs"
        );
        assert_eq!(
            path(step, &["7", "%2e%2e"]).unwrap(),
            "/v4/builds/7/steps/%252e%252e/logs"
        );
        let artifact = "/v4/builds/{id}/artifacts/{name*}";
        assert_eq!(
            path(artifact, &["7", "a b/c?d#e.txt"]).unwrap(),
            "/v4/builds/7/artifacts/a%20b/c%3Fd%23e.txt"
        );
        for values in [["7", ".."], ["7", ""], [".", "init"]] {
            assert!(
                matches!(path(step, &values), Err(Error::Part { .. })),
                "{values:?}"
            );
        }
        for name in ["../8/artifacts/x", "/etc/passwd", "a//b", "a/./b", "a/"] {
            let refused = path(artifact, &["7", name]);
            assert!(matches!(refused, Err(Error::Part { .. })), "{name}");
        }
    }

    #[test]
    fn only_http_addresses_are_called() {
        for api_uri in [
            "ftp://api.sd.example/",
            "mailto:someone@sd.example",
            "unix:/run/api.sock",
        ] {
            let error = of(&api_uri.parse().unwrap(), &["v4", "status"]).unwrap_err();
            assert!(matches!(error, Error::Address { .. }), "{api_uri}");
        }
    }
}
