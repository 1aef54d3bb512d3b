package evscale

// #include <evscale.h>
import "C"

import (
	"runtime"
	"unsafe"
)

// Autoscaler is the autoscaler of one pool. Close frees it.
type Autoscaler struct{ Pool }

// owned makes an autoscaler of the handle that create gives for the models of a bundle.
func owned(bundle *Bundle, create func(*C.evscale_bundle, **C.evscale_autoscaler, **C.evscale_error) C.int32_t) (*Autoscaler, error) {
	var handle *C.evscale_autoscaler
	err := bundle.lent(func(models *C.evscale_bundle) error {
		var detail *C.evscale_error
		status := create(models, &handle, &detail)
		return failed(status, detail)
	})
	if err != nil {
		return nil, err
	}
	scaler := &Autoscaler{Pool{owner: &owner{scaler: handle}}}
	runtime.SetFinalizer(scaler.owner, (*owner).close)
	return scaler, nil
}

// New makes an autoscaler with the models inside the library.
func New(config Config) (*Autoscaler, error) { return NewWith(nil, config) }

// NewWith makes an autoscaler with the models of a bundle.
func NewWith(bundle *Bundle, config Config) (*Autoscaler, error) {
	text, free, err := cJSON(config)
	defer free()
	if err != nil {
		return nil, err
	}
	return owned(bundle, func(models *C.evscale_bundle, handle **C.evscale_autoscaler, detail **C.evscale_error) C.int32_t {
		return C.evscale_new(text, models, handle, detail)
	})
}

// Restore makes an autoscaler that goes on from a snapshot. Until a fresh record tells the number of jobs, decisions have none.
func Restore(config Config, snapshot []byte) (*Autoscaler, error) {
	return RestoreWith(nil, config, snapshot)
}

// RestoreWith makes an autoscaler that goes on from a snapshot with the models of a bundle. Where others acted at the snapshot, these
// take over, which the report tells.
func RestoreWith(bundle *Bundle, config Config, snapshot []byte) (*Autoscaler, error) {
	text, free, err := cJSON(config)
	defer free()
	if err != nil {
		return nil, err
	}
	return owned(bundle, func(models *C.evscale_bundle, handle **C.evscale_autoscaler, detail **C.evscale_error) C.int32_t {
		return C.evscale_restore(text, models, first(snapshot), C.size_t(len(snapshot)), handle, detail)
	})
}

// Close frees the autoscaler once no call is using it; calls after it fail with [ErrClosed].
func (scaler *Autoscaler) Close() { scaler.owner.close() }

// first is a pointer to the bytes; nil for none.
func first(content []byte) *C.uint8_t {
	if len(content) == 0 {
		return nil
	}
	return (*C.uint8_t)(unsafe.Pointer(&content[0]))
}

// Save writes a snapshot to a file: at every moment the file is the one before or the new one, also if the power fails.
func Save(path string, snapshot []byte) error {
	text, free, err := cText(path)
	defer free()
	if err != nil {
		return err
	}
	var detail *C.evscale_error
	status := C.evscale_save(text, first(snapshot), C.size_t(len(snapshot)), &detail)
	return failed(status, detail)
}

// OpenMetrics is report and alerts as text, as Prometheus scrapes it, with the label pool.
func (scaler *Autoscaler) OpenMetrics(pool string) (string, error) {
	label, free, err := cText(pool)
	defer free()
	if err != nil {
		return "", err
	}
	var text []byte
	var failure error
	err = scaler.alone(func(handle *C.evscale_autoscaler, _ **C.evscale_error) C.int32_t {
		text, failure = filledText(func(to *C.char, size C.size_t, needed *C.size_t, detail **C.evscale_error) C.int32_t {
			return C.evscale_openmetrics(handle, label, to, size, needed, detail)
		})
		return C.EVSCALE_OK
	})
	if err == nil {
		err = failure
	}
	return string(text), err
}
