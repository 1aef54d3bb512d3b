{{- define "evscale.name" -}}
{{- printf "%s" .Release.Name | trunc 50 | trimSuffix "-" -}}
{{- end -}}
{{- define "evscale.selector" -}}
app.kubernetes.io/name: evscale-server
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}
{{- define "evscale.labels" -}}
{{ include "evscale.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
{{- end -}}
{{- define "evscale.scheme" -}}
{{ if .Values.tlsSecret }}HTTPS{{ else }}HTTP{{ end }}
{{- end -}}
