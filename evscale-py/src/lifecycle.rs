//! The models of one pool: who acts, who is tried beside them.

use crate::arguments::{Text, items};
use crate::autoscaler::Autoscaler;
use crate::config::Config;
use crate::door::{Door, door};
use crate::fleet::Fleet;
use crate::models::ModelBundle;
use crate::plain;
use crate::turns::{contained, locked};
use pyo3::gc::{PyTraverseError, PyVisit};
use pyo3::prelude::*;

/// Most bundles that a snapshot is restored among.
const MOST_BUNDLES: usize = 64;

/// The models of a pool, as `Autoscaler.models` returns them: other ones are tried in the shadow, promoted once they have proven
/// to be better on this pool's load, and rolled back if they become worse.
///
/// Examples
/// --------
/// >>> from evscale import Autoscaler
/// >>> scaler = Autoscaler()
/// >>> scaler.models.status() is None
/// True
/// >>> scaler.models.pin("until the audit")
/// >>> scaler.models.status()["pinned"]
/// 'until the audit'
#[pyclass(frozen, module = "evscale", name = "PoolModels")]
pub struct PoolModels(pub Py<Autoscaler>);

impl PoolModels {
    fn with<T: Send>(
        &self,
        py: Python<'_>,
        work: impl FnOnce(&mut evscale_core::Autoscaler) -> evscale_core::Result<T> + Send,
    ) -> PyResult<T> {
        locked(py, &self.0.get().state, work)
    }
}

#[pymethods]
impl PoolModels {
    /// Runs other models in the shadow: they see every record, and no decision sees them. They are promoted by themselves. After a
    /// restore the same ones go on where they were.
    ///
    /// Raises
    /// ------
    /// ArgumentError
    ///     The configuration does without networks, or the models are those that act.
    fn challenge(&self, py: Python<'_>, bundle: &ModelBundle) -> Door<()> {
        door(py, || self.with(py, |scaler| scaler.challenge(&bundle.0)))
    }
    /// Takes the models in the shadow away, a challenger or a predecessor; returns whether there were any.
    #[pyo3(signature = (reason=None))]
    fn end(&self, py: Python<'_>, reason: Option<Text>) -> Door<bool> {
        let reason = in_words(reason);
        door(py, || self.with(py, |scaler| Ok(scaler.end_challenge(&reason))))
    }
    /// Promotes the challenger without waiting for its proof.
    ///
    /// Raises
    /// ------
    /// ArgumentError
    ///     There is none, or the models are pinned.
    #[pyo3(signature = (reason=None))]
    fn promote(&self, py: Python<'_>, reason: Option<Text>) -> Door<()> {
        let reason = in_words(reason);
        door(py, || self.with(py, |scaler| scaler.promote(&reason)))
    }
    /// Brings the predecessor back, with what it has learned in the shadow.
    ///
    /// Raises
    /// ------
    /// ArgumentError
    ///     There is none, or the models are pinned.
    #[pyo3(signature = (reason=None))]
    fn roll_back(&self, py: Python<'_>, reason: Option<Text>) -> Door<()> {
        let reason = in_words(reason);
        door(py, || self.with(py, |scaler| scaler.roll_back(&reason)))
    }
    /// Lets other models act from now on, without a trial and without a pause: everything that was learned stays. Those before
    /// them stay in the shadow, to come back if the new ones are worse.
    ///
    /// Raises
    /// ------
    /// ArgumentError
    ///     The configuration does without networks, or the present ones are pinned.
    #[pyo3(signature = (bundle, reason=None))]
    fn replace(&self, py: Python<'_>, bundle: &ModelBundle, reason: Option<Text>) -> Door<()> {
        let reason = in_words(reason);
        door(py, || self.with(py, |scaler| scaler.set_bundle(&bundle.0, &reason)))
    }
    /// Forbids promotion and rollback, by hand and by itself; without a reason, allows them again.
    #[pyo3(signature = (reason=None))]
    fn pin(&self, py: Python<'_>, reason: Option<Text>) -> Door<()> {
        let reason = reason.map(|reason| reason.0);
        door(py, || {
            self.with(py, |scaler| {
                scaler.pin_models(reason.as_deref());
                Ok(())
            })
        })
    }
    /// Which models act, which run beside them, how both compare, and what happened: a dict, or None while there was never another
    /// one than at first.
    fn status<'py>(&self, py: Python<'py>) -> Door<Bound<'py, PyAny>> {
        door(py, || {
            let status = self.with(py, |scaler| Ok(scaler.models().map(|models| models.to_json())))?;
            plain::loads(py, status.as_deref().unwrap_or("null"))
        })
    }
    /// The same of a snapshot, by which one knows which models to restore it with.
    #[staticmethod]
    fn status_in<'py>(py: Python<'py>, data: &[u8]) -> Door<Bound<'py, PyAny>> {
        door(py, || {
            let models = contained(py, || evscale_core::Autoscaler::models_in(data))?;
            plain::loads(py, models.map(|models| models.to_json()).as_deref().unwrap_or("null"))
        })
    }
    /// An autoscaler that goes on from a snapshot with those of `bundles` that acted and ran in the shadow when it was taken, as if
    /// nothing had been asked in between. Where none of them acted, the first one does.
    ///
    /// Raises
    /// ------
    /// SnapshotError
    ///     It is damaged, foreign, or of another format.
    #[staticmethod]
    fn restore(py: Python<'_>, config: &Config, data: &[u8], bundles: &Bound<'_, PyAny>) -> Door<Autoscaler> {
        door(py, || {
            let bundles = items("bundles", bundles, MOST_BUNDLES)?
                .iter()
                .map(|bundle| Ok(bundle.cast::<ModelBundle>()?.get().0.clone()))
                .collect::<PyResult<Vec<_>>>()?;
            let config = config.0.clone();
            let scaler = contained(py, || evscale_core::Autoscaler::restore_among(config, &bundles, data))?;
            Autoscaler::around(py, scaler, true, None, None)
        })
    }
    /// The collector sees the pool.
    fn __traverse__(&self, visit: PyVisit<'_>) -> Result<(), PyTraverseError> {
        visit.call(&self.0)
    }
    fn __repr__(&self, py: Python<'_>) -> Door<String> {
        door(py, || {
            let status = self.with(py, |scaler| Ok(scaler.models()))?;
            Ok(match status {
                Some(status) => format!("PoolModels({:?})", status.champion),
                None => "PoolModels()".to_owned(),
            })
        })
    }
}

/// The models of the pools of a fleet, as `Fleet.models` returns them: other ones are tried or act in a share of the pools, always the
/// same pools for the same models.
///
/// Examples
/// --------
/// >>> from evscale import Fleet
/// >>> fleet = Fleet()
/// >>> fleet.add("eu-west")
/// >>> fleet.models.status("eu-west") is None
/// True
#[pyclass(frozen, module = "evscale", name = "FleetModels")]
pub struct FleetModels(pub Py<Fleet>);

impl FleetModels {
    fn with<T: Send>(
        &self,
        py: Python<'_>,
        work: impl FnOnce(&mut evscale_core::Fleet) -> evscale_core::Result<T> + Send,
    ) -> PyResult<T> {
        locked(py, &self.0.get().0, work)
    }
}

#[pymethods]
impl FleetModels {
    /// Runs other models in the shadow in a share of the pools, 0 to 1; a larger share has the pools of a smaller one. Each pool promotes
    /// them once they have proven to be better on its own load. Returns the keys of the pools in which they run from now on: pools
    /// whose configuration refuses the models are left out.
    ///
    /// Raises
    /// ------
    /// ArgumentError
    ///     The share is not 0 to 1.
    fn challenge(&self, py: Python<'_>, bundle: &ModelBundle, share: &Bound<'_, PyAny>) -> Door<Vec<String>> {
        door(py, || {
            let share = plain::number("share", share)?;
            self.with(py, |fleet| fleet.challenge(&bundle.0, share))
        })
    }
    /// Lets other models act in a share of the pools, 0 to 1, without a trial. Returns the keys of the pools in which they act from now
    /// on: pools that rolled these models back before, or whose models are pinned, are left out.
    ///
    /// Raises
    /// ------
    /// ArgumentError
    ///     The share is not 0 to 1.
    #[pyo3(signature = (bundle, share, reason=None))]
    fn roll_out(
        &self,
        py: Python<'_>,
        bundle: &ModelBundle,
        share: &Bound<'_, PyAny>,
        reason: Option<Text>,
    ) -> Door<Vec<String>> {
        let reason = in_words(reason);
        door(py, || {
            let share = plain::number("share", share)?;
            self.with(py, |fleet| fleet.roll_out(&bundle.0, share, &reason))
        })
    }
    /// Takes the models in the shadow of a pool away, a challenger or a predecessor; returns whether there were any.
    ///
    /// Raises
    /// ------
    /// EvscaleError
    ///     There is no such pool.
    #[pyo3(signature = (key, reason=None))]
    fn end(&self, py: Python<'_>, key: Text, reason: Option<Text>) -> Door<bool> {
        let reason = in_words(reason);
        door(py, || self.with(py, |fleet| fleet.with_pool(&key.0, |pool| pool.end_challenge(&reason))))
    }
    /// Promotes the challenger of a pool without waiting for its proof.
    ///
    /// Raises
    /// ------
    /// ArgumentError
    ///     There is none, or the models are pinned.
    /// EvscaleError
    ///     There is no such pool.
    #[pyo3(signature = (key, reason=None))]
    fn promote(&self, py: Python<'_>, key: Text, reason: Option<Text>) -> Door<()> {
        let reason = in_words(reason);
        door(py, || self.with(py, |fleet| fleet.with_pool(&key.0, |pool| pool.promote(&reason))?))
    }
    /// Brings the predecessor of a pool back, with what it has learned in the shadow.
    ///
    /// Raises
    /// ------
    /// ArgumentError
    ///     There is none, or the models are pinned.
    /// EvscaleError
    ///     There is no such pool.
    #[pyo3(signature = (key, reason=None))]
    fn roll_back(&self, py: Python<'_>, key: Text, reason: Option<Text>) -> Door<()> {
        let reason = in_words(reason);
        door(py, || self.with(py, |fleet| fleet.with_pool(&key.0, |pool| pool.roll_back(&reason))?))
    }
    /// Forbids promotion and rollback in a pool, by hand and by itself; without a reason, allows them again.
    #[pyo3(signature = (key, reason=None))]
    fn pin(&self, py: Python<'_>, key: Text, reason: Option<Text>) -> Door<()> {
        let reason = reason.map(|reason| reason.0);
        door(py, || self.with(py, |fleet| fleet.with_pool(&key.0, |pool| pool.pin_models(reason.as_deref()))))
    }
    /// Which models act in a pool, which run beside them, how both compare, and what happened: a dict, or None while there was never
    /// another one than at first.
    fn status<'py>(&self, py: Python<'py>, key: Text) -> Door<Bound<'py, PyAny>> {
        door(py, || {
            let status = self.with(py, |fleet| fleet.with_pool(&key.0, |pool| pool.models()))?;
            plain::loads(py, status.map(|models| models.to_json()).as_deref().unwrap_or("null"))
        })
    }
    /// The collector sees the fleet.
    fn __traverse__(&self, visit: PyVisit<'_>) -> Result<(), PyTraverseError> {
        visit.call(&self.0)
    }
    fn __repr__(&self, py: Python<'_>) -> Door<String> {
        door(py, || Ok(format!("FleetModels({} pools)", self.with(py, |fleet| Ok(fleet.len()))?)))
    }
}

fn in_words(reason: Option<Text>) -> String {
    reason.map_or_else(|| "asked for by hand".to_owned(), |reason| reason.0)
}
