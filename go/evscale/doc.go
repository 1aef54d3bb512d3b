// Package evscale predicts the load of a pool of jobs and says how many jobs it should have.
//
// Hand an [Autoscaler] one [Metrics] record per interval; [Pool.Decide] says how many jobs the pool should have, within safety
// rules that nothing bypasses, and [Pool.Explanation] says why. A [Fleet] keeps many pools by key with shared networks; each of
// its pools has the same methods.
//
//	scaler, err := evscale.New(evscale.Config{"min_jobs": 5})
//	if err != nil {
//		return err
//	}
//	defer scaler.Close()
//	if _, err := scaler.Observe(evscale.Metrics{End: end, Events: 3400, Jobs: 12, ServiceMs: evscale.Number(400)}); err != nil {
//		return err
//	}
//	decision, err := scaler.Decide()
//	if err == nil && decision.Jobs != nil {
//		resize(*decision.Jobs)
//	}
//
// The package calls libevscale through cgo; pkg-config must find evscale. Goroutines may share everything: calls of one
// autoscaler or fleet wait for each other. Failures are [*Error]; errors.Is compares them with a [Code].
package evscale
