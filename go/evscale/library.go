package evscale

// #include <evscale.h>
// void evscaleGoLog(int32_t, char *);
// static void note(void *context, int32_t level, const char *message) { (void)context; evscaleGoLog(level, (char *)message); }
// static int32_t log_to_go(int32_t most, evscale_error **error) {
//     return most ? evscale_set_log(note, NULL, most, error) : evscale_set_log(NULL, NULL, 0, error);
// }
import "C"

import (
	"context"
	"encoding/json"
	"log/slog"
	"sync/atomic"
	"unsafe"
)

// Version is that of the library, such as "0.1.0".
func Version() string { return C.GoString(C.evscale_version()) }

// Preload loads the models inside the library, which the first handle with networks does else; it takes some 20 ms.
func Preload() error {
	var detail *C.evscale_error
	status := C.evscale_preload(&detail)
	return failed(status, detail)
}

// Catalog is a list of what the library knows, as JSON.
type Catalog int

// The catalogs, each a list of objects with name and description, or text.
const (
	// Settings of a configuration, with default and range.
	Settings Catalog = iota
	// Fields of a metrics record, with range.
	Fields
	// Rules of safety in the order in which they apply.
	Rules
	// ReportMetrics are those of [ReportJSON], with unit.
	ReportMetrics
	// AlertRules say when an alert fires, and what to do.
	AlertRules
)

// JSON is the catalog; docs/c-reference.md tells the fields.
func (catalog Catalog) JSON() (json.RawMessage, error) {
	return filledText(func(to *C.char, size C.size_t, needed *C.size_t, detail **C.evscale_error) C.int32_t {
		switch catalog {
		case Settings:
			return C.evscale_settings_json(to, size, needed, detail)
		case Fields:
			return C.evscale_fields_json(to, size, needed, detail)
		case Rules:
			return C.evscale_rules_json(to, size, needed, detail)
		case ReportMetrics:
			return C.evscale_metrics_json(to, size, needed, detail)
		case AlertRules:
			return C.evscale_alert_rules_json(to, size, needed, detail)
		}
		return C.EVSCALE_INVALID_ARGUMENT
	})
}

// Complete checks a configuration and gives the whole of it: every setting, those that it leaves out with their defaults.
func (config Config) Complete() (Config, error) {
	settings, free, err := cJSON(config)
	defer free()
	if err != nil {
		return nil, err
	}
	text, err := filledText(func(to *C.char, size C.size_t, needed *C.size_t, detail **C.evscale_error) C.int32_t {
		return C.evscale_config_complete_json(settings, to, size, needed, detail)
	})
	if err != nil {
		return nil, err
	}
	var whole Config
	err = json.Unmarshal(text, &whole)
	return whole, err
}

// logger gets the log of the library.
var logger atomic.Pointer[slog.Logger]

// SetLog hands the log of the whole library to a logger, at the levels that it has enabled now; nil for none, as at the start. Call it
// once, at start: each call keeps a few bytes for ever.
func SetLog(to *slog.Logger) error {
	logger.Store(to)
	most := C.int32_t(0)
	for level, as := range levels {
		if to != nil && to.Enabled(context.Background(), as) {
			most = max(most, level)
		}
	}
	var detail *C.evscale_error
	status := C.log_to_go(most, &detail)
	return failed(status, detail)
}

// levels are those of the library.
var levels = map[C.int32_t]slog.Level{
	C.EVSCALE_LOG_ERROR: slog.LevelError, C.EVSCALE_LOG_WARNING: slog.LevelWarn, C.EVSCALE_LOG_INFO: slog.LevelInfo,
}

//export evscaleGoLog
func evscaleGoLog(level C.int32_t, message *C.char) {
	guarded(func() error {
		if to := logger.Load(); to != nil {
			to.Log(context.Background(), levels[level], C.GoString(message))
		}
		return nil
	})
}

// cJSON is settings or options as C has them; the second value frees them.
func cJSON(named map[string]any) (*C.char, func(), error) {
	text, err := Config(named).json()
	if err != nil {
		return nil, func() {}, err
	}
	return cText(text)
}

// filledText is what fill puts into a buffer, without the NUL at its end.
func filledText(fill func(buffer *C.char, capacity C.size_t, needed *C.size_t, detail **C.evscale_error) C.int32_t) ([]byte, error) {
	text, err := filled(8192, func(to unsafe.Pointer, size C.size_t, needed *C.size_t, detail **C.evscale_error) C.int32_t {
		return fill((*C.char)(to), size, needed, detail)
	})
	if err != nil {
		return nil, err
	}
	return text[:len(text)-1], nil
}
