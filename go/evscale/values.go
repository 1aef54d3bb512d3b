package evscale

// #include <evscale.h>
// #include <stdlib.h>
import "C"

import (
	"encoding/json"
	"math"
	"time"
	"unsafe"
)

// Config has settings by their names in docs/settings.md; what it leaves out has its default.
type Config map[string]any

func (config Config) json() (string, error) {
	if config == nil {
		return "{}", nil
	}
	text, err := json.Marshal(config)
	if err != nil {
		return "", &Error{ErrInvalidConfig, err.Error()}
	}
	return string(text), nil
}

// Number is a number that is known, for a field of [Metrics].
func Number(value float64) *float64 { return &value }

// Flag is a flag that is known, for a field of [Metrics].
func Flag(value bool) *bool { return &value }

// Metrics is what was measured in one interval. What is nil is not known; Events and Jobs are NaN where they could not be measured.
// Counts are of this interval alone, not running totals.
type Metrics struct {
	// End of the interval.
	End time.Time
	// Events that arrived in the interval.
	Events float64
	// Jobs that exist at the end of the interval, ready ones and starting ones.
	Jobs float64
	// Events whose processing ended in the interval.
	Processed *float64
	// Events waiting at the end of the interval.
	Queued *float64
	// Events that arrived in the interval and wait at its end.
	Unprocessed *float64
	// Mean time a job works on one event, ms.
	ServiceMs *float64
	// Mean busy share of the ready jobs, 0 to 100 %.
	CPUPercent *float64
	// Mean memory use of the jobs, 0 to 100 %.
	MemoryPercent *float64
	// Network traffic of the pool, Mbit/s.
	NetworkMbps *float64
	// Mean wait in the queue of the events taken from it in the interval, ms.
	WaitMs *float64
	// Events taken from the queue in the interval that had waited longer than the SLA allows.
	SLAViolations *float64
	// Share of events that failed, 0 to 100 %.
	ErrorPercent *float64
	// Traffic that the host expects in the coming intervals over the usual one: 1 is as usual.
	ExpectedTraffic *float64
	// Events that were lost in the interval because the queue was full.
	Dropped *float64
	// Events that the queue can hold.
	QueueCapacity *float64
	// Age of the oldest event that waits at the end of the interval, ms.
	OldestMs *float64
	// Jobs that work on an event, mean over the interval.
	BusyJobs *float64
	// Jobs among those that exist which take no more events, because they leave.
	DrainingJobs *float64
	// Events among those that wait which are not due yet.
	Scheduled *float64
	// By the host's own calendar.
	BusinessHours, PeakHours *bool
	// Maintenance is under way; a deploy is in progress.
	Maintenance, Deploy *bool
	// Counts of each class of events by its name in the setting `classes`; nil where the pool has one kind of events.
	Classes map[string]ClassCounts
}

// ClassCounts is what was measured of one class of events in one interval. What is nil is not known.
type ClassCounts struct {
	// Events of the class that arrived in the interval.
	Events *float64
	// Events of the class whose processing ended in the interval.
	Processed *float64
	// Events of the class that wait at the end of the interval.
	Queued *float64
	// Events of the class taken from the queue in the interval that had waited longer than its SLA allows.
	SLAViolations *float64
}

func number(value *float64) C.double {
	if value == nil {
		return C.double(math.NaN())
	}
	return C.double(*value)
}

// rawClasses gives the counts of classes in memory of C, and frees them.
func rawClasses(classes map[string]ClassCounts) (*C.evscale_class_counts, func(), error) {
	if len(classes) == 0 {
		return nil, func() {}, nil
	}
	count := len(classes)
	memory := C.calloc(C.size_t(count), C.sizeof_evscale_class_counts)
	raw := unsafe.Slice((*C.evscale_class_counts)(memory), count)
	frees := make([]func(), 0, count)
	free := func() {
		for _, each := range frees {
			each()
		}
		C.free(memory)
	}
	for name, counts := range classes {
		text, freeText, err := cText(name)
		if err != nil {
			free()
			return nil, func() {}, err
		}
		one := &raw[len(frees)]
		frees = append(frees, freeText)
		C.evscale_class_counts_init(one, C.sizeof_evscale_class_counts)
		one.name = text
		one.logged_events_count, one.processed_events_count = number(counts.Events), number(counts.Processed)
		one.queued_events_count, one.sla_violations_count = number(counts.Queued), number(counts.SLAViolations)
	}
	return &raw[0], free, nil
}

// raw gives the record as C has it, and frees what it points to.
func (metrics *Metrics) raw() (C.evscale_metrics, func(), error) {
	flag := func(value *bool) C.int32_t {
		switch {
		case value == nil:
			return -1
		case *value:
			return 1
		}
		return 0
	}
	var raw C.evscale_metrics
	classes, free, err := rawClasses(metrics.Classes)
	if err != nil {
		return raw, free, err
	}
	C.evscale_metrics_init(&raw, C.sizeof_evscale_metrics)
	raw.timestamp_ms = C.int64_t(metrics.End.UnixMilli())
	raw.logged_events_count = C.double(metrics.Events)
	raw.current_job_count = C.double(metrics.Jobs)
	raw.processed_events_count = number(metrics.Processed)
	raw.queued_events_count = number(metrics.Queued)
	raw.unprocessed_events_count = number(metrics.Unprocessed)
	raw.average_processing_duration_ms = number(metrics.ServiceMs)
	raw.cpu_utilization_percent = number(metrics.CPUPercent)
	raw.memory_utilization_percent = number(metrics.MemoryPercent)
	raw.network_io_mbps = number(metrics.NetworkMbps)
	raw.average_queue_wait_time_ms = number(metrics.WaitMs)
	raw.sla_violations_count = number(metrics.SLAViolations)
	raw.error_rate_percent = number(metrics.ErrorPercent)
	raw.expected_traffic_multiplier = number(metrics.ExpectedTraffic)
	raw.dropped_events_count = number(metrics.Dropped)
	raw.queue_capacity = number(metrics.QueueCapacity)
	raw.oldest_event_age_ms = number(metrics.OldestMs)
	raw.busy_jobs = number(metrics.BusyJobs)
	raw.draining_jobs = number(metrics.DrainingJobs)
	raw.scheduled_events_count = number(metrics.Scheduled)
	raw.is_business_hours = flag(metrics.BusinessHours)
	raw.is_peak_hours = flag(metrics.PeakHours)
	raw.is_maintenance_window = flag(metrics.Maintenance)
	raw.is_deploy_in_progress = flag(metrics.Deploy)
	raw.classes, raw.class_count = classes, C.size_t(len(metrics.Classes))
	return raw, free, nil
}

// Verdict says what became of a record.
type Verdict int32

// The verdicts.
const (
	Accepted Verdict = C.EVSCALE_VERDICT_ACCEPTED
	Repaired Verdict = C.EVSCALE_VERDICT_REPAIRED
	Rejected Verdict = C.EVSCALE_VERDICT_REJECTED
)

// Observation is what became of a record: a late or broken one is no failure.
type Observation struct {
	Verdict Verdict
	// How unusual the record is, 0 to 1.
	AnomalyScore           float64
	DecisionDue, Emergency bool
}

// Action is what a decision does with the pool.
type Action int32

// The actions.
const (
	ScaleDown Action = C.EVSCALE_ACTION_SCALE_DOWN
	Hold      Action = C.EVSCALE_ACTION_HOLD
	ScaleUp   Action = C.EVSCALE_ACTION_SCALE_UP
)

// Decision says how many jobs the pool should have.
type Decision struct {
	// Jobs is nil while nobody knows how many jobs the pool has: leave it as it is.
	Jobs *int
	// CurrentJobs is the last known number; 0 before a record told it.
	CurrentJobs int
	// ProposedJobs is what was proposed before the safety rules.
	ProposedJobs int
	Action       Action
	Emergency    bool
	// Confidence is how far the decision can be trusted, 0 to 1.
	Confidence float64
	// ValidUntil is when the next decision is due.
	ValidUntil time.Time
}

func observationOf(raw *C.evscale_observation) Observation {
	return Observation{Verdict(raw.verdict), float64(raw.anomaly_score), raw.decision_due != 0, raw.emergency != 0}
}

func decisionOf(raw *C.evscale_decision) Decision {
	decision := Decision{
		CurrentJobs:  int(raw.current_jobs),
		ProposedJobs: int(raw.proposed_jobs),
		Action:       Action(raw.action),
		Emergency:    raw.emergency != 0,
		Confidence:   float64(raw.confidence),
		ValidUntil:   time.UnixMilli(int64(raw.valid_until_ms)).UTC(),
	}
	if raw.has_recommendation != 0 {
		jobs := int(raw.recommended_jobs)
		decision.Jobs = &jobs
	}
	return decision
}

// Outcome is what the host did with a decision, or since the last outcome that it told.
type Outcome struct {
	At      time.Time
	Started int
	Ready   int
	// Startup is the mean time from request to ready; 0 is not known.
	Startup time.Duration
	Refused int
	Drained int
}

func (outcome *Outcome) json() string {
	fields := map[string]any{
		"timestamp": outcome.At.UnixMilli(), "started": outcome.Started, "ready": outcome.Ready,
		"refused": outcome.Refused, "drained": outcome.Drained,
	}
	if outcome.Startup > 0 {
		fields["startup_seconds"] = outcome.Startup.Seconds()
	}
	text, _ := json.Marshal(fields) // whole numbers and finite ones always have a text
	return string(text)
}
