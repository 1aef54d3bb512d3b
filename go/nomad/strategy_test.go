package main

import (
	"encoding/json"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/evscale/evscale/go/evscale"
	"github.com/hashicorp/go-hclog"
	"github.com/hashicorp/go-plugin"
	"github.com/hashicorp/hcl/v2/hclsimple"
	"github.com/hashicorp/nomad-autoscaler/plugins"
	"github.com/hashicorp/nomad-autoscaler/plugins/base"
	"github.com/hashicorp/nomad-autoscaler/plugins/strategy"
	"github.com/hashicorp/nomad-autoscaler/sdk"
)

const interval = 2 * time.Minute

var (
	start    = time.Date(2026, 1, 5, 8, 0, 0, 0, time.UTC)
	settings = map[string]string{"pool": "job/workers", "min_jobs": "2", "max_jobs": "50"}
)

// eventsAt is the load of the interval i: a rush in its second hour.
func eventsAt(i int) float64 {
	if i >= 30 && i < 60 {
		return 4800
	}
	return 1200
}

// arrivedBy are the values of a query for arrivals per second, every ten seconds up to a time.
func arrivedBy(until time.Time, window time.Duration) (values sdk.TimestampedMetrics) {
	for at := until.Add(-window); !at.After(until); at = at.Add(10 * time.Second) {
		i := int(at.Add(-1).Sub(start) / interval)
		values = append(values, sdk.TimestampedMetric{Timestamp: at, Value: eventsAt(i) / interval.Seconds()})
	}
	return values
}

func constant(until time.Time, value float64) sdk.TimestampedMetrics {
	return sdk.TimestampedMetrics{{Timestamp: until.Add(-90 * time.Second), Value: value}, {Timestamp: until, Value: value}}
}

func run(t *testing.T, with strategy.Strategy, config map[string]string, values sdk.TimestampedMetrics, count int64) *sdk.ScalingAction {
	t.Helper()
	eval, err := with.Run(evaluation(config, values), count)
	if err != nil {
		t.Fatal(err)
	}
	return eval.Action
}

func evaluation(config map[string]string, values sdk.TimestampedMetrics) *sdk.ScalingCheckEvaluation {
	return &sdk.ScalingCheckEvaluation{
		Check:   &sdk.ScalingPolicyCheck{Name: "a check", Strategy: &sdk.ScalingPolicyStrategy{Name: "evscale", Config: config}},
		Metrics: values,
		Action:  &sdk.ScalingAction{},
	}
}

// replay evaluates every interval from one to another, and carries out what is asked for; returns the counts.
func replay(t *testing.T, with strategy.Strategy, from, to int, count int64) (counts []int64) {
	t.Helper()
	service := map[string]string{"pool": settings["pool"], "field": "average_processing_duration_ms"}
	for i := from; i < to; i++ {
		now := start.Add(time.Duration(i+1) * interval)
		if told := run(t, with, service, constant(now, 600), count); told.Direction != sdk.ScaleDirectionNone {
			t.Fatalf("a check that decides nothing says %v", told)
		}
		action := run(t, with, settings, arrivedBy(now, interval-10*time.Second), count)
		switch action.Direction {
		case sdk.ScaleDirectionUp, sdk.ScaleDirectionDown:
			if (action.Count > count) != (action.Direction == sdk.ScaleDirectionUp) || action.Count == count {
				t.Fatalf("from %d: %+v", count, action)
			}
			if action.Reason == "" {
				t.Fatal("a change without a reason")
			}
			count = action.Count
		}
		counts = append(counts, count)
	}
	return counts
}

// byTheLibrary are the counts of the same pool without the plugin.
func byTheLibrary(t *testing.T, to int, count int64) (counts []int64) {
	t.Helper()
	scaler, err := evscale.New(evscale.Config{"min_jobs": 2, "max_jobs": 50})
	if err != nil {
		t.Fatal(err)
	}
	defer scaler.Close()
	for i := 0; i < to; i++ {
		end := start.Add(time.Duration(i+1) * interval)
		record := evscale.Metrics{End: end, Events: eventsAt(i), Jobs: float64(count), ServiceMs: evscale.Number(600)}
		if _, err := scaler.Observe(record); err != nil {
			t.Fatal(err)
		}
		decision, err := scaler.Decide()
		if err != nil {
			t.Fatal(err)
		}
		if decision.Jobs != nil && int64(decision.CurrentJobs) == count {
			count = int64(*decision.Jobs)
		}
		counts = append(counts, count)
	}
	return counts
}

func same(t *testing.T, got, wanted []int64) {
	t.Helper()
	most := wanted[0]
	for i := range wanted {
		if len(got) != len(wanted) || got[i] != wanted[i] {
			t.Fatalf("interval %d: the plugin has %v, the library %v", i, got, wanted)
		}
		most = max(most, wanted[i])
	}
	if most < 2*wanted[0] || wanted[len(wanted)-1] == most {
		t.Fatalf("the pool neither grows nor shrinks: %v", wanted)
	}
}

func TestDecisionsAreThoseOfTheLibrary(t *testing.T) {
	same(t, replay(t, newStrategy(hclog.NewNullLogger()), 0, 150, 8), byTheLibrary(t, 150, 8))
}

func TestAPoolGoesOnFromItsState(t *testing.T) {
	folder := filepath.Join(t.TempDir(), "Zustände")
	var counts []int64
	for _, part := range [][2]int{{0, 50}, {50, 51}, {51, 150}} {
		restarted := newStrategy(hclog.NewNullLogger())
		if err := restarted.SetConfig(map[string]string{"state_dir": folder, "nomad_address": "http://127.0.0.1:4646"}); err != nil {
			t.Fatal(err)
		}
		count := int64(8)
		if len(counts) > 0 {
			count = counts[len(counts)-1]
		}
		counts = append(counts, replay(t, restarted, part[0], part[1], count)...)
	}
	same(t, counts, byTheLibrary(t, 150, 8))
	kept, err := filepath.Glob(filepath.Join(folder, "*"))
	if err != nil || len(kept) != 1 || !strings.HasSuffix(kept[0], "job%2Fworkers.json") {
		t.Fatal(kept, err)
	}
}

func TestAStateThatCannotBeUsedIsPutAside(t *testing.T) {
	folder := t.TempDir()
	path := file(folder, settings["pool"])
	foreign, _ := json.Marshal(state{"another", start, nil})
	broken, _ := json.Marshal(state{settings["pool"], start, []byte("no snapshot")})
	for _, content := range [][]byte{nil, []byte("{"), foreign, broken} {
		if err := os.WriteFile(path, content, 0o600); err != nil {
			t.Fatal(err)
		}
		fresh := newStrategy(hclog.NewNullLogger())
		if err := fresh.SetConfig(map[string]string{"state_dir": folder}); err != nil {
			t.Fatal(err)
		}
		replay(t, fresh, 0, 3, 8)
		aside, err := os.ReadFile(path + ".refused")
		if err != nil || string(aside) != string(content) {
			t.Fatal(string(aside), err)
		}
		var kept state
		if content, err = os.ReadFile(path); err != nil || json.Unmarshal(content, &kept) != nil || !kept.Newest.Equal(start.Add(3*interval)) {
			t.Fatal(string(content), err)
		}
	}
}

func TestACountThatSomebodyChangedStaysUntilTheNextDecision(t *testing.T) {
	jobs := 12
	decision := evscale.Decision{Jobs: &jobs, CurrentJobs: 10}
	for count, wanted := range map[int64]sdk.ScalingAction{
		10: {Direction: sdk.ScaleDirectionUp, Count: 12}, 12: {}, 11: {}, 20: {},
	} {
		if got := action(decision, count, ""); got.Direction != wanted.Direction || got.Count != wanted.Count {
			t.Fatalf("at %d: %+v", count, got)
		}
	}
	if got := action(evscale.Decision{CurrentJobs: 10}, 10, ""); got.Direction != sdk.ScaleDirectionNone {
		t.Fatalf("nobody knows how many there should be: %+v", got)
	}
}

func TestValuesBecomeRecordsOfWholeIntervals(t *testing.T) {
	of := newSeries()
	until := start.Add(3*interval + 50*time.Second)
	of.take(check{field: arrivals, perSeconds: 60}, sdk.TimestampedMetrics{
		{Timestamp: until, Value: 1000},
		{Timestamp: start.Add(interval), Value: 30}, {Timestamp: start.Add(30 * time.Second), Value: 10},
		{Timestamp: start.Add(interval + time.Second), Value: math.NaN()},
		{Timestamp: start.Add(2*interval + time.Second), Value: 7},
	})
	of.take(check{field: "queued_events_count"}, sdk.TimestampedMetrics{
		{Timestamp: start.Add(time.Second), Value: 90}, {Timestamp: start.Add(interval), Value: 5},
	})
	records := of.records(interval, time.Time{}, 9)
	if len(records) != 2 || records[0].Events != 40 || records[1].Events != 14 {
		t.Fatalf("%+v", records)
	}
	if *records[0].Queued != 5 || records[1].Queued != nil || !math.IsNaN(records[0].Jobs) || records[1].Jobs != 9 {
		t.Fatalf("%+v", records)
	}
	if !records[0].End.Equal(start.Add(interval)) || !records[1].End.Equal(start.Add(3*interval)) {
		t.Fatalf("%+v", records)
	}
	if again := of.records(interval, records[1].End, 9); len(again) != 0 {
		t.Fatalf("%+v", again)
	}
}

func TestMistakesAreNamed(t *testing.T) {
	now := arrivedBy(start.Add(interval), interval)
	with := newStrategy(hclog.NewNullLogger())
	for said, config := range map[string]map[string]string{
		"`pool` is missing":                            {"max_jobs": "5"},
		"`field` is \"queue\", expected one of":        {"pool": "a", "field": "queue"},
		"`per_seconds` is \"0\"":                       {"pool": "a", "per_seconds": "0"},
		"expected them in the check of the arrivals":   {"pool": "a", "field": "busy_jobs", "max_jobs": "5"},
		"pool `a`: evscale:":                           {"pool": "a", "max_job": "5"},
		"many":                                         {"pool": "a", "max_jobs": "many"},
		"check `a check`: there are no values, expect": {"pool": "a"},
	} {
		values := now
		if strings.Contains(said, "no values") {
			values = nil
		}
		if _, err := with.Run(evaluation(config, values), 3); err == nil || !strings.Contains(err.Error(), said) {
			t.Fatalf("%v, expected %s", err, said)
		}
	}
	if err := with.SetConfig(map[string]string{"state-dir": "/tmp"}); err == nil || !strings.Contains(err.Error(), "`state-dir`") {
		t.Fatal(err)
	}
	changed := map[string]string{"pool": "a", "max_jobs": "60"}
	run(t, with, map[string]string{"pool": "a"}, now, 3)
	run(t, with, changed, now, 3)
	if whole, err := with.pools["a"].scaler.JSON(evscale.ConfigJSON); err != nil || !strings.Contains(string(whole), `"max_jobs":60`) {
		t.Fatal(string(whole), err)
	}
}

func TestTheExampleIsAPolicyOfTheAutoscaler(t *testing.T) {
	var file sdk.FileDecodeScalingPolicies
	if err := hclsimple.DecodeFile("example/policy.hcl", nil, &file); err != nil {
		t.Fatal(err)
	}
	checks := file.ScalingPolicies[0].Translate().Checks
	if len(checks) != 3 || checks[2].Group != checks[0].Group {
		t.Fatal(checks)
	}
	for i, each := range checks {
		asked, err := parse(each)
		if err != nil || (asked.field == arrivals) != (i == 2) || asked.pool != "checkout/workers" {
			t.Fatal(asked, err)
		}
		if whole, err := asked.settings.Complete(); err != nil || i == 2 && whole["max_jobs"] != 60.0 {
			t.Fatal(whole, err)
		}
	}
}

// dialled starts the plugin as the agent does.
func dialled(t *testing.T, binary, folder string) (*plugin.Client, strategy.Strategy) {
	t.Helper()
	client := plugin.NewClient(&plugin.ClientConfig{
		HandshakeConfig:  plugins.Handshake,
		Plugins:          map[string]plugin.Plugin{sdk.PluginTypeStrategy: &strategy.PluginStrategy{}, sdk.PluginTypeBase: &base.PluginBase{}},
		Cmd:              exec.Command(binary),
		AllowedProtocols: []plugin.Protocol{plugin.ProtocolGRPC},
		Logger:           hclog.NewNullLogger(),
	})
	t.Cleanup(client.Kill)
	protocol, err := client.Client()
	if err != nil {
		t.Fatal(err)
	}
	raw, err := protocol.Dispense(sdk.PluginTypeStrategy)
	if err != nil {
		t.Fatal(err)
	}
	dispensed := raw.(strategy.Strategy)
	if err := dispensed.SetConfig(map[string]string{"state_dir": folder}); err != nil {
		t.Fatal(err)
	}
	return client, dispensed
}

func TestTheBuiltPluginServesTheAgentAndGoesOnAfterItWasKilled(t *testing.T) {
	binary, folder := filepath.Join(t.TempDir(), "evscale"), t.TempDir()
	if out, err := exec.Command("go", "build", "-o", binary, ".").CombinedOutput(); err != nil {
		t.Fatalf("%s: %v", out, err)
	}
	client, remote := dialled(t, binary, folder)
	info, err := remote.PluginInfo()
	if err != nil || info.Name != "evscale" || info.PluginType != sdk.PluginTypeStrategy {
		t.Fatal(info, err)
	}
	counts := replay(t, remote, 0, 70, 8)
	_, err = remote.Run(evaluation(map[string]string{"pool": "b", "max_job": "3"}, arrivedBy(start.Add(interval), interval)), 3)
	if err == nil || !strings.Contains(err.Error(), "max_job") {
		t.Fatal(err)
	}
	client.Kill()
	_, remote = dialled(t, binary, folder)
	same(t, append(counts, replay(t, remote, 70, 150, counts[69])...), byTheLibrary(t, 150, 8))
}
