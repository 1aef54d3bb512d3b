package evscale

// #include <evscale.h>
import "C"

import (
	"encoding/json"
	"math"
	"runtime"
	"time"
)

// Meter counts what happens in a pool and hands out one record per interval. Any number of goroutines may use it. Close frees it,
// once nobody uses it any more.
type Meter struct{ handle *C.evscale_meter }

// NewMeter measures from now on.
func NewMeter(config Config, now time.Time) (*Meter, error) {
	text, free, err := cJSON(config)
	defer free()
	if err != nil {
		return nil, err
	}
	meter := &Meter{}
	var detail *C.evscale_error
	status := C.evscale_meter_new(text, C.int64_t(now.UnixMilli()), &meter.handle, &detail)
	if err := failed(status, detail); err != nil {
		return nil, err
	}
	runtime.SetFinalizer(meter, (*Meter).Close)
	return meter, nil
}

// Close frees the meter.
func (meter *Meter) Close() {
	C.evscale_meter_free(meter.handle)
	meter.handle = nil
	runtime.SetFinalizer(meter, nil)
}

// alive makes a call, during which the meter is not freed although nobody may use it any more after that.
func (meter *Meter) alive(call func(handle *C.evscale_meter, detail **C.evscale_error) C.int32_t) error {
	defer runtime.KeepAlive(meter)
	if meter.handle == nil {
		return &Error{ErrClosed, ErrClosed.Error()}
	}
	var detail *C.evscale_error
	status := call(meter.handle, &detail)
	return failed(status, detail)
}

// Arrived counts events that have arrived, once each: a retry is no arrival.
func (meter *Meter) Arrived(events uint64) error {
	return meter.alive(func(handle *C.evscale_meter, detail **C.evscale_error) C.int32_t {
		return C.evscale_meter_arrived(handle, C.uint64_t(events), detail)
	})
}

// Finished counts events whose processing has ended, each after so long in the queue; a negative duration is not known.
func (meter *Meter) Finished(work, waited time.Duration, events uint64) error {
	known := func(duration time.Duration) C.double {
		if duration < 0 {
			return C.double(math.NaN())
		}
		return C.double(duration.Seconds())
	}
	return meter.alive(func(handle *C.evscale_meter, detail **C.evscale_error) C.int32_t {
		return C.evscale_meter_finished(handle, known(work), known(waited), C.uint64_t(events), detail)
	})
}

// Failed says that so many of the finished events failed.
func (meter *Meter) Failed(events uint64) error {
	return meter.alive(func(handle *C.evscale_meter, detail **C.evscale_error) C.int32_t {
		return C.evscale_meter_failed(handle, C.uint64_t(events), detail)
	})
}

// Started notes jobs that were asked for.
func (meter *Meter) Started(now time.Time, jobs uint32) error {
	return meter.alive(func(handle *C.evscale_meter, detail **C.evscale_error) C.int32_t {
		return C.evscale_meter_started(handle, C.int64_t(now.UnixMilli()), C.uint32_t(jobs), detail)
	})
}

// Ready notes jobs that have become ready, those first that were asked for first.
func (meter *Meter) Ready(now time.Time, jobs uint32) error {
	return meter.alive(func(handle *C.evscale_meter, detail **C.evscale_error) C.int32_t {
		return C.evscale_meter_ready(handle, C.int64_t(now.UnixMilli()), C.uint32_t(jobs), detail)
	})
}

// Refused notes jobs that were asked for and could not be had.
func (meter *Meter) Refused(jobs uint32) error {
	return meter.alive(func(handle *C.evscale_meter, detail **C.evscale_error) C.int32_t {
		return C.evscale_meter_refused(handle, C.uint32_t(jobs), detail)
	})
}

// Drained notes jobs that have finished their work and left.
func (meter *Meter) Drained(jobs uint32) error {
	return meter.alive(func(handle *C.evscale_meter, detail **C.evscale_error) C.int32_t {
		return C.evscale_meter_drained(handle, C.uint32_t(jobs), detail)
	})
}

// Totals are running totals of a source, such as a broker or a worker; what is nil is not known.
type Totals struct {
	// Arrived events, and those whose processing has ended, well or not.
	Arrived, Finished *float64
	// Failed ones of the finished events.
	Failed *float64
	// BusySeconds that the finished events kept their jobs.
	BusySeconds *float64
	// WaitedSeconds of the finished events in the queue.
	WaitedSeconds *float64
	// Late events had waited longer than sla_wait_seconds.
	Late *float64
}

// Totals takes running totals in the place of single events; those of several sources add up. A total that is smaller than before has
// been reset, and counts from zero.
func (meter *Meter) Totals(source string, totals Totals) error {
	name, free, err := cText(source)
	defer free()
	if err != nil {
		return err
	}
	var raw C.evscale_totals
	C.evscale_totals_init(&raw, C.sizeof_evscale_totals)
	raw.arrived, raw.finished, raw.failed = number(totals.Arrived), number(totals.Finished), number(totals.Failed)
	raw.busy_seconds, raw.waited_seconds, raw.late = number(totals.BusySeconds), number(totals.WaitedSeconds), number(totals.Late)
	return meter.alive(func(handle *C.evscale_meter, detail **C.evscale_error) C.int32_t {
		return C.evscale_meter_totals(handle, name, &raw, detail)
	})
}

// Estimates tells which fields of the last records are estimates, and of what, as JSON.
func (meter *Meter) Estimates() (json.RawMessage, error) {
	defer runtime.KeepAlive(meter)
	return filledText(func(to *C.char, size C.size_t, needed *C.size_t, detail **C.evscale_error) C.int32_t {
		return C.evscale_meter_estimates_json(meter.handle, to, size, needed, detail)
	})
}

// Tick hands the records of the intervals that have ended to a pool, oldest first, and what the host did since the last call; returns
// how many there were. Jobs are there now, starting ones included; queued events wait and busy jobs work now, NaN is not known.
func (meter *Meter) Tick(now time.Time, jobs, queued, busy float64, pool *Pool) (int, error) {
	at := C.int64_t(now.UnixMilli())
	for taken := 0; ; taken++ {
		var record C.evscale_metrics
		var waiting C.size_t
		C.evscale_metrics_init(&record, C.sizeof_evscale_metrics)
		err := meter.alive(func(handle *C.evscale_meter, detail **C.evscale_error) C.int32_t {
			return C.evscale_meter_tick(handle, at, C.double(jobs), C.double(queued), C.double(busy), &record, 1, &waiting, detail)
		})
		if err != nil {
			return taken, err
		}
		if waiting == 0 {
			return taken, meter.acknowledge(at, pool)
		}
		err = pool.call(
			func(scaler *C.evscale_autoscaler, detail **C.evscale_error) C.int32_t {
				return C.evscale_observe(scaler, &record, nil, detail)
			},
			func(fleet *C.evscale_fleet, key *C.char, detail **C.evscale_error) C.int32_t {
				return C.evscale_fleet_observe(fleet, key, &record, nil, detail)
			})
		if err != nil {
			return taken, err
		}
	}
}

func (meter *Meter) acknowledge(now C.int64_t, pool *Pool) error {
	defer runtime.KeepAlive(meter)
	return pool.call(
		func(scaler *C.evscale_autoscaler, detail **C.evscale_error) C.int32_t {
			return C.evscale_meter_acknowledge(meter.handle, now, scaler, detail)
		},
		func(fleet *C.evscale_fleet, key *C.char, detail **C.evscale_error) C.int32_t {
			return C.evscale_fleet_meter_acknowledge(fleet, key, meter.handle, now, detail)
		})
}
