//! The closed sets that labels are taken from.

use opentelemetry::KeyValue;

/// A set of label values under one key.
pub(in crate::telemetry) trait Label: Copy + Sized + 'static {
    /// The label's key.
    const KEY: &'static str;
    /// Every value there is.
    const ALL: &'static [Self];

    /// The label's value.
    fn value(self) -> &'static str;

    fn pair(self) -> KeyValue {
        KeyValue::new(Self::KEY, self.value())
    }
}

/// An enum whose variants are the values of one label.
macro_rules! label {
    (
        $(#[$doc:meta])*
        $name:ident under $key:literal { $($(#[$variant_doc:meta])* $variant:ident = $value:literal,)+ }
    ) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum $name { $($(#[$variant_doc])* $variant,)+ }

        impl $name {
            /// The label's value.
            pub fn as_str(self) -> &'static str {
                self.value()
            }
        }

        impl Label for $name {
            const KEY: &'static str = $key;
            const ALL: &'static [Self] = &[$(Self::$variant,)+];

            fn value(self) -> &'static str {
                match self { $(Self::$variant => $value,)+ }
            }
        }
    };
}

label! {
    /// A queue by what it is for; its name belongs to the operators.
    Queue under "queue" {
        /// The operators' main queue.
        Main = "main",
        /// The operators' retry queue.
        Retry = "retry",
        /// Our starts and stops that come back.
        Starts = "starts",
        /// Our checks.
        Checks = "checks",
    }
}

/// A queue that messages wait in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Held {
    /// One that is consumed.
    Consumed(Queue),
    /// What no worker can handle.
    Parked,
}

label! {
    /// Who a call is made to.
    Peer under "peer" {
        /// A Kubernetes API server.
        Cluster = "cluster",
        /// The Screwdriver API.
        BuildsApi = "builds_api",
    }
}

label! {
    /// Why a new session with the broker has to be built.
    NewSession under "after" {
        /// One that worked was lost.
        Lost = "lost",
        /// None could be had; it is tried again.
        NotHad = "not_had",
    }
}

label! {
    /// A kind of call to a peer. The values of those to a cluster are the names of their spans too.
    Verb under "verb" {
        /// A build's pod is made.
        CreatePod = "create pod",
        /// One pod is read.
        GetPod = "get pod",
        /// All pods of a build are read.
        ListPods = "list pods",
        /// One pod is deleted.
        DeletePod = "delete pod",
        /// All pods of a build are deleted.
        DeletePods = "delete pods",
        /// The events of a pod are read.
        ListEvents = "list events",
        /// The secret with a build's token is made.
        CreateSecret = "create secret",
        /// That secret is read.
        GetSecret = "get secret",
        /// Whether the API server can serve.
        GetReadyz = "get readyz",
        /// A build is told something.
        UpdateBuild = "update build",
        /// Whether a build still wants a pod.
        AskWanted = "ask wanted",
    }
}

label! {
    /// How a publish ended.
    PublishResult under "result" {
        /// The broker has it.
        Confirmed = "confirmed",
        /// The broker refused it.
        Refused = "refused",
        /// No queue is bound to its routing key.
        Returned = "returned",
        /// The broker did not answer in time.
        TimedOut = "timed_out",
        /// The channel or connection broke before the answer.
        Cut = "cut",
    }
}

label! {
    /// What was done to a pod.
    PodAction under "action" {
        /// Made for the first time.
        Created = "created",
        /// Found to exist already, and ours; once for each start that finds it.
        Adopted = "adopted",
        /// Made again after the cluster lost it before the build ran.
        Recreated = "recreated",
        /// A dead one, deleted to be made again.
        Replaced = "replaced",
        /// Deleted because its build was stopped.
        Stopped = "stopped",
        /// Deleted because the builds API says that its build is finished.
        Zombie = "zombie",
    }
}

label! {
    /// What was removed from a disk cache.
    CacheEntry under "entry" {
        /// A file, a link or anything else that holds no others.
        File = "file",
        /// A folder.
        Folder = "folder",
    }
}

label! {
    /// What became of a finished span.
    SpanResult under "result" {
        /// The collector has it.
        Exported = "exported",
        /// The collector refused it or did not answer.
        Failed = "failed",
        /// Too many waited for the collector already.
        Dropped = "dropped",
    }
}

label! {
    /// What kind of answer a call got.
    AnswerClass under "class" {
        /// 2xx.
        Success = "2xx",
        /// 4xx.
        ClientError = "4xx",
        /// 5xx.
        ServerError = "5xx",
        /// A status that ends no call of ours, such as a redirection.
        Other = "other",
        /// No answer at all.
        NoAnswer = "none",
    }
}

// === impl Verb ===

impl Verb {
    /// Who is called.
    pub fn peer(self) -> Peer {
        match self {
            Self::CreatePod
            | Self::GetPod
            | Self::ListPods
            | Self::DeletePod
            | Self::DeletePods
            | Self::ListEvents
            | Self::CreateSecret
            | Self::GetSecret
            | Self::GetReadyz => Peer::Cluster,
            Self::UpdateBuild | Self::AskWanted => Peer::BuildsApi,
        }
    }
}

// === impl AnswerClass ===

impl AnswerClass {
    /// The class of an HTTP status; `None` when there was no answer.
    pub fn of(status: Option<u16>) -> Self {
        match status {
            None => Self::NoAnswer,
            Some(200..=299) => Self::Success,
            Some(400..=499) => Self::ClientError,
            Some(500..=599) => Self::ServerError,
            Some(_) => Self::Other,
        }
    }
}

// === impl Held ===

impl Label for Held {
    const KEY: &'static str = Queue::KEY;
    const ALL: &'static [Self] = &[
        Self::Consumed(Queue::Main),
        Self::Consumed(Queue::Retry),
        Self::Consumed(Queue::Starts),
        Self::Consumed(Queue::Checks),
        Self::Parked,
    ];

    fn value(self) -> &'static str {
        match self {
            Self::Consumed(queue) => queue.value(),
            Self::Parked => "parked",
        }
    }
}
