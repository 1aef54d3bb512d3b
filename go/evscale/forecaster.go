package evscale

// #include <evscale.h>
import "C"

import (
	"encoding/json"
	"runtime"
	"sync"
	"time"
	"unsafe"
)

// Forecaster forecasts a series of counts without a pool of jobs. Calls wait for each other. Close frees it.
type Forecaster struct {
	lock   sync.Mutex
	handle *C.evscale_forecaster
}

// NewForecaster makes a forecaster for counts per interval (10 seconds to an hour), the first of which begins at start, with the
// network inside the library among the simple rules.
func NewForecaster(interval time.Duration, start time.Time) (*Forecaster, error) {
	return newForecaster(nil, 1, interval, start)
}

// NewForecasterWith is [NewForecaster] with the network of a bundle.
func NewForecasterWith(bundle *Bundle, interval time.Duration, start time.Time) (*Forecaster, error) {
	return newForecaster(bundle, 1, interval, start)
}

// NewSimpleForecaster is [NewForecaster] without a network: the simple rules alone.
func NewSimpleForecaster(interval time.Duration, start time.Time) (*Forecaster, error) {
	return newForecaster(nil, 0, interval, start)
}

// NewForecasterForConfig makes one under the interval, time zone, holidays and demands on signatures of a configuration; a nil bundle is
// the models inside the library.
func NewForecasterForConfig(config Config, bundle *Bundle, start time.Time) (*Forecaster, error) {
	settings, free, err := cJSON(config)
	defer free()
	if err != nil {
		return nil, err
	}
	return madeForecaster(bundle, func(models *C.evscale_bundle, out **C.evscale_forecaster, detail **C.evscale_error) C.int32_t {
		return C.evscale_forecaster_for_config(settings, C.int64_t(start.UnixMilli()), models, out, detail)
	})
}

func newForecaster(bundle *Bundle, useNetwork C.int32_t, interval time.Duration, start time.Time) (*Forecaster, error) {
	seconds, err := wholeSeconds(interval)
	if err != nil {
		return nil, err
	}
	return madeForecaster(bundle, func(models *C.evscale_bundle, out **C.evscale_forecaster, detail **C.evscale_error) C.int32_t {
		return C.evscale_forecaster_new(seconds, C.int64_t(start.UnixMilli()), useNetwork, models, out, detail)
	})
}

func madeForecaster(
	bundle *Bundle, call func(*C.evscale_bundle, **C.evscale_forecaster, **C.evscale_error) C.int32_t,
) (*Forecaster, error) {
	forecaster := &Forecaster{}
	err := bundle.lent(func(models *C.evscale_bundle) error {
		var detail *C.evscale_error
		status := call(models, &forecaster.handle, &detail)
		return failed(status, detail)
	})
	if err != nil {
		return nil, err
	}
	runtime.SetFinalizer(forecaster, (*Forecaster).Close)
	return forecaster, nil
}

// wholeSeconds is an interval as C has it.
func wholeSeconds(interval time.Duration) (C.uint32_t, error) {
	if interval < 0 || interval%time.Second != 0 || interval > time.Hour {
		return 0, &Error{ErrInvalidArgument, "`interval` is " + interval.String() + ", expected whole seconds from 10 s to 1 h"}
	}
	return C.uint32_t(interval / time.Second), nil
}

// Close frees the forecaster once no call is using it; calls after it fail with [ErrClosed].
func (forecaster *Forecaster) Close() {
	forecaster.lock.Lock()
	defer forecaster.lock.Unlock()
	C.evscale_forecaster_free(forecaster.handle)
	forecaster.handle = nil
}

// Observe takes the counts of the next intervals, oldest first; NaN is not known. Where one is refused, those before it are taken.
func (forecaster *Forecaster) Observe(counts ...float64) error {
	if len(counts) == 0 {
		return nil
	}
	forecaster.lock.Lock()
	defer forecaster.lock.Unlock()
	var detail *C.evscale_error
	status := C.evscale_forecaster_observe(forecaster.handle, (*C.double)(&counts[0]), C.size_t(len(counts)), &detail)
	return failed(status, detail)
}

// JSON is the forecast at the end of the newest interval; docs/json.md tells the fields.
func (forecaster *Forecaster) JSON() (json.RawMessage, error) {
	forecaster.lock.Lock()
	defer forecaster.lock.Unlock()
	return filledText(func(to *C.char, size C.size_t, needed *C.size_t, detail **C.evscale_error) C.int32_t {
		return C.evscale_forecaster_json(forecaster.handle, to, size, needed, detail)
	})
}

// Quantiles are those of the forecast at the end of the newest interval, as [Pool.Quantiles] gives them.
func (forecaster *Forecaster) Quantiles(minutes []uint32, levels []float64) ([][]float64, error) {
	return quantiles(minutes, levels, func(leads *C.uint32_t, shares, out *C.double) error {
		forecaster.lock.Lock()
		defer forecaster.lock.Unlock()
		var detail *C.evscale_error
		status := C.evscale_forecaster_quantiles(forecaster.handle, leads, C.size_t(len(minutes)), shares, C.size_t(len(levels)), out, &detail)
		return failed(status, detail)
	})
}

// quantiles asks for a row per lead, a column per level.
func quantiles(minutes []uint32, levels []float64, ask func(leads *C.uint32_t, shares, out *C.double) error) ([][]float64, error) {
	if len(minutes) == 0 || len(levels) == 0 {
		return nil, &Error{ErrInvalidArgument, "`minutes` and `levels` are empty, expected one each at least"}
	}
	values := make([]float64, len(minutes)*len(levels))
	if err := ask((*C.uint32_t)(unsafe.Pointer(&minutes[0])), (*C.double)(&levels[0]), (*C.double)(&values[0])); err != nil {
		return nil, err
	}
	rows := make([][]float64, len(minutes))
	for row := range rows {
		rows[row] = values[row*len(levels) : (row+1)*len(levels)]
	}
	return rows, nil
}
