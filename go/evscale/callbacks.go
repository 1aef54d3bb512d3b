package evscale

// #include <evscale.h>
// int32_t evscaleGoForecast(uintptr_t, double *, size_t, int64_t, double, double *);
// int32_t evscaleGoPropose(uintptr_t, char *, double *);
// void evscaleGoRelease(uintptr_t);
// static int32_t forecast(void *context, const double *counts, size_t count, int64_t end, double seconds, double *quantiles) {
//     return evscaleGoForecast((uintptr_t)context, (double *)counts, count, end, seconds, quantiles);
// }
// static int32_t propose(void *context, const char *state, double *jobs) {
//     return evscaleGoPropose((uintptr_t)context, (char *)state, jobs);
// }
// static void release(void *context) { evscaleGoRelease((uintptr_t)context); }
// static int32_t use_forecaster(evscale_autoscaler *scaler, uintptr_t context, evscale_error **error) {
//     return evscale_use_forecaster(scaler, forecast, (void *)context, release, error);
// }
// static int32_t use_policy(evscale_autoscaler *scaler, uintptr_t context, evscale_error **error) {
//     return evscale_use_policy(scaler, propose, (void *)context, release, error);
// }
import "C"

import (
	"encoding/json"
	"runtime/cgo"
	"time"
	"unsafe"
)

// Horizons and Levels are the rows and columns of what a [Forecaster] fills; docs/c-reference.md lists them.
const (
	Horizons = C.EVSCALE_HORIZONS
	Levels   = C.EVSCALE_LEVELS
)

// ForecastFunc forecasts in the place of the network: counts are the arrivals of up to a week, oldest first, NaN where they are unknown;
// the newest interval ends at end. It fills the quantiles, [Horizons] rows of [Levels]. Both slices are valid during the call. The same
// counts should give the same answer.
type ForecastFunc func(counts []float64, end time.Time, interval time.Duration, quantiles []float64) error

// PolicyFunc proposes jobs in the place of the network, from what the network sees. It is asked for the pool and for its shadow pool alike.
type PolicyFunc func(state json.RawMessage) (jobs float64, err error)

// UseForecaster puts a forecaster of the host's own in the place of the network: one among the simple rules, weighed by its errors.
func (scaler *Autoscaler) UseForecaster(forecaster ForecastFunc) error {
	return scaler.use(cgo.NewHandle(forecaster), func(handle *C.evscale_autoscaler, context C.uintptr_t, detail **C.evscale_error) C.int32_t {
		return C.use_forecaster(handle, context, detail)
	})
}

// UsePolicy puts a policy of the host's own in the place of the network: it acts once it does no worse in the shadow than the best rule.
func (scaler *Autoscaler) UsePolicy(policy PolicyFunc) error {
	return scaler.use(cgo.NewHandle(policy), func(handle *C.evscale_autoscaler, context C.uintptr_t, detail **C.evscale_error) C.int32_t {
		return C.use_policy(handle, context, detail)
	})
}

func (scaler *Autoscaler) use(context cgo.Handle, call func(*C.evscale_autoscaler, C.uintptr_t, **C.evscale_error) C.int32_t) error {
	scaler.owner.lock.Lock()
	defer scaler.owner.lock.Unlock()
	var detail *C.evscale_error
	// the library releases the context, also where it refuses the call
	status := call(scaler.owner.scaler, C.uintptr_t(context), &detail)
	return failed(status, detail)
}

// guarded runs a function of the host's: a panic must not leave the call.
func guarded(work func() error) (status C.int32_t) {
	defer func() {
		if recover() != nil {
			status = 2
		}
	}()
	if work() != nil {
		return 1
	}
	return 0
}

//export evscaleGoForecast
func evscaleGoForecast(context C.uintptr_t, counts *C.double, count C.size_t, end C.int64_t, seconds C.double, quantiles *C.double) C.int32_t {
	return guarded(func() error {
		forecaster := cgo.Handle(context).Value().(ForecastFunc)
		known := unsafe.Slice((*float64)(counts), int(count))
		answer := unsafe.Slice((*float64)(quantiles), Horizons*Levels)
		return forecaster(known, time.UnixMilli(int64(end)).UTC(), time.Duration(float64(seconds)*float64(time.Second)), answer)
	})
}

//export evscaleGoPropose
func evscaleGoPropose(context C.uintptr_t, state *C.char, jobs *C.double) C.int32_t {
	return guarded(func() error {
		proposed, err := cgo.Handle(context).Value().(PolicyFunc)(json.RawMessage(C.GoString(state)))
		*jobs = C.double(proposed)
		return err
	})
}

//export evscaleGoRelease
func evscaleGoRelease(context C.uintptr_t) { cgo.Handle(context).Delete() }
