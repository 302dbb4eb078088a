{{/* The beginning of all names. Long enough for the longest ending, "-verify-worker", within 63 characters. */}}
{{- define "launcher.fullname" -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride | trunc 40 | trimSuffix "-" -}}
{{- else -}}
{{- $name := default .Chart.Name .Values.nameOverride -}}
{{- if contains $name .Release.Name -}}
{{- .Release.Name | trunc 40 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name $name | trunc 40 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{/* Labels that select the pods of one worker. Called with a dict of root and worker. */}}
{{- define "launcher.selector" -}}
app.kubernetes.io/name: {{ default .root.Chart.Name .root.Values.nameOverride }}
app.kubernetes.io/instance: {{ .root.Release.Name }}
app.kubernetes.io/component: {{ .worker }}
{{- end -}}

{{/* All labels of an object of one worker. */}}
{{- define "launcher.labels" -}}
{{ include "launcher.selector" . }}
app.kubernetes.io/version: {{ .root.Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .root.Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .root.Chart.Name .root.Chart.Version | quote }}
{{- end -}}

{{/*
One setting of the broker as a worker will read it: its own environment wins over that of both, and this over the file;
an empty variable is not set. Called with a dict of root, worker, variable, key and default.
*/}}
{{- define "launcher.rabbitmq" -}}
{{- $env := mergeOverwrite (deepCopy .root.Values.env) ((index .root.Values.workers .worker).env | default dict) -}}
{{- $value := "" -}}
{{- if hasKey $env .variable }}{{ $value = get $env .variable | toString }}{{ end -}}
{{- if eq $value "" -}}
{{- $value = dig "rabbitmq" .key .default .root.Values.config | toString -}}
{{- end -}}
{{- $value -}}
{{- end -}}

{{/* Called with a dict of root and worker, as the next one. */}}
{{- define "launcher.queue" -}}
{{- include "launcher.rabbitmq" (dict "root" .root "worker" .worker "variable" "RABBITMQ_QUEUE" "key" "queue" "default" "test") -}}
{{- end -}}

{{- define "launcher.vhost" -}}
{{- include "launcher.rabbitmq" (dict "root" .root "worker" .worker "variable" "RABBITMQ_VIRTUAL_HOST" "key" "vhost" "default" "/screwdriver") | trimPrefix "/" | default "/" -}}
{{- end -}}

{{/* The queues of one worker, as JSON: what it consumes, never the delay queues, which are not load. */}}
{{- define "launcher.queues" -}}
{{- $queue := include "launcher.queue" . -}}
{{- if eq .worker "start-worker" -}}
{{- list $queue (printf "%s.starts.v1" $queue) | toJson -}}
{{- else -}}
{{- $queues := list (printf "%s.checks.v1" $queue) -}}
{{- $retry := include "launcher.rabbitmq" (dict "root" .root "worker" .worker "variable" "RABBITMQ_RETRYQUEUE_ENABLED" "key" "retryQueueEnabled" "default" "false") -}}
{{- if has (lower $retry) (list "true" "on" "yes" "y" "1") -}}
{{- $queues = append $queues (include "launcher.rabbitmq" (dict "root" .root "worker" .worker "variable" "RABBITMQ_RETRYQUEUE" "key" "retryQueue" "default" "sdRetryQueue")) -}}
{{- end -}}
{{- $queues | toJson -}}
{{- end -}}
{{- end -}}

{{/* Where pods are made: the one namespace in which the workers have their rights, unless the file says otherwise. */}}
{{- define "launcher.jobsNamespace" -}}
{{- $namespaces := .Values.buildNamespaces | default (list .Release.Namespace) -}}
{{- if and (eq (len $namespaces) 1) (not (contains "jobsNamespace" (.Values.config | toJson))) -}}
K8S_JOBS_NAMESPACE: {{ first $namespaces | quote }}
{{- end -}}
{{- end -}}
