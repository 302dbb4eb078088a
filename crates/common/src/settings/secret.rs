//! Secrets that may stand in a file of their own.

use std::{
    fs::File,
    io::{self, Read},
    path::Path,
};

use secrecy::SecretString;

use super::{effective::REDACTED, section::Section};

/// More than any secret takes: whoever names a device or a disk image is told so.
const MOST_BYTES: u64 = 64 * 1024;

/// The secret at `key`, or the content of the file that `file_key` names, which goes first: a built-in
/// default must not hide it.
pub(super) fn read(section: &Section<'_>, key: &str, file_key: &str) -> Option<SecretString> {
    let value = section.secret(key);
    let Some(path) = section.text(file_key) else {
        return value;
    };
    if section.is_set(key) {
        let (file, value) = (section.place_of(file_key), section.place_of(key));
        section.notes().warn(format!(
            "{value} is set too, but the file that {file} names counts"
        ));
    }
    section.holds_from(file_key, key, REDACTED);
    match content(Path::new(&path)) {
        // Editors and `echo` end a file with a line feed that is no part of the secret.
        Ok(content) => {
            let secret = content.trim_end_matches(['\n', '\r']);
            if secret.is_empty() {
                section.problem(file_key, "expected a file with a secret, found an empty one");
            }
            Some(SecretString::from(secret))
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

fn content(path: &Path) -> io::Result<String> {
    let mut content = String::new();
    let read = File::open(path)?
        .take(MOST_BYTES + 1)
        .read_to_string(&mut content)?;
    if u64::try_from(read).is_ok_and(|read| read > MOST_BYTES) {
        return Err(io::ErrorKind::FileTooLarge.into());
    }
    Ok(content)
}
