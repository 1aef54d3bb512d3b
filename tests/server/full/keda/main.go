// Asks an external scaler with KEDA's own client, as KEDA's operator does on each poll, and prints what KEDA makes of the
// answers. Standard input has the trigger: {"metadata": {…}, "authentication": {…}}.
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"time"

	"github.com/kedacore/keda/v2/pkg/scalers"
	"github.com/kedacore/keda/v2/pkg/scalers/scalersconfig"
	"sigs.k8s.io/controller-runtime/pkg/log"
	"sigs.k8s.io/controller-runtime/pkg/log/zap"
)

// patience is the longest time for all calls together.
const patience = 10 * time.Second

type trigger struct {
	Metadata       map[string]string `json:"metadata"`
	Authentication map[string]string `json:"authentication"`
}

// told is what HPA would be given.
type told struct {
	Metric string `json:"metric"`
	Target string `json:"target"`
	Value  string `json:"value"`
	Active bool   `json:"active"`
}

func main() {
	// some of what goes wrong is only in KEDA's log
	log.SetLogger(zap.New(zap.WriteTo(os.Stderr)))
	answer, err := poll()
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	if err := json.NewEncoder(os.Stdout).Encode(answer); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func poll() (told, error) {
	var asked trigger
	if err := json.NewDecoder(os.Stdin).Decode(&asked); err != nil {
		return told{}, fmt.Errorf("the trigger on standard input: %w", err)
	}
	scaler, err := scalers.NewExternalScaler(&scalersconfig.ScalerConfig{
		ScalableObjectName:      "worker",
		ScalableObjectNamespace: "shop",
		TriggerMetadata:         asked.Metadata,
		AuthParams:              asked.Authentication,
		TriggerIndex:            3,
	})
	if err != nil {
		return told{}, fmt.Errorf("NewExternalScaler: %w", err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	defer scaler.Close(ctx)
	specs := scaler.GetMetricSpecForScaling(ctx)
	if len(specs) != 1 {
		return told{}, fmt.Errorf("GetMetricSpecForScaling: %d metrics, expected 1", len(specs))
	}
	metric := specs[0].External.Metric.Name
	values, active, err := scaler.GetMetricsAndActivity(ctx, metric)
	if err != nil {
		return told{}, fmt.Errorf("GetMetricsAndActivity: %w", err)
	}
	if len(values) != 1 {
		return told{}, fmt.Errorf("GetMetricsAndActivity: %d values, expected 1", len(values))
	}
	target := specs[0].External.Target.AverageValue.String()
	return told{Metric: metric, Target: target, Value: values[0].Value.String(), Active: active}, nil
}
