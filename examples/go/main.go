// The quickstart in Go: cgo and pkg-config, nothing but the standard library.
package main

// #cgo pkg-config: evscale
// #include <evscale.h>
// #include <stdlib.h>
import "C"

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"time"
	"unsafe"
)

// Autoscaler is the autoscaler of one pool, for one goroutine at a time. Close frees it.
type Autoscaler struct{ handle *C.evscale_autoscaler }

func failure(status C.int32_t, detail *C.evscale_error) error {
	defer C.evscale_error_free(detail)
	if status == C.EVSCALE_OK {
		return nil
	}
	return errors.New(C.GoString(C.evscale_error_message(detail)))
}

func New(config string) (*Autoscaler, error) {
	text := C.CString(config)
	defer C.free(unsafe.Pointer(text))
	var handle *C.evscale_autoscaler
	var detail *C.evscale_error
	status := C.evscale_new(text, nil, &handle, &detail)
	return &Autoscaler{handle}, failure(status, detail)
}

func (scaler *Autoscaler) Close() { C.evscale_free(scaler.handle) }

// Observe takes the record of the interval that ends at `end`.
func (scaler *Autoscaler) Observe(end time.Time, arrivals, jobs, serviceMs float64) error {
	var record C.evscale_metrics
	var detail *C.evscale_error
	C.evscale_metrics_init(&record, C.sizeof_evscale_metrics)
	record.timestamp_ms = C.int64_t(end.UnixMilli())
	record.logged_events_count = C.double(arrivals)
	record.current_job_count = C.double(jobs)
	record.average_processing_duration_ms = C.double(serviceMs)
	status := C.evscale_observe(scaler.handle, &record, nil, &detail)
	return failure(status, detail)
}

// Decide says how many jobs the pool should have, and why; nil where nobody knows how many it has, which leaves it as it is.
func (scaler *Autoscaler) Decide() (jobs *int, why string, err error) {
	decision := C.evscale_decision{struct_size: C.sizeof_evscale_decision}
	var detail *C.evscale_error
	status := C.evscale_decide(scaler.handle, &decision, &detail)
	if err := failure(status, detail); err != nil {
		return nil, "", err
	}
	buffer := make([]byte, 64*1024)
	var needed C.size_t
	status = C.evscale_decision_json(scaler.handle, (*C.char)(unsafe.Pointer(&buffer[0])), C.size_t(len(buffer)), &needed, &detail)
	if err := failure(status, detail); err != nil {
		return nil, "", err
	}
	var all struct{ Explanation string }
	err = json.Unmarshal(buffer[:needed-1], &all)
	if decision.has_recommendation != 0 {
		count := int(decision.recommended_jobs)
		jobs = &count
	}
	return jobs, all.Explanation, err
}

func run() error {
	scaler, err := New(`{"min_jobs": 5}`)
	if err != nil {
		return err
	}
	defer scaler.Close()
	start := time.Date(2026, 1, 5, 10, 0, 0, 0, time.UTC)
	for minute := 2; minute <= 60; minute += 2 {
		end := start.Add(time.Duration(minute) * time.Minute)
		if err := scaler.Observe(end, float64(3000+20*minute), 12, 400); err != nil {
			return err
		}
	}
	jobs, why, err := scaler.Decide()
	if err != nil {
		return err
	}
	if jobs != nil {
		fmt.Printf("%d jobs\n", *jobs)
	}
	fmt.Println(why)
	return nil
}

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
