//! What the settings and the message come to before they become Kubernetes' types: one place for every
//! rule that more than one part of the pod depends on.

use std::borrow::Cow;

use common::{
    job::text_of_number,
    pod_identity::build_container_name,
    settings::{ExecutorSettings, PodSettings},
};

use super::{
    BuildSpec,
    annotations::Annotations,
    caches::DiskCache,
    resources::{Max, Size},
    token::Token,
    wishes::{Fallback, Wishes},
};

/// The decided facts of one pod.
pub(super) struct Shape<'a> {
    pub(super) executor: &'a ExecutorSettings,
    pub(super) build: &'a BuildSpec<'a>,
    /// The pod's name.
    pub(super) name: &'a str,
    /// `<prefix><build id>`: the build container's name, part of others.
    pub(super) id_with_prefix: String,
    /// How the pod gets the build's token.
    pub(super) token: Token<'a>,
    /// What the build may use.
    pub(super) size: Size,
    /// Local storage that the build may use; `None`: what the node has.
    pub(super) ephemeral_storage: Option<Cow<'a, str>>,
    /// The size of disk that the job asked for: with executor k8s a label and nothing else.
    pub(super) disk: &'static str,
    /// Labels of nodes that the job asks for, by the keys that the operator gave them.
    pub(super) node_wishes: Vec<(&'a str, String)>,
    /// Minutes the build may run, as text.
    pub(super) timeout: String,
    /// Seconds that the pod gets to end.
    pub(super) grace_period: i64,
    /// What the docker daemon beside the build may use; `None`: there is none.
    pub(super) docker: Option<Size>,
    /// What the buildkit daemon beside the build may use; `None`: there is none.
    pub(super) buildkit: Option<Size>,
    /// The job whose cache the build uses: of a pull request's job, the one that it is a copy of.
    pub(super) cache_job_id: Option<u64>,
    /// The caches on the node, if builds have any.
    pub(super) disk_cache: Option<DiskCache>,
}

// === impl Shape ===

impl<'a> Shape<'a> {
    /// The facts of the pod called `name`, and what of the job's wishes could not be followed.
    pub(super) fn new(
        executor: &'a ExecutorSettings,
        build: &'a BuildSpec<'a>,
        name: &'a str,
    ) -> (Self, Vec<Fallback>) {
        let pod = &executor.pod;
        let mut wishes = Wishes::of(Annotations::new(build.annotations));
        let pull_request = build.job_name.is_some_and(is_pull_request);
        let parent = build.pr_parent_job_id.filter(|_| pull_request);
        let cache_job_id = parent.or(build.job_id);
        let in_container = executor.plugin.builds_in_container();
        let shape = Self {
            executor,
            build,
            name,
            id_with_prefix: build_container_name(&executor.prefix, &build.build_id),
            token: Token::of(pod.token_place, build.token),
            size: Size {
                cores: wishes.size(
                    "cpu",
                    &pod.cpu,
                    if in_container { Max::Named } else { Max::Unnamed },
                ),
                gigabytes: wishes.size("ram", &pod.memory, Max::Unnamed),
            },
            ephemeral_storage: wishes.storage("ephemeralStorage", &pod.ephemeral_storage),
            disk: if in_container { wishes.disk("disk") } else { "" },
            node_wishes: node_wishes(&mut wishes, executor),
            timeout: text_of_number(wishes.minutes("timeout", pod.build_timeout, pod.max_build_timeout)),
            grace_period: wishes.at_least("terminationGracePeriodSeconds", pod.termination_grace_period),
            docker: (in_container && pod.sidecars.docker && wishes.flag("dockerEnabled"))
                .then(|| daemon(&mut wishes, pod, ["dockerCpu", "dockerRam"])),
            buildkit: (in_container && pod.sidecars.buildkit && wishes.flag("rootlessBuildkitEnabled"))
                .then(|| daemon(&mut wishes, pod, ["buildkitCpu", "buildkitRam"])),
            cache_job_id,
            disk_cache: DiskCache::of(executor, build, cache_job_id, pull_request),
        };
        (shape, wishes.fallbacks())
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

/// The size of a daemon, by name only.
fn daemon(wishes: &mut Wishes<'_>, pod: &PodSettings, [cpu, ram]: [&'static str; 2]) -> Size {
    Size {
        cores: wishes.named_size(cpu, &pod.cpu, Max::Named),
        gigabytes: wishes.named_size(ram, &pod.memory, Max::Unnamed),
    }
}

/// The annotations count in lower case, as far as the operator gave their label a key. Disk space counts for
/// virtual machines alone.
fn node_wishes<'a>(wishes: &mut Wishes<'a>, executor: &'a ExecutorSettings) -> Vec<(&'a str, String)> {
    let pod = &executor.pod;
    let space = pod
        .disk_space_label
        .as_deref()
        .filter(|_| !executor.plugin.builds_in_container());
    let asked = [(space, "disk"), (pod.disk_speed_label.as_deref(), "diskSpeed")];
    let asked = asked
        .into_iter()
        .filter_map(|(label, annotation)| Some((label?, wishes.text(annotation)?.to_lowercase())));
    asked.collect()
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
