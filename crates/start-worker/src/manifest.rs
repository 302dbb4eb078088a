//! The pod of a build, from the executor's settings and what the start message says.
//!
//! Pure and typed: every value goes into a field of Kubernetes' own types, so nothing in a message can
//! become structure (D34). One file per noun; [`of`] chooses the shape. What is compared field for field
//! with the predecessor's pods is in `tests/golden.rs`.

mod annotations;
mod build_container;
mod caches;
mod k8s;
mod labels;
mod launcher;
mod resources;
mod scheduling;
mod shape;
mod sidecars;
mod token;
mod vm;
mod volumes;
mod wishes;

use common::settings::{ExecutorSettings, Plugin};
use k8s_openapi::api::core::v1::Pod;
use serde_json::{Map, Value};

use self::shape::Shape;
pub use self::{annotations::Annotations, token::TokenOwner, wishes::Fallback};

/// What a start message says about the pod. No `Debug`: it holds the token.
#[derive(Clone, Copy)]
pub struct BuildSpec<'a> {
    /// The build's id.
    pub build_id: u64,
    /// Image of the build container.
    pub container: &'a str,
    /// The token that the build trades for its own.
    pub token: &'a str,
    /// The job's id.
    pub job_id: Option<u64>,
    /// The job's name; `PR-15:main` is a job of a pull request.
    pub job_name: Option<&'a str>,
    /// The event's id.
    pub event_id: Option<u64>,
    /// The pipeline's id.
    pub pipeline_id: Option<u64>,
    /// The pipeline's name.
    pub pipeline_name: Option<&'a str>,
    /// Number of the pull request.
    pub pr_num: Option<u64>,
    /// The job that a pull request's job is a copy of, from the token's claims.
    pub pr_parent_job_id: Option<u64>,
    /// Full name of the template that the job uses.
    pub template_full_name: Option<&'a str>,
    /// Version of that template.
    pub template_version: Option<&'a str>,
    /// The job's annotations.
    pub annotations: &'a Map<String, Value>,
    /// W3C trace context that the build's steps go on in; `None` without a trace.
    pub traceparent: Option<&'a str>,
    /// How often this build's pod was recreated.
    pub recreated: u32,
}

/// A pod, and what of its job's wishes it does not follow. No `Debug`: the pod may hold the token.
pub struct Manifest {
    /// The pod.
    pub pod: Pod,
    /// Annotations whose values cannot be used.
    pub fallbacks: Vec<Fallback>,
}

/// Why no pod can be made for a build. Each is final: another try ends alike.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ManifestError {
    /// A virtual machine needs an image to run in.
    #[error("executor {executor} has no base image; your cluster admin can set K8S_BASE_IMAGE")]
    NoBaseImage {
        /// The executor's name.
        executor: String,
    },
    /// The token stands in a command line of the pod, where these characters could end it.
    #[error("the build's token is missing or has characters that no token has")]
    MalformedToken,
}

/// The pod of `build` in `executor`, under this name (see [`common::pod_identity::pod_name`]).
///
/// # Errors
/// The executor's settings lack something, or the message would change the pod's command line.
pub fn of(executor: &ExecutorSettings, build: &BuildSpec<'_>, name: &str) -> Result<Manifest, ManifestError> {
    if !is_token(build.token) {
        return Err(ManifestError::MalformedToken);
    }
    let (shape, fallbacks) = Shape::new(executor, build, name);
    let pod = match executor.plugin {
        Plugin::K8s => k8s::pod(&shape),
        Plugin::K8sVm => vm::pod(&shape)?,
    };
    Ok(Manifest { pod, fallbacks })
}

/// The characters of bearer tokens (RFC 6750, section 2.1).
fn is_token(token: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~+/=".contains(&byte);
    !token.is_empty() && token.bytes().all(allowed)
}

#[cfg(test)]
mod tests;
