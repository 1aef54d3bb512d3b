package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"

	"github.com/hashicorp/go-hclog"
	"github.com/hashicorp/nomad-autoscaler/plugins/base"
	"github.com/hashicorp/nomad-autoscaler/plugins/strategy"
	"github.com/hashicorp/nomad-autoscaler/sdk"
)

const pluginName = "evscale"

// stateFolder is the setting of the plugin that names the folder of the pools' states.
const stateFolder = "state_dir"

// Strategy keeps a pool for each name in the checks. The agent may evaluate several policies at once.
type Strategy struct {
	log    hclog.Logger
	lock   sync.Mutex
	folder string
	pools  map[string]*pool
}

var _ strategy.Strategy = (*Strategy)(nil)

func newStrategy(log hclog.Logger) *Strategy {
	return &Strategy{log: log, pools: map[string]*pool{}}
}

// PluginInfo tells the agent what this plugin is.
func (strategy *Strategy) PluginInfo() (*base.PluginInfo, error) {
	return &base.PluginInfo{Name: pluginName, PluginType: sdk.PluginTypeStrategy}, nil
}

// SetConfig takes the settings of the plugin, to which the agent adds its own, which begin with nomad_.
func (strategy *Strategy) SetConfig(config map[string]string) error {
	for name := range config {
		if name != stateFolder && !strings.HasPrefix(name, "nomad_") {
			return fmt.Errorf("unknown setting `%s` of the plugin, expected `%s`; settings of a pool belong to its check", name, stateFolder)
		}
	}
	folder := config[stateFolder]
	if folder == "" {
		strategy.log.Warn("no state is kept: after a restart every pool learns anew; set `" + stateFolder + "`")
	} else if err := os.MkdirAll(folder, 0o700); err != nil {
		return fmt.Errorf("`%s`: %w", stateFolder, err)
	} else if folder, err = filepath.Abs(folder); err != nil {
		return fmt.Errorf("`%s`: %w", stateFolder, err)
	}
	strategy.lock.Lock()
	defer strategy.lock.Unlock()
	strategy.folder = folder
	return nil
}

// Run takes the values of a check. That of the arrivals decides; the others tell more of the same pool and ask for no change.
func (strategy *Strategy) Run(eval *sdk.ScalingCheckEvaluation, count int64) (*sdk.ScalingCheckEvaluation, error) {
	check, err := parse(eval.Check)
	if err != nil {
		return nil, fmt.Errorf("check `%s`: %w", eval.Check.Name, err)
	}
	if len(eval.Metrics) == 0 {
		return nil, fmt.Errorf("check `%s`: there are no values, expected a `query` with some", eval.Check.Name)
	}
	pool, folder := strategy.pool(check.pool)
	pool.lock.Lock()
	defer pool.lock.Unlock()
	pool.series.take(check, eval.Metrics)
	if check.field != arrivals {
		eval.Action = &sdk.ScalingAction{Direction: sdk.ScaleDirectionNone}
		return eval, nil
	}
	if eval.Action, err = pool.decide(check, count, folder); err != nil {
		return nil, fmt.Errorf("pool `%s`: %w", check.pool, err)
	}
	return eval, nil
}

func (strategy *Strategy) pool(name string) (of *pool, folder string) {
	strategy.lock.Lock()
	defer strategy.lock.Unlock()
	if strategy.pools[name] == nil {
		strategy.pools[name] = &pool{log: strategy.log.With("pool", name), series: newSeries()}
	}
	return strategy.pools[name], strategy.folder
}
