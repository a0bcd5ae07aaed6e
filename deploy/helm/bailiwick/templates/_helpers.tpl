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

{{/* Where the services find each other: also while they are not ready, because they become ready by it. */}}
{{- define "bailiwick.peer" -}}
{{ ternary "https" "http" (ne .root.Values.tls.server "") }}://{{ .root.Release.Name }}-{{ .name }}-peers.{{ .root.Release.Namespace }}.svc:{{ .root.Values.ports.internal }}
{{- end }}

{{/* The variables of all processes; those of `config` take the place of the chart's own. */}}
{{- define "bailiwick.config" -}}
{{- $own := dict
  "BAILIWICK__SERVER__LISTEN" (printf "0.0.0.0:%v" .Values.ports.grpc)
  "BAILIWICK__SERVER__INTERNAL_LISTEN" (printf "0.0.0.0:%v" .Values.ports.internal)
  "BAILIWICK__SERVER__HTTP_LISTEN" (printf "0.0.0.0:%v" .Values.ports.http)
  "BAILIWICK__SERVER__HEALTH_LISTEN" (printf "0.0.0.0:%v" .Values.ports.health)
}}
{{- range $name := list "identity" "tenancy" "authorization" }}
{{- $_ := set $own (printf "BAILIWICK__PEERS__%s" (upper $name)) (include "bailiwick.peer" (dict "root" $ "name" $name)) }}
{{- $_ := set $own (printf "BAILIWICK__INTERNAL__%s__PUBLIC_KEYS_FILE" (upper $name)) (printf "/etc/bailiwick/internal/%s.pub" $name) }}
{{- end }}
{{- if .Values.tls.server }}
{{- $_ := set $own "BAILIWICK__SERVER__TLS__CERT_FILE" "/etc/bailiwick/tls/tls.crt" }}
{{- $_ := set $own "BAILIWICK__SERVER__TLS__KEY_FILE" "/etc/bailiwick/tls/tls.key" }}
{{- $_ := set $own "BAILIWICK__PEERS__CONNECTION__CA_FILE" "/etc/bailiwick/tls/ca.crt" }}
{{- end }}
{{- if .Values.tls.redis }}
{{- $_ := set $own "BAILIWICK__AUTHORIZATION__REDIS__CA_FILE" "/etc/bailiwick/redis/ca.crt" }}
{{- end }}
{{- toYaml (merge (dict) .Values.config $own) }}
{{- end }}

{{/* A read-only root leaves these places to write to, and certificates to read. */}}
{{- define "bailiwick.mounts" -}}
- {name: data, mountPath: /var/lib/bailiwick}
- {name: tmp, mountPath: /tmp}
- {name: internal, mountPath: /etc/bailiwick/internal, readOnly: true}
{{- if .root.Values.tls.server }}
- {name: tls, mountPath: /etc/bailiwick/tls, readOnly: true}
{{- end }}
{{- if and (eq .name "authorization") .root.Values.tls.redis }}
- {name: redis-tls, mountPath: /etc/bailiwick/redis, readOnly: true}
{{- end }}
{{- end }}

{{/* What one service, and its migration, need: its own database alone; `direct` names the secret with the URL past a pooler. */}}
{{- define "bailiwick.environment" -}}
envFrom:
  - configMapRef: {name: {{ .root.Release.Name }}-config}
env:
  - name: BAILIWICK__INTERNAL__{{ .name | upper }}__KEY_FILE
    value: /etc/bailiwick/internal/{{ .name }}.key
  - name: BAILIWICK__INTEGRITY__SECRET
    valueFrom: {secretKeyRef: {name: {{ .root.Values.secrets.integrity }}, key: secret}}
  - name: BAILIWICK__INTEGRITY__PREVIOUS_SECRET
    valueFrom: {secretKeyRef: {name: {{ .root.Values.secrets.integrity }}, key: previous, optional: true}}
  - name: BAILIWICK__DATABASE__{{ .name | upper }}__URL
    valueFrom: {secretKeyRef: {name: {{ .root.Values.secrets.databases }}, key: {{ .name }}}}
  {{- if and (eq .name "identity") .root.Values.secrets.keyEncryption }}
  - name: BAILIWICK__IDENTITY__KEY_ENCRYPTION_SECRET
    valueFrom: {secretKeyRef: {name: {{ .root.Values.secrets.keyEncryption }}, key: key}}
  {{- end }}
  {{- with .direct }}
  - name: BAILIWICK__DATABASE__{{ $.name | upper }}__DIRECT_URL
    valueFrom: {secretKeyRef: {name: {{ . }}, key: {{ $.name }}}}
  {{- end }}
  {{- if and (eq .name "authorization") .root.Values.secrets.redis }}
  - name: BAILIWICK__AUTHORIZATION__REDIS__URL
    valueFrom: {secretKeyRef: {name: {{ .root.Values.secrets.redis }}, key: url}}
  {{- end }}
{{- end }}
