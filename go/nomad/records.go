package main

import (
	"math"
	"sort"
	"time"

	"github.com/evscale/evscale/go/evscale"
	"github.com/hashicorp/nomad-autoscaler/sdk"
)

// arrivals is the field whose check decides.
const arrivals = "logged_events_count"

// kind says how values within an interval become the number of a record.
type kind int

const (
	// counted: a rate, whose mean is scaled to the interval.
	counted kind = iota
	// mean of the values.
	mean
	// last value: what is there at the end of the interval.
	last
)

// field is one of a record.
type field struct {
	kind kind
	set  func(*evscale.Metrics, float64)
}

// fields are those that a check may measure.
var fields = map[string]field{
	arrivals:                         {counted, func(record *evscale.Metrics, value float64) { record.Events = value }},
	"processed_events_count":         {counted, func(record *evscale.Metrics, value float64) { record.Processed = &value }},
	"sla_violations_count":           {counted, func(record *evscale.Metrics, value float64) { record.SLAViolations = &value }},
	"dropped_events_count":           {counted, func(record *evscale.Metrics, value float64) { record.Dropped = &value }},
	"average_processing_duration_ms": {mean, func(record *evscale.Metrics, value float64) { record.ServiceMs = &value }},
	"average_queue_wait_time_ms":     {mean, func(record *evscale.Metrics, value float64) { record.WaitMs = &value }},
	"cpu_utilization_percent":        {mean, func(record *evscale.Metrics, value float64) { record.CPUPercent = &value }},
	"memory_utilization_percent":     {mean, func(record *evscale.Metrics, value float64) { record.MemoryPercent = &value }},
	"network_io_mbps":                {mean, func(record *evscale.Metrics, value float64) { record.NetworkMbps = &value }},
	"error_rate_percent":             {mean, func(record *evscale.Metrics, value float64) { record.ErrorPercent = &value }},
	"busy_jobs":                      {mean, func(record *evscale.Metrics, value float64) { record.BusyJobs = &value }},
	"queued_events_count":            {last, func(record *evscale.Metrics, value float64) { record.Queued = &value }},
	"oldest_event_age_ms":            {last, func(record *evscale.Metrics, value float64) { record.OldestMs = &value }},
	"scheduled_events_count":         {last, func(record *evscale.Metrics, value float64) { record.Scheduled = &value }},
}

// series are the values of a pool by field, in the order of time, and the time that counts are of.
type series struct {
	values     map[string]sdk.TimestampedMetrics
	perSeconds map[string]float64
}

func newSeries() series {
	return series{map[string]sdk.TimestampedMetrics{}, map[string]float64{}}
}

// take replaces the values of a field by those of its newest query.
func (of series) take(check check, values sdk.TimestampedMetrics) {
	sort.Sort(values)
	of.values[check.field], of.perSeconds[check.field] = values, check.perSeconds
}

// number is what the values of a field say of the interval from begin, which it does not include, to end.
func (of series) number(name string, begin, end time.Time) (float64, bool) {
	values := of.values[name]
	from := sort.Search(len(values), func(i int) bool { return values[i].Timestamp.After(begin) })
	sum, newest, count := 0.0, 0.0, 0
	for _, each := range values[from:] {
		if each.Timestamp.After(end) {
			break
		}
		if !math.IsNaN(each.Value) {
			sum, newest, count = sum+each.Value, each.Value, count+1
		}
	}
	switch {
	case count == 0:
		return 0, false
	case fields[name].kind == last:
		return newest, true
	case fields[name].kind == counted:
		return sum / float64(count) / of.perSeconds[name] * end.Sub(begin).Seconds(), true
	}
	return sum / float64(count), true
}

// records are those of the intervals that ended after `after` and are over at the newest arrival. An interval without arrivals has
// none. How many jobs there were is known of the newest alone.
func (of series) records(interval time.Duration, after time.Time, jobs int64) []evscale.Metrics {
	arrived := of.values[arrivals]
	begin := arrived[0].Timestamp.Add(-1).Truncate(interval)
	if begin.Before(after) {
		begin = after
	}
	var records []evscale.Metrics
	for newest := arrived[len(arrived)-1].Timestamp; !begin.Add(interval).After(newest); begin = begin.Add(interval) {
		end := begin.Add(interval)
		if _, known := of.number(arrivals, begin, end); !known {
			continue
		}
		record := evscale.Metrics{End: end.UTC(), Jobs: math.NaN()}
		for name, field := range fields {
			if value, known := of.number(name, begin, end); known {
				field.set(&record, value)
			}
		}
		records = append(records, record)
	}
	if len(records) > 0 {
		records[len(records)-1].Jobs = float64(jobs)
	}
	return records
}
