//! The predecessor's variables, all of them, with its names, places and meanings.
//!
//! Those that nothing reads any more are accepted, so that its deployments start unchanged.

use super::{
    ALL, CORES, GB, K8S,
    Kind::{Boolean, Idle, Json, List, Number, Secret, Text, Url},
    MB, MILLISECONDS, MINUTES, PODS,
    Place::{Key, Options},
    SANDBOX, SECONDS, VM, Variable, row, rows,
};

/// Why its settings do nothing.
const JENKINS: &str = "Jenkins is not supported";

pub(super) const VARIABLES: &[Variable] = rows! {
    // Choice of the executor
    ("EXECUTOR_PLUGIN", Key("executor.plugin"), Text, "k8s-vm",
        "executor of builds that nothing else decides")
    ("WEIGHT_K8S", Key("executor.k8s.weightage"), Number, "0", "share of k8s in the weighted draw; 0: none")
    ("WEIGHT_K8S_VM", Key("executor.k8s-vm.weightage"), Number, "0", "share of k8s-vm in the weighted draw")
    ("K8S_EXECUTOR_EXCLUSION", Key("executor.k8s.exclusion"), List, "['rhel6']",
        "regular expressions of containers that the weighted draw keeps away from k8s")
    ("k8s", Key("executor.k8s-sandbox.pluginName"), Text, "k8s", "shape of pod of k8s-sandbox")

    // The API server
    ("K8S_HOST", Options(ALL, "kubernetes.host"), Text, "kubernetes.default",
        "API server, host[:port], https")
    ("K8S_TOKEN", Options(ALL, "kubernetes.token"), Secret, "",
        "bearer token instead of the service account's")
    ("K8S_JOBS_NAMESPACE", Options(ALL, "kubernetes.jobsNamespace"), Text, "default",
        "namespace of build pods")
    ("CIRCUIT_TIMEOUT", Options(ALL, "fusebox.breaker.timeout"), MILLISECONDS, "10000",
        "how long one call to the API server may take")
    ("REQUEST_RETRYDELAY", Options(ALL, "requestretry.retryDelay"), Idle, "3000",
        "retries go through the broker, in steps that grow")
    ("REQUEST_MAXATTEMPTS", Options(ALL, "requestretry.maxAttempts"), Idle, "5",
        "RABBITMQ_MSG_REPROCESS_LIMIT bounds retries")
    ("K8S_POD_STATUSQUERY_DELAY", Options(PODS, "kubernetes.podStatusQueryDelay"), Idle, "0",
        "nor had it in the predecessor")

    // The pod
    ("EXECUTOR_PREFIX", Options(ALL, "prefix"), Text, "", "prefix of names, labels and cache folders, as far as names can have it")
    ("LAUNCH_IMAGE", Options(ALL, "launchImage"), Text, "screwdrivercd/launcher", "image of the launcher")
    ("LAUNCH_VERSION", Options(ALL, "launchVersion"), Text, "stable", "tag of the launcher's image")
    ("K8S_BASE_IMAGE", Options(VM, "kubernetes.baseImage"), Text, "", "image of the virtual machine's runner")
    ("K8S_BUILD_TIMEOUT", Options(PODS, "kubernetes.buildTimeout"), MINUTES, "90", "how long a build may run")
    ("K8S_MAX_BUILD_TIMEOUT", Options(PODS, "kubernetes.maxBuildTimeout"), MINUTES, "120",
        "the longest that a job may ask for")
    ("K8S_VM_BUILD_TIMEOUT", Options(VM, "kubernetes.buildTimeout"), MINUTES, "90", "how long a build may run")
    ("K8S_VM_MAX_BUILD_TIMEOUT", Options(VM, "kubernetes.maxBuildTimeout"), MINUTES, "120",
        "the longest that a job may ask for")
    ("TERMINATION_GRACE_PERIOD_SECONDS", Options(ALL, "kubernetes.terminationGracePeriodSeconds"), SECONDS,
        "60", "what a build's pod gets to end; jobs may ask for more")
    ("K8S_SERVICE_ACCOUNT_NAME", Options(PODS, "kubernetes.serviceAccount"), Text, "default",
        "service account of build pods")
    ("K8S_AUTOMOUNT_SERVICE_ACCOUNT_TOKEN", Options(PODS, "kubernetes.automountServiceAccountToken"), Boolean,
        "false", "whether builds see the service account's token")
    ("K8S_SECURITYCONTEXT_PRIVILEGED", Options(ALL, "kubernetes.privileged"), Boolean, "false",
        "whether the build container is privileged (k8s-vm always is)")
    ("K8S_POD_DNS_POLICY", Options(K8S, "kubernetes.dnsPolicy"), Text, "ClusterFirst", "dnsPolicy of the pod")
    ("K8S_POD_IMAGE_PULL_POLICY", Options(K8S, "kubernetes.imagePullPolicy"), Text, "Always",
        "imagePullPolicy of the build container")
    ("K8S_IMAGE_PULL_SECRET_NAME", Options(PODS, "kubernetes.imagePullSecretName"), Text, "",
        "secret with the registry's credentials")
    ("K8S_RUNTIME_CLASS", Options(PODS, "kubernetes.runtimeClass"), Text, "", "runtimeClassName of the pod")
    ("DOCKER_FEATURE_ENABLED", Options(PODS, "kubernetes.dockerFeatureEnabled"), Boolean, "false",
        "whether jobs may ask for a privileged docker daemon beside the build")
    ("SD_HAB_ENABLED", Options(ALL, "sdHabEnabled"), Boolean, "true",
        "SD_HAB_ENABLED of the build (k8s-vm has none)")
    ("K8S_LIFECYCLE_HOOKS", Options(PODS, "kubernetes.lifecycleHooks"), Json, "",
        "lifecycle of the build container, a Kubernetes object")
    ("K8S_POD_LABELS", Options(ALL, "kubernetes.podLabels"), Json, "{}",
        "further labels of the pod (k8s-vm has none)")
    ("K8S_ANNOTATIONS", Options(PODS, "kubernetes.annotations"), Json, "{}", "annotations of the pod")
    ("K8S_NODE_SELECTORS", Options(K8S, "kubernetes.nodeSelectors"), Json, "{}",
        "labels that the node must have; its taints of the same key and value are tolerated")
    ("K8S_PREFERRED_NODE_SELECTORS", Options(K8S, "kubernetes.preferredNodeSelectors"), Json, "{}",
        "labels that the node should have")
    ("K8S_SANDBOX_NODE_SELECTORS", Options(SANDBOX, "kubernetes.nodeSelectors"), Json, "{}",
        "as K8S_NODE_SELECTORS, for k8s-sandbox")
    ("K8S_SANDBOX_PREFERRED_NODE_SELECTORS", Options(SANDBOX, "kubernetes.preferredNodeSelectors"), Json,
        "{}", "as K8S_PREFERRED_NODE_SELECTORS, for k8s-sandbox")
    ("K8S_VM_NODE_SELECTORS", Options(VM, "kubernetes.nodeSelectors"), Json, "{}",
        "as K8S_NODE_SELECTORS, for k8s-vm")
    ("K8S_VM_PREFERRED_NODE_SELECTORS", Options(VM, "kubernetes.preferredNodeSelectors"), Json, "{}",
        "as K8S_PREFERRED_NODE_SELECTORS, for k8s-vm")
    ("K8S_VOLUME_MOUNTS", Options(PODS, "kubernetes.volumeMounts"), Json, "{}",
        "host paths in the build container: [{name, mountPath, path, type, readOnly}]")
    ("K8S_SECRETS", Options(K8S, "kubernetes.buildSecrets"), Json, "{}",
        "secrets in the build's environment: [{secret_env, secret_name, secret_key}]")
    ("K8S_SECRETS_FILE", Options(K8S, "kubernetes.buildSecretsFile"), Json, "",
        "secrets as files in the build container: [{name, mountPath, secretName, readOnly}]")

    // Sizes
    ("K8S_CPU_MICRO", Options(ALL, "kubernetes.resources.cpu.micro"), CORES, "1", "cpu: MICRO")
    ("K8S_CPU_LOW", Options(ALL, "kubernetes.resources.cpu.low"), CORES, "2", "cpu: LOW")
    ("K8S_CPU_HIGH", Options(ALL, "kubernetes.resources.cpu.high"), CORES, "6", "cpu: HIGH")
    ("K8S_CPU_TURBO", Options(ALL, "kubernetes.resources.cpu.turbo"), CORES, "12", "cpu: TURBO")
    ("K8S_CPU_MAX", Options(ALL, "kubernetes.resources.cpu.max"), CORES, "12", "the most that a job may ask for")
    ("K8S_MEMORY_MICRO", Options(ALL, "kubernetes.resources.memory.micro"), GB, "1", "ram: MICRO")
    ("K8S_MEMORY_LOW", Options(ALL, "kubernetes.resources.memory.low"), GB, "2", "ram: LOW")
    ("K8S_MEMORY_HIGH", Options(ALL, "kubernetes.resources.memory.high"), GB, "12", "ram: HIGH")
    ("K8S_MEMORY_TURBO", Options(ALL, "kubernetes.resources.memory.turbo"), GB, "16", "ram: TURBO")
    ("K8S_MEMORY_MAX", Options(ALL, "kubernetes.resources.memory.max"), GB, "16", "the most that a job may ask for")
    ("K8S_DISK_LABEL", Options(VM, "kubernetes.resources.disk.space"), Text, "",
        "label key of nodes by disk space, selected by the disk annotation")
    ("K8S_DISK_SPEED_LABEL", Options(VM, "kubernetes.resources.disk.speed"), Text, "",
        "label key of nodes by disk speed, selected by the diskSpeed annotation")

    // Jenkins: the predecessor maps these and ships no executor that would read them
    ("WEIGHT_JENKINS", Key("executor.jenkins.weightage"), Idle, "", JENKINS)
    ("EXECUTOR_JENKINS_HOST", Key("executor.jenkins.options.jenkins.host"), Idle, "", JENKINS)
    ("EXECUTOR_JENKINS_PORT", Key("executor.jenkins.options.jenkins.port"), Idle, "", JENKINS)
    ("EXECUTOR_JENKINS_USERNAME", Key("executor.jenkins.options.jenkins.username"), Idle, "", JENKINS)
    ("EXECUTOR_JENKINS_PASSWORD", Key("executor.jenkins.options.jenkins.password"), Idle, "", JENKINS)
    ("EXECUTOR_JENKINS_NODE_LABEL", Key("executor.jenkins.options.jenkins.nodeLabel"), Idle, "", JENKINS)
    ("EXECUTOR_JENKINS_BUILD_TIMEOUT", Key("executor.jenkins.options.jenkins.buildTimeout"), Idle, "",
        JENKINS)
    ("EXECUTOR_JENKINS_MAX_BUILD_TIMEOUT", Key("executor.jenkins.options.jenkins.maxBuildTimeout"), Idle, "",
        JENKINS)
    ("EXECUTOR_JENKINS_DOCKER_COMPOSE_COMMAND", Key("executor.jenkins.options.docker.composeCommand"), Idle, "",
        JENKINS)
    ("EXECUTOR_JENKINS_DOCKER_PREFIX", Key("executor.jenkins.options.docker.prefix"), Idle, "", JENKINS)
    ("EXECUTOR_JENKINS_LAUNCH_VERSION", Key("executor.jenkins.options.docker.launchVersion"), Idle, "",
        JENKINS)
    ("EXECUTOR_JENKINS_DOCKER_MEMORY", Key("executor.jenkins.options.docker.memory"), Idle, "", JENKINS)
    ("EXECUTOR_JENKINS_DOCKER_MEMORY_LIMIT", Key("executor.jenkins.options.docker.memoryLimit"), Idle, "",
        JENKINS)
    ("EXECUTOR_JENKINS_BUILD_SCRIPT", Key("executor.jenkins.options.buildScript"), Idle, "", JENKINS)
    ("EXECUTOR_JENKINS_CLEANUP_SCRIPT", Key("executor.jenkins.options.cleanupScript"), Idle, "", JENKINS)
    ("EXECUTOR_JENKINS_CLEANUP_TIME_LIMIT", Key("executor.jenkins.options.cleanupTimeLimit"), Idle, "",
        JENKINS)
    ("EXECUTOR_JENKINS_CLEANUP_WATCH_INTERVAL", Key("executor.jenkins.options.cleanupWatchInterval"), Idle, "",
        JENKINS)

    // Screwdriver
    ("ECOSYSTEM_UI", Key("ecosystem.ui"), Url, "https://cd.screwdriver.cd", "address of the UI, for builds")
    ("ECOSYSTEM_API", Key("ecosystem.api"), Url, "https://api.screwdriver.cd",
        "address of the API, for builds")
    ("ECOSYSTEM_STORE", Key("ecosystem.store"), Url, "https://store.screwdriver.cd",
        "address of the store, for builds")
    ("ECOSYSTEM_PUSHGATEWAY_URL", Key("ecosystem.pushgatewayUrl"), Url, "",
        "Prometheus pushgateway, for builds")
    ("CACHE_STRATEGY", Key("ecosystem.cache.strategy"), Text, "s3", "where builds keep caches: s3 or disk")
    ("CACHE_PATH", Key("ecosystem.cache.path"), Text, "/", "folder of disk caches on the nodes; empty: none")
    ("CACHE_COMPRESS", Key("ecosystem.cache.compress"), Text, "false",
        "whether disk caches are compressed; a word for the launcher")
    ("CACHE_MD5CHECK", Key("ecosystem.cache.md5check"), Text, "false",
        "whether disk caches are checksummed; a word for the launcher")
    ("CACHE_MAX_SIZE_MB", Key("ecosystem.cache.max_size_mb"), MB, "0", "largest cache; 0: no limit")
    ("CACHE_MAX_GO_THREADS", Key("ecosystem.cache.max_go_threads"), Text, "10000",
        "most threads that work on a cache")

    // The broker
    ("RABBITMQ_PROTOCOL", Key("rabbitmq.protocol"), Text, "amqp", "amqp or amqps")
    ("RABBITMQ_USERNAME", Key("rabbitmq.username"), Text, "foo", "user name, not encoded")
    ("RABBITMQ_PASSWORD", Key("rabbitmq.password"), Secret, "bar", "password, not encoded")
    ("RABBITMQ_HOST", Key("rabbitmq.host"), Text, "127.0.0.1", "host name or address")
    ("RABBITMQ_PORT", Key("rabbitmq.port"), Number, "5672", "port")
    ("RABBITMQ_VIRTUAL_HOST", Key("rabbitmq.vhost"), Text, "/screwdriver", "vhost as a path of a URI")
    ("RABBITMQ_CONNECT_OPTIONS", Key("rabbitmq.connectOptions"), Json, "{heartbeatIntervalInSeconds: 20}",
        "JSON; heartbeatIntervalInSeconds counts, the rest has no effect")
    ("RABBITMQ_QUEUE", Key("rabbitmq.queue"), Text, "test", "queue of this cluster's builds")
    ("RABBITMQ_PREFETCH_COUNT", Key("rabbitmq.prefetchCount"), Number, "20",
        "deliveries in hand at a time, per consumer")
    ("RABBITMQ_MSG_REPROCESS_LIMIT", Key("rabbitmq.messageReprocessLimit"), Number, "5",
        "retries after which a message's own error is final; 0: the first error is")
    ("RABBITMQ_RETRYQUEUE", Key("rabbitmq.retryQueue"), Text, "sdRetryQueue", "the predecessor's retry queue")
    ("RABBITMQ_RETRYQUEUE_ENABLED", Key("rabbitmq.retryQueueEnabled"), Boolean, "false",
        "whether verify-worker consumes that queue too")
    ("RABBITMQ_EXCHANGE", Key("rabbitmq.exchange"), Text, "build", "exchange that everything is published to")
    ("RABBITMQ_BUILD_INIT_TIMEOUT", Key("rabbitmq.initTimeout"), MINUTES, "5",
        "age at which a build that is not running is told so; 0: the default")

    // Health
    ("PORT", Key("httpd.port"), Number, "80", "port of health and metrics")
    ("HOST", Key("httpd.host"), Text, "0.0.0.0", "address or name to serve health and metrics on")
    ("URI", Key("httpd.uri"), Idle, "http://IP_ADDRESS:PORT", "nor had it in the predecessor")
};
