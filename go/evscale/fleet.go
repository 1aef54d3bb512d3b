package evscale

// #include <evscale.h>
// #include <stdlib.h>
// int32_t evscaleGoSnapshot(uintptr_t, char *, uint8_t *, size_t);
// static int32_t each(void *context, const char *key, const uint8_t *snapshot, size_t length) {
//     return evscaleGoSnapshot((uintptr_t)context, (char *)key, (uint8_t *)snapshot, length);
// }
// static int32_t snapshots(evscale_fleet *fleet, uintptr_t context, evscale_error **error) {
//     return evscale_fleet_snapshots(fleet, each, (void *)context, error);
// }
import "C"

import (
	"encoding/json"
	"runtime"
	"runtime/cgo"
	"unsafe"
)

// Fleet keeps many pools by key that share one set of networks. Close frees it.
type Fleet struct{ owner *owner }

// NewFleet makes a fleet without pools, with the models inside the library.
func NewFleet() (*Fleet, error) { return NewFleetWith(nil) }

// NewFleetWith makes a fleet without pools, with the models of a bundle.
func NewFleetWith(bundle *Bundle) (*Fleet, error) {
	var handle *C.evscale_fleet
	err := bundle.lent(func(models *C.evscale_bundle) error {
		var detail *C.evscale_error
		status := C.evscale_fleet_new(models, &handle, &detail)
		return failed(status, detail)
	})
	if err != nil {
		return nil, err
	}
	fleet := &Fleet{&owner{fleet: handle}}
	runtime.SetFinalizer(fleet.owner, (*owner).close)
	return fleet, nil
}

// Close frees the fleet once no call is using it; calls after it fail with [ErrClosed].
func (fleet *Fleet) Close() { fleet.owner.close() }

func (fleet *Fleet) call(work func(*C.evscale_fleet, **C.evscale_error) C.int32_t) error {
	fleet.owner.lock.Lock()
	defer fleet.owner.lock.Unlock()
	if fleet.owner.fleet == nil {
		return &Error{ErrClosed, ErrClosed.Error()}
	}
	var detail *C.evscale_error
	status := work(fleet.owner.fleet, &detail)
	return failed(status, detail)
}

// Pool gives the methods of one pool; they fail with [ErrUnknownPool] if it is not there.
func (fleet *Fleet) Pool(key string) *Pool { return &Pool{owner: fleet.owner, key: key} }

// Add adds a pool under a key of its own.
func (fleet *Fleet) Add(key string, config Config) error { return fleet.Restore(key, config, nil) }

// Restore adds a pool that goes on from a snapshot; from nothing without one.
func (fleet *Fleet) Restore(key string, config Config, snapshot []byte) error {
	text, free, err := cJSON(config)
	defer free()
	if err != nil {
		return err
	}
	name, freeName, err := cText(key)
	defer freeName()
	if err != nil {
		return err
	}
	return fleet.call(func(handle *C.evscale_fleet, detail **C.evscale_error) C.int32_t {
		if snapshot == nil {
			return C.evscale_fleet_add(handle, name, text, detail)
		}
		return C.evscale_fleet_restore(handle, name, text, first(snapshot), C.size_t(len(snapshot)), detail)
	})
}

// AddLike adds a pool without history that begins with what the pools of other keys have learned; see evscale_fleet_add_like.
func (fleet *Fleet) AddLike(key string, config Config, like ...string) error {
	keys, err := json.Marshal(like)
	if err != nil {
		return err
	}
	text, free, err := cJSON(config)
	defer free()
	if err != nil {
		return err
	}
	name, freeName, err := cText(key)
	defer freeName()
	if err != nil {
		return err
	}
	others, freeOthers, err := cText(string(keys))
	defer freeOthers()
	if err != nil {
		return err
	}
	return fleet.call(func(handle *C.evscale_fleet, detail **C.evscale_error) C.int32_t {
		return C.evscale_fleet_add_like(handle, name, text, others, detail)
	})
}

// Remove removes a pool.
func (fleet *Fleet) Remove(key string) error {
	name, free, err := cText(key)
	defer free()
	if err != nil {
		return err
	}
	return fleet.call(func(handle *C.evscale_fleet, detail **C.evscale_error) C.int32_t {
		return C.evscale_fleet_remove(handle, name, detail)
	})
}

// SetThreads sets how many threads a tick may use, the caller's included.
func (fleet *Fleet) SetThreads(threads int) error {
	return fleet.call(func(handle *C.evscale_fleet, detail **C.evscale_error) C.int32_t {
		return C.evscale_fleet_set_threads(handle, C.size_t(max(threads, 0)), detail)
	})
}

// SetBudget sets what all pools may have together: {"jobs": 500}, or {"cost_per_hour": 120.5} by the price of a job-hour of each
// pool. An empty text takes it back.
func (fleet *Fleet) SetBudget(budget string) error {
	text, free, err := cText(budget)
	defer free()
	if err != nil {
		return err
	}
	if budget == "" {
		text = nil
	}
	return fleet.call(func(handle *C.evscale_fleet, detail **C.evscale_error) C.int32_t {
		return C.evscale_fleet_set_budget(handle, text, detail)
	})
}

// Budget is what became of the budget in the last tick.
type Budget struct {
	// Held is what the pools have of it, in jobs or money per hour; Wanted what they would have without it.
	Held   float64 `json:"held"`
	Wanted float64 `json:"wanted"`
	// PoolsThatGaveWay have fewer jobs than they asked for.
	PoolsThatGaveWay int `json:"pools_that_gave_way"`
	// Exceeded says why the pools have more than the budget; empty if they do not.
	Exceeded string `json:"exceeded"`
}

// Budget tells what became of the budget in the last tick; nil without one.
func (fleet *Fleet) Budget() (*Budget, error) {
	var status *Budget
	err := fleet.told(&status, func(handle *C.evscale_fleet, to *C.char, size C.size_t, needed *C.size_t, detail **C.evscale_error) C.int32_t {
		return C.evscale_fleet_budget_json(handle, to, size, needed, detail)
	})
	return status, err
}

// Keys are those of all pools in their order.
func (fleet *Fleet) Keys() ([]string, error) {
	var keys []string
	err := fleet.told(&keys, func(handle *C.evscale_fleet, to *C.char, size C.size_t, needed *C.size_t, detail **C.evscale_error) C.int32_t {
		return C.evscale_fleet_keys_json(handle, to, size, needed, detail)
	})
	return keys, err
}

// Len is the number of pools.
func (fleet *Fleet) Len() (int, error) {
	var count C.size_t
	err := fleet.call(func(handle *C.evscale_fleet, detail **C.evscale_error) C.int32_t {
		return C.evscale_fleet_count(handle, &count, detail)
	})
	return int(count), err
}

// Has says whether there is a pool with this key.
func (fleet *Fleet) Has(key string) (bool, error) {
	name, free, err := cText(key)
	defer free()
	if err != nil {
		return false, err
	}
	var found C.int32_t
	err = fleet.call(func(handle *C.evscale_fleet, detail **C.evscale_error) C.int32_t {
		return C.evscale_fleet_has(handle, name, &found, detail)
	})
	return found != 0, err
}

// Sums are the metrics that add up, by name, over the pools that know them. Pools that failed are left out.
func (fleet *Fleet) Sums() (map[string]float64, error) {
	var sums map[string]float64
	err := fleet.told(&sums, func(handle *C.evscale_fleet, to *C.char, size C.size_t, needed *C.size_t, detail **C.evscale_error) C.int32_t {
		return C.evscale_fleet_sums_json(handle, to, size, needed, detail)
	})
	return sums, err
}

// OpenMetrics is report and alerts of all pools as text, as Prometheus scrapes it, with their keys as the label pool.
func (fleet *Fleet) OpenMetrics() (string, error) {
	text, err := fleet.text(func(handle *C.evscale_fleet, to *C.char, size C.size_t, needed *C.size_t, detail **C.evscale_error) C.int32_t {
		return C.evscale_fleet_openmetrics(handle, to, size, needed, detail)
	})
	return string(text), err
}

// Snapshots are those of all pools by their keys. Pools that failed are left out.
func (fleet *Fleet) Snapshots() (map[string][]byte, error) {
	states := map[string][]byte{}
	context := cgo.NewHandle(states)
	defer context.Delete()
	err := fleet.call(func(handle *C.evscale_fleet, detail **C.evscale_error) C.int32_t {
		return C.snapshots(handle, C.uintptr_t(context), detail)
	})
	return states, err
}

//export evscaleGoSnapshot
func evscaleGoSnapshot(context C.uintptr_t, key *C.char, snapshot *C.uint8_t, length C.size_t) C.int32_t {
	return guarded(func() error {
		cgo.Handle(context).Value().(map[string][]byte)[C.GoString(key)] = C.GoBytes(unsafe.Pointer(snapshot), C.int(length))
		return nil
	})
}

// text is what a function says of the fleet.
func (fleet *Fleet) text(
	ask func(*C.evscale_fleet, *C.char, C.size_t, *C.size_t, **C.evscale_error) C.int32_t,
) (text []byte, failure error) {
	err := fleet.call(func(handle *C.evscale_fleet, _ **C.evscale_error) C.int32_t {
		text, failure = filledText(func(to *C.char, size C.size_t, needed *C.size_t, detail **C.evscale_error) C.int32_t {
			return ask(handle, to, size, needed, detail)
		})
		return C.EVSCALE_OK
	})
	if err == nil {
		err = failure
	}
	return text, err
}

// told reads what a function says of the fleet in JSON.
func (fleet *Fleet) told(into any, ask func(*C.evscale_fleet, *C.char, C.size_t, *C.size_t, **C.evscale_error) C.int32_t) error {
	text, err := fleet.text(ask)
	if err != nil {
		return err
	}
	return json.Unmarshal(text, into)
}

// Record is one of a pool.
type Record struct {
	Key     string
	Metrics Metrics
}

// Answer is what became of a record. Observation and Decision mean something where Err is nil.
type Answer struct {
	Observation Observation
	// Decision of the record's pool, after its last record.
	Decision Decision
	Err      error
}

// Tick takes records of any pools (those of one pool in their order), and decides for each of these pools. A record that is
// malformed, and a pool that is not there or failed, do not disturb another: see Err of their answers. The error is that of the first
// of them, or of the whole call, which then has no answers.
func (fleet *Fleet) Tick(records []Record) ([]Answer, error) {
	count := len(records)
	if count == 0 {
		return nil, fleet.call(func(*C.evscale_fleet, **C.evscale_error) C.int32_t { return C.EVSCALE_OK })
	}
	// memory of C, because an array of pointers to C must not lie in memory of Go that moves
	keys := (*[1 << 28]*C.char)(C.calloc(C.size_t(count), C.size_t(unsafe.Sizeof((*C.char)(nil)))))[:count:count]
	defer C.free(unsafe.Pointer(&keys[0]))
	raw := make([]C.evscale_metrics, count)
	observations, decisions := make([]C.evscale_observation, count), make([]C.evscale_decision, count)
	statuses := make([]C.int32_t, count)
	for i := range records {
		key, free, err := cText(records[i].Key)
		defer free()
		if err != nil {
			return nil, err
		}
		record, freeRecord, err := records[i].Metrics.raw()
		if err != nil {
			return nil, err
		}
		defer freeRecord()
		keys[i], raw[i], statuses[i] = key, record, -1
		observations[i].struct_size, decisions[i].struct_size = C.sizeof_evscale_observation, C.sizeof_evscale_decision
	}
	failure := fleet.call(func(handle *C.evscale_fleet, detail **C.evscale_error) C.int32_t {
		return C.evscale_fleet_tick(handle, &keys[0], &raw[0], C.size_t(count), &observations[0], &decisions[0], &statuses[0], detail)
	})
	if statuses[0] == -1 {
		return nil, failure
	}
	answers := make([]Answer, count)
	for i := range answers {
		answers[i] = Answer{Observation: observationOf(&observations[i]), Decision: decisionOf(&decisions[i])}
		if statuses[i] != C.EVSCALE_OK {
			answers[i].Err = &Error{Code(statuses[i]), Code(statuses[i]).Error()}
		}
	}
	return answers, failure
}
