//! A forecaster without a pool of jobs.

use super::ensemble::Ensemble;
use super::forecast::Forecast;
use super::network::ForecasterNetwork;
use crate::bundle::ModelBundle;
use crate::calendar::Calendar;
use crate::config::{Config, INTERVAL_SECONDS};
use crate::error::{Error, Result};
use crate::features::forecaster_input;
use crate::metrics::{History, LARGEST_COUNT};
use crate::time::Timestamp;

/// A forecaster alone, for a series of counts without a pool of jobs.
///
/// ```
/// use evscale_core::{Forecaster, Timestamp};
/// let start: Timestamp = "2026-01-05T00:00:00Z".parse()?;
/// let mut forecaster = Forecaster::new(120, start)?;
/// for i in 0..720 {
///     forecaster.observe(1000.0 + 5.0 * (i % 60) as f64)?;
/// }
/// let forecast = forecaster.forecast();
/// let soon = forecast.horizon(12).expect("12 minutes are always there");
/// assert!(soon.quantile(0.1) <= soon.prediction && soon.prediction <= soon.quantile(0.9));
/// # Ok::<(), evscale_core::Error>(())
/// ```
#[derive(Debug)]
pub struct Forecaster {
    history: History,
    calendar: Calendar,
    ensemble: Ensemble,
    network: Option<ForecasterNetwork>,
    next: Timestamp,
    interval_seconds: u32,
}

impl Forecaster {
    /// A forecaster with the bundled network; `start` is the beginning of the first interval.
    ///
    /// # Errors
    /// `interval_seconds` is not 10 to 3600, or the bundled models cannot be loaded.
    pub fn new(interval_seconds: u32, start: Timestamp) -> Result<Self> {
        Self::with_bundle(interval_seconds, start, &ModelBundle::bundled()?)
    }

    /// A forecaster with the network of a bundle.
    ///
    /// # Errors
    /// `interval_seconds` is not 10 to 3600.
    pub fn with_bundle(interval_seconds: u32, start: Timestamp, bundle: &ModelBundle) -> Result<Self> {
        let mut forecaster = Self::without_network(interval_seconds, start)?;
        forecaster.network = Some(ForecasterNetwork::new(bundle));
        Ok(forecaster)
    }

    /// A forecaster under the interval, calendar, `use_networks` and `bundle_public_key` of a configuration; with the bundled models
    /// where there is no bundle.
    ///
    /// # Errors
    /// The configuration is refused, or the models are not signed as it asks for.
    pub fn for_config(config: &Config, start: Timestamp, bundle: Option<&ModelBundle>) -> Result<Self> {
        config.check()?;
        let mut forecaster = Self::without_network(config.interval_seconds, start)?;
        forecaster.calendar = config.calendar()?;
        if config.use_networks {
            let bundle = bundle.map_or_else(ModelBundle::bundled, |bundle| Ok(bundle.clone()))?;
            bundle.check_signer(config)?;
            forecaster.network = Some(ForecasterNetwork::new(&bundle));
        }
        Ok(forecaster)
    }

    /// A forecaster of the statistical experts alone.
    ///
    /// # Errors
    /// `interval_seconds` is not 10 to 3600.
    pub fn without_network(interval_seconds: u32, start: Timestamp) -> Result<Self> {
        if !INTERVAL_SECONDS.contains(&interval_seconds) {
            return Err(Error::argument(format!(
                "`interval_seconds` is {interval_seconds}, expected {} to {}",
                INTERVAL_SECONDS.start(),
                INTERVAL_SECONDS.end()
            )));
        }
        Ok(Self {
            history: History::new(interval_seconds),
            calendar: Calendar::utc(),
            ensemble: Ensemble::new(f64::from(interval_seconds)),
            network: None,
            next: start.plus_seconds(i64::from(interval_seconds)),
            interval_seconds,
        })
    }

    /// Takes the events of the next interval; NaN for an interval that is not known.
    ///
    /// # Errors
    /// Negative, infinite, or above 1e15 events.
    pub fn observe(&mut self, events: f64) -> Result<()> {
        if events < 0.0 || events.is_infinite() || events > LARGEST_COUNT {
            return Err(Error::argument(format!(
                "events of the interval that ends at {} are {events}, expected 0 to 1e15, or NaN for unknown",
                self.next
            )));
        }
        self.history.push(self.next, events);
        let input = forecaster_input(&self.history, &self.calendar, 1.0);
        self.ensemble.advance(&self.history, &input, self.network.as_mut().map(|network| network as _));
        self.next = self.next.plus_seconds(i64::from(self.interval_seconds));
        Ok(())
    }

    /// The forecast at the end of the newest interval. Before the first one everything is zero and
    /// the confidence is 0.
    pub fn forecast(&self) -> Forecast {
        self.ensemble.forecast(&self.history)
    }

    /// Why the network is not taking part; none while it does.
    pub fn network_fault(&self) -> Option<String> {
        self.ensemble.network_fault()
    }
}
