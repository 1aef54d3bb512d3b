package evscale

// #include <evscale.h>
// #include <stdlib.h>
import "C"

import (
	"encoding/json"
	"os"
	"path/filepath"
	"runtime"
	"sync"
	"unsafe"
)

// Bundle has a forecaster and a policy network, checked. Any number of autoscalers and goroutines may share it; nil is the models
// inside the library. Close frees it; what was made with it keeps its share.
type Bundle struct {
	lock   sync.RWMutex
	handle *C.evscale_bundle
}

// BundleFiles are the contents of a bundle's files. With a PublicKey (32 bytes), Signature must be one of it over the manifest.
type BundleFiles struct {
	Manifest, Forecaster, Policy []byte
	Signature, PublicKey         []byte
}

// The names of a bundle's files.
const (
	manifestFile   = "manifest.json"
	forecasterFile = "forecaster.onnx"
	policyFile     = "policy.onnx"
	signatureFile  = "manifest.sig"
)

// The lengths of an Ed25519 signature and of its public key.
const signatureBytes, keyBytes = 64, 32

// BundledFiles are those of the models inside the library.
func BundledFiles() (BundleFiles, error) {
	var files BundleFiles
	for name, content := range map[string]*[]byte{
		manifestFile: &files.Manifest, forecasterFile: &files.Forecaster, policyFile: &files.Policy,
	} {
		text, free, err := cText(name)
		if err != nil {
			return files, err
		}
		var begin *C.uint8_t
		var length C.size_t
		var detail *C.evscale_error
		status := C.evscale_bundled_file(text, &begin, &length, &detail)
		free()
		if err := failed(status, detail); err != nil {
			return files, err
		}
		*content = C.GoBytes(unsafe.Pointer(begin), C.int(length))
	}
	return files, nil
}

// ReadBundle loads the bundle in a folder. With a public key (32 bytes, else nil) its manifest.sig must be a signature of that key.
func ReadBundle(folder string, publicKey []byte) (*Bundle, error) {
	files := BundleFiles{PublicKey: publicKey}
	wanted := map[string]*[]byte{manifestFile: &files.Manifest, forecasterFile: &files.Forecaster, policyFile: &files.Policy}
	if publicKey != nil {
		wanted[signatureFile] = &files.Signature
	}
	for name, content := range wanted {
		found, err := os.ReadFile(filepath.Join(folder, name))
		if err != nil {
			return nil, &Error{ErrIO, err.Error()}
		}
		*content = found
	}
	return NewBundle(files)
}

// NewBundle loads a bundle from the contents of its files.
func NewBundle(files BundleFiles) (*Bundle, error) {
	var handle *C.evscale_bundle
	var detail *C.evscale_error
	var status C.int32_t
	manifest, forecaster, policy := first(files.Manifest), first(files.Forecaster), first(files.Policy)
	lengths := [3]C.size_t{C.size_t(len(files.Manifest)), C.size_t(len(files.Forecaster)), C.size_t(len(files.Policy))}
	switch {
	case files.PublicKey == nil:
		status = C.evscale_bundle_load(manifest, lengths[0], forecaster, lengths[1], policy, lengths[2], &handle, &detail)
	case len(files.PublicKey) != keyBytes:
		return nil, &Error{ErrInvalidArgument, "`PublicKey` is no key, expected 32 bytes"}
	case len(files.Signature) != signatureBytes:
		return nil, &Error{ErrInvalidBundle, "the signature of the manifest is none, expected 64 bytes"}
	default:
		status = C.evscale_bundle_load_signed(manifest, lengths[0], forecaster, lengths[1], policy, lengths[2],
			first(files.Signature), first(files.PublicKey), &handle, &detail)
	}
	if err := failed(status, detail); err != nil {
		return nil, err
	}
	bundle := &Bundle{handle: handle}
	runtime.SetFinalizer(bundle, (*Bundle).Close)
	return bundle, nil
}

// Close frees the bundle once no call is using it; calls with it fail with [ErrClosed] afterwards.
func (bundle *Bundle) Close() {
	bundle.lock.Lock()
	defer bundle.lock.Unlock()
	C.evscale_bundle_free(bundle.handle)
	bundle.handle = nil
}

// lent hands the handle to a call, during which nobody closes the bundle.
func (bundle *Bundle) lent(call func(*C.evscale_bundle) error) error {
	if bundle == nil {
		return call(nil)
	}
	bundle.lock.RLock()
	defer bundle.lock.RUnlock()
	if bundle.handle == nil {
		return &Error{ErrClosed, ErrClosed.Error()}
	}
	return call(bundle.handle)
}

// JSON has name, version and manifest of the bundle.
func (bundle *Bundle) JSON() (json.RawMessage, error) {
	var text []byte
	err := bundle.lent(func(handle *C.evscale_bundle) (err error) {
		text, err = filledText(func(to *C.char, size C.size_t, needed *C.size_t, detail **C.evscale_error) C.int32_t {
			return C.evscale_bundle_json(handle, to, size, needed, detail)
		})
		return err
	})
	return text, err
}

// Challenge runs other models in the shadow: they see every record, and no decision sees them. They are promoted once they have
// proven to be better on this pool's load; those before them stay in the shadow, to come back if the promoted ones become worse.
// After [Restore], the same models go on where they were once they are given again.
func (scaler *Autoscaler) Challenge(bundle *Bundle) error {
	return bundle.lent(func(models *C.evscale_bundle) error {
		return scaler.alone(func(handle *C.evscale_autoscaler, detail **C.evscale_error) C.int32_t {
			return C.evscale_challenge(handle, models, detail)
		})
	})
}

// SetBundle lets other models act from now on, without a trial and without a pause: everything that was learned stays, and those
// before them stay in the shadow.
func (scaler *Autoscaler) SetBundle(bundle *Bundle, reason string) error {
	text, free, err := cText(reason)
	defer free()
	if err != nil {
		return err
	}
	return bundle.lent(func(models *C.evscale_bundle) error {
		return scaler.alone(func(handle *C.evscale_autoscaler, detail **C.evscale_error) C.int32_t {
			return C.evscale_set_bundle(handle, models, text, detail)
		})
	})
}

// alone runs a call that pools in a fleet do not have.
func (scaler *Autoscaler) alone(call func(*C.evscale_autoscaler, **C.evscale_error) C.int32_t) error {
	return scaler.call(call, func(*C.evscale_fleet, *C.char, **C.evscale_error) C.int32_t { return C.EVSCALE_INVALID_ARGUMENT })
}

// because runs a call that is given a reason.
func (pool *Pool) because(reason string, alone func(*C.evscale_autoscaler, *C.char, **C.evscale_error) C.int32_t,
	inFleet func(*C.evscale_fleet, *C.char, *C.char, **C.evscale_error) C.int32_t) error {
	text, free, err := cText(reason)
	defer free()
	if err != nil {
		return err
	}
	return pool.call(
		func(scaler *C.evscale_autoscaler, detail **C.evscale_error) C.int32_t {
			return alone(scaler, text, detail)
		},
		func(fleet *C.evscale_fleet, key *C.char, detail **C.evscale_error) C.int32_t {
			return inFleet(fleet, key, text, detail)
		})
}

// EndChallenge takes the models in the shadow away, a challenger or a predecessor; it says whether there were any.
func (pool *Pool) EndChallenge(reason string) (bool, error) {
	var ended C.int32_t
	err := pool.because(reason,
		func(scaler *C.evscale_autoscaler, text *C.char, detail **C.evscale_error) C.int32_t {
			return C.evscale_end_challenge(scaler, text, &ended, detail)
		},
		func(fleet *C.evscale_fleet, key, text *C.char, detail **C.evscale_error) C.int32_t {
			return C.evscale_fleet_end_challenge(fleet, key, text, &ended, detail)
		})
	return ended != 0, err
}

// Promote promotes the challenger without waiting for its proof.
func (pool *Pool) Promote(reason string) error {
	return pool.because(reason,
		func(scaler *C.evscale_autoscaler, text *C.char, detail **C.evscale_error) C.int32_t {
			return C.evscale_promote(scaler, text, detail)
		},
		func(fleet *C.evscale_fleet, key, text *C.char, detail **C.evscale_error) C.int32_t {
			return C.evscale_fleet_promote(fleet, key, text, detail)
		})
}

// RollBack brings the predecessor back, with what it has learned in the shadow.
func (pool *Pool) RollBack(reason string) error {
	return pool.because(reason,
		func(scaler *C.evscale_autoscaler, text *C.char, detail **C.evscale_error) C.int32_t {
			return C.evscale_roll_back(scaler, text, detail)
		},
		func(fleet *C.evscale_fleet, key, text *C.char, detail **C.evscale_error) C.int32_t {
			return C.evscale_fleet_roll_back(fleet, key, text, detail)
		})
}

// PinModels forbids promotion and rollback, by hand and by themselves.
func (pool *Pool) PinModels(reason string) error {
	return pool.because(reason,
		func(scaler *C.evscale_autoscaler, text *C.char, detail **C.evscale_error) C.int32_t {
			return C.evscale_pin_models(scaler, text, detail)
		},
		func(fleet *C.evscale_fleet, key, text *C.char, detail **C.evscale_error) C.int32_t {
			return C.evscale_fleet_pin_models(fleet, key, text, detail)
		})
}

// UnpinModels allows promotion and rollback again.
func (pool *Pool) UnpinModels() error {
	return pool.call(
		func(scaler *C.evscale_autoscaler, detail **C.evscale_error) C.int32_t {
			return C.evscale_pin_models(scaler, nil, detail)
		},
		func(fleet *C.evscale_fleet, key *C.char, detail **C.evscale_error) C.int32_t {
			return C.evscale_fleet_pin_models(fleet, key, nil, detail)
		})
}

// Challenge runs other models in the shadow in a share of the pools, 0 to 1; a larger share has the pools of a smaller one. It says
// in how many they run from now on.
func (fleet *Fleet) Challenge(bundle *Bundle, share float64) (int, error) {
	var pools C.size_t
	err := bundle.lent(func(models *C.evscale_bundle) error {
		return fleet.call(func(handle *C.evscale_fleet, detail **C.evscale_error) C.int32_t {
			return C.evscale_fleet_challenge(handle, models, C.double(share), &pools, detail)
		})
	})
	return int(pools), err
}

// RollOut lets other models act in a share of the pools, 0 to 1, without a trial. Pools that rolled these models back before, or whose
// models are pinned, are left out. It says in how many they act from now on.
func (fleet *Fleet) RollOut(bundle *Bundle, share float64, reason string) (int, error) {
	text, free, err := cText(reason)
	defer free()
	if err != nil {
		return 0, err
	}
	var pools C.size_t
	err = bundle.lent(func(models *C.evscale_bundle) error {
		return fleet.call(func(handle *C.evscale_fleet, detail **C.evscale_error) C.int32_t {
			return C.evscale_fleet_roll_out(handle, models, C.double(share), text, &pools, detail)
		})
	})
	return int(pools), err
}
