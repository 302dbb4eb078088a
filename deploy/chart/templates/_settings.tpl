{{/*
What templates must know of the workers' settings, read as the workers will read them: a variable of `env` goes over
NODE_CONFIG, and this over the file; an empty variable is unset. What stands in a Secret, in an `envFrom` or in JSON5 is
out of a template's sight. It is asked for where it can be seen, because a Role or a ScaledObject that is made by a guess
would be for another namespace or queue.
*/}}

{{/* The variables that templates see of one worker, as JSON. Called with a dict of root and worker. */}}
{{- define "launcher.environment" -}}
{{- $env := deepCopy (.root.Values.env | default dict) -}}
{{- range $name, $value := (index .root.Values.workers .worker).env -}}
{{- $_ := set $env $name $value -}}
{{- end -}}
{{- toJson $env -}}
{{- end -}}

{{/* A value as the text of a variable; nothing for null. */}}
{{- define "launcher.text" -}}
{{- if kindIs "string" . }}{{ . }}{{ else if not (kindIs "invalid" .) }}{{ toJson . }}{{ end -}}
{{- end -}}

{{/*
NODE_CONFIG and the file as JSON: `layers` in the order in which they win, and in `hidden` what may say more without being
seen. Called with a dict of root and worker.
*/}}
{{- define "launcher.layers" -}}
{{- $env := include "launcher.environment" . | fromJson -}}
{{- $text := include "launcher.text" (get $env "NODE_CONFIG") -}}
{{- $layers := list (.root.Values.config | default dict) -}}
{{- $hidden := "" -}}
{{- if $text -}}
{{- $parsed := fromJson $text -}}
{{- if hasKey $parsed "Error" -}}
{{- $hidden = "env.NODE_CONFIG, which is not plain JSON," -}}
{{- else -}}
{{- $layers = prepend $layers $parsed -}}
{{- end -}}
{{- else if hasKey (.root.Values.secretEnv | default dict) "NODE_CONFIG" -}}
{{- $hidden = "secretEnv.NODE_CONFIG" -}}
{{- else if and .root.Values.envFrom (not (hasKey $env "NODE_CONFIG")) -}}
{{- $hidden = "envFrom" -}}
{{- end -}}
{{- dict "layers" $layers "hidden" $hidden | toJson -}}
{{- end -}}

{{/* What the first layer that has these keys says there, as text. Called with a dict of layers and path. */}}
{{- define "launcher.lookup" -}}
{{- $found := "" -}}
{{- range reverse .layers -}}
{{- $at := . -}}
{{- range $.path -}}
{{- if kindIs "map" $at }}{{ $at = get $at . }}{{ else }}{{ $at = "" }}{{ end -}}
{{- end -}}
{{- $found = include "launcher.text" $at | default $found -}}
{{- end -}}
{{- $found -}}
{{- end -}}

{{/* The settings from which templates make something: one line of docs/CONFIGURATION.md each. */}}
{{- define "launcher.known" -}}
queue: {variable: RABBITMQ_QUEUE, key: rabbitmq.queue, default: test}
vhost: {variable: RABBITMQ_VIRTUAL_HOST, key: rabbitmq.vhost, default: /screwdriver}
retryQueue: {variable: RABBITMQ_RETRYQUEUE, key: rabbitmq.retryQueue, default: sdRetryQueue}
retryQueueEnabled: {variable: RABBITMQ_RETRYQUEUE_ENABLED, key: rabbitmq.retryQueueEnabled, default: "false"}
port: {variable: RABBITMQ_PORT, key: rabbitmq.port, default: "5672"}
api: {variable: ECOSYSTEM_API, key: ecosystem.api, default: "https://api.screwdriver.cd"}
collector: {variable: OTEL_EXPORTER_OTLP_ENDPOINT, key: telemetry.otlpEndpoint, default: ""}
tracesCollector: {variable: OTEL_EXPORTER_OTLP_TRACES_ENDPOINT, key: telemetry.otlpTracesEndpoint, default: ""}
metricsCollector: {variable: OTEL_EXPORTER_OTLP_METRICS_ENDPOINT, key: telemetry.otlpMetricsEndpoint, default: ""}
legacyConsumers: {variable: START_LEGACY_CONSUMERS, key: start.legacyConsumers, default: "false"}
drain: {variable: DRAIN_TIMEOUT, key: shutdown.drain, default: 25s}
{{- end -}}

{{/* The settings that are secrets: all of docs/CONFIGURATION.md whose form is that. `*` is any executor. */}}
{{- define "launcher.secrets" -}}
RABBITMQ_PASSWORD: rabbitmq.password
K8S_TOKEN: executor.*.options.kubernetes.token
OTEL_EXPORTER_OTLP_HEADERS: telemetry.otlpHeaders
OTEL_EXPORTER_OTLP_TRACES_HEADERS: telemetry.otlpTracesHeaders
OTEL_EXPORTER_OTLP_METRICS_HEADERS: telemetry.otlpMetricsHeaders
{{- end -}}

{{/*
One of these, as JSON: its `value`, and in `hidden` what may set it out of sight. Called with a dict of root, worker and
name.
*/}}
{{- define "launcher.setting" -}}
{{- $known := get (include "launcher.known" . | fromYaml) .name -}}
{{- $env := include "launcher.environment" . | fromJson -}}
{{- $files := include "launcher.layers" . | fromJson -}}
{{- $value := include "launcher.text" (get $env $known.variable) -}}
{{- $hidden := "" -}}
{{- if eq $value "" -}}
{{- if hasKey (.root.Values.secretEnv | default dict) $known.variable -}}
{{- $hidden = printf "secretEnv.%s" $known.variable -}}
{{- else if and .root.Values.envFrom (not (hasKey $env $known.variable)) -}}
{{- $hidden = "envFrom" -}}
{{- else -}}
{{- $hidden = $files.hidden -}}
{{- end -}}
{{- $path := splitList "." $known.key -}}
{{- $value = include "launcher.lookup" (dict "layers" $files.layers "path" $path) | default $known.default -}}
{{- end -}}
{{- dict "value" $value "hidden" $hidden | toJson -}}
{{- end -}}

{{/* The same as text, for an object that must not be made by a guess. */}}
{{- define "launcher.seen" -}}
{{- $setting := include "launcher.setting" . | fromJson -}}
{{- if $setting.hidden -}}
{{- $variable := (get (include "launcher.known" . | fromYaml) .name).variable -}}
{{- printf "env.%s is needed: %s scales by its queues, and %s may name them where the chart cannot see it" $variable .worker $setting.hidden | fail -}}
{{- end -}}
{{- $setting.value -}}
{{- end -}}

{{/* Whether a text is one of the words for true. */}}
{{- define "launcher.true" -}}
{{- if has (lower (trim .)) (list "true" "yes" "on" "y" "1") }}true{{ end -}}
{{- end -}}

{{/* The ports that one worker has to reach, as JSON: those of the values and those that its settings name. */}}
{{- define "launcher.egressPorts" -}}
{{- $scope := . -}}
{{- $addresses := list -}}
{{- range include "launcher.executors" .root | fromJson }}{{ $addresses = append $addresses .host }}{{ end -}}
{{- range list "port" "api" "collector" "tracesCollector" "metricsCollector" -}}
{{- $setting := include "launcher.setting" (set $scope "name" .) | fromJson -}}
{{- if not $setting.hidden }}{{ $addresses = append $addresses $setting.value }}{{ end -}}
{{- end -}}
{{- $ports := list -}}
{{- range .root.Values.networkPolicy.egressPorts }}{{ $ports = append $ports (int .) }}{{ end -}}
{{- range $addresses -}}
{{- with regexFind "(^|:)[0-9]+(/|$)" . }}{{ $ports = append $ports (trimAll ":/" . | int) }}{{ end -}}
{{- end -}}
{{- uniq $ports | toJson -}}
{{- end -}}

{{/* The vhost by its name: the setting is the path of a URI, in which `/%2F` is `/`. Called as the next one. */}}
{{- define "launcher.vhost" -}}
{{- $path := include "launcher.seen" (set . "name" "vhost") | trimPrefix "/" -}}
{{- $path = $path | replace "?" "%3F" | replace "#" "%23" -}}
{{- (urlParse (printf "http://vhost/%s" $path)).path | trimPrefix "/" | default "/" -}}
{{- end -}}

{{/*
The queues of one worker, as JSON: what it consumes, never the delay queues, which are not load. Called with a dict of
root and worker.
*/}}
{{- define "launcher.queues" -}}
{{- $queue := include "launcher.seen" (set . "name" "queue") -}}
{{- if eq .worker "start-worker" -}}
{{- list $queue (printf "%s.starts.v1" $queue) | toJson -}}
{{- else -}}
{{- $queues := list (printf "%s.checks.v1" $queue) -}}
{{- if include "launcher.seen" (set . "name" "retryQueueEnabled") | include "launcher.true" -}}
{{- $queues = append $queues (include "launcher.seen" (set . "name" "retryQueue")) -}}
{{- end -}}
{{- $queues | toJson -}}
{{- end -}}
{{- end -}}
