{{- define "trailgraph.name" -}}
{{- .Chart.Name | trunc 63 | trimSuffix "-" -}}
{{- end -}}

{{- define "trailgraph.fullname" -}}
{{- if contains .Chart.Name .Release.Name -}}
{{- .Release.Name | trunc 50 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name .Chart.Name | trunc 50 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}

{{- define "trailgraph.serviceAccountName" -}}
{{- if .Values.serviceAccount.create -}}
{{- default (include "trailgraph.fullname" .) .Values.serviceAccount.name -}}
{{- else -}}
{{- default "default" .Values.serviceAccount.name -}}
{{- end -}}
{{- end -}}

{{/* What never changes for a deployment: context, and the component "api" or "worker". */}}
{{- define "trailgraph.selector" -}}
app.kubernetes.io/name: {{ include "trailgraph.name" .context }}
app.kubernetes.io/instance: {{ .context.Release.Name }}
app.kubernetes.io/component: {{ .component }}
{{- end -}}

{{- define "trailgraph.labels" -}}
{{ include "trailgraph.selector" . }}
app.kubernetes.io/version: {{ .context.Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .context.Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .context.Chart.Name .context.Chart.Version | replace "+" "_" }}
{{- end -}}

{{- define "trailgraph.commonLabels" -}}
app.kubernetes.io/name: {{ include "trailgraph.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
{{- end -}}

{{/* The pods of a component, below `spec.template`. */}}
{{- define "trailgraph.pod" -}}
{{- $values := index .context.Values .component -}}
{{- $tls := and (eq .component "api") .context.Values.tls.existingSecret -}}
metadata:
  labels:
    {{- include "trailgraph.selector" . | nindent 4 }}
  {{- with $values.podAnnotations }}
  annotations:
    {{- toYaml . | nindent 4 }}
  {{- end }}
spec:
  serviceAccountName: {{ include "trailgraph.serviceAccountName" .context }}
  # Nothing here asks Kubernetes for anything; IRSA brings a token of its own.
  automountServiceAccountToken: false
  enableServiceLinks: false
  # TrailGraph ends within 30 s of SIGTERM.
  terminationGracePeriodSeconds: 40
  securityContext:
    runAsNonRoot: true
    runAsUser: 1000
    runAsGroup: 1000
    fsGroup: 1000
    seccompProfile:
      type: RuntimeDefault
  {{- with .context.Values.image.pullSecrets }}
  imagePullSecrets:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  containers:
    - name: {{ .component }}
      image: {{ printf "%s:%s" .context.Values.image.repository (default .context.Chart.AppVersion .context.Values.image.tag) | quote }}
      imagePullPolicy: {{ .context.Values.image.pullPolicy }}
      securityContext:
        allowPrivilegeEscalation: false
        readOnlyRootFilesystem: true
        capabilities:
          drop: [ALL]
      env:
        - name: ROLE
          value: {{ .component }}
        - name: {{ ternary "PORT" "METRICS_PORT" (eq .component "api") }}
          value: "4000"
        {{- range $key := .context.Values.secretKeys }}
        - name: {{ $key }}_FILE
          value: /etc/trailgraph/secrets/{{ $key }}
        {{- end }}
        {{- if $tls }}
        - name: TLS_CERT_FILE
          value: /etc/trailgraph/tls/tls.crt
        - name: TLS_KEY_FILE
          value: /etc/trailgraph/tls/tls.key
        {{- end }}
        {{- range $name, $value := .context.Values.settings }}
        - name: {{ $name }}
          value: {{ include "trailgraph.text" $value | quote }}
        {{- end }}
      ports:
        - name: http
          containerPort: 4000
      startupProbe:
        httpGet: { path: /livez, port: http, scheme: {{ ternary "HTTPS" "HTTP" (not (empty $tls)) }} }
        periodSeconds: 5
        # Migrations and indexes of much data are made before it listens.
        failureThreshold: 120
      livenessProbe:
        httpGet: { path: /livez, port: http, scheme: {{ ternary "HTTPS" "HTTP" (not (empty $tls)) }} }
        periodSeconds: 10
        timeoutSeconds: 5
      readinessProbe:
        httpGet: { path: /readyz, port: http, scheme: {{ ternary "HTTPS" "HTTP" (not (empty $tls)) }} }
        periodSeconds: 5
        timeoutSeconds: 5
      {{- if eq .component "api" }}
      lifecycle:
        preStop:
          exec:
            # Those who balance load hear of the end meanwhile.
            command: [sleep, "5"]
      {{- end }}
      resources:
        {{- toYaml $values.resources | nindent 8 }}
      volumeMounts:
        - name: secrets
          mountPath: /etc/trailgraph/secrets
          readOnly: true
        {{- if $tls }}
        - name: tls
          mountPath: /etc/trailgraph/tls
          readOnly: true
        {{- end }}
  volumes:
    - name: secrets
      secret:
        secretName: {{ required "existingSecret must name a Secret with MONGODB_URI, REDIS_URL and TRAILGRAPH_MASTER_KEY" .context.Values.existingSecret }}
        defaultMode: 0440
        items:
          {{- range $key := .context.Values.secretKeys }}
          - key: {{ $key }}
            path: {{ $key }}
          {{- end }}
    {{- if $tls }}
    - name: tls
      secret:
        secretName: {{ .context.Values.tls.existingSecret }}
        defaultMode: 0440
    {{- end }}
  topologySpreadConstraints:
    {{- range $key := list "topology.kubernetes.io/zone" "kubernetes.io/hostname" }}
    - maxSkew: 1
      topologyKey: {{ $key }}
      whenUnsatisfiable: ScheduleAnyway
      labelSelector:
        matchLabels:
          {{- include "trailgraph.selector" $ | nindent 10 }}
    {{- end }}
  {{- with $values.nodeSelector }}
  nodeSelector:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- with $values.tolerations }}
  tolerations:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- with $values.affinity }}
  affinity:
    {{- toYaml . | nindent 4 }}
  {{- end }}
{{- end -}}

{{/* Whole numbers come from YAML as floating point, and would be written as 1e+06. */}}
{{- define "trailgraph.text" -}}
{{- if kindIs "float64" . -}}
{{- if eq (floor .) . }}{{ int64 . }}{{ else }}{{ . }}{{ end -}}
{{- else -}}
{{ . }}
{{- end -}}
{{- end -}}
