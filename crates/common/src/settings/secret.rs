//! Secrets that may stand in a file of their own, which whoever rotates them writes anew while we run.

use std::{
    fmt,
    fs::File,
    io::{self, Read},
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
};

use secrecy::SecretString;

use super::{effective::REDACTED, section::Section};

/// More than any secret takes: whoever names a device or a disk image is told so.
const MOST_BYTES: u64 = 64 * 1024;

/// A secret, as it was set or as it stands in a file. `Debug` shows neither.
#[derive(Clone)]
pub struct Secret {
    /// What was set, or what the file held last.
    last: Arc<Mutex<SecretString>>,
    file: Option<PathBuf>,
}

// === impl Secret ===

impl Secret {
    /// The secret now. While its file cannot be read, or is empty because it is just being written, what it held last.
    pub fn now(&self) -> SecretString {
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(written) = self.written() {
            *last = written;
        }
        last.clone()
    }

    /// What its file holds; `None` if it has none, or it cannot be read, or is empty.
    fn written(&self) -> Option<SecretString> {
        content(self.file.as_deref()?).ok().flatten()
    }

    /// A secret that stands in `path`.
    ///
    /// # Errors
    /// There is no such file, it cannot be read, or it is no text.
    pub fn in_file(path: &Path) -> io::Result<Self> {
        let last = content(path)?.unwrap_or_default();
        Ok(Self {
            file: Some(path.to_owned()),
            ..Self::from(last)
        })
    }
}

impl From<SecretString> for Secret {
    fn from(set: SecretString) -> Self {
        Self {
            last: Arc::new(Mutex::new(set)),
            file: None,
        }
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Secret")
            .field("file", &self.file)
            .finish_non_exhaustive()
    }
}

/// The secret at `key`, or the content of the file that `file_key` names, which goes first: a built-in
/// default must not hide it.
pub(super) fn read(section: &Section<'_>, key: &str, file_key: &str) -> Option<Secret> {
    let value = section.secret(key);
    let Some(path) = section.text(file_key) else {
        return value.map(Secret::from);
    };
    if section.is_set(key) {
        let (file, value) = (section.place_of(file_key), section.place_of(key));
        section.notes().warn(format!(
            "{value} is set too, but the file that {file} names counts"
        ));
    }
    section.holds_from(file_key, key, REDACTED);
    match Secret::in_file(Path::new(&path)) {
        Ok(secret) => {
            if secret.written().is_none() {
                section.problem(file_key, "expected a file with a secret, found an empty one");
            }
            Some(secret)
        }
        Err(error) => {
            section.problem(
                file_key,
                format!("expected a file with a secret: {}", error.kind()),
            );
            None
        }
    }
}

/// Editors and `echo` end a file with a line feed that is no part of the secret. `None` if nothing is left.
fn content(path: &Path) -> io::Result<Option<SecretString>> {
    let mut content = String::new();
    let read = File::open(path)?
        .take(MOST_BYTES + 1)
        .read_to_string(&mut content)?;
    if u64::try_from(read).is_ok_and(|read| read > MOST_BYTES) {
        return Err(io::ErrorKind::FileTooLarge.into());
    }
    let secret = content.trim_end_matches(['\n', '\r']);
    Ok((!secret.is_empty()).then(|| SecretString::from(secret)))
}
