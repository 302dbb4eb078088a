//! The predecessor's variables, all of them, with its names, places and meanings.
//!
//! Those that nothing reads any more are accepted, so that its deployments start unchanged.

use super::{
    ALL, K8S,
    Kind::{Boolean, Json, List, Number, Secret, Text, Url},
    PODS,
    Place::{Key, Nowhere, Options},
    SANDBOX, VM, Variable, row, rows,
};

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
    ("K8S_JOBS_NAMESPACE", Options(ALL, "kubernetes.jobsNamespace"), Text, "",
        "namespace of build pods (default)")
    ("CIRCUIT_TIMEOUT", Options(ALL, "fusebox.breaker.timeout"), Number, "10000",
        "milliseconds that one call to the API server may take")
    ("REQUEST_RETRYDELAY", Nowhere, Number, "", "no effect: retries go through the broker")
    ("REQUEST_MAXATTEMPTS", Nowhere, Number, "", "no effect: retries go through the broker")
    ("K8S_POD_STATUSQUERY_DELAY", Nowhere, Number, "", "no effect, as in the predecessor")

    // The pod
    ("EXECUTOR_PREFIX", Options(ALL, "prefix"), Text, "", "prefix of names, labels and cache folders")
    ("LAUNCH_IMAGE", Options(ALL, "launchImage"), Text, "screwdrivercd/launcher", "image of the launcher")
    ("LAUNCH_VERSION", Options(ALL, "launchVersion"), Text, "stable", "tag of the launcher's image")
    ("K8S_BASE_IMAGE", Options(VM, "kubernetes.baseImage"), Text, "", "image of the virtual machine's runner")
    ("K8S_BUILD_TIMEOUT", Options(PODS, "kubernetes.buildTimeout"), Number, "90", "minutes a build may run")
    ("K8S_MAX_BUILD_TIMEOUT", Options(PODS, "kubernetes.maxBuildTimeout"), Number, "120",
        "most minutes that a job may ask for")
    ("K8S_VM_BUILD_TIMEOUT", Options(VM, "kubernetes.buildTimeout"), Number, "90", "minutes a build may run")
    ("K8S_VM_MAX_BUILD_TIMEOUT", Options(VM, "kubernetes.maxBuildTimeout"), Number, "120",
        "most minutes that a job may ask for")
    ("TERMINATION_GRACE_PERIOD_SECONDS", Options(ALL, "kubernetes.terminationGracePeriodSeconds"), Number,
        "60", "seconds that a build's pod gets to end; jobs may ask for more")
    ("K8S_SERVICE_ACCOUNT_NAME", Options(PODS, "kubernetes.serviceAccount"), Text, "",
        "service account of build pods (default)")
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
    ("SD_HAB_ENABLED", Options(ALL, "sdHabEnabled"), Boolean, "true", "SD_HAB_ENABLED of the build")
    ("K8S_LIFECYCLE_HOOKS", Options(PODS, "kubernetes.lifecycleHooks"), Json, "",
        "lifecycle of the build container, a Kubernetes object")
    ("K8S_POD_LABELS", Options(ALL, "kubernetes.podLabels"), Json, "{}", "further labels of the pod")
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
    ("K8S_CPU_MICRO", Options(ALL, "kubernetes.resources.cpu.micro"), Number, "1", "cores of cpu: MICRO")
    ("K8S_CPU_LOW", Options(ALL, "kubernetes.resources.cpu.low"), Number, "2", "cores of cpu: LOW")
    ("K8S_CPU_HIGH", Options(ALL, "kubernetes.resources.cpu.high"), Number, "6", "cores of cpu: HIGH")
    ("K8S_CPU_TURBO", Options(ALL, "kubernetes.resources.cpu.turbo"), Number, "12", "cores of cpu: TURBO")
    ("K8S_CPU_MAX", Options(ALL, "kubernetes.resources.cpu.max"), Number, "12",
        "most cores a job may ask for")
    ("K8S_MEMORY_MICRO", Options(ALL, "kubernetes.resources.memory.micro"), Number, "1", "GB of ram: MICRO")
    ("K8S_MEMORY_LOW", Options(ALL, "kubernetes.resources.memory.low"), Number, "2", "GB of ram: LOW")
    ("K8S_MEMORY_HIGH", Options(ALL, "kubernetes.resources.memory.high"), Number, "12", "GB of ram: HIGH")
    ("K8S_MEMORY_TURBO", Options(ALL, "kubernetes.resources.memory.turbo"), Number, "16", "GB of ram: TURBO")
    ("K8S_MEMORY_MAX", Options(ALL, "kubernetes.resources.memory.max"), Number, "16",
        "most GB a job may ask for")
    ("K8S_DISK_LABEL", Options(VM, "kubernetes.resources.disk.space"), Text, "",
        "label key of nodes by disk space, selected by the disk annotation")
    ("K8S_DISK_SPEED_LABEL", Options(VM, "kubernetes.resources.disk.speed"), Text, "",
        "label key of nodes by disk speed, selected by the diskSpeed annotation")

    // Jenkins: the predecessor maps these and ships no executor that would read them
    ("WEIGHT_JENKINS", Nowhere, Number, "", "no effect: there is no Jenkins executor")
    ("EXECUTOR_JENKINS_HOST", Nowhere, Text, "", "no effect: there is no Jenkins executor")
    ("EXECUTOR_JENKINS_PORT", Nowhere, Text, "", "no effect: there is no Jenkins executor")
    ("EXECUTOR_JENKINS_USERNAME", Nowhere, Text, "", "no effect: there is no Jenkins executor")
    ("EXECUTOR_JENKINS_PASSWORD", Nowhere, Secret, "", "no effect: there is no Jenkins executor")
    ("EXECUTOR_JENKINS_NODE_LABEL", Nowhere, Text, "", "no effect: there is no Jenkins executor")
    ("EXECUTOR_JENKINS_BUILD_TIMEOUT", Nowhere, Number, "", "no effect: there is no Jenkins executor")
    ("EXECUTOR_JENKINS_MAX_BUILD_TIMEOUT", Nowhere, Number, "", "no effect: there is no Jenkins executor")
    ("EXECUTOR_JENKINS_DOCKER_COMPOSE_COMMAND", Nowhere, Text, "", "no effect: there is no Jenkins executor")
    ("EXECUTOR_JENKINS_DOCKER_PREFIX", Nowhere, Text, "", "no effect: there is no Jenkins executor")
    ("EXECUTOR_JENKINS_LAUNCH_VERSION", Nowhere, Text, "", "no effect: there is no Jenkins executor")
    ("EXECUTOR_JENKINS_DOCKER_MEMORY", Nowhere, Text, "", "no effect: there is no Jenkins executor")
    ("EXECUTOR_JENKINS_DOCKER_MEMORY_LIMIT", Nowhere, Text, "", "no effect: there is no Jenkins executor")
    ("EXECUTOR_JENKINS_BUILD_SCRIPT", Nowhere, Text, "", "no effect: there is no Jenkins executor")
    ("EXECUTOR_JENKINS_CLEANUP_SCRIPT", Nowhere, Text, "", "no effect: there is no Jenkins executor")
    ("EXECUTOR_JENKINS_CLEANUP_TIME_LIMIT", Nowhere, Number, "", "no effect: there is no Jenkins executor")
    ("EXECUTOR_JENKINS_CLEANUP_WATCH_INTERVAL", Nowhere, Number, "",
        "no effect: there is no Jenkins executor")

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
    ("CACHE_COMPRESS", Key("ecosystem.cache.compress"), Boolean, "false",
        "whether disk caches are compressed")
    ("CACHE_MD5CHECK", Key("ecosystem.cache.md5check"), Boolean, "false",
        "whether disk caches are checksummed")
    ("CACHE_MAX_SIZE_MB", Key("ecosystem.cache.max_size_mb"), Number, "0", "most MB of a cache; 0: no limit")
    ("CACHE_MAX_GO_THREADS", Key("ecosystem.cache.max_go_threads"), Number, "10000",
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
    ("RABBITMQ_BUILD_INIT_TIMEOUT", Key("rabbitmq.initTimeout"), Number, "5",
        "minutes after which a build that is not running is told to its user")

    // Health
    ("PORT", Key("httpd.port"), Number, "80", "port of health and metrics")
    ("HOST", Key("httpd.host"), Text, "0.0.0.0", "address of health and metrics")
    ("URI", Nowhere, Text, "", "no effect, as in the predecessor")
};
