{{/* Values that the schema allows one by one and that cannot work together. Called with the root. */}}
{{- define "launcher.refusals" -}}
{{- $root := . -}}
{{- $own := dict "PORT" "port" "K8S_BUILD_TOKEN_SECRET" "buildTokenSecret" -}}
{{- $secretEnv := .Values.secretEnv | default dict -}}
{{- $environments := dict "env" .Values.env "secretEnv" $secretEnv -}}
{{- range $worker, $values := .Values.workers -}}
{{- $_ := set $environments (printf "workers.%s.env" $worker) $values.env -}}
{{- end -}}
{{- range $place, $environment := $environments -}}
{{- range $variable, $value := $environment -}}
{{- if hasKey $own $variable -}}
{{- printf "%s.%s: set the value %s instead, from which more is made than this variable" $place $variable (get $own $variable) | fail -}}
{{- else if and (ne $place "secretEnv") (hasKey $secretEnv $variable) -}}
{{- printf "%s.%s: it is in secretEnv too, and a container has each variable once" $place $variable | fail -}}
{{- else if and (ne $place "env") (has $variable (list "K8S_JOBS_NAMESPACE" "NODE_CONFIG")) -}}
{{- if not (and (eq $variable "NODE_CONFIG") (eq $place "secretEnv")) -}}
{{- printf "%s.%s: put it into env, since both workers and the rights that they get go by it" $place $variable | fail -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{- $theirs := dict "podLabels" .Values.podLabels "podAnnotations" .Values.podAnnotations -}}
{{- range list "serviceMonitor" "prometheusRule" "dashboard" -}}
{{- $_ := set $theirs (printf "%s.labels" .) (get $root.Values .).labels -}}
{{- end -}}
{{- $ours := include "launcher.labels" (dict "root" . "worker" "any") | fromYaml | keys -}}
{{- $ours = append $ours "checksum/config" -}}
{{- range $place, $names := $theirs -}}
{{- range $name, $value := $names -}}
{{- if has $name $ours }}{{ printf "%s: the chart itself sets %s" $place $name | fail }}{{ end -}}
{{- end -}}
{{- end -}}

{{- $layers := (include "launcher.layers" (dict "root" . "worker" "start-worker") | fromJson).layers -}}
{{- range $name, $executor := include "launcher.executors" . | fromJson -}}
{{- $path := list "executor" $name "options" "kubernetes" "buildTokenSecret" -}}
{{- $said := include "launcher.lookup" (dict "layers" $layers "path" $path) -}}
{{- $asked := include "launcher.true" $said -}}
{{- if and $asked (not $root.Values.buildTokenSecret) -}}
{{- printf "buildTokenSecret has to be true: executor %s asks for it, and start-worker would have no right to make Secrets" $name | fail -}}
{{- else if and $said (not $asked) (not $executor.builtIn) $root.Values.buildTokenSecret -}}
{{- printf "buildTokenSecret is true, but executor %s leaves tokens in its pods: take its own buildTokenSecret out" $name | fail -}}
{{- end -}}
{{- end -}}

{{/* What the predecessor had for Jenkins is of no use, and a secret all the same. */}}
{{- range $place, $environment := $environments -}}
{{- if include "launcher.text" (get ($environment | default dict) "EXECUTOR_JENKINS_PASSWORD") -}}
{{- printf "%s.EXECUTOR_JENKINS_PASSWORD: Jenkins is not supported: take the password out" $place | fail -}}
{{- end -}}
{{- end -}}
{{- range $worker, $values := $root.Values.workers -}}
{{- $layers := (include "launcher.layers" (dict "root" $root "worker" $worker) | fromJson).layers -}}
{{- if include "launcher.lookup" (dict "layers" $layers "path" (list "executor" "jenkins" "options" "jenkins" "password")) -}}
{{- fail "executor.jenkins.options.jenkins.password in config or NODE_CONFIG: Jenkins is not supported: take the password out" -}}
{{- end -}}
{{- end -}}

{{/* What is in the file or in a variable is read by everyone who may read ConfigMaps or Deployments. */}}
{{- range $variable, $key := include "launcher.secrets" . | fromYaml -}}
{{- range $place, $environment := $environments -}}
{{- if and (ne $place "secretEnv") (include "launcher.text" (get ($environment | default dict) $variable)) -}}
{{- printf "%s.%s: it is a secret, which is not read from values: put it into a Secret, and name that in secretEnv.%s" $place $variable $variable | fail -}}
{{- end -}}
{{- end -}}
{{- range $worker, $values := $root.Values.workers -}}
{{- $layers := (include "launcher.layers" (dict "root" $root "worker" $worker) | fromJson).layers -}}
{{- $names := list "" -}}
{{- if contains "*" $key -}}
{{- $names = list -}}
{{- range $layers }}{{ if kindIs "map" .executor }}{{ $names = concat $names (keys .executor) }}{{ end }}{{ end -}}
{{- end -}}
{{- range $name := $names -}}
{{- $path := list -}}
{{- range splitList "." $key }}{{ $path = append $path (ternary $name . (eq . "*")) }}{{ end -}}
{{- if include "launcher.lookup" (dict "layers" $layers "path" $path) -}}
{{- $place := join "." $path -}}
{{- $instead := printf "name that in secretEnv.%s" $variable -}}
{{- if not (has $name (list "" "k8s" "k8s-sandbox" "k8s-vm")) -}}
{{- $instead = printf "name its file, mounted, in %sFile" $place -}}
{{- end -}}
{{- printf "%s in config or NODE_CONFIG: it is a secret, which is not read from values: put it into a Secret, and %s" $place $instead | fail -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{- range $worker, $values := .Values.workers -}}
{{- if gt (int $values.autoscaling.minReplicas) (int $values.autoscaling.maxReplicas) -}}
{{- printf "workers.%s.autoscaling: minReplicas is above maxReplicas" $worker | fail -}}
{{- end -}}
{{- $drain := (include "launcher.setting" (dict "root" $root "worker" $worker "name" "drain") | fromJson).value | nospace -}}
{{- $number := regexFind "^[0-9.]+" $drain -}}
{{- $seconds := mulf (float64 $number) (get (dict "ms" 0.001 "s" 1 "m" 60 "h" 3600) (trimPrefix $number $drain) | default 0) -}}
{{- if ge (addf $seconds 2) (float64 $root.Values.terminationGracePeriodSeconds) -}}
{{- printf "terminationGracePeriodSeconds has to be above DRAIN_TIMEOUT (%s) and 2 s for the flush of traces" $drain | fail -}}
{{- end -}}
{{- end -}}
{{- end -}}
