package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/evscale/evscale/go/evscale"
	"github.com/hashicorp/go-hclog"
	"github.com/hashicorp/nomad-autoscaler/sdk"
)

// pool is one pool of jobs, and what its checks said last.
type pool struct {
	log    hclog.Logger
	lock   sync.Mutex
	series series
	// scaler is nil before the first check of the arrivals.
	scaler *evscale.Autoscaler
	// settings of the scaler, as JSON.
	settings string
	interval time.Duration
	// newest is the end of the newest interval that the scaler has seen.
	newest time.Time
}

// state is what a file keeps of a pool.
type state struct {
	Pool     string    `json:"pool"`
	Newest   time.Time `json:"newest"`
	Snapshot []byte    `json:"snapshot"`
}

// decide takes the intervals that have ended and says what the count shall be.
func (pool *pool) decide(check check, count int64, folder string) (*sdk.ScalingAction, error) {
	if err := pool.configure(check, folder); err != nil {
		return nil, err
	}
	records := pool.series.records(pool.interval, pool.newest, count)
	if err := pool.take(records); err != nil {
		return nil, err
	}
	arrived := pool.series.values[arrivals]
	decision, err := pool.scaler.DecideAt(arrived[len(arrived)-1].Timestamp)
	if err != nil {
		return nil, err
	}
	why, err := pool.scaler.Explanation()
	if err != nil {
		return nil, err
	}
	if len(records) > 0 && folder != "" {
		pool.save(check.pool, folder)
	}
	return action(decision, count, why), nil
}

// take hands records to the scaler. Of those of a pool's first query all but the newest go into the history alone.
func (pool *pool) take(records []evscale.Metrics) error {
	begun := !pool.newest.IsZero()
	for i, record := range records {
		take := pool.scaler.Backfill
		if begun || i == len(records)-1 {
			take = pool.scaler.Observe
		}
		seen, err := take(record)
		if err != nil {
			return err
		}
		if seen.Verdict == evscale.Rejected {
			pool.log.Warn("a record was rejected", "end", record.End)
		}
		pool.newest = record.End
	}
	return nil
}

// action carries a decision out on the pool that it was made for: a count that somebody changed meanwhile stays until the next one.
func action(decision evscale.Decision, count int64, why string) *sdk.ScalingAction {
	action := &sdk.ScalingAction{Direction: sdk.ScaleDirectionNone, Reason: why}
	if decision.Jobs == nil || int64(decision.CurrentJobs) != count {
		return action
	}
	switch wanted := int64(*decision.Jobs); {
	case wanted > count:
		action.Count, action.Direction = wanted, sdk.ScaleDirectionUp
	case wanted < count:
		action.Count, action.Direction = wanted, sdk.ScaleDirectionDown
	}
	return action
}

// configure makes the scaler, from its state if there is one, or goes on under other settings.
func (pool *pool) configure(check check, folder string) error {
	settings, err := json.Marshal(check.settings)
	if err != nil || string(settings) == pool.settings {
		return err
	}
	whole, err := check.settings.Complete()
	if err != nil {
		return err
	}
	seconds, known := whole["interval_seconds"].(float64)
	if !known {
		return fmt.Errorf("`interval_seconds` is %v, expected a number", whole["interval_seconds"])
	}
	if pool.scaler != nil {
		err = pool.scaler.Reconfigure(check.settings)
	} else {
		err = pool.start(check, folder)
	}
	if err != nil {
		return err
	}
	pool.settings, pool.interval = string(settings), time.Duration(seconds*float64(time.Second))
	return nil
}

// start makes the scaler. A state that cannot be used is put aside, and the pool learns anew.
func (pool *pool) start(check check, folder string) (err error) {
	if folder != "" {
		if err = pool.restore(check, folder); err == nil {
			return nil
		}
		if !errors.Is(err, fs.ErrNotExist) {
			path := file(folder, check.pool)
			pool.log.Error("the state cannot be used, the pool learns anew", "error", err, "put aside as", path+".refused")
			if err = os.Rename(path, path+".refused"); err != nil {
				return err
			}
		}
	}
	pool.scaler, err = evscale.New(check.settings)
	return err
}

func (pool *pool) restore(check check, folder string) error {
	content, err := os.ReadFile(file(folder, check.pool))
	if err != nil {
		return err
	}
	var kept state
	if err := json.Unmarshal(content, &kept); err != nil {
		return err
	}
	if kept.Pool != check.pool {
		return fmt.Errorf("it is that of the pool `%s`", kept.Pool)
	}
	scaler, err := evscale.Restore(check.settings, kept.Snapshot)
	if err == nil {
		pool.scaler, pool.newest = scaler, kept.Newest
	}
	return err
}

// save keeps the state; a failure is told, and decisions go on.
func (pool *pool) save(name, folder string) {
	snapshot, err := pool.scaler.Snapshot()
	if err == nil {
		var content []byte
		if content, err = json.Marshal(state{name, pool.newest, snapshot}); err == nil {
			err = evscale.Save(file(folder, name), content)
		}
	}
	if err != nil {
		pool.log.Error("the state cannot be kept", "error", err)
	}
}

// file is that of a pool's state, whatever letters its name has.
func file(folder, pool string) string { return filepath.Join(folder, url.PathEscape(pool)+".json") }
