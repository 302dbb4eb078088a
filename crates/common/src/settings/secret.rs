//! Secrets that may stand in a file of their own.

use std::path::Path;

use secrecy::SecretString;

use super::section::Section;

/// The secret at `key`, or the content of the file that `file_key` names, which goes first: a built-in
/// default must not hide it.
pub(super) fn read(section: &Section<'_>, key: &str, file_key: &str) -> Option<SecretString> {
    let Some(path) = section.text(file_key) else {
        return section.secret(key);
    };
    match std::fs::read_to_string(Path::new(&path)) {
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
