package evscale

// #include <evscale.h>
import "C"

import (
	"encoding/json"
	"math"
	"sync"
	"time"
	"unsafe"
)

// owner has the handle of an autoscaler or a fleet; calls wait for each other.
type owner struct {
	lock   sync.Mutex
	scaler *C.evscale_autoscaler
	fleet  *C.evscale_fleet
}

func (owner *owner) close() {
	owner.lock.Lock()
	defer owner.lock.Unlock()
	C.evscale_free(owner.scaler)
	C.evscale_fleet_free(owner.fleet)
	owner.scaler, owner.fleet = nil, nil
}

// Pool has the methods of a pool, alone or in a fleet.
type Pool struct {
	owner *owner
	// key in a fleet.
	key string
}

// call runs alone with the handle, or inFleet with that of the fleet and the key, while nobody else does.
func (pool *Pool) call(alone func(*C.evscale_autoscaler, **C.evscale_error) C.int32_t,
	inFleet func(*C.evscale_fleet, *C.char, **C.evscale_error) C.int32_t) error {
	pool.owner.lock.Lock()
	defer pool.owner.lock.Unlock()
	var detail *C.evscale_error
	switch {
	case pool.owner.scaler != nil:
		return failed(alone(pool.owner.scaler, &detail), detail)
	case pool.owner.fleet != nil:
		key, free, err := cText(pool.key)
		defer free()
		if err != nil {
			return err
		}
		return failed(inFleet(pool.owner.fleet, key, &detail), detail)
	}
	return &Error{ErrClosed, ErrClosed.Error()}
}

// Observe takes the record of one interval.
func (pool *Pool) Observe(metrics Metrics) (Observation, error) {
	raw := C.evscale_observation{struct_size: C.sizeof_evscale_observation}
	record, free, err := metrics.raw()
	if err != nil {
		return Observation{}, err
	}
	defer free()
	err = pool.call(
		func(scaler *C.evscale_autoscaler, detail **C.evscale_error) C.int32_t {
			return C.evscale_observe(scaler, &record, &raw, detail)
		},
		func(fleet *C.evscale_fleet, key *C.char, detail **C.evscale_error) C.int32_t {
			return C.evscale_fleet_observe(fleet, key, &record, &raw, detail)
		})
	return observationOf(&raw), err
}

// ObserveJSON takes a record as JSON, with the field names of docs/c-reference.md and `timestamp`.
func (pool *Pool) ObserveJSON(record []byte) (Observation, error) {
	raw := C.evscale_observation{struct_size: C.sizeof_evscale_observation}
	text, free, err := cText(string(record))
	defer free()
	if err != nil {
		return Observation{}, err
	}
	err = pool.call(
		func(scaler *C.evscale_autoscaler, detail **C.evscale_error) C.int32_t {
			return C.evscale_observe_json(scaler, text, &raw, detail)
		},
		func(fleet *C.evscale_fleet, key *C.char, detail **C.evscale_error) C.int32_t {
			return C.evscale_fleet_observe_json(fleet, key, text, &raw, detail)
		})
	return observationOf(&raw), err
}

// Backfill takes a record from long ago into the history alone, some hundred times cheaper than Observe.
func (pool *Pool) Backfill(metrics Metrics) (Observation, error) {
	raw := C.evscale_observation{struct_size: C.sizeof_evscale_observation}
	record, free, err := metrics.raw()
	if err != nil {
		return Observation{}, err
	}
	defer free()
	err = pool.call(
		func(scaler *C.evscale_autoscaler, detail **C.evscale_error) C.int32_t {
			return C.evscale_backfill(scaler, &record, &raw, detail)
		},
		func(fleet *C.evscale_fleet, key *C.char, detail **C.evscale_error) C.int32_t {
			return C.evscale_fleet_backfill(fleet, key, &record, &raw, detail)
		})
	return observationOf(&raw), err
}

// Decide gives the decision at the time of the newest record: a new one if it is due or there is an emergency, else the standing one.
func (pool *Pool) Decide() (Decision, error) {
	raw := C.evscale_decision{struct_size: C.sizeof_evscale_decision}
	err := pool.call(
		func(scaler *C.evscale_autoscaler, detail **C.evscale_error) C.int32_t {
			return C.evscale_decide(scaler, &raw, detail)
		},
		func(fleet *C.evscale_fleet, key *C.char, detail **C.evscale_error) C.int32_t {
			return C.evscale_fleet_decide(fleet, key, &raw, detail)
		})
	return decisionOf(&raw), err
}

// DecideAt gives the decision at a time that may be later than the newest record: what to do when records stay away.
func (pool *Pool) DecideAt(now time.Time) (Decision, error) {
	raw, at := C.evscale_decision{struct_size: C.sizeof_evscale_decision}, C.int64_t(now.UnixMilli())
	err := pool.call(
		func(scaler *C.evscale_autoscaler, detail **C.evscale_error) C.int32_t {
			return C.evscale_decide_at(scaler, at, &raw, detail)
		},
		func(fleet *C.evscale_fleet, key *C.char, detail **C.evscale_error) C.int32_t {
			return C.evscale_fleet_decide_at(fleet, key, at, &raw, detail)
		})
	return decisionOf(&raw), err
}

// Text is what can be asked of a pool and comes as a text.
type Text int

// The texts: an English sentence, and JSON.
const (
	Explanation Text = iota
	DecisionJSON
	ObservationJSON
	ForecastJSON
	HealthJSON
	// LearnedJSON is what the pool has learned and counts on.
	LearnedJSON
	ReportJSON
	AlertsJSON
	AnnouncementsJSON
	ConfigJSON
	// ModelsJSON tells which models act, which run beside them, how both compare, and what happened; [ErrNothingYet] while there was
	// never another one than at first.
	ModelsJSON
)

func (pool *Pool) text(of Text) ([]byte, error) {
	var out []byte
	var failure error
	err := pool.call(
		func(scaler *C.evscale_autoscaler, _ **C.evscale_error) C.int32_t {
			out, failure = filled(8192, func(to unsafe.Pointer, size C.size_t, needed *C.size_t, detail **C.evscale_error) C.int32_t {
				buffer := (*C.char)(to)
				switch of {
				case Explanation:
					return C.evscale_explanation(scaler, buffer, size, needed, detail)
				case DecisionJSON:
					return C.evscale_decision_json(scaler, buffer, size, needed, detail)
				case ObservationJSON:
					return C.evscale_observation_json(scaler, buffer, size, needed, detail)
				case ForecastJSON:
					return C.evscale_forecast_json(scaler, buffer, size, needed, detail)
				case HealthJSON:
					return C.evscale_health_json(scaler, buffer, size, needed, detail)
				case LearnedJSON:
					return C.evscale_learned_json(scaler, buffer, size, needed, detail)
				case ReportJSON:
					return C.evscale_report_json(scaler, buffer, size, needed, detail)
				case AlertsJSON:
					return C.evscale_alerts_json(scaler, buffer, size, needed, detail)
				case AnnouncementsJSON:
					return C.evscale_announcements_json(scaler, buffer, size, needed, detail)
				case ConfigJSON:
					return C.evscale_config_json(scaler, buffer, size, needed, detail)
				case ModelsJSON:
					return C.evscale_models_json(scaler, buffer, size, needed, detail)
				}
				return C.EVSCALE_INVALID_ARGUMENT
			})
			return C.EVSCALE_OK
		},
		func(fleet *C.evscale_fleet, key *C.char, _ **C.evscale_error) C.int32_t {
			out, failure = filled(8192, func(to unsafe.Pointer, size C.size_t, needed *C.size_t, detail **C.evscale_error) C.int32_t {
				buffer := (*C.char)(to)
				switch of {
				case Explanation:
					return C.evscale_fleet_explanation(fleet, key, buffer, size, needed, detail)
				case DecisionJSON:
					return C.evscale_fleet_decision_json(fleet, key, buffer, size, needed, detail)
				case ObservationJSON:
					return C.evscale_fleet_observation_json(fleet, key, buffer, size, needed, detail)
				case ForecastJSON:
					return C.evscale_fleet_forecast_json(fleet, key, buffer, size, needed, detail)
				case HealthJSON:
					return C.evscale_fleet_health_json(fleet, key, buffer, size, needed, detail)
				case LearnedJSON:
					return C.evscale_fleet_learned_json(fleet, key, buffer, size, needed, detail)
				case ReportJSON:
					return C.evscale_fleet_report_json(fleet, key, buffer, size, needed, detail)
				case AlertsJSON:
					return C.evscale_fleet_alerts_json(fleet, key, buffer, size, needed, detail)
				case AnnouncementsJSON:
					return C.evscale_fleet_announcements_json(fleet, key, buffer, size, needed, detail)
				case ConfigJSON:
					return C.evscale_fleet_config_json(fleet, key, buffer, size, needed, detail)
				case ModelsJSON:
					return C.evscale_fleet_models_json(fleet, key, buffer, size, needed, detail)
				}
				return C.EVSCALE_INVALID_ARGUMENT
			})
			return C.EVSCALE_OK
		})
	if err == nil {
		err = failure
	}
	if err != nil {
		return nil, err
	}
	return out[:len(out)-1], nil
}

// Explanation is the last decision in a sentence.
func (pool *Pool) Explanation() (string, error) {
	text, err := pool.text(Explanation)
	return string(text), err
}

// JSON is what a pool knows, in full; docs/c-reference.md tells the fields.
func (pool *Pool) JSON(of Text) (json.RawMessage, error) {
	if of <= Explanation || of > ModelsJSON {
		return nil, &Error{ErrInvalidArgument, "the text asked for is none of JSON"}
	}
	return pool.text(of)
}

// Metric is a number of the report by its name; NaN where it is not known.
func (pool *Pool) Metric(name string) (float64, error) {
	value := C.double(math.NaN())
	text, free, err := cText(name)
	defer free()
	if err != nil {
		return 0, err
	}
	err = pool.call(
		func(scaler *C.evscale_autoscaler, detail **C.evscale_error) C.int32_t {
			return C.evscale_report_metric(scaler, text, &value, detail)
		},
		func(fleet *C.evscale_fleet, key *C.char, detail **C.evscale_error) C.int32_t {
			return C.evscale_fleet_report_metric(fleet, key, text, &value, detail)
		})
	return float64(value), err
}

// Quantiles are those of the forecast at the newest record, events per interval: a row per lead in minutes (2, 4, 6, 8, 12, 18, 24,
// 36, 48, 72, 120 or 180), a column per level from 0 to 1.
func (pool *Pool) Quantiles(minutes []uint32, levels []float64) ([][]float64, error) {
	return quantiles(minutes, levels, func(leads *C.uint32_t, shares, out *C.double) error {
		return pool.call(
			func(scaler *C.evscale_autoscaler, detail **C.evscale_error) C.int32_t {
				return C.evscale_forecast_quantiles(scaler, leads, C.size_t(len(minutes)), shares, C.size_t(len(levels)), out, detail)
			},
			func(fleet *C.evscale_fleet, key *C.char, detail **C.evscale_error) C.int32_t {
				return C.evscale_fleet_forecast_quantiles(fleet, key, leads, C.size_t(len(minutes)), shares, C.size_t(len(levels)), out, detail)
			})
	})
}

// Snapshot is the whole state of the pool; [Restore] and [Fleet.Restore] go on from it.
func (pool *Pool) Snapshot() ([]byte, error) {
	var state []byte
	var failure error
	err := pool.call(
		func(scaler *C.evscale_autoscaler, _ **C.evscale_error) C.int32_t {
			state, failure = filled(64*1024, func(to unsafe.Pointer, size C.size_t, needed *C.size_t, detail **C.evscale_error) C.int32_t {
				return C.evscale_snapshot(scaler, (*C.uint8_t)(to), size, needed, detail)
			})
			return C.EVSCALE_OK
		},
		func(fleet *C.evscale_fleet, key *C.char, _ **C.evscale_error) C.int32_t {
			state, failure = filled(64*1024, func(to unsafe.Pointer, size C.size_t, needed *C.size_t, detail **C.evscale_error) C.int32_t {
				return C.evscale_fleet_snapshot(fleet, key, (*C.uint8_t)(to), size, needed, detail)
			})
			return C.EVSCALE_OK
		})
	if err == nil {
		err = failure
	}
	return state, err
}
