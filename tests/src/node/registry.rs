//! A registry on loopback: hands out the images of OCI layouts, one folder for each name, and refuses those that
//! need a login. As much of the distribution protocol as a pull takes.

use std::path::{Path, PathBuf};

use axum::body::Body;
use http::{Method, Request, Response, StatusCode, header};
use hyper::body::Incoming;
use serde_json::{Value, json};

use super::image::{MANIFEST, blob};
use crate::http_server::{Cut, Server};

/// Names that begin so need a login, which nobody has.
const PRIVATE: &str = "private/";

/// A running registry; it ends with this value.
#[derive(Debug)]
pub struct Registry {
    server: Server,
    layouts: PathBuf,
}

// === impl Registry ===

impl Registry {
    /// Serves what is in the folders of `layouts`, now or later.
    pub fn start(layouts: &Path) -> anyhow::Result<Self> {
        let folder = layouts.to_owned();
        let server = Server::start("registry", None, move |request: Request<Incoming>| {
            let answer = answer(&folder, request.method(), request.uri().path());
            async move { Ok::<_, Cut>(answer) }
        })?;
        Ok(Self {
            server,
            layouts: layouts.to_owned(),
        })
    }

    /// How a pod names what is here, such as `launcher:1`.
    pub fn image(&self, name: &str) -> String {
        format!("{}/{name}", self.address())
    }

    /// `HOST:PORT`.
    pub fn address(&self) -> String {
        format!("127.0.0.1:{}", self.server.port())
    }

    /// The folder for the image called `name`.
    pub fn layout(&self, name: &str) -> PathBuf {
        self.layouts.join(name)
    }
}

fn answer(layouts: &Path, method: &Method, path: &str) -> Response<Body> {
    let Some(path) = path.strip_prefix("/v2/") else {
        return refusal(StatusCode::NOT_FOUND, "UNSUPPORTED");
    };
    if path.is_empty() {
        return Response::new(Body::empty());
    }
    if path.starts_with(PRIVATE) {
        return refusal(StatusCode::UNAUTHORIZED, "UNAUTHORIZED");
    }
    let parts: Vec<&str> = path.rsplitn(3, '/').collect();
    let &[reference, kind, name] = parts.as_slice() else {
        return refusal(StatusCode::NOT_FOUND, "UNSUPPORTED");
    };
    let layout = layouts.join(name);
    if name.contains("..") || !layout.is_dir() {
        return refusal(StatusCode::NOT_FOUND, "NAME_UNKNOWN");
    }
    let (digest, media) = match kind {
        "manifests" => (tagged(&layout, reference), MANIFEST),
        _ => (Some(reference.to_owned()), "application/octet-stream"),
    };
    let content = digest.and_then(|digest| {
        let content = std::fs::read(blob(&layout, &digest)?).ok()?;
        Some((digest, content))
    });
    let Some((digest, content)) = content else {
        return refusal(StatusCode::NOT_FOUND, "MANIFEST_UNKNOWN");
    };
    let mut response = Response::new(Body::empty());
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_LENGTH, content.len().into());
    headers.insert(header::CONTENT_TYPE, header::HeaderValue::from_static(media));
    if let Ok(digest) = digest.parse() {
        headers.insert("docker-content-digest", digest);
    }
    if method == Method::GET {
        *response.body_mut() = Body::from(content);
    }
    response
}

/// The digest that a tag or a digest names in a layout.
fn tagged(layout: &Path, reference: &str) -> Option<String> {
    if reference.starts_with("sha256:") {
        return Some(reference.to_owned());
    }
    let index: Value = serde_json::from_slice(&std::fs::read(layout.join("index.json")).ok()?).ok()?;
    let manifests = index["manifests"].as_array()?;
    let named = |manifest: &&Value| manifest["annotations"]["org.opencontainers.image.ref.name"] == reference;
    Some(manifests.iter().find(named)?["digest"].as_str()?.to_owned())
}

fn refusal(status: StatusCode, code: &str) -> Response<Body> {
    let body = json!({ "errors": [{ "code": code, "message": code.to_lowercase() }] });
    let mut response = Response::new(Body::from(body.to_string()));
    *response.status_mut() = status;
    if status == StatusCode::UNAUTHORIZED {
        let challenge = header::HeaderValue::from_static("Basic realm=\"registry\"");
        response.headers_mut().insert(header::WWW_AUTHENTICATE, challenge);
    }
    response
}
