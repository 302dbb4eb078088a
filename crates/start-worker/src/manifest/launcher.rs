//! The init container that puts the launcher into its folder on the node.

use k8s_openapi::api::core::v1::{Container, VolumeMount};

use super::{caches::DiskCache, shape::Shape, volumes::mount};

/// How the two shapes of pod differ here.
struct Script {
    /// What of `/hab` is copied.
    hab: &'static str,
    /// How files move into place; with `-n` a second pod of the same moment does no harm.
    move_command: &'static str,
    /// Whether the time that the launcher takes is written for the build's metrics.
    timed: bool,
    /// Where the caches are mounted: pipeline, job, event.
    caches: [&'static str; 3],
}

const K8S: Script = Script {
    hab: "/hab/.",
    move_command: "mv -fn",
    timed: true,
    caches: ["/opt/sdpipelinecache", "/opt/sdjobcache", "/opt/sdeventcache"],
};

const VM: Script = Script {
    hab: "/hab/*",
    move_command: "mv",
    timed: false,
    caches: ["/opt/sdcachepipeline", "/opt/sdcachejob", "/opt/sdcacheevent"],
};

/// The init container of executor k8s.
pub(super) fn k8s(shape: &Shape<'_>) -> Container {
    let mounts = vec![
        mount("screwdriver", "/opt/launcher"),
        mount("workspace", "/workspace"),
    ];
    container(shape, format!("launcher-{}", shape.id_with_prefix), &K8S, mounts)
}

/// The init container of executor k8s-vm.
pub(super) fn vm(shape: &Shape<'_>) -> Container {
    container(
        shape,
        "launcher".to_owned(),
        &VM,
        vec![mount("sdlauncher", "/opt/launcher")],
    )
}

fn container(shape: &Shape<'_>, name: String, script: &Script, mut mounts: Vec<VolumeMount>) -> Container {
    let caches = shape.disk_cache.is_some();
    if caches {
        mounts.extend(DiskCache::launcher_mounts(script.caches));
    }
    Container {
        name,
        image: Some(shape.launcher_image()),
        command: Some(vec!["/bin/sh".to_owned(), "-c".to_owned(), script.text(caches)]),
        volume_mounts: Some(mounts),
        ..Default::default()
    }
}

// === impl Script ===

impl Script {
    fn text(&self, caches: bool) -> String {
        let mut steps = Vec::new();
        if self.timed {
            steps.push("echo launcher_start_ts:`date \"+%s\"` > /workspace/metrics".to_owned());
        }
        if caches {
            steps.extend(self.caches.iter().map(|path| format!("chmod -R 777 {path}")));
        }
        steps.push(self.install());
        let end = if self.timed {
            " echo launcher_end_ts:`date \"+%s\"` >> /workspace/metrics"
        } else {
            ""
        };
        format!("{};{end}", steps.join(" && "))
    }

    /// Copies into a temporary folder first, since builds on the same node share the launcher's folder.
    fn install(&self) -> String {
        let install = [
            "TEMP_DIR=`mktemp -d -p /opt/launcher`".to_owned(),
            "cp -a /opt/sd/* $TEMP_DIR".to_owned(),
            "mkdir -p $TEMP_DIR/hab".to_owned(),
            format!("cp -a {} $TEMP_DIR/hab", self.hab),
            format!("{} $TEMP_DIR/* /opt/launcher", self.move_command),
            "rm -rf $TEMP_DIR".to_owned(),
        ];
        format!(
            "if ! [ -f /opt/launcher/launch ]; then {} || true; else ls /opt/launcher; fi",
            install.join(" && ")
        )
    }
}
