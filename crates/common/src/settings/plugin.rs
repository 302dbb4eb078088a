//! The shapes of pod, and what follows from the shape alone.

/// The shapes of pod that we can make.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Plugin {
    /// `screwdriver-executor-k8s`.
    K8s,
    /// `screwdriver-executor-k8s-vm`.
    K8sVm,
}

/// Most characters of a container's name, and of a label's value.
const LONGEST_NAME: usize = 63;
/// Most characters of a build's id.
const LONGEST_ID: usize = 16;

// === impl Plugin ===

impl Plugin {
    /// Every shape.
    pub const ALL: [Self; 2] = [Self::K8s, Self::K8sVm];

    /// The shape that an executor's `pluginName` asks for.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|plugin| plugin.as_str() == name)
    }

    /// The value of `pluginName`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::K8s => "k8s",
            Self::K8sVm => "k8s-vm",
        }
    }

    /// All names, for messages.
    pub fn names(between: &str) -> String {
        Self::ALL.map(Self::as_str).join(between)
    }

    /// Whether the build runs in the container itself, and not in a virtual machine that the container starts.
    pub fn builds_in_container(self) -> bool {
        match self {
            Self::K8s => true,
            Self::K8sVm => false,
        }
    }

    /// What is expected of a prefix that does not fit the names that begin with it.
    pub(super) fn misfit(self, prefix: &str) -> Option<String> {
        // Pods have dots in their names, containers have none.
        let (most, dots, dotted) = match self {
            // The longest name is that of the init container.
            Self::K8s => (LONGEST_NAME - "launcher-".len() - LONGEST_ID, false, ""),
            // Only the label `sdbuild` is so short, and builds share it if it is cut.
            Self::K8sVm => (
                LONGEST_NAME - LONGEST_ID,
                true,
                " (and single dots between such words)",
            ),
        };
        let word = |word: &str| {
            let known = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
            !word.is_empty() && !word.starts_with('-') && !word.ends_with('-') && word.bytes().all(known)
        };
        // A build's id follows, which is a number.
        let fits = prefix.len() <= most
            && (dots || !prefix.contains('.'))
            && format!("{prefix}0").split('.').all(word);
        (!fits).then(|| {
            format!(
                "expected up to {most} lower-case letters, digits and dashes, the first no dash{dotted}: names of \
                 pods and containers begin with it"
            )
        })
    }
}
