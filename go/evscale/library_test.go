package evscale

import (
	"bytes"
	"encoding/json"
	"errors"
	"log/slog"
	"math"
	"slices"
	"strings"
	"testing"
	"time"
)

// week is a load of a week with a peak every noon.
func week(interval time.Duration) []float64 {
	events := make([]float64, 7*24*time.Hour/interval)
	for i := range events {
		events[i] = 2000 - 1500*math.Cos(2*math.Pi*float64(time.Duration(i)*interval)/float64(24*time.Hour))
	}
	return events
}

// steady is the same value so many times.
func steady(value float64, count int) []float64 {
	values := make([]float64, count)
	for i := range values {
		values[i] = value
	}
	return values
}

func TestAForecasterKnowsASeriesWithoutAPool(t *testing.T) {
	makers := map[string]func(time.Duration, time.Time) (*Forecaster, error){
		"network": NewForecaster, "simple": NewSimpleForecaster,
		"bundle": func(interval time.Duration, start time.Time) (*Forecaster, error) {
			return NewForecasterWith(loaded(t, sameWeights(t)), interval, start)
		},
		"configuration": func(interval time.Duration, start time.Time) (*Forecaster, error) {
			return NewForecasterForConfig(Config{"interval_seconds": interval / time.Second}, nil, start)
		},
	}
	said := map[string]string{}
	for name, makeOne := range makers {
		forecaster, err := makeOne(2*time.Minute, start)
		must(t, forecaster, err)
		must(t, 0, forecaster.Observe(steady(500, 100)...))
		rows, err := forecaster.Quantiles([]uint32{12, 180}, []float64{0.1, 0.5, 0.9})
		if must(t, rows, err); len(rows) != 2 || rows[0][1] < 400 || rows[0][1] > 600 || rows[1][0] > rows[1][2] {
			t.Fatal(name, rows)
		}
		text, err := forecaster.JSON()
		said[name] = string(must(t, text, err))
		var forecast struct {
			Horizons map[string]struct{ Prediction float64 }
		}
		if must(t, 0, json.Unmarshal(text, &forecast)); math.Abs(forecast.Horizons["12"].Prediction-500) > 100 {
			t.Fatal(said[name])
		}
		if err := forecaster.Observe(-1); !errors.Is(err, ErrInvalidArgument) || !strings.Contains(err.Error(), "-1") {
			t.Fatal(err)
		}
		forecaster.Close()
		if err := forecaster.Observe(1); !errors.Is(err, ErrClosed) {
			t.Fatal(err)
		}
	}
	if said["network"] != said["bundle"] || said["network"] != said["configuration"] || said["network"] == said["simple"] {
		t.Fatal(said)
	}
	unsigned := Config{"bundle_public_key": strings.Repeat("ab", 32)}
	if _, err := NewForecasterForConfig(unsigned, loaded(t, sameWeights(t)), start); !errors.Is(err, ErrInvalidBundle) {
		t.Fatal(err)
	}
	if _, err := NewForecaster(90*time.Millisecond, start); !errors.Is(err, ErrInvalidArgument) || !strings.Contains(err.Error(), "90ms") {
		t.Fatal(err)
	}
}

// score is that of evscale, and which runs there were.
func score(t *testing.T, config Config, history History, options BacktestOptions) (jobHours float64, names []string) {
	t.Helper()
	replayed, err := NewBacktest(config, history, options)
	must(t, replayed, err)
	defer replayed.Close()
	text, err := replayed.Scores()
	var scores struct {
		Runs []struct {
			Name   string
			Scores map[string]any
		}
	}
	must(t, 0, json.Unmarshal(must(t, text, err), &scores))
	for _, run := range scores.Runs {
		names = append(names, run.Name)
	}
	text, err = replayed.Decisions()
	var decisions []json.RawMessage
	if must(t, 0, json.Unmarshal(must(t, text, err), &decisions)); len(decisions) < 100 {
		t.Fatalf("%d decisions", len(decisions))
	}
	return scores.Runs[0].Scores["job_hours"].(float64), names
}

func TestAHistoryIsReplayedAndWhatAnotherSettingWouldHaveDone(t *testing.T) {
	history := History{Start: start, Interval: 10 * time.Minute, Events: week(10 * time.Minute)}
	history.ServiceMs = steady(3000, len(history.Events))
	calls := 0
	config := Config{"interval_seconds": 600, "decision_interval_seconds": 600}
	hours, names := score(t, config, history, BacktestOptions{
		Progress: func(done, all int) bool { calls++; return done <= all },
		Named:    map[string]any{"baselines": true},
	})
	if calls == 0 || len(names) < 2 || names[0] != "evscale" {
		t.Fatal(calls, names)
	}
	more, names := score(t, Config{"interval_seconds": 600, "decision_interval_seconds": 600, "min_jobs": 40, "max_jobs": 80}, history, BacktestOptions{})
	if len(names) != 1 || more < 2*hours {
		t.Fatal(hours, more, names)
	}
	_, err := NewBacktest(config, history, BacktestOptions{Progress: func(int, int) bool { return false }})
	if !errors.Is(err, ErrStopped) {
		t.Fatal(err)
	}
	_, err = NewBacktest(config, history, BacktestOptions{Progress: func(int, int) bool { panic("a mistake of the host") }})
	if !errors.Is(err, ErrStopped) {
		t.Fatal(err)
	}
	history.ServiceMs = history.ServiceMs[:3]
	if _, err := NewBacktest(config, history, BacktestOptions{}); !errors.Is(err, ErrInvalidArgument) || !strings.Contains(err.Error(), "has 3 values") {
		t.Fatal(err)
	}
}

func TestTheLibraryTellsItsSettingsFieldsRulesAndMetrics(t *testing.T) {
	must(t, 0, Preload())
	for catalog, known := range map[Catalog]string{
		Settings: "max_jobs", Fields: "queued_events_count", Rules: "bounds", ReportMetrics: "jobs", AlertRules: "blind",
	} {
		text, err := catalog.JSON()
		var entries []struct{ Name string }
		must(t, 0, json.Unmarshal(must(t, text, err), &entries))
		if !slices.ContainsFunc(entries, func(entry struct{ Name string }) bool { return entry.Name == known }) {
			t.Fatalf("%d has no %s: %s", catalog, known, text)
		}
	}
	if _, err := Catalog(99).JSON(); !errors.Is(err, ErrInvalidArgument) {
		t.Fatal(err)
	}
	whole, err := Config{"max_jobs": 77}.Complete()
	if must(t, whole, err)["max_jobs"] != 77.0 || whole["min_jobs"] == nil || len(whole) < 20 {
		t.Fatal(whole)
	}
	if _, err := (Config{"max_job": 77}).Complete(); !errors.Is(err, ErrInvalidConfig) {
		t.Fatal(err)
	}
}

func TestTheLogOfTheLibraryGoesToALogger(t *testing.T) {
	var lines bytes.Buffer
	must(t, 0, SetLog(slog.New(slog.NewTextHandler(&lines, nil))))
	scaler := made(t, nil)
	_, err := scaler.Observe(recordAt(5))
	must(t, 0, err)
	_, err = scaler.Observe(recordAt(0))
	must(t, 0, err)
	if !strings.Contains(lines.String(), "level=") || !strings.Contains(lines.String(), "rejected") {
		t.Fatal(lines.String())
	}
	must(t, 0, SetLog(nil))
	lines.Reset()
	_, err = scaler.Observe(recordAt(0))
	if must(t, 0, err); lines.Len() != 0 {
		t.Fatal(lines.String())
	}
}

func TestAFleetIsCountedSummedScrapedAndKept(t *testing.T) {
	fleet, err := NewFleet()
	defer must(t, fleet, err).Close()
	for _, key := range []string{"a", "b"} {
		must(t, 0, fleet.Add(key, Config{"max_jobs": 50}))
	}
	var answers []Answer
	for i := 0; i < 3; i++ {
		answers, err = fleet.Tick([]Record{{"a", recordAt(i)}, {"b", recordAt(i)}})
		must(t, answers, err)
	}
	count, err := fleet.Len()
	there, err2 := fleet.Has("b")
	gone, err3 := fleet.Has("c")
	if must(t, count, err) != 2 || !must(t, there, err2) || must(t, gone, err3) {
		t.Fatal(count, there, gone)
	}
	sums, err := fleet.Sums()
	if must(t, sums, err)["jobs"] != 16 {
		t.Fatal(sums)
	}
	scraped, err := fleet.OpenMetrics()
	if must(t, scraped, err); !strings.Contains(scraped, `pool="a"`) || !strings.HasSuffix(scraped, "# EOF\n") {
		t.Fatal(scraped)
	}
	alone := made(t, nil)
	scraped, err = alone.OpenMetrics(`one "pool"`)
	if must(t, scraped, err); !strings.Contains(scraped, `pool="one \"pool\""`) {
		t.Fatal(scraped)
	}
	states, err := fleet.Snapshots()
	one, err2 := fleet.Pool("a").Snapshot()
	if must(t, states, err); len(states) != 2 || !bytes.Equal(states["a"], must(t, one, err2)) {
		t.Fatal(len(states))
	}
}

func TestAMeterTakesTotalsAndSaysWhatItEstimates(t *testing.T) {
	meter, err := NewMeter(nil, start)
	defer must(t, meter, err).Close()
	scaler := made(t, nil)
	for i, finished := range []float64{1000, 1240, 1480} {
		now := start.Add(time.Duration(i) * 2 * time.Minute)
		must(t, 0, meter.Totals("a broker", Totals{Finished: Number(finished), BusySeconds: Number(finished / 2)}))
		must(t, 0, meter.Refused(1))
		must(t, 0, meter.Drained(1))
		_, err := meter.Tick(now, 4, 10, math.NaN(), &scaler.Pool)
		must(t, 0, err)
	}
	text, err := meter.Estimates()
	var estimates []struct{ Field, Reason string }
	must(t, 0, json.Unmarshal(must(t, text, err), &estimates))
	if !slices.ContainsFunc(estimates, func(one struct{ Field, Reason string }) bool { return one.Field == "logged_events_count" }) {
		t.Fatal(string(text))
	}
	text, err = scaler.JSON(ObservationJSON)
	must(t, text, err)
	meter.Close()
	if err := meter.Arrived(1); !errors.Is(err, ErrClosed) {
		t.Fatal(err)
	}
	if _, err := meter.Estimates(); !errors.Is(err, ErrClosed) {
		t.Fatal(err)
	}
}
