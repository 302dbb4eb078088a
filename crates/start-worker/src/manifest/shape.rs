//! What the settings and the message come to before they become Kubernetes' types: one place for every
//! rule that more than one part of the pod depends on.

use common::{
    pod_identity::build_container_name,
    settings::{ExecutorSettings, PodSettings},
};

use super::{Annotations, BuildSpec, caches::DiskCache};

/// The decided facts of one pod.
pub(super) struct Shape<'a> {
    pub(super) executor: &'a ExecutorSettings,
    pub(super) build: &'a BuildSpec<'a>,
    pub(super) annotations: Annotations<'a>,
    /// `<prefix><build id>`: the build container's name, part of others.
    pub(super) id_with_prefix: String,
    /// Minutes the build may run, as text.
    pub(super) timeout: String,
    /// Seconds that the pod gets to end.
    pub(super) grace_period: i64,
    /// Whether a docker daemon runs beside the build.
    pub(super) docker: bool,
    /// Whether a buildkit daemon runs beside the build.
    pub(super) buildkit: bool,
    /// The job whose cache the build uses: of a pull request's job, the one that it is a copy of.
    pub(super) cache_job_id: Option<u64>,
    /// The caches on the node, if builds have any.
    pub(super) disk_cache: Option<DiskCache>,
}

// === impl Shape ===

impl<'a> Shape<'a> {
    pub(super) fn new(executor: &'a ExecutorSettings, build: &'a BuildSpec<'a>) -> Self {
        let annotations = Annotations::new(build.annotations);
        let pod = &executor.pod;
        let pull_request = build.job_name.is_some_and(is_pull_request);
        let parent = build.pr_parent_job_id.filter(|_| pull_request);
        let cache_job_id = parent.or(build.job_id);
        Self {
            executor,
            build,
            annotations,
            id_with_prefix: build_container_name(&executor.prefix, &build.build_id),
            timeout: timeout(pod, annotations).to_string(),
            grace_period: grace_period(pod, annotations),
            docker: pod.sidecars.docker && annotations.is_true("dockerEnabled"),
            buildkit: pod.sidecars.buildkit && annotations.is_true("rootlessBuildkitEnabled"),
            cache_job_id,
            disk_cache: DiskCache::of(executor, build, cache_job_id, pull_request),
        }
    }

    pub(super) fn pod(&self) -> &'a PodSettings {
        &self.executor.pod
    }

    /// The launcher's image with its tag.
    pub(super) fn launcher_image(&self) -> String {
        format!("{}:{}", self.pod().launch_image, self.pod().launch_version)
    }

    /// The launcher's folder on the node, one for each version.
    pub(super) fn launcher_folder(&self) -> String {
        format!("/opt/screwdriver/sdlauncher/{}", self.pod().launch_version)
    }
}

/// What the job asks for, capped; what it does not ask for is the operator's own number.
fn timeout(pod: &PodSettings, annotations: Annotations<'_>) -> f64 {
    annotations
        .number("timeout")
        .map_or(pod.build_timeout, |asked| asked.min(pod.max_build_timeout))
}

/// Jobs may ask for more than the operator gives, never for less.
fn grace_period(pod: &PodSettings, annotations: Annotations<'_>) -> i64 {
    let configured = f64::from(pod.termination_grace_period);
    let seconds = annotations
        .number("terminationGracePeriodSeconds")
        .unwrap_or(configured)
        .max(configured);
    #[expect(
        clippy::cast_possible_truncation,
        reason = "saturates; the API server judges absurd numbers"
    )]
    let whole = seconds.ceil() as i64;
    whole
}

/// `PR-<number>`, alone or followed by a colon and the job's name. The jobs of stages count too, which the
/// predecessor overlooks, so that their pull requests may write to shared caches (D32).
fn is_pull_request(job_name: &str) -> bool {
    let Some((prefix, rest)) = job_name.split_at_checked(3) else {
        return false;
    };
    let number = rest.split_once(':').map_or(rest, |(number, _)| number);
    prefix.eq_ignore_ascii_case("PR-")
        && !number.is_empty()
        && number.bytes().all(|byte| byte.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::is_pull_request;

    #[test]
    fn pull_requests_are_known_by_the_name_of_the_job() {
        for name in [
            "PR-15",
            "PR-15:main",
            "pr-1:a-b_c",
            "PR-15:stage@alpha:setup",
            "PR-15:stage@alpha:teardown",
        ] {
            assert!(is_pull_request(name), "{name}");
        }
        for name in [
            "main",
            "PR-",
            "PR-x",
            "PR-1x",
            "PR-:main",
            "XPR-1",
            "PR",
            "",
            "ПR-1",
            "stage@PR-1:setup",
        ] {
            assert!(!is_pull_request(name), "{name}");
        }
    }
}
