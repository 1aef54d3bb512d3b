package evscale

// #include <evscale.h>
import "C"

import (
	"runtime"
	"unsafe"
)

// Autoscaler is the autoscaler of one pool. Close frees it.
type Autoscaler struct{ Pool }

func own(handle *C.evscale_autoscaler) *Autoscaler {
	scaler := &Autoscaler{Pool{owner: &owner{scaler: handle}}}
	runtime.SetFinalizer(scaler.owner, (*owner).close)
	return scaler
}

// New makes an autoscaler with the models inside the library.
func New(config Config) (*Autoscaler, error) {
	settings, err := config.json()
	if err != nil {
		return nil, err
	}
	text, free, err := cText(settings)
	defer free()
	if err != nil {
		return nil, err
	}
	var handle *C.evscale_autoscaler
	var detail *C.evscale_error
	status := C.evscale_new(text, nil, &handle, &detail)
	if err := failed(status, detail); err != nil {
		return nil, err
	}
	return own(handle), nil
}

// Restore makes an autoscaler that goes on from a snapshot. Until a fresh record tells the number of jobs, decisions have none.
func Restore(config Config, snapshot []byte) (*Autoscaler, error) {
	settings, err := config.json()
	if err != nil {
		return nil, err
	}
	text, free, err := cText(settings)
	defer free()
	if err != nil {
		return nil, err
	}
	var handle *C.evscale_autoscaler
	var detail *C.evscale_error
	status := C.evscale_restore(text, nil, first(snapshot), C.size_t(len(snapshot)), &handle, &detail)
	if err := failed(status, detail); err != nil {
		return nil, err
	}
	return own(handle), nil
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

// Version is that of the library, such as "0.1.0".
func Version() string { return C.GoString(C.evscale_version()) }
