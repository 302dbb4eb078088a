//! Foreign text made fit to quote: one line, bounded, without secrets.
//!
//! What kubelets, registries and hooks write goes to a build's page and to logs, where everybody reads it. It
//! better loses a harmless word than keeps a token. What a word says about the next one is here; what hides
//! inside a single word is in [`word`].

mod word;

use self::word::without_secrets;

/// Stands where something was hidden.
const HIDDEN: &str = "[hidden]";
/// Characters of foreign text that are looked at; more than anybody reads.
const READ: usize = 4_000;
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
pub(crate) fn clean(text: &str, limit: usize) -> String {
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

/// At most `limit` characters, with dots where something is missing.
pub(crate) fn cut(text: &str, limit: usize) -> String {
    if text.chars().count() <= limit {
        return text.to_owned();
    }
    let mut kept: String = text.chars().take(limit.saturating_sub(3)).collect();
    kept.truncate(kept.trim_end().len());
    kept.push_str("...");
    kept.chars().take(limit).collect()
}
