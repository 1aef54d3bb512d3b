"""The chart, rendered by Helm and checked against the schemas of Kubernetes; `make test-server-full` builds Helm."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import yaml
from certificates import issue

ROOT = Path(__file__).resolve().parents[3]
CHART = ROOT / "deploy/helm/evscale-server"
HELM = os.environ.get("HELM", shutil.which("helm") or "")
BINARY = Path(os.environ.get("EVSCALE_SERVER", ROOT / "evscale-server/target/release/evscale-server"))
EVERYTHING: dict[str, Any] = {
    "keysSecret": "keys", "tlsSecret": "tls", "jwks": {"secret": "jwks", "issuer": "https://issuer", "audience": "evscale"},
    "keda": {"enabled": True, "scaledObjects": [{"pool": "orders", "deployment": "orders-worker", "min": 2, "max": 60}],
             "tls": {"enabled": True, "clientCaSecret": "keda-ca", "authentication": "evscale"}},
    "models": {"claim": "models"},
    "retraining": {"enabled": True, "image": "registry.example/evscale-train:1", "args": ["--source", "/data/orders.csv"],
                   "volumes": [{"name": "data", "persistentVolumeClaim": {"claimName": "data"}}], "volumeMounts": [{"name": "data", "mountPath": "/data"}]},
    "serviceMonitor": {"enabled": True, "keySecret": "reader"}, "scaleNamespaces": ["shop", "mail"],
    "networkPolicy": {"from": [{"namespaceSelector": {}}], "kedaFrom": [{"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "keda"}}}]},
    "settings": {"limits": {"pools": 50}, "kafka": {"brokers": "kafka:9092", "records_topic": "records"}, "log": {"level": "warn"}, "pools": {"orders": {"min_jobs": 2, "max_jobs": 60, "sla_target": 0.99, "time_zone": "Europe/Berlin"}},
                 "actuators": {"orders": {"kind": "kubernetes", "namespace": "shop", "name": "orders-worker", "automatic": True}}},
    "nodeSelector": {"disk": "ssd"}, "tolerations": [{"key": "a", "operator": "Exists"}], "imagePullSecrets": [{"name": "pull"}], "podAnnotations": {"a": "b"},
}


def render(values: dict[str, Any]) -> list[dict[str, Any]]:
    assert HELM, "helm is not there: make test-server-full builds it"
    rendered = subprocess.run([HELM, "template", "scaler", CHART, "--namespace", "evscale", "--kube-version", "1.33.0", "-f", "-"], input=json.dumps(values), capture_output=True, text=True, check=False)
    if rendered.returncode:
        raise AssertionError(rendered.stderr)
    return [part for part in yaml.safe_load_all(rendered.stdout) if part]


@pytest.mark.parametrize("values", [
    {"keysSecret": "keys"}, {"keysSecret": "keys", "storage": {"urlSecret": "database", "className": "fast"}},
    {"keysSecret": "keys", "replicas": 2, "storage": {"urlSecret": "database"}},
    {"keysSecret": "keys", "storage": {"className": "fast"}, "networkPolicy": {"enabled": False}, "podDisruptionBudget": {"enabled": False}}, EVERYTHING,
], ids=["least", "postgres", "standby", "bare", "everything"])
def test_what_is_rendered_is_what_kubernetes_knows(values: dict[str, Any], tmp_path: Path) -> None:
    parts = render(values)
    own = [part for part in parts if part["apiVersion"].split("/")[0] not in ("keda.sh", "monitoring.coreos.com")]
    for part in own:
        kubernetes_validate.validate(part, "1.33", strict=True)
    by_kind = {part["kind"]: part for part in parts}
    pod = by_kind["StatefulSet"]["spec"]["template"]["spec"]
    container = pod["containers"][0]
    assert container["securityContext"]["readOnlyRootFilesystem"] and pod["securityContext"]["runAsNonRoot"]
    mounted = {mount["name"] for mount in container["volumeMounts"]}
    declared = {volume["name"] for volume in pod["volumes"]} | {claim["metadata"]["name"] for claim in by_kind["StatefulSet"]["spec"].get("volumeClaimTemplates", [])}
    assert mounted == declared
    # the server itself reads the settings, with files where the chart says that they are
    settings = by_kind["ConfigMap"]["data"]["evscale.toml"]
    for folder in ("keys", "jwks", "tls", "keda-ca", "models"):
        (tmp_path / folder).mkdir()
    own = issue(tmp_path, "own")
    (tmp_path / "keys/keys.toml").write_text("")
    (tmp_path / "jwks/jwks.json").write_text('{"keys": [{"kty": "OKP", "crv": "Ed25519", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}]}')
    for source, secret in [(own.chain, "tls/tls.crt"), (own.key_file, "tls/tls.key"), (own.chain, "keda-ca/ca.crt")]:
        shutil.copy(source, tmp_path / secret)
    (tmp_path / "evscale.toml").write_text(settings.replace("/etc/evscale", str(tmp_path)).replace('"/models"', f'"{tmp_path}/models"'))
    secret = {"EVSCALE_STORAGE_URL": "postgres://u@h/d"} if values.get("storage", {}).get("urlSecret") else {}
    checked = subprocess.run([BINARY, "check", "--config", tmp_path / "evscale.toml"], capture_output=True, text=True, check=False, env={**os.environ, **secret})
    assert checked.returncode == 0, checked.stderr + settings


def test_everything_is_there() -> None:
    kinds = [part["kind"] for part in render(EVERYTHING)]
    assert sorted(set(kinds)) == ["ConfigMap", "CronJob", "NetworkPolicy", "PodDisruptionBudget", "Role", "RoleBinding", "ScaledObject", "Service",
                                  "ServiceAccount", "ServiceMonitor", "StatefulSet"]
    assert kinds.count("RoleBinding") == 2


@pytest.mark.parametrize(("values", "said"), [
    ({}, "keysSecret"), ({"keysSecret": "keys", "replicas": 2}, "storage.urlSecret"),
    ({"keysSecret": "keys", "keda": {"enabled": True, "tls": {"enabled": True}}}, "tlsSecret"),
    ({"keysSecret": "keys", "retraining": {"enabled": True, "image": "image"}}, "models.claim"),
])
def test_values_that_make_no_sense_are_refused(values: dict[str, Any], said: str) -> None:
    with pytest.raises(AssertionError, match=said):
        render(values)


def test_a_standby_needs_no_budget_and_no_order_of_pods() -> None:
    parts = {part["kind"]: part for part in render({"keysSecret": "keys", "replicas": 2, "storage": {"urlSecret": "database"}})}
    spec = parts["StatefulSet"]["spec"]
    assert (spec["replicas"], spec["podManagementPolicy"], spec["updateStrategy"]) == (2, "Parallel", {"type": "OnDelete"})
    assert "PodDisruptionBudget" not in parts and "standby = true" in parts["ConfigMap"]["data"]["evscale.toml"]


def test_keda_is_told_of_tls() -> None:
    trigger = next(part for part in render(EVERYTHING) if part["kind"] == "ScaledObject")["spec"]["triggers"][0]
    assert trigger["metadata"]["enableTLS"] == "true" and trigger["authenticationRef"] == {"name": "evscale"}


def test_the_manifests_are_what_kubernetes_knows() -> None:
    for part in yaml.safe_load_all((ROOT / "deploy/kubernetes/hpa.yaml").read_text()):
        kubernetes_validate.validate(part, "1.33", strict=True)
    compose = yaml.safe_load((ROOT / "deploy/compose/compose.yaml").read_text())
    assert set(compose["services"]) == {"evscale", "workload", "postgres", "prometheus", "alertmanager", "grafana"}
