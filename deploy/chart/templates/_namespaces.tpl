{{/*
Where build pods are made: workers get their rights there and nowhere else, so that no executor may be left to a namespace
without them. Everybody here is called with the root.
*/}}

{{/*
The executors as templates see them, as JSON by name: their `namespace`; whether it is their `own` or the one for all
others; whether they are `builtIn`, so that variables reach them; and their `host`, empty if it is this cluster.
*/}}
{{- define "launcher.executors" -}}
{{- $env := .Values.env | default dict -}}
{{- $layers := (include "launcher.layers" (dict "root" . "worker" "start-worker") | fromJson).layers -}}
{{- $named := include "launcher.text" (get $env "K8S_JOBS_NAMESPACE") -}}
{{- $others := $named | default (.Values.buildNamespaces | default (list .Release.Namespace) | first) -}}
{{- $builtIn := dict "k8s" "k8s" "k8s-sandbox" "k8s" "k8s-vm" "k8s-vm" -}}
{{- $names := keys $builtIn -}}
{{- $gone := dict -}}
{{- range reverse $layers -}}
{{- $executors := get . "executor" -}}
{{- if kindIs "map" $executors -}}
{{- range $name, $executor := $executors -}}
{{- $names = append $names $name -}}
{{- $_ := set $gone $name (kindIs "invalid" $executor) -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- $all := dict -}}
{{- range $name := without (uniq $names) "plugin" -}}
{{- $plugin := include "launcher.lookup" (dict "layers" $layers "path" (list "executor" $name "pluginName")) -}}
{{- $plugin = $plugin | default (get $builtIn $name) | default $name -}}
{{- if and (has $plugin (list "k8s" "k8s-vm")) (not (get $gone $name)) -}}
{{- $reached := hasKey $builtIn $name -}}
{{- $options := list "executor" $name "options" "kubernetes" -}}
{{- $own := include "launcher.lookup" (dict "layers" $layers "path" (append $options "jobsNamespace")) -}}
{{- $host := include "launcher.lookup" (dict "layers" $layers "path" (append $options "host")) -}}
{{- if $reached -}}
{{- $own = $named | default $own -}}
{{- $host = include "launcher.text" (get $env "K8S_HOST") | default $host -}}
{{- end -}}
{{- if hasPrefix "kubernetes.default" $host }}{{ $host = "" }}{{ end -}}
{{- $_ := set $all $name (dict "namespace" ($own | default $others) "own" (ne $own "") "builtIn" $reached "host" $host) -}}
{{- end -}}
{{- end -}}
{{- toJson $all -}}
{{- end -}}

{{/*
K8S_JOBS_NAMESPACE: the namespace of the built-in executors if it is one. Otherwise empty, which is unset, so that none
from elsewhere goes over those of the file.
*/}}
{{- define "launcher.jobsNamespace" -}}
{{- $namespaces := list -}}
{{- range include "launcher.executors" . | fromJson -}}
{{- if .builtIn }}{{ $namespaces = append $namespaces .namespace }}{{ end -}}
{{- end -}}
{{- if eq (len (uniq $namespaces)) 1 }}{{ first $namespaces }}{{ end -}}
{{- end -}}

{{/*
The file, with a namespace for every executor that would be left to `default`, and with `buildTokenSecret` for those that
its variable does not reach.
*/}}
{{- define "launcher.config" -}}
{{- $config := deepCopy (.Values.config | default dict) -}}
{{- $variable := include "launcher.jobsNamespace" . -}}
{{- range $name, $executor := include "launcher.executors" . | fromJson -}}
{{- if not (or $executor.own (and $executor.builtIn $variable)) -}}
{{- $kubernetes := dict "kubernetes" (dict "jobsNamespace" $executor.namespace) -}}
{{- $config = merge $config (dict "executor" (dict $name (dict "options" $kubernetes))) -}}
{{- end -}}
{{- if and $.Values.buildTokenSecret (not $executor.builtIn) -}}
{{- $kubernetes := dict "kubernetes" (dict "buildTokenSecret" true) -}}
{{- $config = merge $config (dict "executor" (dict $name (dict "options" $kubernetes))) -}}
{{- end -}}
{{- end -}}
{{- toYaml $config -}}
{{- end -}}

{{/* Where the workers get their rights, as JSON. */}}
{{- define "launcher.buildNamespaces" -}}
{{- $seen := list -}}
{{- range $name, $executor := include "launcher.executors" . | fromJson -}}
{{- if not $executor.host -}}
{{- $seen = append $seen $executor.namespace -}}
{{- if and $.Values.buildNamespaces (not (has $executor.namespace $.Values.buildNamespaces)) -}}
{{- printf "buildNamespaces lacks %s, where executor %s makes its pods: the workers would have no rights there" $executor.namespace $name | fail -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- $hidden := (include "launcher.layers" (dict "root" . "worker" "start-worker") | fromJson).hidden -}}
{{- $hidden = $hidden | default (ternary "" "envFrom" (empty .Values.envFrom)) -}}
{{- $named := get (.Values.env | default dict) "K8S_JOBS_NAMESPACE" -}}
{{- if and $hidden (not .Values.buildNamespaces) (not $named) -}}
{{- printf "buildNamespaces is needed: %s may name namespaces of build pods where the chart cannot see it" $hidden | fail -}}
{{- end -}}
{{- .Values.buildNamespaces | default (uniq $seen | sortAlpha) | default (list .Release.Namespace) | toJson -}}
{{- end -}}
