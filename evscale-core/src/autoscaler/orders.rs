//! What people and the host say beforehand: pauses, orders, announcements, what falls due, silences.

use super::Autoscaler;
use crate::announced::{Announcement, AnnouncementStatus};
use crate::config::Pause;
use crate::error::Result;
use crate::forecaster::DueEvents;
use crate::safety::ManualOverride;
use crate::time::Timestamp;

impl Autoscaler {
    /// Switches changes off or on again; the next [`decide`](Self::decide) makes a new decision.
    ///
    /// ```
    /// use evscale_core::{Autoscaler, Config, Metrics, Pause, Rule, Timestamp};
    /// let mut scaler = Autoscaler::builder(Config::builder().use_networks(false).build()?).build()?;
    /// let at: Timestamp = "2026-01-05T10:02:00Z".parse()?;
    /// for index in 0..10 {
    ///     let record = Metrics::builder(at.plus_seconds(120 * index), 9000.0, 12.0);
    ///     scaler.observe(&record.average_processing_duration_ms(400.0).build())?;
    /// }
    /// scaler.set_pause(Pause::All);
    /// let paused = scaler.decide();
    /// assert!(paused.recommended_jobs == Some(12) && paused.limited_by.contains(&Rule::Pause));
    /// scaler.set_pause(Pause::Off);
    /// assert!(scaler.decide().recommended_jobs > Some(12));
    /// # Ok::<(), evscale_core::Error>(())
    /// ```
    pub fn set_pause(&mut self, pause: Pause) {
        self.state.orders.set_pause(pause);
    }

    /// Orders a number of jobs, a cap or a floor until a time, or takes the order back; the next [`decide`](Self::decide) makes
    /// a new decision, and so do those after the order begins and ends. The first one after its end tells so.
    ///
    /// # Errors
    /// The order ends before it begins or before the newest record, or asks for a number outside `min_jobs` to `max_jobs`. The
    /// order before it stays.
    pub fn set_override(&mut self, manual: Option<ManualOverride>) -> Result<()> {
        if let Some(manual) = &manual {
            manual.check(&self.config, self.state.expectation.newest())?;
        }
        self.state.orders.set_manual(manual);
        Ok(())
    }

    /// Silences an alert by its name until a time: it goes on to fire and resolve, and says that nobody is to be told. None
    /// takes a silence back.
    ///
    /// # Errors
    /// There is no such alert.
    pub fn silence(&mut self, alert: &str, until: Option<Timestamp>) -> Result<()> {
        self.state.monitor.silence(alert, until)
    }

    /// Announces an event before the records show it: more load, a number of events, or jobs that have to be ready. They are, at
    /// its start: it is planned for as soon as a job asked for then would be ready no earlier than needed. A statement on the load
    /// is compared with what came; the first decision after its end tells so, and the next one weighs less if the last ones proved
    /// wrong again and again. Returns the number by which it is cancelled.
    ///
    /// # Errors
    /// It lies in the past or ends before it starts, says a number that cannot be, says the same kind of thing as another one about
    /// the same time, or there are 64 already.
    pub fn announce(&mut self, announcement: Announcement) -> Result<u32> {
        let newest = self.state.expectation.newest();
        let id = self.state.announced.announce(&self.config, newest, announcement)?;
        self.state.foresee(&self.config);
        Ok(id)
    }

    /// Takes an announcement back; the next [`decide`](Self::decide) makes a new decision.
    ///
    /// # Errors
    /// There is none of this number, or its end has come.
    pub fn cancel_announcement(&mut self, id: u32) -> Result<()> {
        self.state.announced.cancel(id)?;
        self.state.foresee(&self.config);
        Ok(())
    }

    /// Says which events fall due when, as it is known at `now`: delayed messages, jobs that were enqueued for a time, a batch whose
    /// delivery time is known. They come beside the load that is expected otherwise, all at their moment, and have their jobs ready
    /// by then. Call it as often as the numbers change: what was said of times from `now` on is replaced, what has fallen due before
    /// stays. Events whose time is before `now` are left out, as the records count them. What came is compared with what was said,
    /// and what falls due weighs less if it mostly did not come.
    ///
    /// ```
    /// use evscale_core::{Autoscaler, Config, DueEvents, Timestamp};
    /// let mut scaler = Autoscaler::builder(Config::default()).build()?;
    /// let [now, at]: [Timestamp; 2] = ["2026-01-05T18:00:00Z".parse()?, "2026-01-06T02:00:00Z".parse()?];
    /// scaler.set_due(now, &[DueEvents { at, events: 40_000.0 }])?;
    /// assert_eq!(scaler.health().announced, ["due: 40000 events fall due at 2026-01-06T02:00:00Z"]);
    /// # Ok::<(), evscale_core::Error>(())
    /// ```
    ///
    /// # Errors
    /// More than 256 moments, or a number of events that cannot be. What was said before stays.
    pub fn set_due(&mut self, now: Timestamp, due: &[DueEvents]) -> Result<()> {
        self.state.announced.set_due(now, due)?;
        self.state.foresee(&self.config);
        Ok(())
    }

    /// Returns what was announced, and what became of it: everything that is to come, and the last ones that have ended.
    pub fn announcements(&self) -> Vec<AnnouncementStatus> {
        self.state.announced.statuses()
    }
}
