//! What a token may do, as its claims say.

use crate::unknown::open_enum;

open_enum! {
    /// A right that a token carries. The API decides what it is good for.
    Scope {
        /// A person's.
        User = "user",
        /// A person's who may only read.
        Guest = "guest",
        /// A Screwdriver administrator's.
        Admin = "admin",
        /// A pipeline's, from a pipeline's own API token.
        Pipeline = "pipeline",
        /// A build's, inside its pod.
        Build = "build",
        /// A build's before it runs, in the messages of the queue.
        Temporal = "temporal",
        /// The queue service's.
        Sdapi = "sdapi",
        /// That of the worker which unpacks artifacts.
        UnzipWorker = "unzip_worker",
        /// That of the worker which handles webhooks.
        WebhookWorker = "webhook_worker",
        /// A build's, taken on by an administrator.
        Impersonated = "impersonated",
    }
}
