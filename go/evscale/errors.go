package evscale

// #cgo pkg-config: evscale
// #include <evscale.h>
// #include <stdlib.h>
import "C"

import (
	"strings"
	"unsafe"
)

// Code says what kind of failure an [Error] is. It is an error itself, for errors.Is.
type Code int32

// The codes of evscale.h, and what a host may do about them.
const (
	ErrBadStructSize   Code = C.EVSCALE_BAD_STRUCT_SIZE
	ErrInvalidArgument Code = C.EVSCALE_INVALID_ARGUMENT
	ErrUnknownPool     Code = C.EVSCALE_UNKNOWN_POOL
	ErrNothingYet      Code = C.EVSCALE_NOTHING_YET
	ErrPoolExists      Code = C.EVSCALE_POOL_EXISTS
	ErrStopped         Code = C.EVSCALE_STOPPED
	ErrInvalidConfig   Code = C.EVSCALE_INVALID_CONFIG
	ErrInvalidBundle   Code = C.EVSCALE_INVALID_BUNDLE
	ErrInvalidSnapshot Code = C.EVSCALE_INVALID_SNAPSHOT
	ErrInference       Code = C.EVSCALE_INFERENCE
	ErrIO              Code = C.EVSCALE_IO
	ErrPanic           Code = C.EVSCALE_PANIC
	ErrPoisoned        Code = C.EVSCALE_POISONED
	ErrBusy            Code = C.EVSCALE_BUSY
	// ErrClosed is that of a handle after Close.
	ErrClosed Code = C.EVSCALE_NULL_POINTER
)

func (code Code) Error() string {
	if code == ErrClosed {
		return "the handle is closed"
	}
	return C.GoString(C.evscale_status_text(C.int32_t(code)))
}

// Error is a failure: its message names the thing, the value and what was expected.
type Error struct {
	Code    Code
	Message string
}

func (failure *Error) Error() string { return "evscale: " + failure.Message }

// Is says whether target is the code of this failure.
func (failure *Error) Is(target error) bool { return target == failure.Code }

// failed makes a failure of what a call returned, and frees what the library made for it.
func failed(status C.int32_t, detail *C.evscale_error) error {
	if status == C.EVSCALE_OK {
		return nil
	}
	defer C.evscale_error_free(detail)
	message := C.GoString(C.evscale_error_message(detail))
	if message == "" {
		message = Code(status).Error()
	}
	return &Error{Code(status), message}
}

// cText is a text as C has it; the second value frees it.
func cText(text string) (*C.char, func(), error) {
	if strings.IndexByte(text, 0) >= 0 {
		return nil, func() {}, &Error{ErrInvalidArgument, "a text has a NUL inside, expected none"}
	}
	pointer := C.CString(text)
	return pointer, func() { C.free(unsafe.Pointer(pointer)) }, nil
}

// filled calls fill with a buffer until it is large enough.
func filled(guess int, fill func(buffer unsafe.Pointer, capacity C.size_t, needed *C.size_t, detail **C.evscale_error) C.int32_t) ([]byte, error) {
	buffer := make([]byte, guess)
	for {
		var needed C.size_t
		var detail *C.evscale_error
		status := fill(unsafe.Pointer(&buffer[0]), C.size_t(len(buffer)), &needed, &detail)
		if status == C.EVSCALE_BUFFER_TOO_SMALL {
			C.evscale_error_free(detail)
			buffer = make([]byte, needed)
			continue
		}
		if err := failed(status, detail); err != nil {
			return nil, err
		}
		return buffer[:needed], nil
	}
}
