package evscale

// #include <evscale.h>
// int32_t evscaleGoProgress(uintptr_t, size_t, size_t);
// static int32_t told(void *context, size_t done, size_t all) { return evscaleGoProgress((uintptr_t)context, done, all); }
// static int32_t backtest(const char *config, int64_t start, uint32_t interval, const double *events, const double *service,
//                         size_t count, const char *options, const evscale_bundle *bundle, uintptr_t progress,
//                         evscale_backtest **result, evscale_error **error) {
//     return evscale_backtest_new(config, start, interval, events, service, count, options, bundle, progress ? told : NULL,
//                                 (void *)progress, result, error);
// }
import "C"

import (
	"encoding/json"
	"fmt"
	"runtime"
	"runtime/cgo"
	"time"
)

// History is what a backtest replays: the counts of intervals from a time on.
type History struct {
	// Start is the beginning of the first interval.
	Start time.Time
	// Interval is 10 seconds to an hour.
	Interval time.Duration
	// Events that arrived in each interval; NaN is not known.
	Events []float64
	// ServiceMs is the mean time a job worked on one event in each interval, ms; nil is not known.
	ServiceMs []float64
}

// BacktestOptions are those of a backtest; the zero value has none.
type BacktestOptions struct {
	// Bundle has the models; nil is those inside the library.
	Bundle *Bundle
	// Progress is told the intervals that are done and all there are; false ends the replay with [ErrStopped].
	Progress func(done, all int) bool
	// Named options, as docs/c-reference.md describes them: seed, baselines, jobs_at_peak, classes, due.
	Named map[string]any
}

// Backtest is a history replayed under a configuration; what another configuration would have done is a second backtest. Any number of
// goroutines may read it. Close frees it, once nobody uses it any more.
type Backtest struct{ handle *C.evscale_backtest }

// NewBacktest replays a history in a simulated queue; two weeks of two minutes take about a second.
func NewBacktest(config Config, history History, options BacktestOptions) (*Backtest, error) {
	count := len(history.Events)
	if count == 0 {
		return nil, &Error{ErrInvalidArgument, "`Events` is empty, expected an interval at least"}
	}
	if history.ServiceMs != nil && len(history.ServiceMs) != count {
		message := fmt.Sprintf("`ServiceMs` has %d values, expected %d, as `Events` has", len(history.ServiceMs), count)
		return nil, &Error{ErrInvalidArgument, message}
	}
	seconds, err := wholeSeconds(history.Interval)
	if err != nil {
		return nil, err
	}
	settings, freeSettings, err := cJSON(config)
	defer freeSettings()
	if err != nil {
		return nil, err
	}
	named, freeNamed, err := cJSON(options.Named)
	defer freeNamed()
	if err != nil {
		return nil, err
	}
	var service *C.double
	if history.ServiceMs != nil {
		service = (*C.double)(&history.ServiceMs[0])
	}
	var progress cgo.Handle
	if options.Progress != nil {
		progress = cgo.NewHandle(options.Progress)
		defer progress.Delete()
	}
	result := &Backtest{}
	err = options.Bundle.lent(func(models *C.evscale_bundle) error {
		var detail *C.evscale_error
		status := C.backtest(settings, C.int64_t(history.Start.UnixMilli()), seconds, (*C.double)(&history.Events[0]), service,
			C.size_t(count), named, models, C.uintptr_t(progress), &result.handle, &detail)
		return failed(status, detail)
	})
	if err != nil {
		return nil, err
	}
	runtime.SetFinalizer(result, (*Backtest).Close)
	return result, nil
}

//export evscaleGoProgress
func evscaleGoProgress(context C.uintptr_t, done, all C.size_t) C.int32_t {
	return guarded(func() error {
		if cgo.Handle(context).Value().(func(done, all int) bool)(int(done), int(all)) {
			return nil
		}
		return ErrStopped
	})
}

// Close frees the backtest.
func (backtest *Backtest) Close() {
	C.evscale_backtest_free(backtest.handle)
	backtest.handle = nil
	runtime.SetFinalizer(backtest, nil)
}

// Scores are those of evscale and of what it is compared with; docs/json.md tells the fields.
func (backtest *Backtest) Scores() (json.RawMessage, error) {
	defer runtime.KeepAlive(backtest)
	return filledText(func(to *C.char, size C.size_t, needed *C.size_t, detail **C.evscale_error) C.int32_t {
		return C.evscale_backtest_scores_json(backtest.handle, to, size, needed, detail)
	})
}

// Decisions are those that evscale made, warm-up included, as a JSON list.
func (backtest *Backtest) Decisions() (json.RawMessage, error) {
	defer runtime.KeepAlive(backtest)
	return filledText(func(to *C.char, size C.size_t, needed *C.size_t, detail **C.evscale_error) C.int32_t {
		return C.evscale_backtest_decisions_json(backtest.handle, to, size, needed, detail)
	})
}
