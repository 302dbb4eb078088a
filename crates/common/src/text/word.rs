//! Hides what is secret inside one word: logins, queries, values of secret names, tokens.

use super::HIDDEN;

/// Names whose values are hidden, in lower case.
const SECRET_NAMES: &[&str] = &[
    "token",
    "password",
    "passwd",
    "pwd",
    "secret",
    "apikey",
    "api_key",
    "api-key",
    "access_key",
    "accesskey",
    "signature",
    "credential",
    "credentials",
    "authorization",
    "auth",
    "bearer",
    "pass",
    "passphrase",
    "cookie",
];
/// Beginnings of tokens that are known as such wherever they stand.
const TOKENS: &[&str] = &[
    "ghp_",
    "gho_",
    "ghs_",
    "ghu_",
    "github_pat_",
    "glpat-",
    "xoxb-",
    "AKIA",
    "dckr_pat_",
];
/// The word without its secrets.
pub(super) fn without_secrets(word: &str) -> String {
    let plain = !word.contains(['/', '?', '%', '=', ':', '@', '_', '-']) && word.len() < 16;
    if plain {
        return word.to_owned();
    }
    without_jwts(&without_values(&without_queries(&without_logins(
        &without_user_info(word),
    ))))
}

/// `user:password@host` becomes `[hidden]@host`; an image's digest stands behind an at sign too.
fn without_logins(word: &str) -> String {
    let known = TOKENS.iter().find_map(|token| word.find(token));
    let word = known.map_or_else(|| word.to_owned(), |at| format!("{}{HIDDEN}", &word[..at]));
    let Some((login, host)) = word.rsplit_once('@') else {
        return word;
    };
    let begin = login.rfind(['/', '"', '\'', '(', '=']).map_or(0, |at| at + 1);
    let is_login =
        login[begin..].contains(':') && !host.starts_with("sha256:") && !host.starts_with("sha512:");
    if is_login {
        format!("{}{HIDDEN}@{host}", &login[..begin])
    } else {
        word
    }
}

/// `https://user:password@host/` becomes `https://host/`.
fn without_user_info(word: &str) -> String {
    let mut parts = word.split("://");
    let mut kept = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let end = part
            .find(['/', '?', '#', '"', '\'', '<', '>'])
            .unwrap_or(part.len());
        let (authority, rest) = part.split_at(end);
        let host = authority.rsplit('@').next().unwrap_or_default();
        kept.push_str("://");
        kept.push_str(host);
        kept.push_str(rest);
    }
    kept
}

/// `/path?a=b&c=d:` becomes `/path:`; a question mark may be written `%3F`.
fn without_queries(word: &str) -> String {
    let mut kept = String::with_capacity(word.len());
    let mut rest = word;
    while let Some(start) = ["?", "%3F", "%3f"]
        .into_iter()
        .filter_map(|mark| rest.find(mark))
        .min()
    {
        let (before, query) = rest.split_at(start);
        let end = query
            .find(['"', '\'', '<', '>', ')', ']', '}'])
            .unwrap_or(query.len());
        let end = query[..end].trim_end_matches([':', ',', '.', ';']).len();
        kept.push_str(before);
        rest = &query[end.max(1)..];
    }
    kept + rest
}

/// `token=abc&x=y` becomes `token=[hidden]&x=y`; `"token":"abc"` likewise.
fn without_values(word: &str) -> String {
    let mut kept = String::with_capacity(word.len());
    let mut rest = word;
    while let Some(at) = rest.find(['=', ':']) {
        let (name, value) = rest.split_at(at + 1);
        kept.push_str(name);
        rest = value;
        let name = name[..at].trim_end_matches(['"', '\'']).to_ascii_lowercase();
        if SECRET_NAMES.iter().any(|secret| name.ends_with(secret)) {
            let opening = value.len() - value.trim_start_matches(['"', '\'']).len();
            let value = &value[opening..];
            let end = value
                .find(['&', ',', ';', '"', '\'', '}', ')'])
                .unwrap_or(value.len());
            if end > 0 {
                kept.push_str(HIDDEN);
            }
            rest = &value[end..];
        }
    }
    kept + rest
}

/// Hides what looks like a JSON Web Token: base64 of `{"...`, long or in dotted parts.
fn without_jwts(word: &str) -> String {
    let mut kept = String::with_capacity(word.len());
    let mut rest = word;
    while let Some(start) = rest.find('e') {
        let (before, candidate) = rest.split_at(start);
        kept.push_str(before);
        let end = candidate
            .find(|c: char| !(c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | '+' | '/' | '=')))
            .unwrap_or(candidate.len());
        if looks_like_jwt(&candidate[..end]) {
            kept.push_str(HIDDEN);
            rest = &candidate[end..];
        } else {
            kept.push('e');
            rest = &candidate[1..];
        }
    }
    kept + rest
}

fn looks_like_jwt(run: &str) -> bool {
    let opens = run.starts_with("eyJ") && run.len() >= 16;
    let parts: Vec<_> = run.split('.').collect();
    let dotted = (run.starts_with("ey") || run.starts_with("ew"))
        && matches!(parts.as_slice(), [header, payload, _, ..] if header.len() >= 8 && payload.len() >= 8);
    opens || dotted
}
