//! Foreign text made fit to quote: one line, bounded, without secrets.
//!
//! What kubelets, registries and hooks write goes to a build's page and to logs, where everybody reads it. It
//! better loses a harmless word than keeps a token.

/// Stands where something was hidden.
const HIDDEN: &str = "[hidden]";
/// Characters of foreign text that are looked at; more than anybody reads.
const READ: usize = 4_000;
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
/// Names after which a word of prose may stand as well as a value: `failed to fetch a token: unexpected status`.
const SOFT_NAMES: &[&str] = &[
    "token",
    "secret",
    "apikey",
    "api_key",
    "api-key",
    "access_key",
    "accesskey",
    "credential",
    "credentials",
    "authorization",
    "auth",
    "cookie",
];
/// Names after which nothing but a value stands.
const HARD_NAMES: &[&str] = &["password", "passwd", "pwd", "passphrase", "pass"];
/// Words with which sentences of clusters and registries go on after a colon.
const PROSE: &[&str] = &[
    "access",
    "an",
    "authentication",
    "authorization",
    "bad",
    "cannot",
    "certificate",
    "configmap",
    "context",
    "could",
    "couldn't",
    "credentials",
    "denied",
    "dial",
    "does",
    "eof",
    "error",
    "expired",
    "failed",
    "for",
    "forbidden",
    "get",
    "got",
    "head",
    "http",
    "invalid",
    "is",
    "key",
    "lookup",
    "missing",
    "net/http",
    "no",
    "not",
    "object",
    "post",
    "read",
    "references",
    "response",
    "rpc",
    "secret",
    "server",
    "status",
    "the",
    "timed",
    "timeout",
    "tls",
    "token",
    "unable",
    "unauthorized",
    "unexpected",
    "unknown",
    "was",
    "x509",
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
/// Words after `basic` or `bearer` in plain English.
const AUTH_WORDS: &[&str] = &[
    "auth",
    "authentication",
    "authorization",
    "credentials",
    "token",
    "tokens",
    "scheme",
];

/// The text on one line of at most `limit` characters, without secrets.
pub(super) fn clean(text: &str, limit: usize) -> String {
    let mut words = Vec::new();
    let (mut hide, mut named) = (Next::Open, false);
    let line: String = text
        .chars()
        .take(READ)
        .map(|c| if c.is_control() { ' ' } else { c })
        .collect();
    for word in line.split_whitespace() {
        let bare = word
            .trim_matches(|c: char| !c.is_ascii_alphanumeric())
            .to_ascii_lowercase();
        let separates = matches!(word, ":" | "=") && named;
        let hidden = !separates
            && match hide {
                Next::Open => false,
                Next::Scheme => !AUTH_WORDS.contains(&bare.as_str()),
                Next::Value => !is_scheme(&bare),
                Next::Perhaps => !is_scheme(&bare) && !PROSE.contains(&bare.as_str()),
                Next::Cookies => word.contains('='),
            };
        words.push(if hidden {
            HIDDEN.to_owned()
        } else {
            without_secrets(word)
        });
        let more_cookies = hidden && word.ends_with(';');
        hide = match announced(word, &bare, named) {
            _ if more_cookies => Next::Cookies,
            Next::Open if separates => hide,
            next => next,
        };
        named = !hidden && !separates && (is_named(&bare, SOFT_NAMES) || is_named(&bare, HARD_NAMES));
    }
    cut(&words.join(" "), limit)
}

/// What the next word is, as far as the words before it tell.
#[derive(Clone, Copy)]
enum Next {
    /// Nothing that has to be hidden.
    Open,
    /// What proves who somebody is, unless the scheme was plain English: `no basic auth`.
    Scheme,
    /// A value.
    Value,
    /// A value, or a sentence goes on.
    Perhaps,
    /// Another cookie, if it looks like one.
    Cookies,
}

/// What this word says about the next: `Bearer x`, `Authorization:Basic x`, `password: x`, `"token" : "x"`,
/// `--password x`. A path may end in `/passwd:`.
fn announced(word: &str, bare: &str, named: bool) -> Next {
    let scheme = bare
        .rsplit(|c: char| !c.is_ascii_alphanumeric())
        .next()
        .unwrap_or_default();
    if is_scheme(scheme) {
        return Next::Scheme;
    }
    if named && matches!(word, ":" | "=") {
        return Next::Perhaps;
    }
    let opens = word.ends_with([':', '=']) || word.trim_start_matches(['"', '\'', '[']).starts_with('-');
    if !opens || word.contains('/') {
        return Next::Open;
    }
    if is_named(bare, HARD_NAMES) {
        Next::Value
    } else if is_named(bare, SOFT_NAMES) {
        Next::Perhaps
    } else {
        Next::Open
    }
}

fn is_scheme(bare: &str) -> bool {
    matches!(bare, "bearer" | "basic")
}

fn is_named(bare: &str, names: &[&str]) -> bool {
    let ends = |name: &&str| {
        let before = bare.strip_suffix(*name);
        before.is_some_and(|before| *name != "pass" || !before.ends_with(|c: char| c.is_ascii_alphabetic()))
    };
    names.iter().any(ends)
}

fn without_secrets(word: &str) -> String {
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

/// At most `limit` characters, with dots where something is missing.
pub(super) fn cut(text: &str, limit: usize) -> String {
    if text.chars().count() <= limit {
        return text.to_owned();
    }
    let mut kept: String = text.chars().take(limit.saturating_sub(3)).collect();
    kept.truncate(kept.trim_end().len());
    kept.push_str("...");
    kept.chars().take(limit).collect()
}
