//! Kubernetes: the `scale` subresource of a workload is patched, as `kubectl scale` does. One request of a published
//! interface, so that no client library is needed.

use super::ActuatorSettings;
use super::hook::{agent, ended, token};
use crate::engine::Execution;

/// Where a pod finds the token and the certificate of its service account.
const ACCOUNT: &str = "/var/run/secrets/kubernetes.io/serviceaccount";

pub(super) fn scale(settings: &ActuatorSettings, execution: &Execution) -> Result<String, String> {
    let within = |name: &str| {
        let path = format!("{ACCOUNT}/{name}");
        std::path::Path::new(&path).exists().then_some(path)
    };
    let mut settings = settings.clone();
    settings.ca_file = settings.ca_file.or_else(|| within("ca.crt"));
    settings.token_file = settings.token_file.or_else(|| within("token"));
    let url = address(&settings)?;
    let body = serde_json::json!({"spec": {"replicas": execution.jobs}}).to_string();
    let mut request = agent(&settings)?.patch(&url).content_type("application/merge-patch+json");
    if let Some(token) = token(settings.token_file.as_deref())? {
        request = request.header("Authorization", format!("Bearer {token}"));
    }
    ended(request.send(body))
}

fn address(settings: &ActuatorSettings) -> Result<String, String> {
    let server = match &settings.url {
        Some(url) => url.trim_end_matches('/').to_owned(),
        None => {
            let found = |name| std::env::var(name).ok();
            let host = found("KUBERNETES_SERVICE_HOST").ok_or("no `url`, and not in a cluster")?;
            let port = found("KUBERNETES_SERVICE_PORT").unwrap_or_else(|| "443".to_owned());
            if host.contains(':') {
                format!("https://[{host}]:{port}")
            } else {
                format!("https://{host}:{port}")
            }
        }
    };
    let part = |text: &Option<String>, usual: &str| text.clone().unwrap_or_else(|| usual.to_owned());
    let (namespace, name) = (part(&settings.namespace, ""), part(&settings.name, ""));
    let resource = part(&settings.resource, "deployments");
    let plain = |text: &str| text.chars().all(|c| c.is_ascii_alphanumeric() || "-.".contains(c));
    if ![&namespace, &name, &resource].iter().all(|text| !text.is_empty() && plain(text)) {
        return Err("namespace, resource and name are letters, digits, `-` and `.`".to_owned());
    }
    Ok(format!("{server}/apis/apps/v1/namespaces/{namespace}/{resource}/{name}/scale"))
}
