//! State out and in: postcard behind a header with magic, format version, length and CRC-32.

use super::{Autoscaler, Networks, State};
use crate::bundle::ModelBundle;
use crate::config::Config;
use crate::error::{Error, Result};
use crate::forecaster::Ensemble;
use crate::indicators::LifecycleStatus;

const MAGIC: [u8; 4] = *b"EVSC";
const FORMAT_VERSION: u16 = 1;
const HEADER: usize = 4 + 2 + 4 + 4;
/// Largest snapshot that is read, bytes.
const SIZE_LIMIT: usize = 4 * 1024 * 1024;

impl Autoscaler {
    /// Returns the whole state of the pool without models. The configuration goes along, so that a restore sees what has
    /// changed. A snapshot is bounded: below 256 KiB, whatever the records.
    pub fn snapshot(&self) -> Vec<u8> {
        let body = postcard::to_allocvec(&(self.config(), self.state())).unwrap_or_default();
        let mut out = Vec::with_capacity(HEADER + body.len());
        out.extend(MAGIC);
        out.extend(FORMAT_VERSION.to_le_bytes());
        out.extend((body.len() as u32).to_le_bytes());
        out.extend(crc32fast::hash(&body).to_le_bytes());
        out.extend(body);
        out
    }

    /// Returns an autoscaler that goes on from a snapshot. Until a fresh record tells the number of jobs, no decision has a
    /// recommendation.
    ///
    /// ```
    /// use evscale_core::{Autoscaler, Config, Metrics, Timestamp};
    /// let config = Config::builder().use_networks(false).build()?;
    /// let mut scaler = Autoscaler::builder(config.clone()).build()?;
    /// let at: Timestamp = "2026-01-05T10:02:00Z".parse()?;
    /// scaler.observe(&Metrics::new(at, 3400.0, 12.0))?;
    /// let bytes = scaler.snapshot(); // to be written where only the host can write
    /// let mut restored = Autoscaler::builder(config).restore(&bytes)?;
    /// assert_eq!(restored.decide().recommended_jobs, None); // until a fresh record
    /// restored.observe(&Metrics::new(at.plus_seconds(120), 3400.0, 12.0))?;
    /// assert!(restored.decide().recommended_jobs.is_some());
    /// # Ok::<(), evscale_core::Error>(())
    /// ```
    ///
    /// Where `config` differs from the configuration of the snapshot it wins, as by [`reconfigure`](Self::reconfigure), and the
    /// next decision tells the difference.
    ///
    /// # Errors
    /// The snapshot is damaged, truncated, foreign, or of another format; or the configuration is refused.
    pub fn restore(config: Config, bundle: ModelBundle, snapshot: &[u8]) -> Result<Self> {
        let networks = Networks::for_config(&config, Some(bundle))?;
        Self::restore_with(config, networks, snapshot)
    }

    /// Does the same with that one of `models` that acted when the snapshot was taken, and gives it the ones that ran in the shadow,
    /// so that everything goes on as if nothing had been asked in between. Where none of them acted, the first one does.
    ///
    /// # Errors
    /// As for [`restore`](Self::restore), or `models` is empty.
    pub fn restore_among(config: Config, models: &[ModelBundle], snapshot: &[u8]) -> Result<Self> {
        let (_, state) = read(snapshot)?;
        let lifecycle = state.lifecycle.as_deref();
        let find = |digest| models.iter().find(|bundle| Some(bundle.digest()) == digest);
        let champion = find(lifecycle.map(|models| models.champion.digest)).or(models.first());
        let champion =
            champion.ok_or_else(|| Error::argument("`models` has 0 bundles, expected at least 1"))?;
        let mut restored = Self::restore(config, champion.clone(), snapshot)?;
        let second = lifecycle.and_then(|models| models.second.as_ref()).map(|second| second.model.digest);
        if let Some(second) = find(second)
            && restored.waits_for_second()
        {
            restored.challenge(second)?;
        }
        Ok(restored)
    }

    /// Returns the models of a snapshot, by which a host knows which ones to restore it with; none while there was one bundle alone.
    ///
    /// # Errors
    /// The snapshot is damaged, truncated, foreign, or of another format.
    pub fn models_in(snapshot: &[u8]) -> Result<Option<LifecycleStatus>> {
        Ok(read(snapshot)?.1.lifecycle.map(|models| models.status()))
    }

    pub(crate) fn restore_with(config: Config, networks: Option<Networks>, snapshot: &[u8]) -> Result<Self> {
        let (before, state) = read(snapshot)?;
        let refused = |what| Error::snapshot(format!("snapshot has {what}"));
        before.check().map_err(|problem| {
            refused(format!("a configuration that is refused: {problem}")).because(problem)
        })?;
        if !state.history.fits(before.interval_seconds) {
            return Err(refused("a history that does not belong to its configuration".to_owned()));
        }
        if !state.ensemble.fits(&state.history, f64::from(before.interval_seconds)) {
            return Err(refused("a forecaster that does not belong to its records".to_owned()));
        }
        let fits = |ensemble: &Ensemble| ensemble.fits(&state.history, f64::from(before.interval_seconds));
        if !state.lifecycle.as_ref().is_none_or(|models| models.fits(fits)) {
            return Err(refused("models in the shadow that do not belong to its records".to_owned()));
        }
        if !state.classes.as_ref().is_none_or(|classes| classes.fits(&before))
            || state.classes.is_some() == before.classes.is_empty()
        {
            return Err(refused("classes that do not belong to its configuration".to_owned()));
        }
        if !state.days.fits() || !state.months.fits() {
            return Err(refused("a calendar of another size".to_owned()));
        }
        if !state.monitor.fits() {
            return Err(refused("a monitor of another size".to_owned()));
        }
        config.check()?;
        let restored = state.restored(&before, &config, &config.calendar()?);
        let mut pool = Self::from_parts(config, networks, Some(restored))?;
        pool.follow_restored_models();
        Ok(pool)
    }
}

fn read(snapshot: &[u8]) -> Result<(Config, State)> {
    if snapshot.len() > SIZE_LIMIT {
        return Err(Error::snapshot(format!(
            "snapshot is {} bytes long, expected at most {SIZE_LIMIT}",
            snapshot.len()
        )));
    }
    let truncated = || {
        Error::snapshot(format!(
            "snapshot is {} bytes long, expected a header of {HEADER} bytes",
            snapshot.len()
        ))
    };
    let (magic, rest) = snapshot.split_first_chunk::<4>().ok_or_else(truncated)?;
    let (version, rest) = rest.split_first_chunk::<2>().ok_or_else(truncated)?;
    let (length, rest) = rest.split_first_chunk::<4>().ok_or_else(truncated)?;
    let (checksum, body) = rest.split_first_chunk::<4>().ok_or_else(truncated)?;
    if *magic != MAGIC {
        return Err(Error::snapshot(format!("snapshot begins with {magic:02x?}, expected {MAGIC:02x?}")));
    }
    let version = u16::from_le_bytes(*version);
    if version != FORMAT_VERSION {
        return Err(Error::snapshot(format!(
            "snapshot has the format version {version}, expected {FORMAT_VERSION}"
        )));
    }
    let length = u32::from_le_bytes(*length) as usize;
    if length != body.len() {
        return Err(Error::snapshot(format!(
            "snapshot has a body of {} bytes, expected {length}",
            body.len()
        )));
    }
    let (found, wanted) = (crc32fast::hash(body), u32::from_le_bytes(*checksum));
    if found != wanted {
        return Err(Error::snapshot(format!("snapshot has the checksum {found:08x}, expected {wanted:08x}")));
    }
    postcard::from_bytes(body).map_err(|problem| {
        Error::snapshot(format!("snapshot cannot be read: {problem}")).because_of(&problem)
    })
}
