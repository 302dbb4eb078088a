//! Container images without a builder: files of the caller's choice as one layer of an OCI layout. The same files
//! give the same digests, whenever and wherever.

use std::{
    fs::Permissions,
    os::unix::fs::{PermissionsExt, symlink},
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::Context;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

/// The files of an image that is being made.
#[derive(Debug)]
pub struct Files(tempfile::TempDir);

/// An image in a layout on disk.
#[derive(Debug)]
pub struct Image {
    /// The digest of its manifest.
    pub digest: String,
    /// Bytes of its only layer, which is not compressed.
    pub layer_size: usize,
}

// === impl Files ===

impl Files {
    /// None yet.
    pub fn new() -> anyhow::Result<Self> {
        Ok(Self(tempfile::tempdir()?))
    }

    /// A shell with the usual tools. busybox is one program that acts by its name.
    pub fn shell(self, busybox: &Path) -> anyhow::Result<Self> {
        let files = self.program("bin/busybox", &std::fs::read(busybox)?)?;
        let tools = [
            "sh", "date", "mktemp", "cp", "mv", "rm", "mkdir", "ls", "chmod", "cat", "sleep", "tail",
        ];
        for tool in tools {
            symlink("busybox", files.0.path().join("bin").join(tool))?;
        }
        Ok(files)
    }

    /// A file that everybody may read and run.
    pub fn program(self, path: &str, content: &[u8]) -> anyhow::Result<Self> {
        self.write(path, content, 0o755)
    }

    /// A file that everybody may read.
    pub fn file(self, path: &str, content: &[u8]) -> anyhow::Result<Self> {
        self.write(path, content, 0o644)
    }

    /// A program of this machine and the libraries that it loads, at the same places.
    pub fn program_with_libraries(mut self, path: &str, program: &Path) -> anyhow::Result<Self> {
        self = self.program(path, &std::fs::read(program)?)?;
        for library in libraries(program)? {
            let place = library.strip_prefix("/")?.display().to_string();
            self = self.program(&place, &std::fs::read(&library)?)?;
        }
        Ok(self)
    }

    fn write(self, path: &str, content: &[u8], mode: u32) -> anyhow::Result<Self> {
        let place = self.0.path().join(path);
        std::fs::create_dir_all(place.parent().context("a path of a file")?)?;
        std::fs::write(&place, content)?;
        std::fs::set_permissions(&place, Permissions::from_mode(mode))?;
        Ok(self)
    }

    /// Makes the image that runs as `config` says (as in an OCI image configuration) and writes it to the layout in
    /// `directory`, as `tag`.
    pub fn image(self, directory: &Path, tag: &str, config: &Value) -> anyhow::Result<Image> {
        // The folder of a temporary directory is its owner's alone, which would be the image's root.
        std::fs::set_permissions(self.0.path(), Permissions::from_mode(0o755))?;
        let layer = archive(self.0.path())?;
        let layer_digest = write_blob(directory, &layer)?;
        let config = json!({
            "architecture": architecture(), "os": "linux", "config": config,
            "rootfs": { "type": "layers", "diff_ids": [layer_digest] },
        });
        let config = serde_json::to_vec(&config)?;
        let manifest = json!({
            "schemaVersion": 2, "mediaType": MANIFEST,
            "config": {
                "mediaType": "application/vnd.oci.image.config.v1+json",
                "digest": write_blob(directory, &config)?, "size": config.len(),
            },
            "layers": [{
                "mediaType": "application/vnd.oci.image.layer.v1.tar", "digest": layer_digest, "size": layer.len(),
            }],
        });
        let manifest = serde_json::to_vec(&manifest)?;
        let digest = write_blob(directory, &manifest)?;
        let index = json!({ "schemaVersion": 2, "manifests": [{
            "mediaType": MANIFEST, "digest": digest, "size": manifest.len(),
            "annotations": { "org.opencontainers.image.ref.name": tag },
        }] });
        std::fs::write(directory.join("index.json"), index.to_string())?;
        std::fs::write(directory.join("oci-layout"), r#"{"imageLayoutVersion":"1.0.0"}"#)?;
        Ok(Image {
            digest,
            layer_size: layer.len(),
        })
    }
}

/// The media type of a manifest.
pub(super) const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";

/// Where a layout keeps what has this digest.
pub(super) fn blob(directory: &Path, digest: &str) -> Option<PathBuf> {
    let hex = digest.strip_prefix("sha256:")?;
    let plain = hex.len() == 64 && hex.bytes().all(|byte| byte.is_ascii_hexdigit());
    plain.then(|| directory.join("blobs/sha256").join(hex))
}

fn write_blob(directory: &Path, content: &[u8]) -> anyhow::Result<String> {
    use std::fmt::Write as _;
    let mut digest = "sha256:".to_owned();
    for byte in Sha256::digest(content) {
        write!(digest, "{byte:02x}")?;
    }
    let place = blob(directory, &digest).context("just made")?;
    std::fs::create_dir_all(place.parent().context("a folder of blobs")?)?;
    std::fs::write(place, content)?;
    Ok(digest)
}

/// Owned by root and without times, in one order.
fn archive(folder: &Path) -> anyhow::Result<Vec<u8>> {
    let output = Command::new("tar")
        .args([
            "--create",
            "--sort=name",
            "--mtime=@0",
            "--owner=0",
            "--group=0",
            "--numeric-owner",
        ])
        .arg("--directory")
        .arg(folder)
        .arg(".")
        .output()?;
    let said = String::from_utf8_lossy(&output.stderr);
    anyhow::ensure!(output.status.success(), "tar: {said}");
    Ok(output.stdout)
}

/// What `ldd` says that the program loads.
fn libraries(program: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let output = Command::new("ldd").arg(program).output()?;
    let said = String::from_utf8(output.stdout)?;
    let words = said.split_whitespace().filter(|word| word.starts_with('/'));
    Ok(words.map(PathBuf::from).collect())
}

/// This machine's, as Go and so container images call it.
fn architecture() -> &'static str {
    match std::env::consts::ARCH {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_files_make_the_same_image() {
        let make = || {
            let layout = tempfile::tempdir().unwrap();
            let files = Files::new().unwrap().program("bin/a", b"a").unwrap();
            let image = files
                .image(layout.path(), "1", &json!({ "Cmd": ["/bin/a"] }))
                .unwrap();
            assert!(blob(layout.path(), &image.digest).unwrap().is_file());
            image.digest
        };
        assert_eq!(make(), make());
    }

    #[test]
    fn nothing_but_a_digest_names_a_blob() {
        for name in ["latest", "sha256:../../secret", "sha256:", "sha256:abc"] {
            assert_eq!(blob(Path::new("/layout"), name), None, "{name}");
        }
    }
}
