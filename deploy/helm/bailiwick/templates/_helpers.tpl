{{- define "bailiwick.labels" -}}
app.kubernetes.io/part-of: bailiwick
app.kubernetes.io/instance: {{ .root.Release.Name }}
app.kubernetes.io/version: {{ .root.Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .root.Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .root.Chart.Name .root.Chart.Version }}
{{ include "bailiwick.selector" . }}
{{- end }}

{{- define "bailiwick.selector" -}}
app.kubernetes.io/name: bailiwick-{{ .name }}
app.kubernetes.io/component: {{ .name }}
{{- end }}

{{- define "bailiwick.image" -}}
{{ .Values.image.repository }}:{{ .Values.image.tag | default .Chart.AppVersion }}
{{- end }}

{{/* Where the services find each other. */}}
{{- define "bailiwick.peer" -}}
http://{{ .root.Release.Name }}-{{ .name }}.{{ .root.Release.Namespace }}.svc:{{ .root.Values.ports.grpc }}
{{- end }}

{{/* What one service, and its migration, need: its own database alone. */}}
{{- define "bailiwick.environment" -}}
envFrom:
  - configMapRef: {name: {{ .root.Release.Name }}-config}
env:
  - name: BAILIWICK__INTERNAL__KEY
    valueFrom: {secretKeyRef: {name: {{ .root.Values.secrets.internal }}, key: key}}
  {{- with .root.Values.secrets.integrity }}
  - name: BAILIWICK__INTEGRITY__SECRET
    valueFrom: {secretKeyRef: {name: {{ . }}, key: secret}}
  - name: BAILIWICK__INTEGRITY__PREVIOUS_SECRET
    valueFrom: {secretKeyRef: {name: {{ . }}, key: previous, optional: true}}
  {{- end }}
  - name: BAILIWICK__DATABASE__{{ .name | upper }}__URL
    valueFrom: {secretKeyRef: {name: {{ .root.Values.secrets.databases }}, key: {{ .name }}}}
  {{- if and (eq .name "authorization") .root.Values.secrets.redis }}
  - name: BAILIWICK__AUTHORIZATION__REDIS__URL
    valueFrom: {secretKeyRef: {name: {{ .root.Values.secrets.redis }}, key: url}}
  {{- end }}
{{- end }}
