//! From a path to its template, so that calls can be counted: what stands behind these words is a name.

/// A collection, and what its members are called in a template.
const COLLECTIONS: [(&str, &str); 4] = [
    ("namespaces", "{namespace}"),
    ("pods", "{name}"),
    ("events", "{name}"),
    ("builds", "{id}"),
];

/// The template of a path; its query, and a path of nobody's, are left out and left alone.
pub(super) fn of(path: &str) -> String {
    let path = path.split('?').next().unwrap_or_default();
    let mut collection = None;
    let segments = path.split('/').map(|segment| {
        let member = collection.take();
        if member.is_none() {
            collection = COLLECTIONS
                .iter()
                .find(|(word, _)| *word == segment)
                .map(|(_, member)| *member);
        }
        member.filter(|_| !segment.is_empty()).unwrap_or(segment)
    });
    segments.collect::<Vec<_>>().join("/")
}

#[cfg(test)]
mod tests {
    use super::of;

    #[test]
    fn names_become_places() {
        let rows = [
            ("/readyz", "/readyz"),
            ("/api/v1/namespaces/a/pods", "/api/v1/namespaces/{namespace}/pods"),
            (
                "/api/v1/namespaces/pods/pods/events?x=/pods/a",
                "/api/v1/namespaces/{namespace}/pods/{name}",
            ),
            ("/v4/builds/8609", "/v4/builds/{id}"),
            ("/v4/builds/8609/token", "/v4/builds/{id}/token"),
            ("/v4/builds/", "/v4/builds/"),
            ("/v4/status", "/v4/status"),
            ("", ""),
        ];
        for (path, template) in rows {
            assert_eq!(of(path), template, "{path}");
        }
    }
}
