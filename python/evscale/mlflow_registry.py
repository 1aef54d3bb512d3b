"""A registry that is kept in MLflow: each version is a version of a registered model there."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from ._evscale import ModelBundle, Registry, replace_file
from ._refuse import door, missing, refuse

try:
    from mlflow import MlflowClient
    from mlflow.exceptions import MlflowException
except ImportError:
    raise missing("mlflow", "a registry in MLflow", "mlflow") from None

if TYPE_CHECKING:
    from collections.abc import Iterator
    from os import PathLike

EXPERIMENT, CHAMPION = "evscale", "champion"
"""Name of the experiment whose runs hold the files, and alias of the champion."""
STAGES, STAGES_RUN = "stages.json", "evscale.stages_run"
R = TypeVar("R")


class MlflowRegistry:
    """Versions of model bundles as versions of a registered model in MLflow, with the methods of `Registry`.

    The files are those of a folder's registry, with its checksums: `Registry` reads and writes them in a cache, and this class fetches
    what is new before a call and stores what is new after it. The champion has the alias `champion`, and the numbers of a card are
    metrics of the run that holds the files. MLflow knows no locks: one process may write at a time, and any number may read.

    Parameters
    ----------
    name
        Name of the registered model; made if it is not there.
    tracking_uri
        MLflow's server or store; what MLflow's own settings say by default.
    cache
        Folder that keeps what was fetched; one that goes with the process by default.
    """

    def __init__(self, name: str, *, tracking_uri: str | None = None, cache: str | PathLike[str] | None = None) -> None:
        self.name = name
        self._temporary = tempfile.TemporaryDirectory() if cache is None else None
        self._cache = Path(self._temporary.name if self._temporary is not None else cache or "")
        self._client = _asked(lambda: MlflowClient(tracking_uri, tracking_uri))
        self._local = Registry(self._cache, create=True)
        if "'" in name:
            raise refuse(f"`name` is {name!r}, expected one without an apostrophe")
        if self._model() is None:
            _asked(lambda: self._client.create_registered_model(name))
        self._fetch()

    def versions(self) -> list[int]:
        """Numbers of the versions, the oldest first."""
        return self._fetch().versions()

    def card(self, version: int) -> dict[str, Any]:
        """The card of a version: `parent`, `created_ms`, `details`, and the checksums of its files."""
        return self._fetch().card(version)

    def stages(self) -> dict[str, Any]:
        """The stages: `champion` (None: the bundled models), `earlier` champions, `pinned`, and the `history`."""
        return self._fetch().stages()

    def champion(self, public_key: str | None = None) -> ModelBundle:
        """The bundle of the champion, checked as `Registry.champion` does; the bundled models before the first promotion."""
        return self._fetch().champion(public_key)

    def load(self, version: int, public_key: str | None = None) -> ModelBundle:
        """The bundle of a version, checked as the champion is."""
        return self._fetch().load(version, public_key)

    def files(self, version: int | None) -> dict[str, bytes]:
        """Names and contents of the files of a version; those of the bundled models for None."""
        return self._fetch().files(version)

    def verify(self, version: int | None = None) -> list[dict[str, Any]]:
        """Checks every version, or one, as `Registry.verify` does, as they are in MLflow now."""
        shutil.rmtree(self._cache / "versions")
        (self._cache / "versions").mkdir()
        return self._fetch().verify(version)

    def diff(self, before: int, after: int) -> dict[str, Any]:
        """What differs between two versions: `card` and `manifest`, each a list of dicts of `entry`, `before` and `after`."""
        return self._fetch().diff(before, after)

    def add(self, path: str | PathLike[str], *, parent: int | None = None, details: dict[str, Any] | None = None, now: Any = None) -> int:
        """Adds the bundle in a folder as a candidate, if it loads, and returns its version."""
        version = self._fetch().add(path, parent=parent, details=details, now=now)
        folder = self._folder(version)

        def store() -> int:
            run = self._client.create_run(self._experiment(), run_name=f"{self.name} {version}").info
            self._client.log_artifacts(run.run_id, str(folder))
            for name, value in _numbers(details or {}):
                self._client.log_metric(run.run_id, name, value)
            self._client.set_terminated(run.run_id)
            return int(self._client.create_model_version(self.name, run.artifact_uri, run.run_id, await_creation_for=60).version)

        stored = _asked(store)
        if stored != version:
            _asked(lambda: self._client.delete_model_version(self.name, str(stored)))
            shutil.rmtree(folder)
            raise refuse(f"MLflow numbers the new version of {self.name} {stored}, expected {version}: somebody else added one at the same time, "
                         "or the newest was deleted; add it again, or begin with a new name")
        return version

    def promote(self, version: int, reason: str, *, now: Any = None) -> None:
        """Makes a version the champion, if its files are as they were written and load."""
        self._fetch().promote(version, reason, now=now)
        self._store_stages()

    def rollback(self, reason: str, *, now: Any = None) -> int | None:
        """Makes the champion before the champion again, and returns its version; None is the bundled models."""
        before = self._fetch().rollback(reason, now=now)
        self._store_stages()
        return before

    def pin(self, reason: str, *, now: Any = None) -> None:
        """Forbids promotion and rollback."""
        self._fetch().pin(reason, now=now)
        self._store_stages()

    def unpin(self, reason: str, *, now: Any = None) -> None:
        """Allows promotion and rollback again."""
        self._fetch().unpin(reason, now=now)
        self._store_stages()

    def prune(self, keep: int) -> list[int]:
        """Not possible: MLflow would give the numbers that become free to other versions.

        Raises
        ------
        ArgumentError
            Always.
        """
        raise refuse(f"models of MLflow are not pruned; delete versions of {self.name} there, never the newest one or the champion")

    def _model(self) -> Any:
        found = _asked(lambda: self._client.search_registered_models(f"name = '{self.name}'"))
        return found[0] if found else None

    def _stored(self) -> Iterator[Any]:
        """The versions in MLflow, page by page."""
        token = None
        while True:
            page = self._page(token)
            yield from page
            if not (token := page.token):
                return

    def _page(self, token: str | None) -> Any:
        return _asked(lambda: self._client.search_model_versions(f"name = '{self.name}'", page_token=token))

    def _experiment(self) -> str:
        found = self._client.get_experiment_by_name(EXPERIMENT)
        return str(self._client.create_experiment(EXPERIMENT) if found is None else found.experiment_id)

    def _download(self, run: str, what: str, into: str) -> Path:
        return Path(_asked(lambda: self._client.download_artifacts(run, what, into)))

    def _folder(self, version: int) -> Path:
        return self._cache / "versions" / f"{version:04}"

    def _fetch(self) -> Registry:
        """Fetches the versions and stages that the cache lacks, and returns the registry there."""
        model = self._model()
        if model is None:
            raise refuse(f"the model {self.name} is no longer in MLflow")
        stored = list(self._stored())
        for one in stored:
            folder = self._folder(int(one.version))
            if not folder.exists():
                with tempfile.TemporaryDirectory(dir=self._cache) as scratch:
                    os.replace(self._download(one.run_id, "", scratch), folder)
        for version in set(self._local.versions()) - {int(one.version) for one in stored}:
            shutil.rmtree(self._folder(version))
        if (run := model.tags.get(STAGES_RUN)) is not None:
            with tempfile.TemporaryDirectory(dir=self._cache) as scratch:
                replace_file(self._cache / STAGES, self._download(run, STAGES, scratch).read_bytes())
        return self._local

    def _store_stages(self) -> None:
        """A run of its own for each step, so that a tag, which MLflow sets at once, tells which one counts."""
        champion = self._local.stages()["champion"]

        def store() -> None:
            run = self._client.create_run(self._experiment(), run_name=f"{self.name} stages").info
            self._client.log_artifact(run.run_id, str(self._cache / STAGES))
            self._client.set_terminated(run.run_id)
            self._client.set_registered_model_tag(self.name, STAGES_RUN, run.run_id)
            if champion is None:
                self._client.delete_registered_model_alias(self.name, CHAMPION)
            else:
                self._client.set_registered_model_alias(self.name, CHAMPION, str(champion))

        _asked(store)


@door
def _asked(question: Callable[[], R]) -> R:
    """What MLflow answers; its refusals in our words."""
    try:
        return question()
    except MlflowException as problem:
        raise refuse(f"MLflow: {problem}") from problem


def _numbers(details: Mapping[str, Any], before: str = "") -> Iterator[tuple[str, float]]:
    """The numbers of a card, by names that MLflow takes."""
    for name, value in details.items():
        if isinstance(value, Mapping):
            yield from _numbers(value, f"{before}{name}.")
        elif isinstance(value, (int, float)) and not isinstance(value, bool):
            yield "".join(c if c.isalnum() or c in "_-./ " else "_" for c in f"{before}{name}"), float(value)
