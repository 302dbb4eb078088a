{{/*
The beginning of all names, as every kind of object may have it: short enough for the longest ending, "-verify-worker",
within 63 characters, with a hash of the whole where something was cut off, so that two long names stay two; without the
dots that a release's name may have; and no digit first, which a Service may not have.
Whatever may look like a number or a boolean is written with toYaml, which quotes it then.
*/}}
{{- define "launcher.fullname" -}}
{{- $name := default .Chart.Name .Values.nameOverride -}}
{{- $full := .Values.fullnameOverride -}}
{{- if not $full -}}
{{- $full = contains $name .Release.Name | ternary .Release.Name (printf "%s-%s" .Release.Name $name) -}}
{{- end -}}
{{- $full = replace "." "-" $full -}}
{{- if regexMatch "^[0-9]" $full }}{{ $full = printf "r%s" $full }}{{ end -}}
{{- if gt (len $full) 40 -}}
{{- $full = printf "%s-%s" (trunc 31 $full | trimAll "-") (sha256sum $full | trunc 8) -}}
{{- end -}}
{{- trimAll "-" $full -}}
{{- end -}}

{{/* The name of a worker's objects. Called with a dict of root and worker, as the others below. */}}
{{- define "launcher.name" -}}
{{- printf "%s-%s" (include "launcher.fullname" .root) .worker -}}
{{- end -}}

{{/* Labels that select the pods of one worker. */}}
{{- define "launcher.selector" -}}
app.kubernetes.io/name: {{ default .root.Chart.Name .root.Values.nameOverride | toYaml }}
app.kubernetes.io/instance: {{ .root.Release.Name | toYaml }}
app.kubernetes.io/component: {{ .worker }}
{{- end -}}

{{/* All labels of an object: `worker` is whose it is, or what it is for if it is both workers'. */}}
{{- define "launcher.labels" -}}
{{ include "launcher.selector" . }}
app.kubernetes.io/version: {{ .root.Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .root.Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .root.Chart.Name .root.Chart.Version | quote }}
{{- end -}}
