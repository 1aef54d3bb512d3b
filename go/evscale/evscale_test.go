package evscale

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"
)

var start = time.Date(2026, 1, 5, 8, 0, 0, 0, time.UTC)

// recordAt is record i of a load that goes up and down.
func recordAt(i int) Metrics {
	return Metrics{
		End:       start.Add(time.Duration(i) * 2 * time.Minute),
		Events:    1000 + 300*math.Sin(float64(i)/40),
		Jobs:      8,
		ServiceMs: Number(500),
		Deploy:    Flag(false),
	}
}

func must[T any](t *testing.T, value T, err error) T {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	return value
}

func made(t *testing.T, config Config) *Autoscaler {
	scaler, err := New(config)
	must(t, scaler, err)
	t.Cleanup(scaler.Close)
	return scaler
}

func TestAPoolDecidesAndGoesOnFromItsSnapshot(t *testing.T) {
	scaler := made(t, Config{"max_jobs": 50})
	decision, err := scaler.Decide()
	if must(t, decision, err).Jobs != nil {
		t.Fatal("nobody knows how many jobs there are")
	}
	_, err = scaler.JSON(ObservationJSON)
	if !errors.Is(err, ErrNothingYet) {
		t.Fatal(err)
	}
	for i := 0; i < 30; i++ {
		seen, err := scaler.Observe(recordAt(i))
		if must(t, seen, err).Verdict != Accepted {
			t.Fatal(seen)
		}
	}
	late, err := scaler.Observe(recordAt(3))
	if must(t, late, err).Verdict != Rejected {
		t.Fatal(late)
	}
	state, err := scaler.Snapshot()
	other, err2 := Restore(Config{"max_jobs": 50}, must(t, state, err))
	defer must(t, other, err2).Close()
	for i := 30; i < 34; i++ {
		for _, pool := range []*Autoscaler{scaler, other} {
			if _, err := pool.Observe(recordAt(i)); err != nil {
				t.Fatal(err)
			}
			if _, err := pool.Decide(); err != nil {
				t.Fatal(err)
			}
		}
	}
	one, err := scaler.JSON(DecisionJSON)
	two, err2 := other.JSON(DecisionJSON)
	if !bytes.Equal(must(t, one, err), must(t, two, err2)) || !json.Valid(one) {
		t.Fatalf("%s\n%s", one, two)
	}
	var told struct{ Explanation string }
	must(t, 0, json.Unmarshal(one, &told))
	why, err := scaler.Explanation()
	if must(t, why, err) != told.Explanation || why == "" {
		t.Fatal(why)
	}
	rows, err := scaler.Quantiles([]uint32{12, 180}, []float64{0.1, 0.9})
	if must(t, rows, err); len(rows) != 2 || rows[0][0] >= rows[0][1] {
		t.Fatal(rows)
	}
	jobs, err := scaler.Metric("jobs")
	if must(t, jobs, err) != 8 {
		t.Fatal(jobs)
	}
}

func TestOrdersAndWhatIsToldAreTaken(t *testing.T) {
	scaler := made(t, Config{"max_jobs": 50})
	for i := 0; i < 10; i++ {
		_, err := scaler.Observe(recordAt(i))
		must(t, 0, err)
	}
	now := recordAt(9).End
	must(t, 0, scaler.SetOverride(OrderFixed, 33, now, now.Add(time.Hour)))
	decision, err := scaler.DecideAt(now.Add(time.Minute))
	if must(t, decision, err).Jobs == nil || *decision.Jobs != 33 {
		t.Fatal(decision)
	}
	must(t, 0, scaler.ClearOverride())
	must(t, 0, scaler.SetPause(PauseAll))
	must(t, 0, scaler.Acknowledge(Outcome{At: now, Started: 3, Ready: 2, Startup: 90 * time.Second, Refused: 1}))
	must(t, 0, scaler.ReportLatency(2*time.Millisecond))
	must(t, 0, scaler.Silence("blind", now.Add(time.Hour)))
	id, err := scaler.Announce(AnnouncedMinJobs, 12, now.Add(time.Hour), now.Add(2*time.Hour))
	must(t, id, err)
	must(t, 0, scaler.CancelAnnouncement(id))
	must(t, 0, scaler.Reconfigure(Config{"max_jobs": 60}))
	config, err := scaler.JSON(ConfigJSON)
	if !strings.Contains(string(must(t, config, err)), `"max_jobs":60`) {
		t.Fatal(string(config))
	}
	path := filepath.Join(t.TempDir(), "ein Schnappschuß")
	state, err := scaler.Snapshot()
	must(t, 0, Save(path, must(t, state, err)))
	saved, err := os.ReadFile(path)
	if !bytes.Equal(must(t, saved, err), state) {
		t.Fatal("the file is not the snapshot")
	}
}

func TestFailuresSayWhatIsWrong(t *testing.T) {
	_, err := New(Config{"max_job": 3})
	var failure *Error
	if !errors.Is(err, ErrInvalidConfig) || !errors.As(err, &failure) || !strings.Contains(failure.Message, "max_job") {
		t.Fatal(err)
	}
	if _, err := New(Config{"max_jobs": math.Inf(1)}); !errors.Is(err, ErrInvalidConfig) {
		t.Fatal(err)
	}
	if _, err := Restore(nil, []byte("nonsense")); !errors.Is(err, ErrInvalidSnapshot) {
		t.Fatal(err)
	}
	scaler := made(t, nil)
	if _, err := scaler.ObserveJSON([]byte("{}\x00")); !errors.Is(err, ErrInvalidArgument) {
		t.Fatal(err)
	}
	if _, err := scaler.ObserveJSON([]byte("[1767607800000, 1000, 50]")); !errors.Is(err, ErrInvalidArgument) {
		t.Fatal(err)
	}
	if _, err := scaler.Quantiles(nil, nil); !errors.Is(err, ErrInvalidArgument) {
		t.Fatal(err)
	}
	scaler.Close()
	scaler.Close()
	if _, err := scaler.Decide(); !errors.Is(err, ErrClosed) {
		t.Fatal(err)
	}
	if ErrBusy.Error() != "BUSY: another call is using the handle" {
		t.Fatal(ErrBusy)
	}
}

func TestAFleetSaysWhatASinglePoolSays(t *testing.T) {
	single := made(t, Config{"max_jobs": 50})
	fleet, err := NewFleet()
	defer must(t, fleet, err).Close()
	must(t, 0, fleet.Add("b", nil))
	must(t, 0, fleet.Add("a", Config{"max_jobs": 50}))
	must(t, 0, fleet.SetThreads(2))
	if budget, err := fleet.Budget(); must(t, budget, err) != nil {
		t.Fatal(budget)
	}
	must(t, 0, fleet.SetBudget(`{"jobs": 1000}`))
	if budget, err := fleet.Budget(); must(t, budget, err).Held != 2 || budget.Exceeded != "" {
		t.Fatal(budget)
	}
	must(t, 0, fleet.SetBudget(""))
	if err := fleet.Add("a", nil); !errors.Is(err, ErrPoolExists) {
		t.Fatal(err)
	}
	must(t, 0, fleet.AddLike("new", nil, "a", "b"))
	if err := fleet.AddLike("other", nil, "nobody"); !errors.Is(err, ErrUnknownPool) {
		t.Fatal(err)
	}
	must(t, 0, fleet.Remove("new"))
	keys, err := fleet.Keys()
	if strings.Join(must(t, keys, err), " ") != "a b" {
		t.Fatal(keys)
	}
	pool := fleet.Pool("a")
	for i := 0; i < 20; i++ {
		_, err := single.Observe(recordAt(i))
		must(t, 0, err)
		alone, err := single.Decide()
		must(t, alone, err)
		broken := recordAt(i)
		broken.End = time.UnixMilli(math.MaxInt64)
		answers, err := fleet.Tick([]Record{{"b", recordAt(i)}, {"b", broken}, {"z", recordAt(i)}, {"a", recordAt(i)}})
		if !errors.Is(err, ErrInvalidArgument) || !strings.Contains(err.Error(), "record 1: pool `b`") {
			t.Fatal(err)
		}
		if answers[0].Err != nil || !errors.Is(answers[1].Err, ErrInvalidArgument) || !errors.Is(answers[2].Err, ErrUnknownPool) {
			t.Fatal(answers)
		}
		there := answers[3].Decision
		if (alone.Jobs == nil) != (there.Jobs == nil) || alone.Jobs != nil && *alone.Jobs != *there.Jobs || alone.Confidence != there.Confidence {
			t.Fatal(alone, there)
		}
	}
	for text := DecisionJSON; text <= ConfigJSON; text++ {
		one, err := single.JSON(text)
		two, err2 := pool.JSON(text)
		if must(t, string(one), err) != must(t, string(two), err2) {
			t.Fatalf("%s\n%s", one, two)
		}
	}
	state, err := pool.Snapshot()
	must(t, 0, fleet.Restore("c", Config{"max_jobs": 50}, must(t, state, err)))
	must(t, 0, fleet.Remove("b"))
	if _, err := fleet.Pool("b").Decide(); !errors.Is(err, ErrUnknownPool) {
		t.Fatal(err)
	}
	answers, err := fleet.Tick(nil)
	if len(answers) != 0 || err != nil {
		t.Fatal(answers, err)
	}
}

func TestClassesOfEventsHaveTheirCounts(t *testing.T) {
	config := Config{"use_networks": false, "max_jobs": 60, "classes": []map[string]any{
		{"name": "alerts", "service_time_seconds": 0.5, "sla_wait_seconds": 5},
		{"name": "exports", "service_time_seconds": 10, "sla_wait_seconds": 3600, "priority": 1},
	}}
	byRecord, byJSON := made(t, config), made(t, config)
	fleet, err := NewFleet()
	defer must(t, fleet, err).Close()
	must(t, 0, fleet.Add("a", config))
	for i := 0; i < 60; i++ {
		record := Metrics{End: start.Add(time.Duration(i) * 2 * time.Minute), Events: 1260, Jobs: 12, Classes: map[string]ClassCounts{
			"alerts":  {Events: Number(1200), Processed: Number(1200), Queued: Number(0), SLAViolations: Number(0)},
			"exports": {Events: Number(60), Queued: Number(float64(i))},
		}}
		text := fmt.Sprintf(`{"timestamp": %d, "logged_events_count": 1260, "current_job_count": 12, "classes": {
			"alerts": {"logged_events_count": 1200, "processed_events_count": 1200, "queued_events_count": 0, "sla_violations_count": 0},
			"exports": {"logged_events_count": 60, "queued_events_count": %d}}}`, record.End.UnixMilli(), i)
		seen, err := byRecord.Observe(record)
		if must(t, seen, err).Verdict != Accepted {
			t.Fatal(seen)
		}
		seen, err = byJSON.ObserveJSON([]byte(text))
		must(t, seen, err)
		_, err = byRecord.Decide()
		must(t, 0, err)
		_, err = byJSON.Decide()
		must(t, 0, err)
		answers, err := fleet.Tick([]Record{{"a", record}})
		must(t, answers, err)
	}
	for _, text := range []Text{DecisionJSON, ReportJSON} {
		one, err := byRecord.JSON(text)
		must(t, 0, err)
		two, err := byJSON.JSON(text)
		must(t, 0, err)
		three, err := fleet.Pool("a").JSON(text)
		must(t, 0, err)
		if string(one) != string(two) || string(one) != string(three) {
			t.Fatalf("%s\n%s\n%s", one, two, three)
		}
	}
	broken := recordAt(70)
	broken.Classes = map[string]ClassCounts{"a\x00b": {}}
	if _, err := byRecord.Observe(broken); !errors.Is(err, ErrInvalidArgument) {
		t.Fatal(err)
	}
	if _, err := fleet.Tick([]Record{{"a", broken}}); !errors.Is(err, ErrInvalidArgument) {
		t.Fatal(err)
	}
}

func TestGoroutinesShareAnAutoscalerAndClose(t *testing.T) {
	scaler := made(t, Config{"use_networks": false})
	var group sync.WaitGroup
	for worker := 0; worker < 4; worker++ {
		group.Add(1)
		go func(worker int) {
			defer group.Done()
			for i := 0; i < 200; i++ {
				if _, err := scaler.Observe(recordAt(i)); err != nil && !errors.Is(err, ErrClosed) {
					t.Error(err)
				}
				if _, err := scaler.Decide(); err != nil && !errors.Is(err, ErrClosed) {
					t.Error(err)
				}
			}
			if worker == 0 {
				scaler.Close()
			}
		}(worker)
	}
	group.Wait()
}

func TestFunctionsOfTheHostTakeThePlacesOfNetworks(t *testing.T) {
	scaler := made(t, Config{"max_jobs": 50})
	asked, proposed := 0, 0
	must(t, 0, scaler.UseForecaster(func(counts []float64, end time.Time, interval time.Duration, quantiles []float64) error {
		asked++
		if asked > 20 {
			panic("no more")
		}
		if interval != 2*time.Minute || end.Before(start) {
			t.Error(interval, end)
		}
		for i := range quantiles {
			quantiles[i] = counts[len(counts)-1]
		}
		return nil
	}))
	must(t, 0, scaler.UsePolicy(func(state json.RawMessage) (float64, error) {
		proposed++
		if !json.Valid(state) {
			t.Error(string(state))
		}
		return 9, nil
	}))
	for i := 0; i < 30; i++ {
		_, err := scaler.Observe(recordAt(i))
		must(t, 0, err)
		_, err = scaler.Decide()
		must(t, 0, err)
	}
	health, err := scaler.JSON(HealthJSON)
	if !strings.Contains(string(must(t, health, err)), "it returned 2") || asked <= 20 || proposed == 0 {
		t.Fatal(string(health), asked, proposed)
	}
	bare := made(t, Config{"use_networks": false})
	if err := bare.UsePolicy(func(json.RawMessage) (float64, error) { return 0, nil }); !errors.Is(err, ErrInvalidArgument) {
		t.Fatal(err)
	}
	bare.Close()
	if err := bare.UsePolicy(nil); !errors.Is(err, ErrClosed) {
		t.Fatal(err)
	}
}

func TestAMeterMakesRecords(t *testing.T) {
	scaler := made(t, Config{"max_jobs": 50})
	meter, err := NewMeter(Config{"max_jobs": 50}, start)
	defer must(t, meter, err).Close()
	var group sync.WaitGroup
	for worker := 0; worker < 4; worker++ {
		group.Add(1)
		go func() {
			defer group.Done()
			for i := 0; i < 250; i++ {
				if meter.Arrived(1) != nil || meter.Finished(500*time.Millisecond, -1, 1) != nil {
					t.Error("a count was refused")
				}
			}
		}()
	}
	group.Wait()
	must(t, 0, meter.Failed(10))
	must(t, 0, meter.Started(start, 2))
	must(t, 0, meter.Ready(start.Add(time.Minute), 2))
	count, err := meter.Tick(start.Add(4*time.Minute), 8, 5, math.NaN(), &scaler.Pool)
	if must(t, count, err) != 2 {
		t.Fatal(count)
	}
	jobs, err := scaler.Metric("jobs")
	if must(t, jobs, err) != 8 {
		t.Fatal(jobs)
	}
}

// resident is the memory of the process, KiB.
func resident(t *testing.T) int {
	status, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		t.Skip("no /proc")
	}
	fields := strings.Fields(string(status))
	pages := 0
	for _, digit := range fields[1] {
		pages = 10*pages + int(digit-'0')
	}
	return pages * os.Getpagesize() / 1024
}

// Each turn makes handles, failures and texts; what was not freed would be some 100 KiB a turn.
func TestNothingLeaks(t *testing.T) {
	turn := func() {
		scaler, err := New(Config{"use_networks": false})
		must(t, scaler, err)
		for i := 0; i < 20; i++ {
			record := recordAt(i)
			record.Classes = map[string]ClassCounts{"alerts": {Events: Number(1000)}}
			_, err := scaler.Observe(record)
			must(t, 0, err)
		}
		_, err = scaler.Decide()
		must(t, 0, err)
		_, err = scaler.JSON(ReportJSON)
		must(t, 0, err)
		_, err = scaler.ObserveJSON([]byte("{}"))
		if err == nil {
			t.Fatal("no timestamp")
		}
		if turn := resident(t); turn == 0 {
			t.Fatal("no memory")
		}
		scaler.Close()
	}
	for i := 0; i < 100; i++ {
		turn()
	}
	runtime.GC()
	before := resident(t)
	for i := 0; i < 400; i++ {
		turn()
	}
	runtime.GC()
	if grown := resident(t) - before; grown > 8*1024 {
		t.Fatalf("%d KiB more after 400 turns", grown)
	}
}

// EVSCALE_GOLDEN names the folder of the golden vectors, EVSCALE_GOLDEN_RECORDS a file with their records.
func TestGoldenDecisions(t *testing.T) {
	folder, file := os.Getenv("EVSCALE_GOLDEN"), os.Getenv("EVSCALE_GOLDEN_RECORDS")
	if folder == "" || file == "" {
		t.Skip("EVSCALE_GOLDEN and EVSCALE_GOLDEN_RECORDS are not set")
	}
	settings, err := os.ReadFile(filepath.Join(folder, "config.json"))
	var config Config
	must(t, 0, json.Unmarshal(must(t, settings, err), &config))
	scaler := made(t, config)
	expected, err := os.ReadFile(filepath.Join(folder, "expected.jsonl"))
	lines := strings.Split(strings.TrimSpace(string(must(t, expected, err))), "\n")
	records, err := os.Open(file)
	defer must(t, records, err).Close()
	count := 0
	for scanner := bufio.NewScanner(records); scanner.Scan(); count++ {
		_, err := scaler.ObserveJSON(scanner.Bytes())
		must(t, 0, err)
		_, err = scaler.Decide()
		must(t, 0, err)
		if count%240 == 239 {
			decision, err := scaler.JSON(DecisionJSON)
			if want := lines[count/240]; string(must(t, decision, err)) != want {
				t.Fatalf("record %d:\n%s\n%s", count, decision, want)
			}
		}
	}
	if count/240 != len(lines) || len(lines) < 40 {
		t.Fatalf("%d records, %d decisions", count, len(lines))
	}
}
