//! Reports and alerts of pools as OpenMetrics text, as Prometheus reads it.

use super::alerts::{Alert, AlertState};
use super::report::{MetricInfo, Report};
use prometheus_client::collector::Collector;
use prometheus_client::encoding::text::{encode_eof, encode_registry};
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::gauge::ConstGauge;
use prometheus_client::registry::{Registry, Unit};
use std::fmt;
use std::sync::Arc;

const PREFIX: &str = "evscale_pool";

/// What is exported of one pool at one moment.
#[derive(Clone, Debug)]
pub struct PoolSample {
    /// Values of [`Report::METRICS`], in their order.
    values: Vec<Option<f64>>,
    coverage: Vec<(String, f64)>,
    drift: Vec<(&'static str, f64)>,
    retraining_recommended: bool,
    alerts: Vec<SampledAlert>,
}

#[derive(Clone, Debug)]
struct SampledAlert {
    name: String,
    severity: &'static str,
    firing: bool,
    silenced: bool,
    escalated: bool,
}

impl PoolSample {
    /// Takes what is exported out of a report and its alerts.
    pub fn new(report: &Report, alerts: &[Alert]) -> Self {
        let seconds = |at: crate::time::Timestamp| at.as_millis() as f64 / 1000.0;
        Self {
            values: Report::METRICS.iter().map(|metric| report.get(metric.name)).collect(),
            coverage: report
                .coverage_80
                .iter()
                .filter_map(|(minutes, share)| Some((minutes.to_string(), (*share)?)))
                .collect(),
            drift: report.drift.iter().map(|drift| (drift.kind.as_str(), seconds(drift.onset))).collect(),
            retraining_recommended: report.retraining_recommended.is_some(),
            alerts: alerts
                .iter()
                .map(|alert| SampledAlert {
                    name: alert.name.clone(),
                    severity: alert.severity.as_str(),
                    firing: alert.state == AlertState::Firing,
                    silenced: alert.silenced_until.is_some(),
                    escalated: alert.escalated,
                })
                .collect(),
        }
    }
}

/// Returns samples of pools as OpenMetrics text, each series with the pool's name as the label `pool`; ends with `# EOF`.
pub fn openmetrics(pools: impl IntoIterator<Item = (String, Arc<PoolSample>)>) -> String {
    let mut registry = Registry::with_prefix(PREFIX);
    registry.register_collector(Box::new(Samples(pools.into_iter().collect())));
    let mut text = String::new();
    // a String takes whatever is written
    if encode_registry(&mut text, &registry).and_then(|()| encode_eof(&mut text)).is_err() {
        text.clear();
    }
    text
}

#[derive(Debug)]
struct Samples(Vec<(String, Arc<PoolSample>)>);

/// Labels of a series beside the pool's name, and its value.
type Series<'a> = (Vec<(&'static str, &'a str)>, f64);

impl Samples {
    /// Writes a gauge with the series that each pool has of it.
    fn gauge<'a>(
        &'a self,
        encoder: &mut DescriptorEncoder<'_>,
        (name, help): (&str, &str),
        unit: Option<&Unit>,
        series: impl Fn(&'a PoolSample) -> Vec<Series<'a>>,
    ) -> fmt::Result {
        let mut family = encoder.encode_descriptor(name, help, unit, MetricType::Gauge)?;
        for (pool, sample) in &self.0 {
            for (mut labels, value) in series(sample) {
                labels.insert(0, ("pool", pool));
                ConstGauge::new(value).encode(family.encode_family(&labels)?)?;
            }
        }
        Ok(())
    }

    /// Writes a metric of the report under its exported name.
    fn metric(&self, encoder: &mut DescriptorEncoder<'_>, index: usize, metric: &MetricInfo) -> fmt::Result {
        let help = metric.description.split_whitespace().collect::<Vec<_>>().join(" ");
        let exported = metric.exported_name();
        let name = exported.strip_prefix(PREFIX).and_then(|name| name.strip_prefix('_')).unwrap_or(&exported);
        let base = name.strip_suffix("_seconds");
        let unit = base.map(|_| Unit::Seconds);
        let scale = if metric.unit == "ms" { 0.001 } else { 1.0 };
        let mut family =
            encoder.encode_descriptor(base.unwrap_or(name), &help, unit.as_ref(), MetricType::Gauge)?;
        for (pool, sample) in &self.0 {
            if let Some(value) = sample.values.get(index).copied().flatten() {
                let labels = [("pool", pool.as_str())];
                ConstGauge::new(scale * value).encode(family.encode_family(&labels)?)?;
            }
        }
        Ok(())
    }

    fn alerts<'a>(
        &'a self,
        encoder: &mut DescriptorEncoder<'_>,
        about: (&str, &str),
        is: impl Fn(&SampledAlert) -> bool,
    ) -> fmt::Result {
        self.gauge(encoder, about, None, |sample| {
            let labels =
                |alert: &'a SampledAlert| vec![("alert", alert.name.as_str()), ("severity", alert.severity)];
            sample.alerts.iter().map(|alert| (labels(alert), flag(is(alert)))).collect()
        })
    }
}

impl Collector for Samples {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        for (index, metric) in Report::METRICS.iter().enumerate() {
            self.metric(&mut encoder, index, metric)?;
        }
        let help = "Share of arrivals inside the 80 % interval, by minutes ahead";
        self.gauge(&mut encoder, ("coverage_80", help), None, |sample| {
            sample
                .coverage
                .iter()
                .map(|(minutes, share)| (vec![("minutes", minutes.as_str())], *share))
                .collect()
        })?;
        let help = "Onset of a drift that is not over, seconds since 1970";
        self.gauge(&mut encoder, ("drift_onset_timestamp", help), Some(&Unit::Seconds), |sample| {
            sample.drift.iter().map(|(kind, onset)| (vec![("kind", *kind)], *onset)).collect()
        })?;
        let help = "Whether the networks should be trained anew: 1 or 0";
        self.gauge(&mut encoder, ("retraining_recommended", help), None, |sample| {
            vec![(Vec::new(), flag(sample.retraining_recommended))]
        })?;
        let help = "An alert that fires: 1, or was resolved within the last day: 0";
        self.alerts(&mut encoder, ("alert", help), |alert| alert.firing)?;
        let help = "Whether somebody has silenced an alert: 1 or 0";
        self.alerts(&mut encoder, ("alert_silenced", help), |alert| alert.silenced)?;
        let help = "Whether an alert has been firing for so long that it is escalated: 1 or 0";
        self.alerts(&mut encoder, ("alert_escalated", help), |alert| alert.escalated)
    }
}

fn flag(yes: bool) -> f64 {
    if yes { 1.0 } else { 0.0 }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::indicators::{AlertRule, Severity};

    #[test]
    fn every_known_metric_has_a_line_with_the_pool_and_the_unit_of_prometheus() {
        let report = Report {
            latency_p50_ms: Some(2.5),
            age_seconds: Some(60.0),
            jobs: Some(12.0),
            ..Report::default()
        };
        let sample = Arc::new(PoolSample::new(&report, &[]));
        let text = openmetrics([("say \"hi\"".to_owned(), Arc::clone(&sample)), ("b".to_owned(), sample)]);
        let lines: Vec<&str> = text.lines().collect();
        for wanted in [
            "evscale_pool_latency_p50_seconds{pool=\"say \\\"hi\\\"\"} 0.0025",
            "evscale_pool_age_seconds{pool=\"b\"} 60.0",
            "# UNIT evscale_pool_age_seconds seconds",
            "evscale_pool_jobs{pool=\"b\"} 12.0",
            "evscale_pool_retraining_recommended{pool=\"b\"} 0.0",
            "# EOF",
        ] {
            assert!(lines.contains(&wanted), "{wanted} is not in\n{text}");
        }
        assert!(!text.contains("evscale_pool_accuracy{"), "what is not known is left out");
        for metric in Report::METRICS {
            let help = format!("# HELP {} ", metric.exported_name());
            assert_eq!(lines.iter().filter(|line| line.starts_with(&help)).count(), 1, "{help}");
        }
    }

    #[test]
    fn alerts_are_told_with_their_name_and_severity() {
        let alert = Alert {
            name: "blind".to_owned(),
            severity: Severity::Critical,
            state: AlertState::Firing,
            since: crate::Timestamp::EPOCH,
            until: None,
            seconds: 0.0,
            escalated: true,
            silenced_until: None,
            condition: AlertRule::table()[0].condition_text(),
            values: Vec::new(),
            text: "",
            action: "",
        };
        let text = openmetrics([("a".to_owned(), Arc::new(PoolSample::new(&Report::default(), &[alert])))]);
        for (family, value) in [("alert", "1.0"), ("alert_silenced", "0.0"), ("alert_escalated", "1.0")] {
            let line =
                format!("evscale_pool_{family}{{pool=\"a\",alert=\"blind\",severity=\"critical\"}} {value}");
            assert!(text.lines().any(|found| found == line), "{line} is not in\n{text}");
        }
    }
}
