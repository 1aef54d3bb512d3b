package evscale

// #include <evscale.h>
import "C"

import (
	"math"
	"runtime"
	"time"
)

// Meter counts what happens in a pool and hands out one record per interval. Any number of goroutines may use it. Close frees it,
// once nobody uses it any more.
type Meter struct{ handle *C.evscale_meter }

// NewMeter measures from now on.
func NewMeter(config Config, now time.Time) (*Meter, error) {
	settings, err := config.json()
	if err != nil {
		return nil, err
	}
	text, free, err := cText(settings)
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

// Arrived counts events that have arrived, once each: a retry is no arrival.
func (meter *Meter) Arrived(events uint64) error {
	var detail *C.evscale_error
	status := C.evscale_meter_arrived(meter.handle, C.uint64_t(events), &detail)
	return failed(status, detail)
}

// Finished counts events whose processing has ended, each after so long in the queue; a negative duration is not known.
func (meter *Meter) Finished(work, waited time.Duration, events uint64) error {
	known := func(duration time.Duration) C.double {
		if duration < 0 {
			return C.double(math.NaN())
		}
		return C.double(duration.Seconds())
	}
	var detail *C.evscale_error
	status := C.evscale_meter_finished(meter.handle, known(work), known(waited), C.uint64_t(events), &detail)
	return failed(status, detail)
}

// Failed says that so many of the finished events failed.
func (meter *Meter) Failed(events uint64) error {
	var detail *C.evscale_error
	status := C.evscale_meter_failed(meter.handle, C.uint64_t(events), &detail)
	return failed(status, detail)
}

// Started notes jobs that were asked for.
func (meter *Meter) Started(now time.Time, jobs uint32) error {
	var detail *C.evscale_error
	status := C.evscale_meter_started(meter.handle, C.int64_t(now.UnixMilli()), C.uint32_t(jobs), &detail)
	return failed(status, detail)
}

// Ready notes jobs that have become ready, those first that were asked for first.
func (meter *Meter) Ready(now time.Time, jobs uint32) error {
	var detail *C.evscale_error
	status := C.evscale_meter_ready(meter.handle, C.int64_t(now.UnixMilli()), C.uint32_t(jobs), &detail)
	return failed(status, detail)
}

// Tick hands the records of the intervals that have ended to a pool, oldest first, and what the host did since the last call; returns
// how many there were. Jobs are there now, starting ones included; queued events wait and busy jobs work now, NaN is not known.
func (meter *Meter) Tick(now time.Time, jobs, queued, busy float64, pool *Pool) (int, error) {
	at := C.int64_t(now.UnixMilli())
	for taken := 0; ; taken++ {
		var record C.evscale_metrics
		var waiting C.size_t
		var detail *C.evscale_error
		C.evscale_metrics_init(&record, C.sizeof_evscale_metrics)
		status := C.evscale_meter_tick(meter.handle, at, C.double(jobs), C.double(queued), C.double(busy), &record, 1, &waiting, &detail)
		if err := failed(status, detail); err != nil {
			return taken, err
		}
		if waiting == 0 {
			return taken, meter.acknowledge(at, pool)
		}
		err := pool.call(
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
	return pool.call(
		func(scaler *C.evscale_autoscaler, detail **C.evscale_error) C.int32_t {
			return C.evscale_meter_acknowledge(meter.handle, now, scaler, detail)
		},
		func(fleet *C.evscale_fleet, key *C.char, detail **C.evscale_error) C.int32_t {
			return C.evscale_fleet_meter_acknowledge(fleet, key, meter.handle, now, detail)
		})
}
