//! Kubernetes: the only kube client code. One HTTP/2 client per executor, every call bounded in time,
//! errors by meaning ([`error`]). No decision lives here.

pub mod error;
mod read;
mod secrets;
mod token;

use std::time::Duration;

use hyper_util::{
    client::legacy::{Client as HttpClient, connect::HttpConnector},
    rt::TokioExecutor,
};
use k8s_openapi::api::core::v1::{Event, Pod};
use kube::{
    Api, Client, Config,
    api::{DeleteParams, GetParams, ListParams, PostParams, Preconditions},
    client::ConfigExt,
    core::Request,
};
use tower::ServiceBuilder;
use tracing::{Instrument, Span};

pub use error::{Class, ClusterError};
use read::{Made, ReadPod};
use token::Bearer;

use crate::{
    settings::{ClusterSettings, Secret},
    telemetry::{
        metrics::{
            Metrics,
            labels::{AnswerClass, Verb},
        },
        spans,
    },
};

const SERVICE_ACCOUNT: &str = "/var/run/secrets/kubernetes.io/serviceaccount";
/// Connections that idle longer are closed; HTTP/2 keep-alive finds dead ones before that.
const KEEP_ALIVE: Duration = Duration::from_secs(20);

/// One executor's namespace on one API server.
#[derive(Clone)]
pub struct Cluster {
    client: Client,
    pods: Api<Pod>,
    events: Api<Event>,
    namespace: String,
    timeout: Duration,
    metrics: Metrics,
}

// === impl Cluster ===

impl Cluster {
    /// A client for `settings`; nothing is connected yet.
    ///
    /// # Errors
    /// The address is no host, or a file of certificates cannot be read.
    pub fn new(settings: &ClusterSettings, metrics: Metrics) -> Result<Self, ClusterError> {
        let config = config(settings)?;
        let bearer = bearer(settings).map_err(ClusterError::setup)?;
        let client = client(&config, bearer).map_err(ClusterError::setup)?;
        Ok(Self {
            pods: Api::namespaced(client.clone(), &settings.namespace),
            events: Api::namespaced(client.clone(), &settings.namespace),
            client,
            namespace: settings.namespace.clone(),
            timeout: settings.timeout,
            metrics,
        })
    }

    /// The namespace of the build pods.
    pub fn namespace(&self) -> &str {
        &self.namespace
    }

    /// Creates `pod` and tells its UID. Safe to repeat when the result is unknown, because the pod has a name.
    pub async fn create(&self, pod: &Pod) -> Result<String, ClusterError> {
        let name = pod.metadata.name.as_deref().unwrap_or_default();
        let create = async {
            let body = serde_json::to_vec(pod).map_err(kube::Error::SerdeError)?;
            let request = Request::new(self.pods.resource_url());
            let request = request.create(&PostParams::default(), body);
            let made = self.client.request(request.map_err(kube::Error::BuildRequest)?);
            let made: Made = made.await?;
            spans::record_pod_uid(&Span::current(), &made.metadata.uid);
            Ok(made.metadata.uid)
        };
        self.call(Verb::CreatePod, name, create).await
    }

    /// The pod called `name`, if there is one.
    pub async fn get(&self, name: &str) -> Result<Option<Pod>, ClusterError> {
        let get = async {
            let request = Request::new(self.pods.resource_url()).get(name, &GetParams::default());
            let read = self.client.request(request.map_err(kube::Error::BuildRequest)?);
            let pod = absence(read.await.map(|pod: ReadPod| Pod::from(pod)))?;
            if let Some(uid) = pod.as_ref().and_then(|pod| pod.metadata.uid.as_deref()) {
                spans::record_pod_uid(&Span::current(), uid);
            }
            Ok(pod)
        };
        self.call(Verb::GetPod, name, get).await
    }

    /// All pods that carry `label`. Costs more with every pod in the namespace: not for every check.
    pub async fn list(&self, label: &str) -> Result<Vec<Pod>, ClusterError> {
        let params = ListParams::default().labels(label);
        let list = self.call(Verb::ListPods, "", self.pods.list(&params)).await?;
        Ok(list.items)
    }

    /// Deletes the very pod that has `uid`. One that is gone or was replaced counts as deleted.
    pub async fn delete(&self, name: &str, uid: &str) -> Result<(), ClusterError> {
        let preconditions = Preconditions {
            uid: Some(uid.to_owned()),
            resource_version: None,
        };
        let params = DeleteParams::default().preconditions(preconditions);
        let delete = async {
            spans::record_pod_uid(&Span::current(), uid);
            self.pods.delete(name, &params).await
        };
        match self.call(Verb::DeletePod, name, delete).await {
            Ok(_) | Err(ClusterError::NotFound { .. } | ClusterError::Conflict { .. }) => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// Deletes all pods that carry `label`. Those that were not being deleted already, as they were before, as far as
    /// the answer tells.
    pub async fn delete_all(&self, label: &str) -> Result<Vec<Pod>, ClusterError> {
        let (delete, list) = (DeleteParams::default(), ListParams::default().labels(label));
        let deleted = self
            .call(Verb::DeletePods, "", self.pods.delete_collection(&delete, &list))
            .await?;
        let mut pods = deleted.left().map(|list| list.items).unwrap_or_default();
        pods.retain(|pod| pod.metadata.deletion_timestamp.is_none());
        Ok(pods)
    }

    /// The events of the pod that has `uid`.
    pub async fn events(&self, uid: &str) -> Result<Vec<Event>, ClusterError> {
        let params = ListParams::default().fields(&format!("involvedObject.uid={uid}"));
        let list = self.call(Verb::ListEvents, "", self.events.list(&params)).await?;
        Ok(list.items)
    }

    /// Whether the API server can serve: `GET /readyz`, which fails without its etcd; `/version` would not.
    ///
    /// A refusal (no right to ask, no such path) is an answer too.
    pub async fn ready(&self) -> Result<(), ClusterError> {
        let get = async {
            let request = http::Request::get("/readyz").body(Vec::new());
            self.client
                .request_text(request.map_err(kube::Error::HttpError)?)
                .await
        };
        match self.call(Verb::GetReadyz, "", get).await {
            Err(error) if error.status().is_none_or(|status| status >= 500) => Err(error),
            Ok(_) | Err(_) => Ok(()),
        }
    }

    async fn call<T>(
        &self,
        verb: Verb,
        pod: &str,
        call: impl Future<Output = kube::Result<T>>,
    ) -> Result<T, ClusterError> {
        let begin = tokio::time::Instant::now();
        let span = spans::cluster_span(verb, &self.namespace, pod);
        let result = match tokio::time::timeout(self.timeout, call.instrument(span.clone())).await {
            Ok(result) => result.map_err(ClusterError::from),
            Err(_) => Err(ClusterError::Timeout { after: self.timeout }),
        };
        let answer = match &result {
            Ok(_) => AnswerClass::Success,
            Err(error) => {
                spans::record_error(&span, error.as_str());
                AnswerClass::of(error.status())
            }
        };
        self.metrics.call(verb, answer, begin.elapsed());
        result
    }
}

/// No pod is an answer, but only in the API server's own words: the 404 of a proxy says nothing about pods.
fn absence<T>(answer: kube::Result<T>) -> kube::Result<Option<T>> {
    match answer {
        Ok(pod) => Ok(Some(pod)),
        Err(kube::Error::Api(status)) if status.reason == "NotFound" => Ok(None),
        Err(error) => Err(error),
    }
}

fn config(settings: &ClusterSettings) -> Result<Config, ClusterError> {
    let url = format!("https://{}", settings.host)
        .parse()
        .map_err(|_| ClusterError::Address {
            host: settings.host.clone(),
        })?;
    let mut config = Config::new(url);
    config.default_namespace.clone_from(&settings.namespace);
    config.accept_invalid_certs = settings.insecure_skip_tls_verify;
    let in_pod = std::path::PathBuf::from(format!("{SERVICE_ACCOUNT}/ca.crt"));
    config.root_cert_file = settings
        .ca_file
        .clone()
        .or_else(|| in_pod.exists().then_some(in_pod));
    // kube reads it again and again: authorities rotate.
    Ok(config)
}

/// The token of the settings, or else the service account's.
fn bearer(settings: &ClusterSettings) -> kube::Result<Bearer> {
    if let Some(secret) = &settings.token {
        return Bearer::new(secret.clone());
    }
    let path = std::path::PathBuf::from(format!("{SERVICE_ACCOUNT}/token"));
    let secret = Secret::in_file(&path)
        .map_err(|error| kube::Error::Auth(kube::client::AuthError::ReadTokenFile(error, path)))?;
    Bearer::new(secret)
}

/// kube's own client speaks HTTP/1.1: twenty calls under way are twenty connections with a TLS state
/// each. Over HTTP/2 they are one.
fn client(config: &Config, bearer: Bearer) -> kube::Result<Client> {
    let mut tcp = HttpConnector::new();
    tcp.enforce_http(false);
    tcp.set_nodelay(true);
    tcp.set_connect_timeout(Some(KEEP_ALIVE));
    let tls = hyper_rustls::HttpsConnectorBuilder::new()
        .with_tls_config(config.rustls_client_config()?)
        .https_only()
        .enable_all_versions()
        .wrap_connector(tcp);
    let http = HttpClient::builder(TokioExecutor::new())
        .timer(hyper_util::rt::TokioTimer::new())
        .pool_timer(hyper_util::rt::TokioTimer::new())
        .http2_keep_alive_interval(KEEP_ALIVE)
        .build(tls);
    let service = ServiceBuilder::new()
        .layer(config.base_uri_layer())
        .map_request(told)
        .map_request(move |request| bearer.authorise(request))
        .map_response(heard)
        .map_err(tower::BoxError::from)
        .service(http);
    Ok(Client::new(service, config.default_namespace.clone()))
}

/// Tells the call's span what is asked. The client's queue calls its service within the span of whoever waits.
fn told<B>(request: http::Request<B>) -> http::Request<B> {
    let url = || request.uri().to_string().parse().ok();
    spans::record_request(&Span::current(), request.method().as_str(), url);
    request
}

/// Tells it the answer's status, which a success keeps to itself otherwise.
fn heard<B>(response: http::Response<B>) -> http::Response<B> {
    spans::record_status(&Span::current(), response.status().as_u16());
    response
}

impl std::fmt::Debug for Cluster {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Cluster")
            .field("namespace", &self.namespace)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use kube::core::Status;

    use super::*;

    #[test]
    fn only_the_api_server_can_say_that_there_is_no_pod() {
        let answer = |reason: &str| {
            let status = Status::failure("404 page not found", reason).with_code(404);
            absence::<()>(Err(kube::Error::Api(status.boxed())))
        };
        assert!(matches!(answer("NotFound"), Ok(None)));
        assert!(answer("Failed to parse error data").is_err());
        assert!(answer("").is_err());
        assert!(matches!(absence(Ok(())), Ok(Some(()))));
    }
}
