package evscale

// #include <evscale.h>
import "C"

import "time"

// Pause switches changes off.
type Pause int32

// What is paused.
const (
	PauseOff  Pause = C.EVSCALE_PAUSE_OFF
	PauseAll  Pause = C.EVSCALE_PAUSE_ALL
	PauseDown Pause = C.EVSCALE_PAUSE_DOWN
	PauseUp   Pause = C.EVSCALE_PAUSE_UP
)

// SetPause switches changes off or on.
func (pool *Pool) SetPause(pause Pause) error {
	return pool.call(
		func(scaler *C.evscale_autoscaler, detail **C.evscale_error) C.int32_t {
			return C.evscale_set_pause(scaler, C.int32_t(pause), detail)
		},
		func(fleet *C.evscale_fleet, key *C.char, detail **C.evscale_error) C.int32_t {
			return C.evscale_fleet_set_pause(fleet, key, C.int32_t(pause), detail)
		})
}

// Order is what a person orders.
type Order int32

// The orders: exactly, at most, or at least so many jobs.
const (
	OrderFixed Order = C.EVSCALE_ORDER_FIXED
	OrderCap   Order = C.EVSCALE_ORDER_CAP
	OrderFloor Order = C.EVSCALE_ORDER_FLOOR
)

// SetOverride gives a person's order from one time to another; a pause, the budget and the bounds hold nevertheless.
func (pool *Pool) SetOverride(order Order, jobs uint32, from, until time.Time) error {
	begin, end := C.int64_t(from.UnixMilli()), C.int64_t(until.UnixMilli())
	return pool.call(
		func(scaler *C.evscale_autoscaler, detail **C.evscale_error) C.int32_t {
			return C.evscale_set_override_from(scaler, C.int32_t(order), C.uint32_t(jobs), begin, end, detail)
		},
		func(fleet *C.evscale_fleet, key *C.char, detail **C.evscale_error) C.int32_t {
			return C.evscale_fleet_set_override_from(fleet, key, C.int32_t(order), C.uint32_t(jobs), begin, end, detail)
		})
}

// ClearOverride takes a person's order back.
func (pool *Pool) ClearOverride() error {
	return pool.call(
		func(scaler *C.evscale_autoscaler, detail **C.evscale_error) C.int32_t {
			return C.evscale_clear_override(scaler, detail)
		},
		func(fleet *C.evscale_fleet, key *C.char, detail **C.evscale_error) C.int32_t {
			return C.evscale_fleet_clear_override(fleet, key, detail)
		})
}

// Announced is what is said of the time to come.
type Announced int32

// So many times the load that is expected otherwise, so many events in all, or at least so many jobs.
const (
	AnnouncedMultiplier Announced = C.EVSCALE_ANNOUNCED_MULTIPLIER
	AnnouncedEvents     Announced = C.EVSCALE_ANNOUNCED_EVENTS
	AnnouncedMinJobs    Announced = C.EVSCALE_ANNOUNCED_MIN_JOBS
)

// Announce says what is known of the time to come; returns the number by which it is cancelled.
func (pool *Pool) Announce(what Announced, value float64, start, end time.Time) (uint32, error) {
	var id C.uint32_t
	from, until := C.int64_t(start.UnixMilli()), C.int64_t(end.UnixMilli())
	err := pool.call(
		func(scaler *C.evscale_autoscaler, detail **C.evscale_error) C.int32_t {
			return C.evscale_announce(scaler, C.int32_t(what), C.double(value), from, until, &id, detail)
		},
		func(fleet *C.evscale_fleet, key *C.char, detail **C.evscale_error) C.int32_t {
			return C.evscale_fleet_announce(fleet, key, C.int32_t(what), C.double(value), from, until, &id, detail)
		})
	return uint32(id), err
}

// Due is a number of events that fall due at a time.
type Due struct {
	At     time.Time
	Events float64
}

// SetDue says which events fall due when, as it is known at now; what was said of later times is replaced.
func (pool *Pool) SetDue(now time.Time, due []Due) error {
	at, events := make([]C.int64_t, len(due)+1), make([]C.double, len(due)+1)
	for i, one := range due {
		at[i], events[i] = C.int64_t(one.At.UnixMilli()), C.double(one.Events)
	}
	count, as := C.size_t(len(due)), C.int64_t(now.UnixMilli())
	return pool.call(
		func(scaler *C.evscale_autoscaler, detail **C.evscale_error) C.int32_t {
			return C.evscale_set_due(scaler, as, &events[0], &at[0], count, detail)
		},
		func(fleet *C.evscale_fleet, key *C.char, detail **C.evscale_error) C.int32_t {
			return C.evscale_fleet_set_due(fleet, key, as, &events[0], &at[0], count, detail)
		})
}

// CancelAnnouncement takes an announcement back.
func (pool *Pool) CancelAnnouncement(id uint32) error {
	return pool.call(
		func(scaler *C.evscale_autoscaler, detail **C.evscale_error) C.int32_t {
			return C.evscale_cancel_announcement(scaler, C.uint32_t(id), detail)
		},
		func(fleet *C.evscale_fleet, key *C.char, detail **C.evscale_error) C.int32_t {
			return C.evscale_fleet_cancel_announcement(fleet, key, C.uint32_t(id), detail)
		})
}

// Acknowledge tells what the host really did; startup times, and what can be had, are learned from it.
func (pool *Pool) Acknowledge(outcome Outcome) error {
	text, free, err := cText(outcome.json())
	defer free()
	if err != nil {
		return err
	}
	return pool.call(
		func(scaler *C.evscale_autoscaler, detail **C.evscale_error) C.int32_t {
			return C.evscale_acknowledge_json(scaler, text, detail)
		},
		func(fleet *C.evscale_fleet, key *C.char, detail **C.evscale_error) C.int32_t {
			return C.evscale_fleet_acknowledge_json(fleet, key, text, detail)
		})
}

// ReportLatency tells how long the last Observe or Decide took; networks that are too slow are left alone for a while.
func (pool *Pool) ReportLatency(took time.Duration) error {
	milliseconds := C.double(took.Seconds() * 1000)
	return pool.call(
		func(scaler *C.evscale_autoscaler, detail **C.evscale_error) C.int32_t {
			return C.evscale_report_latency(scaler, milliseconds, detail)
		},
		func(fleet *C.evscale_fleet, key *C.char, detail **C.evscale_error) C.int32_t {
			return C.evscale_fleet_report_latency(fleet, key, milliseconds, detail)
		})
}

// Silence silences an alert until a time; one that is over takes the silence back.
func (pool *Pool) Silence(alert string, until time.Time) error {
	name, free, err := cText(alert)
	defer free()
	if err != nil {
		return err
	}
	end := C.int64_t(until.UnixMilli())
	return pool.call(
		func(scaler *C.evscale_autoscaler, detail **C.evscale_error) C.int32_t {
			return C.evscale_silence(scaler, name, end, detail)
		},
		func(fleet *C.evscale_fleet, key *C.char, detail **C.evscale_error) C.int32_t {
			return C.evscale_fleet_silence(fleet, key, name, end, detail)
		})
}

// Reconfigure goes on under another configuration; the next decision tells what has changed.
func (pool *Pool) Reconfigure(config Config) error {
	text, free, err := cJSON(config)
	defer free()
	if err != nil {
		return err
	}
	return pool.call(
		func(scaler *C.evscale_autoscaler, detail **C.evscale_error) C.int32_t {
			return C.evscale_reconfigure(scaler, text, detail)
		},
		func(fleet *C.evscale_fleet, key *C.char, detail **C.evscale_error) C.int32_t {
			return C.evscale_fleet_reconfigure(fleet, key, text, detail)
		})
}
