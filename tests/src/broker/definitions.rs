//! What a private node holds from its boot on: a pool of vhosts with the reference limit of connections, and
//! three users. Pools, because one `rabbitmqctl` costs a second and a vhost by itself would take four.

use serde_json::{Value, json};

/// How many vhosts are made at once: at boot, and again when all are used.
pub(super) const POOL: usize = 32;

/// The test's own user, who may do everything.
pub(super) const OWNER: &str = "owner";

/// Connections that the reference allows to a vhost.
const CONNECTIONS: u32 = 50;

/// What the workers' user may do in its vhost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Permissions {
    /// `.*`: declare what they like.
    All,
    /// As the operators' guide grants it: the exchange and the operators' queues by name, nothing new.
    Reference,
}

/// Of the users of one node, by chance.
#[derive(Clone)]
pub(super) struct Passwords {
    owner: String,
    worker: String,
}

// === impl Permissions ===

impl Permissions {
    pub(super) const ALL: [Self; 2] = [Self::All, Self::Reference];

    /// The user that has these permissions.
    pub(super) fn user(self) -> &'static str {
        match self {
            Self::All => "worker",
            Self::Reference => "sdrw",
        }
    }

    /// The pattern for configure, write and read.
    pub(super) fn pattern(self) -> &'static str {
        match self {
            Self::All => ".*",
            Self::Reference => "^(build|ClusterA|ClusterAdlr|ClusterARetry|ClusterARetrydlr)$",
        }
    }
}

// === impl Passwords ===

impl Passwords {
    pub(super) fn random() -> Self {
        // Letters alone: what must be escaped in a URI is for tests of that to choose.
        let word = || {
            std::iter::repeat_with(|| rand::random_range('a'..='z'))
                .take(20)
                .collect()
        };
        Self {
            owner: word(),
            worker: word(),
        }
    }

    pub(super) fn of(&self, user: &str) -> &str {
        if user == OWNER { &self.owner } else { &self.worker }
    }
}

/// The name of the vhost with this number in the pool.
pub(super) fn vhost(number: usize) -> String {
    format!("screwdriver{number}")
}

/// The users and what they may do, for one vhost.
pub(super) fn users() -> impl Iterator<Item = (&'static str, &'static str)> {
    let workers = Permissions::ALL
        .into_iter()
        .map(|each| (each.user(), each.pattern()));
    std::iter::once((OWNER, ".*")).chain(workers)
}

/// The definitions that a node loads at boot: users, and the first pool.
pub(super) fn at_boot(passwords: &Passwords) -> Value {
    let user = |(user, _)| json!({ "name": user, "password": passwords.of(user), "tags": "" });
    let mut definitions = pool(0);
    definitions["users"] = users().map(user).collect();
    definitions
}

/// The definitions of the pool whose first vhost has this number.
pub(super) fn pool(first: usize) -> Value {
    let names: Vec<String> = (first..first + POOL).map(vhost).collect();
    let permissions = names.iter().flat_map(|name| {
        users().map(move |(user, pattern)| {
            json!({ "user": user, "vhost": name, "configure": pattern, "write": pattern, "read": pattern })
        })
    });
    json!({
        "vhosts": names.iter().map(|name| json!({ "name": name })).collect::<Vec<_>>(),
        "permissions": permissions.collect::<Vec<_>>(),
        "parameters": names.iter().map(|name| json!({
            "vhost": name, "component": "vhost-limits", "name": "limits",
            "value": { "max-connections": CONNECTIONS },
        })).collect::<Vec<_>>(),
    })
}
