//! The executors: where builds can run, and the rule that chooses one.

use super::{
    cluster::ClusterSettings, ecosystem::EcosystemSettings, layers, notes::Notes, plugin::Plugin,
    pod::PodSettings, problems::SettingsErrors, section::Section,
};

/// The executors and the rule that chooses one.
#[derive(Debug, Clone)]
pub struct ExecutorsSettings {
    /// In the order of the configuration; at least one.
    pub all: Vec<ExecutorSettings>,
    /// The executor for builds that neither an annotation nor a weight decides.
    pub default: String,
}

/// One place where builds can run: a Kubernetes namespace and a shape of pod.
#[derive(Debug, Clone)]
pub struct ExecutorSettings {
    /// The key under `executor`, e.g. `k8s-sandbox`.
    pub name: String,
    /// Which shape of pod it makes.
    pub plugin: Plugin,
    /// Share of the weighted draw in thousandths; 0 takes no part.
    pub weightage: u32,
    /// Container images that the weighted draw keeps away.
    pub exclusions: Vec<Exclusion>,
    /// The API server and namespace.
    pub cluster: ClusterSettings,
    /// Prefix of pod names, labels and cache folders.
    pub prefix: String,
    /// Everything that shapes the pod.
    pub pod: PodSettings,
}

/// Container images that are kept away: a regular expression of the predecessor's language, in which case does not
/// count.
#[derive(Debug, Clone)]
pub struct Exclusion(fancy_regex::Regex);

/// The predecessor has settings for this one and does not bring it along.
const JENKINS: &str = "jenkins";

// === impl ExecutorsSettings ===

impl ExecutorsSettings {
    pub(super) fn read(section: &Section<'_>, ecosystem: &EcosystemSettings) -> Self {
        let mut all = Vec::new();
        let mut left_out = Vec::new();
        // One that a file takes away.
        for (name, _) in section.all_keys().filter(|(_, set)| !set) {
            section.idle(name);
        }
        for name in section.keys().into_iter().filter(|name| *name != "plugin") {
            let entry = section.section(name);
            let plugin = entry.text_or("pluginName", name);
            if let Some(plugin) = Plugin::named(&plugin) {
                all.push(ExecutorSettings::read(name, plugin, &entry, ecosystem));
            } else {
                section.idle(name);
                let why = why_left_out(&plugin);
                section
                    .notes()
                    .warn(format!("executor {name} is left out: {why}"));
                left_out.push((name, why));
            }
        }
        let default = default(section, &all, &left_out);
        let is_there = all.iter().any(|executor| executor.name == default);
        for executor in &all {
            check_prefix(section, executor, !is_there || executor.name == default);
        }
        Self { all, default }
    }

    /// The executor of this name.
    pub fn get(&self, name: &str) -> Option<&ExecutorSettings> {
        self.all.iter().find(|executor| executor.name == name)
    }

    /// One executor for each place where build pods can be: several may share API server, namespace and prefix.
    pub fn places(&self) -> Vec<&ExecutorSettings> {
        let same = |one: &ExecutorSettings, other: &ExecutorSettings| {
            let key = |it: &ExecutorSettings| {
                let cluster = &it.cluster;
                (cluster.host.clone(), cluster.namespace.clone(), it.prefix.clone())
            };
            key(one) == key(other)
        };
        let mut places: Vec<&ExecutorSettings> = Vec::new();
        for executor in &self.all {
            if !places.iter().any(|place| same(place, executor)) {
                places.push(executor);
            }
        }
        places
    }

    /// The folder of disk caches, without the prefix of an installation; `None` when no executor keeps
    /// caches on disk.
    pub fn disk_cache(&self) -> Option<String> {
        self.all
            .iter()
            .find_map(|executor| executor.pod.ecosystem.cache.disk_path(""))
    }
}

/// The executor of builds that nothing else decides: `executor.plugin`, or the first.
fn default(section: &Section<'_>, all: &[ExecutorSettings], left_out: &[(&str, String)]) -> String {
    let key = "plugin";
    let Some(first) = all.first() else {
        let names = Plugin::names(" or ");
        section.problem(
            key,
            format!("expected at least one executor whose pluginName is {names}"),
        );
        return String::new();
    };
    let default = section.text_or(key, &first.name);
    if !all.iter().any(|executor| executor.name == default) {
        let names: Vec<&str> = all.iter().map(|executor| executor.name.as_str()).collect();
        let asked = left_out.iter().find(|(name, _)| *name == default);
        let why = asked.map_or_else(String::new, |(name, why)| format!("; {name} is left out: {why}"));
        let expectation = format!("expected the name of an executor: {}{why}", names.join(", "));
        section.problem(key, expectation);
    }
    default
}

/// Without the name that was found, which may be anything.
fn why_left_out(plugin: &str) -> String {
    if plugin == JENKINS {
        return "builds run in pods, Jenkins is not supported; its settings have no effect".to_owned();
    }
    format!("its pluginName is none of {}", Plugin::names(", "))
}

// === impl ExecutorSettings ===

impl ExecutorSettings {
    /// An executor from options in the shape of `executor.<name>.options` of the configuration files, with
    /// `ecosystem` beside `kubernetes`. It takes no part in a weighted draw.
    pub fn from_options(
        name: &str,
        plugin: Plugin,
        options: &serde_json::Value,
    ) -> Result<Self, SettingsErrors> {
        let notes = Notes::default();
        let value = layers::from_json(options, None);
        let options = Section::root(&value, &notes);
        let ecosystem = EcosystemSettings::read(&options.section("ecosystem"));
        let executor = Self::with_options(name, plugin, &options, ecosystem);
        notes.unless_wrong(executor)
    }

    fn read(name: &str, plugin: Plugin, entry: &Section<'_>, ecosystem: &EcosystemSettings) -> Self {
        let options = entry.section("options");
        let ecosystem = if options.has("ecosystem") {
            EcosystemSettings::read(&options.section("ecosystem"))
        } else {
            ecosystem.clone()
        };
        Self {
            weightage: weightage(entry),
            // Both spellings: the predecessor's files say `exclusion`, its code reads `exclusions` (D36).
            exclusions: ["exclusion", "exclusions"]
                .iter()
                .flat_map(|key| entry.exclusions(key))
                .collect(),
            ..Self::with_options(name, plugin, &options, ecosystem)
        }
    }

    fn with_options(name: &str, plugin: Plugin, options: &Section<'_>, ecosystem: EcosystemSettings) -> Self {
        options.idle("requestretry");
        options.section("kubernetes").idle("podStatusQueryDelay");
        Self {
            name: name.to_owned(),
            plugin,
            weightage: 0,
            exclusions: Vec::new(),
            cluster: ClusterSettings::read(options),
            prefix: options.name_or("prefix", ""),
            pod: PodSettings::read(options, plugin, ecosystem),
        }
    }
}

/// In thousandths.
fn weightage(entry: &Section<'_>) -> u32 {
    let share = entry.number_or("weightage", 0.0..=1_000_000.0, "a number", 0.0);
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "within the range above"
    )]
    let thousandths = (share * 1_000.0).round() as u32;
    thousandths
}

/// Kubernetes refuses every pod of an executor whose prefix does not fit its names. Where only jobs choose such an
/// executor, all others' builds go on as they did.
fn check_prefix(section: &Section<'_>, executor: &ExecutorSettings, is_default: bool) {
    let Some(expectation) = executor.plugin.misfit(&executor.prefix) else {
        return;
    };
    let options = section.section(&executor.name).section("options");
    // What does not fit k8s-vm fits nobody, and its label may be cut: a stop would delete other builds' pods.
    if is_default || executor.weightage > 0 || executor.plugin == Plugin::K8sVm {
        options.problem("prefix", expectation);
    } else {
        let (place, name) = (options.place_of("prefix"), &executor.name);
        section.notes().warn(format!(
            "{place} does not fit executor {name}, whose pods Kubernetes would refuse: {expectation}"
        ));
    }
}

// === impl Exclusion ===

impl Exclusion {
    /// `None` for what is no regular expression.
    pub(super) fn parse(pattern: &str) -> Option<Self> {
        let regex = fancy_regex::RegexBuilder::new(pattern)
            .case_insensitive(true)
            .build();
        regex.ok().map(Self)
    }

    /// Whether this image is kept away. One over which the expression gets lost is not.
    pub fn matches(&self, container: &str) -> bool {
        self.0.is_match(container).unwrap_or(false)
    }

    /// As it was written.
    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }
}
